package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// groupSize is how many changes are committed together at most.
const groupSize = 256

// groupWriter commits changes to SQLite, in groups, on the one connection that
// writes. Two writing connections would starve each other: SQLite's busy handler
// is not fair.
type groupWriter struct {
	conn   *preparedConn
	t      *tx
	groups *groups[part]
	wal    walGuard
}

// part is what one caller wants of a group. A plain change is one statement:
// SQLite undoes a statement that fails by itself.
type part struct {
	change
	plain bool
}

func newGroupWriter(conn *sql.Conn, file string, readers *gate) *groupWriter {
	c := &preparedConn{conn: conn, statements: map[string]*sql.Stmt{}}
	w := &groupWriter{conn: c, t: &tx{session: c, dialect: sqliteDialect}, wal: newWALGuard(file, readers)}
	w.groups = newGroups(groupSize, 1, w.commit)
	return w
}

// do implements writer.
func (w *groupWriter) do(ctx context.Context, c change) error {
	return explain(w.groups.do(ctx, part{change: c}))
}

// one implements writer.
func (w *groupWriter) one(ctx context.Context, s statement) (changed bool, err error) {
	err = w.groups.do(ctx, part{plain: true, change: func(ctx context.Context, t *tx) error {
		n, err := t.affect(ctx, s.query, s.args...)
		changed = n > 0
		return err
	}})
	return changed, explain(err)
}

// close implements writer.
func (w *groupWriter) close() error {
	w.groups.close()
	return w.conn.close()
}

// errGroup is a failure of a transaction as a whole.
var errGroup = errors.New("the changes of a group did not commit together")

// commit runs a group in one transaction; when that fails as a whole, each
// change gets a transaction of its own, so that one does not sink the others.
func (w *groupWriter) commit(jobs []*job[part]) {
	ctx := context.Background() // see change
	errs, err := w.together(ctx, jobs)
	for i, j := range jobs {
		switch {
		case err == nil:
			j.done <- errs[i]
		case errors.Is(err, errGroup) && len(jobs) > 1:
			errs, err := w.together(ctx, []*job[part]{j})
			if err == nil {
				err = errs[0]
			}
			j.done <- err
		default:
			j.done <- err
		}
	}
	w.wal.keepShort(ctx, w.conn)
}

// together gives an error for each change, or one for all: then nothing of
// them is stored.
func (w *groupWriter) together(ctx context.Context, jobs []*job[part]) ([]error, error) {
	if err := w.t.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, err // nobody gets the lock: trying one by one would only wait longer
	}
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		if j.what.plain && len(jobs) > 1 {
			if err := recovered(ctx, w.t, j.what.change); err != nil {
				return nil, w.giveUp(ctx, err) // it may have ended the transaction of all
			}
			continue
		}
		var err error
		if errs[i], err = w.inSavepoint(ctx, j.what.change); err != nil {
			return nil, w.giveUp(ctx, err)
		}
	}
	if err := w.t.exec(ctx, "COMMIT"); err != nil {
		return nil, w.giveUp(ctx, err)
	}
	return errs, nil
}

// inSavepoint runs one change. When its savepoint is gone, SQLite has rolled
// back everything (a full disk does that); going on would begin a new
// transaction unseen and commit half a group.
func (w *groupWriter) inSavepoint(ctx context.Context, c change) (own, all error) {
	if err := w.t.exec(ctx, "SAVEPOINT change"); err != nil {
		return nil, err
	}
	own = recovered(ctx, w.t, c)
	if own != nil {
		if err := w.t.exec(ctx, "ROLLBACK TO change"); err != nil {
			return nil, own
		}
	}
	return own, w.t.exec(ctx, "RELEASE change")
}

func (w *groupWriter) giveUp(ctx context.Context, cause error) error {
	_ = w.t.exec(ctx, "ROLLBACK") // fails when SQLite has rolled back already
	return fmt.Errorf("%w: %w", errGroup, cause)
}
