package grid

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// DNs of people whose login only a register knows.
const (
	annDN   = "/DC=org/DC=terena/DC=tcs/C=IT/O=Example Institute/CN=Ann Smith asmith@example.it"
	ann2DN  = "/DC=org/DC=cilogon/C=US/O=Example Laboratory/OU=People/CN=Ann Smith/CN=UID:ann"
	bothDN  = "/C=XX/O=Ex/CN=Shared Person"
	otherDN = "/C=XX/O=Ex/CN=Other Person"
)

var asOf = time.Date(2026, 6, 20, 12, 0, 0, 0, time.UTC)

// cric is a register with a person of two DNs and logins, one of an equal name,
// and what is registered for two people.
func cric() *Register {
	return NewRegister("cric", CMS, asOf, []Registered{
		{ID: "1", Logins: []string{"asmith", "asmith2"}, DNs: []string{annDN, ann2DN + "/CN=proxy"}, Name: "Ann Smith", Email: "ann@example.org"},
		{ID: "2", Logins: []string{"jdoe"}, DNs: []string{cernPerson, bothDN}, Name: "John Doe"},
		{ID: "3", Logins: []string{"bob"}, DNs: []string{bothDN}, Name: "Bob"},
		{ID: "4", Logins: []string{"twin"}, DNs: []string{"/C=XX/CN=First Twin"}},
		{ID: "5", Logins: []string{"twin"}, DNs: []string{"/C=XX/CN=Second Twin"}},
		{ID: "6", DNs: []string{otherDN}, Name: "Ann Smith"},
	})
}

func TestRegisterJoinsEntries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		entries []Registered
		people  int
		logins  int // contested
		dns     int // contested
	}{
		"one ID":                                  {[]Registered{{ID: "1", Logins: []string{"a"}, DNs: []string{annDN}}, {ID: "1", Logins: []string{"b"}, DNs: []string{ann2DN}}}, 1, 0, 0},
		"one login":                               {[]Registered{{Logins: []string{"a"}, DNs: []string{annDN}}, {Logins: []string{"a"}, DNs: []string{ann2DN}}}, 1, 0, 0},
		"one login with one name and address":     {[]Registered{{Logins: []string{"a"}, Name: "Ann Smith", Email: "A@x"}, {Logins: []string{"a"}, Name: "ann  smith", Email: "a@x"}}, 1, 0, 0},
		"one login of two IDs":                    {[]Registered{{ID: "1", Logins: []string{"a"}}, {ID: "2", Logins: []string{"a"}}}, 2, 1, 0},
		"one login of two names":                  {[]Registered{{Logins: []string{"a"}, Name: "Ann"}, {Logins: []string{"a"}, Name: "Bob"}}, 2, 1, 0},
		"one login of two addresses":              {[]Registered{{Logins: []string{"a"}, Email: "a@x"}, {Logins: []string{"a"}}, {Logins: []string{"a"}, Email: "b@x"}}, 3, 1, 0},
		"an ID decides before a name":             {[]Registered{{ID: "1", Logins: []string{"a"}, Name: "Ann"}, {ID: "1", Logins: []string{"a"}, Name: "Ann Smith"}}, 1, 0, 0},
		"one DN, which is two spellings, of two":  {[]Registered{{Logins: []string{"a"}, DNs: []string{annDN}}, {Logins: []string{"b"}, DNs: []string{strings.ToUpper(annDN) + "/CN=proxy"}}}, 2, 0, 1},
		"one name":                                {[]Registered{{Logins: []string{"a"}, Name: "Ann Smith"}, {Logins: []string{"b"}, Name: "Ann Smith"}}, 2, 0, 0},
		"a contested login does not join its own": {[]Registered{{ID: "1", Logins: []string{"a", "b"}}, {ID: "2", Logins: []string{"a", "c"}}, {ID: "1", Logins: []string{"d"}}}, 2, 1, 0},
	} {
		r := NewRegister("cric", CMS, asOf, c.entries)
		if logins, dns := r.Contested(); r.People() != c.people || logins != c.logins || dns != c.dns {
			t.Errorf("%s: %d people, %d logins and %d DNs contested", name, r.People(), logins, dns)
		}
	}
	var none *Register
	if logins, dns := none.Contested(); none.People() != 0 || logins+dns != 0 || none.Accounts() != nil {
		t.Error("no register knows somebody")
	}
}

func TestHolder(t *testing.T) {
	t.Parallel()
	const by = "cric as of 2026-06-20T12:00Z"
	table := &SiteMap{People: []Alias{{"ann", []string{"asmith"}}, {"jdoe", []string{bothDN}}, {"carol", []string{annDN}}, {"dave", []string{"dave2"}}}}
	for _, c := range []struct {
		name  string
		sites *SiteMap
		e     Experiment
		id    string
		want  Holder
		ok    bool
	}{
		{"a DN", nil, ATLAS, annDN + "/CN=12345", Holder{Login: "asmith", Name: "Ann Smith", Email: "ann@example.org", By: by}, true},
		{"another DN of the person", nil, CMS, ann2DN, Holder{Login: "asmith", Name: "Ann Smith", Email: "ann@example.org", By: by}, true},
		{"another login", nil, CMS, "asmith2", Holder{Login: "asmith", Name: "Ann Smith", Email: "ann@example.org", By: by}, true},
		{"a login of another experiment", nil, ATLAS, "asmith", Holder{}, false},
		{"a login of any", nil, "", "asmith", Holder{Login: "asmith", Name: "Ann Smith", Email: "ann@example.org", By: by}, true},
		{"a login in another case", nil, CMS, "ASMITH", Holder{}, false},
		{"a DN of two", nil, CMS, bothDN, Holder{By: by, Several: []string{"bob", "jdoe"}}, true},
		{"a login of two", nil, CMS, "twin", Holder{By: by, Several: []string{"twin"}}, true},
		{"a DN without a login", nil, CMS, otherDN, Holder{Name: "Ann Smith", By: by}, true},
		{"nobody", nil, CMS, "nobody", Holder{}, false},
		{"the alias table alone", table, CMS, "dave2", Holder{Login: "dave", By: "the alias table"}, true},
		{"a register's login by the alias table", table, CMS, ann2DN, Holder{Login: "ann", Name: "Ann Smith", Email: "ann@example.org", By: by + " and the alias table"}, true},
		{"the alias table names one of two", table, CMS, bothDN, Holder{Login: "jdoe", By: "the alias table, one of those for whom " + by + " has it"}, true},
		{"the alias table says another", table, CMS, annDN, Holder{By: "the alias table and " + by + " and the alias table", Several: []string{"ann", "carol"}}, true},
	} {
		got, ok := (&Knowledge{Sites: c.sites, Registers: []*Register{cric()}}).Holder(c.e, c.id)
		if diff := cmp.Diff(c.want, got, cmpopts.IgnoreFields(Holder{}, "Key")); diff != "" || ok != c.ok || (got.Key == "") != (got.Login == "") {
			t.Errorf("%s: %v (-want +got):\n%s", c.name, ok, diff)
		}
	}
	var none *Knowledge
	if _, ok := none.Holder(CMS, "jdoe"); ok {
		t.Error("nothing known names somebody")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	table := &SiteMap{People: []Alias{{"ann", []string{"asmith", "annie", otherDN}}}}
	for _, c := range []struct {
		name  string
		known *Knowledge
		e     Experiment
		id    string
		want  []string
	}{
		{"nothing known", nil, CMS, "jdoe", nil},
		{"the login in a DN", nil, CMS, cernPerson, []string{"jdoe"}},
		{"a login of CMS is none of ATLAS", nil, ATLAS, cernPerson, nil},
		{"DNs of a login", &Knowledge{Registers: []*Register{cric()}}, CMS, "asmith2", []string{"asmith", annDN, ann2DN + "/CN=proxy"}},
		{"DNs and logins of a DN", &Knowledge{Registers: []*Register{cric()}}, CMS, ann2DN, []string{"asmith", "asmith2", annDN}},
		{"for another experiment, DNs only", &Knowledge{Registers: []*Register{cric()}}, ATLAS, annDN, []string{ann2DN + "/CN=proxy"}},
		{"and by a login, too", &Knowledge{Registers: []*Register{cric()}}, ATLAS, "asmith2", []string{annDN, ann2DN + "/CN=proxy"}},
		{"a DN of two people names neither", &Knowledge{Registers: []*Register{cric()}}, CMS, bothDN, nil},
		{"nor is it a name of one of them", &Knowledge{Registers: []*Register{cric()}}, CMS, "jdoe", []string{cernPerson}},
		{"a login of two people", &Knowledge{Registers: []*Register{cric()}}, CMS, "twin", nil},
		{"a name is no login", &Knowledge{Registers: []*Register{cric()}}, CMS, "Ann Smith", nil},
		{"the alias table and a register", &Knowledge{Sites: table, Registers: []*Register{cric()}}, CMS, "annie", []string{"ann", "asmith", otherDN, "asmith2", annDN, ann2DN + "/CN=proxy"}},
	} {
		if got, _ := c.known.Names(c.e, c.id); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestResolveKnowing(t *testing.T) {
	t.Parallel()
	const by = "cric as of 2026-06-20T12:00Z"
	id := func(kind, value string, by Trust) Identity { return Identity{kind, value, by, "elastic"} }
	for _, c := range []struct {
		name     string
		ids      []Identity
		sites    *SiteMap
		username string
		full     string
		email    string
		notes    []string
		disputes []string
	}{
		{
			"a DN alone",
			[]Identity{id("dn", annDN, BySchedd), id("owner", "cms1", BySchedd)},
			nil,
			"asmith", "Ann Smith", "ann@example.org",
			[]string{annDN + " is asmith by " + by},
			nil,
		},
		{
			"a login and another DN of the person",
			[]Identity{id("crab", "asmith2", BySubmitter), id("dn", ann2DN, BySchedd)},
			nil,
			"asmith", "Ann Smith", "ann@example.org",
			[]string{"asmith2 is asmith by " + by, ann2DN + " is asmith by " + by},
			nil,
		},
		{
			"a login with the DN of somebody else",
			[]Identity{id("crab", "jdoe", BySubmitter), id("dn", annDN, BySchedd)},
			nil,
			"jdoe", "Ann Smith", "",
			[]string{annDN + " is asmith by " + by},
			[]string{"the CRAB login says jdoe (word of the submitter, in elastic)", "the DN " + annDN + " says asmith by " + by + " (word of the schedd, in elastic)"},
		},
		{
			"a DN of two people, one of whom it says",
			[]Identity{id("crab", "jdoe", BySubmitter), id("dn", bothDN, BySchedd)},
			nil,
			"jdoe", "Shared Person", "",
			[]string{bothDN + " belongs to several people by " + by + ": bob and jdoe; none of them was taken"},
			nil,
		},
		{
			"a DN of two people, and a third",
			[]Identity{id("crab", "asmith", BySubmitter), id("dn", bothDN, BySchedd)},
			nil,
			"asmith", "Shared Person", "ann@example.org",
			[]string{bothDN + " belongs to several people by " + by + ": bob and jdoe; none of them was taken"},
			[]string{"the CRAB login says asmith (word of the submitter, in elastic)", "the DN " + bothDN + " says one of bob, jdoe (word of the schedd, in elastic)"},
		},
		{
			"a DN of two people alone",
			[]Identity{id("dn", bothDN, BySchedd)},
			nil,
			"", "Shared Person", "",
			[]string{bothDN + " belongs to several people by " + by + ": bob and jdoe; none of them was taken"},
			nil,
		},
		{
			"the alias table",
			[]Identity{id("crab", "evil", BySubmitter), id("dn", cernPerson, BySchedd)},
			&SiteMap{People: []Alias{{"jdoe", []string{"evil"}}}},
			"jdoe", "John Doe", "",
			[]string{"evil is jdoe by the alias table"},
			nil,
		},
		{
			"a CMS Connect user of the register",
			[]Identity{id("connect", "asmith2", BySubmitter), id("owner", "osg", BySchedd)},
			nil,
			"asmith", "Ann Smith", "ann@example.org",
			[]string{"asmith2 is asmith by " + by},
			nil,
		},
		{
			"what the worker node says",
			[]Identity{id("crab", "evil", ByPilot), id("accounting", "analysis.jdoe", BySubmitter)},
			nil,
			"jdoe", "John Doe", "", nil,
			[]string{"the accounting group analysis.jdoe says jdoe (word of the submitter, in elastic)", "the CRAB login says evil (word of the pilot, in elastic)"},
		},
	} {
		p := Resolve(Job{ID: "x", Experiment: CMS, Type: "analysis", Identities: c.ids}, &Knowledge{Sites: c.sites, Registers: []*Register{cric()}})
		got := []any{p.Username, p.Name, p.Email, p.Notes, p.Disputes, p.Disagreement}
		if diff := cmp.Diff([]any{c.username, c.full, c.email, c.notes, c.disputes, c.disputes != nil}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestMergeKnowing holds that DNs of one registered person make one of two, and
// that nothing else does.
func TestMergeKnowing(t *testing.T) {
	t.Parallel()
	known := &Knowledge{Registers: []*Register{cric()}}
	atlas := func(id, name, dn string) Sighting {
		s := seen(id, "wn1", Confirmed, Identity{"panda", name, BySchedd, "test"}, dnOf(dn))
		s.Job.Experiment = ATLAS
		return s
	}
	for _, c := range []struct {
		name      string
		sightings []Sighting
		alone     string // without the register
		want      string
		disagree  bool // of the first person, with the register
	}{
		{"a login and its DN", []Sighting{seen("1", "a", Confirmed, login("asmith")), seen("2", "a", Confirmed, dnOf(annDN))}, ":confirmed:1 asmith:confirmed:1", "asmith:confirmed:2", false},
		{"two DNs of a login", []Sighting{seen("1", "a", Confirmed, login("asmith"), dnOf(annDN)), seen("2", "a", Confirmed, login("asmith"), dnOf(ann2DN))}, "asmith:confirmed:2", "asmith:confirmed:2", false},
		{"two DNs", []Sighting{seen("1", "a", Confirmed, dnOf(annDN)), seen("2", "a", Confirmed, dnOf(ann2DN))}, ":confirmed:1 :confirmed:1", "asmith:confirmed:2", false},
		{"two DNs in two experiments", []Sighting{seen("1", "a", Confirmed, login("asmith"), dnOf(annDN)), atlas("2", PandaName(ann2DN), ann2DN)}, "UID:ann:confirmed:1 asmith:confirmed:1", "asmith:confirmed:2", false},
		{"an equal name", []Sighting{seen("1", "a", Confirmed, dnOf(annDN)), seen("2", "a", Confirmed, dnOf(otherDN))}, ":confirmed:1 :confirmed:1", ":confirmed:1 asmith:confirmed:1", false},
		{"a DN of two people", []Sighting{seen("1", "a", Confirmed, dnOf(bothDN)), seen("2", "a", Confirmed, login("bob")), seen("3", "a", Confirmed, login("jdoe"))}, ":confirmed:1 bob:confirmed:1 jdoe:confirmed:1", ":confirmed:1 bob:confirmed:1 jdoe:confirmed:1", false},
		{"a login of two people with two DNs", []Sighting{seen("1", "a", Confirmed, login("twin"), dnOf("/C=XX/CN=First Twin")), seen("2", "a", Confirmed, login("twin"), dnOf("/C=XX/CN=Second Twin"))}, "twin:confirmed:2", "twin:confirmed:2", true},
		{
			"two people under one service",
			[]Sighting{
				seen("1", "a", Confirmed, dnOf("/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms1.cern.ch"), Identity{"owner", "cmst1", BySchedd, "test"}),
				seen("2", "a", Confirmed, dnOf("/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms1.cern.ch"), Identity{"owner", "cmst2", BySchedd, "test"}),
			},
			"cmst1:confirmed:1 cmst2:confirmed:1", "cmst1:confirmed:1 cmst2:confirmed:1", false,
		},
	} {
		found := []Found{complete("x", CMS, c.sightings...)}
		if got := usernames(Merge(Query{}, found, hours(100))); got != c.alone {
			t.Errorf("%s, nothing known: %s, want %s", c.name, got, c.alone)
		}
		trace := MergeKnowing(Query{}, found, hours(100), known)
		if got := usernames(trace); got != c.want || trace.People[0].Disagreement != c.disagree || c.disagree != (len(trace.People[0].Disputes) > 0) {
			t.Errorf("%s: %s, %q, want %s", c.name, got, trace.People[0].Disputes, c.want)
		}
	}
}

// TestAskedByAnotherName holds that a person is found by whatever the records
// happen to name, and that what is found has a key.
func TestAskedByAnotherName(t *testing.T) {
	t.Parallel()
	q := Query{Kind: ByUser, User: "asmith", Window: window}
	job := seen("1", "wn1", Confirmed, dnOf(ann2DN)).Job
	if _, ok := Match(q, job); ok {
		t.Error("a DN was found by a login that it has nothing of")
	}
	q.Also, _ = (&Knowledge{Registers: []*Register{cric()}}).Names(CMS, q.User)
	s, ok := Match(q, job)
	if !ok || s.Confidence != Confirmed || !strings.Contains(s.Why, "another name of the person") {
		t.Errorf("%v, %+v", ok, s)
	}
	if wanted := q.Keys(); !slices.ContainsFunc(job.Keys(), func(k string) bool { return slices.Contains(wanted, k) }) {
		t.Errorf("the job's keys %q have none of %q", job.Keys(), wanted)
	}
}

func TestAccountsOfAPerson(t *testing.T) {
	t.Parallel()
	known := &Knowledge{Sites: &SiteMap{People: []Alias{{"bob", []string{"bobby"}}}}, Registers: []*Register{cric()}}
	all := append(cric().Accounts(),
		Account{ID: "p1", Experiment: ATLAS, Name: "Ann Smith", DN: ann2DN},
		Account{ID: "p2", Experiment: ATLAS, Name: "asmith", DN: "/C=XX/CN=asmith"},
		Account{ID: "p3", Experiment: ATLAS, Name: "Shared Person", DN: bothDN},
		Account{ID: "p4", Experiment: ATLAS, Name: "bobby"},
	)
	list := func(accounts []Account) (out []string) {
		for _, a := range accounts {
			out = append(out, a.Name+" "+a.ID)
		}
		slices.Sort(out)
		return slices.Compact(out)
	}
	for query, want := range map[string][2][]string{
		annDN:     {{"Ann Smith p1", "asmith 1", "asmith2 1"}, {"asmith 1", "asmith2 1"}}, // PanDA makes the name of p1 of it; both logins have a second DN
		"asmith2": {{"asmith2 1"}, {"Ann Smith p1", "asmith 1"}},
		"asmith":  {{"asmith 1", "asmith p2"}, {"Ann Smith p1", "asmith2 1"}},
		bothDN:    {{"Shared Person p3", "bob 3", "jdoe 2"}, nil},
		"jdoe":    {{"jdoe 2"}, nil}, // the shared DN ties it to nobody
		"bob":     {{"bob 3"}, {"bobby p4"}},
	} {
		m := known.Accounts(query, all)
		if diff := cmp.Diff(want, [2][]string{list(m.Exact), list(m.SamePerson)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
}

func TestTheOldSpellingOfCERNsUnit(t *testing.T) {
	t.Parallel()
	old, _ := NormalizeDN(strings.Replace(cernPerson, "Organic Units", "OrganicUnits", 1))
	now, _ := NormalizeDN(cernPerson)
	if !old.Equal(now) || old.String() == now.String() {
		t.Errorf("%s and %s: equal %v; a ban needs each as it was written", old, now, old.Equal(now))
	}
	if other, _ := NormalizeDN("/O=OrganicUnits/CN=x"); strings.Contains(other.Key(), "organic units") {
		t.Errorf("elsewhere it is no spelling: %s", other.Key())
	}
}
