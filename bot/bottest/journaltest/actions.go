package journaltest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

func actionReadBack(t *testing.T, j bot.Journal) {
	a := proposed("a1", "k1")
	a.Votes = []action.Vote{vote("bob", time.Minute), {Person: "carol", Account: "x", Surface: "typed", At: noon.Add(time.Nanosecond), Lost: "left"}}
	a.Steps = []action.Step{{At: noon, Said: "did"}}
	a.Progress = action.Progress{Said: "2 gone", Counts: map[string]int{"gone": 2}, Remains: []string{"job 7"}, NextLook: noon}
	a.Lease = action.Lease{Holder: "h", Until: noon}
	same(t, "created", create(t, j, a, action.Effects{}), a)
	got, err := j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "read back", got, a)
	changed, err := j.Update(t.Context(), "a1", func(b *action.Action) (action.Effects, error) {
		same(t, "given to the change", *b, a)
		b.Votes = append(b.Votes[1:], vote("dave", time.Hour))
		b.State = action.Approved
		return action.Effects{}, nil
	})
	must(t, err)
	a.Votes = append(a.Votes[1:], vote("dave", time.Hour))
	a.State, a.Version = action.Approved, 2
	same(t, "changed", changed, a)
	got, err = j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "read back after the change", got, a)
}

func equalOpenAction(t *testing.T, j bot.Journal) {
	first := create(t, j, proposed("a1", "k1"), action.Effects{})
	create(t, j, proposed("a2", "k2"), action.Effects{})
	other := proposed("a3", "k1")
	other.Command = "unban"
	create(t, j, other, action.Effects{})

	fx := posts(post("p", "t"))
	fx.Records = []audit.Record{record(audit.Proposed)}
	before := len(all(t, j))
	got, created, err := j.Create(t.Context(), proposed("a4", "k1"), fx)
	must(t, err)
	same(t, "created", created, false)
	same(t, "shown", got, first)
	same(t, "records", len(all(t, j)), before)
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting posts", n, 0)
	if _, err := j.Action(t.Context(), "a4"); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("the equal action was stored: %v", err)
	}
	for i, end := range []action.State{action.Settled, action.Denied, action.Withdrawn, action.Expired, action.Failed} {
		target, id := fmt.Sprintf("ended%d", i), fmt.Sprintf("b%d", i)
		create(t, j, proposed(id, target), action.Effects{})
		_, err := j.Update(t.Context(), action.ID(id), func(a *action.Action) (action.Effects, error) {
			a.State = end
			return action.Effects{}, nil
		})
		must(t, err)
		create(t, j, proposed(id+"again", target), action.Effects{})
	}
	for i, state := range []action.State{action.Approved, action.Running, action.Applied} {
		target, id := fmt.Sprintf("open%d", i), fmt.Sprintf("c%d", i)
		a := proposed(id, target)
		a.State = state
		create(t, j, a, action.Effects{})
		_, created, err := j.Create(t.Context(), proposed(id+"again", target), action.Effects{})
		must(t, err)
		if created {
			t.Errorf("an action in state %s does not count as open", state)
		}
	}
}

func equalActionMadeOnce(t *testing.T, j bot.Journal) {
	var made atomic.Int64
	must(t, manyDo(32, func(i int) error {
		_, created, err := j.Create(t.Context(), proposed(fmt.Sprintf("a%d", i), "k"), action.Effects{})
		if created {
			made.Add(1)
		}
		return err
	}))
	same(t, "created", made.Load(), 1)
	open, err := j.OpenActions(t.Context())
	must(t, err)
	same(t, "open", len(open), 1)
}

func actionIDTaken(t *testing.T, j bot.Journal) {
	create(t, j, proposed("a1", "k1"), action.Effects{})
	if _, created, err := j.Create(t.Context(), proposed("a1", "k2"), posts(post("p", "t"))); created || !errors.Is(err, bot.ErrExists) {
		t.Errorf("Create = %v, %v", created, err)
	}
}

func everyChangeCounts(t *testing.T, j bot.Journal) {
	create(t, j, proposed("a1", "k1"), action.Effects{})
	must(t, manyDo(64, func(int) error {
		_, err := j.Update(t.Context(), "a1", func(a *action.Action) (action.Effects, error) {
			a.Reminded++
			a.ID, a.Version = "other", 7 // not the change's to set
			return action.Effects{Records: []audit.Record{record(audit.Reminded)}}, nil
		})
		return err
	}))
	got, err := j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "reminded", got.Reminded, 64)
	same(t, "version", got.Version, 65)
}

func failedChange(t *testing.T, j bot.Journal) {
	want := create(t, j, proposed("a1", "k1"), action.Effects{})
	before := len(all(t, j))
	refusal := &action.Refusal{Code: action.OwnRequest, Sentence: "You asked for it."}
	rec := record(audit.Refused)
	rec.Subject = "action/a1"
	_, err := j.Update(t.Context(), "a1", func(a *action.Action) (action.Effects, error) {
		a.State, a.Votes = action.Approved, []action.Vote{vote("alice", 0)}
		return action.Effects{Records: []audit.Record{rec}, Posts: []action.Post{post("p", "t")}}, refusal
	})
	var got *action.Refusal
	if !errors.As(err, &got) || got != refusal {
		t.Errorf("Update = %v", err)
	}
	stored, err := j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "action after a refusal", stored, want)
	same(t, "records", len(all(t, j)), before+1)
	same(t, "the refusal's record", all(t, j, audit.Refused), []audit.Record{rec}) // it binds no row
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting posts", n, 1)
}

func actionsInOrder(t *testing.T, j bot.Journal) {
	for i, after := range []time.Duration{2 * time.Second, 0, time.Millisecond, 2 * time.Second, time.Second} {
		a := proposed(fmt.Sprintf("a%d", i), fmt.Sprintf("k%d", i))
		a.ProposedAt = noon.Truncate(time.Second).Add(after)
		if i == 4 {
			a.State = action.Denied
		}
		if i == 3 {
			a.Command = "kill"
		}
		for n := range i {
			a.Votes = append(a.Votes, vote(fmt.Sprintf("p%d", n), time.Duration(n)*time.Minute))
		}
		create(t, j, a, action.Effects{})
	}
	ids := func(actions []action.Action, err error) (out []action.ID) {
		must(t, err)
		for _, a := range actions {
			out = append(out, a.ID)
		}
		return out
	}
	same(t, "open", ids(j.OpenActions(t.Context())), []action.ID{"a1", "a2", "a0", "a3"})
	same(t, "latest", ids(j.Actions(t.Context(), 3)), []action.ID{"a3", "a0", "a4"})
	same(t, "latest of two commands", ids(j.Actions(t.Context(), 2, "ban", "unban")), []action.ID{"a0", "a4"})
	same(t, "latest of a command that nobody gave", ids(j.Actions(t.Context(), 2, "unban")), nil)
	listed, err := j.Actions(t.Context(), 9)
	must(t, err)
	for _, a := range listed {
		one, err := j.Action(t.Context(), a.ID)
		must(t, err)
		same(t, "listed as read", a, one)
	}
}

func nothingThere(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	for name, err := range map[string]error{
		"Action":         second(j.Action(ctx, "x")),
		"Update":         second(j.Update(ctx, "x", func(*action.Action) (action.Effects, error) { return action.Effects{}, nil })),
		"Incident":       second(j.Incident(ctx, "x")),
		"IncidentAt":     second(j.IncidentAt(ctx, "x")),
		"Request":        second(j.Request(ctx, "slack", "T0", "x")),
		"UpdateIncident": second(j.UpdateIncident(ctx, "x", func(*bot.Incident) (action.Effects, error) { return action.Effects{}, nil })),
		"CardAt":         second(j.CardAt(ctx, "x", "y")),
		"Remembered":     second(j.Remembered(ctx, "x")),
		"Delivered":      j.Delivered(ctx, 99, "m", 0, noon),
		"Undelivered":    j.Undelivered(ctx, 99, "why", noon, false),
	} {
		if !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("%s = %v", name, err)
		}
	}
	cards, err := j.CardMessages(ctx, "x")
	must(t, err)
	same(t, "cards", cards, nil)
	links, err := j.Links(ctx)
	must(t, err)
	same(t, "links", links, nil)
	next, err := j.NextWork(ctx)
	must(t, err)
	same(t, "next work", next, time.Time{})
}

func second[T any](_ T, err error) error { return err }

// office is a Directory in which everybody may do what he could at the proposal.
type office []action.Elector

func (o office) Elector(id action.PersonID) (action.Elector, bool) {
	i := slices.IndexFunc(o, func(e action.Elector) bool { return e.Person == id })
	if i < 0 {
		return action.Elector{}, false
	}
	return o[i], true
}

func (o office) PersonOf(account string) (action.PersonID, bool) {
	i := slices.IndexFunc(o, func(e action.Elector) bool { return slices.Contains(e.Accounts, account) })
	if i < 0 {
		return "", false
	}
	return o[i].Person, true
}

// decidedOnce delivers two approvals and one denial many times at once, as
// platforms do: each counts once, and each change has one record.
func decidedOnce(t *testing.T, j bot.Journal) {
	var o office
	for _, p := range []action.PersonID{"bob", "carol", "dave"} {
		o = append(o, action.Elector{Person: p, Roles: []string{"atlas-security"}, Accounts: []string{"slack/T0/" + string(p)}})
	}
	open := func(id action.ID) {
		f := proposed(string(id), "key of "+string(id)).Frozen
		f.Electorate, f.Policy.StartBy = o, time.Hour
		a, fx, err := action.Propose(id, "request of "+string(id), "home", "", f, noon)
		must(t, err)
		create(t, j, a, fx)
	}
	decide := func(id action.ID, n int, verdict action.Verdict, people ...action.PersonID) {
		must(t, manyDo(n*len(people), func(i int) error {
			p := people[i%len(people)]
			b := action.Ballot{Person: p, Account: "slack/T0/" + string(p), Verdict: verdict, Reason: "because", Surface: "button"}
			_, err := j.Update(t.Context(), id, func(a *action.Action) (action.Effects, error) { return a.Decide(b, o, noon) })
			var refused *action.Refusal
			if errors.As(err, &refused) {
				return nil
			}
			return err
		}))
	}
	kinds := func(id action.ID) map[audit.Kind]int {
		got, err := j.Records(t.Context(), bot.RecordFilter{Request: "request of " + string(id)})
		must(t, err)
		out := map[audit.Kind]int{}
		for _, r := range got {
			out[r.Kind]++
		}
		return out
	}

	open("a1")
	decide("a1", 16, action.Approve, "bob", "carol")
	a, err := j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "state", a.State, action.Approved)
	same(t, "votes", len(a.Votes), 2)
	same(t, "version", a.Version, 3)
	same(t, "records", kinds("a1"), map[audit.Kind]int{audit.Proposed: 1, audit.Approved: 1, audit.QuorumReached: 1, audit.Refused: 30})

	open("a2")
	decide("a2", 16, action.Deny, "dave")
	a, err = j.Action(t.Context(), "a2")
	must(t, err)
	same(t, "state", a.State, action.Denied)
	same(t, "version", a.Version, 2)
	same(t, "records", kinds("a2"), map[audit.Kind]int{audit.Proposed: 1, audit.Denied: 1, audit.Refused: 15})
}

// onceForARequest has a request change an action again after it was interrupted.
func onceForARequest(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	create(t, j, proposed("a1", "k1"), action.Effects{})
	_, err := j.Receive(ctx, "r1", event("e1"), noon)
	must(t, err)
	voting := func(a *action.Action) (action.Effects, error) {
		a.Votes = append(a.Votes, vote("bob", 0))
		rec := record(audit.Approved)
		rec.ID, rec.Subject = audit.NewID(), "action/a1"
		return action.Effects{Records: []audit.Record{rec}}, nil
	}
	refusing := func(*action.Action) (action.Effects, error) {
		rec := record(audit.Refused)
		rec.ID, rec.Subject = audit.NewID(), "action/a1"
		return action.Effects{Records: []audit.Record{rec}}, &action.Refusal{Code: "x", Sentence: "no"}
	}
	for range 2 { // a refusal changes nothing, so it may come again
		var refused *action.Refusal
		if _, err := j.UpdateFor(ctx, "r1", "a1", refusing); !errors.As(err, &refused) {
			t.Errorf("UpdateFor = %v", err)
		}
	}
	_, err = j.UpdateFor(ctx, "r1", "a1", voting)
	must(t, err)
	if _, err := j.UpdateFor(ctx, "r1", "a1", voting); !errors.Is(err, action.ErrRepeated) {
		t.Errorf("again: %v", err)
	}
	a, err := j.Action(ctx, "a1")
	must(t, err)
	same(t, "votes", len(a.Votes), 1)
	_, err = j.UpdateFor(ctx, "r2", "a1", voting)
	must(t, err)
}
