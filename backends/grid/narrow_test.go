package grid

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// holds tells whether a condition is true of a record, as a server that knows
// all of it would.
func (c Condition) holds(a *attributes) bool {
	switch c.Op {
	case All:
		return !slices.ContainsFunc(c.Of, func(x Condition) bool { return !x.holds(a) })
	case AnyOf:
		return slices.ContainsFunc(c.Of, func(x Condition) bool { return x.holds(a) })
	case Not:
		return !c.Of[0].holds(a)
	case Has:
		return a.has(c.Attribute)
	case OnDate:
		t := a.date(c.Attribute)
		return !t.IsZero() && !t.Before(c.From) && !t.After(c.To)
	case Counts:
		n, ok := a.count(c.Attribute)
		return ok && n >= c.Least && n <= c.Most
	case OneOf:
		n, ok := a.count(c.Attribute)
		return ok && slices.Contains(c.Numbers, n)
	}
	v := a.value(c.Attribute)
	return slices.ContainsFunc(append(v.list, v.String()), c.reads)
}

var (
	namesHost      = regexp.MustCompile(`^([^<]*@)?[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+$`)
	namesContainer = regexp.MustCompile(`^(.*@)?[0-9a-fA-F]{12}$`)
)

func (c Condition) reads(s string) bool {
	switch c.Form {
	case Is:
		return s == c.Text
	case Equals:
		return strings.EqualFold(s, c.Text)
	case Clusters:
		return strings.EqualFold(s, c.Text) || len(s) > len(c.Text) && s[len(c.Text)] == '.' && strings.EqualFold(s[:len(c.Text)], c.Text)
	case Contains:
		return strings.Contains(strings.ToLower(s), strings.ToLower(c.Text)) || strings.Contains(s, `\`)
	case NoValue:
		return isUnknown(s)
	case NamesHost:
		return namesHost.MatchString(s)
	default:
		return namesContainer.MatchString(s)
	}
}

// aRecord draws a document of the spider in which anything may be missing, wrong
// or contradict the rest.
func aRecord(t *rapid.T, t0 time.Time) map[string]any {
	r := map[string]any{"GlobalJobId": "s@h#1.0#1"}
	some := func(name string, one int, values ...any) {
		if rapid.IntRange(0, one).Draw(t, "with "+name) == 0 {
			r[name] = rapid.SampledFrom(values).Draw(t, name)
		}
	}
	date := func(name string, one int) {
		if rapid.IntRange(0, one).Draw(t, "with "+name) != 0 {
			at := t0.Unix() + int64(rapid.IntRange(-40, 40).Draw(t, name)*6*3600)
			r[name] = rapid.SampledFrom([]any{at, at, at, at, at * 1000, 0, nil, fmt.Sprint(at), 12}).Draw(t, name+" written")
		}
	}
	for _, name := range []string{"QDate", "JobStartDate", "JobCurrentStartDate", "CompletionDate", "RecordTime"} {
		date(name, 6)
	}
	for _, name := range []string{"JobLastStartDate", "JobFinishedHookDone", "EnteredCurrentStatus", "LastVacateTime"} {
		if rapid.Bool().Draw(t, "perhaps "+name) {
			date(name, 1)
		}
	}
	some("Status", 1, "Completed", "Removed", "Running", "Idle", "Held", "Unknown", "completed")
	some("JobStatus", 2, 1, 2, 3, 4, 5, 9, "4", 3.5)
	some("Site", 0, "T2_A", "T2_A", "T2_B", "T2_B", "t2_a", "T2_A_Disk", " Unknown ", "", nil)
	some("GLIDEIN_CMSSite", 3, "T2_A", "T2_B")
	some("NumJobStarts", 2, 0, 1, 2)
	some("NumShadowStarts", 4, 1, 2)
	some("RemoteWallClockTime", 5, 100, 100_000)
	some("CommittedTime", 5, 0, 50)
	some("MachineAttrGLIDEIN_CMSSite1", 6, "T2_A", "T2_B")
	some("ServerTime", 15, t0.Unix())
	some("MATCH_EXP_JOB_GLIDEIN_CMSSite", 15, "T2_A", "T2_B")
	hosts := []any{"slot1@wn1.example.org", "slot1@g@WN1", "slot1@wn2.example.org", "wn2", "<192.0.2.7:9618?x>", "slot1@0123456789ab", "Unknown", "slot1@"}
	some("LastRemoteHost", 1, hosts...)
	some("RemoteHost", 1, hosts...)
	some("GLIDEIN_SiteWMS_Slot", 5, hosts...)
	some("MachineAttrName1", 9, hosts...)
	some("HoldReason", 9, "Error from slot1@wn1.example.org: STARTER at 192.0.2.7 failed", "x")
	some("StartdPrincipal", 4, "execute-side@matchsession/192.0.2.7")
	some("GLIDEIN_ClusterId", 1, "7", 7, "07", "7.0", "8")
	some("GLIDEIN_ProcId", 1, 0, "0", 1)
	some("GLIDEIN_Schedd", 1, "s@f1", "s@f2")
	some("GLIDEIN_SiteWMS_JobId", 1, "12.0", "12", "12.ce01", "A12", 12)
	some("CRAB_UserHN", 1, "jdoe", "jdoe2", "JDoe")
	some("Owner", 1, "cms0002", "jdoe")
	some("User", 3, "cms0002@cms")
	some("AccountingGroup", 3, "analysis.jdoe", "jdoe")
	some("WMAgent_RequestName", 5, "jdoe_task_1")
	some("CRAB_Workflow", 3, "260301_080000:jdoe_crab_x")
	some("x509userproxysubject", 1, "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "CN=John Doe,CN=123456,CN=jdoe,OU=Users,OU=Organic Units,DC=cern,DC=ch", `CN=J\6Fhn Doe,O=Ex,C=XX`, "/C=XX/O=Ex/CN=john  doe/CN=proxy")
	some("x509UserProxyFQAN", 3, []any{"/C=XX/O=Ex/CN=John Doe", "/cms/Role=NULL/Capability=NULL"}, "/C=XX/O=Ex&comma; Ltd/CN=John Doe,/cms/Role=NULL")
	return r
}

// decoded is a record as a reader of JSON has it.
func decoded(record map[string]any) map[string]any {
	text, err := json.Marshal(record)
	if err != nil {
		panic(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	out := map[string]any{}
	if err := d.Decode(&out); err != nil {
		panic(err)
	}
	return out
}

func aQuery(t *rapid.T, t0 time.Time) Query {
	q := Query{Kind: rapid.SampledFrom([]QueryKind{ByHost, ByHost, ByBatch, ByPilotID, ByUser, ByIP}).Draw(t, "kind")}
	switch q.Kind {
	case ByHost:
		q.Host = rapid.SampledFrom([]string{"wn1.example.org", "wn1", "wn3.example.org", "0123456789ab"}).Draw(t, "host")
		if rapid.Bool().Draw(t, "alias") {
			q.Aliases = []string{"wn2.example.org"}
		}
		if rapid.IntRange(0, 9).Draw(t, "ip") == 0 {
			q.IP = netip.MustParseAddr("192.0.2.7")
		}
	case ByIP:
		q.IP = netip.MustParseAddr("192.0.2.7")
	case ByBatch:
		q.Batch = rapid.SampledFrom([]string{"12", "12.0", "a12"}).Draw(t, "batch")
	case ByPilotID:
		q.Pilot = PilotID{Cluster: 7}
	case ByUser:
		q.User = rapid.SampledFrom([]string{"jdoe", "cms0002", "John Doe", "/C=XX/O=Ex/CN=John Doe", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "Ян", "é"}).Draw(t, "user")
		if rapid.Bool().Draw(t, "with another name") {
			q.Also = []string{"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe"}
		}
	}
	if rapid.Bool().Draw(t, "with site") {
		q.Sites = []string{rapid.SampledFrom([]string{"T2_A", "t2_b"}).Draw(t, "site")}
	}
	if rapid.IntRange(0, 9).Draw(t, "with window") > 0 {
		q.Window.From = t0.Add(time.Duration(rapid.IntRange(-8, 8).Draw(t, "from")) * 24 * time.Hour)
		q.Window.To = q.Window.From.Add(time.Duration(rapid.SampledFrom([]int{0, 1, 48}).Draw(t, "hours")) * time.Hour)
	}
	return q
}

// TestNarrowLosesNobody: what Match accepts, the condition is true of, and a reader
// reads whole. The condition is also false often enough to be of use.
func TestNarrowLosesNobody(t *testing.T) {
	t0 := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	matched, left := map[QueryKind]int{}, map[QueryKind]int{}
	var reader Reader
	rapid.Check(t, func(t *rapid.T) {
		record := aRecord(t, t0)
		record = decoded(record)
		hit := map[string]any{"_source": record}
		j, err := JobFromRecord(hit, "test")
		if err != nil {
			t.Fatal(err)
		}
		for range 20 {
			q := aQuery(t, t0)
			var a attributes
			a.read(mapObject{members: hit})
			// What is believed is one thing, what a server stores another.
			a.there = bits{}
			a.add(mapObject{members: record})
			holds := Narrow(q).holds(&a)
			s, ok := Match(q, j)
			if read, wanted, err := reader.Match(q, mapObject{members: hit}, "test"); err != nil || wanted != ok || ok && !reflect.DeepEqual(read, s) {
				t.Fatalf("%+v\nis read as %+v, %t, %v\nfor %+v", s, read, wanted, err, q)
			}
			if ok && !holds {
				text, _ := json.Marshal(record)
				t.Fatalf("%+v\nis lost to %+v\nthough: %s", string(text), q, s.Why)
			}
			if _, latest := matchLatest(q, j); latest && !NarrowLatest(q).holds(&a) {
				text, _ := json.Marshal(record)
				t.Fatalf("%s\nis lost to the first look for %+v", text, q)
			}
			if who, _ := matchPilotID(q, j); who != never && !NarrowPilots([]PilotID{{Cluster: 1 << 40}, q.Pilot}).holds(&a) {
				text, _ := json.Marshal(record)
				t.Fatalf("%s\nis lost to those who look for the pilot of %+v", text, q)
			}
			if ok {
				matched[q.Kind]++
			}
			if !holds {
				left[q.Kind]++
			}
		}
	})
	for _, kind := range []QueryKind{ByHost, ByBatch, ByPilotID, ByUser, ByIP} {
		if matched[kind] == 0 || left[kind] == 0 {
			t.Errorf("by %s %d matched and %d were left out: the test shows nothing", kind, matched[kind], left[kind])
		}
	}
}

// TestNarrowLeavesOut: what surely lies outside is not asked for.
func TestNarrowLeavesOut(t *testing.T) {
	day := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC)
	w := Window{day, day.Add(48 * time.Hour)}
	at := func(hours int) int64 { return day.Unix() + int64(hours)*3600 }
	record := func(start, end int, more map[string]any) map[string]any {
		r := map[string]any{
			"GlobalJobId": "s#1.0#1", "Status": "Completed", "JobStatus": 4, "Site": "T2_A", "QDate": at(start - 5), "JobStartDate": at(start), "JobCurrentStartDate": at(start),
			"CompletionDate": at(end), "RecordTime": at(end), "LastRemoteHost": "slot1@wn2.example.org",
		}
		for k, v := range more {
			r[k] = v
		}
		return r
	}
	for name, x := range map[string]struct {
		record map[string]any
		want   bool
	}{
		"inside":                  {record(1, 2, nil), true},
		"before":                  {record(-9, -3, nil), false},
		"after":                   {record(60, 62, nil), false},
		"before, but it runs":     {record(-9, -3, map[string]any{"Status": "Running", "JobStatus": 2}), true},
		"before, it ran in March": {record(-9*24, -8*24, map[string]any{"Status": "Running", "JobStatus": 2}), false},
		"elsewhere":               {record(1, 2, map[string]any{"Site": "T2_B"}), false},
		"elsewhere, but it moved": {record(1, 2, map[string]any{"Site": "T2_B", "NumJobStarts": 2}), true},
		"nowhere":                 {record(1, 2, map[string]any{"Site": "Unknown"}), true},
		"an ad":                   {record(60, 62, map[string]any{"Iwd": "/x"}), true},
		"ended before it began":   {record(60, 50, map[string]any{"QDate": at(40)}), true},
	} {
		var a attributes
		a.add(mapObject{members: decoded(x.record)})
		if got := Narrow(Query{Kind: ByIP, Sites: []string{"T2_A"}, Window: w}).holds(&a); got != x.want {
			t.Errorf("%s: %t", name, got)
		}
	}
	for text, want := range map[string]bool{"8.1": true, "9.2": true, "8.2": true, "7.1": false, "8.3": false} {
		cluster, proc, _ := strings.Cut(text, ".")
		var a attributes
		a.add(mapObject{members: decoded(map[string]any{"GlobalJobId": "s#1.0#1", "GLIDEIN_ClusterId": cluster, "MATCH_EXP_JOB_GLIDEIN_ProcId": proc})})
		if got := NarrowPilots([]PilotID{{Cluster: 8, Proc: 1}, {Cluster: 9, Proc: 2}, {Cluster: 9, Proc: 1}}).holds(&a); got != want {
			t.Errorf("of the pilot %s: %t", text, got)
		}
	}
	for word, user := range map[string]string{"jdoe": "jdoe", "123456": "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe", "": "Ян", "john": "John Doe"} {
		c := mayNameUser(user)
		if word == "" && len(c.Of) != 0 || word != "" && c.Of[0].Text != word {
			t.Errorf("%s is looked for by %+v", user, c.Of)
		}
	}
}

// TestNarrowKeepsARunWithoutDates: a record that only says when it was written
// bounds no run, so that it may not be left out for being old.
func TestNarrowKeepsARunWithoutDates(t *testing.T) {
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	record := decoded(map[string]any{"GlobalJobId": "s@h#1.0#1", "JobStatus": 1, "LastRemoteHost": "slot1@wn1.example.org", "RecordTime": at.Unix()})
	j, err := JobFromRecord(map[string]any{"_source": record}, "test")
	if err != nil {
		t.Fatal(err)
	}
	q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{at.Add(30 * 24 * time.Hour), at.Add(32 * 24 * time.Hour)}}
	if _, ok := Match(q, j); !ok {
		t.Fatal("the rules leave it out")
	}
	var a attributes
	a.add(mapObject{members: record})
	if !Narrow(q).holds(&a) {
		t.Error("a server is asked to leave it out")
	}
}
