package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Bounds of one transaction on PostgreSQL.
const (
	writeDeadline = 30 * time.Second
	writeTries    = 8
)

// pgWriter runs each change in a transaction of its own on PostgreSQL, and
// commits statements that stand alone in groups.
type pgWriter struct {
	db     *sql.DB
	groups *groups[*standing]
	mu     sync.Mutex
	closed bool
	active sync.WaitGroup
}

func newPGWriter(db *sql.DB) *pgWriter {
	w := &pgWriter{db: db}
	w.groups = newGroups(pgGroupSize, pgGroupWriters, w.commit)
	return w
}

// do implements writer. What did not commit because of another transaction is
// tried again. When the connection is lost while it commits nobody knows
// whether it did: the error says that it failed, and who asks again finds out.
func (w *pgWriter) do(ctx context.Context, c change) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return errClosed
	}
	w.active.Add(1)
	w.mu.Unlock()
	defer w.active.Done()
	for try := 1; ; try++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := w.once(ctx, c)
		if !collided(err) || try == writeTries {
			return explain(err)
		}
	}
}

// collided reports that PostgreSQL gave up a transaction in favour of another.
func collided(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40P01" || e.Code == "40001")
}

// once waits for a connection as long as the caller does; what runs then runs
// to its end, whatever the caller does.
func (w *pgWriter) once(ctx context.Context, c change) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it goes back to the pool
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeDeadline)
	defer cancel()
	db, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := recovered(ctx, &tx{session: &sqlTx{tx: db, dialect: postgresDialect}, dialect: postgresDialect}, c); err != nil {
		if rolled := db.Rollback(); rolled != nil && !errors.Is(rolled, sql.ErrTxDone) {
			return fmt.Errorf("%w (and rolling back: %w)", err, rolled)
		}
		return err
	}
	return db.Commit()
}

// close implements writer.
func (w *pgWriter) close() error {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.active.Wait()
	w.groups.close()
	return nil
}
