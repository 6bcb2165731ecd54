// Package journaltest is the suite that every bot.Journal passes, whatever
// database is below it.
package journaltest
