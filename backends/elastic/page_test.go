package elastic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	es "github.com/olivere/elastic/v7"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// answerWith is an answer of a server with some documents.
func answerWith(documents ...string) string {
	var hits []string
	for n, d := range documents {
		hits = append(hits, fmt.Sprintf(`{"_index":"cms-2026-03-01","_id":"%d","_score":null,"_source":%s,"sort":[%d]}`, n, d, n))
	}
	return fmt.Sprintf(`{"_scroll_id":"c2Nyb2xs","took":3,"timed_out":false,"_shards":{"total":9,"successful":9,"skipped":0,"failed":0},"hits":{"total":{"value":%d,"relation":"eq"},"max_score":null,"hits":[%s]}}`,
		len(documents), strings.Join(hits, ","))
}

// plainly reads an answer as the library of the client and encoding/json do, with a
// map for each document.
func plainly(body string) (jobs []grid.Job, hits, bad int, err error) {
	if !json.Valid([]byte(body)) {
		return nil, 0, 0, errBody
	}
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	var answer es.SearchResult
	if err := d.Decode(&answer); err != nil || answer.Hits == nil || answer.Shards == nil {
		return nil, 0, 0, errBody
	}
	for _, hit := range answer.Hits.Hits {
		hits++
		d := json.NewDecoder(bytes.NewReader(hit.Source))
		d.UseNumber()
		members := map[string]any{}
		if d.Decode(&members) != nil {
			bad++
			continue
		}
		j, err := grid.JobFromRecord(map[string]any{"_source": members}, "cms-finished")
		if err != nil {
			bad++
			continue
		}
		jobs = append(jobs, j)
	}
	return jobs, hits, bad, nil
}

// sameAsPlainly compares what both make of an answer.
func sameAsPlainly(t *testing.T, r *reader, body string) {
	t.Helper()
	got, err := r.page(strings.NewReader(body), nil)
	jobs, hits, bad, plainErr := plainly(body)
	if (err == nil) != (plainErr == nil) {
		t.Fatalf("%.2000q: %v, not %v", body, err, plainErr)
	}
	if err != nil {
		return
	}
	if got.hits != hits || got.bad != bad {
		t.Fatalf("%.2000q: %d documents of which %d are no records, not %d and %d", body, got.hits, got.bad, hits, bad)
	}
	var gotJobs []grid.Job
	for _, s := range got.found {
		gotJobs = append(gotJobs, s.Job)
	}
	if diff := cmp.Diff(jobs, gotJobs, cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("%.2000q: %s", body, diff)
	}
}

// hostileDocuments are what an attacker may make of the document of a job.
var hostileDocuments = []string{
	`{"GlobalJobId":"s#1.0#2","ClusterId":"1","QDate":"1772323200","RecordTime":"1772323200000","NumJobStarts":"2","LastRemoteHost":"slot1@wn1.example.org"}`,
	`{"GlobalJobId":"s#1.0#2","QDate":1.7723232e9,"CompletionDate":1E400,"RecordTime":17723232e2,"JobStatus":4e0}`,
	`{"GlobalJobId":"s#1.0#2","GlobalJobId":"s#2.0#2","Site":"T2_A","Site":["T2_B"],"Owner":"a","Owner":null}`,
	`{"GlobalJobId":"s#1.0#2","x":` + strings.Repeat(`{"a":[`, 500) + strings.Repeat(`]}`, 500) + `}`,
	"{\"GlobalJobId\":\"s#1.0#2\",\"Owner\":\"\xff\",\"Site\":\"T2_\xc3\x28\"}",
	`{"GlobalJobId":"s#1.0#2","ProcId":123456789012345678901234567890,"NumJobStarts":-9223372036854775809,"RemoteWallClockTime":0.1e-400}`,
	`{"GlobalJobId":["s#1.0#2"],"ScheddName":["s"],"ClusterId":[1],"ProcId":[0],"LastRemoteHost":["wn1"],"Status":["Completed"]}`,
	`{"Site":"T2_A"}`, `{}`, `null`, `[]`, `"GlobalJobId"`, `1`, `{"_source":{"GlobalJobId":"s#1.0#2"}}`, `{"hits":{"hits":[{"_source":{"GlobalJobId":"x"}}]},"GlobalJobId":"s#1.0#2"}`,
	`{"GlobalJobId":"s#1.0#2"`, `{"GlobalJobId":"s#1.0#2`, `{"GlobalJobId":"s#1.0#2\"}`, `{"GlobalJobId":"s#1.0#2",}`, `{"GlobalJobId":'s'}`, `{"GlobalJobId":"s#1.0#2","x":NaN}`, "{\"GlobalJobId\":\"a\x00\"}",
	`{"data":{"GlobalJobId":"s#1.0#2","RecordTime":1772323200000,"RemoteHost":"slot1@wn1","metadata":{"timestamp":1772323200000}},"metadata":{"spider_source":"condor_queue"}}`,
	`{"GlobalJobId":"\u0073#1.0#2","Own\u0065r":"\ud83d\ude00","CRAB_UserHN":"\ud800","Site":"  Unknown "}`,
}

// FuzzPage: of an answer with a document, whatever that is, the same is read as by
// the library and by maps; one that is cut is refused.
func FuzzPage(f *testing.F) {
	for _, d := range hostileDocuments {
		f.Add([]byte(d), 0)
		f.Add([]byte(d), 3)
	}
	r := &reader{source: "cms-finished"}
	f.Fuzz(func(t *testing.T, d []byte, cut int) {
		body := answerWith(hostileDocuments[0], string(d), hostileDocuments[1])
		if !json.Valid(d) && json.Valid([]byte(body)) {
			return // it is more than a document
		}
		if cut > 0 && cut < len(body) {
			body = body[:len(body)-cut]
		}
		sameAsPlainly(t, r, body)
	})
}

// TestPage: what surrounds the documents is read, in any order, and an answer that
// lacks a part is none.
func TestPage(t *testing.T) {
	t.Parallel()
	r := &reader{source: "cms-finished"}
	p, err := r.page(strings.NewReader(`{"hits":{"hits":[{"sort":[1772323200000,9223372036854775807],"_source":{"GlobalJobId":"a"}}]},"pit_id":"p\u0031","terminated_early":true,"_shards":{"total":2,"failed":1,"failures":[{"index":"cms-2026-03-01"}]}}`), nil)
	if err != nil || p.pit != "p1" || !p.stopped || p.hits != 1 || p.shards.Failed != 1 || failedIndices(p.shards) != " (cms-2026-03-01)" {
		t.Errorf("%+v, %v", p, err)
	}
	after, err := p.after()
	if text, _ := json.Marshal(after); err != nil || string(text) != "[1772323200000,9223372036854775807]" {
		t.Errorf("to go on from: %s, %v", text, err)
	}
	_, err = r.page(strings.NewReader(answerWith("{}", "{}")), func(head string) {
		if scroll, total := beginning(head); scroll != "c2Nyb2xs" || total != 2 {
			t.Errorf("before the hits stand %q, %d", scroll, total)
		}
	})
	if err != nil {
		t.Error(err)
	}
	for _, body := range []string{
		"", "{}", "[]", `{"hits":{"hits":[]}}`, `{"_shards":{}}`, `{"_shards":{},"hits":[]}`, `{"_shards":[],"hits":{"hits":[]}}`, `{"_shards":{},"hits":{"hits":[1]}}`,
		answerWith() + "x", answerWith()[1:], `{"_shards":{},"timed_out":1,"hits":{"hits":[]}}`, "<html>",
	} {
		if p, err := r.page(strings.NewReader(body), nil); err == nil {
			t.Errorf("%s is read as %+v", body, p)
		}
	}
	for _, last := range []string{"", "[]", "null", "1"} {
		if places, err := (&page{last: last}).after(); err == nil {
			t.Errorf("the place %q is read as %v", last, places)
		}
	}
}

// TestPageIsNotKept: no text of a job is a piece of the answer, which would stay in
// memory for it.
func TestPageIsNotKept(t *testing.T) {
	const size = 16 << 20
	var kept []*grid.Sighting
	for _, d := range hostileDocuments[:3] {
		for _, only := range []*grid.Query{nil, {Kind: grid.ByHost, Host: "wn1.example.org"}} {
			r := &reader{source: "cms-finished", only: only}
			p, err := r.page(strings.NewReader(answerWith(`{"x":"`+strings.Repeat("x", size)+`"}`, d)), nil)
			if err != nil || only == nil && len(p.found) != 1 {
				t.Fatalf("%+v, %v", p, err)
			}
			kept = append(kept, p.found...)
		}
	}
	if len(kept) != 4 { // of which one was on the host
		t.Errorf("%d jobs are kept", len(kept))
	}
	runtime.GC()
	var used runtime.MemStats
	runtime.ReadMemStats(&used)
	if used.HeapAlloc > size {
		t.Errorf("%d MB are in use for %d jobs", used.HeapAlloc>>20, len(kept))
	}
	runtime.KeepAlive(kept)
}
