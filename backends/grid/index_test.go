package grid

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// Small worlds, so that jobs and queries meet often.
var (
	someHosts     = []string{"", "wn1", "wn1.example.org", "wn1.example.net", "wn10.example.org", "198.51.100.7", "198", "2001:db8::7", "0123456789ab", "0123456789ab.example.org"}
	someSites     = []string{"", "T2_XX", "t2_xx", "T2_YY", "T2_\u212a", "T2_k"}
	someFields    = []string{"LastRemoteHost", "HoldReason", "MachineAttrName1"}
	someBatches   = []string{"", "17.0", "17", "17.ce01.example.org", "17.1", "abc.7", "ABC", "18"}
	someUsers     = []string{"jdoe", "John Doe", " john  DOE", "analysis.jdoe", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "/dc=ch/dc=cern/OU=Organic Units/OU=Users/cn=jdoe/CN=123456/CN=John Doe/CN=proxy", "pdmv_task_HIG__v1_T_190121_082927_3967", "pdmv", "cms1727", "/cms/Role=NULL", "JDOE"}
	someKinds     = []string{"crab", "dn", "fqan", "accounting", "owner", "request", "panda"}
	someAddresses = []netip.Addr{{}, netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("2001:db8::7")}
)

func drawTime(t *rapid.T, name string) time.Time {
	h := rapid.IntRange(-12, 12).Draw(t, name)
	if h == -12 {
		return time.Time{}
	}
	return t0.Add(time.Duration(h) * 20 * time.Hour)
}

func drawJob(t *rapid.T) Job {
	pick := func(name string, from []string) string { return rapid.SampledFrom(from).Draw(t, name) }
	j := Job{
		ID: "s#1.0#1", Experiment: CMS, Source: "test",
		Kind:   RecordKind(pick("kind", []string{string(Finished), string(Snapshot), string(Epoch)})),
		Status: pick("status", []string{"Running", "Completed", "Idle", "", "Removed"}), Site: pick("site", someSites),
		Starts: rapid.IntRange(0, 2).Draw(t, "starts"), ShadowStarts: rapid.IntRange(0, 2).Draw(t, "shadow starts"),
		LostWall:  time.Duration(rapid.IntRange(0, 2).Draw(t, "lost")) * 30 * time.Hour,
		Submitted: drawTime(t, "submitted"), FirstStart: drawTime(t, "first start"), Start: drawTime(t, "start"),
		PreviousStart: drawTime(t, "previous start"), End: drawTime(t, "end"), Recorded: drawTime(t, "recorded"), OverBy: drawTime(t, "over by"),
		Pilot: Pilot{
			Batch: pick("batch", someBatches), Queue: pick("queue", []string{"", "ce01", "ce01.example.org"}), Entry: pick("entry", []string{"", "E1"}),
			ID: PilotID{Schedd: pick("pilot's schedd", []string{"", "s@f1", "s@f2"}), Cluster: rapid.Int64Range(0, 2).Draw(t, "cluster"), Proc: rapid.Int64Range(0, 1).Draw(t, "proc")},
		},
	}
	for range rapid.IntRange(0, 3).Draw(t, "hosts") {
		j.addHost(pick("host", someHosts), pick("field", someFields), rapid.Bool().Draw(t, "last"))
	}
	j.addAddress(rapid.SampledFrom(someAddresses).Draw(t, "address"))
	for range rapid.IntRange(0, 3).Draw(t, "identities") {
		j.Identities = append(j.Identities, Identity{Kind: pick("identity", someKinds), Value: pick("value", someUsers)})
	}
	if rapid.Bool().Draw(t, "was elsewhere") {
		j.EarlierSites = []string{pick("earlier site", someSites[1:])}
	}
	return j
}

func drawQuery(t *rapid.T) Query {
	pick := func(name string, from []string) string { return rapid.SampledFrom(from).Draw(t, name) }
	q := Query{Kind: QueryKind(pick("asked by", []string{string(ByHost), string(ByBatch), string(ByPilotID), string(ByUser), string(ByIP)}))}
	switch q.Kind {
	case ByHost:
		q.Host = pick("asked host", someHosts[1:])
		q.IP = rapid.SampledFrom(someAddresses).Draw(t, "asked host's address")
		if rapid.Bool().Draw(t, "alias") {
			q.Aliases = []string{pick("asked alias", someHosts[1:])}
		}
	case ByIP:
		q.IP = rapid.SampledFrom(someAddresses[1:]).Draw(t, "asked address")
	case ByBatch:
		q.Batch, q.Queue = pick("asked batch", someBatches), pick("asked queue", []string{"", "ce01"})
	case ByPilotID:
		q.Pilot = PilotID{Schedd: pick("asked schedd", []string{"", "s@f1", "f1"}), Cluster: rapid.Int64Range(0, 2).Draw(t, "asked cluster"), Proc: rapid.Int64Range(0, 1).Draw(t, "asked proc")}
	case ByUser:
		q.User = pick("asked user", someUsers)
	}
	if rapid.Bool().Draw(t, "with site") {
		q.Sites = []string{pick("asked site", someSites[1:])}
	}
	if from := drawTime(t, "from"); !from.IsZero() {
		q.Window = Window{From: from, To: from.Add(time.Duration(rapid.IntRange(0, 60).Draw(t, "hours")) * time.Hour)}
	}
	return q
}

// TestKeysMissNothing: a store that looks by key and window gives Match
// everything that it would accept.
func TestKeysMissNothing(t *testing.T) {
	t.Parallel()
	accepted := map[QueryKind]int{}
	rapid.Check(t, func(t *rapid.T) {
		q := drawQuery(t)
		for range 40 { // of which a query accepts a few at most
			j := drawJob(t)
			s, ok := Match(q, j)
			if !ok {
				continue
			}
			accepted[q.Kind]++
			if wanted := q.Keys(); !slices.ContainsFunc(j.Keys(), func(k string) bool { return slices.Contains(wanted, k) }) {
				t.Errorf("accepted (%s), but its keys %q have none of %q", s.Why, j.Keys(), wanted)
			}
			p := j.Presence()
			if !q.Window.IsZero() && (!p.From.IsZero() && p.From.After(q.Window.To) || !p.To.IsZero() && p.To.Before(q.Window.From)) {
				t.Errorf("accepted (%s) for %v, but present only %v", s.Why, q.Window, p)
			}
		}
	})
	if len(accepted) < 5 {
		t.Errorf("too few jobs were accepted for this to mean anything: %v", accepted)
	}
}

func TestPresenceIsBounded(t *testing.T) {
	t.Parallel()
	j := finishedOn("wn1.example.org", 1, 5)
	if p := j.Presence(); p != (Window{hours(1), hours(5)}) {
		t.Errorf("one run: %v", p)
	}
	j.Starts, j.FirstStart = 2, hours(-10)
	if p := j.Presence(); p != (Window{hours(-10), hours(5)}) {
		t.Errorf("two runs: %v", p)
	}
	if p := (Job{Kind: Finished, Starts: 1}).Presence(); !p.IsZero() {
		t.Errorf("no dates: %v", p)
	}
}

// A snapshot does not outlive the record that says how its run ended.
func TestOverBy(t *testing.T) {
	t.Parallel()
	j := Job{ID: "s#1.0#1", Experiment: CMS, Kind: Snapshot, Status: "Running", Start: hours(-5), Recorded: hours(-4), Starts: 1, Hosts: []HostClaim{{"wn1", "RemoteHost", true}}}
	q := Query{Kind: ByHost, Host: "wn1", Window: Window{From: t0, To: hours(1)}}
	if s, ok := Match(q, j); !ok || s.Confidence != Possible {
		t.Errorf("end unknown: %v %v", s, ok)
	}
	j.OverBy = hours(-1)
	if s, ok := Match(q, j); ok {
		t.Errorf("over before the window: %v", s)
	}
	j.OverBy = hours(-9)
	q.Window.From = hours(-4)
	if s, ok := Match(q, j); !ok || s.Confidence != Confirmed {
		t.Errorf("seen running beats a record that contradicts it: %v %v", s, ok)
	}
}
