package kill

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// Bounds of one step, which has 20 s. A PanDA server needs 17 ms for the kill of
// one job.
const (
	tasksAtOnce = 50
	jobsAtOnce  = 500
)

// maxTries is how often a kill that the server refuses is requested. It refuses
// for a moment while something else holds the job's row.
const maxTries = 3

// position is where Apply goes on.
type position struct {
	Tasks     int      `json:"tasks"`   // of the order's tasks, how many are behind us
	Jobs      int      `json:"jobs"`    // and of its jobs
	Refused   []string `json:"refused"` // jobs that were refused and may be tried again
	Tries     int      `json:"tries"`   // rounds of trying the refused again
	Requested int      `json:"requested"`
}

// apply does one step: some tasks first, for they would replace the jobs, then
// some jobs, then those that were refused. Each step looks first what has ended
// or is flagged, so a step that was done and not stored is not done twice.
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
		said, err = c.killTasks(ctx, o, &at)
	case at.Jobs < len(o.Jobs):
		batch := o.Jobs[at.Jobs:min(at.Jobs+jobsAtOnce, len(o.Jobs))]
		at.Jobs += len(batch)
		said, err = c.killJobs(ctx, batch, &at)
	default:
		n := min(jobsAtOnce, len(at.Refused))
		batch := at.Refused[:n]
		at.Refused, at.Tries = slices.Clone(at.Refused[n:]), at.Tries+1
		said, err = c.killJobs(ctx, batch, &at)
	}
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill user: %w", err)
	}
	state, err := json.Marshal(at)
	if err != nil {
		return action.Outcome{}, fmt.Errorf("kill user: writing where to go on: %w", err)
	}
	done := at.Tasks >= len(o.Tasks) && at.Jobs >= len(o.Jobs) && (len(at.Refused) == 0 || at.Tries >= maxTries)
	return action.Outcome{Said: said, Done: done, State: state, Unneeded: done && at.Requested == 0 && len(at.Refused) == 0}, nil
}

func (c command) killTasks(ctx context.Context, o order, at *position) (string, error) {
	batch := o.Tasks[at.Tasks:min(at.Tasks+tasksAtOnce, len(o.Tasks))]
	live, err := target.ReadLive(ctx, c.backend, o.users())
	if err != nil {
		return "", err
	}
	requested, over := 0, 0
	for _, id := range batch {
		i := slices.IndexFunc(live.Tasks, func(t grid.LiveTask) bool { return t.ID == id })
		if i < 0 || dying(live.Tasks[i]) {
			over++
			continue
		}
		taken, err := c.backend.KillTask(ctx, id)
		if err != nil {
			return "", fmt.Errorf("task %s: %w", id, err)
		}
		if taken {
			requested++
		} else {
			over++
		}
	}
	at.Tasks += len(batch)
	at.Requested += requested
	return sentence("task", requested, over, 0), nil
}

func (c command) killJobs(ctx context.Context, batch []string, at *position) (string, error) {
	todo, err := c.unflagged(ctx, batch)
	if err != nil {
		return "", err
	}
	var refused []string
	if len(todo) > 0 {
		taken, err := c.backend.KillJobs(ctx, todo)
		if err != nil {
			return "", fmt.Errorf("%d jobs: %w", len(todo), err)
		}
		if len(taken) != len(todo) {
			return "", fmt.Errorf("%d jobs: the server answered for %d", len(todo), len(taken))
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
		return "", err
	}
	at.Requested += requested
	at.Refused = append(at.Refused, refused...)
	return sentence("job", requested, len(batch)-requested-len(refused), len(refused)), nil
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

func sentence(what string, requested, over, refused int) string {
	parts := []string{"kill requested for " + count(requested, what)}
	if over > 0 {
		parts = append(parts, fmt.Sprintf("%d had ended or were flagged already", over))
	}
	if refused > 0 {
		parts = append(parts, fmt.Sprintf("%d refused by the server", refused))
	}
	return strings.Join(parts, "; ")
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
