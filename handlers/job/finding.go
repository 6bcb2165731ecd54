package job

import (
	"context"
	"log/slog"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// Finding is what the sources have of the job that a line means, for who words it anew.
type Finding struct {
	Job     grid.PandaJob
	Line    string // the question, to be typed again
	Reports []grid.Report
	At      time.Time // when the sources were asked for this, UTC
}

// Asker asks about a job once more.
type Asker struct {
	command
	all []bot.Command
}

// NewAsker gives an Asker over the same sources as the command.
func NewAsker(finders []Finder, log *slog.Logger) Asker {
	return Asker{command: command{finders: finders, log: log}, all: New(finders, nil, nil, log)}
}

// Knows reports whether a line, as bot.Echo writes it, asks about a job. What was
// fetched as evidence of one is such a question, too.
func (a Asker) Knows(line string) bool {
	r, err := bot.Reread(a.all, line)
	if err != nil {
		return false
	}
	_, err = read(r)
	return err == nil
}

// Ask asks the sources once more for the one job that a line means. Where it means
// several, or none, the error says so for people.
func (a Asker) Ask(ctx context.Context, line string) (Finding, error) {
	r, err := bot.Reread(a.all, line)
	if err != nil {
		return Finding{}, err
	}
	q, err := read(r)
	if err != nil {
		return Finding{}, err
	}
	f := Finding{At: time.Now().UTC()}
	found, err := a.only(ctx, q)
	if err != nil {
		return Finding{}, err
	}
	f.Job = found.job
	f.Line = bot.Echo("job", []bot.Token{{Text: number(found.job.ID)}}, nil)
	for _, s := range found.sources {
		f.Reports = append(f.Reports, s.report())
	}
	return f, nil
}

// only looks up the one job that a question means.
func (x command) only(ctx context.Context, q question) (one, error) {
	m := grid.PandaIDs(q.text)
	ids := make([]int64, len(m.Jobs))
	for i, j := range m.Jobs {
		ids[i] = j.ID
	}
	batch := ""
	switch {
	case q.batch || len(ids) == 0 && len(m.Batches) == 0:
		batch = q.text
	case len(ids) == 0:
		batch = m.Batches[0]
	case len(ids) == 1:
		found := x.job(ctx, ids[0])
		switch {
		case found.job.ID != 0:
			return found, nil
		case !found.complete() || !plainNumber(q.text):
			return one{}, found.missing(ids[0])
		}
		batch = q.text
	}
	l := x.candidatesOr(ctx, ids, batch)
	switch {
	case len(l.jobs) == 0 && !l.complete():
		return one{}, bot.Problemf("unavailable", "Which job is meant could not be looked up now. Try again, or look at `status`.")
	case len(l.jobs) == 0:
		return one{}, bot.Problemf("not-found", "What the earlier question about a job named is no job that PanDA has now. Ask `job ID` first.")
	case len(l.jobs) > 1 || l.cut || m.More > 0 || m.Cut || !l.complete():
		return one{}, bot.Problemf("usage", "The earlier question named several jobs, or not all that it named could be looked up, and none is picked. Ask about the one that is meant first: `job %d`, or another of these.", l.jobs[0].ID)
	}
	found := x.job(ctx, l.jobs[0].ID)
	if found.job.ID == 0 {
		return one{}, found.missing(l.jobs[0].ID)
	}
	return found, nil
}

// candidatesOr gives the jobs of a batch job where one is given, else those of ids.
func (x command) candidatesOr(ctx context.Context, ids []int64, batch string) list {
	if batch != "" {
		return x.byBatch(ctx, batch)
	}
	return x.candidates(ctx, ids)
}

// report is the source's completeness statement as a trace has it.
func (s source) report() grid.Report {
	r := grid.Report{Name: s.Name, Experiment: grid.ATLAS, State: grid.Complete, Searched: "the job by its PandaID", Records: 1, Matched: 1, Notes: s.Notes}
	switch s.State {
	case absent:
		r.Records, r.Matched = 0, 0
	case failed:
		r.State, r.Records, r.Matched = grid.Failed, 0, 0
		r.Notes = append(r.Notes, "could not be asked")
	}
	return r
}
