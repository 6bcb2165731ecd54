package kill

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// pass is what was done with the first of some jobs.
type pass struct {
	tally
	jobs int      // how many jobs it was done with
	left []string // those of them that the server refused
}

// killMany takes jobs from the beginning of ids until the time of a step is over,
// some at a time side by side. After an error it tells what was done before the jobs
// that met it; what was done with those behind is found when they are taken again.
func (c command) killMany(ctx context.Context, ids []string) (pass, error) {
	chunk := func(n int) []string { return ids[n*jobsAtOnce : min((n+1)*jobsAtOnce, len(ids))] }
	chunks := (len(ids) + jobsAtOnce - 1) / jobsAtOnce
	var (
		mu     sync.Mutex
		done   []pass
		errs   []error
		failed bool
		began  = time.Now()
	)
	next := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		n := len(done)
		if n == chunks || failed || n > 0 && time.Since(began) >= stepTime {
			return 0, false
		}
		done, errs = append(done, pass{}), append(errs, nil)
		return n, true
	}
	var all sync.WaitGroup
	for range min(chunksAtOnce, chunks) {
		all.Go(func() {
			for n, more := next(); more; n, more = next() {
				p, err := c.guarded(ctx, chunk(n))
				mu.Lock()
				done[n], errs[n], failed = p, err, failed || err != nil
				mu.Unlock()
			}
		})
	}
	all.Wait()
	// What was done before an error is kept; the next step meets it again.
	whole := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if whole == 0 {
		return pass{}, errs[0]
	}
	if whole < 0 {
		whole = len(done)
	}
	var sum pass
	for _, p := range done[:whole] {
		sum.jobs += p.jobs
		sum.requested, sum.over, sum.refused = sum.requested+p.requested, sum.over+p.over, sum.refused+p.refused
		sum.left = append(sum.left, p.left...)
	}
	return sum, nil
}

// guarded is killJobs, a panic of which is an error: nobody else sees to it in a
// goroutine of its own.
func (c command) guarded(ctx context.Context, batch []string) (p pass, err error) {
	defer func() {
		if r := recover(); r != nil {
			p, err = pass{}, fmt.Errorf("%d jobs: it panicked: %v\n%s", len(batch), r, debug.Stack())
		}
	}()
	return c.killJobs(ctx, batch)
}

// killJobs takes some jobs with one request. It looks first what has ended or is
// flagged.
func (c command) killJobs(ctx context.Context, batch []string) (pass, error) {
	todo, err := c.unflagged(ctx, batch)
	if err != nil {
		return pass{}, err
	}
	var refused []string
	if len(todo) > 0 {
		taken, err := c.backend.KillJobs(ctx, todo)
		if err != nil {
			return pass{}, fmt.Errorf("%d jobs: %w", len(todo), err)
		}
		if len(taken) != len(todo) {
			return pass{}, fmt.Errorf("%d jobs: the server answered for %d", len(todo), len(taken))
		}
		for i, id := range todo {
			if !taken[i] {
				refused = append(refused, id)
			}
		}
	}
	p := pass{jobs: len(batch)}
	p.requested = len(todo) - len(refused)
	// A job that ended, or that its task's kill has flagged meanwhile, is no refusal.
	if p.left, err = c.unflagged(ctx, refused); err != nil {
		return pass{}, err
	}
	p.refused = len(p.left)
	p.over = len(batch) - p.requested - p.refused
	return p, nil
}
