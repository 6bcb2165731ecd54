package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/deadline"
)

// allowed is the time that every source has for its answer.
const allowed = 20 * time.Second

// source is how one source did.
type source struct {
	Name  string   `json:"name"`
	State string   `json:"state"` // complete, absent (it has no such job) or failed
	Notes []string `json:"notes,omitempty"`
	err   error
}

// The states of a source.
const (
	complete = "complete"
	absent   = "absent"
	failed   = "failed"
)

func allAnswered(sources []source) bool {
	return !slices.ContainsFunc(sources, func(s source) bool { return s.State == failed })
}

// one is what the sources have of one job.
type one struct {
	job     grid.PandaJob // of the first source that has it; zero when none has
	sources []source
}

func (o one) complete() bool { return allAnswered(o.sources) }

// missing says why a job is not told.
func (o one) missing(id int64) error {
	for _, s := range o.sources {
		if s.State != failed {
			continue
		}
		sentence := fmt.Sprintf("Job %d was not found, and %s could not be asked, so it is not known whether there is one. Try again, or look at `status`.", id, s.Name)
		var told bot.ForPeople
		if errors.As(s.err, &told) {
			sentence = fmt.Sprintf("Job %d was not found, and %s could not be asked: %s", id, s.Name, told.ForPeople())
		}
		return &bot.Problem{Code: "unavailable", Sentence: sentence, Cause: s.err}
	}
	return bot.Problemf("not-found", "No job has the PandaID %d in %s. Check the digits; the number may also be that of a batch job (`job batch %d`), or the job is older than what is kept.", id, names(o.sources), id)
}

func names(sources []source) string {
	var out string
	for i, s := range sources {
		if i > 0 {
			out += " or "
		}
		out += s.Name
	}
	return out
}

// job asks all sources for one job.
func (x command) job(ctx context.Context, id int64) one {
	jobs, sources := each(ctx, x, func(ctx context.Context, f Finder) (grid.PandaJob, error) { return f.Job(ctx, id) })
	out := one{sources: sources}
	for i, j := range jobs {
		switch {
		case errors.Is(sources[i].err, grid.ErrNoPandaJob), sources[i].err == nil && j.ID != id:
			out.sources[i].State = absent
		case sources[i].err == nil:
			out.sources[i].Notes = j.Notes
			if out.job.ID == 0 {
				out.job = j
				out.job.Source = cmp.Or(j.Source, out.sources[i].Name)
			}
		}
	}
	x.logFailures(ctx, out.sources)
	return out
}

// list is what the sources have of several jobs.
type list struct {
	jobs    []grid.PandaJob // one for each id, of the first source that has it
	cut     bool
	batch   string // that was asked for, "" for none
	sources []source
}

func (l list) complete() bool { return allAnswered(l.sources) }

// candidates asks all sources which of ids are jobs, and keeps their order.
func (x command) candidates(ctx context.Context, ids []int64) list {
	l := x.list(ctx, func(ctx context.Context, f Finder) (grid.PandaJobs, error) { return f.Candidates(ctx, ids) })
	l.jobs = slices.DeleteFunc(l.jobs, func(j grid.PandaJob) bool { return !slices.Contains(ids, j.ID) })
	slices.SortStableFunc(l.jobs, func(a, b grid.PandaJob) int {
		return cmp.Compare(slices.Index(ids, a.ID), slices.Index(ids, b.ID))
	})
	return l
}

// byBatch asks all sources for the jobs of a batch job, latest first.
func (x command) byBatch(ctx context.Context, batch string) list {
	l := x.list(ctx, func(ctx context.Context, f Finder) (grid.PandaJobs, error) { return f.ByBatch(ctx, batch) })
	slices.SortStableFunc(l.jobs, func(a, b grid.PandaJob) int { return b.Created.Compare(a.Created) })
	return l
}

func (x command) list(ctx context.Context, call func(context.Context, Finder) (grid.PandaJobs, error)) list {
	answers, sources := each(ctx, x, call)
	l := list{sources: sources}
	seen := map[int64]bool{}
	for i, a := range answers {
		l.sources[i].Notes = a.Notes
		l.cut = l.cut || a.Cut
		for _, j := range a.Jobs {
			if !seen[j.ID] {
				seen[j.ID] = true
				j.Source = cmp.Or(j.Source, sources[i].Name)
				l.jobs = append(l.jobs, j)
			}
		}
	}
	x.logFailures(ctx, l.sources)
	return l
}

func (x command) logFailures(ctx context.Context, sources []source) {
	for _, s := range sources {
		if s.State == failed {
			x.log.WarnContext(ctx, "a source of PanDA's jobs failed", "source", s.Name, "error", s.err)
		}
	}
}

// each asks every source at once.
func each[T any](ctx context.Context, x command, call func(context.Context, Finder) (T, error)) ([]T, []source) {
	answers, sources := make([]T, len(x.finders)), make([]source, len(x.finders))
	var wg sync.WaitGroup
	for i, f := range x.finders {
		wg.Go(func() {
			answer, err := deadline.AskWhole(ctx, allowed, func(ctx context.Context) (T, error) { return call(ctx, f) })
			answers[i], sources[i] = answer, source{Name: f.Name(), State: complete, err: err}
			if err != nil {
				sources[i].State = failed
			}
		})
	}
	wg.Wait()
	return answers, sources
}
