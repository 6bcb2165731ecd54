package kill

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// By the backend's clock.
const (
	taskTime = 30 * time.Minute // a killed task is over by then when its jobs are
	grace    = 2 * time.Minute  // clocks differ, and a heartbeat takes a moment
	soonest  = time.Minute      // between two looks
	latest   = 5 * time.Minute
)

// maxNamed is how many jobs are named one by one.
const maxNamed = 50

// look is what one Verify sees.
type look struct {
	order   order
	kills   []grid.JobKill
	tasks   []string    // of the order's, those that are not over
	fresh   int         // live jobs that are no part of the order and that nobody kills
	waiting []time.Time // by when something may still change by itself; real, UTC
}

// verify follows every job of the order. Requested, delivered and gone are
// different things; only what is seen gone counts as gone.
func (c command) verify(ctx context.Context, a action.Action) (action.Progress, error) {
	l, err := c.look(ctx, a)
	if err != nil {
		return action.Progress{}, fmt.Errorf("%s: %w", c.name, err)
	}
	p := action.Progress{Counts: l.counts(), Settled: len(l.waiting) == 0}
	p.Complete = p.Settled && len(l.left()) == 0 && len(l.tasks) == 0
	p.Said = l.said()
	p.Remains = l.remains(p.Settled)
	if !p.Settled {
		p.DueBy = slices.MaxFunc(l.waiting, time.Time.Compare)
		p.NextLook = c.nextLook(l.waiting)
		p.Said += fmt.Sprintf(" The last answer is due by %s.", target.UTC(p.DueBy))
	}
	if l.fresh > 0 {
		p.Said += fmt.Sprintf(" New since, and not part of this: %s. To kill them too: `%s`", count(l.fresh, "job"), c.again(l.order))
	}
	return p, nil
}

func (c command) look(ctx context.Context, a action.Action) (look, error) {
	o, err := orderOf(a)
	if err != nil {
		return look{}, err
	}
	l := look{order: o}
	if l.kills, err = c.status(ctx, o.Jobs, a.AppliedAt); err != nil {
		return look{}, err
	}
	live, err := c.live(ctx, o)
	if err != nil {
		return look{}, err
	}
	for _, t := range live.Tasks {
		if slices.Contains(o.Tasks, t.ID) {
			l.tasks = append(l.tasks, t.ID)
		}
	}
	ordered := make(map[string]bool, len(o.Jobs))
	for _, id := range o.Jobs {
		ordered[id] = true
	}
	for _, j := range live.Jobs {
		if !ordered[j.ID] && !j.Killing {
			l.fresh++
		}
	}
	l.waiting = c.waiting(l, a.AppliedAt.Add(c.clock.Lasts(taskTime)))
	return l, nil
}

// status asks for the kills of jobs that were registered by since, and makes sure that there is one for each.
func (c command) status(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	kills, err := c.backend.KillStatus(ctx, ids, since)
	if err != nil {
		return nil, fmt.Errorf("reading the state of %d kills: %w", len(ids), err)
	}
	if len(kills) != len(ids) {
		return nil, fmt.Errorf("reading the state of %d kills: the answer has %d", len(ids), len(kills))
	}
	return kills, nil
}

// waiting gives the times of jobs whose pilot has not called or was just told,
// and of tasks that are not over.
func (c command) waiting(l look, tasksDue time.Time) []time.Time {
	var out []time.Time
	consider := func(due time.Time) {
		if !time.Now().After(due.Add(c.clock.Lasts(grace))) {
			out = append(out, due.UTC())
		}
	}
	for _, k := range l.kills {
		if k.State == grid.KillRequested || k.State == grid.KillDelivered {
			consider(c.clock.Real(k.Due))
		}
	}
	if len(l.tasks) > 0 {
		consider(tasksDue)
	}
	return out
}

// left gives the jobs that are not seen gone.
func (l look) left() []grid.JobKill {
	var left []grid.JobKill
	for _, k := range l.kills {
		if k.State != grid.KillGone {
			left = append(left, k)
		}
	}
	return left
}

// refused is the word for a job that lives without a registered kill.
const refused = "refused"

func (l look) counts() map[string]int {
	n := map[string]int{string(grid.KillRequested): 0, string(grid.KillDelivered): 0, string(grid.KillGone): 0, string(grid.KillEvading): 0}
	for _, k := range l.kills {
		n[word(k)]++
	}
	if l.fresh > 0 {
		n["new"] = l.fresh
	}
	return n
}

func word(k grid.JobKill) string {
	if k.State == "" {
		return refused
	}
	return string(k.State)
}

func (l look) said() string {
	n := l.counts()
	jobs, tasks := len(l.kills), len(l.order.Tasks)
	if n[string(grid.KillGone)] == jobs && len(l.tasks) == 0 {
		said := fmt.Sprintf("Seen gone: %s.", count(jobs, "job"))
		if tasks > 0 {
			said += fmt.Sprintf(" Over: %s.", count(tasks, "task"))
		}
		return said
	}
	parts := []string{fmt.Sprintf("%d gone", n[string(grid.KillGone)])}
	for _, s := range []struct{ word, meaning string }{
		{string(grid.KillDelivered), "delivered (the pilot was told)"},
		{string(grid.KillRequested), "requested (the pilot has not called yet)"},
		{string(grid.KillEvading), "evading (told, and still there)"},
		{refused, "refused (no kill is registered)"},
	} {
		if n[s.word] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[s.word], s.meaning))
		}
	}
	said := fmt.Sprintf("Of %s: %s.", count(jobs, "job"), strings.Join(parts, ", "))
	if tasks > 0 {
		said += fmt.Sprintf(" Of %s: %d over.", count(tasks, "task"), tasks-len(l.tasks))
	}
	return said
}

// remains names what is past its time; in the end, everything that is left, and
// the sites that must be warned.
func (l look) remains(settled bool) []string {
	var named []grid.JobKill
	for _, k := range l.left() {
		if settled || k.State == grid.KillEvading {
			named = append(named, k)
		}
	}
	slices.SortStableFunc(named, func(a, b grid.JobKill) int { return cmp.Compare(a.Job.Site, b.Job.Site) })
	var out []string
	sites := map[string]int{}
	for i, k := range named {
		if i < maxNamed {
			out = append(out, line(k))
		}
		sites[k.Job.Site]++
	}
	if more := len(named) - maxNamed; more > 0 {
		out = append(out, fmt.Sprintf("%d more jobs", more))
	}
	if settled {
		for _, id := range l.tasks {
			out = append(out, "task "+id+" is not over")
		}
	}
	if len(named) > 0 {
		out = append(out, fmt.Sprintf("A malicious payload can evade the pilot's kill: ask the site to kill the batch jobs named here (by site: %s).", target.Counts(sites)))
		if settled {
			out = append(out, letters(named)...)
		}
	}
	return out
}

// line has what a site needs to find the process.
func line(k grid.JobKill) string {
	j := k.Job
	parts := []string{fmt.Sprintf("job %s: %s", j.ID, word(k)), "site " + orUnknown(j.Site), "host " + orUnknown(j.Host), "batch id " + orUnknown(j.Batch)}
	if !k.Due.IsZero() {
		parts = append(parts, "was due "+target.UTC(k.Due))
	}
	return strings.Join(append(parts, k.Evidence), ", ")
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// nextLook is soon after the next answer is due. It stays a second away however
// fast the backend's clock runs.
func (c command) nextLook(waiting []time.Time) time.Time {
	now := time.Now().UTC()
	next := now.Add(c.clock.Lasts(latest))
	for _, due := range waiting {
		if due = due.Add(c.clock.Lasts(grace) / 4); due.After(now) && due.Before(next) {
			next = due
		}
	}
	floor := now.Add(max(c.clock.Lasts(soonest), time.Second))
	if next.Before(floor) {
		return floor
	}
	return next
}
