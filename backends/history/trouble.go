package history

import (
	"errors"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// explain adds the sentence for people to an error of SQLite, whose low byte is
// its family.
func explain(err error) error {
	const damaged = "The file of the job records is damaged. Move it away and import again."
	if errors.Is(err, errDamaged) {
		return trouble.Errorf(err, damaged)
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return trouble.Errorf(err, "The disk of the job records is full. Free space on it; an import goes on where it stopped.")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return trouble.Errorf(err, "The file of the job records is read-only. Make it and its directory writable for gridwarden.")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return trouble.Errorf(err, "Another program has the file of the job records locked. Ask again in a minute; if that does not help, end the program that holds it.")
	case sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR:
		return trouble.Errorf(err, "The file of the job records cannot be opened or read. Look at backends.cms.history.sqlite in the configuration, and at its disk.")
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return trouble.Errorf(err, damaged)
	}
	return err
}
