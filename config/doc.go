// Package config reads gridwarden's one strict YAML file: unknown keys,
// duplicate keys and second documents are errors, all problems are told at
// once, each with its line, its path and what to do. It composes the settings
// that each package keeps beside what they set.
package config
