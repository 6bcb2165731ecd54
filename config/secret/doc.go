// Package secret reads a token, password or key from its own file and keeps it
// from being printed: in logs, in errors, in JSON or YAML, by any verb of fmt.
package secret
