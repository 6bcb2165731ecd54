package journaltest

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

func afterRestart(t *testing.T, j bot.Journal, reopen func(*testing.T, bot.Journal) bot.Journal) {
	ctx := t.Context()
	_, err := j.Receive(ctx, "r1", event("e1"), noon)
	must(t, err)
	a := proposed("a1", "k1")
	a.Votes = []action.Vote{vote("bob", time.Minute)}
	fx := posts(post("p", "t"), action.Post{Key: "card", Thread: "home", Card: "a1"})
	fx.Records, fx.Work = []audit.Record{record(audit.Proposed)}, []action.Work{work("expire", "a1", time.Hour)}
	create(t, j, a, fx)
	i := opened("c1", "home", 0)
	i.Notes = []bot.Note{{Person: "bob", At: noon, Text: "x"}}
	must(t, j.OpenIncident(ctx, i, action.Effects{}))
	must(t, j.Link(ctx, "slack/T0/U1", "alice", action.Effects{}))
	must(t, j.Remember(ctx, "key", []byte("value"), action.Effects{}))
	got, _ := next(t, j, noon, 9)
	must(t, j.Delivered(ctx, got[1].ID, "m1", 1, noon))
	records := all(t, j)

	j = reopen(t, j)
	unfinished, err := j.Unfinished(ctx)
	must(t, err)
	same(t, "unfinished", unfinished, []bot.ReceivedEvent{{Request: "r1", Event: event("e1"), At: noon}})
	fresh, err := j.Receive(ctx, "r2", event("e1"), noon)
	must(t, err)
	same(t, "fresh again", fresh, false)
	open, err := j.OpenActions(ctx)
	must(t, err)
	same(t, "open actions", open, []action.Action{a})
	same(t, "records", all(t, j), records)
	cases, err := j.Incidents(ctx, 9)
	must(t, err)
	same(t, "cases", cases, []bot.Incident{i})
	links, err := j.Links(ctx)
	must(t, err)
	same(t, "links", links, map[string]action.PersonID{"slack/T0/U1": "alice"})
	value, err := j.Remembered(ctx, "key")
	must(t, err)
	same(t, "remembered", string(value), "value")
	cards, err := j.CardMessages(ctx, "a1")
	must(t, err)
	same(t, "cards", cards, map[string]bot.ShownCard{"home": {Message: "m1", Version: 1}})
	at, err := j.NextWork(ctx)
	must(t, err)
	same(t, "next work", at, noon.Add(time.Hour))
	got, keys := next(t, j, noon.Add(lease), 9)
	same(t, "what was in hand", keys, []string{"p"})
	same(t, "attempts", got[0].Attempts, 1)
}
