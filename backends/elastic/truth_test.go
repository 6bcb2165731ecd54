package elastic

import (
	"flag"
	"iter"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/searchtest"
)

var truthFlag = flag.Int("jobs", 20_000, "jobs of the world of TestTruth")

// TestTruth asks real servers about the incidents of a generated world, es-cms
// alone and with MONIT: everybody whom the records show must be found, nobody be
// accused, and nothing be called complete that is not.
func TestTruth(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, s searchtest.Server) {
		g := gridtest.New(gridtest.Config{Jobs: *truthFlag, Seed: 1})
		prefix := s.Prefix(t)
		s.PutTemplate(t, prefix+"cms", prefix+"cms-*", searchtest.CMSMapping())
		s.PutTemplate(t, prefix+"monit", prefix+"monit_prod_condor_raw_metric-*", searchtest.MONITMapping(searchtest.Keyword))
		s.Load(t, prefixed(prefix, g.ESCMS()))
		s.Load(t, prefixed(prefix, g.MONIT()))
		finished := newSource(t, Finished, patient(s.URL, prefix+"cms-*"))
		snapshots := newSource(t, Snapshots, patient(s.URL, prefix+"monit_prod_condor_raw_metric-*"))
		questions := g.Questions()
		for _, c := range []struct {
			with    gridtest.Sources
			sources []gridtest.Source
		}{
			{gridtest.ESCMS, []gridtest.Source{finished}},
			{gridtest.ESCMS | gridtest.MONIT, []gridtest.Source{finished, snapshots}},
		} {
			scores, err := gridtest.Score(t.Context(), questions, c.with, g.Now(), c.sources...)
			if err != nil {
				t.Fatal(err)
			}
			if r, p := scores.Recall(), scores.Precision(); r < 1 || p < 0.99 {
				t.Errorf("%s: recall %.4f, precision %.4f", c.with, r, p)
			}
			for _, problem := range scores.Problems() {
				t.Errorf("%s: %s", c.with, problem)
			}
			slowest := slices.MaxFunc(scores, func(a, b gridtest.Result) int { return int(a.Took - b.Took) })
			t.Logf("%s: recall %.3f, precision %.3f of %d questions; the slowest took %s: %s", c.with, scores.Recall(), scores.Precision(), len(scores), slowest.Took.Round(time.Millisecond), slowest.Question.Typed)
		}
		lostDay(t, s, prefix, finished, questions)
	})
}

// lostDay takes away the index of the day on which the job of incident (j) was
// submitted: the answer must name it.
func lostDay(t *testing.T, s searchtest.Server, prefix string, source *Source, questions []gridtest.Question) {
	t.Helper()
	i := slices.IndexFunc(questions, func(q gridtest.Question) bool { return q.Incident == "j" })
	q := questions[i]
	at := slices.IndexFunc(q.Truth, func(e gridtest.Expected) bool { return submitted(t, e.Job) != q.Query.Asked.Format(time.DateOnly) })
	if at < 0 {
		t.Fatal("every job of the incident was submitted on the day that was asked about")
	}
	day := submitted(t, q.Truth[at].Job)
	s.Call(t, "DELETE", "/"+prefix+"cms-"+day, nil)
	r := find(t, source, q.Query).Report
	if r.State != grid.Partial || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "no index of") && strings.Contains(n, day) }) {
		t.Errorf("without the index of %s the answer is %s and says %q", day, r.State, r.Notes)
	}
}

// submitted gives the day of submission, which ends a GlobalJobId.
func submitted(t *testing.T, id string) string {
	t.Helper()
	seconds, err := strconv.ParseInt(id[strings.LastIndexByte(id, '#')+1:], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly)
}

func prefixed(prefix string, docs iter.Seq[gridtest.Doc]) iter.Seq[searchtest.Document] {
	return func(yield func(searchtest.Document) bool) {
		for d := range docs {
			if !yield(searchtest.Document{Index: prefix + d.Index, ID: d.ID, Source: d.Source}) {
				return
			}
		}
	}
}
