package target

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// both is a workload whose jobs belong to every account that is asked about.
type both struct{}

var day = time.Date(2026, 6, 24, 0, 0, 0, 0, time.UTC)

func (both) LiveJobs(_ context.Context, a grid.Account) ([]grid.LiveJob, []grid.LiveTask, error) {
	return []grid.LiveJob{
		{ID: "22", Task: "7", Status: "running", Site: "A", Cores: 8, Submitted: day},
		{ID: "11", Task: "7", Status: "activated", Site: "B", Cores: 8, Submitted: day.Add(time.Hour)},
		{ID: "own of " + a.ID, Task: "7", Status: "holding", Site: "A", Cores: 1},
	}, []grid.LiveTask{{ID: "7", Name: "user.x", Status: "running"}}, nil
}

func TestReadLiveCountsEveryJobOnce(t *testing.T) {
	l, err := ReadLive(t.Context(), both{}, []grid.Account{{ID: "1"}, {ID: "2"}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, f := range l.Facts() {
		b.WriteString(f.Label + ": " + f.Value + "\n")
	}
	want := `jobs now: 3 on worker nodes with 10 cores, 1 waiting
sites: A 3, B 1
submitted: oldest 2026-06-24 00:00:00 UTC, newest 2026-06-24 01:00:00 UTC
tasks now: 1: 7 user.x (running)
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
	if none := (Live{}).Facts(); len(none) != 2 || none[0].Value != "none" || none[1].Value != "none" {
		t.Errorf("of nothing: %v", none)
	}
}

func TestClock(t *testing.T) {
	real := ClockOf(both{})
	if real.Lasts(time.Hour) != time.Hour || !real.Real(day).Equal(day) || real.Facts() != nil {
		t.Error("a real backend's clock differs from the world's")
	}
	drill := ClockOf(fast{})
	if drill.Lasts(time.Hour) != time.Minute || !drill.Real(day.Add(time.Hour)).Equal(day.Add(time.Minute)) || len(drill.Facts()) != 1 {
		t.Error("a drill's clock is not scaled")
	}
}

// fast is a simulated backend that runs 60 times as fast, from day on.
type fast struct{}

func (fast) Now() time.Time                   { return day }
func (fast) RealTime(sim time.Time) time.Time { return day.Add(sim.Sub(day) / 60) }
