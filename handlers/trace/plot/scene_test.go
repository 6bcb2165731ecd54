package plot

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// noon is the time that the scenes are asked about.
var noon = time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)

// later is noon and some hours.
func later(hours float64) time.Time { return noon.Add(time.Duration(hours * float64(time.Hour))) }

// asked is the usual question: 48 hours from noon.
func asked() grid.Query {
	return grid.Query{
		Kind: grid.ByHost, Host: "wn042.example.org", Asked: noon,
		Window: grid.Window{From: noon.Add(-10 * time.Minute), To: later(48)},
	}
}

// ran is a job that was on the host between two hours after noon.
func ran(id, user string, from, to float64) grid.Sighting {
	return grid.Sighting{
		Job: grid.Job{
			ID: id, Experiment: grid.CMS, Kind: grid.Finished, Status: "Completed", Starts: 1,
			Submitted: later(from - 1), FirstStart: later(from), Start: later(from), End: later(to), Recorded: later(to + 0.1),
			Identities: []grid.Identity{{Kind: "crab", Value: user, AssertedBy: grid.BySubmitter, Source: "cms"}},
		},
		Confidence: grid.Confirmed, Host: "wn042.example.org", Sources: []string{"cms"},
	}
}

// perhaps makes a sighting a possible one.
func perhaps(s grid.Sighting) grid.Sighting {
	s.Confidence, s.Host, s.Why = grid.Possible, "", "no host in the record"
	return s
}

// running makes a sighting one of a job that ran when it was last seen.
func running(s grid.Sighting) grid.Sighting {
	s.Job.Kind, s.Job.Status, s.Job.Recorded, s.Job.End = grid.Snapshot, "Running", s.Job.End, time.Time{}
	return s
}

// chart is a Chart of sightings as Merge makes it of them.
func chart(q grid.Query, now time.Time, sightings ...grid.Sighting) Chart {
	found := grid.Found{Sightings: sightings, Report: grid.Report{Name: "cms", Experiment: grid.CMS, State: grid.Complete}}
	return Chart{
		Subject: q.Host, Trace: grid.Merge(q, []grid.Found{found}, now), Now: now,
		Name: func(p grid.Person) string { return p.Username },
	}
}

// few is a chart with everything in it that has a sign of its own.
func few() Chart {
	q := asked()
	q.Window.To, q.OpenUntil = later(30), later(48)
	return chart(
		q, later(30),
		ran("1", "naughtyuser", -9, 4.5), running(ran("2", "naughtyuser", 20, 29.5)),
		ran("3", "jdoe", 1, 3), ran("4", "jdoe", 2.5, 11), ran("5", "jdoe", 14, 14.2),
		perhaps(ran("6", "aschmidt", 5, 17)),
		perhaps(running(ran("7", "mmcdonald", 22, 29))),
	)
}

// many is a chart of n jobs of some people, in slots that are never free for long.
func many(n, people int) Chart {
	r := rand.New(rand.NewPCG(1, 2))
	var all []grid.Sighting
	for i := range n {
		from := -10 + r.Float64()*58
		s := ran(fmt.Sprint(i), fmt.Sprintf("user%02d", int(float64(people)*r.Float64()*r.Float64())), from, from+0.2+r.ExpFloat64()*6)
		if r.IntN(8) == 0 {
			s = perhaps(s)
		}
		all = append(all, s)
	}
	return chart(asked(), later(60), all...)
}

func drawn(t testing.TB, c Chart) Picture {
	t.Helper()
	p, ok, err := c.Draw()
	if err != nil || !ok {
		t.Fatalf("not drawn: %v, %v", ok, err)
	}
	return p
}
