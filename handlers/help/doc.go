// Package help has the help command, made from the list of commands itself.
package help
