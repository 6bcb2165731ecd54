package journal

import (
	"context"
	"fmt"
	"runtime/debug"
)

// change is a function that runs in a transaction of the writer. It may run
// twice, so it sets what it returns by captured variables from the start. Its
// context is the writer's own: the caller's, once cancelled, would roll back
// the changes of everybody in a group.
type change func(ctx context.Context, t *tx) error

// statement stands alone: nothing is read that the program decides on before
// it, and nothing it changes fails it, so that it can be committed together with
// those of others.
type statement struct {
	// key names the row that it changes. A group runs in the order of keys: two
	// groups that change the same rows in different orders would stop each other.
	key  string
	args []any // of one Go type for each place
	// query is SQLite's.
	query string
	// many is PostgreSQL's, and does it for several at once: its arguments are
	// arrays of theirs. It returns the ids of those whose row it changed.
	many string
	id   string
}

// writer runs changes, each in a transaction.
type writer interface {
	// do runs a change. It has committed when the error is nil, and has not
	// otherwise, also when ctx ends.
	do(ctx context.Context, c change) error
	// one runs a statement and returns whether it changed its row. It is durable
	// when the error is nil, and has not happened otherwise, also when ctx ends.
	one(ctx context.Context, s statement) (changed bool, err error)
	// close ends the writer, once, after what it commits.
	close() error
}

func recovered(ctx context.Context, t *tx, c change) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("a change panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return c(ctx, t)
}
