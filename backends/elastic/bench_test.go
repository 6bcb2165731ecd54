package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/searchtest"
	"github.com/gridwarden/gridwarden/backends/usagetest"
)

// library is a search server with the finished jobs of a generated world.
type library struct {
	server  searchtest.Server
	pattern string // of its indices
	size    int
}

// bigLibrary has as many jobs as GRIDWARDEN_BENCH_RECORDS says, 20,000 without it,
// in indices that are removed at the end. GRIDWARDEN_BENCH_INDEX is how the names of
// indices begin that stay, and that are not filled again.
func bigLibrary(b *testing.B) library {
	b.Helper()
	jobs := 20_000
	if text := os.Getenv("GRIDWARDEN_BENCH_RECORDS"); text != "" {
		var err error
		if jobs, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	g := gridtest.New(gridtest.Config{Jobs: jobs, Seed: 1})
	l := library{server: searchtest.One(b, searchtest.OS2)}
	prefix := os.Getenv("GRIDWARDEN_BENCH_INDEX")
	if prefix == "" {
		prefix = l.server.Prefix(b)
	}
	l.pattern = prefix + "cms-*"
	if l.size = l.count(b); l.size > 0 {
		return l
	}
	var template struct {
		Settings map[string]any `json:"settings"`
		Mappings map[string]any `json:"mappings"`
	}
	l.decode(b, searchtest.CMSMapping(), &template)
	template.Settings["refresh_interval"], template.Settings["translog.durability"] = "-1", "async" // to be filled soon
	body, err := json.Marshal(map[string]any{"index_patterns": []string{l.pattern}, "priority": len(l.pattern), "template": template})
	if err != nil {
		b.Fatal(err)
	}
	name := "/_index_template/" + prefix + "cms"
	l.server.Call(b, http.MethodPut, name, body)
	defer l.server.Call(b, http.MethodDelete, name, nil)
	began := time.Now()
	l.fill(b, prefix, g)
	l.size = l.count(b)
	b.Logf("%d documents of %d jobs in %s", l.size, jobs, time.Since(began).Round(time.Second))
	return l
}

// fill loads by two hands, as the generator is one and waits for none.
func (l library) fill(b *testing.B, prefix string, g *gridtest.Generator) {
	b.Helper()
	const perChunk = 2000
	chunks := make(chan []byte)
	var hands sync.WaitGroup
	for range 2 {
		hands.Go(func() {
			for chunk := range chunks {
				answer := l.server.Call(b, http.MethodPost, "/_bulk?filter_path=errors", chunk)
				if !bytes.Contains(answer, []byte(`"errors":false`)) {
					b.Errorf("the server refuses documents: %s", answer)
				}
			}
		})
	}
	defer hands.Wait()
	defer close(chunks)
	var chunk bytes.Buffer
	n, sent := 0, time.Now()
	send := func() {
		chunks <- bytes.Clone(chunk.Bytes())
		chunk.Reset()
		if time.Since(sent) > time.Minute {
			b.Logf("%d documents", n)
			sent = time.Now()
		}
	}
	for d := range g.ESCMS() {
		fmt.Fprintf(&chunk, "{\"index\":{\"_index\":%q,\"_id\":%q}}\n%s\n", prefix+d.Index, d.ID, bytes.TrimSpace(d.Source))
		if n++; n%perChunk == 0 {
			send()
		}
	}
	if chunk.Len() > 0 {
		send()
	}
}

// source asks the library, for GRIDWARDEN_BENCH_PAGE documents at once when that is set.
func (l library) source(b *testing.B) *Source {
	b.Helper()
	config := patient(l.server.URL, l.pattern)
	config.Deadline = time.Hour
	if text := os.Getenv("GRIDWARDEN_BENCH_PAGE"); text != "" {
		var err error
		if config.Page, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	return newSource(b, Finished, config)
}

// count says how many documents a search finds.
func (l library) count(b *testing.B) int {
	b.Helper()
	l.server.Call(b, http.MethodPost, "/"+l.pattern+"/_refresh?allow_no_indices=true", nil)
	var found struct{ Count int }
	l.decode(b, l.server.Call(b, http.MethodGet, "/"+l.pattern+"/_count?allow_no_indices=true", nil), &found)
	return found.Count
}

func (l library) decode(b *testing.B, answer []byte, into any) {
	b.Helper()
	if err := json.Unmarshal(answer, into); err != nil {
		b.Fatalf("%v: %s", err, answer)
	}
}

// busiest gives the site that has most jobs, and a worker node on which jobs ran in
// 48 hours, two weeks before the newest record.
func (l library) busiest(b *testing.B) grid.Query {
	b.Helper()
	var found struct {
		Aggregations struct {
			Sites  struct{ Buckets []struct{ Key string } }
			Newest struct{ Value float64 }
		}
		Hits struct {
			Hits []struct {
				Source struct{ LastRemoteHost string } `json:"_source"`
			}
		}
	}
	search := func(body query) {
		raw, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		l.decode(b, l.server.Call(b, http.MethodPost, "/"+l.pattern+"/_search", raw), &found)
	}
	search(query{"size": 0, "aggs": query{"sites": query{"terms": query{"field": "Site", "size": 1}}, "newest": query{"max": query{"field": "RecordTime"}}}})
	if len(found.Aggregations.Sites.Buckets) == 0 {
		b.Fatal("there is no site")
	}
	from := time.UnixMilli(int64(found.Aggregations.Newest.Value)).UTC().Add(-14 * 24 * time.Hour).Truncate(time.Hour)
	w := grid.Window{From: from, To: from.Add(48 * time.Hour)}
	site := found.Aggregations.Sites.Buckets[0].Key
	start := query{"range": query{"JobCurrentStartDate": query{"gte": w.From.Add(12 * time.Hour).Unix(), "lte": w.From.Add(36 * time.Hour).Unix()}}}
	search(query{"size": 50, "_source": "LastRemoteHost", "query": query{"bool": query{"filter": []query{{"term": query{"Site": site}}, start}}}})
	for _, hit := range found.Hits.Hits {
		_, host, _ := strings.Cut(hit.Source.LastRemoteHost, "@")
		if host, err := grid.ParseHost(host[strings.LastIndex(host, "@")+1:]); err == nil && strings.Contains(host, ".") {
			return grid.Query{Kind: grid.ByHost, Host: host, Sites: []string{site}, Window: w}
		}
	}
	b.Fatalf("no job at %s has a host", site)
	return grid.Query{}
}

// asked gives the query for documents with which a trace begins, as it is sent.
func asked(b *testing.B, s *Source, q grid.Query) *walk {
	b.Helper()
	names, err := s.names(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	p, err := s.plan(b.Context(), s.cover(names, q.Window, time.Now()).indices)
	if err != nil {
		b.Fatal(err)
	}
	return &walk{source: s, plan: p, ask: p.filter(grid.Narrow(q)), parts: p.source}
}

// bare pages through what a query finds as a script around curl does: it keeps
// nothing, and looks at an answer only for the address of the next page. It gives
// the number of documents and of bytes.
func bare(ctx context.Context, url string, w *walk, look func(source []byte)) (documents, size int, err error) {
	var both sync.WaitGroup
	var mu sync.Mutex
	for _, one := range w.shares() {
		both.Go(func() {
			n, bytes, failed := bareShare(ctx, url, w, one, look)
			mu.Lock()
			defer mu.Unlock()
			documents, size, err = documents+n, size+bytes, firstOf(err, failed)
		})
	}
	both.Wait()
	return documents, size, err
}

func firstOf(errs ...error) error {
	i := slices.IndexFunc(errs, func(err error) bool { return err != nil })
	if i < 0 {
		return nil
	}
	return errs[i]
}

func bareShare(ctx context.Context, url string, w *walk, s share, look func([]byte)) (documents, size int, err error) {
	body := w.body(s)
	body["sort"] = []string{"_doc"}
	path, scroll := s.path+"/_search?scroll=1m&"+available().Encode(), ""
	defer func() { // a server keeps no more than some
		if _, failed := barePage(ctx, http.MethodDelete, url+"/_search/scroll", query{"scroll_id": scroll}); err == nil {
			err = failed
		}
	}()
	for {
		page, err := barePage(ctx, http.MethodPost, url+path, body)
		if err != nil {
			return documents, size, err
		}
		size += len(page)
		n := bytes.Count(page, []byte(`"_source":`))
		documents += n
		if look != nil {
			look(page)
		}
		_, rest, _ := bytes.Cut(page, []byte(`"_scroll_id":"`))
		id, _, ok := bytes.Cut(rest, []byte(`"`))
		if !ok {
			return documents, size, fmt.Errorf("no scroll in %.200s", page)
		}
		scroll = string(id)
		if n < w.source.config.Page {
			return documents, size, nil
		}
		path, body = "/_search/scroll", query{"scroll": "1m", "scroll_id": scroll}
	}
}

// curl asks for no compression.
var bareClient = &http.Client{Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 4, DisableCompression: true}}

func barePage(ctx context.Context, method, url string, body query) ([]byte, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	answer, err := bareClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	page, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", answer.StatusCode, page)
	}
	return page, err
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// BenchmarkTrace asks who ran on a worker node of the largest site within 48 hours,
// and each time also pages bare through what its query for documents finds, in
// turns. x-bare is how many times as long the trace takes.
func BenchmarkTrace(b *testing.B) {
	l := bigLibrary(b)
	s := l.source(b)
	q := l.busiest(b)
	w := asked(b, s, q)
	var f grid.Found
	var documents int
	steps := []func() (err error){
		func() (err error) { f, err = s.Sightings(context.Background(), q); return err },
		func() (err error) {
			documents, _, err = bare(context.Background(), l.server.URL, w, nil)
			return err
		},
	}
	for _, step := range steps { // once beforehand, so that both find the server warm
		if err := step(); err != nil {
			b.Fatal(err)
		}
	}
	if len(f.Sightings) == 0 {
		b.Fatalf("nobody was found at %+v", q)
	}
	var took [2][]time.Duration
	var cpu [2]float64
	for i := 0; b.Loop(); i++ {
		for _, which := range []int{i % 2, 1 - i%2} {
			began, busy := time.Now(), usagetest.CPUSeconds(b)
			if err := steps[which](); err != nil {
				b.Fatal(err)
			}
			took[which] = append(took[which], time.Since(began))
			cpu[which] += usagetest.CPUSeconds(b) - busy
		}
	}
	trace, plain := median(took[0]), median(took[1])
	b.ReportMetric(float64(l.size), "documents")
	b.ReportMetric(float64(len(w.plan.indices)), "indices")
	b.ReportMetric(float64(f.Report.Records), "read")
	b.ReportMetric(float64(documents), "bare-read")
	b.ReportMetric(float64(len(f.Sightings)), "found")
	b.ReportMetric(ms(trace), "trace-ms")
	b.ReportMetric(ms(plain), "bare-ms")
	b.ReportMetric(float64(trace)/float64(plain), "x-bare")
	b.ReportMetric(cpu[0]*1000/float64(len(took[0])), "cpu-ms")
	b.ReportMetric(cpu[1]*1000/float64(len(took[1])), "bare-cpu-ms")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkNaive does what a person without the query does: it fetches all
// documents of the days, with the attributes that a trace asks for, and looks through
// them for the host. days are the three of the window: jobs that were submitted
// earlier are missed. all are those in which a trace looks, for the same answer.
func BenchmarkNaive(b *testing.B) {
	l := bigLibrary(b)
	s := l.source(b)
	q := l.busiest(b)
	whole := asked(b, s, q)
	var days []string
	for _, name := range whole.plan.indices {
		if d, ok := dayOf(name); ok && !d.Before(day(q.Window.From)) && !d.After(day(q.Window.To)) {
			days = append(days, name)
		}
	}
	for name, indices := range map[string][]string{"days": days, "all": whole.plan.indices} {
		b.Run(name, func(b *testing.B) { l.naive(b, s, q, whole, indices) })
	}
}

func (l library) naive(b *testing.B, s *Source, q grid.Query, whole *walk, indices []string) {
	p := *whole.plan
	p.path, p.indices = address(indices, l.pattern), indices
	w := &walk{source: s, plan: &p, ask: query{"match_all": query{}}, parts: whole.parts}
	host := []byte(q.Host)
	var trace, naive []time.Duration
	documents, found := 0, 0
	for b.Loop() {
		began := time.Now()
		if _, err := s.Sightings(context.Background(), q); err != nil {
			b.Fatal(err)
		}
		trace = append(trace, time.Since(began))
		began, found = time.Now(), 0
		var err error
		var mu sync.Mutex
		documents, _, err = bare(context.Background(), l.server.URL, w, func(page []byte) {
			mu.Lock()
			defer mu.Unlock()
			found += bytes.Count(page, host)
		})
		if err != nil {
			b.Fatal(err)
		}
		naive = append(naive, time.Since(began))
	}
	b.ReportMetric(float64(len(indices)), "indices")
	b.ReportMetric(float64(documents), "fetched")
	b.ReportMetric(float64(found), "host-named")
	b.ReportMetric(ms(median(naive)), "naive-ms")
	b.ReportMetric(ms(median(trace)), "trace-ms")
	b.ReportMetric(float64(median(naive))/float64(median(trace)), "x-naive")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkMemory asks a question that as many documents match as there are, a
// million at most, and reports the most memory meanwhile.
func BenchmarkMemory(b *testing.B) {
	l := bigLibrary(b)
	s := l.source(b)
	q := l.busiest(b)
	q.Sites = nil
	days := max(2, min(10, 1_000_000*90/max(1, l.size)))
	q.Window.From = q.Window.To.Add(-time.Duration(days) * 24 * time.Hour)
	for b.Loop() {
		usagetest.ForgetPeak(b)
		began := time.Now()
		f, err := s.Sightings(context.Background(), q)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(time.Since(began).Seconds(), "s")
		b.ReportMetric(float64(f.Report.Records), "read")
		b.ReportMetric(float64(len(f.Sightings)), "found")
		b.ReportMetric(usagetest.PeakMB(b), "peak-RSS-MB")
	}
	b.ReportMetric(0, "ns/op")
}

// BenchmarkPage reads the answer of a server with documents of a generated world,
// for a host that has none of them: what a trace does most of its time. Beside it
// the same answer is read as the library and encoding/json do, with a map for each.
func BenchmarkPage(b *testing.B) {
	var documents []string
	for d := range gridtest.New(gridtest.Config{Jobs: 2000, Seed: 1}).ESCMS() {
		documents = append(documents, string(bytes.TrimSpace(d.Source)))
	}
	body := answerWith(documents...)
	q := grid.Query{Kind: grid.ByHost, Host: "wn1.example.invalid", Window: grid.Window{From: time.Unix(1e9, 0), To: time.Unix(2e9, 0)}}
	perDocument := func(b *testing.B, read func()) {
		began := usagetest.CPUSeconds(b)
		for b.Loop() {
			read()
		}
		b.ReportMetric((usagetest.CPUSeconds(b)-began)*1e6/float64(b.N*len(documents)), "cpu-µs/document")
		b.SetBytes(int64(len(body)))
	}
	b.Run("trace", func(b *testing.B) {
		r := &reader{source: "cms-finished", only: &q}
		perDocument(b, func() {
			if p, err := r.page(strings.NewReader(body), nil); err != nil || p.hits != len(documents) {
				b.Fatal(p, err)
			}
		})
	})
	b.Run("all", func(b *testing.B) {
		r := &reader{source: "cms-finished"}
		perDocument(b, func() {
			if p, err := r.page(strings.NewReader(body), nil); err != nil || p.hits != len(documents) {
				b.Fatal(p, err)
			}
		})
	})
	b.Run("maps", func(b *testing.B) {
		perDocument(b, func() {
			if _, hits, _, err := plainly(body); err != nil || hits != len(documents) {
				b.Fatal(hits, err)
			}
		})
	})
}
