package journal

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// reader is what reads rows: a transaction, or a pool of connections. Its
// queries have ? for their arguments on both databases.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// session is a connection inside a transaction.
type session interface {
	reader
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// tx is a transaction that writes.
type tx struct {
	session
	dialect
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.affect(ctx, query, args...)
	return err
}

// affect returns how many rows were changed.
func (t *tx) affect(ctx context.Context, query string, args ...any) (int64, error) {
	r, err := t.ExecContext(ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// each calls f for every row of a query.
func each(ctx context.Context, r reader, f func(scan func(...any) error) error, query string, args ...any) (err error) {
	rows, err := r.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := f(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// micros is how times are stored.
func micros(t time.Time) int64 { return t.UnixMicro() }

// timeOf is the time that was stored.
func timeOf(micros int64) time.Time { return time.UnixMicro(micros).UTC() }

// now is the program's clock.
func now() time.Time { return time.Now().UTC() }
