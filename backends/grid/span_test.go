package grid

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	finished := Job{Kind: Finished, Starts: 1, Submitted: hours(-1), FirstStart: hours(1), Start: hours(1), End: hours(3), Recorded: hours(4)}
	restarted := finished
	restarted.FirstStart, restarted.PreviousStart, restarted.Starts = hours(-5), hours(-2), 3
	noStart := finished
	noStart.Start, noStart.FirstStart = time.Time{}, time.Time{}
	noEnd := finished
	noEnd.End = time.Time{}
	backwards := finished
	backwards.Start, backwards.FirstStart, backwards.End = hours(5), hours(5), hours(2)
	seenRunning := Job{Kind: Snapshot, Status: "Running", Submitted: hours(-1), FirstStart: hours(1), Start: hours(1), Recorded: hours(2)}
	over := seenRunning
	over.OverBy = hours(6)
	early := seenRunning
	early.Start, early.FirstStart = hours(3), hours(3)
	for _, c := range []struct {
		name       string
		job        Job
		confidence Confidence
		running    bool
		want       Span
	}{
		{"a finished job", finished, Confirmed, false, Span{From: hours(1), To: hours(3)}},
		{"a finished job, possible", finished, Possible, false, Span{From: hours(1), To: hours(3)}},
		{"the latest of several runs", restarted, Confirmed, false, Span{From: hours(1), To: hours(3)}},
		{"any of several runs", restarted, Possible, false, Span{From: hours(-5), To: hours(3)}},
		{"no start", noStart, Possible, false, Span{From: hours(-1), To: hours(3)}},
		{"no end", noEnd, Possible, false, Span{From: hours(1), To: hours(4), Open: true}},
		{"a contradiction", backwards, Possible, false, Span{From: hours(-1), To: hours(5)}},
		{"running", seenRunning, Confirmed, true, Span{From: hours(1), To: hours(2), Open: true}},
		{"running, possible", seenRunning, Possible, true, Span{From: hours(1), To: hours(2), Open: true}},
		{"running, and ended by another record", seenRunning, Confirmed, false, Span{From: hours(1), To: hours(2)}},
		{"over by some time", over, Confirmed, true, Span{From: hours(1), To: hours(2)}},
		{"over by some time, possible", over, Possible, true, Span{From: hours(1), To: hours(6)}},
		{"seen before it began", early, Confirmed, true, Span{From: hours(2), To: hours(2), Open: true}},
		{"no dates", Job{Kind: Finished}, Possible, false, Span{Open: true}},
	} {
		got := Sighting{Job: c.job, Confidence: c.confidence, Running: c.running}.Span()
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestMergeSaysWhoseASightingIs holds that every sighting is one person's, and
// that a job which some record knows to be over is not said to run.
func TestMergeSaysWhoseASightingIs(t *testing.T) {
	t.Parallel()
	running := seen("1", "wn1", Confirmed, login("jdoe"))
	running.Job.Kind, running.Job.Status, running.Job.End, running.Job.Recorded = Snapshot, "Running", time.Time{}, hours(1.5)
	over := running
	over.Job.ID, over.Host = "2", "wn2"
	ended := seen("2", "wn1", Confirmed, login("jdoe"))
	other := seen("3", "wn1", Possible, login("roe"))
	trace := Merge(Query{Kind: ByHost, Window: window}, []Found{complete("monit", CMS, other, running, over, ended)}, hours(100))
	owner := map[int]string{}
	for _, p := range trace.People {
		for _, i := range p.Seen {
			if owner[i] != "" {
				t.Errorf("sighting %d is %s's and %s's", i, owner[i], p.Username)
			}
			owner[i] = p.Username
		}
	}
	for i, s := range trace.Sightings {
		want := "jdoe"
		if s.Job.ID == "3" {
			want = "roe"
		}
		if owner[i] != want || s.Running != (s.Job.ID == "1") {
			t.Errorf("job %s on %s is %q's, running %v", s.Job.ID, s.Host, owner[i], s.Running)
		}
	}
	if len(trace.Sightings) != 4 {
		t.Errorf("%d sightings", len(trace.Sightings))
	}
}
