package panda_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// TestWhoRanWhere asks about many worker nodes of a generated PanDA, its database and
// its monitor. Everybody who ran there is found, and whoever is confirmed did run
// there; and of both the people are the same.
func TestWhoRanWhere(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Archived: 4000, Days: 10})
	people := map[string]string{}
	sources := []trace.Source{reading(t, d.DSN(pandatest.Reader)), newRemoteBench(t, d, pandatest.MonitorOptions{}).Remote}
	for i, s := range sources {
		nodes := 40
		if i > 0 {
			nodes = 12 // a few: the monitor is asked several questions about each
		}
		ran, asked := 0, map[string]bool{}
		for g := range truth.All() {
			if g.Node == "" || g.StartTime.IsZero() || asked[g.Node] || len(asked) == nodes {
				continue
			}
			asked[g.Node] = true
			w := grid.Window{From: g.StartTime, To: g.StartTime.Add(12 * time.Hour)}
			found, err := s.Sightings(t.Context(), grid.Query{Kind: grid.ByHost, Host: g.Node, Asked: w.From, Window: w})
			if err != nil {
				t.Fatal(err)
			}
			ran += whoRan(t, s.Name(), truth, g.Node, w, found)
			switch names := peopleOf(found); i {
			case 0:
				people[g.Node] = names
			default:
				if people[g.Node] != names {
					t.Errorf("%s: %s has %s, and %s %s", g.Node, sources[0].Name(), people[g.Node], s.Name(), names)
				}
			}
		}
		if len(asked) < nodes || ran < nodes {
			t.Errorf("%s: only %d jobs on %d nodes were asked about", s.Name(), ran, len(asked))
		}
	}
}

// whoRan holds what was found on a node against the truth, and gives how many ran there.
func whoRan(t *testing.T, source string, truth *pandatest.Truth, node string, w grid.Window, found grid.Found) int {
	t.Helper()
	seen := map[string]grid.Confidence{}
	for _, sighting := range found.Sightings {
		seen[sighting.Job.ID] = sighting.Confidence
	}
	there := map[string]bool{}
	for _, who := range truth.OnNode(node, w.From, w.To) {
		id := strconv.FormatInt(who.PandaID, 10)
		there[id] = true
		if seen[id] == "" {
			t.Errorf("%s: %s from %s: job %s was missed: %q", source, node, stamp(w.From), id, found.Report.Notes)
		}
	}
	for id, confidence := range seen {
		if confidence == grid.Confirmed && !there[id] {
			t.Errorf("%s: %s from %s: job %s is confirmed, and was not there", source, node, stamp(w.From), id)
		}
	}
	return len(there)
}

// peopleOf are the PanDA names of those who were found, with how sure that is.
func peopleOf(found grid.Found) string {
	var out []string
	for _, s := range found.Sightings {
		for _, id := range s.Job.Identities {
			if id.Kind == "panda" {
				out = append(out, id.Value+" "+string(s.Confidence))
			}
		}
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), ", ")
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
