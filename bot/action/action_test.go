package action

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/gridwarden/gridwarden/bot/audit"
)

var start = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

// office is a Directory that tests change.
type office map[PersonID]Elector

func (o office) Elector(id PersonID) (Elector, bool) { e, ok := o[id]; return e, ok }

func (o office) PersonOf(account string) (PersonID, bool) {
	for id, e := range o {
		if slices.Contains(e.Accounts, account) {
			return id, true
		}
	}
	return "", false
}

func person(id PersonID, institute string, roles ...string) Elector {
	return Elector{Person: id, Institute: institute, Roles: roles, Accounts: []string{"console/" + string(id), "slack/T0/" + string(id)}}
}

func newOffice() office {
	return office{
		"alice": person("alice", "CERN", "shifter", "sec"),
		"bob":   person("bob", "KIT", "sec"),
		"carol": person("carol", "CERN", "sec"),
		"dave":  person("dave", "KIT", "sec"),
		"tara":  person("tara", "BNL", "sec"),
		"mia":   person("mia", "BNL", "shifter"),
	}
}

func proposed(t *testing.T, o office, change func(*Frozen)) Action {
	t.Helper()
	f := Frozen{
		Command: "ban", Proposer: "alice", Account: "console/alice",
		Plan:   Plan{Target: Target{Kind: "user", Name: "Naughty User", Key: "7", Person: "tara"}, Payload: json.RawMessage(`{"id": 7}`), ReadAt: time.Now()},
		Policy: Policy{Name: "ban", Approvals: []Need{{Role: "sec", Count: 2}}, Expires: time.Hour, StartBy: 30 * time.Minute},
	}
	for _, id := range []PersonID{"alice", "bob", "carol", "dave", "tara"} {
		f.Electorate = append(f.Electorate, o[id])
	}
	if change != nil {
		change(&f)
	}
	a, fx, err := Propose("a1", "r1", "home", "", f, start)
	if err != nil {
		t.Fatal(err)
	}
	if len(fx.Records) != 1 || fx.Records[0].Kind != audit.Proposed {
		t.Fatalf("records of a proposal: %v", fx.Records)
	}
	return a
}

func vote(id PersonID, v Verdict) Ballot {
	return Ballot{Person: id, Account: "console/" + string(id), Verdict: v, Surface: "typed"}
}

func code(err error) string {
	var r *Refusal
	if errors.As(err, &r) {
		return r.Code
	}
	return ""
}

func TestTwoPeopleApprove(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	if _, err := a.Decide(vote("bob", Approve), o, start); err != nil || a.State != Proposed {
		t.Fatalf("after one vote: %s, %v", a.State, err)
	}
	if got := a.Standing().String(); got != "1 of 2 · needs: 1 of sec" {
		t.Errorf("standing: %s", got)
	}
	second := vote("bob", Approve)
	second.Account = "slack/T0/bob"
	fx, err := a.Decide(second, o, start)
	if code(err) != AlreadyCounted || len(fx.Records) != 1 || fx.Records[0].Kind != audit.Refused {
		t.Errorf("one person's second account: %v, %v", err, fx.Records)
	}
	if _, err := a.Decide(vote("carol", Approve), o, start); err != nil || a.State != Approved {
		t.Fatalf("after two votes: %s, %v", a.State, err)
	}
	if _, err := a.Start(o, "p1", start); err != nil || a.State != Running {
		t.Fatalf("start: %s, %v", a.State, err)
	}
}

func TestWhoMayNotVote(t *testing.T) {
	for name, c := range map[string]struct {
		ballot Ballot
		change func(office)
		want   string
	}{
		"requester":              {vote("alice", Approve), nil, OwnRequest},
		"target":                 {vote("tara", Approve), nil, IsTarget},
		"member":                 {vote("mia", Approve), nil, NotEligible},
		"member denies":          {Ballot{Person: "mia", Account: "console/mia", Verdict: Deny, Reason: "no"}, nil, MayNotDeny},
		"nobody":                 {vote("zoe", Approve), nil, NotNowEligible},
		"given the role later":   {vote("mia", Approve), func(o office) { o["mia"] = person("mia", "BNL", "sec") }, JoinedLater},
		"linked later":           {Ballot{Person: "bob", Account: "new/bob", Verdict: Approve}, func(o office) { e := o["bob"]; e.Accounts = append(e.Accounts, "new/bob"); o["bob"] = e }, JoinedLater},
		"lost the role":          {vote("bob", Approve), func(o office) { o["bob"] = person("bob", "KIT") }, NotNowEligible},
		"denial without reason":  {vote("bob", Deny), nil, NeedsReason},
		"proposer denies":        {vote("alice", Deny), nil, OwnRequest},
		"no vote to take back":   {vote("bob", TakeBack), nil, NothingToTake},
		"another's account used": {Ballot{Person: "bob", Account: "console/carol", Verdict: Approve}, nil, NotNowEligible},
	} {
		o := newOffice()
		a := proposed(t, o, nil)
		if c.change != nil {
			c.change(o)
		}
		before := a.Standing().String()
		fx, err := a.Decide(c.ballot, o, start)
		if code(err) != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
		if a.State != Proposed || a.Standing().String() != before || len(fx.Records) != 1 {
			t.Errorf("%s changed something or left no record: %s %v", name, a.State, fx.Records)
		}
	}
}

// TestWhoSaysNoDoesNotApprove takes an approval away from those who then say no,
// whatever is missing for a denial; both are recorded.
func TestWhoSaysNoDoesNotApprove(t *testing.T) {
	for name, c := range map[string]struct {
		ballot Ballot
		change func(*Frozen)
	}{
		"no reason":        {vote("bob", Deny), nil},
		"may not deny":     {Ballot{Person: "bob", Account: "console/bob", Verdict: Deny, Reason: "no"}, func(f *Frozen) { f.Policy.Deny = []string{"chief"} }},
		"asked for it too": {vote("alice", Deny), func(f *Frozen) { f.Policy.Own, f.Electorate[0] = true, person("alice", "CERN", "sec") }},
	} {
		for _, enough := range []bool{false, true} {
			o := newOffice()
			if name == "asked for it too" {
				o["alice"] = person("alice", "CERN", "sec")
			}
			a := proposed(t, o, func(f *Frozen) {
				if c.change != nil {
					c.change(f)
				}
			})
			voters := []PersonID{c.ballot.Person}
			if enough {
				voters = append(voters, "carol")
			}
			for _, id := range voters {
				if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
					t.Fatal(name, err)
				}
			}
			fx, err := a.Decide(c.ballot, o, start)
			if err != nil || a.State != Proposed || a.voteOf(c.ballot.Person) >= 0 || !a.StartBy.IsZero() {
				t.Errorf("%s, enough %t: it is %s with %+v, %v", name, enough, a.State, a.Votes, err)
			}
			if len(fx.Records) != 1 || fx.Records[0].Kind != audit.VoteWithdrawn || !strings.Contains(string(fx.Records[0].Body), `"verdict":"deny"`) {
				t.Errorf("%s: records %+v", name, fx.Records)
			}
			if enough != (len(fx.Work) == 1) {
				t.Errorf("%s, enough %t: work %+v", name, enough, fx.Work)
			}
		}
	}
}

func TestALostVoteReopens(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	for _, id := range []PersonID{"bob", "carol"} {
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
			t.Fatal(err)
		}
	}
	o["bob"] = person("bob", "KIT")
	fx, err := a.Start(o, "p1", start)
	if err != nil || a.State != Proposed || a.Votes[0].Lost == "" {
		t.Fatalf("start with a lost vote: %s, %v, %+v", a.State, err, a.Votes)
	}
	if len(fx.Records) != 2 {
		t.Errorf("want a record of the lost vote and one of the reopening: %v", fx.Records)
	}
	if _, err := a.Decide(vote("dave", Approve), o, start); err != nil || a.State != Approved {
		t.Errorf("a further vote: %s, %v", a.State, err)
	}
}

func TestDistinctInstitutes(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, func(f *Frozen) { f.Policy.DistinctInstitutes = true })
	for _, id := range []PersonID{"bob", "dave"} { // both KIT
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil || a.State != Proposed {
			t.Fatalf("%s: %s, %v", id, a.State, err)
		}
	}
	if _, err := a.Decide(vote("carol", Approve), o, start); err != nil || a.State != Approved {
		t.Errorf("another institute: %s, %v", a.State, err)
	}
}

func TestDigestBinds(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	stored, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back Action
	if err := json.Unmarshal(stored, &back); err != nil || back.CheckDigest() != nil {
		t.Fatalf("the digest differs after storing: %v, %v", err, back.CheckDigest())
	}
	back.Frozen.Plan.Payload = json.RawMessage(`{"id":8}`)
	if code(back.CheckDigest()) != DigestDiffers {
		t.Error("another payload has the same digest")
	}
}

func TestExpiryAndTakeOver(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	if _, err := a.Expire(start.Add(time.Minute)); code(err) != NotDue {
		t.Errorf("expired early: %v", err)
	}
	if _, err := a.Decide(vote("bob", Approve), o, start.Add(2*time.Hour)); code(err) != TooLate {
		t.Errorf("late vote: %v", err)
	}
	for _, id := range []PersonID{"bob", "carol"} {
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Start(o, "p1", start); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Claim(o, "p2", false, start.Add(time.Second)); code(err) != Leased {
		t.Errorf("a valid lease was taken: %v", err)
	}
	if _, err := a.Claim(o, "p2", false, start.Add(time.Minute)); err != nil || a.Lease.Holder != "p2" {
		t.Errorf("a lapsed lease was not taken over: %v", err)
	}
	if _, err := a.Claim(o, "p1", false, start.Add(2*time.Hour)); err != nil || a.State != Proposed {
		t.Errorf("resumed too late with no step done: %s, %v", a.State, err)
	}
}

// TestNeverApprovedByFewer tries arbitrary ballots: no order of them starts an
// action without two eligible people, final states stay, and every change has a record.
func TestNeverApprovedByFewer(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		o := newOffice()
		a := proposed(t, o, nil)
		people := []PersonID{"alice", "bob", "carol", "dave", "tara", "mia", "zoe"}
		at := start
		for range rapid.IntRange(1, 30).Draw(r, "ballots") {
			b := vote(rapid.SampledFrom(people).Draw(r, "who"), rapid.SampledFrom([]Verdict{Approve, Approve, Deny, TakeBack}).Draw(r, "verdict"))
			b.Reason = rapid.SampledFrom([]string{"", "because"}).Draw(r, "reason")
			at = at.Add(time.Duration(rapid.IntRange(-60, 60).Draw(r, "seconds")) * time.Second)
			before, changed := a.State, a.ChangedAt
			fx, err := a.Decide(b, o, at)
			if len(fx.Records) != 1 {
				r.Fatalf("%d records for one ballot", len(fx.Records))
			}
			if before.Final() && (err == nil || a.State != before) {
				r.Fatalf("%s was left for %s", before, a.State)
			}
			if a.ChangedAt.Before(changed) {
				r.Fatal("time went backwards")
			}
			voters := map[PersonID]bool{}
			for _, v := range a.Votes {
				voters[v.Person] = true
			}
			if voters["alice"] || voters["tara"] || voters["mia"] || voters["zoe"] {
				r.Fatalf("somebody voted who may not: %v", voters)
			}
			if (a.State == Approved) != (len(voters) >= 2) && !a.State.Final() {
				r.Fatalf("%s with %d voters", a.State, len(voters))
			}
		}
	})
}

func TestStepsAndLooks(t *testing.T) {
	o := newOffice()
	a := proposed(t, o, nil)
	for _, id := range []PersonID{"bob", "carol"} {
		if _, err := a.Decide(vote(id, Approve), o, start); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := a.Start(o, "p1", start); err != nil {
		t.Fatal(err)
	}
	for range MaxAttempts - 1 {
		if _, err := a.StepFailed("no answer", start); err != nil || a.State != Running {
			t.Fatalf("a failed try: %s, %v", a.State, err)
		}
	}
	if _, err := a.Stepped(Outcome{Said: "written", Done: true}, start); err != nil || a.State != Applied || a.Attempts != 0 {
		t.Fatalf("the last step: %s, %v", a.State, err)
	}
	if _, err := a.LookFailed("no answer", start); err != nil || a.State != Applied {
		t.Fatalf("a failed look: %s, %v", a.State, err)
	}
	if _, err := a.Looked(Progress{Said: "2 gone, 1 remains"}, start); err != nil || a.State != Applied {
		t.Fatalf("a look that settles nothing: %s, %v", a.State, err)
	}
	if _, err := a.Looked(Progress{Said: "1 evades", Settled: true, Remains: []string{"job 3"}}, start); err != nil || a.State != Settled || a.Machine().Result != "incomplete" {
		t.Fatalf("settled: %s, %v", a.State, err)
	}
}

func TestProposeRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Frozen)
		want   string
	}{
		"pilot factory":  {func(f *Frozen) { f.Plan.Target.Forbidden = "it is a pilot factory" }, ForbiddenTarget},
		"robot":          {func(f *Frozen) { f.Plan.Target.Protected = "it is a robot" }, ProtectedTarget},
		"no approvers":   {func(f *Frozen) { f.Policy.Approvals = nil }, NoElectorate},
		"too few people": {func(f *Frozen) { f.Policy.Approvals[0].Count = 4 }, NoElectorate},
		"no target":      {func(f *Frozen) { f.Plan.Target.Key = "" }, WrongState},
	} {
		o := newOffice()
		f := Frozen{
			Command: "ban", Proposer: "alice", Plan: Plan{Target: Target{Name: "N", Key: "1"}, Payload: json.RawMessage(`{}`)},
			Policy:     Policy{Name: "ban", Approvals: []Need{{Role: "sec", Count: 2}}, Expires: time.Hour},
			Electorate: []Elector{o["alice"], o["bob"], o["carol"], o["dave"]},
		}
		c.change(&f)
		if _, fx, err := Propose("a1", "r1", "home", "", f, start); code(err) != c.want || len(fx.Work) > 0 {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}
