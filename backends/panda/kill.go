package panda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// killUserJobs is the server's code for a kill of users' jobs by production. With it
// the database goes on telling what still runs; without a code the server kills
// nothing of users.
const killUserJobs = 91

// How many jobs one request names at most, and how many requests run side by side,
// whoever asks. The server needs 17 ms for a job and takes those of a request one
// after the other.
const (
	jobsInRequest = 250
	atOnce        = 4
)

// Killer kills by the server, and tells by the database how far kills have come.
type Killer struct {
	server *Server
	store  *Store
	slots  chan struct{} // for requests that run
}

// NewKiller kills by a server whose database the store reads.
func NewKiller(server *Server, store *Store) *Killer {
	return &Killer{server: server, store: store, slots: make(chan struct{}, atOnce)}
}

// The server's codes of a command for a task.
const (
	taskNotFound   = "2"
	taskNotAllowed = "4"
)

// KillTask registers the kill of a task, which JEDI carries out within a few
// minutes; false for one that is over or that nobody knows. A task that was just
// submitted waits for JEDI, and the server says that it does not exist: then it is
// grid.ErrNotYet.
func (k *Killer) KillTask(ctx context.Context, id string) (bool, error) {
	code, err := k.killTask(ctx, id)
	if err != nil || code != taskNotFound {
		return err == nil && code == "", err
	}
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return false, err
	}
	waits, err := k.store.taskWaits(ctx, number)
	if err != nil {
		return false, fmt.Errorf("panda: looking for task %s: %w", id, err)
	}
	if waits {
		return false, fmt.Errorf("panda: task %s: %w", id, grid.ErrNotYet)
	}
	return false, nil
}

// killTask gives the server's code for why a task is not killed: taskNotFound, or
// taskNotAllowed for one that is over or being killed; "" when the kill is registered.
func (k *Killer) killTask(ctx context.Context, id string) (code string, err error) {
	number, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return "", fmt.Errorf("panda: killing task %q: %w", id, err)
	}
	err = k.server.post(ctx, "task/kill", map[string]any{"task_id": number, "broadcast": false}, nil)
	var no *declined
	if errors.As(err, &no) && (string(no.data) == taskNotFound || string(no.data) == taskNotAllowed) {
		return string(no.data), nil
	}
	if err != nil {
		return "", fmt.Errorf("panda: killing task %s: %w", id, err)
	}
	return "", nil
}

// taskWaits tells whether a task waits for JEDI.
func (s *Store) taskWaits(ctx context.Context, id int64) (waits bool, err error) {
	err = s.pool.QueryRow(ctx, s.sql(`SELECT EXISTS (SELECT FROM {deft}.t_task WHERE taskid = $1 AND status = $2)`), id, waitingTask).Scan(&waits)
	return waits, s.explain(err)
}

// KillJobs registers kills; one truth value for each id, in their order. The
// server's "success" says nothing: a job whose row is locked, that is flagged
// already or over gives false. After an error some of the kills may be registered:
// KillStatus tells which.
func (k *Killer) KillJobs(ctx context.Context, ids []string) ([]bool, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	taken := make([]bool, len(ids))
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make([]error, (len(ids)+jobsInRequest-1)/jobsInRequest)
	var all sync.WaitGroup
	for n := range errs {
		all.Go(func() {
			from, to := n*jobsInRequest, min((n+1)*jobsInRequest, len(ids))
			if errs[n] = k.killSome(ctx, numbers[from:to], taken[from:to]); errs[n] != nil {
				cancel() // what goes wrong with one goes wrong with all
			}
		})
	}
	all.Wait()
	if err := firstCause(errs); err != nil {
		return nil, fmt.Errorf("panda: killing %d jobs: %w", len(ids), err)
	}
	if len(ids) > 0 && !slices.Contains(taken, true) {
		return taken, k.whyNone(ctx)
	}
	return taken, nil
}

// killSome is one request. taken gets the server's answer.
func (k *Killer) killSome(ctx context.Context, ids []int64, taken []bool) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case k.slots <- struct{}{}:
	}
	defer func() { <-k.slots }()
	if err := ctx.Err(); err != nil {
		return err
	}
	var answer []bool
	if err := k.server.post(ctx, "job/kill", map[string]any{"job_ids": ids, "code": killUserJobs}, &answer); err != nil {
		return err
	}
	if len(answer) != len(ids) {
		return trouble.Errorf(nil, "The PanDA server answered for %d of %d jobs, so it is not known which kills it has taken. They are looked up in the database before they are asked for again.", len(answer), len(ids))
	}
	copy(taken, answer)
	return nil
}

// firstCause is the error that was there before the others were cancelled for it.
func firstCause(errs []error) error {
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	return first
}

// whyNone looks, where no kill was taken, whether that is for lack of the role.
// That takes some servers long, so it is no error when it is not told in time.
func (k *Killer) whyNone(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, perQuestion)
	defer cancel()
	production, dn, err := k.server.Production(ctx)
	if err != nil || production {
		return nil // the refusals themselves are the answer
	}
	return trouble.Errorf(nil, "The PanDA server took none of the kills: it does not see the production role in %s (we are %s there).", Setting+".server", bare(dn))
}

func numbersOf(ids []string) ([]int64, error) {
	out := make([]int64, len(ids))
	for i, id := range ids {
		n, err := strconv.ParseInt(id, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("panda: the id %q: %w", id, err)
		}
		out[i] = n
	}
	return out, nil
}
