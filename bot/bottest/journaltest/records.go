package journaltest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// everything is effects with one of each, of which the last record is broken.
func everything(broken audit.Record) action.Effects {
	return action.Effects{
		Records: []audit.Record{record(audit.Answered), broken},
		Work:    []action.Work{work("run", "k", 0)},
		Posts:   []action.Post{post("p", "t")},
	}
}

func allOrNothing(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	_, err := j.Receive(ctx, "r1", event("e1"), noon)
	must(t, err)
	create(t, j, proposed("a1", "k1"), action.Effects{})
	must(t, j.OpenIncident(ctx, opened("case1", "t", 0), action.Effects{}))
	must(t, j.Remember(ctx, "key", []byte("old"), action.Effects{}))
	must(t, j.Write(ctx, action.Effects{Work: []action.Work{work("verify", "w", -time.Hour)}}))
	due, err := j.DueWork(ctx, noon, time.Hour, 1)
	must(t, err)
	before := all(t, j)

	broken := record("")
	for name, err := range map[string]error{
		"Write":  j.Write(ctx, everything(broken)),
		"Finish": second(j.Finish(ctx, "r1", everything(broken))),
		"Create": third(j.Create(ctx, proposed("a2", "k2"), everything(broken))),
		"Update": second(j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
			a.State, a.Votes = action.Denied, []action.Vote{vote("bob", 0)}
			return everything(broken), nil
		})),
		"OpenIncident": j.OpenIncident(ctx, opened("case2", "t2", 0), everything(broken)),
		"UpdateIncident": second(j.UpdateIncident(ctx, "case1", func(i *bot.Incident) (action.Effects, error) {
			i.Notes = append(i.Notes, bot.Note{Person: "bob", At: noon, Text: "x"})
			return everything(broken), nil
		})),
		"Link":     j.Link(ctx, "slack/T0/U1", "alice", everything(broken)),
		"Remember": j.Remember(ctx, "key", []byte("new"), everything(broken)),
		"WorkDone": j.WorkDone(ctx, due[0], everything(broken)),
	} {
		if err == nil {
			t.Errorf("%s took a record without a kind", name)
		}
	}

	same(t, "records", all(t, j), before)
	unfinished, err := j.Unfinished(ctx)
	must(t, err)
	same(t, "unfinished", len(unfinished), 1)
	actions, err := j.Actions(ctx, 9)
	must(t, err)
	same(t, "actions", actions, []action.Action{proposed("a1", "k1")})
	cases, err := j.Incidents(ctx, 9)
	must(t, err)
	same(t, "cases", cases, []bot.Incident{opened("case1", "t", 0)})
	links, err := j.Links(ctx)
	must(t, err)
	same(t, "links", links, nil)
	value, err := j.Remembered(ctx, "key")
	must(t, err)
	same(t, "remembered", string(value), "old")
	n, _, err := j.Waiting(ctx)
	must(t, err)
	same(t, "waiting posts", n, 0)
	next, err := j.NextWork(ctx)
	must(t, err)
	same(t, "next work", next, noon.Add(time.Hour)) // the lease of what is in hand
}

func third[T, U any](_ T, _ U, err error) error { return err }

func recordTwice(t *testing.T, j bot.Journal) {
	rec := record(audit.Answered)
	must(t, j.Write(t.Context(), action.Effects{Records: []audit.Record{rec}}))
	if err := j.Write(t.Context(), everything(rec)); err == nil {
		t.Error("a record was written twice")
	}
	same(t, "records", all(t, j), []audit.Record{rec})
}

func recordsBind(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	about, liar := record(audit.Approved), record(audit.Answered)
	about.Subject = "action/a1"
	liar.Subject, liar.Version, liar.Hash = "action/other", 3, "ff"
	create(t, j, proposed("a1", "k1"), action.Effects{})
	a, err := j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
		a.Votes = append(a.Votes, vote("bob", 0))
		return action.Effects{Records: []audit.Record{about, liar}}, nil
	})
	must(t, err)
	data, err := json.Marshal(a)
	must(t, err)
	sum := sha256.Sum256(data)
	about.Version, about.Hash = 2, hex.EncodeToString(sum[:])
	liar.Version, liar.Hash = 0, "" // no row of that name was changed
	same(t, "records of the change", all(t, j, audit.Approved, audit.Answered), []audit.Record{about, liar})

	// A change without a record gets one: nothing changes unaccounted for.
	a, err = j.Update(ctx, "a1", func(a *action.Action) (action.Effects, error) {
		a.Rooms = append(a.Rooms, "another")
		return action.Effects{}, nil
	})
	must(t, err)
	data, err = json.Marshal(a)
	must(t, err)
	sum = sha256.Sum256(data)
	got, err := j.Records(ctx, bot.RecordFilter{Subject: "action/a1", Kinds: []audit.Kind{audit.Changed}})
	must(t, err)
	last := got[len(got)-1]
	same(t, "version of the change", last.Version, 3)
	same(t, "hash of the change", last.Hash, hex.EncodeToString(sum[:]))
}

func latestFound(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	var said []audit.Record
	for _, kind := range []audit.Kind{audit.LinkOffered, audit.LinkUsed, audit.LinkOffered, audit.LinkMissed} {
		r := record(kind)
		r.Subject, r.Person, r.Body = "link code/bob", "bob", json.RawMessage(`{"hash":"x"}`)
		said = append(said, r)
		must(t, j.Write(ctx, action.Effects{Records: []audit.Record{r}}))
	}
	for want, kinds := range map[int][]audit.Kind{1: {audit.LinkUsed}, 2: {audit.LinkOffered, audit.LinkUsed}, 3: nil} {
		got, err := j.Latest(ctx, "link code/bob", kinds...)
		must(t, err)
		same(t, "latest", got, said[want])
	}
	for subject, kind := range map[string]audit.Kind{"link code/eve": audit.LinkOffered, "link code/bob": audit.Noted} {
		if got, err := j.Latest(ctx, subject, kind); !errors.Is(err, bot.ErrNotFound) {
			t.Errorf("%s about %s: %+v, %v", kind, subject, got, err)
		}
	}
}

func recordsFound(t *testing.T, j bot.Journal) {
	var want []audit.Record
	for i, kind := range []audit.Kind{audit.Received, audit.Answered, audit.Noted, audit.Answered, audit.Refused} {
		r := record(kind)
		r.At = noon.Add(time.Duration(i) * time.Second)
		r.Request = []string{"r1", "r2"}[i%2]
		r.Incident = []string{"", "c1"}[i%2]
		if i == 2 {
			r.Subject, r.Body = "action/x", json.RawMessage(`{}`)
		}
		want = append(want, r)
	}
	for _, i := range []int{3, 0, 4, 1, 2} { // the order of time is not that of writing
		r := want[i]
		if i == 2 {
			r.Body = nil // nil means erased, so it is read back as an empty object
		}
		must(t, j.Write(t.Context(), action.Effects{Records: []audit.Record{r}}))
	}
	pick := func(of ...int) (out []audit.Record) {
		for _, i := range of {
			out = append(out, want[i])
		}
		return out
	}
	for _, test := range []struct {
		name   string
		filter bot.RecordFilter
		want   []audit.Record
	}{
		{"all", bot.RecordFilter{}, want},
		{"first", bot.RecordFilter{Limit: 2}, pick(0, 1)},
		{"latest", bot.RecordFilter{Limit: 2, Latest: true}, pick(3, 4)},
		{"request", bot.RecordFilter{Request: "r1", Limit: 9}, pick(0, 2, 4)},
		{"incident", bot.RecordFilter{Incident: "c1", Limit: 9}, pick(1, 3)},
		{"subject", bot.RecordFilter{Subject: "action/x", Limit: 9}, pick(2)},
		{"kinds", bot.RecordFilter{Kinds: []audit.Kind{audit.Answered, audit.Refused}, Limit: 9}, pick(1, 3, 4)},
		{"since", bot.RecordFilter{Since: noon.Add(3 * time.Second), Limit: 9}, pick(3, 4)},
		{"together", bot.RecordFilter{Request: "r2", Kinds: []audit.Kind{audit.Answered}, Since: noon.Add(2 * time.Second), Limit: 9}, pick(3)},
		{"none", bot.RecordFilter{Request: "' OR 1=1 --", Limit: 9}, nil},
	} {
		got, err := j.Records(t.Context(), test.filter)
		must(t, err)
		same(t, test.name, got, test.want)
	}
}
