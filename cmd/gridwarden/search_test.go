package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/searchtest"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// traced is what the tests read of a trace's machine form.
type traced struct {
	State, Text string
	Trace       struct {
		Complete bool
		People   []struct {
			Confidence, Username   string
			Disagreement, Unplaced bool
			Jobs                   int
		}
		Sources []struct {
			Name, State string
			Notes       []string
		}
	}
}

// people are those who were found, with how sure the answer is of each.
func (a traced) people() []string {
	var out []string
	for _, p := range a.Trace.People {
		out = append(out, fmt.Sprintf("%s %s, %d jobs, disagreement %t, unplaced %t", p.Confidence, p.Username, p.Jobs, p.Disagreement, p.Unplaced))
	}
	slices.Sort(out)
	return out
}

// source is what one source said of itself.
func (a traced) source(name string) (state, notes string) {
	for _, s := range a.Trace.Sources {
		if s.Name == name {
			return s.State, strings.Join(s.Notes, "; ")
		}
	}
	return "", ""
}

// traceOn asks with run --json.
func traceOn(t *testing.T, cfg string, question []string) (traced, int) {
	t.Helper()
	got := inTime(func() said {
		return gridwarden(t, append([]string{"run", "--config", cfg, "--json", "--as", "alice", "trace"}, question...)...)
	})
	answertest.ValidJSON(t, []byte(got.out))
	var a traced
	if err := json.Unmarshal([]byte(got.out), &a); err != nil {
		t.Fatalf("%v: %+v", err, got)
	}
	return a, got.status
}

// inTime asks again where a server was too slow for the deadline of a trace, on a
// machine that does much else.
func inTime(ask func() said) (got said) {
	for range 5 {
		got = ask()
		if text := flowing(got.out); !strings.Contains(text, "did not answer within") && !strings.Contains(text, "the search was cut after") {
			break
		}
	}
	return got
}

// talkOn asks in the conversation at the console, one question after the other.
func talkOn(t *testing.T, cfg string, questions ...[]string) string {
	t.Helper()
	var in strings.Builder
	for _, q := range questions {
		fmt.Fprintln(&in, "alice> trace", strings.Join(q, " "))
	}
	got := inTime(func() said { return gridwardenRead(t, in.String(), "serve", "--config", cfg) })
	if got.status != exitOK {
		t.Fatalf("%+v", got)
	}
	return words(got.out)
}

var (
	brokenWord = regexp.MustCompile(`\\\n\s*│?\s*`)               // the console continues it on the next line
	fleeting   = regexp.MustCompile(`\([^()]* (ago|old)\)|r-\w+`) // an age, the id of a request
)

// words are those of an answer, however it was laid out, and but for those that
// another answer has anew.
func words(text string) string {
	text = brokenWord.ReplaceAllString(text, "")
	text = flowing(strings.NewReplacer("│", " ", "`", "").Replace(text)) // frames and code, which only the console shows
	return flowing(fleeting.ReplaceAllString(text, ""))
}

// sameWords holds that who reads the conversation reads all that the machine form
// has as text, but for when gridwarden looks again, which only serve does. A table
// is laid out by each in its own way.
func sameWords(t *testing.T, a traced, talk string) {
	t.Helper()
	var missing []string
	for line := range strings.Lines(a.Text) {
		line = words(line)
		if !strings.Contains(line, "looks again by itself") && !strings.Contains(line, "|") && !strings.Contains(talk, line) {
			missing = append(missing, line)
		}
	}
	if len(missing) > 0 {
		t.Errorf("the console does not say %q, but:\n%s", missing, talk)
	}
}

// onCMS is a configuration whose sources are these.
func onCMS(t *testing.T, sources string) string {
	t.Helper()
	return configured(t, strings.Replace(testConfig, "sandbox: {speed: 300}", "cms: {"+sources+"}", 1)+withHTTP)
}

// searching are the sources on search servers, with the names of indices that begin
// with the prefix.
func searching(elastic, monit, prefix, lookBack string) string {
	return fmt.Sprintf("elastic: {url: %q, index: %q, look_back: %s, deadline: 19s}, monit: {url: %q, index: %q, deadline: 19s}",
		elastic, prefix+"cms-*", lookBack, monit, prefix+"monit_prod_condor_raw_metric-*")
}

// templated gives a prefix for indices that have the mappings of CMS.
func templated(t *testing.T, s searchtest.Server) string {
	t.Helper()
	prefix := s.Prefix(t)
	s.PutTemplate(t, prefix+"cms", prefix+"cms-*", searchtest.CMSMapping())
	s.PutTemplate(t, prefix+"monit", prefix+"monit_prod_condor_raw_metric-*", searchtest.MONITMapping(searchtest.Keyword))
	return prefix
}

// searched are the kinds of servers that a site of CMS may have.
var searched = []searchtest.Kind{searchtest.ES7, searchtest.OS2}

// TestEveryStoreGivesTheSamePeople asks about planted incidents, on both kinds of
// search servers and on the embedded store, at the console and on the command line.
func TestEveryStoreGivesTheSamePeople(t *testing.T) {
	t.Parallel()
	g := gridtest.New(gridtest.Config{Jobs: 1, Seed: 1, Every: 12 * time.Minute})
	var questions [][]string
	for _, q := range g.Questions() {
		if strings.Contains("cdop", q.Incident) && q.Incident != "" {
			questions = append(questions, []string{q.Typed, q.Query.Asked.Format(time.RFC3339), "site=" + q.Query.Sites[0]})
		}
	}
	embedded := onCMS(t, "history: {sqlite: history.db}")
	var bulk bytes.Buffer
	for _, docs := range []iter.Seq[gridtest.Doc]{g.ESCMS(), g.MONIT()} {
		for d := range docs {
			fmt.Fprintf(&bulk, "%s%s\n", d.BulkAction(), d.Source)
		}
	}
	ok(t, "import", "--config", embedded, written(t, filepath.Join(filepath.Dir(embedded), "bulk.ndjson"), bulk.String()))
	want := everyone(t, embedded, questions)
	if len(want) != 4 || len(want[0]) < 2 || len(want[3]) == 0 {
		t.Fatalf("these incidents are no test: %q", want)
	}
	for _, kind := range searched {
		t.Run(string(kind), func(t *testing.T) {
			s := searchtest.One(t, kind)
			prefix := templated(t, s)
			for _, docs := range []iter.Seq[gridtest.Doc]{g.ESCMS(), g.MONIT()} {
				s.Load(t, func(yield func(searchtest.Document) bool) {
					for d := range docs {
						if !yield(searchtest.Document{Index: prefix + d.Index, ID: d.ID, Source: d.Source}) {
							return
						}
					}
				})
			}
			if diff := cmp.Diff(want, everyone(t, onCMS(t, searching(s.URL, s.URL, prefix, "7d")), questions)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// everyone gives who is found for each question, and holds that both surfaces say so.
func everyone(t *testing.T, cfg string, questions [][]string) [][]string {
	t.Helper()
	talk := talkOn(t, cfg, questions...)
	var out [][]string
	for _, q := range questions {
		a, status := traceOn(t, cfg, q)
		if status != exitOK && status != exitPartial {
			t.Fatalf("%q: status %d: %s", q, status, a.Text)
		}
		sameWords(t, a, talk)
		out = append(out, a.people())
	}
	return out
}
