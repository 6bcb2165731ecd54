package history_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/history"
	"github.com/gridwarden/gridwarden/backends/pilotlog/pilotlogtest"
)

var (
	truthJobs  = flag.Int("jobs", gridtest.TestJobs, "jobs of the world of TestTruth")
	truthSeed  = flag.Uint64("world", 1, "seed of that world")
	truthEvery = flag.Duration("every", 0, "how often its snapshots were taken; every 2 h when 0")
	truthLogs  = flag.Int("logs", 1, "of how many of its pilots of the background one has a log; 0 for none")
	update     = flag.Bool("update", false, "write what TestTruth found into docs/truth.md")
)

// truthPage has the results of the default world.
const truthPage = "../../docs/truth.md"

// What stands before and after them in the page.
const tableBegin, tableEnd = "<!-- results -->\n", "<!-- end of results -->\n"

// step is a kind of records that is imported, one after the other.
type step struct {
	adds    gridtest.Sources
	records iter.Seq[[]byte]
}

// TestTruth asks the store about the incidents of a generated world, first with
// es-cms only, then with more and more sources: everybody whom the records show
// must be found, nobody be accused, and nothing be called complete that is not.
func TestTruth(t *testing.T) {
	t.Parallel()
	g := gridtest.New(gridtest.Config{Jobs: *truthJobs, Seed: *truthSeed, Every: *truthEvery, Logs: *truthLogs})
	path := filepath.Join(t.TempDir(), "history.db")
	s := openStore(t, history.Config{SQLite: path})
	questions := g.Questions()
	naive := gridtest.NewNaive(questions)
	var with gridtest.Sources
	var results []gridtest.Scores
	for _, step := range []step{
		{gridtest.ESCMS, func(yield func([]byte) bool) {
			for d := range g.ESCMS() {
				if err := naive.Add(d); err != nil {
					t.Error(err)
					return
				}
				if !yield(d.Source) {
					return
				}
			}
		}},
		{gridtest.MONIT, sources(g.MONIT())},
		{gridtest.History, ads(g.History())},
		{gridtest.Epochs, ads(g.Epochs())},
	} {
		with |= step.adds
		importAll(t, s, step.records)
		if step.adds == gridtest.History {
			continue // together with the epochs
		}
		results = append(results, goodScore(t, g, questions, with, s))
	}
	logs := pilotlogtest.New(t, g)
	results = append(results, goodScore(t, g, questions, with|gridtest.PilotLogs, s, logs))
	claims := checkClaims(t, g, questions, with, path, logs)
	results = append(results, naive.Scores())
	if bad := results[len(results)-1]; bad.Recall() > 0.9 || bad.Precision() > 0.95 {
		t.Errorf("the naive way has recall %.2f and precision %.2f: these records are no test", bad.Recall(), bad.Precision())
	}
	page(t, table(results, claims))
}

// goodScore is score, and nobody may be missed or accused.
func goodScore(t *testing.T, g *gridtest.Generator, questions []gridtest.Question, with gridtest.Sources, s *history.Store, logs ...gridtest.Enricher) gridtest.Scores {
	t.Helper()
	scores := score(t, g, questions, with, s, logs...)
	if r, p := scores.Recall(), scores.Precision(); r < 1 || p < 0.99 {
		t.Errorf("%s: recall %.4f, precision %.4f", with, r, p)
	}
	for _, problem := range scores.Problems() {
		t.Errorf("%s: %s", with, problem)
	}
	return scores
}

// claims are the answers of a store that says that it is complete, by itself and
// with the logs of pilots.
type claims struct{ records, logs gridtest.Scores }

// checkClaims opens the store as complete, which it is but for one schedd whose
// history nobody handed over: an answer may then be called complete, and is wrong
// only for the job that was submitted there. The log of its pilot has that job.
func checkClaims(t *testing.T, g *gridtest.Generator, questions []gridtest.Question, with gridtest.Sources, path string, logs gridtest.Enricher) claims {
	t.Helper()
	s := openStore(t, history.Config{SQLite: path, Complete: true})
	out := claims{score(t, g, questions, with, s), score(t, g, questions, with|gridtest.PilotLogs, s, logs)}
	called := 0
	for _, r := range out.records {
		if r.Complete {
			called++
		}
		if (r.Untrue != "") != (r.Question.Incident == "n") {
			t.Errorf("(%s) %s: untrue: %q", r.Question.Incident, r.Question.About, r.Untrue)
		}
	}
	if called < len(questions)/2 {
		t.Errorf("only %d of %d answers of a store that has everything are complete", called, len(questions))
	}
	for _, problem := range out.logs.Problems() {
		t.Errorf("with logs: %s", problem)
	}
	return out
}

func openStore(t *testing.T, c history.Config) *history.Store {
	t.Helper()
	s, err := history.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func score(t *testing.T, g *gridtest.Generator, questions []gridtest.Question, with gridtest.Sources, s *history.Store, logs ...gridtest.Enricher) gridtest.Scores {
	t.Helper()
	scores, err := gridtest.Score(t.Context(), questions, with, g.Now(), []gridtest.Source{s}, logs...)
	if err != nil {
		t.Fatal(err)
	}
	return scores
}

func sources(docs iter.Seq[gridtest.Doc]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for d := range docs {
			if !yield(d.Source) {
				return
			}
		}
	}
}

func ads(all iter.Seq2[string, []byte]) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for _, ad := range all {
			if !yield(ad) {
				return
			}
		}
	}
}

// importAll imports records through a pipe, so that no file holds them.
func importAll(t *testing.T, s *history.Store, records iter.Seq[[]byte]) {
	t.Helper()
	r, w := io.Pipe()
	n := int64(0)
	go func() {
		var err error
		for record := range records {
			n++
			if _, err = w.Write(append(record, '\n')); err != nil {
				break
			}
		}
		w.CloseWithError(err)
	}()
	report, err := s.Import(t.Context(), []string{history.Stdin}, r, nil)
	if err != nil || report.Rejected > 0 || report.Records != n || n == 0 {
		t.Fatalf("%d records: %+v, %v", n, report, err)
	}
}

// withEverything is which of the results are those with all records and logs.
const withEverything = 3

// table writes the results, a line for each question about an incident and one
// for all of the background.
func table(results []gridtest.Scores, claims claims) string {
	var b strings.Builder
	b.WriteString("| | asked | ran there | es-cms | and MONIT | and condor_history with epochs | and pilot logs | by hand, as the page says | exposed afterwards | complete? records | with logs |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	background := make([]gridtest.Result, len(results))
	ran, exposed, questions, complete, withLogs := 0, 0, 0, 0, 0
	for i, r := range results[0] {
		if r.Question.Incident == "" {
			questions++
			exposed += results[withEverything][i].Exposed
			ran += len(r.Question.Truth)
			if claims.records[i].Complete {
				complete++
			}
			if claims.logs[i].Complete {
				withLogs++
			}
			for k := range results {
				background[k] = sum(background[k], results[k][i])
			}
			continue
		}
		fmt.Fprintf(&b, "| (%s) | %s: `%s` | %d |", r.Question.Incident, r.Question.About, r.Question.Typed, len(r.Question.Truth))
		for k := range results {
			b.WriteString(cell(results[k][i]))
		}
		fmt.Fprintf(&b, " %d |", results[withEverything][i].Exposed)
		b.WriteString(claim(claims.records[i]) + claim(claims.logs[i]) + "\n")
	}
	fmt.Fprintf(&b, "| | %d questions about the background | %d |", questions, ran)
	for _, r := range background {
		b.WriteString(cell(r))
	}
	fmt.Fprintf(&b, " %d | %d of %d | %d of %d |", exposed, complete, questions, withLogs, questions)
	b.WriteString("\n| | **recall, confirmed or possible** | |")
	for _, s := range results {
		fmt.Fprintf(&b, " %.3f |", s.Recall())
	}
	b.WriteString(" | | |\n| | **precision of confirmed** | |")
	for _, s := range results {
		fmt.Fprintf(&b, " %.3f |", s.Precision())
	}
	b.WriteString(" | | |\n")
	return b.String()
}

func sum(a, b gridtest.Result) gridtest.Result {
	a.Needed, a.Found, a.Unseen = a.Needed+b.Needed, a.Found+b.Found, a.Unseen+b.Unseen
	a.Confirmed, a.Right, a.Possible = a.Confirmed+b.Confirmed, a.Right+b.Right, a.Possible+b.Possible
	return a
}

// claim is what a store that claims to have everything says of its answer.
func claim(r gridtest.Result) string {
	switch {
	case r.Untrue != "":
		return " yes, wrongly |"
	case r.Complete && !r.Question.Query.OpenUntil.IsZero():
		return " yes, so far |"
	case r.Complete:
		return " yes |"
	}
	return " no |"
}

func cell(r gridtest.Result) string {
	out := fmt.Sprintf(" %d of %d", r.Found, r.Needed)
	if wrong := r.Confirmed - r.Right; wrong > 0 {
		out += fmt.Sprintf(", %d innocent", wrong)
	}
	if r.Possible > 0 {
		out += fmt.Sprintf("; %d possible", r.Possible)
	}
	if r.Unseen > 0 {
		out += fmt.Sprintf("; %d in no record", r.Unseen)
	}
	return out + " |"
}

// page holds the results of the default world against those in the page, or
// writes them there.
func page(t *testing.T, results string) {
	t.Helper()
	if *truthJobs != 20_000 || *truthSeed != 1 || *truthEvery != 0 || *truthLogs != 1 {
		t.Logf("%d jobs, seed %d, logs of one pilot in %d:\n%s", *truthJobs, *truthSeed, *truthLogs, results)
		return
	}
	old, err := os.ReadFile(truthPage)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(old, []byte(tableBegin))
	_, after, ok2 := bytes.Cut(rest, []byte(tableEnd))
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the results", truthPage)
	}
	want := string(before) + tableBegin + results + tableEnd + string(after)
	if want == string(old) {
		return
	}
	if !*update {
		t.Errorf("docs/truth.md does not have what was found; run this test with -args -update\n%s", results)
		return
	}
	if err := os.WriteFile(truthPage, []byte(want), 0o600); err != nil {
		t.Fatal(err)
	}
}
