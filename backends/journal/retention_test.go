package journal_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

const day = 24 * time.Hour

var retention = journal.Retention{Requests: 400 * day, PersonalData: 90 * day}

// saying is a record of a moment that names somebody; its body says its name.
func saying(name string, at time.Time, set func(*audit.Record)) action.Effects {
	r := audit.Record{ID: name, At: at, Kind: audit.Answered, Person: "alice", Account: "slack/T0/alice", Body: json.RawMessage(`{"said":"` + name + ` of Mallory"}`)}
	if set != nil {
		set(&r)
	}
	return action.Effects{Records: []audit.Record{r}}
}

// bodiesOf are the records that still have their body, by id.
func bodiesOf(t *testing.T, j *journal.Journal) map[string]bool {
	t.Helper()
	records, err := j.Records(t.Context(), bot.RecordFilter{})
	must(t, err)
	out := map[string]bool{}
	for _, r := range records {
		out[r.ID] = r.Body != nil
	}
	return out
}

// TestRetention has records, actions and cases on both sides of each boundary.
func TestRetention(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		t.Parallel()
		o := place(t)
		j := openAt(t, o)
		ctx := t.Context()
		asked, evidence := noon.Add(-90*day), noon.Add(-400*day) // what is older is over
		before := func(at time.Time) time.Time { return at.Add(-time.Microsecond) }

		write := func(name string, at time.Time, set func(*audit.Record)) {
			t.Helper()
			must(t, j.Write(ctx, saying(name, at, set)))
		}
		policy := func(r *audit.Record) { r.Kind = audit.PolicyChanged }
		ofCase := func(id string) func(*audit.Record) { return func(r *audit.Record) { r.Incident = id } }
		ofRequest := func(id string) func(*audit.Record) { return func(r *audit.Record) { r.Request = id } }
		incident := func(id string, opened, closed time.Time) {
			t.Helper()
			must(t, j.OpenIncident(ctx, bot.Incident{
				ID: id, Title: "Mallory's mine", Thread: "dm-with-mallory-" + id, OpenedBy: "alice", OpenedAt: opened,
				Notes: []bot.Note{{Person: "alice", At: opened, Text: "it is Mallory"}},
			}, saying("opened-"+id, opened, func(r *audit.Record) { r.Subject = "incident/" + id })))
			if closed.IsZero() {
				return
			}
			_, err := j.UpdateIncident(ctx, id, func(i *bot.Incident) (action.Effects, error) {
				i.ClosedAt, i.ClosedBy, i.Outcome = closed, "bob", "Mallory left"
				return saying("closed-"+id, closed, func(r *audit.Record) { r.Subject = "incident/" + id }), nil
			})
			must(t, err)
		}
		act := func(id action.ID, state action.State, ended time.Time, incident string) {
			t.Helper()
			a := ban(id)
			a.ProposedAt, a.Incident = noon.Add(-500*day), incident
			a.Frozen.Proposer, a.Frozen.Reason, a.Frozen.Plan.Target.Name = "alice", "Mallory mines", "Mallory"
			a.Frozen.Electorate = []action.Elector{{Person: "bob", Accounts: []string{"slack/T0/bob"}}}
			a.Votes = []action.Vote{{Person: "bob", Account: "slack/T0/bob", Surface: "button", At: a.ProposedAt}}
			_, created, err := j.Create(ctx, a, saying("proposed-"+string(id), a.ProposedAt, func(r *audit.Record) {
				r.Subject, r.Request, r.Incident = "action/"+string(id), a.Request, incident
			}))
			if must(t, err); !created {
				t.Fatal(id)
			}
			_, err = j.Update(ctx, id, func(a *action.Action) (action.Effects, error) {
				a.State, a.EndedAt, a.Steps = state, ended, []action.Step{{At: ended, Said: "banned Mallory"}}
				return saying("ended-"+string(id), a.ProposedAt, func(r *audit.Record) { r.Subject, r.Incident = "action/"+string(id), incident }), nil
			})
			must(t, err)
		}

		write("question-over", before(asked), nil)
		var many action.Effects
		for i := range 250 { // more than a page of what is kept, then what is not
			many.Records = append(many.Records, saying(fmt.Sprint("policy", i), evidence, policy).Records...)
		}
		must(t, j.Write(ctx, many))
		write("question-behind", before(asked), nil)
		write("question-kept", asked, nil)
		write("policy-over", before(before(evidence)), policy)
		write("policy-then", before(evidence), policy) // it was in force when actions were decided that are kept
		write("policy-kept", evidence, policy)
		incident("over", noon.Add(-500*day), before(evidence))
		incident("kept", noon.Add(-500*day), evidence)
		incident("open", noon.Add(-500*day), time.Time{})
		write("of-case-over", noon.Add(-500*day), ofCase("over"))
		write("of-case-kept", noon.Add(-500*day), ofCase("kept"))
		write("of-case-open", noon.Add(-500*day), ofCase("open"))
		act("over", action.Settled, before(evidence), "over")
		act("kept", action.Settled, evidence, "")
		act("open", action.Applied, time.Time{}, "")
		act("held", action.Denied, before(evidence), "open")
		write("asked-for-over", noon.Add(-500*day), ofRequest("r-over"))
		write("asked-for-kept", noon.Add(-500*day), ofRequest("r-kept"))
		write("asked-for-open", noon.Add(-500*day), ofRequest("r-open"))
		must(t, j.Link(ctx, "slack/T0/alice", "alice", saying("linked", noon.Add(-500*day), func(r *audit.Record) { r.Kind = audit.AccountLinked })))

		n, err := j.RetainOnce(ctx, retention, noon)
		must(t, err)
		want := map[string]bool{
			"question-over": false, "question-behind": false, "question-kept": true, "policy-over": false, "policy-then": true, "policy-kept": true, "linked": true,
			"opened-over": false, "closed-over": false, "of-case-over": false, "opened-kept": true, "closed-kept": true, "of-case-kept": true,
			"opened-open": true, "of-case-open": true,
			"proposed-over": false, "ended-over": false, "asked-for-over": false, "proposed-kept": true, "ended-kept": true, "asked-for-kept": true,
			"proposed-open": true, "ended-open": true, "asked-for-open": true,
			// The action's own time is over, but not that of its case.
			"proposed-held": true, "ended-held": true,
		}
		have := bodiesOf(t, j)
		erased := 0
		for id, body := range want {
			if have[id] != body {
				t.Errorf("the body of %s is there: %v", id, have[id])
			}
			if !body {
				erased++
			}
		}
		if n.Bodies != erased || n.Rows != 2 {
			t.Errorf("%+v, not %d bodies and 2 rows", n, erased)
		}
		for _, id := range []action.ID{"over", "kept", "open", "held"} {
			a, err := j.Action(ctx, id)
			must(t, err)
			text := fmt.Sprintf("%+v", a)
			if named := strings.Contains(text, "Mallory") && strings.Contains(text, "bob") && strings.Contains(text, "alice"); named == (id == "over") {
				t.Errorf("action %s: %s", id, text)
			}
			if len(a.Votes) != 1 || len(a.Steps) != 1 || !a.Votes[0].At.Equal(a.ProposedAt) || a.Command != "ban" {
				t.Errorf("of action %s too much is gone: %+v", id, a)
			}
		}
		for _, id := range []string{"over", "kept", "open"} {
			i, err := j.Incident(ctx, id)
			must(t, err)
			text := fmt.Sprintf("%+v", i)
			if named := strings.Contains(text, "Mallory") && strings.Contains(text, "alice"); named == (id == "over") || len(i.Notes) != 1 {
				t.Errorf("case %s: %s", id, text)
			}
		}
		sound := func() {
			t.Helper()
			if r, err := j.Verify(ctx); err != nil || !r.Sound() || r.Erased != int64(erased) || r.Subjects != 8 {
				t.Errorf("%+v, %v", r, err)
			}
		}
		sound()
		if n, err := j.RetainOnce(ctx, retention, noon); err != nil || n != (journal.Removed{}) {
			t.Errorf("once more removed %+v, %v", n, err)
		}
		must(t, j.Close())
		j = openAt(t, o)
		sound()
		// What is not over goes on as before.
		_, err = j.Update(ctx, "open", func(a *action.Action) (action.Effects, error) { a.Reminded++; return action.Effects{}, nil })
		must(t, err)
	})
}

// TestRetentionOfRequests deletes requests and posts in more than one batch,
// and nothing that anybody still needs.
func TestRetentionOfRequests(t *testing.T) {
	onBoth(t, func(t *testing.T, place func(*testing.T) opener) {
		t.Parallel()
		j := openAt(t, place(t))
		ctx := t.Context()
		edge := noon.Add(-400 * day)
		receive := func(id string, at time.Time, finished bool) {
			t.Helper()
			_, err := j.Receive(ctx, id, event(id, "x"), at)
			must(t, err)
			if finished {
				_, err = j.Finish(ctx, id, action.Effects{})
				must(t, err)
			}
		}
		const many = 250
		receive("unfinished", edge.Add(-time.Hour), false)
		var all sync.WaitGroup
		for w := range 10 {
			all.Go(func() {
				for i := w; i < many; i += 10 {
					id := fmt.Sprint("over", i)
					_, err := j.Receive(ctx, id, event(id, "x"), edge.Add(-time.Microsecond))
					if err == nil {
						_, err = j.Finish(ctx, id, action.Effects{})
					}
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		receive("kept", edge, true)
		again := func(id string) bool { // it would be answered again
			t.Helper()
			fresh, err := j.Receive(ctx, "again"+id, event(id, "x"), noon)
			must(t, err)
			return fresh
		}
		a := ban("a1")
		_, _, err := j.Create(ctx, a, action.Effects{Posts: []action.Post{
			{Key: "card", Thread: "t1", Card: "a1"}, {Key: "said", Thread: "t2"}, {Key: "given up", Thread: "t3", Body: []byte("Mallory")}, {Key: "waiting", Thread: "t4"},
		}})
		must(t, err)
		posts, err := j.NextDeliveries(ctx, time.Now().Add(time.Hour), time.Hour, 9)
		must(t, err)
		for _, d := range posts {
			switch d.Post.Key {
			case "card", "said":
				must(t, j.Delivered(ctx, d.ID, "m"+d.Post.Key, 1, noon))
			case "given up":
				must(t, j.Undelivered(ctx, d.ID, "Mallory's room is gone", noon, true))
			}
		}

		n, err := j.RetainOnce(ctx, retention, noon)
		must(t, err)
		if n.Requests != many || n.Posts != 0 {
			t.Errorf("%+v", n)
		}
		// However short the retention, what a platform may send again is known.
		n, err = j.RetainOnce(ctx, journal.Retention{Requests: time.Second, PersonalData: time.Second}, edge.Add(time.Hour))
		if must(t, err); n.Requests != 0 || again("kept") {
			t.Errorf("%+v", n)
		}
		if again("unfinished") || again("kept") || !again("over7") {
			t.Error("an event is taken for new, or is not")
		}
		counts := map[string]int{}
		count := func() {
			t.Helper()
			clear(counts)
			records, err := j.Records(ctx, bot.RecordFilter{Kinds: []audit.Kind{audit.Removed}})
			must(t, err)
			for _, r := range records {
				var b struct {
					What  string
					Count int
				}
				must(t, json.Unmarshal(r.Body, &b))
				counts[b.What] += b.Count
			}
		}
		if count(); counts["requests"] != many {
			t.Errorf("the records tell of %v", counts)
		}

		// Posts have the time of when they were queued, which is today's.
		later := time.Now().Add(91 * day)
		_, err = j.RetainOnce(ctx, retention, later)
		must(t, err)
		if count(); counts["texts of posts that were given up"] != 1 {
			t.Errorf("the records tell of %v", counts)
		}
		n, err = j.RetainOnce(ctx, retention, time.Now().Add(401*day))
		if must(t, err); n.Posts != 2 {
			t.Errorf("%d posts: of %q two are over", n.Posts, []string{"card", "said", "given up", "waiting"})
		}
		must(t, j.Write(ctx, action.Effects{Posts: []action.Post{{Key: "card", Thread: "t1", Card: "a1"}, {Key: "waiting", Thread: "t4"}}}))
		if waiting, _, err := j.Waiting(ctx); err != nil || waiting != 1 {
			t.Errorf("%d posts wait, %v: a card of an open action would be said twice", waiting, err)
		}
		if _, err := j.CardAt(ctx, "t1", "mcard"); err != nil {
			t.Errorf("the card of an open action is forgotten: %v", err)
		}
		if r, err := j.Verify(ctx); err != nil || !r.Sound() {
			t.Errorf("%v: %q", err, r.Problems)
		}
	})
}

// TestRetentionCoversNothingUp leaves a row as it is that somebody changed.
func TestRetentionCoversNothingUp(t *testing.T) {
	j, o := open(t)
	ctx := t.Context()
	for _, id := range []action.ID{"a1", "a2"} {
		a := ban(id)
		a.State, a.EndedAt = action.Denied, noon
		_, _, err := j.Create(ctx, a, action.Effects{})
		must(t, err)
	}
	sql1(t, o.config().SQLite, `UPDATE action SET data = replace(data, 'key of', 'kee of') WHERE id = 'a1'`)
	n, err := j.RetainOnce(ctx, retention, noon.Add(401*day))
	if must(t, err); n.Rows != 1 {
		t.Errorf("%+v", n)
	}
	if r, err := j.Verify(ctx); err != nil || len(r.Problems) != 1 || !tells(r, "action/a1") {
		t.Errorf("%v: %q", err, r.Problems)
	}
}

// TestRetentionIsDoneOnce has several processes on one journal, of which one
// may not erase.
func TestRetentionIsDoneOnce(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	owner := openAt(t, o)
	must(t, owner.Write(t.Context(), saying("over", noon, nil)))
	_, err := owner.Receive(t.Context(), "r1", event("e1", "x"), noon)
	must(t, err)
	_, err = owner.Finish(t.Context(), "r1", action.Effects{})
	must(t, err)
	serving, err := journal.Open(t.Context(), journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("plain.dsn")}}, o.options())
	must(t, err)
	t.Cleanup(func() { must(t, serving.Close()) })
	if says, err := serving.Details(t.Context()); err != nil || len(says) != 1 || !strings.Contains(says[0], "gridwarden audit erase --due") {
		t.Errorf("%q, %v", says, err)
	}
	if says, err := owner.Details(t.Context()); err != nil || len(says) != 0 {
		t.Errorf("%q, %v", says, err)
	}

	short := journal.Retention{Requests: time.Hour, PersonalData: time.Hour}
	removed := func() (n int) {
		t.Helper()
		records, err := owner.Records(t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Removed, audit.Erased}})
		must(t, err)
		return len(records)
	}
	if n, err := serving.RetainOnce(t.Context(), short, time.Now()); err != nil || n.Requests != 1 || n.Bodies != 0 {
		t.Errorf("without the right to erase: %+v, %v", n, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	other := o.open(t)
	t.Cleanup(func() { must(t, other.Close()) })
	done := make(chan struct{})
	for _, j := range []*journal.Journal{owner, other} {
		go func() { j.Retain(ctx, short); done <- struct{}{} }()
	}
	for bodiesOf(t, owner)["over"] {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	<-done
	<-done
	if n := removed(); n != 2 { // the request's and the body's
		t.Errorf("%d records tell of removals", n)
	}
	for _, c := range []struct {
		j    *journal.Journal
		at   time.Duration
		ours bool
	}{{owner, 0, false}, {other, 0, false}, {serving, 0, true}, {serving, 0, false}, {other, -time.Minute, false}, {other, 7 * time.Hour, true}, {owner, 7 * time.Hour, false}} {
		if ours, err := c.j.ClaimRetention(t.Context(), time.Now().Add(c.at)); err != nil || ours != c.ours {
			t.Errorf("after %s it is this process's turn: %v, %v", c.at, ours, err)
		}
	}
	if r, err := owner.Verify(t.Context()); err != nil || !r.Sound() || r.Erased != 1 {
		t.Errorf("%+v, %v", r, err)
	}
}

// TestErasingAtOnce has two processes erase the same bodies.
func TestErasingAtOnce(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	j, other := openAt(t, o), openAt(t, o)
	var ids []string
	var many action.Effects
	for i := range 200 {
		ids = append(ids, fmt.Sprint(i))
		many.Records = append(many.Records, saying(ids[i], noon, nil).Records...)
	}
	must(t, j.Write(t.Context(), many))
	_, err := j.Sequence(t.Context())
	must(t, err)
	var n [2]int
	var all sync.WaitGroup
	for i, j := range []*journal.Journal{j, other} {
		all.Go(func() {
			for ids := range slices.Chunk(ids, 20) {
				k, err := j.Erase(t.Context(), journal.Erasure{Records: ids, By: "dana", Reason: "asked to"}, noon)
				if err != nil {
					t.Error(err)
				}
				n[i] += k
			}
		})
	}
	all.Wait()
	if r, err := j.Verify(t.Context()); err != nil || !r.Sound() || r.Erased != 200 || n[0]+n[1] != 200 {
		t.Errorf("%v erased: %+v, %v", n, r, err)
	}
}
