package elastic

import (
	"context"
	"slices"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// exposed looks for who came to the same pilots after the window. It is a question
// of its own, in other indices: that it has no answer makes nobody of the window
// missing, and is said.
func (x *search) exposed(ctx context.Context) {
	after, pilots := grid.Afterwards(x.query, x.found.Sightings)
	if len(pilots) == 0 || !after.Window.From.Before(x.now) {
		return
	}
	y := &search{source: x.source, query: after, now: x.now, what: x.what, counted: make([]int, x.source.slices), placed: x.placed}
	jobs, err := y.exposedJobs(ctx, x.names, pilots)
	for i, n := range y.counted {
		x.counted[i] += n
	}
	x.found.Exposed = grid.Exposed(after, pilots, jobs)
	if err != nil || y.missing {
		x.found.Report.Notes = appendNew(x.found.Report.Notes, "whoever came to these pilots after the window, and was exposed there, could not all be looked for")
	}
}

// exposedJobs gives a record of each run that began in the pilots.
func (x *search) exposedJobs(ctx context.Context, names []string, pilots []grid.PilotID) ([]grid.Job, error) {
	x.cover = x.source.cover(names, x.query.Window, x.now)
	if len(x.cover.indices) == 0 {
		return nil, nil
	}
	var err error
	if x.plan, err = x.source.plan(ctx, x.cover.indices); err != nil {
		return nil, err
	}
	var jobs []grid.Job
	seen := map[grid.Exposure]bool{}
	for some := range slices.Chunk(pilots, pilotsAtOnce) {
		err := x.each(ctx, x.plan.filter(grid.Narrow(x.query, some...)), func(j grid.Job) {
			if x.placed[j.ID] {
				return // it is in the answer
			}
			for _, e := range grid.Exposed(x.query, some, []grid.Job{j}) {
				if !seen[e] { // MONIT looks at a run every 12 minutes
					seen[e] = true
					jobs = append(jobs, j)
				}
			}
		})
		if err != nil {
			return jobs, err
		}
	}
	return jobs, nil
}
