package target

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Workload has what the users of a workload system have running.
type Workload interface {
	// LiveJobs gives the jobs and tasks of one account that have not ended.
	LiveJobs(ctx context.Context, a grid.Account) ([]grid.LiveJob, []grid.LiveTask, error)
}

// Live is what a user has running and waiting at a moment.
type Live struct {
	Jobs   []grid.LiveJob  // by id
	Tasks  []grid.LiveTask // by id
	ReadAt time.Time       // real, UTC
	Limits []string        // what is not known of it, a sentence each
}

// limited is a Workload that does not know all.
type limited interface{ WorkLimits() []string }

// ReadLive reads the live jobs and tasks of accounts, each once.
func ReadLive(ctx context.Context, w Workload, accounts []grid.Account) (Live, error) {
	l := Live{ReadAt: time.Now().UTC()}
	if known, ok := w.(limited); ok {
		l.Limits = known.WorkLimits()
	}
	for _, a := range accounts {
		jobs, tasks, err := w.LiveJobs(ctx, a)
		if err != nil {
			return Live{}, fmt.Errorf("reading the live jobs of user %s: %w", a.ID, err)
		}
		if l.Tasks = append(l.Tasks, tasks...); l.Jobs == nil {
			l.Jobs = jobs // they may be very many
		} else {
			l.Jobs = append(l.Jobs, jobs...)
		}
	}
	slices.SortFunc(l.Jobs, func(a, b grid.LiveJob) int { return cmp.Compare(a.ID, b.ID) })
	l.Jobs = slices.CompactFunc(l.Jobs, func(a, b grid.LiveJob) bool { return a.ID == b.ID })
	slices.SortFunc(l.Tasks, func(a, b grid.LiveTask) int { return cmp.Compare(a.ID, b.ID) })
	l.Tasks = slices.CompactFunc(l.Tasks, func(a, b grid.LiveTask) bool { return a.ID == b.ID })
	return l, nil
}

// TasksNow labels the line of Facts that is about tasks.
const TasksNow = "tasks now"

// Facts are the lines of a card that state how much is running.
func (l Live) Facts() []action.Fact {
	facts := []action.Fact{{Label: "jobs now", Value: l.jobs()}}
	if len(l.Jobs) > 0 {
		facts = append(facts, action.Fact{Label: "sites", Value: l.sites()})
		if oldest, newest := l.submitted(); !oldest.IsZero() {
			facts = append(facts, action.Fact{Label: "submitted", Value: fmt.Sprintf("oldest %s, newest %s", UTC(oldest), UTC(newest))})
		}
	}
	facts = append(facts, action.Fact{Label: TasksNow, Value: l.tasks()})
	for _, limit := range l.Limits {
		facts = append(facts, action.Fact{Label: "not known", Value: limit})
	}
	return facts
}

func (l Live) jobs() string {
	if len(l.Jobs) == 0 {
		return "none"
	}
	running, cores := 0, 0
	for _, j := range l.Jobs {
		if !waits(j.Status) {
			running++
			cores += j.Cores
		}
	}
	return fmt.Sprintf("%d on worker nodes with %d cores, %d waiting", running, cores, len(l.Jobs)-running)
}

// waits tells PanDA's states before a pilot has taken the job.
func waits(status string) bool {
	switch status {
	case "pending", "defined", "waiting", "assigned", "throttled", "activated":
		return true
	}
	return false
}

func (l Live) sites() string {
	n := map[string]int{}
	for _, j := range l.Jobs {
		n[orNone(j.Site)]++
	}
	return Counts(n)
}

func (l Live) submitted() (oldest, newest time.Time) {
	for _, j := range l.Jobs {
		if j.Submitted.IsZero() {
			continue
		}
		if oldest.IsZero() || j.Submitted.Before(oldest) {
			oldest = j.Submitted
		}
		if j.Submitted.After(newest) {
			newest = j.Submitted
		}
	}
	return oldest, newest
}

func (l Live) tasks() string {
	if len(l.Tasks) == 0 {
		return "none"
	}
	var parts []string
	for _, t := range l.Tasks[:min(len(l.Tasks), maxListed)] {
		parts = append(parts, fmt.Sprintf("%s %s (%s)", t.ID, t.Name, t.Status))
	}
	if more := len(l.Tasks) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return fmt.Sprintf("%d: %s", len(l.Tasks), strings.Join(parts, ", "))
}

// Counts writes how many there are of each, most first.
func Counts(n map[string]int) string {
	names := make([]string, 0, len(n))
	for name := range n {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(n[b], n[a]), cmp.Compare(a, b)) })
	for i, name := range names {
		names[i] = fmt.Sprintf("%s %d", name, n[name])
	}
	return strings.Join(names, ", ")
}

// Span writes a length of time for people: 10 min, 90 s.
func Span(d time.Duration) string {
	if d = d.Round(time.Second); d >= time.Minute && d%time.Minute == 0 {
		return fmt.Sprintf("%d min", d/time.Minute)
	}
	return fmt.Sprintf("%d s", d/time.Second)
}

// UTC writes a time for people.
func UTC(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }
