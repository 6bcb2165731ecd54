package pandatest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

// Database is PanDA's database: all tables, the bot's roles and no rows. Its
// methods without a context end the test where they fail, so they are for the
// test's own goroutine.
type Database struct {
	t    testing.TB
	base postgrestest.Database
	pool *pgxpool.Pool

	clock   atomic.Pointer[time.Time] // of the world that lives here, if any
	columns struct {
		sync.Mutex
		names string
	}
}

// NewDatabase makes a database on the test binary's server. The tables are
// partitioned as PanDA's: jobsarchived4 by months, from a year ago on.
func NewDatabase(t testing.TB) *Database {
	t.Helper()
	return NewDatabaseOn(t, postgrestest.Get(t))
}

// NewDatabaseOn makes a database on another server.
func NewDatabaseOn(t testing.TB, s *postgrestest.Server) *Database {
	t.Helper()
	from := template(t, s)
	d := &Database{t: t, base: s.NewDatabase(t)}
	name := d.base.Name
	s.Exec(t, "postgres", "DROP DATABASE "+name, "CREATE DATABASE "+name+" TEMPLATE "+from)
	d.pool = d.open()
	return d
}

// open connects as [Panda] until the test ends, with settings by name and value.
func (d *Database) open(settings ...string) *pgxpool.Pool {
	d.t.Helper()
	config, err := pgxpool.ParseConfig(d.DSN(Panda))
	if err != nil {
		d.t.Fatal(err)
	}
	for pair := range slices.Chunk(settings, 2) {
		config.ConnConfig.RuntimeParams[pair[0]] = pair[1]
	}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(pool.Close)
	return pool
}

// DSN is the connection string of a role.
func (d *Database) DSN(role string) string { return d.base.DSN(role) }

// Server is the PostgreSQL server that has the database.
func (d *Database) Server() *postgrestest.Server { return d.base.Server }

// Pool are connections as [Panda], until the test ends.
func (d *Database) Pool() *pgxpool.Pool { return d.pool }

// Exec runs a statement as [Panda] and gives the number of rows it changed. Without
// args it may be several statements.
func (d *Database) Exec(sql string, args ...any) int64 {
	d.t.Helper()
	tag, err := d.pool.Exec(d.context(), sql, args...)
	if err != nil {
		d.t.Fatalf("%s: %v", sql, err)
	}
	return tag.RowsAffected()
}

// context is for statements that a test may also run at its end.
func (d *Database) context() context.Context { return context.WithoutCancel(d.t.Context()) }

// One gives the only value of the only row of a query, as [Panda].
func One[T any](d *Database, sql string, args ...any) T {
	d.t.Helper()
	return only(d, pgx.RowTo[T], sql, args...)
}

// All gives the only value of every row of a query, as [Panda].
func All[T any](d *Database, sql string, args ...any) []T {
	d.t.Helper()
	out, err := collect(d.context(), d.pool, pgx.RowTo[T], sql, args...)
	if err != nil {
		d.t.Fatal(err)
	}
	return out
}

func only[T any](d *Database, scan pgx.RowToFunc[T], sql string, args ...any) T {
	d.t.Helper()
	out, err := collect(d.context(), d.pool, scan, sql, args...)
	if err == nil && len(out) != 1 {
		err = fmt.Errorf("%s: %d rows", sql, len(out))
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return out[0]
}

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

func collect[T any](ctx context.Context, q querier, scan pgx.RowToFunc[T], sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, args...)
	if err == nil {
		var out []T
		if out, err = pgx.CollectRows(rows, scan); err == nil {
			return out, nil
		}
	}
	return nil, fmt.Errorf("%s: %w", sql, err)
}
