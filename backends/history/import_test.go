package history

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// TestForms: whatever surrounds the records, they are the same jobs.
func TestForms(t *testing.T) {
	t.Parallel()
	a, b, c := ad(1), ad(2), ad(3)
	hit := func(doc string) string {
		return `{"_index":"cms-2026-03-01","_id":"x","_score":1.5,"_source":` + doc + `}`
	}
	monit := func(doc string) string {
		ms := regexp.MustCompile(`(Date|Time)":(\d{10})`).ReplaceAllString(doc, `$1":${2}000`)
		return `{"data":` + ms + `,"metadata":{"producer":"condor","spider_source":"condor_history","_id":"x"}}`
	}
	answer := `{"took":5,"timed_out":false,"_shards":{"total":3,"successful":3,"skipped":0,"failed":0},"hits":{"total":{"value":3,"relation":"eq"},"max_score":null,"hits":[%s]}%s}`
	forms := map[string]string{
		"array":                   "[\n" + a + "\n,\n" + b + "\n,\n" + c + "\n]\n",
		"array on one line":       "[" + a + "," + b + "," + c + "]",
		"arrays one after other":  "[\n" + a + "\n]\n[\n]\n[\n" + b + "\n,\n" + c + "\n]\n",
		"lines":                   a + "\n" + b + "\n" + c + "\n",
		"lines without an end":    a + "\n" + b + "\n" + c,
		"lines of Windows":        "\xEF\xBB\xBF" + a + "\r\n" + b + "\r\n" + c + "\r\n",
		"indented":                "[\n  " + indent(t, a) + ",\n  " + indent(t, b) + ",\n  " + indent(t, c) + "\n]",
		"bulk":                    `{"index":{"_index":"cms","_id":"1"}}` + "\n" + a + "\n" + `{"create":{"_index":"cms"}}` + "\n" + b + "\n" + `{"delete":{"_index":"cms","_id":"9"}}` + "\n" + `{"update":{"_id":"3"}}` + "\n" + `{"doc":` + c + `,"doc_as_upsert":true}` + "\n",
		"answer":                  fmt.Sprintf(answer, hit(a)+","+hit(b)+","+hit(c), ""),
		"answers":                 fmt.Sprintf(answer, hit(a), `,"aggregations":{"x":{"hits":{"hits":[`+hit(ad(9))+`]}}}`) + "\n" + fmt.Sprintf(answer, "", "") + fmt.Sprintf(answer, hit(b)+","+hit(c), ""),
		"answer indented":         indent(t, fmt.Sprintf(answer, hit(a)+","+hit(b)+","+hit(c), `,"_clusters":{}`)),
		"answer with sorted keys": `{"_shards":{"failed":0,"total":1},"hits":{"a":[1],"hits":[` + hit(a) + "," + hit(b) + "," + hit(c) + `],"total":3},"timed_out":false,"took":5}`,
		"hits":                    hit(a) + "\n" + hit(b) + "\n" + hit(c) + "\n",
		"monit":                   monit(a) + "\n" + monit(b) + "\n" + monit(c) + "\n",
		"answer of monit":         fmt.Sprintf(answer, hit(monit(a))+","+hit(monit(b))+","+hit(monit(c)), ""),
	}
	want := newStore(t, Config{})
	if r := importText(t, want, forms["lines"]); r.New != 3 || r.Rejected != 0 {
		t.Fatalf("%+v", r)
	}
	for name, text := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{})
			if r := importText(t, s, text); r.New != 3 || r.Records != 3 || r.Rejected != 0 || r.Files != 1 {
				t.Errorf("%+v", r)
			}
			if diff := cmp.Diff(stored(t, want), stored(t, s), cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// indent writes JSON over many lines.
func indent(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	if err := jsonIndent(&b, text); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestKindsOfRecord: a run, a moment and the end of one job are three records,
// and a newer moment of the same run replaces the one before.
func TestKindsOfRecord(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	job := func(more string) string { return `{"GlobalJobId":"s@h#1.0#1772323200",` + more + "}\n" }
	epochs := "[\n" + job(`"RunInstanceId":0,"RemoteHost":"slot1@wn1.example.org","JobCurrentStartDate":1772326800,"EpochWriteDate":1772330400`) +
		",\n" + job(`"RunInstanceId":1,"RemoteHost":"slot1@wn2.example.org","JobCurrentStartDate":1772334000,"EpochWriteDate":1772337600`) + "]\n"
	queue := job(`"JobStatus":2,"RemoteHost":"slot1@wn2.example.org","JobCurrentStartDate":1772334000,"ServerTime":1772334600`)
	later := job(`"JobStatus":2,"RemoteHost":"slot1@wn2.example.org","JobCurrentStartDate":1772334000,"ServerTime":1772335200`)
	end := job(`"JobStatus":4,"LastRemoteHost":"slot1@wn2.example.org","NumJobStarts":2,"JobStartDate":1772326800,"JobCurrentStartDate":1772334000,"CompletionDate":1772337600`)
	if r := importText(t, s, epochs+queue); r.New != 3 {
		t.Errorf("%+v", r)
	}
	if r := importText(t, s, later+queue+end); r.New != 1 || r.Replaced != 1 || r.Unchanged != 1 {
		t.Errorf("%+v", r)
	}
	var kinds []string
	for _, j := range stored(t, s) {
		kinds = append(kinds, fmt.Sprintf("%s %d", j.Kind, j.Recorded.Unix()))
	}
	if diff := cmp.Diff([]string{"epoch 1772330400", "epoch 1772337600", "snapshot 1772335200", "finished 1772337600"}, kinds); diff != "" {
		t.Error(diff)
	}
	// The first run is known from its epoch alone: its end speaks for the second.
	f := find(t, s, grid.Query{Kind: grid.ByHost, Host: "wn1.example.org", Window: grid.Window{From: time.Unix(1772327000, 0), To: time.Unix(1772327000, 0)}})
	if len(f.Sightings) != 1 || f.Sightings[0].Confidence != grid.Confirmed || f.Sightings[0].Job.Kind != grid.Epoch {
		t.Errorf("%+v", f.Sightings)
	}
}

func TestSampleOfElasticsearch(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	r := importing(t, s, filepath.Join("..", "grid", "testdata", "es_bulk.ndjson"))
	if r.Rejected != 0 || r.New == 0 || r.New != r.Records {
		t.Fatalf("%+v", r)
	}
	at := time.Date(2025, 6, 24, 10, 20, 0, 0, time.UTC)
	f := find(t, s, grid.Query{Kind: grid.ByHost, Host: "wn042.example-t2.org", Window: grid.Window{From: at, To: at}})
	var users []string
	for _, found := range f.Sightings {
		users = append(users, found.Job.Identities[0].Value)
	}
	if slices.Sort(users); !slices.Contains(users, "jdoe") || !slices.Contains(users, "mrossi") {
		t.Errorf("%v", users)
	}
}

// TestCompression: plain, gzip, gzip of several members, zstd; by content, not by name.
func TestCompression(t *testing.T) {
	t.Parallel()
	lines := ad(1) + "\n" + ad(2) + "\n"
	for name, data := range map[string]string{
		"plain": lines, "gzip": gzipped(t, lines), "members": gzipped(t, ad(1)+"\n{") + gzipped(t, ad(2)[1:]), "zstd": zstded(t, lines), "frames": zstded(t, ad(1)) + zstded(t, ad(2)),
	} {
		for _, in := range []string{"file", "stdin"} {
			t.Run(name+" "+in, func(t *testing.T) {
				t.Parallel()
				s := newStore(t, Config{})
				var r Report
				if in == "stdin" {
					r = importText(t, s, data)
				} else {
					r = importing(t, s, fileOf(t, "records.dat", data))
				}
				if r.New != 2 || r.Rejected != 0 {
					t.Errorf("%+v", r)
				}
			})
		}
	}
}

func gzipped(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func zstded(t testing.TB, text string) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFolders: folders are walked, also behind a link; what is hidden is not.
func TestFolders(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"in/a.json": ad(1), "in/deeper/b.json.gz": gzipped(t, ad(2)), "in/empty.json": "", "in/none.json": "[\n]\n",
		"in/.hidden/c.json": ad(3), "in/.d.json": ad(4), "other/e.json": ad(5),
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(dir, "current")
	if err := os.Symlink("in", link); err != nil {
		t.Fatal(err)
	}
	for _, root := range []string{filepath.Join(dir, "in"), link, link + "/"} {
		s := newStore(t, Config{})
		var at []Progress
		r, err := s.Import(t.Context(), []string{root, filepath.Join(dir, "other", "e.json"), Stdin}, strings.NewReader(ad(6)), func(p Progress) { at = append(at, p) })
		if err != nil || r.Files != 6 || r.New != 4 || r.Rejected != 0 {
			t.Errorf("%s: %+v, %v", root, r, err)
		}
		got := idsOf(stored(t, s))
		slices.Sort(got)
		if diff := cmp.Diff(adIDs(1, 2, 5, 6), got); diff != "" {
			t.Error(diff)
		}
		if last := at[len(at)-1]; last.FilesDone != 6 || last.FilesTotal != 6 || last.Records != 4 || last.BytesDone != last.BytesTotal {
			t.Errorf("%+v", last)
		}
	}
}

func TestNothingToImport(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	dir := t.TempDir()
	for path, want := range map[string]string{
		filepath.Join(dir, "gone.json"): "gone.json cannot be read (no such file or directory). Nothing was imported.",
		dir:                             "There is no file in " + dir + ". Nothing was imported.",
	} {
		_, err := s.Import(t.Context(), []string{path}, nil, nil)
		if got := forPeople(err); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %q (%v)", path, got, err)
		}
	}
}

// TestStoppedPipe: an import from a pipe on which nothing comes can be stopped.
func TestStoppedPipe(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	r, w := io.Pipe()
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		io.WriteString(w, ad(1)+"\n")
		stop()
	}()
	_, err := s.Import(ctx, []string{Stdin}, r, nil)
	if err == nil || ctx.Err() == nil {
		t.Errorf("not stopped: %v", err)
	}
	w.Close()
}

// TestWaitingForAPipe: an import that waits for more lets others write meanwhile.
func TestWaitingForAPipe(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "history.db")
	s, other := newStore(t, Config{SQLite: path}), newStore(t, Config{SQLite: path})
	s.sizes.pieces = 2 // that are handed on together
	r, w := io.Pipe()
	go io.WriteString(w, ad(1)+"\n"+ad(2)+"\n")
	committed, ended := make(chan int64, 1), make(chan error)
	go func() {
		once := false
		_, err := s.Import(context.WithoutCancel(t.Context()), []string{Stdin}, r, func(p Progress) {
			if p.Records > 0 && !once {
				once = true
				committed <- p.Records
			}
		})
		ended <- err
	}()
	select {
	case n := <-committed:
		if n != 2 {
			t.Errorf("%d records", n)
		}
	case <-time.After(20 * time.Second):
		t.Error("nothing was committed while nothing came")
	}
	if r := importText(t, other, ad(3)); r.New != 1 {
		t.Errorf("%+v", r)
	}
	w.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(adIDs(1, 2, 3), idsOf(stored(t, s))); diff != "" {
		t.Error(diff)
	}
}
