package reply

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Actions gives the latest actions of some commands, newest first.
type Actions interface {
	Actions(ctx context.Context, limit int, commands ...string) ([]action.Action, error)
}

// maxActions is how far back a thread's own actions are looked for.
const maxActions = 500

// acting are the commands whose actions letters tell of.
var acting = []string{"ban", "ban new", "unban", "kill user", "kill task", "kill job"}

// done gives what was begun in this case, or else in this thread, oldest first.
func (x commands) done(ctx context.Context, r *bot.Request) ([]action.Action, error) {
	if x.actions == nil {
		return nil, nil
	}
	all, err := x.actions.Actions(ctx, maxActions, acting...)
	if err != nil {
		return nil, fmt.Errorf("%s: reading what was done: %w", r.Command, err)
	}
	here := r.Thread.String()
	all = slices.DeleteFunc(slices.Clone(all), func(a action.Action) bool {
		if a.StartedAt.IsZero() {
			return true
		}
		if r.Incident != "" {
			return a.Incident != r.Incident
		}
		return a.Home != here && !slices.Contains(a.Rooms, here)
	})
	slices.Reverse(all)
	return all, nil
}

// sayDone tells what was done about the people who are named, and when. What was
// done about others is not for this reader.
func (d *draft) sayDone(done []action.Action, guests []guest) {
	var lines []string
	others, unsure := 0, 0
	for _, a := range done {
		switch said := deed(a); {
		case !concerns(a.Frozen.Plan.Target, guests):
			others++
		case said == "":
			unsure++
		default:
			lines = append(lines, said)
		}
	}
	if len(lines) > 0 {
		d.say("")
		d.say("What was done until now:")
		for _, line := range lines {
			d.sayLong("- %s", line)
		}
	}
	if others > 0 {
		d.note("%s of this thread not told: about nobody who is named in it.", count(others, "action", "actions"))
	}
	if unsure > 0 {
		d.note("%s of this thread not told: it is not over, or has failed. `pending` and the cards say how far it is.", count(unsure, "action", "actions"))
	}
}

// concerns reports whether an action is about people who are named, and about nobody else.
func concerns(t action.Target, guests []guest) bool {
	owners := t.Owners
	if len(owners) == 0 {
		owners = []string{t.Name}
	}
	return !slices.ContainsFunc(owners, func(name string) bool {
		return !slices.ContainsFunc(guests, func(g guest) bool {
			return g.nameable() && g.In(grid.ATLAS) && (g.Username == name || grid.PandaName(g.DN) == name)
		})
	})
}

// deed words an action that has taken effect, as far as that is known; "" for
// one of which nothing can be said yet.
func deed(a action.Action) string {
	if a.AppliedAt.IsZero() || a.State == action.Failed {
		return ""
	}
	user, p := a.Frozen.Plan.Target.Name, a.Progress
	switch a.Command {
	case "ban", "ban new", "unban":
		said := fmt.Sprintf("%s: the PanDA user %q was banned from submitting.", utc(a.AppliedAt), user)
		if a.Command == "unban" {
			said = fmt.Sprintf("%s: the ban of the PanDA user %q was lifted.", utc(a.AppliedAt), user)
		}
		switch {
		case p.Settled && !p.Complete:
			said += " That is not in force as it was written; we look into it."
		case !p.Settled && !p.DueBy.IsZero():
			said += fmt.Sprintf(" Every server knows of it from %s on.", utc(p.DueBy))
		}
		return said
	}
	jobs := 0
	var states []string
	for _, s := range []struct {
		state grid.KillState
		words string
	}{
		{grid.KillGone, "seen gone"},
		{grid.KillDelivered, "told to the pilot"},
		{grid.KillRequested, "not told to the pilot yet"},
		{grid.KillEvading, "still there though the pilot was told"},
		{"refused", "not taken by the server"},
	} {
		if n := p.Counts[string(s.state)]; n > 0 {
			jobs += n
			states = append(states, fmt.Sprintf("%d %s", n, s.words))
		}
	}
	said := fmt.Sprintf("%s: the kill of the tasks and jobs of the PanDA user %q was requested", utc(a.AppliedAt), user)
	if what := map[string]string{"kill task": "tasks", "kill job": "jobs"}[a.Command]; what != "" {
		said = fmt.Sprintf("%s: the kill of the PanDA %s %s was requested", utc(a.AppliedAt), what, user)
	}
	if jobs == 0 {
		return said + "."
	}
	return said + fmt.Sprintf("; of %s at all sites, as of %s: %s.", count(jobs, "job", "jobs"), utc(a.ChangedAt), strings.Join(states, ", "))
}
