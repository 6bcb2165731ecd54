package history

import (
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// at is where and why something is no record.
type at struct {
	line int64
	byte int64
	why  string // what it begins with
}

// TestBadInput: what is broken is counted where it stands, and what is good
// around it is imported.
func TestBadInput(t *testing.T) {
	t.Parallel()
	a, b, c := ad(1), ad(2), ad(3)
	la, lb := int64(len(a)), int64(len(b))
	deep := `{"GlobalJobId":"x","A":` + strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 101)
	odd := ad(1, "\"CRAB_UserHN\":\"J\xf6rg\"")
	brackets := strings.Repeat("[", 1_000_000)
	large := `{"GlobalJobId":"x","A":"` + strings.Repeat("x", maxRecord-25) + `"}` // by one byte
	shards := `{"took":1,"timed_out":false,"_shards":{"total":5,"failed":2},"hits":{"hits":[{"_source":` + a + `}]}}`
	slow := `{"took":1,"timed_out":true,"_shards":{"total":5,"failed":0},"hits":{"hits":[{"_source":` + a + `}]}}`
	for name, x := range map[string]struct {
		text string
		good []int
		bad  []at
	}{
		"nothing":                    {"", nil, nil},
		"blanks":                     {" \n\t\r\n", nil, nil},
		"words":                      {"no such schedd\n" + a + "\nbye\nbye\n" + b, []int{1, 2}, []at{{1, 0, "this is no JSON"}, {3, 15 + la + 1, "this is no JSON"}}},
		"cut line":                   {a[:40] + "\n" + b + "\n", []int{2}, []at{{1, 0, "a record is broken here"}}},
		"cut inside a string":        {a + "\n" + b[:30] + "\n" + c + "\n", []int{1, 3}, []at{{2, la + 1, "a record is broken here"}}},
		"cut at the end":             {a + "\n" + b[:len(b)-1], []int{1}, []at{{2, la + 1, "a record is not closed"}}},
		"brackets do not match":      {`{"GlobalJobId":["x"}` + "\n" + a + "\n", []int{1}, []at{{1, 0, "a record is broken here"}}},
		"two on a line, one broken":  {a + `{"x":}` + "\n" + b, []int{1, 2}, []at{{1, la, "a record is no valid JSON"}}},
		"a comma too many":           {a[:len(a)-1] + ",}\n" + b, []int{2}, []at{{1, 0, "a record is no valid JSON"}}},
		"python":                     {"{'GlobalJobId': 'x'}\n" + a, []int{1}, []at{{1, 0, "a record is no valid JSON"}}},
		"ClassAds as text":           {"GlobalJobId = \"x\"\nOwner = \"y\"\n\n" + a, []int{1}, []at{{1, 0, "this is no JSON"}}},
		"banners of epochs":          {"*** EPOCH ClusterId=1\n" + a + "\n*** EPOCH ClusterId=2\n" + b, []int{1, 2}, []at{{1, 0, "this is no JSON"}, {3, 22 + la + 1, "this is no JSON"}}},
		"no ids":                     {a + "\n{}\n" + `{"Owner":"x"}` + "\n" + `{"GlobalJobId":{"a":1}}` + "\n" + b, []int{1, 2}, []at{{2, la + 1, "the record names no job"}, {3, la + 4, "the record names no job"}, {4, la + 18, "the record names no job"}}},
		"an error of Elasticsearch":  {`{"error":{"type":"x"},"status":503}`, nil, []at{{1, 0, "the record names no job"}}},
		"deep":                       {a + "\n" + deep + "\n" + b, []int{1, 2}, []at{{2, la + 1, "a record is nested more than 60 levels deep"}}},
		"deep on one line":           {a + deep + b, []int{1, 2}, []at{{1, la, "a record is nested more than 60 levels deep"}}},
		"a million brackets":         {brackets + "\n" + a, []int{1}, []at{{2, 1_000_001 + la, "the file ends inside a list"}}},
		"a million brackets inside":  {`{"a":` + brackets + "\n" + a, []int{1}, []at{{1, 0, "a record is nested more than 60 levels deep"}}},
		"large":                      {a + "\n" + large + "\n" + b, []int{1, 2}, []at{{2, la + 1, "a record is larger than 4 MB"}}},
		"large on one line":          {a + large + b, []int{1, 2}, []at{{1, la, "a record is larger than 4 MB"}}},
		"not UTF-8":                  {odd + "\n\xff\xfe\n" + b, []int{1, 2}, []at{{2, int64(len(odd)) + 1, "this is no JSON"}}},
		"shards failed":              {shards, []int{1}, []at{{1, 0, "this Elasticsearch answer lacks 2 of 5 shards"}}},
		"timed out":                  {b + "\n" + slow, []int{2, 1}, []at{{2, lb + 1, "this Elasticsearch answer was cut by a time limit"}}},
		"an answer without shards":   {`{"hits":{"hits":[{"_source":` + a + `}]}}` + "\n" + b, []int{2}, []at{{1, 0, "this looks like an Elasticsearch answer, but no _shards"}}},
		"a large one without shards": {`{"hits":{"hits":[` + strings.Repeat(a+",", maxRecord/len(a)+9) + `{}]}}` + "\n" + b, []int{2}, []at{{1, 0, "this looks like an Elasticsearch answer, but no _shards"}}},
		"a cut answer":               {shards[:len(shards)-9] + "\n" + b, []int{2}, []at{{1, 0, "this Elasticsearch answer lacks"}, {1, int64(strings.Index(shards, `{"_source"`)), "a record is broken here"}}},
		"cut between records":        {"[\n" + a + "\n,\n", []int{1}, []at{{4, la + 5, "the file ends inside a list: it was cut"}}},
		"a cut list of hits":         {shards[:strings.Index(shards, "]}}")], []int{1}, []at{{1, 0, "this Elasticsearch answer lacks"}, {1, int64(strings.Index(shards, "]}}")), "the file ends inside a list: it was cut"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{})
			r := importText(t, s, x.text)
			if diff := cmp.Diff(adIDs(x.good...), idsOf(stored(t, s))); diff != "" {
				t.Errorf("imported: %s", diff)
			}
			for i, p := range r.Problems {
				if i >= len(x.bad) || p.Line != x.bad[i].line || p.Byte != x.bad[i].byte || !strings.HasPrefix(p.Why, x.bad[i].why) || p.File != "standard input" {
					t.Errorf("problem %d: %s", i, p)
				}
			}
			if r.Rejected != int64(len(x.bad)) || len(r.Problems) != len(x.bad) || r.Records != int64(len(x.good)) || r.Files != 1 {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestValuesThatLookLikeRecords: whatever a job's owner puts into the job's
// attributes, the record stays one record, that of the job.
func TestValuesThatLookLikeRecords(t *testing.T) {
	t.Parallel()
	forged := ad(9)
	quoted := func(text string) string { return fmt.Sprintf("%q", text) }
	for name, attribute := range map[string]string{
		"text":              `"Args":` + quoted(forged),
		"text after a line": `"Args":` + quoted("x\n"+forged+"\n"),
		"half a record":     `"Args":` + quoted(`"}`+"\n"+forged),
		"backslashes":       `"Args":"\\\\\\",` + `"Env":` + quoted(`\`+forged),
		"an ad":             `"MyAd":` + forged,
		"a list of ads":     `"MyAds":[` + forged + "," + forged + "]",
		"hits":              `"hits":{"hits":[{"_source":` + forged + `},` + forged + `]}`,
		"hits and shards":   `"_shards":{"total":1,"failed":0},"hits":{"hits":[{"_source":` + forged + `}]}`,
		"source":            `"_source":` + forged,
		"data":              `"data":` + forged,
		"doc":               `"doc":` + forged,
		"index":             `"index":` + forged,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := ad(1, attribute)
			first := "{" + attribute + "," + ad(2)[1:]
			many := indent(t, "["+ad(3, attribute)+","+"{"+attribute+","+ad(4)[1:]+"]")
			hit := `{"_index":"cms","_source":` + ad(5, attribute) + "}"
			whole := `{"_shards":{"total":1,"failed":0},"hits":{"hits":[` + hit + `]}}`
			lines := `{"update":{}}` + "\n" + `{"doc":` + ad(6, attribute) + "}\n" + `{"index":{}}` + "\n" + ad(7, attribute)
			want := adIDs(1, 2, 3, 4, 5, 6, 7)
			if name == "hits and shards" {
				// Alone at the beginning of a record nothing tells it from an answer. No tool
				// writes one so: what HTCondor prints is sorted.
				first, many = ad(2), "["+ad(3)+","+ad(4)+"]"
			}
			s := newStore(t, Config{})
			r := importText(t, s, strings.Join([]string{one, first, many, whole, lines}, "\n"))
			if diff := cmp.Diff(want, idsOf(stored(t, s))); diff != "" || r.Rejected != 0 {
				t.Errorf("%+v %s", r, diff)
			}
			for i, j := range stored(t, s) {
				if got := j.Identities[0].Value; got != fmt.Sprintf("user%d", i+1) {
					t.Errorf("the job of user%d is of %s", i+1, got)
				}
			}
		})
	}
}

// TestBrokenContainers: what a compressed file still gives is imported.
func TestBrokenContainers(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	for n := range 2000 {
		text.WriteString(ad(n, fmt.Sprintf(`"Noise":"%x"`, uint64(n+1)*0x9E3779B97F4A7C15)) + "\n")
	}
	gz, zs := gzipped(t, text.String()), zstded(t, text.String())
	damaged := []byte(zs)
	damaged[len(damaged)*2/3] ^= 0x55
	for name, x := range map[string]struct {
		data string
		why  string
		some bool
	}{
		"gzip cut":                  {gz[:len(gz)/2], "the file cannot be read any further: unexpected EOF", true},
		"gzip cut in its trailer":   {gz[:len(gz)-3], "the file cannot be read any further: unexpected EOF", true},
		"gzip with a wrong sum":     {gz[:len(gz)-8] + "\x00\x00\x00\x00" + gz[len(gz)-4:], "the file cannot be read any further: gzip: invalid checksum", true},
		"gzip and then rubbish":     {gz + "rubbish, more than a header", "the file cannot be read any further: gzip: invalid header", true},
		"gzip cut in its header":    {gz[:5], "the file cannot be read: unexpected EOF", false},
		"gzip of an unknown method": {"\x1f\x8b\x09" + gz[3:], "the file cannot be read: gzip: invalid header", false},
		"zstd cut":                  {zs[:len(zs)/2], "the file cannot be read any further: unexpected EOF", true},
		"zstd damaged":              {string(damaged), "the file cannot be read any further:", true},
		"zstd of nothing":           {zs[:4], "the file cannot be read any further: unexpected EOF", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{})
			good := fileOf(t, "good.json", ad(5000))
			r := importing(t, s, fileOf(t, "bad", x.data), good)
			last := r.Problems[len(r.Problems)-1]
			if !strings.HasPrefix(last.Why, x.why) || r.Rejected > 2 {
				t.Errorf("%+v", r)
			}
			got := stored(t, s)
			if some := len(got) > 1; some != x.some {
				t.Errorf("%d records, rejected %v", len(got), r.Problems)
			}
			if got[len(got)-1].ID != adIDs(5000)[0] {
				t.Error("the next file was not imported")
			}
			if last.Line != int64(len(got)) && last.Line != int64(len(got))+1 {
				t.Errorf("%d records, and then line %d", len(got)-1, last.Line)
			}
			before := dump(t, s)
			importing(t, s, filepath.Dir(good))
			again := importing(t, s, good)
			if diff := cmp.Diff(before, dump(t, s)); diff != "" || again.Unchanged != 1 {
				t.Errorf("%+v %s", again, diff)
			}
		})
	}
}

// TestUnreadableFileIsCountedOnce: however often it is imported.
func TestUnreadableFileIsCountedOnce(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	path := fileOf(t, "bad.gz", "\x1f\x8b\x09\x00")
	for range 3 {
		importing(t, s, path)
	}
	if c, err := s.coverage(t.Context()); err != nil || c.rejected != 1 || c.unfinished != 0 {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestProblemsAreBounded: all are counted, a hundred are listed.
func TestProblemsAreBounded(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	r := importText(t, s, strings.Repeat("{}\n", 30_000)+ad(1))
	if r.Rejected != 30_000 || len(r.Problems) != maxProblems || r.New != 1 || r.Problems[99].Line != 100 {
		t.Errorf("%d rejected, %d listed", r.Rejected, len(r.Problems))
	}
	if got, want := r.Problems[1].String(), "standard input:2 (byte 3): the record names no job: no GlobalJobId and no schedd with ClusterId and ProcId"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
}

// TestDates: missing, zero, in milliseconds, in the future.
func TestDates(t *testing.T) {
	t.Parallel()
	start := t0.Unix()
	host := `"LastRemoteHost":"slot1@wn042.example.org","JobStatus":4`
	dates := func(unit string) string {
		return fmt.Sprintf(`"QDate":%d%s,"JobCurrentStartDate":%d%s,"CompletionDate":%d%s,"RecordTime":%d%s`, start-60, unit, start, unit, start+3600, unit, start+3700, unit)
	}
	far := time.Now().Add(400 * 24 * time.Hour).Unix()
	for name, x := range map[string]struct {
		record         string
		undated, ahead int64
		always         bool // found at any time
	}{
		"seconds":      {dates(""), 0, 0, false},
		"milliseconds": {dates("000"), 0, 0, false},
		"fractions":    {dates(".25"), 0, 0, false},
		"text":         {strings.NewReplacer(`:`, `:"`, `,`, `",`).Replace(dates("")) + `"`, 0, 0, false},
		"missing":      {`"ExitCode":0`, 1, 0, true},
		"zero":         {strings.NewReplacer(fmt.Sprint(start), "0", fmt.Sprint(start-60), "0", fmt.Sprint(start+3600), "0", fmt.Sprint(start+3700), "0").Replace(dates("")), 1, 0, true},
		"negative":     {`"QDate":-1,"JobCurrentStartDate":-1,"CompletionDate":-5,"RecordTime":-1`, 1, 0, true},
		"null":         {`"QDate":null,"JobCurrentStartDate":null,"CompletionDate":"Unknown"`, 1, 0, true},
		"absurd":       {`"QDate":1e300,"JobCurrentStartDate":99999999999999999999,"CompletionDate":"/Expr(time())/"`, 1, 0, true},
		"only an end":  {fmt.Sprintf(`"CompletionDate":%d`, start+3600), 0, 0, false},
		"the future":   {fmt.Sprintf(`"QDate":%d,"JobCurrentStartDate":%d,"CompletionDate":%d`, far-60, far, far+60), 0, 1, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{})
			r := importText(t, s, `{"GlobalJobId":"s@h#1.0#1",`+host+","+x.record+"}")
			if r.New != 1 || r.Rejected != 0 || r.Undated != x.undated || r.Ahead != x.ahead {
				t.Errorf("%+v", r)
			}
			ask := func(from int64) grid.Found {
				return find(t, s, grid.Query{Kind: grid.ByHost, Host: "wn042.example.org", Window: grid.Window{From: time.Unix(from, 0).UTC(), To: time.Unix(from+1800, 0).UTC()}})
			}
			if got := len(ask(start+600).Sightings) == 1; got != (name != "the future") {
				t.Errorf("found while it ran: %t", got)
			}
			if got := len(ask(start+40*86400).Sightings) == 1; got != x.always {
				t.Errorf("found 40 days later: %t", got)
			}
			if newest, err := s.Newest(t.Context()); err != nil || newest.After(time.Now()) {
				t.Errorf("newest %v, %v", newest, err)
			}
		})
	}
}

// TestIDs: as text or as numbers they are the same job.
func TestIDs(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	rest := `,"QDate":1772323140,"JobStatus":4,"LastRemoteHost":"slot1@wn1.example.org","JobCurrentStartDate":1772323200,"CompletionDate":1772326800}` + "\n"
	r := importText(t, s, `{"GlobalJobId":"s@h#1.0#1772323140"`+rest+
		`{"ScheddName":"s@h","ClusterId":1,"ProcId":0`+rest+
		`{"scheddname":"s@h","CLUSTERID":"1","procid":"0"`+rest+
		`{"ScheddName":"s@h","ClusterId":1.0,"ProcId":0.0`+rest+
		`{"ScheddName":"s@h","ClusterId":1`+rest+
		`{"ClusterId":1,"ProcId":0`+rest)
	if r.New != 1 || r.New+r.Replaced+r.Unchanged != 4 || r.Rejected != 2 {
		t.Errorf("%+v", r)
	}
	// Another time of submission is another job: numbers begin anew with a new schedd.
	if r := importText(t, s, strings.Replace(`{"ScheddName":"s@h","ClusterId":1,"ProcId":0`+rest, "1772323140", "1772323141", 1)); r.New != 1 {
		t.Errorf("%+v", r)
	}
}

// endless is text that begins, goes on for n bytes, and ends; it measures the
// memory that its reader holds meanwhile.
type endless struct {
	begin, fill, end string
	n                int64
	peak             uint64
	next             int64
}

func (e *endless) Read(p []byte) (int, error) {
	if e.begin != "" {
		n := copy(p, e.begin)
		e.begin = e.begin[n:]
		return n, nil
	}
	if e.n > 0 {
		n := 0
		for n < len(p) && e.n > 0 {
			m := copy(p[n:], e.fill[:min(int64(len(e.fill)), e.n)])
			n, e.n = n+m, e.n-int64(m)
		}
		if e.next -= int64(n); e.next < 0 {
			e.next = 8 << 20
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			e.peak = max(e.peak, m.HeapInuse)
		}
		return n, nil
	}
	n := copy(p, e.end)
	if e.end = e.end[n:]; n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestEndlessLine: a line of 2 GB costs no memory and hides nothing after it.
func TestEndlessLine(t *testing.T) {
	repeat := func(s string) string { return strings.Repeat(s, 64<<10/len(s)) }
	for name, x := range map[string]struct {
		begin, fill string
		size        int64
		why         []string
	}{
		"a value":          {`{"GlobalJobId":"`, repeat("x"), 2 << 30, []string{"a record is larger than 4 MB"}},
		"escapes":          {`{"GlobalJobId":"`, repeat(`\"`), 64 << 20, []string{"a record is larger than 4 MB"}},
		"backslashes":      {`{"GlobalJobId":"`, repeat(`\\`), 64 << 20, []string{"a record is larger than 4 MB"}},
		"a list":           {`{"GlobalJobId":[`, repeat("1,"), 64 << 20, []string{"a record is larger than 4 MB"}},
		"lists in lists":   {`{"GlobalJobId":`, repeat("["), 16 << 20, []string{"a record is nested more than 60 levels deep"}},
		"lists, not in it": {"", repeat("["), 64 << 20, []string{"the file ends inside a list: it was cut"}},
		"blanks":           {"", repeat(" "), 64 << 20, nil},
		"no JSON":          {"", repeat("x"), 64 << 20, []string{"this is no JSON"}},
		"empty lines":      {`{"GlobalJobId":`, repeat("\n"), 64 << 20, []string{"a record is larger than 4 MB"}},
		"lines of blanks":  {`{"GlobalJobId":`, repeat(" \n"), 64 << 20, []string{"a record is larger than 4 MB"}},
		"hits":             {`{"_shards":{"total":1},"hits":{"hits":[`, repeat("   "), 64 << 20, []string{"the file ends inside a list: it was cut"}},
	} {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				x.size /= 16
			}
			s := newStore(t, Config{})
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			in := &endless{begin: ad(1) + "\n" + x.begin, fill: x.fill, n: x.size, end: "\n" + ad(2) + "\n"}
			began := time.Now()
			r, err := s.Import(t.Context(), []string{Stdin}, in, nil)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%s: %.0f MB/s", name, float64(x.size)/1e6/time.Since(began).Seconds())
			var why []string
			for _, p := range r.Problems {
				if why = append(why, p.Why); p.Line != 2 && !strings.HasPrefix(p.Why, "the file ends") {
					t.Errorf("not at line 2: %s", p)
				}
			}
			if !slices.Equal(why, x.why) || r.New != 2 {
				t.Errorf("%+v", r)
			}
			if held := int64(in.peak) - int64(before.HeapInuse); held > 40<<20 {
				t.Errorf("held %d MB", held>>20)
			}
		})
	}
}
