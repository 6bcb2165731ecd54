package journal

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/gridwarden/gridwarden/backends/handover"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// readConnections read beside the writer.
const readConnections = 4

// The pragmas stand in the name of the database, for a connection of a pool
// knows nothing of what was said to another. What is erased is overwritten.
const (
	busyTimeout   = 5 * time.Second // as in both of these
	writerPragmas = "_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=foreign_keys(1)&_pragma=secure_delete(1)&_txlock=immediate"
	readerPragmas = "_pragma=busy_timeout(5000)&_pragma=query_only(1)&_pragma=cache_size(-4000)"
)

// openSQLite opens the file, made when it is not there, with the schema of this
// program.
func (j *Journal) openSQLite(ctx context.Context, path string) error {
	if err := create(path); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", source(path, writerPragmas))
	if err != nil {
		return err
	}
	j.closers = append(j.closers, db.Close)
	db.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, db); err != nil {
		return err
	}
	readers, err := sql.Open("sqlite", source(path, readerPragmas))
	if err != nil {
		return err
	}
	j.closers = append(j.closers, readers.Close)
	readers.SetMaxOpenConns(readConnections)
	readers.SetMaxIdleConns(readConnections)
	j.readers = newPool(readers, sqliteDialect)
	if err := j.readers.keep(ctx, hot()...); err != nil {
		return err
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	w := newGroupWriter(conn, path, j.readers.gate)
	j.writer, j.eraser = w, w
	return nil
}

// create makes the file readable by its owner only, before SQLite would make
// it for everybody.
func create(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		handover.Like(f, filepath.Dir(path))
		return f.Close()
	}
	f, err = os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) // a link leads to a file that may still be missing
	if errors.Is(err, os.ErrPermission) {
		if foreign := handover.Foreign(path); foreign != "" {
			return trouble.Errorf(err, "The journal cannot be opened. %s", foreign)
		}
		return nil // SQLite says it better
	}
	if err != nil {
		return trouble.Errorf(err, "The journal's file cannot be made. Look at journal.sqlite in the configuration: its directory must be there and writable.")
	}
	return f.Close()
}

// source is the data source name of a file, whatever characters its name has.
func source(path, pragmas string) string {
	return (&url.URL{Scheme: "file", Path: filepath.ToSlash(path), RawQuery: pragmas}).String()
}

// preparedConn is SQLite's writing connection. It keeps every statement
// prepared: there are few, all of them constants.
type preparedConn struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

var _ session = (*preparedConn)(nil)

func (c *preparedConn) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := c.statements[query]; ok {
		return s, nil
	}
	s, err := c.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = s
	return s, nil
}

// ExecContext implements session.
func (c *preparedConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	s, err := c.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return nil, err
	}
	return s.ExecContext(ctx, args...)
}

// QueryContext implements reader.
func (c *preparedConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := c.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements reader. A statement that cannot be prepared fails
// the same way when the connection is asked, which gives the error to Scan.
func (c *preparedConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := c.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return c.conn.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

func (c *preparedConn) close() error {
	var err error
	for _, s := range c.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.conn.Close())
}
