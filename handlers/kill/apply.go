package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Bounds of one step, which has 20 s. A PanDA server needs 17 ms for the kill of
// one job, and works on several requests at once. A step begins more requests
// until its time is over: every step is told to people, and other work waits for it.
// Requests are short beside it, for at its end some of them run alone.
const (
	tasksAtOnce    = 50
	jobsAtOnce     = 50
	requestsAtOnce = 4
	stepTime       = 12 * time.Second
)

// A task that was just submitted cannot be killed before JEDI knows it, which takes
// some minutes. By the backend's clock.
const (
	laterPause = 2 * time.Minute
	maxLater   = 10
)

// maxTries is how often a kill that the server refuses is requested. It refuses
// for a moment while something else holds the job's row.
const maxTries = 3

// position is where Apply goes on.
type position struct {
	Tasks      int      `json:"tasks"`                 // of the order's tasks, how many are behind us
	Jobs       int      `json:"jobs"`                  // and of its jobs
	Refused    []string `json:"refused"`               // jobs that were refused and are to be tried again
	Again      []string `json:"again,omitempty"`       // those of them that were refused again
	Tries      int      `json:"tries"`                 // rounds of trying the refused again
	Later      []string `json:"later,omitempty"`       // tasks that could not be killed yet
	LaterTries int      `json:"later_tries,omitempty"` // rounds of trying them again
	Requested  int      `json:"requested"`
}

// apply does one step: some tasks first, for they would replace the jobs, then
// some jobs, then those that were refused, then the tasks that could not be killed
// yet. Each step looks first what has ended or is flagged, so a step that was done
// and not stored is not done twice.
func (c command) apply(ctx context.Context, a action.Action) (action.Outcome, error) {
	o, err := orderOf(a)
	if err != nil {
		return action.Outcome{}, err
	}
	var at position
	if len(a.Outcome.State) > 0 {
		if err := json.Unmarshal(a.Outcome.State, &at); err != nil {
			return action.Outcome{}, fmt.Errorf("kill: reading where to go on: %w", err)
		}
	}
	var said string
	switch {
	case at.Tasks < len(o.Tasks):
		batch := o.Tasks[at.Tasks:min(at.Tasks+tasksAtOnce, len(o.Tasks))]
		at.Tasks += len(batch)
		said, err = c.killTasks(ctx, batch, &at)
	case at.Jobs < len(o.Jobs):
		var done pass
		done, err = c.killMany(ctx, o.Jobs[at.Jobs:])
		at.Jobs += done.jobs
		at.Requested += done.requested
		at.Refused = append(at.Refused, done.left...)
		said = done.sentence("job")
	case at.tryAgain():
		var done pass
		done, err = c.killMany(ctx, at.Refused)
		at.Refused = slices.Clone(at.Refused[done.jobs:])
		at.Requested += done.requested
		at.Again = append(at.Again, done.left...)
		if len(at.Refused) == 0 {
			at.Refused, at.Again, at.Tries = at.Again, nil, at.Tries+1
		}
		said = done.sentence("job")
	default:
		batch := at.Later
		at.Later, at.LaterTries = nil, at.LaterTries+1
		said, err = c.killTasks(ctx, batch, &at)
	}
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill: %w", err)
	}
	state, err := json.Marshal(at)
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill: writing where to go on: %w", err)
	}
	out := action.Outcome{Said: said, State: state}
	only := at.Tasks >= len(o.Tasks) && at.Jobs >= len(o.Jobs) && !at.tryAgain()
	out.Done = only && (len(at.Later) == 0 || at.LaterTries >= maxLater)
	out.Unneeded = out.Done && at.Requested == 0 && len(at.Refused)+len(at.Later) == 0
	if only && !out.Done {
		out.NotBefore = time.Now().Add(c.clock.Lasts(laterPause)).UTC()
	}
	return out, nil
}

// tryAgain tells whether there are refused jobs whose kill is to be requested again.
func (at position) tryAgain() bool { return len(at.Refused) > 0 && at.Tries < maxTries }

// tally counts what one step did.
type tally struct{ requested, over, refused, later int }

func (c command) killTasks(ctx context.Context, batch []string, at *position) (string, error) {
	found, err := c.backend.TasksByID(ctx, batch)
	if err != nil {
		return "", fmt.Errorf("looking for %d tasks: %w", len(batch), err)
	}
	var t tally
	for _, id := range batch {
		i := slices.IndexFunc(found, func(t grid.FoundTask) bool { return t.ID == id })
		if i < 0 || found[i].Over || dying(found[i].LiveTask) {
			t.over++
			continue
		}
		taken, err := c.backend.KillTask(ctx, id)
		switch {
		case errors.Is(err, grid.ErrNotYet):
			t.later++
			at.Later = append(at.Later, id)
		case err != nil:
			return "", fmt.Errorf("task %s: %w", id, err)
		case taken:
			t.requested++
		default:
			t.over++
		}
	}
	at.Requested += t.requested
	return t.sentence("task"), nil
}

// unflagged gives those jobs that live and whose kill is not registered.
func (c command) unflagged(ctx context.Context, ids []string) ([]string, error) {
	kills, err := c.status(ctx, ids, time.Time{})
	if err != nil {
		return nil, err
	}
	var out []string
	for i, k := range kills {
		if k.State == "" {
			out = append(out, ids[i])
		}
	}
	return out, nil
}

func (t tally) sentence(what string) string {
	parts := []string{"kill requested for " + count(t.requested, what)}
	if t.over > 0 {
		parts = append(parts, fmt.Sprintf("%d had ended or were flagged already", t.over))
	}
	if t.refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused by the server", t.refused))
	}
	if t.later > 0 {
		parts = append(parts, fmt.Sprintf("%d so new that the server does not know them yet; tried again every few minutes", t.later))
	}
	return strings.Join(parts, "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
