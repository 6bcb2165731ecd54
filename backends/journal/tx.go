package journal

import (
	"context"
	"database/sql"
	"errors"
	"time"
)

// reader is what reads rows: the writer's transaction, or a connection of the
// reading pool.
type reader interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// tx is the writer's connection inside a transaction. It keeps every statement
// prepared: there are few, all of them constants.
type tx struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

var _ reader = (*tx)(nil)

func (t *tx) prepared(ctx context.Context, query string) (*sql.Stmt, error) {
	if s, ok := t.statements[query]; ok {
		return s, nil
	}
	s, err := t.conn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	t.statements[query] = s
	return s, nil
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	_, err := t.affect(ctx, query, args...)
	return err
}

// affect returns how many rows were changed.
func (t *tx) affect(ctx context.Context, query string, args ...any) (int64, error) {
	s, err := t.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// QueryContext implements reader.
func (t *tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s, err := t.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return nil, err
	}
	return s.QueryContext(ctx, args...)
}

// QueryRowContext implements reader. A statement that cannot be prepared fails
// the same way when the connection is asked, which gives the error to Scan.
func (t *tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	s, err := t.prepared(ctx, query) //nolint:sqlclosecheck // kept for the next use
	if err != nil {
		return t.conn.QueryRowContext(ctx, query, args...)
	}
	return s.QueryRowContext(ctx, args...)
}

func (t *tx) close() error {
	var err error
	for _, s := range t.statements {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, t.conn.Close())
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
