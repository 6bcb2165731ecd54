package main

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
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
	send func(bot.Event) error // how its platform takes what people do
	n    int
}

func startBot(t *testing.T, yaml string) *testBot {
	t.Helper()
	return startBotIn(t, t.TempDir(), yaml)
}

// startBotIn starts it where a journal may be already.
func startBotIn(t *testing.T, dir, yaml string) *testBot {
	t.Helper()
	file := filepath.Join(dir, "gridwarden.yaml")
	cfg, err := config.Parse(file, []byte(yaml), dir)
	if err != nil {
		t.Fatal(err)
	}
	b := &testBot{t: t, file: file, room: bottest.NewMemory("console")}
	b.send = func(ev bot.Event) error { return b.room.Send(t.Context(), ev) }
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
	// Once it listens, it has looked for what an earlier process left unanswered;
	// a request of before that would be taken for left over, too.
	b.deliver(bot.Event{Kind: bot.Reacted, Account: account("alice", bot.Member), Target: "nothing", Value: "eyes"})
	return b
}

func account(id string, standing bot.Standing) bot.Account {
	return bot.Account{Platform: "console", ID: id, Name: id, Standing: standing}
}

// ask types a line in the security channel and returns the reply.
func (b *testBot) ask(who bot.Account, line string) bot.Reply {
	b.t.Helper()
	b.n++
	return b.do(bot.Event{Kind: bot.Typed, Account: who, Value: line, Message: fmt.Sprintf("asked%d", b.n)})
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

// deliver does something on the platform and waits until nothing is left to do.
func (b *testBot) deliver(ev bot.Event) {
	b.t.Helper()
	b.n++
	ev.ID, ev.At = fmt.Sprintf("ev%d", b.n), time.Now().UTC()
	if ev.Thread == (bot.Thread{}) {
		ev.Thread = channel
	}
	if ev.Kind == bot.Typed && b.room != nil {
		ev.Message = b.room.NewID(ev.Thread)
	}
	if err := b.send(ev); err != nil {
		b.t.Fatal(err)
	}
	if err := b.engine.Idle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// propose has alice ask for a ban and returns the action and its card.
func (b *testBot) propose() (action.ID, bot.Thread, string) {
	b.t.Helper()
	b.deliver(bot.Event{Kind: bot.Typed, Account: account("alice", bot.Member), Value: `ban "Naughty User" cryptominer`})
	open, err := b.journal.OpenActions(b.t.Context())
	if err != nil || len(open) != 1 {
		b.t.Fatalf("not one proposal: %+v %v", open, err)
	}
	a := open[0]
	cards, err := b.journal.CardMessages(b.t.Context(), a.ID)
	if err != nil || cards[a.Home].Message == "" {
		b.t.Fatalf("no card: %v %v", cards, err)
	}
	home, err := bot.ParseThread(a.Home)
	if err != nil {
		b.t.Fatal(err)
	}
	return a.ID, home, cards[a.Home].Message
}

func (b *testBot) withdraw(id action.ID) {
	b.t.Helper()
	if reply := b.ask(account("alice", bot.Member), "withdraw "+string(id)); reply.State != "decided" {
		b.t.Fatal(reply.Message.Plain())
	}
}

func (b *testBot) records(kinds ...audit.Kind) []audit.Record {
	b.t.Helper()
	records, err := b.journal.Records(b.t.Context(), bot.RecordFilter{Kinds: kinds})
	if err != nil {
		b.t.Fatal(err)
	}
	return records
}

// actor is somebody who tries to decide, with the code of the refusal to approve.
type actor struct {
	name string
	who  bot.Account
	want string // "" for counted
}

// approves is what comes of it when the actor approves.
func (a actor) approves() string { return cmp.Or(a.want, voteCounted) }

// actors are everybody who may try.
var actors = []actor{
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
		b.withdraw(id)
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

// TestABanIsAccountedFor follows one ban from the proposal to the proof that it
// holds, with everybody who must not vote trying to: it is applied once, every
// change has one record, every refusal has its reason in the log, and the log verifies.
func TestABanIsAccountedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := startBot(t, testConfig)
		id, home, card := b.propose()
		react := func(who bot.Account) {
			b.deliver(bot.Event{Kind: bot.Reacted, Account: who, Thread: home, Target: card, Value: "+1"})
		}
		typed := func(who bot.Account) {
			b.deliver(bot.Event{Kind: bot.Typed, Account: who, Thread: home, Value: "approve " + string(id)})
		}
		react(account("alice", bot.Member))
		react(account("bob", bot.Member))
		typed(account("bob2", bot.Member))
		react(account("zoe", bot.Member))
		typed(account("carol", bot.Guest))
		react(account("carol", bot.Bot))
		typed(account("carol", bot.Member))
		typed(account("carol", bot.Member))
		time.Sleep(time.Minute) // the front ends know, and it was looked at
		if err := b.engine.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}

		a, err := b.journal.Action(t.Context(), id)
		if err != nil || a.State != action.Settled || !a.Progress.Complete || len(a.Steps) != 1 || len(a.Votes) != 2 {
			t.Fatalf("%s with %d votes after %d steps: %+v, %v", a.State, len(a.Votes), len(a.Steps), a.Progress, err)
		}
		if a.Votes[0].Surface != "reaction" || a.Votes[1].Surface != "typed" {
			t.Errorf("votes: %+v", a.Votes)
		}
		if got := b.ask(account("alice", bot.Member), "bans").Message.Plain(); strings.Count(got, "Naughty User") != 1 || !strings.Contains(got, "approved by bob and carol") {
			t.Errorf("bans: %s", got)
		}

		about, err := b.journal.Records(t.Context(), bot.RecordFilter{Subject: "action/" + string(id)})
		if err != nil {
			t.Fatal(err)
		}
		var kinds []audit.Kind
		for i, r := range about {
			if r.Version != i+1 || r.Hash == "" {
				t.Errorf("change %d is recorded as version %d: %s", i+1, r.Version, r.Kind)
			}
			if r.Kind != audit.Verified {
				kinds = append(kinds, r.Kind)
			}
		}
		if want := []audit.Kind{audit.Proposed, audit.Approved, audit.QuorumReached, audit.Started, audit.Applied, audit.Settled}; !slices.Equal(kinds, want) || len(about) != a.Version {
			t.Errorf("%d records of %d changes: %q, want %q", len(about), a.Version, kinds, want)
		}

		var refused []string
		for _, r := range b.records(audit.Refused) {
			var body struct{ Code, Said string }
			if err := json.Unmarshal(r.Body, &body); err != nil {
				t.Fatal(err)
			}
			if body.Said != "" { // what the person was told; the action's own record says which verdict
				refused = append(refused, r.Account+" "+body.Code)
			}
		}
		if want := []string{
			"console/alice own-request", "console/bob2 already-counted", "console/zoe unknown-person",
			"console/carol standing", "console/carol standing", "console/carol decided",
		}; !slices.Equal(refused, want) {
			t.Errorf("refused: %q, want %q", refused, want)
		}
		if r, err := b.journal.Verify(t.Context()); err != nil || !r.Sound() || r.Subjects != 1 {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// TestAJournalThatIsLocked refuses a command with a sentence and leaves nothing
// of it behind.
func TestAJournalThatIsLocked(t *testing.T) {
	t.Parallel() // SQLite waits 5 s for a lock
	cfg, dir := recorded(t)
	before := ok(t, "audit", "export", "--config", cfg)
	db, err := sql.Open("sqlite", filepath.Join(dir, "gridwarden.db"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // which holds the lock
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "ban", "Ivan Petrov", "cryptominer")
	if got.status != exitFailed || got.out != "" {
		t.Errorf("%+v", got)
	}
	contains(t, "the refusal", got.err, "gridwarden cannot write its journal (another program has it locked): nothing was run. Ask again in a minute")
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	if after := ok(t, "audit", "export", "--config", cfg); after != before {
		t.Errorf("something was half-written:\n%s\nbefore:\n%s", after, before)
	}
	asked(t, cfg, "alice", "whois", "jdoe")
}

// TestANewerJournalIsRefused has every sub-command that would write leave it alone.
func TestANewerJournalIsRefused(t *testing.T) {
	cfg, dir := recorded(t)
	tamper(t, dir, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	before := ok(t, "audit", "export", "--config", cfg)
	for _, args := range [][]string{
		{"run", "--config", cfg, "--as", "alice", "whois", "jdoe"},
		{"serve", "--config", cfg},
		{"audit", "show", "--config", cfg},
		{"audit", "prove", "--config", cfg, "1"},
		{"audit", "erase", "--config", cfg, "--yes", "--reason", "retention", "1"},
	} {
		got := gridwarden(t, args...)
		if got.status == exitOK || !strings.Contains(got.err, "written by a newer gridwarden") {
			t.Errorf("%q: %+v", args, got)
		}
	}
	if after := ok(t, "audit", "export", "--config", cfg); after != before {
		t.Error("something was written")
	}
}

// TestAForgedVoteStartsNothing writes carol's vote into the database: bob's,
// which would be the second one, is refused, and the verification names the place.
func TestAForgedVoteStartsNothing(t *testing.T) {
	b := startBot(t, testConfig)
	id, _, _ := b.propose()
	tamper(t, filepath.Dir(b.file), fmt.Sprintf("INSERT INTO vote VALUES ('%s', 0, 'carol', 'console/carol', 'button', '2026-06-24T12:00:00Z', '')", id))
	reply := b.ask(account("bob", bot.Member), "approve "+string(id))
	if reply.State != "refused" || !strings.Contains(reply.Message.Plain(), "gridwarden audit verify") {
		t.Errorf("%s: %s", reply.State, reply.Message.Plain())
	}
	if a, err := b.journal.Action(t.Context(), id); err != nil || a.State != action.Proposed {
		t.Errorf("%s, %v", a.State, err)
	}
	if r, err := b.journal.Verify(t.Context()); err != nil || r.Sound() || !strings.Contains(strings.Join(r.Problems, "\n"), "action/"+string(id)) {
		t.Errorf("%v: %q", err, r.Problems)
	}
}

// TestMoreAccountsAreNoMoreCommands asks with two accounts of one person.
func TestMoreAccountsAreNoMoreCommands(t *testing.T) {
	b := startBot(t, strings.Replace(testConfig, "per_person_per_minute: 100000", "per_person_per_minute: 2", 1))
	for i, who := range []string{"bob", "bob2", "bob", "bob2"} {
		if reply := b.ask(account(who, bot.Member), "whoami"); (reply.Code == "rate") != (i >= 2) {
			t.Errorf("command %d, by %s: %q %s", i+1, who, reply.Code, reply.Message.Plain())
		}
	}
}
