package facts_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/job"
)

// jobs answers what asks for a job with that job.
type jobs struct {
	job     grid.PandaJob
	reports []grid.Report
	err     error
}

func (jobs) Knows(line string) bool { return strings.HasPrefix(line, "job ") }

func (j jobs) Ask(_ context.Context, line string) (job.Finding, error) {
	return job.Finding{Job: j.job, Line: line, Reports: j.reports, At: noon.Add(time.Hour)}, j.err
}

func TestAQuestionAboutAJobIsFactsToo(t *testing.T) {
	t.Parallel()
	const dn = "/DC=org/DC=example/CN=Naughty User"
	source := jobs{
		job: grid.PandaJob{
			ID: 6012345678, Source: "panda-database", Status: "finished", Label: "user", UserID: "Naughty User", UserName: "Naughty User", Site: "HERE",
			Created: noon.Add(-time.Hour), Started: noon, Ended: noon.Add(time.Hour), Node: "slot1_1@wn1.example.org", Host: "wn1.example.org", BatchID: "7.0", Scheduler: "harvester-x",
			Owner: grid.PandaOwner{Accounts: []grid.Account{{Name: "Naughty User", DN: dn, Email: "nu@example.org"}}},
		},
		reports: []grid.Report{{Name: "other", Experiment: grid.ATLAS, State: grid.Failed}, {Name: "panda-database", Experiment: grid.ATLAS, State: grid.Complete, Matched: 1}},
	}
	l := &records{}
	l.request("r1", here, "", "trace wn1 12:00", audit.Answered)
	l.request("r2", here, "", "job 6012345678", audit.Answered)
	l.request("r3", here, "", "job 1", audit.Refused)
	book := facts.New(l, asker{})
	if f, err := book.Of(t.Context(), request()); err != nil || f.Request != "r1" || f.OneJob {
		t.Errorf("who knows traces only: %+v, %v", f, err)
	}
	f, err := book.WithJobs(source).Of(t.Context(), request())
	if err != nil || f.Request != "r2" || !f.OneJob || f.Subject != "PanDA job 6012345678" || f.Site != "HERE" || f.Trace.Query.Kind != grid.ByJob {
		t.Fatalf("%+v, %v", f, err)
	}
	if f.Trace.Complete {
		t.Error("complete, though a source failed")
	}
	if len(f.Trace.People) != 1 {
		t.Fatalf("people: %+v", f.Trace.People)
	}
	if p := f.Trace.People[0]; p.Username != "Naughty User" || p.DN != dn || p.Email != "nu@example.org" || p.Confidence != grid.Confirmed || p.Disagreement || p.Label != "" {
		t.Errorf("%+v", p)
	}
	if s := f.Trace.Sightings[0]; s.Host != "wn1.example.org" || s.Job.Pilot.Batch != "7.0" || s.Job.Pilot.Factory != "harvester-x" || !s.Job.End.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v", s)
	}
	if f, err = book.WithJobs(source).Of(t.Context(), request("trace=r1")); err != nil || f.Request != "r1" || f.OneJob {
		t.Errorf("a trace that is named: %+v, %v", f, err)
	}
	source.err = errors.New("down")
	if _, err := book.WithJobs(source).Of(t.Context(), request()); !errors.Is(err, source.err) || facts.Missing(err) {
		t.Errorf("the error of a job: %v", err)
	}
	var p *bot.Problem
	if _, err := facts.New(&records{}, asker{}).WithJobs(source).Of(t.Context(), request()); !errors.As(err, &p) || !strings.Contains(p.Sentence, "or `job ID`, first") {
		t.Errorf("nothing was asked: %v", err)
	}
}
