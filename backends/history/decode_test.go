package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/backends/document"
	"github.com/gridwarden/gridwarden/backends/grid"
)

// FuzzReadRecord: of every object that encoding/json accepts it reads the same job.
func FuzzReadRecord(f *testing.F) {
	for _, text := range []string{
		`{}`, ad(1), `{"GlobalJobId":"a\"\\\u00e9\ud83d\ude00","owner":null,"ProcId":-0.5e3,"x":[{"a":"]}"}],"User":["a",1]}`, `{"_source":{"data":{"GlobalJobId":"a","Site":true,"metadata":{"timestamp":1}}}}`,
		`{ "doc" : { "Owner" : "x" } , "index":{"_id":1}}`, `{"GlobalJobId":"x","Own\u0065r":"x","Owner":""}`, `{"Owner":NaN}`, `{"a":1,}`, `{"a" 1}`, `{"a":}`, `{"a":1 2}`, `{"\"":"\\","Type":01}`, "{\"GlobalJobId\":1,\"Site\":\"\xff\"}",
		`{"GlobalJobId":"x","OWNER":"a","Owner":"b","owner":"c","OWNER":null,"owner":"d"}`, `{"GlobalJobId":"x","x509UserProxyFQAN":["/CN=a" , "Unknown","",null,1,"\u00e9"],"CompletionDate":1772323200.5e0,"QDate":-0}`,
		`{"GlobalJobId":"x","metadata":{"timestamp":1},"metadata":{"timestamp":1772323200000},"RecordTime":0}`, `{"_source":1,"_source":{"GlobalJobId":"x"}}`, `{"data":{"GlobalJobId":"x","metadata":{"spider_source":"condor_history"}},"metadata":[]}`,
	} {
		f.Add([]byte(text))
	}
	r := newReader()
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || text[0] != '{' || len(text) > maxRecord {
			return // a splitter gives objects
		}
		r.data, r.keys = nil, nil
		got, err := r.read(string(text), t0)
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		var whole map[string]any
		if d.Decode(&whole) != nil || d.InputOffset() != int64(len(text)) {
			return
		}
		var documents document.Reader
		top, failed := documents.Read(string(text))
		if failed != nil {
			t.Fatalf("%s: %v", text, failed)
		}
		if top.Size() != len(whole) && len(whole) <= 3 {
			return // what is written twice may be an action, too
		}
		if len(whole) <= 3 {
			if doc, ok := whole["doc"].(map[string]any); ok {
				whole = doc
			}
		}
		job, want := grid.JobFromRecord(whole, Name)
		if (want == nil) != (err == nil) || want != nil && !errors.Is(err, want) && !errors.Is(err, errNoRecord) {
			t.Fatalf("%s: %v, not %v", text, err, want)
		}
		if want == nil && !bytes.Equal(got.data, encodeJob(nil, &job)) {
			t.Fatalf("%s: %s, not %+v", text, got.data, job)
		}
	})
}

// FuzzDecode: any text gives a row, which can be read again, or a reason.
func FuzzDecode(f *testing.F) {
	for _, text := range []string{ad(1), `{"index":{"_id":"1"}}`, `{"doc":` + ad(2) + `}`, `{"_source":` + ad(3) + `}`, running(4, "wn1", 0, 1, ""), `{"GlobalJobId":"x"}`, `{"GlobalJobId":"a#-1.70000","RunInstanceId":1}`} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) == 0 || text[0] != '{' {
			return
		}
		r, err := newReader().read(string(text), t0)
		if err != nil {
			return
		}
		j, err := decodeJob(r.data)
		if err != nil {
			t.Fatalf("%x: %v", r.data, err)
		}
		again := rowOf(j)
		if again.id != r.id || !bytes.Equal(again.data, r.data) || !slices.Equal(again.keys, r.keys) || again.bucket != r.bucket || again.recorded != r.recorded {
			t.Fatalf("%+v is stored as %+v, %v", r, again, err)
		}
		if !bytes.HasPrefix(r.id[:], first(jobPrefix(&j))) {
			t.Fatalf("%x does not begin as %x", r.id, jobPrefix(&j))
		}
	})
}

// rowOf gives a job's row.
func rowOf(j grid.Job) row { return newReader().row(&j, t0) }

func first(p [10]byte) []byte { return p[:] }

// TestActionsAreNoRecords, but what merely is named like them is.
func TestActionsAreNoRecords(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]error{
		`{"index":{"_index":"cms","_id":"1"}}`: errNoRecord,
		`{"create":{}}`:                        errNoRecord,
		`{"update":{"_id":"1"}}`:               errNoRecord,
		`{"delete":{"_id":"1"}}`:               errNoRecord,
		`{"index":1}`:                          grid.ErrNoJobID,
		`{"index":{},"Owner":"x"}`:             grid.ErrNoJobID,
		`{"doc":{"Owner":"x"}}`:                grid.ErrNoJobID,
		`{"doc":` + ad(1) + `}`:                nil,
	} {
		if _, err := newReader().read(text, t0); !errors.Is(err, want) {
			t.Errorf("%s: %v, not %v", text, err, want)
		}
	}
}

// TestWhichRecordReplacesWhich.
func TestWhichRecordReplacesWhich(t *testing.T) {
	t.Parallel()
	host := func(h string) []grid.HostClaim { return []grid.HostClaim{{Host: h, Field: "RemoteHost", Last: true}} }
	base := grid.Job{ID: "s#1.0#1", Experiment: grid.CMS, Schedd: "s", Cluster: 1, Kind: grid.Snapshot, Start: t0, Hosts: host("wn1"), Recorded: t0.Add(time.Hour)}
	with := func(change func(*grid.Job)) grid.Job {
		j := base
		change(&j)
		return j
	}
	for name, x := range map[string]struct {
		a, b grid.Job
		same bool
	}{
		"a later moment of a run":     {base, with(func(j *grid.Job) { j.Recorded = t0.Add(2 * time.Hour) }), true},
		"another run":                 {base, with(func(j *grid.Job) { j.Start = t0.Add(time.Minute) }), false},
		"another host":                {base, with(func(j *grid.Job) { j.Hosts = host("wn2") }), false},
		"another job":                 {base, with(func(j *grid.Job) { j.ID = "s#1.0#2" }), false},
		"another experiment":          {base, with(func(j *grid.Job) { j.Experiment = grid.ATLAS }), false},
		"an epoch of the run":         {base, with(func(j *grid.Job) { j.Kind = grid.Epoch }), false},
		"the end":                     {base, with(func(j *grid.Job) { j.Kind = grid.Finished }), false},
		"two copies of the end":       {with(func(j *grid.Job) { j.Kind = grid.Finished }), with(func(j *grid.Job) { j.Kind, j.Start, j.Hosts = grid.Finished, time.Time{}, host("wn2") }), true},
		"two moments without a start": {with(func(j *grid.Job) { j.Start = time.Time{} }), with(func(j *grid.Job) { j.Start, j.Recorded = time.Time{}, t0 }), false},
		"two moments of waiting":      {with(func(j *grid.Job) { j.Start, j.Hosts = time.Time{}, nil }), with(func(j *grid.Job) { j.Start, j.Hosts, j.Recorded = time.Time{}, nil, t0 }), true},
	} {
		if same := idOf(&x.a) == idOf(&x.b); same != x.same {
			t.Errorf("%s: %t", name, same)
		}
	}
}

// TestIDsSortAsJobs: an import in the order of a schedd writes side by side.
func TestIDsSortAsJobs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		job := func(name string) grid.Job {
			return grid.Job{
				ID: name, Schedd: "s", Kind: grid.Finished,
				Cluster: rapid.Int64Range(0, 1<<39).Draw(t, name+"'s cluster"), Proc: rapid.Int64Range(0, 1<<16-1).Draw(t, name+"'s proc"),
			}
		}
		a, b := job("a"), job("b")
		if a.Cluster == b.Cluster && a.Proc == b.Proc {
			return
		}
		ida, idb := idOf(&a), idOf(&b)
		if less := a.Cluster < b.Cluster || a.Cluster == b.Cluster && a.Proc < b.Proc; less != (bytes.Compare(ida[:], idb[:]) < 0) {
			t.Fatalf("%d.%d and %d.%d sort as %x and %x", a.Cluster, a.Proc, b.Cluster, b.Proc, ida, idb)
		}
	})
}
