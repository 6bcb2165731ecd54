package action

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

var update = flag.Bool("update", false, "rewrite docs/state-machine.md")

// states in the order of a life.
var states = []State{Proposed, Approved, Running, Applied, Settled, Denied, Withdrawn, Expired, Failed}

// event is something that can happen to an action in any state.
type event struct {
	name string
	do   func(a *Action, o office) (Effects, error)
}

var events = []event{
	{"approve, not the last", func(a *Action, o office) (Effects, error) {
		if a.State == Proposed {
			a.Votes = nil
		}
		return a.Decide(vote("dave", Approve), o, a.ChangedAt)
	}},
	{"approve, the last", func(a *Action, o office) (Effects, error) { return a.Decide(vote("dave", Approve), o, a.ChangedAt) }},
	{"approve, after it expired", func(a *Action, o office) (Effects, error) {
		return a.Decide(vote("dave", Approve), o, a.ChangedAt.Add(24*time.Hour))
	}},
	{"approve, without the role", func(a *Action, o office) (Effects, error) { return a.Decide(vote("mia", Approve), o, a.ChangedAt) }},
	{"deny without a reason", func(a *Action, o office) (Effects, error) { return a.Decide(vote("dave", Deny), o, a.ChangedAt) }},
	{"deny without a reason, by an approver", func(a *Action, o office) (Effects, error) { return a.Decide(vote("bob", Deny), o, a.ChangedAt) }},
	{"deny with a reason", func(a *Action, o office) (Effects, error) {
		b := vote("dave", Deny)
		b.Reason = "wrong person"
		return a.Decide(b, o, a.ChangedAt)
	}},
	{"withdraw, by the proposer", func(a *Action, o office) (Effects, error) { return a.Decide(vote("alice", TakeBack), o, a.ChangedAt) }},
	{"vote taken back", func(a *Action, o office) (Effects, error) { return a.Decide(vote("bob", TakeBack), o, a.ChangedAt) }},
	{"time runs out", func(a *Action, _ office) (Effects, error) { return a.Expire(a.ChangedAt.Add(24 * time.Hour)) }},
	{"a card cannot be read back", func(a *Action, _ office) (Effects, error) { return a.Await("its card", a.ChangedAt) }},
	{"start", func(a *Action, o office) (Effects, error) { return a.Start(o, "p1", a.ChangedAt) }},
	{"start, too late", func(a *Action, o office) (Effects, error) { return a.Start(o, "p1", a.ChangedAt.Add(24*time.Hour)) }},
	{"start, a vote lost", func(a *Action, o office) (Effects, error) {
		o["bob"] = person("bob", "KIT")
		return a.Start(o, "p1", a.ChangedAt)
	}},
	{"lease renewed", func(a *Action, o office) (Effects, error) { return a.Claim(o, "p1", false, a.ChangedAt) }},
	{"taken over, lease lapsed", func(a *Action, o office) (Effects, error) {
		return a.Claim(o, "p2", false, a.ChangedAt.Add(time.Minute))
	}},
	{"resumed too late, no step done", func(a *Action, o office) (Effects, error) {
		return a.Claim(o, "p2", false, a.ChangedAt.Add(24*time.Hour))
	}},
	{"step done", func(a *Action, _ office) (Effects, error) { return a.Stepped(Outcome{Said: "half"}, a.ChangedAt) }},
	{"last step done", func(a *Action, _ office) (Effects, error) {
		return a.Stepped(Outcome{Said: "all", Done: true}, a.ChangedAt)
	}},
	{"step failed", func(a *Action, _ office) (Effects, error) { return a.StepFailed("no answer", a.ChangedAt) }},
	{"step failed, last try", func(a *Action, _ office) (Effects, error) {
		a.Attempts = MaxAttempts - 1
		return a.StepFailed("no answer", a.ChangedAt)
	}},
	{"looked, not settled", func(a *Action, _ office) (Effects, error) {
		return a.Looked(Progress{Said: "1 of 2 gone"}, a.ChangedAt)
	}},
	{"looked, settled", func(a *Action, _ office) (Effects, error) {
		return a.Looked(Progress{Said: "all gone", Settled: true, Complete: true}, a.ChangedAt)
	}},
	{"look failed", func(a *Action, _ office) (Effects, error) { return a.LookFailed("no answer", a.ChangedAt) }},
	{"reminder due", func(a *Action, _ office) (Effects, error) { return a.Remind(2, a.ChangedAt) }},
}

func happens(name string, a *Action, o office) (Effects, error) {
	i := slices.IndexFunc(events, func(e event) bool { return e.name == name })
	return events[i].do(a, o)
}

// in brings a new action to a state by its own transitions.
func in(t *testing.T, s State) (Action, office) {
	t.Helper()
	o := newOffice()
	a := proposed(t, o, nil)
	must := func(_ Effects, err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(a.Decide(vote("bob", Approve), o, start))
	switch s {
	case Proposed:
		return a, o
	case Denied:
		must(happens("deny with a reason", &a, o))
		return a, o
	case Withdrawn:
		must(happens("withdraw, by the proposer", &a, o))
		return a, o
	case Expired:
		must(a.Expire(start.Add(2 * time.Hour)))
		return a, o
	}
	must(a.Decide(vote("carol", Approve), o, start))
	if s == Approved {
		return a, o
	}
	must(a.Start(o, "p1", start))
	switch s {
	case Running:
		return a, o
	case Failed:
		a.Attempts = MaxAttempts - 1
		must(a.StepFailed("no answer", start))
		return a, o
	}
	must(a.Stepped(Outcome{Said: "all", Done: true}, start))
	if s == Settled {
		must(a.Looked(Progress{Said: "gone", Settled: true, Complete: true}, start))
	}
	return a, o
}

// TestEveryTransition tries every event in every state, holds what must be
// true of all of them, and compares the table with docs/state-machine.md.
func TestEveryTransition(t *testing.T) {
	var table strings.Builder
	arrows := map[string][]string{}
	fmt.Fprint(&table, "| event |")
	for _, s := range states {
		fmt.Fprintf(&table, " %s |", s)
	}
	fmt.Fprintf(&table, "\n|---|%s\n", strings.Repeat("---|", len(states)))
	for _, e := range events {
		fmt.Fprintf(&table, "| %s |", e.name)
		for _, s := range states {
			a, o := in(t, s)
			if a.State != s {
				t.Fatalf("could not bring an action to %s: %s", s, a.State)
			}
			fx, err := e.do(&a, o)
			if err != nil {
				if a.State != s || code(err) == "" {
					t.Errorf("%s in %s: %v left it %s", e.name, s, err, a.State)
				}
				nothing(t, e.name, s, fx)
				fmt.Fprintf(&table, " _%s_ |", code(err))
				continue
			}
			holds(t, e.name, s, a, fx)
			fmt.Fprintf(&table, " **%s** |", a.State)
			if a.State != s {
				arrow := fmt.Sprintf("    %s --> %s", s, a.State)
				arrows[arrow] = append(arrows[arrow], e.name)
			}
		}
		table.WriteByte('\n')
	}
	var drawn []string
	for arrow, names := range arrows {
		drawn = append(drawn, arrow+": "+strings.Join(names, "; "))
	}
	slices.Sort(drawn)
	want := intro + "```mermaid\nstateDiagram-v2\n    [*] --> proposed: a plan is frozen\n" + strings.Join(drawn, "\n") + "\n```\n\n" + rest + table.String()
	const file = "../../docs/state-machine.md"
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("%s is not what the state machine does (%v); run: go test ./bot/action -update", file, err)
	}
}

// holds checks one transition that happened.
func holds(t *testing.T, name string, before State, a Action, fx Effects) {
	t.Helper()
	if before.Final() {
		t.Errorf("%s left the final state %s for %s", name, before, a.State)
	}
	changes := 0
	for _, r := range fx.Records {
		if r.Kind != audit.VoteLost {
			changes++
		}
		if r.Subject != "action/a1" {
			t.Errorf("%s in %s: a record without its subject: %+v", name, before, r)
		}
	}
	if changes > 1 || changes == 0 && (a.State != before || name != "lease renewed") {
		t.Errorf("%s in %s: %d records of one change", name, before, changes)
	}
	if !a.State.Final() && len(fx.Work) == 0 && a.State != before {
		t.Errorf("%s in %s: nothing will ever move the action on", name, before)
	}
	if a.State == Running && a.StartedAt.IsZero() || a.State.Final() && a.EndedAt.IsZero() {
		t.Errorf("%s in %s: %s without its time", name, before, a.State)
	}
}

// nothing checks one transition that was refused: at most the refusal is
// recorded, and it is about no change of the action.
func nothing(t *testing.T, name string, before State, fx Effects) {
	t.Helper()
	if len(fx.Records) > 1 || len(fx.Work)+len(fx.Posts) > 0 {
		t.Errorf("%s in %s was refused and leaves %+v", name, before, fx)
	}
	for _, r := range fx.Records {
		if r.Kind != audit.Refused || r.Subject != "" || !strings.Contains(string(r.Body), `"action":"a1"`) {
			t.Errorf("%s in %s was refused and recorded as %+v", name, before, r)
		}
	}
}

const intro = `# The life of an action

This page is written by ` + "`go test ./bot/action -update`" + ` from the state machine itself and compared with it in every test run.

`

const rest = `Settled says *complete* or *incomplete*, with what remains. Every change of state writes one audit record in its transaction; every lost vote one of
its own. A vote is a person's; who may vote is frozen when the action is proposed and looked up again when it starts.

Every event in every state: **the state afterwards**, or _the code of the refusal_, which changes nothing.

`

func TestAStepWaitsUntilItIsDue(t *testing.T) {
	at := time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)
	a := Action{ID: "k7m2qd", State: Running, Lease: Lease{Holder: "one", Until: at.Add(LeaseTime)}}
	due := at.Add(2 * time.Minute)
	fx, err := a.Stepped(Outcome{Said: "some", NotBefore: due}, at)
	if err != nil || len(fx.Work) != 1 || !fx.Work[0].At.Equal(due) {
		t.Errorf("the next step is due at %v: %v", fx.Work, err)
	}
	var refused *Refusal
	if _, err := a.Claim(nil, "two", true, due.Add(-time.Second)); !errors.As(err, &refused) || refused.Code != NotDue {
		t.Errorf("claimed before: %v", err)
	}
}
