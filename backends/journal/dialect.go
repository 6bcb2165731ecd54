package journal

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"strings"
	"sync"
)

// dialect is what the two databases want said differently.
type dialect int

const (
	sqliteDialect dialect = iota
	postgresDialect
)

// skipLocked keeps two processes from taking the same rows. SQLite has one
// writer at a time.
func (d dialect) skipLocked(table string) string {
	if d == postgresDialect {
		return " FOR UPDATE OF " + table + " SKIP LOCKED"
	}
	return ""
}

// field is a text of the JSON object in a column.
func (d dialect) field(column, name string) string {
	if d == postgresDialect {
		return `(` + column + `::json ->> '` + name + `')`
	}
	return `json_extract(` + column + `, '$.` + name + `')`
}

// alone makes the rest of the transaction run alone among those that name the
// same things, which read before they write. What they decide depends on this
// machine's clock, so one that differs from the database's is refused.
func (t *tx) alone(ctx context.Context, names ...string) error {
	if t.dialect == sqliteDialect { // there all of them do, and there is one clock
		return nil
	}
	for _, name := range names {
		var locked string
		var micros int64
		before := now()
		// The select list is evaluated from left to right.
		err := t.QueryRowContext(ctx, `SELECT pg_advisory_xact_lock(hashtextextended(?, 0))::text, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`, name).
			Scan(&locked, &micros)
		if err != nil {
			return err
		}
		if err := clocksAgree(before, timeOf(micros), now()); err != nil {
			return err
		}
	}
	return nil
}

// query writes the placeholders as the database wants them. There is no ? in
// any query but as a placeholder.
func (d dialect) query(q string) string {
	if d == sqliteDialect {
		return q
	}
	if known, ok := numbered.Load(q); ok {
		return known.(string) //nolint:forcetypeassert // nothing else is stored
	}
	var b strings.Builder
	n := 0
	for part := range strings.SplitSeq(q, "?") {
		if n > 0 {
			b.WriteString("$" + strconv.Itoa(n))
		}
		b.WriteString(part)
		n++
	}
	numbered.Store(q, b.String())
	return b.String()
}

// numbered are the queries of PostgreSQL by those of SQLite.
var numbered sync.Map

// pool reads on connections of its own.
type pool struct {
	db *sql.DB
	dialect
	kept map[string]*sql.Stmt // by their queries, see keep; closed with db
	gate *gate                // stays open on PostgreSQL
}

var _ reader = pool{}

func newPool(db *sql.DB, d dialect) pool { return pool{db: db, dialect: d, gate: new(gate)} }

// QueryContext implements reader.
func (p pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := p.gate.pass(ctx); err != nil {
		return nil, err
	}
	if s := p.kept[query]; s != nil {
		return s.QueryContext(ctx, args...)
	}
	return p.db.QueryContext(ctx, p.query(query), args...)
}

// QueryRowContext implements reader.
func (p pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if s := p.kept[query]; s != nil {
		return s.QueryRowContext(ctx, args...)
	}
	return p.db.QueryRowContext(ctx, p.query(query), args...)
}

// begin starts a transaction that sees one moment.
func (p pool) begin(ctx context.Context) (*sqlTx, error) {
	options := &sql.TxOptions{ReadOnly: true}
	if p.dialect == postgresDialect {
		options.Isolation = sql.LevelRepeatableRead
	}
	t, err := p.db.BeginTx(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := p.gate.pass(ctx); err != nil { // the first question begins to read, not this
		return nil, errors.Join(err, t.Rollback())
	}
	return &sqlTx{t, p.dialect, p.kept}, nil
}

// sqlTx is a transaction of database/sql.
type sqlTx struct {
	tx *sql.Tx
	dialect
	kept map[string]*sql.Stmt // of the pool that it reads on
}

var _ session = (*sqlTx)(nil)

// ExecContext implements session.
func (s *sqlTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return s.tx.ExecContext(ctx, s.query(query), args...)
}

// QueryContext implements reader.
func (s *sqlTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if kept := s.kept[query]; kept != nil {
		return s.tx.StmtContext(ctx, kept).QueryContext(ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
	}
	return s.tx.QueryContext(ctx, s.query(query), args...)
}

// QueryRowContext implements reader.
func (s *sqlTx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if kept := s.kept[query]; kept != nil {
		return s.tx.StmtContext(ctx, kept).QueryRowContext(ctx, args...) //nolint:sqlclosecheck // it ends with the transaction
	}
	return s.tx.QueryRowContext(ctx, s.query(query), args...)
}
