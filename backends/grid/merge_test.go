package grid

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// seen is a sighting of a person's job on a host, an hour long.
func seen(id, host string, c Confidence, ids ...Identity) Sighting {
	j := finishedOn(host, 1, 2)
	j.ID, j.Identities = id, ids
	return Sighting{Job: j, Host: host, Confidence: c, Why: "why " + string(c), Sources: []string{"elastic"}}
}

func login(name string) Identity { return Identity{"crab", name, BySubmitter, "test"} }
func dnOf(dn string) Identity    { return Identity{"dn", dn, BySchedd, "test"} }

func complete(name string, e Experiment, sightings ...Sighting) Found {
	return Found{Sightings: sightings, Report: Report{Name: name, Experiment: e, State: Complete}}
}

func usernames(t Trace) string {
	var out []string
	for _, p := range t.People {
		out = append(out, fmt.Sprintf("%s:%s:%d", p.Username, p.Confidence, p.Jobs))
	}
	return strings.Join(out, " ")
}

func TestMergeSightings(t *testing.T) {
	t.Parallel()
	running := seen("1", "wn1", Confirmed, login("jdoe"))
	running.Job.Kind, running.Job.Status, running.Job.End, running.Job.Recorded = Snapshot, "Running", time.Time{}, hours(1.5)
	running.Sources = []string{"monit"}
	finished := seen("1", "wn1", Possible, login("jdoe"), dnOf(cernPerson))
	unplaced := seen("1", "", Possible, login("jdoe"))
	other := seen("1", "wn2", Possible, login("jdoe"))
	trace := Merge(Query{Kind: ByHost, Window: window}, []Found{complete("elastic", CMS, unplaced, finished), complete("monit", CMS, running, running, other)}, hours(100))
	if len(trace.Sightings) != 2 {
		t.Fatalf("%d sightings, want one on wn1 and one on wn2: %+v", len(trace.Sightings), trace.Sightings)
	}
	s := trace.Sightings[0]
	if s.Host != "wn1" || s.Confidence != Confirmed || s.Why != "why confirmed" || s.Job.Kind != Finished || !slices.Equal(s.Sources, []string{"elastic", "monit"}) {
		t.Errorf("merged into %+v", s)
	}
	if p := trace.People[0]; len(trace.People) != 1 || p.Jobs != 1 || !p.Last.Equal(hours(2)) || !p.First.Equal(hours(1)) || !slices.Equal(p.Hosts, []string{"wn1", "wn2"}) || p.DN != cernPerson {
		t.Errorf("the person: %+v", p)
	}
	if trace = Merge(Query{Window: window}, []Found{complete("monit", CMS, running)}, hours(100)); !trace.People[0].Last.IsZero() || !strings.Contains(trace.WouldChange[0], "1 job was still running") {
		t.Errorf("a running job: last %v, would change %q", trace.People[0].Last, trace.WouldChange)
	}
	// Two experiments may use the same job id.
	atlas := seen("1", "wn1", Confirmed)
	atlas.Job.Experiment = ATLAS
	if trace = Merge(Query{}, []Found{complete("a", CMS, seen("1", "wn1", Confirmed)), complete("b", ATLAS, atlas)}, hours(100)); len(trace.Sightings) != 2 || len(trace.People) != 2 {
		t.Errorf("%d sightings, %d people of two experiments", len(trace.Sightings), len(trace.People))
	}
}

func TestMergePeople(t *testing.T) {
	t.Parallel()
	other := "/C=XX/O=Ex/CN=Other Person"
	atlas := func(id, name, dn string) Sighting {
		s := seen(id, "wn1", Confirmed, Identity{"panda", name, BySchedd, "test"}, dnOf(dn))
		s.Job.Experiment = ATLAS
		return s
	}
	for _, c := range []struct {
		name      string
		sightings []Sighting
		want      string
		disagree  bool // of the first person
	}{
		{
			"confirmed first, then by jobs",
			[]Sighting{seen("1", "a", Possible, login("p")), seen("2", "a", Possible, login("p")), seen("3", "a", Confirmed, login("x")), seen("4", "a", Confirmed, login("y")), seen("5", "a", Possible, login("y"))},
			"y:confirmed:2 x:confirmed:1 p:possible:2", false,
		},
		{"by login", []Sighting{seen("1", "a", Confirmed, login("jdoe")), seen("2", "b", Confirmed, login("jdoe"), dnOf(cernPerson))}, "jdoe:confirmed:2", false},
		{"by DN", []Sighting{seen("1", "a", Confirmed, login("mrossi"), dnOf(other)), seen("2", "a", Confirmed, dnOf(other+"/CN=proxy"))}, "mrossi:confirmed:2", false},
		{"across experiments by DN", []Sighting{seen("1", "a", Confirmed, login("jdoe"), dnOf(cernPerson)), atlas("2", "John Doe", cernPerson)}, "jdoe:confirmed:2", false},
		{"never across experiments by name", []Sighting{seen("1", "a", Confirmed, login("John Doe")), atlas("2", "John Doe", other)}, "John Doe:confirmed:1 John Doe:confirmed:1", false},
		{
			"an impostor's job is not the victim's",
			[]Sighting{seen("1", "a", Confirmed, login("jdoe"), dnOf(cernPerson)), seen("2", "a", Confirmed, login("jdoe"), dnOf(cernPerson)), seen("3", "a", Confirmed, login("jdoe"), dnOf(strings.Replace(cernPerson, "=jdoe", "=evil", 1)))},
			"jdoe:confirmed:2 jdoe:confirmed:1", false,
		},
		{"one login, two DNs", []Sighting{seen("1", "a", Confirmed, login("x"), dnOf(other)), seen("2", "a", Confirmed, login("x"), dnOf("/C=YY/CN=Third Person"))}, "x:confirmed:2", true},
		{"requestors share a service's DN", []Sighting{
			seen("1", "a", Confirmed, Identity{"request", "r1_x", BySubmitter, "test"}, dnOf("/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms1.cern.ch")),
			seen("2", "a", Confirmed, Identity{"request", "r2_x", BySubmitter, "test"}, dnOf("/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms1.cern.ch")),
		}, "r1:confirmed:1 r2:confirmed:1", false},
		{"without a name", []Sighting{seen("1", "a", Confirmed), seen("2", "a", Confirmed)}, ":confirmed:2", false},
	} {
		trace := Merge(Query{}, []Found{complete("x", CMS, c.sightings...)}, hours(100))
		if got := usernames(trace); got != c.want || trace.People[0].Disagreement != c.disagree {
			t.Errorf("%s: %s, disagreement %v, want %s", c.name, got, trace.People[0].Disagreement, c.want)
		}
	}
	trace := Merge(Query{}, []Found{complete("x", CMS, seen("1", "a", Possible, login("p")), seen("2", "b", Possible, login("p")), seen("3", "a", Possible), seen("4", "a", Confirmed, login("y")), seen("5", "b", Possible, login("y")))}, hours(100))
	for i, want := range [][]string{nil, {"why possible"}, {"why possible"}} {
		if p := trace.People[i]; !slices.Equal(p.Why, want) {
			t.Errorf("%s %q is there because %q, want %q", p.Confidence, p.Username, p.Why, want)
		}
	}
	trace = Merge(Query{}, []Found{complete("x", CMS, seen("1", "a", Confirmed, login("jdoe"), dnOf(cernPerson)), atlas("2", "John Doe", cernPerson))}, hours(100))
	if e := trace.People[0].Experiment; e != "atlas, cms" {
		t.Errorf("the experiment of a person in both is %q", e)
	}
}

func TestMergeCompleteness(t *testing.T) {
	t.Parallel()
	old := Query{Window: Window{From: t0, To: hours(48)}}
	report := func(state SourceState) Found {
		return Found{Report: Report{Name: string(state), Experiment: CMS, State: state, WouldChange: []string{"a note."}}}
	}
	for _, c := range []struct {
		name     string
		found    []Found
		complete bool
		says     string
	}{
		{"all", []Found{report(Complete), report(NotAsked)}, true, "a note."},
		{"nobody asked", []Found{report(NotAsked)}, false, "a note."},
		{"no source", nil, false, ""},
		{"partial", []Found{report(Complete), report(Partial)}, false, "answered in part"},
		{"failed", []Found{report(Complete), report(Failed)}, false, "did not answer"},
	} {
		trace := Merge(old, c.found, hours(1000))
		if trace.Complete != c.complete || !strings.Contains(strings.Join(trace.WouldChange, " "), c.says) || !trace.OpenUntil.IsZero() {
			t.Errorf("%s: complete %v, would change %q, open until %v", c.name, trace.Complete, trace.WouldChange, trace.OpenUntil)
		}
	}
	lag := func(tr Trace) bool { return strings.Contains(strings.Join(tr.WouldChange, " "), "30 h") }
	if tr := Merge(old, []Found{complete("x", CMS)}, hours(48+31)); lag(tr) {
		t.Errorf("31 h after the window: %q", tr.WouldChange)
	}
	if tr := Merge(old, []Found{complete("x", CMS)}, hours(48+29)); !lag(tr) {
		t.Errorf("29 h after the window: %q", tr.WouldChange)
	}
	if tr := Merge(old, []Found{complete("x", ATLAS)}, hours(48+29)); lag(tr) {
		t.Errorf("ATLAS alone: %q", tr.WouldChange)
	}
	open := Query{Window: Window{From: t0, To: hours(5)}, OpenUntil: hours(48)}
	if tr := Merge(open, []Found{complete("x", CMS)}, hours(5)); !tr.OpenUntil.Equal(hours(48)) || !strings.Contains(strings.Join(tr.WouldChange, " "), "open until 2025-06-26T12:00Z") {
		t.Errorf("an open window: %v, %q", tr.OpenUntil, tr.WouldChange)
	}
	follow := Found{FollowOn: []FollowOn{{"a", "b", "c"}}, Report: Report{State: Complete}}
	if tr := Merge(old, []Found{follow, follow}, hours(1000)); len(tr.FollowOn) != 1 {
		t.Errorf("follow-on %v", tr.FollowOn)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	trace := func(state SourceState, s ...Sighting) Trace {
		return Merge(Query{}, []Found{{Sightings: s, Report: Report{Name: "elastic", State: state}}}, hours(100))
	}
	a, b := seen("1", "a", Possible, login("jdoe"), dnOf(cernPerson)), seen("2", "a", Confirmed, login("mrossi"))
	sure := a
	sure.Confidence = Confirmed
	more := seen("3", "a", Confirmed, login("jdoe"))
	impostor := seen("4", "a", Confirmed, login("jdoe"), dnOf(strings.Replace(cernPerson, "=jdoe", "=evil", 1)))
	open := a
	open.Unplaced = true
	exposed := func(people ...string) Trace {
		tr := trace(Complete, b)
		for _, p := range people {
			tr.FollowOn = append(tr.FollowOn, FollowOn{Person: p, Host: "wn1", Why: fmt.Sprint("the pilot ", len(tr.FollowOn))})
		}
		return tr
	}
	for _, c := range []struct {
		name          string
		before, after Trace
		want          []string
	}{
		{"left open", trace(Complete, b), trace(Complete, open, b), []string{"1 person more cannot be excluded: an earlier run of a job of theirs is in no record."}},
		{"still left open", trace(Complete, open, b), trace(Complete, open, b), nil},
		{"excluded", trace(Complete, open, b), trace(Complete, b), []string{"1 person is excluded now: only an earlier run in no record had left them open."}},
		{"tied to the place", trace(Complete, open), trace(Complete, a), []string{"Possible at the place now: only an unrecorded run of jdoe (John Doe) was possible before."}},
		{"one sighting of two ties", trace(Complete, a), trace(Complete, a, open), nil},
		{"exposed afterwards", exposed("kim"), exposed("jdoe", "kim", "jdoe"), []string{"Exposed afterwards, not suspected: jdoe on wn1."}},
		{"nobody exposed is gone", exposed("kim"), exposed(), nil},
		{"nothing", trace(Complete, a, b), trace(Complete, a, b), nil},
		{"new", trace(Complete, a), trace(Complete, a, b), []string{"New: mrossi (confirmed), 1 job."}},
		{"confirmed", trace(Complete, a), trace(Complete, sure), []string{"Confirmed now: jdoe (John Doe) was only possible before."}},
		{"more jobs", trace(Complete, sure), trace(Complete, sure, more), []string{"More jobs of jdoe (John Doe): 2, were 1."}},
		{"gone", trace(Complete, a, b), trace(Complete, b), []string{"Not found any more: jdoe (John Doe), who was possible before."}},
		{"recovered", trace(Failed, b), trace(Complete, b), []string{"elastic is complete now: it was failed before."}},
		{"failed", trace(Complete, b), trace(Failed, b), []string{"elastic is failed now: it was complete before."}},
		{"impostor", trace(Complete, sure), trace(Complete, sure, impostor), []string{"New: jdoe (John Doe) (confirmed), 1 job."}},
	} {
		if got := Diff(c.before, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	if got := Diff(exposed(), exposed(strings.Split("abcdefghijklmnopqr", "")...)); len(got) != 16 || got[15] != "Exposed afterwards: 3 more entries." {
		t.Errorf("of many: %q", got)
	}
}

// The order in which sources answer must not change the answer.
func TestMergeOrder(t *testing.T) {
	t.Parallel()
	found := []Found{
		complete("a", CMS, seen("1", "a", Possible, login("jdoe")), seen("2", "b", Confirmed, dnOf(cernPerson))),
		complete("b", CMS, seen("1", "a", Confirmed, login("jdoe"), dnOf(cernPerson)), seen("3", "", Possible, login("x"))),
		complete("c", CMS, seen("3", "c", Confirmed, login("x"))),
	}
	want := usernames(Merge(Query{}, found, hours(100)))
	slices.Reverse(found)
	if got := usernames(Merge(Query{}, found, hours(100))); got != want {
		t.Errorf("reversed: %s, else %s", got, want)
	}
}
