package elastic

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// The connections that searchtest keeps are not ours to end.
func TestMain(m *testing.M) {
	flag.Parse()
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"), goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"))
}

var (
	seedFlag    = flag.Uint64("seed", 2, "of random records and questions; 0 chooses one")
	recordsFlag = flag.Int("records", 400, "how many random records are compared")
)

// t0 is in the middle of the world of the tests.
var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// patient is a configuration for a slow machine.
func patient(url, index string) Config {
	return Config{URL: url, Index: index, Deadline: 2 * time.Minute, LookBack: DefaultLookBack, Page: DefaultPage}
}

func newSource(t testing.TB, kind Kind, c Config) *Source {
	t.Helper()
	s, err := New(kind, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// find asks and wants no error.
func find(t testing.TB, s *Source, q grid.Query) grid.Found {
	t.Helper()
	f, err := s.Sightings(t.Context(), q)
	if err != nil {
		t.Fatalf("%+v: %v", q, err)
	}
	return f
}

// record is a document of es-cms, as the spider writes it.
type record map[string]any

// job gives the record of a job that ended well: the hours are from t0.
func job(n int, host string, start, end int, more record) record {
	at := func(hours int) int64 { return t0.Unix() + int64(hours)*3600 }
	r := record{
		"GlobalJobId": fmt.Sprintf("crab3@vocms%04d.example#%d.0#%d", n%7, n, at(start-2)), "ScheddName": fmt.Sprintf("crab3@vocms%04d.example", n%7),
		"Status": "Completed", "JobStatus": 4, "Type": "analysis", "Site": "T2_XX_A", "NumJobStarts": 1, "NumShadowStarts": 1,
		"QDate": at(start - 2), "JobStartDate": at(start), "JobCurrentStartDate": at(start), "CompletionDate": at(end), "EnteredCurrentStatus": at(end), "RecordTime": at(end),
		"LastRemoteHost": "slot1_1@glidein_1_2@" + host, "CRAB_UserHN": fmt.Sprintf("user%d", n), "Owner": "cms0001",
	}
	for k, v := range more {
		if v == nil {
			delete(r, k)
		} else {
			r[k] = v
		}
	}
	return r
}

// document puts a record where the spider does: into the index of the UTC day of
// submission.
func (r record) document(prefix string, n int) searchtest.Document {
	source, err := json.Marshal(r)
	if err != nil {
		panic(err)
	}
	at := t0
	if f, ok := r["QDate"].(int64); ok && f > 1e9 {
		if f > 1e11 {
			f /= 1000
		}
		at = time.Unix(f, 0).UTC()
	}
	return searchtest.Document{Index: prefix + "cms-" + at.Format(time.DateOnly), ID: fmt.Sprintf("%v#%d", r["GlobalJobId"], n), Source: source}
}

// load puts records into the indices of a test and gives their pattern.
func load(t testing.TB, s searchtest.Server, records []record) (pattern string) {
	t.Helper()
	return loadAs(t, s, searchtest.CMSMapping(), records)
}

// loadAs is load into indices with another mapping.
func loadAs(t testing.TB, s searchtest.Server, mapping []byte, records []record) (pattern string) {
	t.Helper()
	prefix := s.Prefix(t)
	s.PutTemplate(t, prefix+"cms", prefix+"cms-*", mapping)
	s.Load(t, func(yield func(searchtest.Document) bool) {
		for n, r := range records {
			if !yield(r.document(prefix, n)) {
				return
			}
		}
	})
	return prefix + "cms-*"
}

// jobsOf reads records as a plain loop over all of them would.
func jobsOf(t testing.TB, records []record, source string) []grid.Job {
	t.Helper()
	var jobs []grid.Job
	for _, r := range records {
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		doc := map[string]any{}
		if err := d.Decode(&doc); err != nil {
			t.Fatal(err)
		}
		j, err := grid.JobFromRecord(map[string]any{"_source": doc}, source)
		if err != nil {
			t.Fatal(err)
		}
		jobs = append(jobs, j)
	}
	return jobs
}

// draws makes records and questions in which anything may be missing, wrong, or
// contradict the rest.
type draws struct{ *rand.Rand }

func pick[T any](d draws, from ...T) T { return from[d.IntN(len(from))] }

// one is true once in n times.
func (d draws) one(n int) bool { return d.IntN(n) == 0 }

func (d draws) date() any {
	at := t0.Unix() + int64(d.IntN(60)-30)*2*3600
	switch d.IntN(16) {
	case 0:
		return at * 1000
	case 1:
		return int64(0)
	case 2:
		return nil
	case 3:
		return fmt.Sprint(at)
	case 4:
		return int64(12)
	}
	return at
}

var someHosts = []any{"slot1@wn1.example.org", "slot1@g@WN1", "slot1@wn2.example.org", "wn2", "<192.0.2.7:9618?x>", "slot1@0123456789ab", "Unknown", "slot1@", "wn10.example.org"}

func (d draws) record(n int) record {
	r := record{"GlobalJobId": fmt.Sprintf("s%d@h#%d.0#1", n%5, n)}
	some := func(name string, of int, values ...any) {
		if d.one(of) {
			if v := pick(d, values...); v != nil {
				r[name] = v
			}
		}
	}
	if d.one(2) { // a whole record, in which one thing is odd
		start := d.IntN(120) - 60
		r = job(n, pick(d, "wn1.example.org", "wn2.example.org", "WN1", "wn10.example.org"), start, start+d.IntN(20), record{"Site": pick[any](d, "T2_A", "T2_B", "T2_A")})
		if d.one(2) {
			r[pick(d, "QDate", "JobStartDate", "JobCurrentStartDate", "JobLastStartDate", "CompletionDate", "EnteredCurrentStatus", "RecordTime")] = d.date()
		}
	} else {
		for _, name := range []string{"QDate", "JobStartDate", "JobCurrentStartDate", "CompletionDate", "RecordTime"} {
			if !d.one(7) {
				r[name] = d.date()
			}
		}
		for _, name := range []string{"JobLastStartDate", "JobFinishedHookDone", "EnteredCurrentStatus", "LastVacateTime"} {
			if d.one(4) {
				r[name] = d.date()
			}
		}
		some("Status", 1, "Completed", "Removed", "Running", "Idle", "Held", "Unknown", "completed")
		some("JobStatus", 2, 1, 2, 3, 4, 5, 9, "4")
		some("Site", 1, "T2_A", "T2_A", "T2_B", "T2_B", "t2_a", "T2_A_Disk", " Unknown ", "", nil)
		some("LastRemoteHost", 2, someHosts...)
		some("NumJobStarts", 2, 0, 1, 2)
		some("CRAB_UserHN", 2, "jdoe", "jdoe2", "JDoe")
	}
	some("GLIDEIN_CMSSite", 4, "T2_A", "T2_B")
	some("NumShadowStarts", 5, 1, 2)
	some("RemoteWallClockTime", 6, 100, 100_000)
	some("CommittedTime", 6, 0, 50)
	some("MachineAttrGLIDEIN_CMSSite1", 9, "T2_A", "T2_B")
	some("ServerTime", 30, t0.Unix())
	some("MATCH_EXP_JOB_GLIDEIN_CMSSite", 30, "T2_A", "T2_B")
	some("jobcurrentstartdate", 30, t0.Unix())
	some("RemoteHost", 3, someHosts...)
	some("GLIDEIN_SiteWMS_Slot", 6, someHosts...)
	some("MachineAttrName1", 9, someHosts...)
	some("HoldReason", 9, "Error from slot1@wn1.example.org: STARTER at 192.0.2.7 failed", "x")
	some("StartdPrincipal", 5, "execute-side@matchsession/192.0.2.7")
	some("GLIDEIN_ClusterId", 2, "7", "07", "7.0", "8", "70e-1", ".7E+1")
	some("GLIDEIN_ProcId", 2, 0, 0, 1)
	some("GLIDEIN_Schedd", 2, "s@f1", "s@f2")
	some("GLIDEIN_SiteWMS_JobId", 2, "12.0", "12", "12.ce01", "A12", "a12")
	some("Owner", 2, "cms0002", "jdoe")
	some("User", 4, "cms0002@cms")
	some("AccountingGroup", 4, "analysis.jdoe", "jdoe")
	some("WMAgent_RequestName", 6, "jdoe_task_1")
	some("CRAB_Workflow", 4, "260301_080000:jdoe_crab_x")
	some("ConnectClientUser", 9, "Jane Roe", "jdoe")
	some("x509userproxysubject", 2, "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "CN=John Doe,CN=123456,CN=jdoe,OU=Users,OU=Organic Units,DC=cern,DC=ch", `CN=J\6Fhn Doe,O=Ex,C=XX`, "/C=XX/O=Ex/CN=john  doe/CN=proxy")
	some("x509UserProxyFQAN", 4, []any{"/C=XX/O=Ex/CN=John Doe", "/cms/Role=NULL/Capability=NULL"}, "/C=XX/O=Ex&comma; Ltd/CN=John Doe,/cms/Role=NULL")
	return r
}

// records gives n of them, and some jobs a second record of later.
func (d draws) records(n int) []record {
	var all []record
	for len(all) < n {
		r := d.record(len(all))
		all = append(all, r)
		if d.one(12) {
			again := record{}
			for k, v := range r {
				again[k] = v
			}
			again["RecordTime"] = t0.Unix() + int64(d.IntN(40))*3600 + int64(len(all))
			again["Status"], again["JobStatus"] = pick[any](d, "Completed", "Running"), nil
			all = append(all, again)
		}
	}
	return all
}

func (d draws) query() grid.Query {
	q := grid.Query{Kind: pick(d, grid.ByHost, grid.ByHost, grid.ByHost, grid.ByBatch, grid.ByPilotID, grid.ByUser, grid.ByUser, grid.ByIP)}
	ip := netip.MustParseAddr("192.0.2.7")
	switch q.Kind {
	case grid.ByHost:
		q.Host = pick(d, "wn1.example.org", "wn1.example.org", "wn1", "wn3.example.org", "0123456789ab")
		if d.one(3) {
			q.Aliases = []string{"wn2.example.org"}
		}
		if d.one(8) {
			q.IP = ip
		}
	case grid.ByIP:
		q.IP = ip
	case grid.ByBatch:
		q.Batch, q.Queue = pick(d, "12", "12.0", "a12", "A12", "12.CE01"), pick(d, "", "ce01.example.org")
	case grid.ByPilotID:
		q.Pilot = grid.PilotID{Schedd: pick(d, "", "s@f1", "S@F1"), Cluster: 7}
	case grid.ByUser:
		q.User = pick(d, "jdoe", "cms0002", "John Doe", "jane roe", "Jane Roe", "/C=XX/O=Ex/CN=John Doe", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "Ян")
	}
	if d.one(2) {
		q.Sites = []string{pick(d, "T2_A", "T2_A", "t2_b")}
	}
	if !d.one(10) {
		q.Window.From = t0.Add(time.Duration(d.IntN(14)-7) * 12 * time.Hour)
		q.Window.To = q.Window.From.Add(time.Duration(pick(d, 0, 1, 24, 48)) * time.Hour)
	}
	return q
}

// known is a record and what the other records of its job make of it.
type known struct{ record, bounded grid.Job }

// knowing bounds each by all others.
func knowing(jobs []grid.Job) []known {
	same := map[string][]int{}
	for i := range jobs {
		same[jobs[i].ID] = append(same[jobs[i].ID], i)
	}
	var all []known
	for _, j := range jobs {
		k := known{j, j}
		for _, i := range same[j.ID] {
			k.bounded = k.bounded.BoundedBy(jobs[i])
		}
		all = append(all, k)
	}
	return all
}

// bruteForce is what Sightings says it does, with all records in hand.
func bruteForce(jobs []known, q grid.Query, met map[string]int) (f grid.Found) {
	placed, by := map[string]bool{}, map[string]int{}
	add := func(s grid.Sighting) {
		key := runOf(&s.Job) + " " + s.Host
		if i, ok := by[key]; !ok {
			by[key] = len(f.Sightings)
			f.Sightings = append(f.Sightings, s)
		} else if better(s, f.Sightings[i]) {
			f.Sightings[i] = s
		}
		placed[s.Job.ID] = true
	}
	for _, j := range jobs {
		_, unbounded := grid.Match(q, j.record)
		s, ok := grid.Match(q, j.bounded)
		if unbounded && !ok {
			met["bounded"]++
		}
		if ok {
			add(s)
			met[string(q.Kind)]++
		}
	}
	defer func() {
		var records []grid.Job
		for _, j := range jobs {
			if !placed[j.record.ID] {
				records = append(records, j.record)
			}
		}
		after, pilots := grid.Afterwards(q, f.Sightings)
		f.Exposed = grid.Exposed(after, pilots, records)
		met["exposed"] += len(f.Exposed)
	}()
	if q.Kind != grid.ByHost {
		return f
	}
	mate := q
	mate.Kind = grid.ByPilotID
	for _, id := range grid.PilotsOf(f.Sightings) {
		mate.Pilot = id
		for _, j := range jobs {
			if placed[j.record.ID] {
				continue
			}
			s, follow, ok := grid.MatchMate(mate, j.bounded)
			if ok {
				met["mates"]++
				add(s)
			}
			if follow != (grid.FollowOn{}) && !slices.Contains(f.FollowOn, follow) {
				met["follow on"]++
				f.FollowOn = append(f.FollowOn, follow)
			}
		}
	}
	return f
}
