// Package journal is the bot's own database, in one SQLite file: inbox,
// outbox, actions with their votes, incidents, linked accounts, timed work, and
// the audit log with its sequencer.
//
// Every write goes through one writer that commits in groups (writer.go);
// reads have connections of their own. All stored times come from the program,
// in microseconds since 1970, UTC.
package journal
