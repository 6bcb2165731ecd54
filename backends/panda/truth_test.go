package panda_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// TestWhoRanWhere asks about many worker nodes of a generated PanDA. Everybody who ran
// there is found, and whoever is confirmed did run there.
func TestWhoRanWhere(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Archived: 4000, Days: 10})
	s := reading(t, d.DSN(pandatest.Reader))
	ran, asked := 0, map[string]bool{}
	for g := range truth.All() {
		if g.Node == "" || g.StartTime.IsZero() || asked[g.Node] || len(asked) == 40 {
			continue
		}
		asked[g.Node] = true
		w := grid.Window{From: g.StartTime, To: g.StartTime.Add(12 * time.Hour)}
		found, err := s.Sightings(t.Context(), grid.Query{Kind: grid.ByHost, Host: g.Node, Asked: w.From, Window: w})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]grid.Confidence{}
		for _, sighting := range found.Sightings {
			seen[sighting.Job.ID] = sighting.Confidence
		}
		there := map[string]bool{}
		for _, who := range truth.OnNode(g.Node, w.From, w.To) {
			id := strconv.FormatInt(who.PandaID, 10)
			there[id] = true
			if seen[id] == "" {
				t.Errorf("%s from %s: job %s was missed", g.Node, stamp(w.From), id)
			}
		}
		for id, confidence := range seen {
			if confidence == grid.Confirmed && !there[id] {
				t.Errorf("%s from %s: job %s is confirmed, and was not there", g.Node, stamp(w.From), id)
			}
		}
		ran += len(there)
	}
	if len(asked) < 40 || ran < 40 {
		t.Errorf("only %d jobs on %d nodes were asked about", ran, len(asked))
	}
}

func stamp(at time.Time) string { return at.UTC().Format(time.RFC3339) }

// TestWhatRan reads generated jobs of every kind: where the code is and what was run.
func TestWhatRan(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Archived: 2000, Days: 10})
	s := reading(t, d.DSN(pandatest.Reader))
	n, urls, commands := 0, 0, 0
	for g := range truth.All() {
		if n++; n%17 != 0 {
			continue
		}
		j, err := s.Job(t.Context(), g.PandaID)
		if err != nil {
			t.Fatal(err)
		}
		command := grid.ParsePandaParams(j.Transformation, j.Parameters).Command.Text
		if g.Command == "" {
			command = "" // of a build job: make, which the truth does not count as run by the user
		}
		if url := j.Payload().URL; url != g.URL || command != g.Command || j.UserName != g.ProdUserName || !j.Started.Equal(g.StartTime) {
			t.Errorf("%d: %q and %q of %q, want %q and %q of %q\n%s", g.PandaID, url, command, j.UserName, g.URL, g.Command, g.ProdUserName, j.Parameters)
		}
		if g.URL != "" {
			urls++
		}
		if g.Command != "" {
			commands++
		}
	}
	if urls < 10 || commands < 10 {
		t.Errorf("of %d jobs %d have a payload and %d a command", n, urls, commands)
	}
}
