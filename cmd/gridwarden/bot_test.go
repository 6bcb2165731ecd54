package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/config"
)

// testConfig has a security team, a shifter who asks, a member without a role
// that counts, and one of the team whose name is that of a grid user.
const testConfig = `
journal: {sqlite: gridwarden.db}
people:
  - {id: alice, name: Alice Adams, institute: CERN, roles: [shifter], accounts: [console/alice]}
  - {id: bob, name: Bob Baker, institute: KIT, roles: [atlas-security], accounts: [console/bob, console/bob2]}
  - {id: carol, name: Carol Chen, institute: BNL, roles: [atlas-security], accounts: [console/carol]}
  - {id: tara, name: Naughty User, institute: CERN, roles: [atlas-security], accounts: [console/tara]}
  - {id: mia, name: Mia Moss, institute: CERN, roles: [shifter], accounts: [console/mia]}
  - {id: gus, name: Gus Grant, institute: DESY, accounts: [console/gus]}
roles:
  atlas-security: {from: console/sec}
policies:
  ban: {approvals: [{role: atlas-security, count: 2}], expires: 4h, start_by: 30m}
  protected: {approvals: [{role: atlas-security, count: 2}], expires: 4h, start_by: 30m}
  kill: {approvals: [{role: atlas-security, count: 1}], expires: 1h, start_by: 30m}
channels:
  - {platform: console, name: security, commands: [all], personal_data: true}
security_channel: security
console: {trusted: true}
limits: {per_person_per_minute: 100000, per_channel_per_minute: 100000}
backends:
  sandbox: {speed: 300}
`

// testBot is the whole program on a platform in memory.
type testBot struct {
	*app
	t    *testing.T
	file string // where its configuration would be
	room *bottest.Memory
	n    int
}

func startBot(t *testing.T, yaml string) *testBot {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "gridwarden.yaml")
	cfg, err := config.Parse(file, []byte(yaml), dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &testBot{t: t, file: file, room: bottest.NewMemory("console")}
	b.room.SetGroup("sec", "console/bob", "console/carol", "console/tara")
	b.app, err = wire(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), wiring{platforms: []bot.Platform{b.room}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		b.close()
	})
	return b
}

func account(id string, standing bot.Standing) bot.Account {
	return bot.Account{Platform: "console", ID: id, Name: id, Standing: standing}
}

// ask types a line in the security channel and returns the reply.
func (b *testBot) ask(who bot.Account, line string) bot.Reply {
	b.t.Helper()
	return b.do(bot.Event{Kind: bot.Typed, Account: who, Value: line, Message: b.room.NewID(channel)})
}

var channel = bot.Thread{Platform: "console", Channel: "security"}

func (b *testBot) do(ev bot.Event) bot.Reply {
	b.t.Helper()
	b.n++
	ev.ID, ev.At = fmt.Sprintf("ev%d", b.n), time.Now().UTC()
	if ev.Thread == (bot.Thread{}) {
		ev.Thread = channel
	}
	reply, err := b.engine.Do(b.t.Context(), ev)
	if err != nil {
		b.t.Fatal(err)
	}
	if err := b.engine.Idle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	return reply
}

// propose has alice ask for a ban and returns the action and its card.
func (b *testBot) propose() (action.ID, bot.Thread, string) {
	b.t.Helper()
	reply := b.ask(account("alice", bot.Member), `ban "Naughty User" cryptominer`)
	if reply.State != "proposed" {
		b.t.Fatalf("no proposal: %s %s", reply.State, reply.Message.Plain())
	}
	id := reply.Message.Answer["action"].(action.Machine).ID
	cards, err := b.journal.CardMessages(b.t.Context(), id)
	if err != nil || len(cards) == 0 {
		b.t.Fatalf("no card: %v %v", cards, err)
	}
	a, err := b.journal.Action(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	home, err := bot.ParseThread(a.Home)
	if err != nil {
		b.t.Fatal(err)
	}
	return id, home, cards[a.Home].Message
}

// TestVerdictTable holds that who may approve does not depend on the surface:
// a click and a reaction are checked like the typed word and the command line.
func TestVerdictTable(t *testing.T) {
	actors := []struct {
		name string
		who  bot.Account
		want string // the code of the refusal, "" for counted
	}{
		{"approver", account("bob", bot.Member), ""},
		{"requester", account("alice", bot.Member), action.OwnRequest},
		{"target", account("tara", bot.Member), action.IsTarget},
		{"member", account("mia", bot.Member), action.NotEligible},
		{"known without a role", account("gus", bot.Member), action.NotEligible},
		{"guest", account("bob", bot.Guest), "standing"},
		{"outsider", account("bob", bot.Outsider), "standing"},
		{"deactivated", account("bob", bot.Deactivated), "standing"},
		{"bot", account("bob", bot.Bot), "standing"},
		{"bridged", account("bob", bot.Bridged), "standing"},
		{"standing not told", account("bob", ""), "standing"},
		{"unknown", account("zoe", bot.Member), "unknown-person"},
	}
	surfaces := map[string]func(id action.ID, home bot.Thread, card string, who bot.Account) bot.Event{
		"typed": func(id action.ID, home bot.Thread, _ string, who bot.Account) bot.Event {
			return bot.Event{Kind: bot.Typed, Account: who, Thread: home, Value: "approve " + string(id)}
		},
		"button": func(id action.ID, home bot.Thread, card string, who bot.Account) bot.Event {
			return bot.Event{Kind: bot.Clicked, Account: who, Thread: home, Target: card, Value: "approve:" + string(id)}
		},
		"reaction": func(_ action.ID, home bot.Thread, card string, who bot.Account) bot.Event {
			return bot.Event{Kind: bot.Reacted, Account: who, Thread: home, Target: card, Value: "white_check_mark"}
		},
		"run": func(id action.ID, _ bot.Thread, _ string, who bot.Account) bot.Event {
			return bot.Event{Kind: bot.Typed, Account: who, Thread: bot.Thread{Platform: bot.RunPlatform, Channel: "terminal", Root: "x"}, Value: "approve " + string(id)}
		},
	}
	b := startBot(t, testConfig)
	for surface, event := range surfaces {
		for _, actor := range actors {
			id, home, card := b.propose()
			reply := b.do(event(id, home, card, actor.who))
			if reply.Code != actor.want {
				t.Errorf("%s by %s: %q (%s), want %q", surface, actor.name, reply.Code, reply.Message.Plain(), actor.want)
			}
			a, err := b.journal.Action(t.Context(), id)
			if err != nil || len(a.Votes) > 0 != (actor.want == "") {
				t.Errorf("%s by %s: votes %v, %v", surface, actor.name, a.Votes, err)
			}
			records, err := b.journal.Records(t.Context(), bot.RecordFilter{Request: reply.Request, Limit: 20})
			refused := slices.ContainsFunc(records, func(r audit.Record) bool { return r.Kind == audit.Refused })
			if err != nil || refused != (actor.want != "") {
				t.Errorf("%s by %s: the record of the refusal: %v, %v", surface, actor.name, records, err)
			}
			if reply := b.ask(account("alice", bot.Member), "withdraw "+string(id)); reply.State != "decided" {
				t.Fatal(reply.Message.Plain())
			}
		}
	}
}

// TestElectorateIsFrozen holds that nobody can become a voter after the
// proposal, and that a role lost before the start takes the vote away.
func TestElectorateIsFrozen(t *testing.T) {
	b := startBot(t, testConfig)
	late := func(name string, change func(), who bot.Account) {
		t.Helper()
		id, _, _ := b.propose()
		change()
		if reply := b.ask(who, "approve "+string(id)); reply.Code != action.JoinedLater {
			t.Errorf("%s: %q (%s)", name, reply.Code, reply.Message.Plain())
		}
		b.ask(account("alice", bot.Member), "withdraw "+string(id))
	}
	late("added to the group", func() { b.room.SetGroup("sec", "console/bob", "console/carol", "console/tara", "console/mia") }, account("mia", bot.Member))
	late("linked", func() {
		req := &bot.Request{Person: bot.Person{ID: "alice"}, Account: account("alice", bot.Member)}
		if err := bot.NewDecider(b.log, b.journal, b.people).Link(t.Context(), req, "console/bob3", "bob"); err != nil {
			t.Fatal(err)
		}
	}, account("bob3", bot.Member))
	late("given the role", func() {
		rules := b.people.Rules()
		rules.People = slices.Clone(rules.People)
		for i := range rules.People {
			if rules.People[i].ID == "gus" {
				rules.People[i].Roles = []bot.Role{"atlas-security"}
			}
		}
		if err := b.engine.Reload(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
	}, account("gus", bot.Member))

	id, _, _ := b.propose()
	if reply := b.ask(account("bob", bot.Member), "approve "+string(id)); reply.State != "decided" {
		t.Fatal(reply.Message.Plain())
	}
	rules := b.people.Rules()
	rules.People = slices.DeleteFunc(slices.Clone(rules.People), func(p bot.Person) bool { return p.ID == "bob" })
	if err := b.engine.Reload(t.Context(), rules); err != nil {
		t.Fatal(err)
	}
	b.ask(account("carol", bot.Member), "approve "+string(id))
	a, err := b.journal.Action(t.Context(), id)
	if err != nil || a.State != action.Proposed || !strings.Contains(a.Votes[0].Lost, "not") {
		t.Errorf("a vote of somebody who left counts: %s %+v %v", a.State, a.Votes, err)
	}
}

// TestOnePersonIsOneVote casts a second vote from another account of the same person.
func TestOnePersonIsOneVote(t *testing.T) {
	b := startBot(t, testConfig)
	id, _, _ := b.propose()
	if reply := b.ask(account("bob", bot.Member), "approve "+string(id)); reply.State != "decided" {
		t.Fatal(reply.Message.Plain())
	}
	if reply := b.ask(account("bob2", bot.Member), "approve "+string(id)); reply.Code != action.AlreadyCounted {
		t.Errorf("a second account: %s", reply.Message.Plain())
	}
}
