package bot_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// hall is an engine on a platform in memory, with a few small commands. It
// lives in a synctest bubble.
type hall struct {
	*testing.T
	path    string // of the journal
	engine  *bot.Engine
	journal *faulty
	people  *bot.People
	memory  *bottest.Memory
	nasty   *bottest.Nasty
	events  int
	meter   bot.Meter    // nil: nothing is counted
	logs    slog.Handler // nil: the test's own output

	plan    func() // what planning a zap waits for; nil for nothing
	long    func(context.Context, *bot.Request) (bot.Message, error)
	ran     atomic.Int32 // ask
	applied atomic.Int32 // zap
	apply   atomic.Pointer[func() (action.Outcome, error)]
	verify  atomic.Pointer[func() (action.Progress, error)]
}

func zapped() (action.Outcome, error) { return action.Outcome{Said: "zapped", Done: true}, nil }

func seen() (action.Progress, error) {
	return action.Progress{Said: "seen", Settled: true, Complete: true}, nil
}

// zaps says from now on how zap is applied and verified.
func (h *hall) zaps(apply func() (action.Outcome, error), verify func() (action.Progress, error)) {
	h.apply.Store(&apply)
	h.verify.Store(&verify)
}

// process opens the journal as a process of its own would.
func (h *hall) process() bot.Journal { return h.processOf("") }

// processOf opens it as the process that holder names.
func (h *hall) processOf(holder string) bot.Journal {
	h.Helper()
	j, err := journal.Open(h.Context(), journal.Config{SQLite: h.path}, journal.Options{Holder: holder})
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() {
		if err := j.Close(); err != nil {
			h.Error(err)
		}
	})
	return j
}

// faulty is a journal that fails where it is told to.
type faulty struct {
	bot.Journal

	mu      sync.Mutex
	failing map[string]error // by method
}

func (f *faulty) fail(method string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failing[method] = err
}

func (f *faulty) trouble(method string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failing[method]
}

func (f *faulty) Receive(ctx context.Context, request string, ev bot.Event, at time.Time) (bool, error) {
	if err := f.trouble("Receive"); err != nil {
		return false, err
	}
	fresh, err := f.Journal.Receive(ctx, request, ev, at)
	if lost := f.trouble("Received"); lost != nil { // it is stored and nobody learns of it
		return false, lost
	}
	return fresh, err
}

func (f *faulty) Present(ctx context.Context, until time.Time) error {
	if err := f.trouble("Present"); err != nil {
		return err
	}
	return f.Journal.Present(ctx, until)
}

func (f *faulty) NextDeliveries(ctx context.Context, at time.Time, lease time.Duration, limit int) ([]bot.Delivery, error) {
	if err := f.trouble("NextDeliveries"); err != nil {
		return nil, err
	}
	return f.Journal.NextDeliveries(ctx, at, lease, limit)
}

func (f *faulty) DueWork(ctx context.Context, at time.Time, lease time.Duration, limit int) ([]bot.DueWork, error) {
	if err := f.trouble("DueWork"); err != nil {
		return nil, err
	}
	return f.Journal.DueWork(ctx, at, lease, limit)
}

func (f *faulty) Write(ctx context.Context, fx action.Effects) error {
	if err := f.trouble("Write"); err != nil {
		return err
	}
	return f.Journal.Write(ctx, fx)
}

func (f *faulty) Finish(ctx context.Context, request string, fx action.Effects) (bool, error) {
	if err := f.trouble("Finish"); err != nil {
		return false, err
	}
	return f.Journal.Finish(ctx, request, fx)
}

// security is where everybody of the hall speaks.
var security = bot.Thread{Platform: "memory", Channel: "security"}

func hallRules() bot.Rules {
	member := func(id, institute string, roles ...bot.Role) bot.Person {
		return bot.Person{ID: action.PersonID(id), Institute: institute, Roles: roles, Accounts: []string{"memory/" + id}}
	}
	return bot.Rules{
		People: []bot.Person{member("alice", "CERN", "shifter"), member("bob", "KIT", "security"), member("carol", "BNL", "security")},
		Policies: map[string]action.Policy{
			"zap": {Approvals: []action.Need{{Role: "security", Count: 2}}, Expires: 4 * time.Hour, StartBy: 5 * time.Minute},
		},
		Channels: []bot.Channel{
			{Platform: "memory", Name: "security", Commands: []string{"all"}, PersonalData: true},
			{Platform: "memory", Name: "lounge", Commands: []string{"ask"}},
			{Platform: "memory", Name: "hall", Commands: []string{"all"}, PersonalData: true},
		},
		Security: security,
		Limits:   bot.Limits{PerPerson: 1000, PerChannel: 1000},
	}
}

// inHall runs f in a bubble with a hall that is not open yet.
func inHall(t *testing.T, f func(t *testing.T, h *hall)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := &hall{
			T: t, path: filepath.Join(dir, "journal.db"), memory: bottest.NewMemory("memory"),
			people: bot.NewPeople(hallRules(), nil),
		}
		h.journal = &faulty{Journal: h.processOf("test"), failing: map[string]error{}}
		h.zaps(zapped, seen)
		h.nasty = bottest.NewNasty(h.memory)
		f(t, h)
	})
}

// open starts an engine; stopping it is a stop of the program.
func (h *hall) open() (stop func()) {
	h.Helper()
	var leave func()
	h.engine, leave = h.start(h.journal, "test", h.nasty, nil)
	return leave
}

// start starts the engine of a process that listens on a platform.
func (h *hall) start(j bot.Journal, holder string, platform bot.Platform, dead func(string) bool) (engine *bot.Engine, stop func()) {
	h.Helper()
	log := slog.New(slog.NewTextHandler(h.Output(), nil))
	if h.logs != nil {
		log = slog.New(h.logs)
	}
	d := bot.NewDecider(log, j, h.people)
	engine, err := bot.New(bot.Parts{
		Log: log, Journal: j, People: h.people, Decider: d,
		Commands: h.commands(d), Platforms: []bot.Platform{platform}, Holder: holder, Dead: dead, Meter: h.meter,
	})
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- engine.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.Error(err)
		}
		if err := engine.Leave(context.Background()); err != nil {
			h.Error(err)
		}
	})
	h.Cleanup(stop)
	return engine, stop
}

func (h *hall) commands(d *bot.Decider) []bot.Command {
	command := func(c bot.Command) bot.Command {
		c.Summary, c.Example = c.Name, c.Name
		return c
	}
	decide := func(name string, verdict action.Verdict) bot.Command {
		return command(bot.Command{Name: name, Decision: true, Run: func(ctx context.Context, r *bot.Request) (bot.Message, error) {
			return d.Decide(ctx, r, action.ID(r.Args()[0]), verdict, strings.Join(r.Args()[1:], " "))
		}})
	}
	return []bot.Command{
		command(bot.Command{Name: "ask", Run: func(_ context.Context, r *bot.Request) (bot.Message, error) {
			h.ran.Add(1)
			return bot.Say("answer to %s, personal %t", strings.Join(r.Args(), " "), r.Personal), nil
		}}),
		command(bot.Command{
			Name: "read", Pasted: true, Role: bot.Shifter,
			Excerpt: func(text string) string {
				_, id, _ := strings.Cut(text, "PandaID=")
				return id[:min(len(id), 4)]
			},
			Run: func(_ context.Context, r *bot.Request) (bot.Message, error) {
				file, kept := bot.FromFile(strings.Join(r.Args(), " "))
				return bot.Say("found %s in %q", kept, file), nil
			},
		}),
		command(bot.Command{
			Name: "watch",
			Run: func(context.Context, *bot.Request) (bot.Message, error) {
				m := bot.Say("watching")
				m.Again = &bot.Again{At: time.Now().Add(time.Minute)}
				return m, nil
			},
			Again: func(_ context.Context, r *bot.Request, _ []byte) (bot.Message, error) {
				return bot.Say("something new, personal %t", r.Personal), nil
			},
		}),
		command(bot.Command{Name: "slow", Run: func(ctx context.Context, _ *bot.Request) (bot.Message, error) {
			<-ctx.Done()
			return bot.Message{}, ctx.Err()
		}}),
		command(bot.Command{Name: "long", Run: func(ctx context.Context, r *bot.Request) (bot.Message, error) { return h.long(ctx, r) }}),
		command(bot.Command{Name: "boom", Run: func(context.Context, *bot.Request) (bot.Message, error) { panic("boom") }}),
		command(bot.Command{
			Name: "zap",
			Plan: func(_ context.Context, r *bot.Request) (action.Plan, error) {
				name := strings.Join(r.Args(), " ")
				if h.plan != nil {
					h.plan()
				}
				return action.Plan{Target: action.Target{Kind: "user", Name: name, Key: name}, Will: []string{"zap"}}, nil
			},
			Apply: func(context.Context, action.Action) (action.Outcome, error) {
				h.applied.Add(1)
				return (*h.apply.Load())()
			},
			Verify: func(context.Context, action.Action) (action.Progress, error) { return (*h.verify.Load())() },
		}),
		decide("approve", action.Approve), decide("deny", action.Deny), decide("withdraw", action.TakeBack),
	}
}

// typed is an event of somebody who types in the security channel now.
func (h *hall) typed(who, line string) bot.Event {
	h.events++
	return bot.Event{
		ID: fmt.Sprintf("ev%d", h.events), Kind: bot.Typed, Thread: security, Value: line, At: time.Now().UTC(), Message: h.memory.NewID(security),
		Account: bot.Account{Platform: "memory", ID: who, Name: who, Standing: bot.Member},
	}
}

// about is an event about a message of the bot.
func (h *hall) about(kind bot.Kind, said bottest.Said) bot.Event {
	ev := h.typed("mallory", "")
	ev.Kind, ev.Message, ev.Target, ev.Thread = kind, "", said.ID, said.Thread
	return ev
}

// send delivers an event and gives what was said because of it.
func (h *hall) send(ev bot.Event) []bottest.Said {
	h.Helper()
	before := len(h.memory.Said())
	if err := h.memory.Send(h.Context(), ev); err != nil {
		h.Fatal(err)
	}
	return h.since(before)
}

// since waits for quiet and gives what was said after the first n things.
func (h *hall) since(n int) []bottest.Said {
	h.Helper()
	if err := h.engine.Idle(h.Context()); err != nil {
		h.Fatal(err)
	}
	synctest.Wait()
	return h.memory.Said()[n:]
}

func (h *hall) says(who, line string) []bottest.Said {
	h.Helper()
	return h.send(h.typed(who, line))
}

// do gives the reply to a line that is not posted.
func (h *hall) do(who, line string) bot.Reply {
	h.Helper()
	reply, err := h.engine.Do(h.Context(), h.typed(who, line))
	if err != nil {
		h.Fatal(err)
	}
	return reply
}

// propose has alice ask for something destructive.
func (h *hall) propose() action.ID {
	h.Helper()
	h.says("alice", "zap target")
	open, err := h.journal.OpenActions(h.Context())
	if err != nil || len(open) != 1 {
		h.Fatalf("open actions: %v, %v", open, err)
	}
	return open[0].ID
}

func (h *hall) action(id action.ID) action.Action {
	h.Helper()
	a, err := h.journal.Action(h.Context(), id)
	if err != nil {
		h.Fatal(err)
	}
	return a
}

// card is the latest showing of an action's card in the security channel.
func (h *hall) card(id action.ID) bottest.Said {
	h.Helper()
	for _, s := range slices.Backward(h.memory.Said()) {
		if s.Message.Card == id {
			return s
		}
	}
	h.Fatalf("no card of %s was shown", id)
	return bottest.Said{}
}

// records counts the audit records of a kind.
func (h *hall) records(kind audit.Kind) int {
	h.Helper()
	records, err := h.journal.Records(h.Context(), bot.RecordFilter{Kinds: []audit.Kind{kind}, Limit: 1000})
	if err != nil {
		h.Fatal(err)
	}
	return len(records)
}

// text is what was said, a line each.
func text(said []bottest.Said) string {
	var out []string
	for _, s := range said {
		out = append(out, string(s.How)+" "+strings.Join(bottest.Lines(s.Message), "\n"))
	}
	return strings.Join(out, "\n")
}

// wants fails unless what was said holds each part.
func (h *hall) wants(said []bottest.Said, parts ...string) {
	h.Helper()
	for _, part := range parts {
		if !strings.Contains(text(said), part) {
			h.Errorf("%q was not said:\n%s", part, text(said))
		}
	}
}

// broken is an error that a journal gives for people.
var broken = &bot.Problem{Code: "unavailable", Sentence: "gridwarden cannot write its journal (disk full): nothing was run.", Cause: errors.New("full")}
