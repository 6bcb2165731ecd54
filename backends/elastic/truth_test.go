package elastic

import (
	"context"
	"flag"
	"iter"
	"net/http"
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
	truthJobs      = flag.Int("jobs", min(gridtest.TestJobs, 2_000), "jobs of the world of TestTruth")
	truthSeed      = flag.Uint64("world", 1, "seed of that world")
	truthEvery     = flag.Duration("every", 12*time.Minute, "how often its snapshots were taken, which MONIT's are every 12 min")
	truthLogs      = flag.Int("logs", 1, "of how many of its pilots of the background one has a log; 0 for none")
	truthIndex     = flag.String("index", "", "how the names of indices begin that TestTruth leaves at the server, and does not fill again")
	backgroundFlag = flag.Bool("background", false, "ask TestTruth's questions about everybody else, too")
)

// worldLookBack is longer than jobs of the world wait, which is 30 days at most.
const worldLookBack = 31 * 24 * time.Hour

// TestTruth asks real servers about the incidents of a generated world, with both
// kinds of records and the logs of pilots: everybody whom the records show must be
// found, nobody be accused, and nothing be called complete that is not.
func TestTruth(t *testing.T) {
	w := newTruth(t)
	for _, kind := range []searchtest.Kind{searchtest.ES7, searchtest.OS2} {
		t.Run(string(kind), func(t *testing.T) { w.ask(t, searchtest.One(t, kind)) })
	}
}

// daily is how many jobs it takes for every day to have an index.
const daily = 20_000

// truth is a world, and what is to be asked about it.
type truth struct {
	*gridtest.Generator
	questions []gridtest.Question
	logs      string
}

func newTruth(t *testing.T) *truth {
	t.Helper()
	g := gridtest.New(gridtest.Config{Jobs: *truthJobs, Seed: *truthSeed, Every: *truthEvery, Logs: *truthLogs})
	w := &truth{Generator: g, questions: g.Questions(), logs: pilotlogtest.Write(t, g)}
	if !*backgroundFlag {
		w.questions = slices.DeleteFunc(w.questions, func(q gridtest.Question) bool { return q.Incident == "" })
	}
	naive := gridtest.NewNaive(w.questions)
	for d := range g.ESCMS() {
		if err := naive.Add(d); err != nil {
			t.Fatal(err)
		}
	}
	by := naive.Scores()
	t.Logf("by hand, as the page says: recall %.3f, precision %.3f of %d questions", by.Recall(), by.Precision(), len(by))
	if by.Recall() > 0.9 || by.Precision() > 0.95 {
		t.Error("these records are no test")
	}
	return w
}

// ask fills a server with the world and asks. Where but one index is missing it asks
// some again when that has come back.
func (w *truth) ask(t *testing.T, s searchtest.Server) {
	t.Helper()
	prefix := w.fill(t, s)
	config := patient(s.URL, prefix+"cms-*")
	config.LookBack = worldLookBack
	finished := &listening{Source: newSource(t, Finished, config)}
	snapshots := newSource(t, Snapshots, patient(s.URL, prefix+"monit_prod_condor_raw_metric-*"))
	logs := pilotlogtest.Open(t, w.logs, w.Now())

	scores := w.score(t, w.questions, finished, snapshots, logs)
	missing, err := time.Parse(time.DateOnly, w.MissingDay())
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range finished.reports {
		if asked := scores[i].Question.Query.Window; missing.Before(day(asked.From.Add(-worldLookBack))) || missing.After(asked.To) {
			continue
		}
		if r.State != grid.Partial || !strings.Contains(strings.Join(r.Notes, "; "), "there is no index of ") || scores[i].Complete {
			t.Errorf("(%s) without the index of a day the answer is %s and says %q", scores[i].Question.Incident, r.State, r.Notes)
		}
	}
	if *truthJobs < daily {
		return
	}
	i := slices.IndexFunc(w.questions, func(q gridtest.Question) bool { return q.Incident == "j" })
	if notes := strings.Join(finished.reports[i].Notes, "; "); !strings.Contains(notes, w.MissingDay()) {
		t.Errorf("which day it is that is missing is not said: %s", notes)
	}

	s.Load(t, prefixed(prefix, w.Lost()))
	claims := w.score(t, w.oneOfEach("a", "c", "j", "l", "n", "p"), finished, snapshots, logs)
	called := 0
	for _, r := range claims {
		if r.Complete {
			called++
		}
	}
	t.Logf("with nothing missing %d of %d answers call themselves complete", called, len(claims))
	if called == 0 && *truthLogs == 1 {
		t.Error("an answer that has everything does not call itself complete")
	}
}

// fill loads the world, unless that was done before, and gives how the names of its
// indices begin.
func (w *truth) fill(t *testing.T, s searchtest.Server) (prefix string) {
	t.Helper()
	const done = "filled"
	if prefix = *truthIndex; prefix == "" {
		prefix = s.Prefix(t)
	}
	there := string(s.Call(t, http.MethodGet, "/_cat/indices/"+prefix+"*?h=index", nil))
	if slices.Contains(strings.Fields(there), prefix+done) {
		s.Call(t, http.MethodDelete, "/"+prefix+"cms-"+w.MissingDay()+"?ignore_unavailable=true", nil)
		return prefix
	}
	s.Call(t, http.MethodDelete, "/"+prefix+"*?ignore_unavailable=true&allow_no_indices=true", nil)
	s.PutTemplate(t, prefix+"cms", prefix+"cms-*", searchtest.CMSMapping())
	s.PutTemplate(t, prefix+"monit", prefix+"monit_prod_condor_raw_metric-*", searchtest.MONITMapping(searchtest.Keyword))
	s.Load(t, prefixed(prefix, w.ESCMS()))
	s.Load(t, prefixed(prefix, w.MONIT()))
	s.Call(t, http.MethodPut, "/"+prefix+done, nil)
	return prefix
}

// score asks and holds the answers against the truth.
func (w *truth) score(t *testing.T, questions []gridtest.Question, finished *listening, snapshots *Source, logs *pilotlogtest.World) gridtest.Scores {
	t.Helper()
	finished.reports = nil
	const with = gridtest.ESCMS | gridtest.MONIT | gridtest.PilotLogs
	scores, err := gridtest.Score(t.Context(), questions, with, w.Now(), []gridtest.Source{finished, snapshots}, logs)
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
	return scores
}

// oneOfEach gives the first question about each of some incidents.
func (w *truth) oneOfEach(incidents ...string) []gridtest.Question {
	var out []gridtest.Question
	for _, name := range incidents {
		i := slices.IndexFunc(w.questions, func(q gridtest.Question) bool { return q.Incident == name })
		out = append(out, w.questions[i])
	}
	return out
}

// listening is a source whose reports are kept, in the order in which it was asked.
type listening struct {
	*Source
	reports []grid.Report
}

func (l *listening) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	f, err := l.Source.Sightings(ctx, q)
	l.reports = append(l.reports, f.Report)
	return f, err
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
