package kill

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// pass is what was done with the first of some jobs.
type pass struct {
	tally
	jobs int      // how many jobs it was done with
	left []string // those of them that the server refused
}

// chunk is what one request takes.
type chunk struct {
	ids  []string
	todo []string // those that live and whose kill is not registered
	done pass
	err  error
}

// killMany takes jobs from the beginning of ids until the time of a step is over, with
// some requests side by side. The jobs of the next requests are looked up meanwhile, so
// that the server waits for no look. Requests begin in the order of ids, and those that
// did not begin in time are left to the next step. After an error it tells what was done
// before the jobs that met it; what was done with those behind is found when they are
// taken again.
func (c command) killMany(ctx context.Context, ids []string) (pass, error) {
	var (
		began   = time.Now()
		looked  = make(chan *chunk, requestsAtOnce-1) // with the one that is handed over, as many as may begin at once
		enough  = make(chan struct{})
		running = make(chan struct{}, requestsAtOnce)
		all     sync.WaitGroup
		failed  atomic.Bool
		chunks  []*chunk
	)
	all.Go(func() { c.lookAhead(ctx, ids, looked, enough) })
	for k := range looked {
		running <- struct{}{}
		if failed.Load() || len(chunks) > 0 && time.Since(began) >= stepTime {
			break
		}
		chunks = append(chunks, k)
		all.Go(func() {
			defer func() { <-running }()
			if k.err == nil {
				k.err = guarded(k.ids, func() (err error) { k.done, err = c.killJobs(ctx, k); return err })
			}
			if k.err != nil {
				failed.Store(true)
			}
		})
	}
	close(enough)
	all.Wait()
	// What was done before an error is kept; the next step meets it again.
	whole := slices.IndexFunc(chunks, func(k *chunk) bool { return k.err != nil })
	if whole == 0 {
		return pass{}, chunks[0].err
	}
	if whole < 0 {
		whole = len(chunks)
	}
	var sum pass
	for _, k := range chunks[:whole] {
		sum.jobs += k.done.jobs
		sum.requested, sum.over, sum.refused = sum.requested+k.done.requested, sum.over+k.done.over, sum.refused+k.done.refused
		sum.left = append(sum.left, k.done.left...)
	}
	return sum, nil
}

// lookAhead looks what has ended or is flagged, one chunk after the other, until there
// are no more, a look fails or enough is closed.
func (c command) lookAhead(ctx context.Context, ids []string, looked chan<- *chunk, enough <-chan struct{}) {
	defer close(looked)
	for some := range slices.Chunk(ids, jobsAtOnce) {
		var todo []string
		err := guarded(some, func() (err error) { todo, err = c.unflagged(ctx, some); return err })
		select {
		case looked <- &chunk{ids: some, todo: todo, err: err}:
		case <-enough:
			return
		}
		if err != nil {
			return
		}
	}
}

// guarded makes an error of a panic: nobody else sees to it in a goroutine of its own.
func guarded(ids []string, do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%d jobs: it panicked: %v\n%s", len(ids), r, debug.Stack())
		}
	}()
	return do()
}

// killJobs takes the jobs of a chunk with one request.
func (c command) killJobs(ctx context.Context, k *chunk) (pass, error) {
	var refused []string
	if len(k.todo) > 0 {
		taken, err := c.backend.KillJobs(ctx, k.todo)
		if err != nil {
			return pass{}, fmt.Errorf("%d jobs: %w", len(k.todo), err)
		}
		if len(taken) != len(k.todo) {
			return pass{}, fmt.Errorf("%d jobs: the server answered for %d", len(k.todo), len(taken))
		}
		for i, id := range k.todo {
			if !taken[i] {
				refused = append(refused, id)
			}
		}
	}
	p := pass{jobs: len(k.ids)}
	p.requested = len(k.todo) - len(refused)
	// A job that ended, or that its task's kill has flagged meanwhile, is no refusal.
	var err error
	if p.left, err = c.unflagged(ctx, refused); err != nil {
		return pass{}, err
	}
	p.refused = len(p.left)
	p.over = len(k.ids) - p.requested - p.refused
	return p, nil
}
