package journal

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

// OnWriter runs a statement on SQLite's connection that writes, so that tests
// can make it fail as a disk or another program would.
func (j *Journal) OnWriter(ctx context.Context, statement string) error {
	_, err := j.writer.(*groupWriter).conn.conn.ExecContext(ctx, statement)
	return err
}

// ClaimRetention is what a process does before it removes anything.
func (j *Journal) ClaimRetention(ctx context.Context, at time.Time) (bool, error) {
	return j.claimRetention(ctx, at)
}

// Schemas are the versions of a database's schema that this program knows.
func Schemas(folder string) (versions []int64, err error) {
	files, err := fs.ReadDir(migrations, "migrations/"+folder)
	for _, f := range files {
		v, bad := goose.NumericComponent(f.Name())
		if bad != nil {
			return nil, bad
		}
		versions = append(versions, v)
	}
	return versions, err
}

// MigrateTo makes the tables as an older program did.
func MigrateTo(ctx context.Context, dialect goose.Dialect, folder string, db *sql.DB, version int64) error {
	files, err := fs.Sub(migrations, "migrations/"+folder)
	if err != nil {
		return err
	}
	p, err := goose.NewProvider(dialect, db, files)
	if err != nil {
		return err
	}
	_, err = p.UpTo(ctx, version)
	return err
}

// LimitLog sets how long the write-ahead log of a journal on SQLite may become,
// in bytes.
func (j *Journal) LimitLog(bytes int64) {
	w := j.writer.(*groupWriter)
	w.wal.usual, w.wal.limit = bytes, bytes
}

// ReadFor keeps reading as of one moment for a time.
func (j *Journal) ReadFor(ctx context.Context, d time.Duration) error {
	_, err := snapshot(ctx, j, func(r reader) (int, error) {
		var n int
		err := r.QueryRowContext(ctx, `SELECT count(*) FROM outbox`).Scan(&n)
		time.Sleep(d)
		return n, err
	})
	return err
}

// PlanOfChangedBefore is how SQLite looks for what a request has changed before.
func (j *Journal) PlanOfChangedBefore(ctx context.Context) (string, error) {
	rows, err := j.writer.(*groupWriter).conn.conn.QueryContext(ctx, "EXPLAIN QUERY PLAN "+changedBefore, "request", "subject")
	if err != nil {
		return "", err
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			return "", err
		}
		plan.WriteString(detail + "\n")
	}
	return plan.String(), rows.Err()
}

// WatchParsing reads on one connection from now on, and gives the queries that
// SQLite parsed more than once on it.
func (j *Journal) WatchParsing(ctx context.Context, file string) (again func() []string, err error) {
	w := &parsing{name: source(file, readerPragmas), times: map[string]int{}}
	db := sql.OpenDB(w)
	db.SetMaxOpenConns(1)
	j.closers = append(j.closers, db.Close)
	j.readers = newPool(db, sqliteDialect)
	return w.again, j.readers.keep(ctx, hot()...)
}

// parsing counts how often each query was parsed. What it gives to database/sql
// can only prepare statements, so every query is.
type parsing struct {
	name  string
	mu    sync.Mutex
	times map[string]int
}

func (p *parsing) again() (out []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for query, n := range p.times {
		if n > 1 {
			out = append(out, query)
		}
	}
	return out
}

func (p *parsing) Driver() driver.Driver { return new(sqlite.Driver) }

func (p *parsing) Connect(context.Context) (driver.Conn, error) {
	c, err := new(sqlite.Driver).Open(p.name)
	if err != nil {
		return nil, err
	}
	return parsingConn{c, p}, nil
}

type parsingConn struct {
	driver.Conn
	all *parsing
}

func (c parsingConn) Prepare(query string) (driver.Stmt, error) {
	c.all.mu.Lock()
	c.all.times[query]++
	c.all.mu.Unlock()
	return c.Conn.Prepare(query)
}

func (c parsingConn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}
