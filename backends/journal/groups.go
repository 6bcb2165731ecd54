package journal

import (
	"context"
	"sync"
	"sync/atomic"
)

// groups commits what many callers want together. There is no lingering: a
// group is what waits when the commit before is done.
type groups[T any] struct {
	size    int
	commit  func([]*job[T]) // sends every job its outcome
	jobs    chan *job[T]    // unbuffered: nothing is left in it when the group ends
	closing chan struct{}
	workers sync.WaitGroup
}

type job[T any] struct {
	what  T
	done  chan error // holds one
	state atomic.Int32
}

// The states of a job. One that is taken runs to its end, whatever its caller does.
const (
	jobWaits = iota
	jobTaken
	jobAbandoned
)

// newGroups starts workers that commit groups of size at most side by side.
func newGroups[T any](size, workers int, commit func([]*job[T])) *groups[T] {
	g := &groups[T]{size: size, commit: commit, jobs: make(chan *job[T]), closing: make(chan struct{})}
	for range workers {
		g.workers.Go(g.run)
	}
	return g
}

// do returns when what is wanted was committed, or was not: also when ctx ends.
func (g *groups[T]) do(ctx context.Context, what T) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	j := &job[T]{what: what, done: make(chan error, 1)}
	select {
	case g.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.closing:
		return errClosed
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.state.CompareAndSwap(jobWaits, jobAbandoned) {
			return ctx.Err()
		}
		return <-j.done
	}
}

// close ends the workers, once, after what they commit.
func (g *groups[T]) close() {
	close(g.closing)
	g.workers.Wait()
}

func (g *groups[T]) run() {
	for {
		select {
		case <-g.closing:
			return
		case j := <-g.jobs:
			if jobs := g.group(j); len(jobs) > 0 {
				g.commit(jobs)
			}
		}
	}
}

// group takes everything that waits now.
func (g *groups[T]) group(first *job[T]) []*job[T] {
	var jobs []*job[T]
	take := func(j *job[T]) {
		if j.state.CompareAndSwap(jobWaits, jobTaken) {
			jobs = append(jobs, j)
		}
	}
	take(first)
	for len(jobs) < g.size {
		select {
		case j := <-g.jobs:
			take(j)
		default:
			return jobs
		}
	}
	return jobs
}
