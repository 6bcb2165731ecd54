package action

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// twoRoles asks for one of each of two roles.
func twoRoles(t *testing.T) (Action, office) {
	t.Helper()
	o := newOffice()
	o["bob"] = person("bob", "KIT", "atlas", "cms")
	o["carol"] = person("carol", "CERN", "atlas")
	o["dave"] = person("dave", "KIT", "cms")
	a := proposed(t, o, func(f *Frozen) {
		f.Policy.Approvals = []Need{{Role: "atlas", Count: 1}, {Role: "cms", Count: 1}}
		f.Electorate = []Elector{o["bob"], o["carol"], o["dave"]}
	})
	return a, o
}

func TestEachRoleIsFilled(t *testing.T) {
	a, o := twoRoles(t)
	if got := a.Standing().String(); got != "0 of 2 · needs: 1 of atlas and 1 of cms" {
		t.Errorf("standing: %s", got)
	}
	if _, err := a.Decide(vote("bob", Approve), o, start); err != nil || a.State != Proposed {
		t.Fatalf("bob holds both roles and fills one: %s, %v", a.State, err)
	}
	if _, err := a.Decide(vote("carol", Approve), o, start); err != nil || a.State != Approved {
		t.Fatalf("bob for cms and carol for atlas: %s, %v", a.State, err)
	}
}

// TestADroppedRoleIsNotFilled has somebody lose the one of two roles that the
// quorum counts him for: the other one is no reason to go on counting him.
func TestADroppedRoleIsNotFilled(t *testing.T) {
	a, o := twoRoles(t)
	for _, id := range []PersonID{"bob", "carol"} {
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
			t.Fatal(err)
		}
	}
	o["bob"] = person("bob", "KIT", "atlas")
	if fx, err := a.Start(o, "p1", start); err != nil || a.State != Proposed || a.Votes[0].Lost == "" || kinds(fx) != "vote lost, reopened" {
		t.Fatalf("nobody of cms is left, and it is %s: %+v, %s, %v", a.State, a.Votes, kinds(fx), err)
	}
	if _, err := a.Decide(vote("bob", Approve), o, start); code(err) != NotNowEligible || !strings.Contains(err.Error(), "(cms)") {
		t.Errorf("bob again: %v", err)
	}
	if _, err := a.Decide(vote("dave", Approve), o, start); err != nil || a.State != Approved {
		t.Errorf("dave for cms: %s, %v", a.State, err)
	}
	if _, err := a.Start(o, "p1", start); err != nil || a.State != Running {
		t.Errorf("start: %s, %v", a.State, err)
	}

	a, o = twoRoles(t)
	o["carol"] = person("carol", "CERN", "cms") // exchanged one for the other
	if _, err := a.Decide(vote("carol", Approve), o, start); code(err) != NotNowEligible {
		t.Errorf("a role that was exchanged: %v", err)
	}
	o["bob"] = person("bob", "KIT", "atlas")
	stop := vote("bob", Deny)
	stop.Reason = "the wrong one"
	if _, err := a.Decide(stop, o, start); err != nil || a.State != Denied {
		t.Errorf("whoever holds one of the roles may still deny: %s, %v", a.State, err)
	}
}

// TestSoloMode lets the proposer approve alone, where the policy says so.
func TestSoloMode(t *testing.T) {
	alone := vote("alice", Approve)
	alone.Reason = "nobody else is awake"
	solo := func(t *testing.T, target PersonID) (Action, office) {
		t.Helper()
		o := newOffice()
		return proposed(t, o, func(f *Frozen) { f.Policy.Solo, f.Plan.Target.Person, f.Electorate = true, target, nil }), o
	}

	a, o := solo(t, "tara")
	if _, err := a.Decide(vote("alice", Approve), o, start); code(err) != NeedsReason || a.State != Proposed {
		t.Errorf("without a reason: %s, %v", a.State, err)
	}
	if _, err := a.Decide(vote("bob", Approve), o, start); err == nil {
		t.Error("the policy let somebody else approve who held no role")
	}
	fx, err := a.Decide(alone, o, start)
	if err != nil || a.State != Approved || a.Standing().String() != "solo approval by the proposer" || !strings.Contains(a.Reason, alone.Reason) {
		t.Fatalf("%s, %q, %v", a.State, a.Reason, err)
	}
	if body := string(fx.Records[0].Body); fx.Records[0].Kind != audit.QuorumReached || !strings.Contains(body, `"solo":true`) || !strings.Contains(body, alone.Reason) {
		t.Errorf("record: %s %s", fx.Records[0].Kind, body)
	}
	delete(o, "alice")
	if _, err := a.Start(o, "p1", start); err != nil || a.State != Proposed {
		t.Errorf("whoever approved alone has left, and it is %s: %v", a.State, err)
	}

	a, o = solo(t, "alice")
	if _, err := a.Decide(alone, o, start); code(err) != IsTarget {
		t.Errorf("about the proposer: %v", err)
	}
	a = proposed(t, o, nil)
	if _, err := a.Decide(alone, o, start); code(err) != OwnRequest {
		t.Errorf("a policy without solo mode: %v", err)
	}
}

// TestResumedTooLate has every vote that still counted lost with a record of its own.
func TestResumedTooLate(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	for _, id := range []PersonID{"bob", "carol"} {
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
			t.Fatal(err)
		}
	}
	o["bob"] = person("bob", "KIT")
	if _, err := a.Start(o, "p1", start); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Decide(vote("dave", Approve), o, start); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Start(o, "p1", start); err != nil || a.State != Running {
		t.Fatalf("%s, %v", a.State, err)
	}
	why := a.Votes[0].Lost
	fx, err := a.Claim(o, "p2", false, start.Add(time.Hour))
	if err != nil || kinds(fx) != "vote lost, vote lost, reopened" || a.Votes[0].Lost != why || a.Votes[1].Lost == "" {
		t.Errorf("%s %+v %v", kinds(fx), a.Votes, err)
	}
}

func kinds(fx Effects) string {
	var out []string
	for _, r := range fx.Records {
		out = append(out, string(r.Kind))
	}
	return strings.Join(out, ", ")
}

// TestUnfilled compares the search over voters with one over places.
func TestUnfilled(t *testing.T) {
	roles, institutes := []string{"a", "b", "c"}, []string{"", "KIT", "CERN", "BNL"}
	rapid.Check(t, func(r *rapid.T) {
		p := Policy{DistinctInstitutes: rapid.Bool().Draw(r, "distinct")}
		places := []string{}
		for _, role := range rapid.Permutation(roles).Draw(r, "roles") {
			n := rapid.IntRange(0, 2).Draw(r, "of "+role)
			if n > 0 {
				p.Approvals = append(p.Approvals, Need{Role: role, Count: n})
			}
			places = append(places, slices.Repeat([]string{role}, n)...)
		}
		var voters []Elector
		for i := range rapid.IntRange(0, 5).Draw(r, "voters") {
			voters = append(voters, Elector{
				Person: PersonID(fmt.Sprint(i)), Institute: rapid.SampledFrom(institutes).Draw(r, "institute"),
				Roles: rapid.SliceOfDistinct(rapid.SampledFrom(roles), rapid.ID[string]).Draw(r, "held"),
			})
		}
		got := missing(unfilled(p, voters))
		if want := len(places) - filledAtMost(p, places, voters); got != want {
			r.Fatalf("%v by %v: %d missing, want %d", p, voters, got, want)
		}
	})
}

// filledAtMost tries, for every place, nobody and each voter that is left.
func filledAtMost(p Policy, places []string, left []Elector) int {
	if len(places) == 0 {
		return 0
	}
	best := filledAtMost(p, places[1:], left)
	for i, v := range left {
		if !slices.Contains(v.Roles, places[0]) || p.DistinctInstitutes && v.Institute == "" {
			continue
		}
		rest := slices.Delete(slices.Clone(left), i, i+1)
		if p.DistinctInstitutes {
			rest = slices.DeleteFunc(rest, func(w Elector) bool { return w.Institute == v.Institute })
		}
		best = max(best, 1+filledAtMost(p, places[1:], rest))
	}
	return best
}

// TestManyVotersAreCountedSoon holds that many people who may fill many places are
// not tried in every order.
func TestManyVotersAreCountedSoon(t *testing.T) {
	p := Policy{Approvals: []Need{{Role: "sec", Count: 60}}}
	var voters []Elector
	for n := range 50 {
		voters = append(voters, person(PersonID(fmt.Sprintf("p%d", n)), "KIT", "sec"))
	}
	if got := unfilled(p, voters); len(got) != 1 || got[0].Count != 10 {
		t.Errorf("50 of 60: %v are missing", got)
	}
}
