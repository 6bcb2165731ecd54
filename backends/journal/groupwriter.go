package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
)

// groupSize is how many changes are committed together at most. There is no
// lingering: a group is what waits when the commit before is done.
const groupSize = 256

// groupWriter commits changes to SQLite, in groups, on the one connection that
// writes. Two writing connections would starve each other: SQLite's busy handler
// is not fair.
type groupWriter struct {
	conn    *preparedConn
	t       *tx
	jobs    chan *job // unbuffered: nothing is left in it when the writer ends
	closing chan struct{}
	ended   chan struct{}
}

type job struct {
	change change
	done   chan error // holds one
	state  atomic.Int32
}

// The states of a job. One that is taken runs to its end, whatever its caller does.
const (
	jobWaits = iota
	jobTaken
	jobAbandoned
)

func newGroupWriter(conn *sql.Conn) *groupWriter {
	c := &preparedConn{conn: conn, statements: map[string]*sql.Stmt{}}
	w := &groupWriter{
		conn: c, t: &tx{session: c, dialect: sqliteDialect},
		jobs: make(chan *job), closing: make(chan struct{}), ended: make(chan struct{}),
	}
	go w.run()
	return w
}

// do implements writer.
func (w *groupWriter) do(ctx context.Context, c change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job{change: c, done: make(chan error, 1)}
	select {
	case w.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-w.closing:
		return errClosed
	}
	select {
	case err := <-j.done:
		return explain(err)
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobWaits, jobAbandoned) {
			return ctx.Err()
		}
		return explain(<-j.done)
	}
}

// close implements writer.
func (w *groupWriter) close() error {
	close(w.closing)
	<-w.ended
	return w.conn.close()
}

func (w *groupWriter) run() {
	defer close(w.ended)
	for {
		select {
		case <-w.closing:
			return
		case j := <-w.jobs:
			w.commit(w.group(j))
		}
	}
}

// group takes everything that waits now.
func (w *groupWriter) group(first *job) []*job {
	var jobs []*job
	take := func(j *job) {
		if j.state.CompareAndSwap(jobWaits, jobTaken) {
			jobs = append(jobs, j)
		}
	}
	take(first)
	for range groupSize - 1 {
		select {
		case j := <-w.jobs:
			take(j)
		default:
			return jobs
		}
	}
	return jobs
}

// errGroup is a failure of a transaction as a whole.
var errGroup = errors.New("the changes of a group did not commit together")

// commit runs a group in one transaction; when that fails as a whole, each
// change gets a transaction of its own, so that one does not sink the others.
func (w *groupWriter) commit(jobs []*job) {
	ctx := context.Background() // see change
	errs, err := w.together(ctx, jobs)
	for i, j := range jobs {
		switch {
		case err == nil:
			j.done <- errs[i]
		case errors.Is(err, errGroup) && len(jobs) > 1:
			errs, err := w.together(ctx, []*job{j})
			if err == nil {
				err = errs[0]
			}
			j.done <- err
		default:
			j.done <- err
		}
	}
}

// together gives an error for each change, or one for all: then nothing of
// them is stored.
func (w *groupWriter) together(ctx context.Context, jobs []*job) ([]error, error) {
	if err := w.t.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return nil, err // nobody gets the lock: trying one by one would only wait longer
	}
	errs := make([]error, len(jobs))
	for i, j := range jobs {
		var err error
		if errs[i], err = w.inSavepoint(ctx, j.change); err != nil {
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
