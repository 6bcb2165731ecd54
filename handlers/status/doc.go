// Package status is the command that tells how the bot, its journal and every
// source of records are, and how old their data is.
package status
