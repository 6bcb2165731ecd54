// Package handlers is the one list of commands.
package handlers
