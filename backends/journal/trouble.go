package journal

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot"
)

// errClosed is for those who write after Close.
var errClosed = &trouble.Error{Sentence: "gridwarden is stopping: nothing was run. Ask again when it is back."}

// explain adds the sentence for people to an error of either database.
func explain(err error) error {
	var told bot.ForPeople // such as a file with a secret that cannot be read
	var e *sqlite.Error
	switch {
	case err == nil, errors.As(err, &told):
		return err
	case errors.As(err, &e):
		return explainSQLite(err, e)
	}
	return explainPostgres(err)
}

// explainSQLite reads the low byte of a code, which is its family: the rest
// tells more than people need.
func explainSQLite(err error, e *sqlite.Error) error {
	say := func(what, do string) error {
		return trouble.Errorf(err, "gridwarden cannot write its journal (%s): nothing was run. %s", what, do)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return say("disk full", "Free space on the disk of the journal and ask again.")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return say("it is read-only", "Make its file and directory writable for gridwarden and ask again.")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return say("another program has it locked", "Ask again in a minute; if that does not help, end the program that holds the database file.")
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR:
		return say("its disk fails", "Look at the disk of the journal and ask again.")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return say("its file is damaged", "Stop gridwarden, keep the file, and restore the latest backup.")
	}
	return err
}
