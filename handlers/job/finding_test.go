package job_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/job"
)

type down struct{ finder }

func (down) Name() string { return "down" }

func (down) Job(context.Context, int64) (grid.PandaJob, error) {
	return grid.PandaJob{}, errors.New("down")
}

// TestAJobIsAskedForOnceMore asks again by everything that a job was named by, and
// never takes one of several.
func TestAJobIsAskedForOnceMore(t *testing.T) {
	t.Parallel()
	other := suspicious()
	other.ID, other.BatchID = 6012345679, "schedd1#124.0#1786000000"
	again := suspicious()
	again.ID, again.BatchID = 6012345680, other.BatchID
	log := slog.New(slog.DiscardHandler)
	a := job.NewAsker([]job.Finder{database(suspicious(), other, again), finder{name: "empty"}}, log)
	for _, text := range []string{
		"6012345678", "PanDA_Pilot-6012345678", "batch schedd1#123.0#1786000000", "schedd1#123.0#1786000000", "6012345678 evidence",
		"2026-08-20 10:00:00,1 | INFO | processing PanDA job 6012345678 from task 41\nPandaID=6012999999 \"and more\"",
	} {
		line := bot.Echo("job", []bot.Token{{Text: text, Quoted: true}}, nil)
		f, err := a.Ask(t.Context(), line)
		if !a.Knows(line) || err != nil || f.Job.ID != main || f.Line != "job 6012345678" || f.Job.Source != "panda" {
			t.Errorf("%q: %+v, %v", text, f, err)
			continue
		}
		if len(f.Reports) != 2 || f.Reports[0].State != grid.Complete || f.Reports[0].Matched != 1 || f.Reports[1].Matched != 0 {
			t.Errorf("%q: %+v", text, f.Reports)
		}
	}
	for text, want := range map[string]string{
		"6012345678 6012345679":          "named several jobs, or not all that it named could be looked up, and none is picked",
		"batch schedd1#124.0#1786000000": "and none is picked",
		"6012999999":                     "is no job that PanDA has now",
		"PandaID=6012999999":             "No job has the PandaID 6012999999",
	} {
		_, err := a.Ask(t.Context(), bot.Echo("job", []bot.Token{{Text: text, Quoted: true}}, nil))
		var p *bot.Problem
		if !errors.As(err, &p) || !strings.Contains(p.Sentence, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, line := range []string{"trace wn1 12:00", "job", `job ""`} {
		if a.Knows(line) {
			t.Errorf("%q is taken for a question about a job", line)
		}
	}
	f, err := job.NewAsker([]job.Finder{down{}, database(suspicious())}, log).Ask(t.Context(), "job 6012345678")
	if err != nil || f.Reports[0].State != grid.Failed || f.Reports[1].State != grid.Complete {
		t.Errorf("beside a source that is down: %+v, %v", f.Reports, err)
	}
}
