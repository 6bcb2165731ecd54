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
	"github.com/gridwarden/gridwarden/handlers/target"
)

// Bounds of one step, which has 20 s. A PanDA server needs 17 ms for the kill of
// one job, and works on several requests at once. A step goes on with more jobs
// until its time is over: every step is told to people.
const (
	tasksAtOnce = 50
	jobsAtOnce  = 1000
	stepTime    = 8 * time.Second
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
	Refused    []string `json:"refused"`               // jobs that were refused and may be tried again
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
			return action.Outcome{}, fmt.Errorf("kill user: reading where to go on: %w", err)
		}
	}
	var said string
	switch {
	case at.Tasks < len(o.Tasks):
		batch := o.Tasks[at.Tasks:min(at.Tasks+tasksAtOnce, len(o.Tasks))]
		at.Tasks += len(batch)
		said, err = c.killTasks(ctx, o, batch, &at)
	case at.Jobs < len(o.Jobs):
		said, err = c.killMany(ctx, o, &at)
	case len(at.Refused) == 0 || at.Tries >= maxTries:
		batch := at.Later
		at.Later, at.LaterTries = nil, at.LaterTries+1
		said, err = c.killTasks(ctx, o, batch, &at)
	default:
		n := min(jobsAtOnce, len(at.Refused))
		batch := at.Refused[:n]
		at.Refused, at.Tries = slices.Clone(at.Refused[n:]), at.Tries+1
		var t tally
		t, err = c.killJobs(ctx, batch, &at)
		said = t.sentence("job")
	}
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill user: %w", err)
	}
	state, err := json.Marshal(at)
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill user: writing where to go on: %w", err)
	}
	out := action.Outcome{Said: said, State: state}
	only := at.Tasks >= len(o.Tasks) && at.Jobs >= len(o.Jobs) && (len(at.Refused) == 0 || at.Tries >= maxTries)
	out.Done = only && (len(at.Later) == 0 || at.LaterTries >= maxLater)
	out.Unneeded = out.Done && at.Requested == 0 && len(at.Refused)+len(at.Later) == 0
	if only && !out.Done {
		out.NotBefore = time.Now().Add(c.clock.Lasts(laterPause)).UTC()
	}
	return out, nil
}

// tally counts what one step did.
type tally struct{ requested, over, refused, later int }

func (c command) killTasks(ctx context.Context, o order, batch []string, at *position) (string, error) {
	live, err := target.ReadLive(ctx, c.backend, o.users())
	if err != nil {
		return "", err
	}
	var t tally
	for _, id := range batch {
		i := slices.IndexFunc(live.Tasks, func(t grid.LiveTask) bool { return t.ID == id })
		if i < 0 || dying(live.Tasks[i]) {
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

// killMany takes jobs until the time of a step is over.
func (c command) killMany(ctx context.Context, o order, at *position) (string, error) {
	var sum tally
	for began := time.Now(); at.Jobs < len(o.Jobs) && time.Since(began) < stepTime; {
		batch := o.Jobs[at.Jobs:min(at.Jobs+jobsAtOnce, len(o.Jobs))]
		t, err := c.killJobs(ctx, batch, at)
		if err != nil && sum != (tally{}) {
			break // what was done is kept; the next step meets the error again
		}
		if err != nil {
			return "", err
		}
		at.Jobs += len(batch)
		sum.requested, sum.over, sum.refused = sum.requested+t.requested, sum.over+t.over, sum.refused+t.refused
	}
	return sum.sentence("job"), nil
}

func (c command) killJobs(ctx context.Context, batch []string, at *position) (tally, error) {
	todo, err := c.unflagged(ctx, batch)
	if err != nil {
		return tally{}, err
	}
	var refused []string
	if len(todo) > 0 {
		taken, err := c.backend.KillJobs(ctx, todo)
		if err != nil {
			return tally{}, fmt.Errorf("%d jobs: %w", len(todo), err)
		}
		if len(taken) != len(todo) {
			return tally{}, fmt.Errorf("%d jobs: the server answered for %d", len(todo), len(taken))
		}
		for i, id := range todo {
			if !taken[i] {
				refused = append(refused, id)
			}
		}
	}
	requested := len(todo) - len(refused)
	// A job that ended, or that its task's kill has flagged meanwhile, is no refusal.
	if refused, err = c.unflagged(ctx, refused); err != nil {
		return tally{}, err
	}
	at.Requested += requested
	at.Refused = append(at.Refused, refused...)
	return tally{requested: requested, over: len(batch) - requested - len(refused), refused: len(refused)}, nil
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
