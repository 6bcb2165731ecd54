package history

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Small worlds, so that jobs and queries meet often.
var (
	someHosts  = []string{"wn1.example.org", "wn1.example.org", "wn1.example.org", "0123456789ab", "0123456789ab", "0123456789ab", "wn1", "wn1.example.net", "wn10.example.org", "198.51.100.7"}
	someSites  = []string{"T2_XX", "t2_xx", "T2_YY"}
	someUsers  = []string{"jdoe", "John Doe", "analysis.jdoe", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "cms1727"}
	someIPs    = []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("10.0.0.1")}
	someBatch  = []string{"17.0", "17", "17.ce01.example.org", "18"}
	someFields = []string{"LastRemoteHost", "HoldReason", "MachineAttrName1"}
)

type draws struct{ *rapid.T }

func pick[V any](t draws, name string, from []V) V { return rapid.SampledFrom(from).Draw(t.T, name) }

// time draws a moment within some months, so that runs fall into buckets of
// every length; zero one time in ten.
func (t draws) time(name string) time.Time {
	hours := pick(t, name, []int{0, 1, 1, 2, 2, 3, 5, 20, 30, 24 * 9, 24 * 20, 24 * 100, -1})
	if hours < 0 {
		return time.Time{}
	}
	return t0.Add(time.Duration(hours) * time.Hour)
}

func (t draws) job() grid.Job {
	cluster := rapid.Int64Range(1, 8).Draw(t.T, "job")
	j := grid.Job{
		ID: fmt.Sprintf("s#%d.0#1", cluster), Experiment: grid.CMS, Source: Name, Schedd: "s", Cluster: cluster,
		Kind:   pick(t, "kind", []grid.RecordKind{grid.Finished, grid.Finished, grid.Snapshot, grid.Epoch}),
		Status: pick(t, "status", []string{"Running", "Running", "Completed", "Idle"}),
		Start:  t.time("start"), End: t.time("end"), Recorded: t.time("recorded"),
		Starts: rapid.IntRange(0, 2).Draw(t.T, "starts"), ShadowStarts: rapid.IntRange(0, 2).Draw(t.T, "shadow starts"),
	}
	if rapid.IntRange(0, 2).Draw(t.T, "with sound dates") > 0 && !j.Start.IsZero() {
		j.End = j.Start.Add(time.Duration(rapid.IntRange(1, 60).Draw(t.T, "hours")) * time.Hour)
		j.Recorded, j.Starts, j.ShadowStarts = j.End, 1, 1
	} else if rapid.Bool().Draw(t.T, "with earlier dates") {
		j.Submitted, j.FirstStart, j.PreviousStart = t.time("submitted"), t.time("first start"), t.time("previous start")
	}
	if rapid.Bool().Draw(t.T, "with site") {
		j.Site = pick(t, "site", someSites)
	}
	if rapid.Bool().Draw(t.T, "was elsewhere") {
		j.EarlierSites = []string{pick(t, "earlier site", someSites)}
	}
	if rapid.IntRange(0, 5).Draw(t.T, "with pilot") > 0 {
		j.Pilot = grid.Pilot{
			Batch: pick(t, "batch", someBatch), Queue: pick(t, "queue", []string{"", "ce01"}),
			ID: grid.PilotID{Schedd: pick(t, "factory", []string{"s@f1", "s@f1", "s@f1", "", "s@f2"}), Cluster: pick(t, "pilot", []int64{1, 1, 1, 2})},
		}
	}
	for range rapid.IntRange(0, 2).Draw(t.T, "hosts") {
		j.Hosts = append(j.Hosts, grid.HostClaim{Host: pick(t, "host", someHosts), Field: pick(t, "field", someFields), Last: rapid.IntRange(0, 3).Draw(t.T, "last") > 0})
	}
	if rapid.IntRange(0, 3).Draw(t.T, "with address") == 0 {
		j.Addresses = []netip.Addr{pick(t, "address", someIPs)}
	}
	for range rapid.IntRange(0, 2).Draw(t.T, "identities") {
		j.Identities = append(j.Identities, grid.Identity{Kind: pick(t, "identity", []string{"crab", "dn", "accounting", "owner"}), Value: pick(t, "value", someUsers)})
	}
	return j
}

func (t draws) query() grid.Query {
	q := grid.Query{Kind: pick(t, "asked by", []grid.QueryKind{grid.ByHost, grid.ByHost, grid.ByHost, grid.ByBatch, grid.ByPilotID, grid.ByUser, grid.ByIP})}
	switch q.Kind {
	case grid.ByHost:
		q.Host = pick(t, "asked host", someHosts)
		if rapid.Bool().Draw(t.T, "alias") {
			q.Aliases = []string{pick(t, "asked alias", someHosts)}
		}
		if rapid.Bool().Draw(t.T, "with address") {
			q.IP = pick(t, "asked host's address", someIPs)
		}
	case grid.ByIP:
		q.IP = pick(t, "asked address", someIPs)
	case grid.ByBatch:
		q.Batch = pick(t, "asked batch", someBatch)
	case grid.ByPilotID:
		q.Pilot = grid.PilotID{Schedd: pick(t, "asked factory", []string{"", "s@f1"}), Cluster: rapid.Int64Range(1, 2).Draw(t.T, "asked pilot")}
	case grid.ByUser:
		q.User = pick(t, "asked user", someUsers)
	}
	if rapid.IntRange(0, 3).Draw(t.T, "with site") == 0 {
		q.Sites = []string{pick(t, "asked site", someSites)}
	}
	if from := t.time("from"); !from.IsZero() {
		q.Window = grid.Window{From: from, To: from.Add(time.Duration(pick(t, "hours", []int{0, 1, 48, 24 * 30})) * time.Hour)}
	}
	return q
}

// TestSightingsAreAllThatMatch: a trace finds just what the rules find among all
// latest copies, looked at one by one.
func TestSightingsAreAllThatMatch(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{})
	met := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		clearAll(t, s)
		d := draws{t}
		latest := map[[20]byte]row{}
		for range rapid.IntRange(1, 4).Draw(t, "imports") {
			var rows []row
			for range rapid.IntRange(1, 6).Draw(t, "records") {
				r := rowOf(d.job())
				rows = append(rows, r)
				old, ok := latest[r.id]
				if !ok || r.recorded > old.recorded || r.recorded == old.recorded && (len(r.data) > len(old.data) || len(r.data) == len(old.data) && bytes.Compare(r.data, old.data) > 0) {
					latest[r.id] = r
				}
				if ok {
					met["copies"]++
				}
			}
			if err := putAll(s, rows, &file{key: Stdin}, t0); err != nil {
				t.Fatal(err)
			}
		}
		jobs := stored(t, s)
		checkLatest(t, jobs, latest)
		for range 12 {
			q := d.query()
			got, want := find(t, s, q), bruteForce(jobs, q, met)
			if diff := cmp.Diff(want.Sightings, got.Sightings, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
				t.Fatalf("%+v: %s", q, diff)
			}
			if diff := cmp.Diff(want.FollowOn, got.FollowOn); diff != "" {
				t.Fatalf("%+v: followed on %s", q, diff)
			}
			if diff := cmp.Diff(want.Exposed, got.Exposed); diff != "" {
				t.Fatalf("%+v: exposed %s", q, diff)
			}
			if got.Report.Matched != len(want.Sightings) || got.Report.Records < got.Report.Matched {
				t.Fatalf("%+v", got.Report)
			}
		}
	})
	met["rare"] = met["bounded"] + met["mates"] + met["follow on"] + met["exposed"] // each has a test of its own
	for _, what := range []string{"copies", "host", "batch", "pilot", "user", "ip", "rare"} {
		if met[what] == 0 {
			t.Errorf("no %s in any world: %v", what, met)
		}
	}
}

// checkLatest: what is stored is the latest copy of each record.
func checkLatest(t *rapid.T, jobs []grid.Job, latest map[[20]byte]row) {
	t.Helper()
	if len(jobs) != len(latest) {
		t.Fatalf("%d records, not %d", len(jobs), len(latest))
	}
	for _, j := range jobs {
		if data, want := encodeJob(nil, &j), latest[idOf(&j)].data; !bytes.Equal(data, want) {
			t.Fatalf("%s is stored, not %s", data, want)
		}
	}
}

// bruteForce is what Sightings says it does, with all records in hand.
func bruteForce(jobs []grid.Job, q grid.Query, met map[string]int) (f grid.Found) {
	placed := map[string]bool{}
	bounded := func(j grid.Job) grid.Job {
		for _, other := range jobs {
			j = j.BoundedBy(other)
		}
		return j
	}
	for _, j := range jobs {
		_, unbounded := grid.Match(q, j)
		s, ok := grid.Match(q, bounded(j))
		if unbounded && !ok {
			met["bounded"]++
		}
		if ok && s.Unplaced && grid.EveryRunPlaced(j, jobs) {
			met["settled"]++
			ok = false
		}
		if ok {
			f.Sightings = append(f.Sightings, s)
			placed[j.ID] = true
			met[string(q.Kind)]++
		}
	}
	defer func() {
		after, pilots := grid.Afterwards(q, f.Sightings)
		others := slices.DeleteFunc(slices.Clone(jobs), func(j grid.Job) bool { return placed[j.ID] })
		f.Exposed = grid.Exposed(after, pilots, others)
		met["exposed"] += len(f.Exposed)
	}()
	if q.Kind != grid.ByHost {
		return f
	}
	for _, pilot := range grid.PilotsOf(f.Sightings) {
		mate := q
		mate.Kind, mate.Pilot = grid.ByPilotID, pilot
		for _, j := range jobs {
			if placed[j.ID] {
				continue
			}
			s, follow, ok := grid.MatchMate(mate, bounded(j))
			if ok {
				met["mates"]++
				f.Sightings = append(f.Sightings, s)
				placed[j.ID] = true
			}
			if follow != (grid.FollowOn{}) && !slices.Contains(f.FollowOn, follow) {
				met["follow on"]++
				f.FollowOn = append(f.FollowOn, follow)
			}
		}
	}
	return f
}

// running gives the ad of a job that was seen on a worker node.
func running(n int, host string, start, seen int, more string) string {
	at := func(hours int) int64 { return t0.Unix() + int64(hours)*3600 }
	return fmt.Sprintf(`{"GlobalJobId":"s@h#%d.0#1","Owner":"user%d","JobStatus":2,"RemoteHost":"slot1@%s","JobCurrentStartDate":%d,"JobStartDate":%d,"ServerTime":%d%s}`+"\n",
		n, n, host, at(start), at(start), at(seen), more)
}

// TestRunningIsBoundedByItsEnd: a job that was seen running may be there for days
// more, unless its end, or the start of its next run, is known.
func TestRunningIsBoundedByItsEnd(t *testing.T) {
	t.Parallel()
	seen := running(1, "wn042.example.org", 0, 1, "")
	end := fmt.Sprintf(`{"GlobalJobId":"s@h#1.0#1","JobStatus":4,"LastRemoteHost":"slot1@wn042.example.org","JobCurrentStartDate":%d,"CompletionDate":%d}`+"\n", t0.Unix(), t0.Unix()+2*3600)
	next := running(1, "wn7.example.org", 3, 4, `,"NumJobStarts":1`)
	for name, x := range map[string]struct {
		text string
		want []string // hours 0-1, 5-6, and after a week
	}{
		"alone":         {seen, []string{"confirmed", "possible", ""}},
		"ended":         {seen + end, []string{"confirmed confirmed", "", ""}},
		"ended, before": {end + seen, []string{"confirmed confirmed", "", ""}},
		"ran again":     {seen + next, []string{"confirmed", "", ""}},
		"another's end": {seen + end[:16] + "s@h#2.0#1" + end[25:], []string{"confirmed confirmed", "possible", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t, Config{})
			importText(t, s, x.text)
			for i, q := range []grid.Query{onHost(0, 1), onHost(5, 1), onHost(8*24, 1)} {
				got := ""
				for _, f := range find(t, s, q).Sightings {
					got += " " + string(f.Confidence)
				}
				if want := x.want[i]; got != "" && got[1:] != want || got == "" && want != "" {
					t.Errorf("window %d: %s, not %s", i, got, want)
				}
			}
		})
	}
}

// TestMatesOfPilot: the pilot that ran a confirmed job on the host is followed to
// its other jobs.
func TestMatesOfPilot(t *testing.T) {
	t.Parallel()
	pilot := func(cluster int) string {
		return fmt.Sprintf(`"GLIDEIN_Schedd":"s@f1","GLIDEIN_ClusterId":"%d","GLIDEIN_ProcId":"0","JobCurrentStartDate":%d,"CompletionDate":%d,"RecordTime":%d`, cluster, t0.Unix()+3600, t0.Unix()+5*3600, t0.Unix()+5*3600)
	}
	on := func(host string) string { return fmt.Sprintf(`"LastRemoteHost":"slot1@%s"`, host) }
	s := newStore(t, Config{})
	importText(t, s, "["+ad(1, pilot(7))+
		","+ad(2, pilot(7), on("4b658c4b23eb"))+ // under a container's name
		","+ad(3, pilot(7), on("wn043.example.org"))+ // the pilot had two machines
		","+ad(4, pilot(7), on("wn044.example.org"), `"NumShadowStarts":2,"JobStartDate":`+fmt.Sprint(t0.Unix()-9*86400), `"QDate":`+fmt.Sprint(t0.Unix()-9*86400))+ // which the search for the host looked at, too
		","+ad(5, pilot(8), on("wn045.example.org"))+"]")
	f := find(t, s, onHost(2, 1))
	got := map[string]grid.Confidence{}
	for _, found := range f.Sightings {
		got[found.Job.ID] = found.Confidence
	}
	ids := adIDs(1, 2)
	if diff := cmp.Diff(map[string]grid.Confidence{ids[0]: grid.Confirmed, ids[1]: grid.Possible}, got); diff != "" {
		t.Error(diff)
	}
	var hosts []string
	for _, follow := range f.FollowOn {
		hosts = append(hosts, follow.Person+" "+follow.Host)
	}
	if diff := cmp.Diff([]string{"user3 wn043.example.org", "user4 wn044.example.org"}, hosts); diff != "" {
		t.Error(diff)
	}
}

// TestBuckets: any presence is in one of the buckets of any window that it meets.
func TestBuckets(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	some := []time.Duration{0, time.Second, time.Hour, day - time.Second, day, day + time.Millisecond, 36 * time.Hour, 8 * day, 8*day + time.Second, 64 * day, 64*day + time.Second, 300 * day}
	for begin := time.Duration(0); begin < 200*day; begin += 7*time.Hour + time.Second {
		for i, length := range some {
			from := t0.Add(begin)
			ps := []grid.Window{{From: from, To: from.Add(length)}, {From: from}, {To: from}, {}}
			if i > 0 {
				ps = ps[:1]
			}
			for _, p := range ps {
				for _, at := range []time.Duration{-30 * day, -time.Second, 0, length / 2, length - time.Second, length, length + time.Second} {
					for _, wide := range some {
						w := grid.Window{From: from.Add(at), To: from.Add(at + wide)}
						meets := (p.From.IsZero() || !p.From.After(w.To)) && (p.To.IsZero() || !p.To.Before(w.From))
						b := bucketOf(p)
						in := func(s span) bool { return s.first <= b && b <= s.last }
						if meets && !slices.ContainsFunc(spansOf(w), in) || !slices.ContainsFunc(spansOf(grid.Window{}), in) {
							t.Fatalf("%v is in bucket %d, not in %v of %v", p, b, spansOf(w), w)
						}
					}
				}
			}
		}
	}
}

// TestListOfRecords reads what it writes, and refuses what nobody wrote.
func TestListOfRecords(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		nums := rapid.SliceOfNDistinct(rapid.Int64Range(0, 1<<50), 1, 20, rapid.ID).Draw(t, "nums")
		slices.Sort(nums)
		if got, err := numsOf(nums[0], moreOf(nil, nums)); err != nil || !slices.Equal(got, nums) {
			t.Fatalf("%v, %v", got, err)
		}
	})
	if got, err := numsOf(1, []byte{0x80}); err == nil {
		t.Errorf("a damaged list is read as %v", got)
	}
}
