package facts

import (
	"context"
	"slices"
	"strconv"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/handlers/job"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// Jobs asks about a job once more; see job.Asker.
type Jobs interface {
	Knows(line string) bool
	Ask(ctx context.Context, line string) (job.Finding, error)
}

// aboutJob reports whether a line asked about a job of PanDA.
func (b Book) aboutJob(line string) bool { return b.jobs != nil && b.jobs.Knows(line) }

func (b Book) orJob() string {
	if b.jobs == nil {
		return ""
	}
	return " and no question about a job"
}

// job gives the facts of a question about one job, in the shape of a trace that
// found nothing else.
func (b Book) job(ctx context.Context, q question) (Facts, error) {
	f, err := b.jobs.Ask(ctx, q.line)
	if err != nil {
		return Facts{}, err
	}
	found := make([]grid.Found, len(f.Reports))
	for i, r := range f.Reports {
		found[i].Report = r
	}
	if at := slices.IndexFunc(f.Reports, func(r grid.Report) bool { return r.Matched > 0 }); at >= 0 {
		found[at].Sightings = []grid.Sighting{f.Job.Sighting()}
	}
	asked := grid.Query{Kind: grid.ByJob, Raw: f.Line, Window: f.Job.Span(f.At)}
	return Facts{
		Finding: trace.Finding{
			Trace: grid.Merge(asked, found, f.At), Line: f.Line, Subject: "PanDA job " + strconv.FormatInt(f.Job.ID, 10), Site: f.Job.Site, At: f.At,
		},
		Request: q.request, Asked: q.asked, OneJob: true,
	}, nil
}
