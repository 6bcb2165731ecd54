package elastic

import (
	"flag"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/pilotlog/pilotlogtest"
	"github.com/gridwarden/gridwarden/backends/searchtest"
)

var (
	truthFlag      = flag.Int("jobs", 2_000, "jobs of the world of TestTruth, each with some 20 snapshots")
	backgroundFlag = flag.Bool("background", false, "ask TestTruth's questions about everybody else, too")
)

// TestTruth asks real servers about the incidents of a generated world, with both
// kinds of records and the logs of pilots: everybody whom the records show must be found, nobody be
// accused, and nothing be called complete that is not.
func TestTruth(t *testing.T) {
	for _, kind := range []searchtest.Kind{searchtest.ES7, searchtest.OS2} {
		t.Run(string(kind), func(t *testing.T) { truth(t, searchtest.One(t, kind)) })
	}
}

func truth(t *testing.T, s searchtest.Server) {
	t.Helper()
	g := gridtest.New(gridtest.Config{Jobs: *truthFlag, Seed: 1, Every: 12 * time.Minute, Logs: 1})
	prefix := s.Prefix(t)
	s.PutTemplate(t, prefix+"cms", prefix+"cms-*", searchtest.CMSMapping())
	s.PutTemplate(t, prefix+"monit", prefix+"monit_prod_condor_raw_metric-*", searchtest.MONITMapping(searchtest.Keyword))
	s.Load(t, prefixed(prefix, g.ESCMS()))
	s.Load(t, prefixed(prefix, g.MONIT()))
	finished := newSource(t, Finished, patient(s.URL, prefix+"cms-*"))
	snapshots := newSource(t, Snapshots, patient(s.URL, prefix+"monit_prod_condor_raw_metric-*"))
	questions := g.Questions()
	if !*backgroundFlag {
		questions = slices.DeleteFunc(questions, func(q gridtest.Question) bool { return q.Incident == "" })
	}
	const with = gridtest.ESCMS | gridtest.MONIT | gridtest.PilotLogs
	scores, err := gridtest.Score(t.Context(), questions, with, g.Now(), []gridtest.Source{finished, snapshots}, pilotlogtest.New(t, g))
	if err != nil {
		t.Fatal(err)
	}
	if r, p := scores.Recall(), scores.Precision(); r < 1 || p < 0.99 {
		t.Errorf("%s: recall %.4f, precision %.4f", with, r, p)
	}
	for _, problem := range scores.Problems() {
		t.Errorf("%s: %s", with, problem)
	}
	slowest := slices.MaxFunc(scores, func(a, b gridtest.Result) int { return int(a.Took - b.Took) })
	t.Logf("%s: recall %.3f, precision %.3f of %d questions; the slowest took %s: %s", with, scores.Recall(), scores.Precision(), len(scores), slowest.Took.Round(time.Millisecond), slowest.Question.Typed)
	lostDay(t, finished, questions)
}

// lostDay asks about incident (j): the index of the day on which its job was
// submitted is not there, and the answer must name it.
func lostDay(t *testing.T, source *Source, questions []gridtest.Question) {
	t.Helper()
	i := slices.IndexFunc(questions, func(q gridtest.Question) bool { return q.Incident == "j" })
	q := questions[i]
	r := find(t, source, q.Query).Report
	if r.State != grid.Partial || !slices.ContainsFunc(r.Notes, func(n string) bool { return strings.Contains(n, "no index of") }) {
		t.Errorf("without the index of a day the answer is %s and says %q", r.State, r.Notes)
	}
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
