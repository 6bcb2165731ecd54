package grid

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// t0 is the reported time of the tests of matching.
var t0 = time.Date(2025, 6, 24, 12, 0, 0, 0, time.UTC)

func hours(h float64) time.Time { return t0.Add(time.Duration(h * float64(time.Hour))) }

// window is [t0, t0+48h].
var window = Window{From: t0, To: hours(48)}

// finishedOn is a job that ran on a host from hour a to hour b after t0.
func finishedOn(host string, a, b float64) Job {
	return Job{
		ID: "s@h#1.0#1", Experiment: CMS, Source: "test", Kind: Finished, Status: "Completed", Site: "T2_XX",
		Hosts:     []HostClaim{{host, "LastRemoteHost", true}},
		Submitted: hours(a - 100), FirstStart: hours(a), Start: hours(a), End: hours(b), EndField: "CompletionDate", Recorded: hours(b), Starts: 1, ShadowStarts: 1,
	}
}

func TestMatchHost(t *testing.T) {
	t.Parallel()
	const host = "wn1.example.org"
	none := Confidence("")
	for _, c := range []struct {
		name   string
		sites  []string
		alias  string
		change func(*Job)
		want   Confidence
		why    string
	}{
		{"inside", nil, "", nil, Confirmed, "LastRemoteHost"},
		{"begins at the last instant", nil, "", func(j *Job) { *j = finishedOn(host, 48, 90) }, Confirmed, ""},
		{"begins after the window", nil, "", func(j *Job) { *j = finishedOn(host, 48.01, 90) }, none, ""},
		{"ends at the first instant", nil, "", func(j *Job) { *j = finishedOn(host, -5, 0) }, Confirmed, ""},
		{"ended before the window", nil, "", func(j *Job) { *j = finishedOn(host, -5, -0.01) }, none, ""},
		{"another host", nil, "", func(j *Job) { j.Hosts[0].Host = "wn10.example.org" }, none, ""},
		{"short name in the record", nil, "", func(j *Job) { j.Hosts[0].Host = "wn1" }, Possible, "short names"},
		{"short name and the site", []string{"t2_xx"}, "", func(j *Job) { j.Hosts[0].Host = "wn1" }, Confirmed, ""},
		{"alias", nil, "node7.example.net", func(j *Job) { j.Hosts[0].Host = "node7.example.net" }, Confirmed, ""},
		{"another site", []string{"T2_YY"}, "", nil, none, ""},
		{"site unknown", []string{"T2_YY"}, "", func(j *Job) { j.Site = "" }, Possible, "site"},
		{"earlier run at the site", []string{"T2_YY"}, "", func(j *Job) {
			j.EarlierSites = []string{"T2_YY"}
			j.FirstStart = hours(-9)
			j.Starts = 2
			j.Start = hours(20)
			j.End = hours(30)
			j.Hosts[0].Host = "o.example.org"
		}, Possible, "NumJobStarts"},
		{"moved from an unknown site", []string{"T2_YY"}, "", func(j *Job) { j.Starts = 2; j.Hosts[0].Host = "o.example.org" }, Possible, "earlier run unknown"},
		{"removed, no CompletionDate", nil, "", func(j *Job) { j.Status = "Removed"; j.EndField = "EnteredCurrentStatus" }, Confirmed, "EnteredCurrentStatus"},
		{"no end", nil, "", func(j *Job) { j.End = time.Time{} }, Possible, "no end"},
		{"no end, began long before", nil, "", func(j *Job) { *j = finishedOn(host, -300, 0); j.End = time.Time{} }, none, ""},
		{"no start", nil, "", func(j *Job) { j.Start, j.FirstStart, j.Submitted = time.Time{}, time.Time{}, time.Time{} }, Possible, "no start"},
		{"only submitted", nil, "", func(j *Job) { j.Start, j.FirstStart = time.Time{}, time.Time{} }, Possible, "submitted"},
		{"no dates at all", nil, "", func(j *Job) {
			j.Start, j.FirstStart, j.Submitted, j.End, j.Recorded = time.Time{}, time.Time{}, time.Time{}, time.Time{}, time.Time{}
		}, Possible, "neither"},
		{"start after end", nil, "", func(j *Job) { j.Start = hours(500) }, Possible, "clock"},
		{"start in the future", nil, "", func(j *Job) { j.Start, j.End = hours(500), hours(501) }, Possible, "clock"},
		{"end before submission", nil, "", func(j *Job) {
			j.Submitted, j.Start, j.FirstStart, j.End = hours(10), hours(-900), hours(-900), hours(-899)
		}, Possible, "clock"},
		{"no host", nil, "", func(j *Job) { j.Hosts = nil }, Possible, "no host"},
		{"no host, ended before", nil, "", func(j *Job) { *j = finishedOn(host, -5, -1); j.Hosts = nil }, none, ""},
		{"never ran", nil, "", func(j *Job) { j.Hosts = nil; j.Start, j.FirstStart = time.Time{}, time.Time{}; j.Starts = 0 }, none, ""},
		{"two starts, last run elsewhere", nil, "", func(j *Job) { j.Hosts[0].Host = "o.example.org"; j.Starts = 2; j.FirstStart = hours(-3) }, Possible, "NumJobStarts is 2"},
		{"two starts, all before the window", nil, "", func(j *Job) {
			j.Hosts[0].Host = "o.example.org"
			j.Starts = 2
			j.FirstStart = hours(-9)
			j.Start = hours(-5)
		}, none, ""},
		{"refused match", nil, "", func(j *Job) { j.Hosts[0].Host = "o.example.org"; j.ShadowStarts = 2 }, Possible, "NumShadowStarts"},
		{"previous start", nil, "", func(j *Job) { j.Hosts[0].Host = "o.example.org"; j.PreviousStart = hours(0) }, Possible, "JobLastStartDate"},
		{"lost an hour in another run", nil, "", func(j *Job) { j.Hosts[0].Host = "o.example.org"; j.LostWall = 5 * time.Hour }, Possible, "lost"},
		{"lost its only run by removal", nil, "", func(j *Job) { j.Hosts[0].Host = "o.example.org"; j.LostWall = 4 * time.Hour }, none, ""},
		{"named as an earlier host", nil, "", func(j *Job) {
			j.Hosts = []HostClaim{{"o.example.org", "LastRemoteHost", true}, {host, "MachineAttrName1", false}}
		}, Possible, "MachineAttrName1"},
		{"named in a hold reason", nil, "", func(j *Job) {
			j.Hosts = []HostClaim{{"o.example.org", "LastRemoteHost", true}, {host, "HoldReason", false}}
		}, Possible, "HoldReason"},
		{"named by the site's slot", nil, "", func(j *Job) {
			j.Hosts = []HostClaim{{"wn1", "LastRemoteHost", true}, {host, "GLIDEIN_SiteWMS_Slot", true}}
		}, Confirmed, "Slot"},
		{"container at the site", []string{"T2_XX"}, "", func(j *Job) { j.Hosts[0].Host = "4b658c4b23eb" }, Possible, "container"},
		{"container somewhere", nil, "", func(j *Job) { j.Hosts[0].Host = "4b658c4b23eb" }, none, ""},
		{"epoch", nil, "", func(j *Job) { j.Kind = Epoch; j.Starts = 5 }, Confirmed, ""},
		{"epoch elsewhere", nil, "", func(j *Job) { j.Kind = Epoch; j.Starts = 5; j.Hosts[0].Host = "o.example.org" }, none, ""},
	} {
		j := finishedOn(host, 1, 5)
		if c.change != nil {
			c.change(&j)
		}
		q := Query{Kind: ByHost, Host: host, Sites: c.sites, Window: window}
		if c.alias != "" {
			q.Aliases = []string{c.alias}
		}
		s, ok := Match(q, j)
		if ok != (c.want != none) || s.Confidence != c.want || !strings.Contains(s.Why, c.why) {
			t.Errorf("%s: %q, %v because %q, want %q because %q", c.name, s.Confidence, ok, s.Why, c.want, c.why)
		}
	}
}

func TestMatchSnapshot(t *testing.T) {
	t.Parallel()
	const host = "wn1.example.org"
	for _, c := range []struct {
		name        string
		start, seen float64 // hours after t0; 999 means that there is none
		want        Confidence
	}{
		{"seen in the window", -5, 1, Confirmed},
		{"seen after it, began in it", 20, 60, Confirmed},
		{"seen after it, began before it", -5, 60, Confirmed},
		{"began after it", 50, 60, ""},
		{"last seen before it", -5, -1, Possible},
		{"last seen long before it", -200, -190, ""},
		{"seen in it, no start", 999, 3, Confirmed},
		{"seen after it, no start", 999, 60, Possible},
		{"began after it was seen", 40, 3, Confirmed},
		{"never dated", 999, 999, Possible},
	} {
		j := Job{ID: "x", Kind: Snapshot, Status: "Running", Site: "T2_XX", Hosts: []HostClaim{{host, "RemoteHost", true}}}
		if c.start != 999 {
			j.Start = hours(c.start)
		}
		if c.seen != 999 {
			j.Recorded = hours(c.seen)
		}
		s, _ := Match(Query{Kind: ByHost, Host: host, Window: window}, j)
		if s.Confidence != c.want {
			t.Errorf("%s: %q because %q, want %q", c.name, s.Confidence, s.Why, c.want)
		}
	}
	// The host before is the one of an earlier run.
	j := Job{
		ID: "x", Kind: Snapshot, Status: "Running", Start: hours(5), FirstStart: hours(1), PreviousStart: hours(1), Recorded: hours(6),
		Hosts: []HostClaim{{"o.example.org", "RemoteHost", true}, {host, "LastRemoteHost", false}},
	}
	if s, _ := Match(Query{Kind: ByHost, Host: host, Window: window}, j); s.Confidence != Possible || s.Host != host {
		t.Errorf("the host of the run before: %q on %q because %q", s.Confidence, s.Host, s.Why)
	}
	// A held job is on no host; its last run was, until it was held.
	j = Job{ID: "x", Kind: Snapshot, Status: "Held", Start: hours(-5), End: hours(-4), EndField: "EnteredCurrentStatus", Recorded: hours(2), Hosts: []HostClaim{{host, "LastRemoteHost", true}}}
	if s, ok := Match(Query{Kind: ByHost, Host: host, Window: window}, j); ok {
		t.Errorf("a job held before the window: %q because %q", s.Confidence, s.Why)
	}
}

func TestMatchPilots(t *testing.T) {
	t.Parallel()
	pilot := Pilot{ID: PilotID{"schedd_glideins9@gfactory.example.org", 10176593, 0}, Factory: "OSG", Entry: "CMSHTPC_x", Batch: "1301810.0", Queue: "ce-1.example.org"}
	for _, c := range []struct {
		name string
		q    Query
		want Confidence
	}{
		{"batch and site", Query{Kind: ByBatch, Batch: "1301810.0", Sites: []string{"T2_XX"}}, Confirmed},
		{"batch and queue", Query{Kind: ByBatch, Batch: "1301810.0", Queue: "CE-1"}, Confirmed},
		{"batch alone", Query{Kind: ByBatch, Batch: "1301810.0"}, Possible},
		{"cluster only", Query{Kind: ByBatch, Batch: "1301810", Sites: []string{"T2_XX"}}, Possible},
		{"other queue", Query{Kind: ByBatch, Batch: "1301810.0", Queue: "ce-2.example.org"}, ""},
		{"other site", Query{Kind: ByBatch, Batch: "1301810.0", Sites: []string{"T2_YY"}}, ""},
		{"longer id", Query{Kind: ByBatch, Batch: "1301810.01"}, ""},
		{"no id", Query{Kind: ByBatch}, ""},
		{"pilot and schedd", Query{Kind: ByPilotID, Pilot: pilot.ID}, Confirmed},
		{"pilot and host of the schedd", Query{Kind: ByPilotID, Pilot: PilotID{"gfactory.example.org", 10176593, 0}}, Confirmed},
		{"another schedd of that host", Query{Kind: ByPilotID, Pilot: PilotID{"schedd_glideins1@gfactory.example.org", 10176593, 0}}, ""},
		{"pilot alone", Query{Kind: ByPilotID, Pilot: PilotID{"", 10176593, 0}}, Possible},
		{"pilot and factory", Query{Kind: ByPilotID, Pilot: PilotID{"", 10176593, 0}, Factory: "osg"}, Confirmed},
		{"pilot and another factory", Query{Kind: ByPilotID, Pilot: PilotID{"", 10176593, 0}, Factory: "CERN-Prod"}, ""},
		{"pilot and entry", Query{Kind: ByPilotID, Pilot: PilotID{"", 10176593, 0}, Entry: "entry_CMSHTPC_x"}, Confirmed},
		{"another proc", Query{Kind: ByPilotID, Pilot: PilotID{"", 10176593, 1}}, ""},
	} {
		for _, w := range []Window{window, {}} {
			j := finishedOn("wn1.example.org", 1, 5)
			j.Pilot = pilot
			c.q.Window = w
			if s, _ := Match(c.q, j); s.Confidence != c.want {
				t.Errorf("%s: %q because %q, want %q", c.name, s.Confidence, s.Why, c.want)
			}
		}
	}
	j := finishedOn("wn1.example.org", -9, -5)
	j.Pilot = pilot
	if _, ok := Match(Query{Kind: ByPilotID, Pilot: pilot.ID, Window: window}, j); ok {
		t.Error("a job of the pilot before the window matched")
	}
	pbs := finishedOn("wn1.example.org", 1, 5)
	pbs.Pilot.Batch = "5581127.ce03.example.org"
	if s, _ := Match(Query{Kind: ByBatch, Batch: "5581127", Sites: []string{"T2_XX"}, Window: window}, pbs); s.Confidence != Confirmed {
		t.Errorf("a PBS id without its server: %q", s.Confidence)
	}
}

// A record has the address, the pilot and its batch id of the latest run only: who
// ran before on another pilot may have been on the one that is asked for.
func TestMatchEarlierRunsOfPilots(t *testing.T) {
	t.Parallel()
	asked := []Query{
		{Kind: ByIP, IP: netip.MustParseAddr("198.51.100.42")},
		{Kind: ByBatch, Batch: "1301810.0"},
		{Kind: ByPilotID, Pilot: PilotID{"schedd_glideins9@gfactory.example.org", 10176593, 0}},
	}
	moved := func(j *Job) { j.Starts, j.FirstStart = 2, hours(-2) }
	for _, c := range []struct {
		name   string
		sites  []string
		change func(*Job)
		want   Confidence
	}{
		{"one run, on another pilot", nil, func(*Job) {}, ""},
		{"an earlier run", nil, moved, Possible},
		{"an earlier run, perhaps at the site", []string{"T2_YY"}, moved, Possible},
		{"an earlier run at another site", []string{"T2_YY"}, func(j *Job) { moved(j); j.EarlierSites = []string{"T2_ZZ"} }, ""},
		{"an earlier run before the window", nil, func(j *Job) { j.PreviousStart = hours(-9); j.FirstStart = hours(-9); j.Start = hours(-5) }, ""},
		{"an epoch, whose earlier runs have their own", nil, func(j *Job) { moved(j); j.Kind = Epoch }, ""},
		{"the latest run at another site, with the same ids", []string{"T2_YY"}, func(j *Job) {
			moved(j)
			j.EarlierSites = []string{"T2_ZZ"}
			j.Pilot = Pilot{ID: asked[2].Pilot, Batch: asked[1].Batch}
		}, ""},
	} {
		for _, q := range asked {
			j := finishedOn("wn1.example.org", 1, 5)
			j.Pilot = Pilot{ID: PilotID{"schedd_glideins9@gfactory.example.org", 10176594, 0}, Batch: "1301811.0"}
			j.Addresses = []netip.Addr{netip.MustParseAddr("198.51.100.43")}
			c.change(&j)
			q.Window, q.Sites = window, c.sites
			s, _ := Match(q, j)
			if s.Confidence != c.want || c.want == Possible && (!strings.Contains(s.Why, "earlier run unknown") || s.Host != "") {
				t.Errorf("%s by %s: %q on %q because %q, want %q", c.name, q.Kind, s.Confidence, s.Host, s.Why, c.want)
			}
			if q.Kind != ByPilotID {
				continue
			}
			if s, _, ok := MatchMate(q, j); ok {
				t.Errorf("%s: a mate, because %q", c.name, s.Why)
			}
		}
	}
}

func TestMatchUser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		user string
		want Confidence
	}{
		{"jdoe", Confirmed},
		{"JDOE", Possible}, // as a name, never as a login
		{cernPerson + "/CN=99", Confirmed},
		{"CN=John Doe,CN=123456,CN=jdoe,OU=Users,OU=Organic Units,DC=cern,DC=ch", Confirmed},
		{"john doe", Possible},
		{"cms1727", Possible},
		{"pdmvserv", Confirmed},
		{"Naughty User", Confirmed},
		{"/O=else/CN=Naughty User", Possible},
		{"123456", Possible},
		{"/cms/Role=NULL", ""},
		{"", ""},
	} {
		j := finishedOn("wn1.example.org", 1, 5)
		j.Identities = []Identity{
			{"accounting", "analysis.jdoe", BySubmitter, "test"},
			{"dn", cernPerson, BySchedd, "test"},
			{"owner", "cms1727", BySchedd, "test"},
			{"request", "pdmvserv_task_X__v1_T_1", BySubmitter, "test"},
			{"panda", "Naughty User", BySchedd, "test"},
			{"fqan", "/cms/Role=NULL", BySchedd, "test"},
		}
		if s, _ := Match(Query{Kind: ByUser, User: c.user, Window: window}, j); s.Confidence != c.want {
			t.Errorf("%q: %q because %q, want %q", c.user, s.Confidence, s.Why, c.want)
		}
	}
	j := finishedOn("wn1.example.org", 60, 70)
	j.FirstStart, j.Starts = hours(1), 2
	j.Identities = []Identity{{"crab", "jdoe", BySubmitter, "test"}}
	if s, _ := Match(Query{Kind: ByUser, User: "jdoe", Window: window}, j); s.Confidence != Possible {
		t.Errorf("an earlier run of the user: %q", s.Confidence)
	}
}

func TestMatchIP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ip    string
		sites []string
		want  Confidence
	}{
		{"198.51.100.42", nil, Confirmed},
		{"198.51.100.43", nil, ""},
		{"10.0.24.77", nil, Possible},
		{"10.0.24.77", []string{"T2_XX"}, Confirmed},
		{"192.0.2.7", nil, Possible}, // named in a hold reason
	} {
		j := finishedOn("wn1.example.org", 1, 5)
		j.Addresses = []netip.Addr{netip.MustParseAddr("198.51.100.42"), netip.MustParseAddr("10.0.24.77")}
		j.Hosts = append(j.Hosts, HostClaim{"192.0.2.7", "HoldReason", false})
		s, _ := Match(Query{Kind: ByIP, IP: netip.MustParseAddr(c.ip), Sites: c.sites, Window: window}, j)
		if s.Confidence != c.want || c.want == Confirmed && !strings.Contains(s.Why, "NAT") {
			t.Errorf("%s: %q because %q, want %q", c.ip, s.Confidence, s.Why, c.want)
		}
	}
}

func TestMatchSampleDocuments(t *testing.T) {
	t.Parallel()
	q := Query{Kind: ByHost, Host: "wn042.example-t2.org", Window: Window{From: unix(1750760000), To: unix(1750760436)}}
	var sightings []Sighting
	for _, j := range bulkJobs(t) {
		if s, ok := Match(q, j); ok {
			sightings = append(sightings, s)
		}
	}
	if len(sightings) != 2 {
		t.Fatalf("%d sightings, want those of jdoe and mrossi: the third job began later", len(sightings))
	}
	if got, want := PilotsOf(sightings), []PilotID{{"schedd_glideins9@gfactory.example.org", 10176593, 0}}; !slices.Equal(got, want) {
		t.Errorf("PilotsOf = %v, want %v", got, want)
	}
	sightings[0].Confidence, sightings[1].Confidence = Possible, Possible
	if got := PilotsOf(sightings); len(got) != 0 {
		t.Errorf("PilotsOf possible sightings = %v", got)
	}
}

// FuzzMatch holds the rule that nothing outside the window is confirmed and
// that no date hides a job that was surely there.
func FuzzMatch(f *testing.F) {
	f.Add(int64(0), int64(3600), int64(0), int64(3600), 1)
	f.Add(int64(-100), int64(-50), int64(-100), int64(0), 2)
	f.Fuzz(func(t *testing.T, start, end, first, recorded int64, starts int) {
		const limit = 1 << 40
		at := func(n int64) time.Time { return t0.Add(time.Duration(n%limit) * time.Second) }
		j := finishedOn("wn1.example.org", 0, 0)
		j.Start, j.End, j.FirstStart, j.Recorded, j.Starts = at(start), at(end), at(first), at(recorded), starts
		s, ok := Match(Query{Kind: ByHost, Host: "wn1.example.org", Window: window}, j)
		inside := window.overlaps(j.Start, j.End)
		if inside && !ok {
			t.Fatalf("start %v, end %v is hidden", j.Start, j.End)
		}
		if !inside && s.Confidence == Confirmed {
			t.Fatalf("start %v, end %v is confirmed: %s", j.Start, j.End, s.Why)
		}
	})
}

// Whoever ran elsewhere last, with an earlier run in no record, cannot be
// excluded anywhere: that is told apart from those whom something ties to the place.
func TestMatchUnplaced(t *testing.T) {
	t.Parallel()
	moved := func(j *Job) { j.Starts, j.Hosts[0].Host = 2, "o.example.org" }
	for _, c := range []struct {
		name   string
		sites  []string
		change func(*Job)
		want   bool
	}{
		{"ran elsewhere", nil, moved, true},
		{"at the site, on another host", []string{"T2_XX"}, moved, true},
		{"at another site", []string{"T2_YY"}, moved, true},
		{"an earlier run was at the site", []string{"T2_YY"}, func(j *Job) { moved(j); j.EarlierSites = []string{"T2_YY"} }, false},
		{"an earlier run was at a third site", []string{"T2_XX"}, func(j *Job) { moved(j); j.EarlierSites = []string{"T2_ZZ"} }, true},
		{"no host", nil, func(j *Job) { j.Starts, j.Hosts = 2, nil }, false},
		{"a container's name at the site", []string{"T2_XX"}, func(j *Job) { j.Starts, j.Hosts[0].Host = 2, "0123456789ab" }, false},
	} {
		j := finishedOn("wn1.example.org", 5, 9)
		c.change(&j)
		s, ok := Match(Query{Kind: ByHost, Host: "wn1.example.org", Sites: c.sites, Window: window}, j)
		if !ok || s.Confidence != Possible || s.Unplaced != c.want {
			t.Errorf("%s: %t, %s, unplaced %t (%s), want %t", c.name, ok, s.Confidence, s.Unplaced, s.Why, c.want)
		}
	}
}
