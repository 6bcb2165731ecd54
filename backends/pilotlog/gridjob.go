package pilotlog

import (
	"context"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// How long before a window a pilot can have been submitted that ran in it, and how
// many pilots one id may lead to: ids of different CEs repeat.
const (
	longestQueue = 14 * 24 * time.Hour
	maxGridJobs  = 10
)

// gridJob is a pilot by the id that a CE gave it.
type gridJob struct {
	pilot grid.Pilot
	ce    string
}

// gridJobs gives the pilots to which a CE gave an id, by the factory's own
// condor_activity logs. On a CE with HTCondor that is not the id that the batch
// system behind it gives, which alone stands in job records; sites tell either.
func (t tree) gridJobs(ctx context.Context, id string, w grid.Window) ([]gridJob, error) {
	var out []gridJob
	keep := func(name string) bool {
		day, ok := activityDay(name)
		return !ok || w.IsZero() || !day.Before(w.From.Add(-longestQueue).Truncate(24*time.Hour)) && !day.After(w.To.Add(24*time.Hour))
	}
	err := t.each(ctx, t.dir, "", "", activityPrefix, keep, func(at, name string, data []byte) bool {
		day, _ := activityDay(name)
		for _, e := range readActivity(data, day) {
			if ce, given, ok := e.gridJob(); ok && sameGridJob(given, id) {
				p := t.place(at, e.id, time.Time{}).pilot
				out = append(out, gridJob{p, ce})
			}
		}
		return len(out) < maxGridJobs
	})
	return out[:min(len(out), maxGridJobs)], err
}

// gridJob takes a GridJobId apart: what kind of CE, its host, mostly an address of
// it, and its id.
func (e event) gridJob() (ce, id string, ok bool) {
	words := strings.Fields(e.detail)
	if e.number != eventGridSubmit || len(words) < 3 {
		return "", "", false
	}
	return words[1], words[len(words)-1], true
}

// sameGridJob takes a cluster for its first job, as sites tell it.
func sameGridJob(given, asked string) bool {
	cluster, proc, _ := strings.Cut(given, ".")
	return given == asked || proc == "0" && cluster == asked
}

// explainBatch says which pilot an id is of that a CE gave and no record has. Its
// jobs are found by that pilot: what the records have of them, only they can tell.
func (x *look) explainBatch(ctx context.Context) {
	for _, p := range x.logs.parts {
		t, ok := p.archive.(tree)
		if !ok {
			continue
		}
		found, err := t.gridJobs(ctx, x.q.Batch, x.q.Window)
		if err != nil {
			x.fail(p, err)
		}
		for _, g := range found {
			id := g.pilot.ID
			x.lack("%s is the id that the CE %s gave the pilot %s of the entry %s; job records have the batch system's own id, so ask: trace pilot %s", shown(x.q.Batch), shown(g.ce), id, shown(g.pilot.Entry), id)
		}
	}
}
