package searchtest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// found is what the tests here read of a search's answer.
type found struct {
	Hits struct {
		Total struct{ Value int }
		Hits  []struct {
			ID string `json:"_id"`
		}
	}
	Shards struct {
		Total, Successful, Failed int
		Failures                  []struct {
			Reason struct{ Type string }
		}
	} `json:"_shards"`
}

// search asks by hand, so that a refusal is seen.
func search(t *testing.T, url, index, query string) (status int, f found, answer string) {
	t.Helper()
	body := `{"query":` + query + `,"sort":["_doc"]}`
	resp, text := ask(t, http.DefaultClient, http.MethodPost, url+"/"+index+"/_search", body)
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
	}
	return resp.StatusCode, f, text
}

func jobs(prefix string, from, to int) iter.Seq[searchtest.Document] {
	return func(yield func(searchtest.Document) bool) {
		for i := from; i < to; i++ {
			source := fmt.Sprintf(`{"GlobalJobId": "schedd.example.org#%d.0#1750000000", "Site": "T2_XX_Site%d",
				"RecordTime": %d, "LastRemoteHost": "slot1@wn%d.example.org", "HoldReason": %q}`, i, i%2, 1750000000+i, i, strings.Repeat("x", 300))
			d := searchtest.Document{Index: fmt.Sprintf("%s2025-06-%02d", prefix, 1+i%10), ID: fmt.Sprint("job", i), Source: []byte(source)}
			if !yield(d) {
				return
			}
		}
	}
}

func TestServersFindWhatIsLoaded(t *testing.T) {
	want := map[string][2]string{"es7": {"elasticsearch", "7.17.29"}, "os2": {"opensearch", "2.19.6"}, "os3": {"opensearch", "3.8.0"}}
	searchtest.Each(t, func(t *testing.T, s searchtest.Server) {
		kind := t.Name()[strings.LastIndexByte(t.Name(), '/')+1:]
		if got := [2]string{s.Distribution, s.Version}; got != want[kind] {
			t.Errorf("got %v, want %v", got, want[kind])
		}
		prefix := s.Prefix(t)
		s.PutTemplate(t, prefix+"cms", prefix+"*", searchtest.CMSMapping())
		s.Load(t, jobs(prefix, 0, 2500))
		s.Load(t, jobs(prefix, 2400, 2500)) // the same ids again
		for _, c := range []struct {
			query  string
			status int
			hits   int
		}{
			{`{"match_all":{}}`, 200, 2500},
			{`{"term":{"Site":"T2_XX_Site1"}}`, 200, 1250},
			{`{"term":{"Site":"t2_xx_site1"}}`, 200, 0},
			{`{"range":{"RecordTime":{"gte":1750002000,"lt":1750002010}}}`, 200, 10},
			{`{"range":{"RecordTime":{"gte":1750002000000}}}`, 200, 0}, // seconds
			{`{"term":{"HoldReason":"` + strings.Repeat("x", 300) + `"}}`, 200, 0},
			{`{"term":{"LastRemoteHost":"slot1@wn7.example.org"}}`, 400, 0},
		} {
			if status, f, answer := search(t, s.URL, prefix+"*", c.query); status != c.status || f.Hits.Total.Value != c.hits {
				t.Errorf("%s: status %d, %d hits, want %d, %d: %.500s", c.query, status, f.Hits.Total.Value, c.status, c.hits, answer)
			}
		}
	})
}

func TestNothingIsLeftBehind(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, s searchtest.Server) {
		mine := s.Prefix(t)
		s.Load(t, jobs(mine, 0, 3))
		var theirs string
		t.Run("a test that ends", func(t *testing.T) {
			theirs = s.Prefix(t)
			s.PutTemplate(t, theirs+"wide", theirs+"*", searchtest.CMSMapping())
			s.PutTemplate(t, theirs+"narrow", theirs+"2025-*", searchtest.MONITMapping(searchtest.Keyword))
			s.Load(t, jobs(theirs, 0, 3))
			if status, f, answer := search(t, s.URL, theirs+"*", `{"term":{"LastRemoteHost":"slot1@wn1.example.org"}}`); status != 200 || f.Hits.Total.Value != 1 {
				t.Errorf("the narrow template did not count: %d %s", status, answer)
			}
		})
		indices := string(s.Call(t, http.MethodGet, "/_cat/indices?h=index&expand_wildcards=all", nil))
		templates := string(s.Call(t, http.MethodGet, "/_index_template", nil))
		if strings.Contains(indices, theirs) || strings.Contains(templates, theirs) {
			t.Errorf("%s is left in %s or %s", theirs, indices, templates)
		}
		if n := strings.Count(indices, mine); n != 3 {
			t.Errorf("%d of the 3 indices of the other test are left", n)
		}
	})
}

func TestStringsOfMONIT(t *testing.T) {
	s := searchtest.One(t, searchtest.ES7)
	for _, c := range []struct {
		strings          string
		exact, below, by int // hits by the field, by its .keyword, by a word of it
	}{
		{searchtest.Keyword, 1, 0, 0},
		{searchtest.TextAndKeyword, 0, 1, 1},
		{searchtest.Text, 0, 0, 1},
	} {
		t.Run(c.strings, func(t *testing.T) {
			prefix := s.Prefix(t)
			s.PutTemplate(t, prefix+"monit", prefix+"*", searchtest.MONITMapping(c.strings))
			s.Load(t, func(yield func(searchtest.Document) bool) {
				yield(searchtest.Document{Index: prefix + "2025-06-01", Source: []byte(`{"data":{"RemoteHost":"slot1@glidein_1_2@wn7.example.org","RecordTime":1750000000123},"metadata":{"timestamp":1750000000123}}`)})
			})
			for query, want := range map[string]int{
				`{"term":{"data.RemoteHost":"slot1@glidein_1_2@wn7.example.org"}}`:         c.exact,
				`{"term":{"data.RemoteHost.keyword":"slot1@glidein_1_2@wn7.example.org"}}`: c.below,
				`{"match":{"data.RemoteHost":"wn7.example.org"}}`:                          c.by,
				`{"range":{"data.RecordTime":{"gte":1750000000123}}}`:                      1,
				`{"range":{"data.RecordTime":{"gt":1750000000123}}}`:                       0,
				`{"range":{"metadata.timestamp":{"gte":1750000000123}}}`:                   1,
			} {
				if status, f, answer := search(t, s.URL, prefix+"*", query); status != 200 || f.Hits.Total.Value != want {
					t.Errorf("%s: status %d, %d hits, want %d: %s", query, status, f.Hits.Total.Value, want, answer)
				}
			}
		})
	}
}

// failing is a test that notes how it ends.
type failing struct {
	testing.TB
	said string
}

func (f *failing) Fatalf(format string, values ...any) {
	f.said = fmt.Sprintf(format, values...)
	runtime.Goexit()
}

func TestRefusedDocumentsFailTheTest(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, s searchtest.Server) {
		prefix := s.Prefix(t)
		s.PutTemplate(t, prefix+"cms", prefix+"*", searchtest.CMSMapping())
		for source, want := range map[string]string{
			`{"RecordTime":"yesterday"}`: `refuses "bad"`,
			`{"RecordTime":`:             "is no JSON",
			"{\n\"RecordTime\":1\n}":     "",
		} {
			f := &failing{TB: t}
			done := make(chan struct{})
			go func() {
				defer close(done)
				s.Load(f, func(yield func(searchtest.Document) bool) {
					_ = yield(searchtest.Document{Index: prefix + "a", ID: "good", Source: []byte(`{"RecordTime":1750000000}`)}) &&
						yield(searchtest.Document{Index: prefix + "a", ID: "bad", Source: []byte(source)})
				})
			}()
			<-done
			if !strings.Contains(f.said, want) || want == "" && f.said != "" {
				t.Errorf("%q: the test says %q, want %q", source, f.said, want)
			}
		}
	})
}

// A server that this process starts ends when it is told to, and takes its files along.
func TestStoppedServersAreGone(t *testing.T) {
	searchtest.One(t, searchtest.ES7) // skips where none can be started
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	r, err := searchtest.Start(context.Background(), searchtest.ES7)
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 1 {
		t.Errorf("its files are not where they are looked for: %v %v", left, err)
	}
	if err := r.Stop(); err != nil {
		t.Error(err)
	}
	if resp, err := http.Get(r.URL); err == nil {
		resp.Body.Close()
		t.Error("it still answers")
	}
	if left, err := os.ReadDir(temporary); err != nil || len(left) != 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestMappingsDeclareWhatTheirSourceDoes(t *testing.T) {
	var m struct {
		Settings map[string]any
		Mappings struct {
			Properties map[string]map[string]any
		}
	}
	if err := json.Unmarshal(searchtest.CMSMapping(), &m); err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]map[string]any{
		"RecordTime":     {"type": "date", "format": "epoch_second"},
		"LastRemoteHost": {"type": "text", "index": false},
		"ClusterId":      {"type": "long"},
		"ExitBySignal":   {"type": "boolean"},
		"Site":           {"type": "keyword", "norms": false, "ignore_above": 256.0}, // which it would become by itself
		"HoldReason":     nil,                                                        // dynamic
	} {
		if diff := cmp.Diff(want, m.Mappings.Properties[field]); diff != "" {
			t.Errorf("%s: %s", field, diff)
		}
	}
	dates := 0
	for _, p := range m.Mappings.Properties {
		if p["type"] == "date" {
			dates++
		}
	}
	if dates != 25 || m.Settings["index.mapping.total_fields.limit"] != 2000.0 {
		t.Errorf("%d dates, settings %v", dates, m.Settings)
	}
}
