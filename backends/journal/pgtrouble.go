package journal

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/trouble"
)

// explainPostgres reads the class of a code, which are its first two
// characters, and knows a server that cannot be reached.
func explainPostgres(err error) error {
	say := func(what, do string) error {
		return trouble.Errorf(err, "gridwarden cannot write its journal (%s): nothing was run. %s", what, do)
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		if unreachable(err) {
			return say("its database cannot be reached", "Ask again in a minute; if that does not help, look at the PostgreSQL server.")
		}
		return err
	}
	switch {
	case e.Code == "53100":
		return say("disk full", "Free space on the disk of the PostgreSQL server and ask again.")
	case e.Code == "25006":
		return say("its database is read-only", "Name the primary server in journal.postgres.dsn_file, or promote the standby, and ask again.")
	case e.Code == "42501":
		return say("its role lacks a right", "Run `gridwarden check --probe --config OWNER.yaml` with a configuration that has journal.postgres.owner_dsn_file: it gives the role its rights.")
	case e.Code == "57014" || e.Code == "55P03":
		return say("its database did not answer in time", "Ask again in a minute.")
	case strings.HasPrefix(e.Code, "53"):
		return say("its database has no room for more connections", "Ask again in a minute; raise max_connections of the PostgreSQL server.")
	case strings.HasPrefix(e.Code, "57P"), strings.HasPrefix(e.Code, "08"):
		return say("its database is stopping or starting", "Ask again in a minute.")
	case strings.HasPrefix(e.Code, "28"), e.Code == "3D000":
		return say("its database refused the role or the name of the database", "Look at the file that journal.postgres.dsn_file names.")
	case strings.HasPrefix(e.Code, "XX"), strings.HasPrefix(e.Code, "58"):
		return say("its database is damaged or its disk fails", "Look at the log of the PostgreSQL server before anything else.")
	}
	return err
}

func unreachable(err error) bool {
	var connecting *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connecting) || errors.As(err, &network) || errors.Is(err, driver.ErrBadConn) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || pgconn.SafeToRetry(err)
}
