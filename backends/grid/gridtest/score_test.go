package gridtest

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// records answers by looking at every record, one after the other.
type records struct {
	jobs  []grid.Job
	of    map[string][]grid.Job // by job
	spoil func(grid.Query, *grid.Found)
	err   error
}

func (r *records) Sightings(_ context.Context, q grid.Query) (grid.Found, error) {
	f := grid.Found{Report: grid.Report{Name: "test", Experiment: grid.CMS, State: grid.Partial}}
	for _, j := range r.jobs {
		if j.Running() {
			for _, other := range r.of[j.ID] {
				j = j.BoundedBy(other)
			}
		}
		if s, ok := grid.Match(q, j); ok {
			f.Sightings = append(f.Sightings, s)
		}
	}
	after, pilots := grid.Afterwards(q, f.Sightings)
	f.Exposed = grid.Exposed(after, pilots, slices.DeleteFunc(slices.Clone(r.jobs), func(j grid.Job) bool {
		return slices.ContainsFunc(f.Sightings, func(s grid.Sighting) bool { return s.Job.ID == j.ID })
	}))
	if r.spoil != nil {
		r.spoil(q, &f)
	}
	return f, r.err
}

func readAll(t *testing.T, g *Generator) *records {
	t.Helper()
	r := &records{of: map[string][]grid.Job{}}
	add := func(source []byte) {
		var rec map[string]any
		if err := json.Unmarshal(source, &rec); err != nil {
			t.Fatal(err)
		}
		j, err := grid.JobFromRecord(rec, "test")
		if err != nil {
			t.Fatal(err)
		}
		r.jobs = append(r.jobs, j)
		r.of[j.ID] = append(r.of[j.ID], j)
	}
	for d := range g.ESCMS() {
		add(d.Source)
	}
	for d := range g.MONIT() {
		add(d.Source)
	}
	return r
}

type enricher func(grid.Query, []grid.Sighting) grid.Found

func (e enricher) Enrich(_ context.Context, q grid.Query, seen []grid.Sighting) (grid.Found, error) {
	return e(q, seen), nil
}

// TestScore: an honest source has no problems, and each way to be wrong is seen.
func TestScore(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 1200, Seed: 11})
	questions := g.Questions()
	r := readAll(t, g)
	score := func(spoil func(grid.Query, *grid.Found)) Scores {
		r.spoil = spoil
		s, err := Score(t.Context(), questions, ESCMS|MONIT, g.Now(), []Source{r})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := score(nil); s.Recall() < 1 || s.Precision() < 1 || len(s.Problems()) > 0 {
		t.Errorf("the rules alone have recall %.4f and precision %.4f: %s", s.Recall(), s.Precision(), strings.Join(s.Problems(), "\n"))
	}
	for name, c := range map[string]struct {
		spoil func(grid.Query, *grid.Found)
		want  string
	}{
		"nobody is found": {func(_ grid.Query, f *grid.Found) { f.Sightings = nil }, "missed"},
		"the possible are confirmed": {func(_ grid.Query, f *grid.Found) {
			for i := range f.Sightings {
				f.Sightings[i].Confidence = grid.Confirmed
			}
		}, "accused wrongly"},
		"who must not be there is possible": {func(q grid.Query, f *grid.Found) {
			for _, asked := range questions {
				if asked.Typed != q.Raw || !asked.Query.Asked.Equal(q.Asked) || len(asked.Never) == 0 {
					continue
				}
				i := slices.IndexFunc(r.jobs, func(j grid.Job) bool { return j.ID == asked.Never[0] })
				f.Sightings = append(f.Sightings, grid.Sighting{Job: r.jobs[i], Confidence: grid.Possible})
			}
		}, "accused wrongly"},
		"nobody has a name": {func(_ grid.Query, f *grid.Found) {
			for i := range f.Sightings {
				f.Sightings[i].Job.Identities = nil
			}
		}, "not named"},
		"the proxy is not looked at": {func(_ grid.Query, f *grid.Found) {
			for i, s := range f.Sightings {
				f.Sightings[i].Job.Identities = slices.DeleteFunc(slices.Clone(s.Job.Identities), func(id grid.Identity) bool { return id.Kind == "dn" })
			}
		}, "not named"},
		"all is complete": {func(_ grid.Query, f *grid.Found) { f.Report.State = grid.Complete }, "untrue statement"},
	} {
		if p := score(c.spoil).Problems(); !slices.ContainsFunc(p, func(s string) bool { return strings.Contains(s, c.want) }) {
			t.Errorf("%s: %q", name, p)
		}
	}
	// What an answer says of its gap is no untrue statement.
	said := score(func(_ grid.Query, f *grid.Found) {
		f.Report.State, f.Report.Notes = grid.Complete, []string{"jobs with CMS_Type DONOTMONIT are in no record"}
	})
	for _, x := range said {
		if x.Question.Incident == "n" && x.Untrue != "" {
			t.Errorf("(n): %s", x.Untrue)
		}
	}
	// What only a worker node says may be possible, and must be said to be so.
	forged := slices.IndexFunc(questions, func(q Question) bool { return len(q.Forged) > 0 })
	for _, by := range []grid.Trust{grid.ByPilot, grid.BySubmitter} {
		tell := enricher(func(grid.Query, []grid.Sighting) grid.Found {
			j := grid.Job{ID: questions[forged].Forged[0], Experiment: grid.CMS, Identities: []grid.Identity{{Kind: "crab", Value: "jdoe", AssertedBy: by}}}
			return grid.Found{Sightings: []grid.Sighting{{Job: j, Confidence: grid.Possible}}, Report: grid.Report{State: grid.Complete}}
		})
		r.spoil = nil
		s, err := Score(t.Context(), questions[forged:forged+1], ESCMS|MONIT, g.Now(), []Source{r}, tell)
		if err != nil || len(s[0].Accused) > 0 != (by != grid.ByPilot) || s[0].Possible == 0 {
			t.Errorf("a forged job on the word of %s: %+v, %v", by, s, err)
		}
	}
	r.err = errors.New("away")
	if _, err := Score(t.Context(), questions, ESCMS, g.Now(), []Source{r}); !errors.Is(err, r.err) {
		t.Errorf("an error is lost: %v", err)
	}
}

// TestNaiveFallsIntoTheTraps: the way of the wiki page misses and accuses just
// where its steps are known to be wrong.
func TestNaiveFallsIntoTheTraps(t *testing.T) {
	t.Parallel()
	g := New(Config{Jobs: 3000, Seed: 12})
	n := NewNaive(g.Questions())
	for d := range g.ESCMS() {
		if err := n.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	if err := n.Add(Doc{ID: "x", Source: []byte("{")}); err == nil {
		t.Error("half a document was read")
	}
	for _, r := range n.Scores() {
		q := r.Question
		misses := slices.Contains([]string{"b", "j", "l", "n", "p"}, q.Incident) || q.Incident == "e" && q.Typed != "sdsc-7"
		if misses && len(r.Missed) == 0 {
			t.Errorf("(%s) %s: nobody is missed", q.Incident, q.Typed)
		}
		if q.Incident == "h" && q.Query.Kind == grid.ByPilotID && len(r.Accused) == 0 {
			t.Errorf("(h): nobody is accused")
		}
		if (q.Incident == "f" || q.Incident == "k") && r.Found == 0 {
			t.Errorf("(%s): what works is not done right", q.Incident)
		}
	}
}
