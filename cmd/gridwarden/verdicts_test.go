package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// running is the program in one of the modes.
type running interface {
	bottest.Bot
	program() *app
}

func (a *app) program() *app { return a }

// person drives the program as people do on its platform.
type person struct {
	running
	t *testing.T
	n int
}

// does delivers an event and waits until nothing is left to do; false where the
// platform has no such surface.
func (p *person) does(ev bot.Event) bool {
	p.t.Helper()
	p.n++
	ev.ID, ev.At = fmt.Sprintf("does%d", p.n), time.Now().UTC()
	if ids, ok := p.Platform().(interface{ NewID(bot.Thread) string }); ok && ev.Kind == bot.Typed {
		ev.Message = ids.NewID(ev.Thread)
	}
	err := p.Send(p.t.Context(), ev)
	if errors.Is(err, bottest.ErrNoSurface) {
		return false
	}
	if err = errors.Join(err, p.Idle(p.t.Context())); err != nil {
		p.t.Fatal(err)
	}
	return true
}

// types has somebody type in the security channel.
func (p *person) types(who bot.Account, text string) {
	p.t.Helper()
	p.does(bot.Event{Kind: bot.Typed, Account: who, Thread: channel, Value: text})
}

// proposes has alice ask for a ban, and returns the action and its card.
func (p *person) proposes() (id action.ID, home bot.Thread, card string) {
	p.t.Helper()
	p.types(account("alice", bot.Member), `ban "Naughty User" cryptominer`)
	journal := p.program().journal
	open, err := journal.OpenActions(p.t.Context())
	if err != nil || len(open) != 1 {
		p.t.Fatalf("not one proposal: %+v %v", open, err)
	}
	cards, err := journal.CardMessages(p.t.Context(), open[0].ID)
	if err == nil {
		home, err = bot.ParseThread(open[0].Home)
	}
	if card = cards[open[0].Home].Message; err != nil || card == "" {
		p.t.Fatalf("no card: %v %v", cards, err)
	}
	return open[0].ID, home, card
}

func (p *person) refusals() []audit.Record {
	p.t.Helper()
	records, err := p.program().journal.Records(p.t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Refused}})
	if err != nil {
		p.t.Fatal(err)
	}
	return records
}

// refusedSince gives the refusals behind those that were there before, and holds that
// each has the code; "": that there is none.
func (p *person) refusedSince(before int, what, code string) []audit.Record {
	p.t.Helper()
	refusals := p.refusals()[before:]
	if len(refusals) > 0 != (code != "") {
		p.t.Errorf("%s: %d refusals are recorded", what, len(refusals))
	}
	for _, r := range refusals {
		var body struct{ Code string }
		if err := json.Unmarshal(r.Body, &body); err != nil || body.Code != code {
			p.t.Errorf("%s: recorded as %s; want %s", what, r.Body, code)
		}
	}
	return refusals
}

// verdicts are what came of each attempt: by mode, surface and actor the code of
// the refusal, or that it was counted.
type verdicts struct {
	mu sync.Mutex
	by map[[3]string]string
}

func (v *verdicts) note(mode, surface, actor, verdict string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.by == nil {
		v.by = map[[3]string]string{}
	}
	v.by[[3]string{mode, surface, actor}] = verdict
}

const voteCounted = "counted"

// ways are the surfaces of a card, and what a person does there to approve it.
var ways = []struct {
	surface string
	event   func(id action.ID, home bot.Thread, card string) bot.Event
}{
	{"button", func(id action.ID, home bot.Thread, card string) bot.Event {
		return bot.Event{Kind: bot.Clicked, Thread: home, Target: card, Value: "approve:" + string(id)}
	}},
	{"reaction", func(_ action.ID, home bot.Thread, card string) bot.Event {
		return bot.Event{Kind: bot.Reacted, Thread: home, Target: card, Value: "white_check_mark"}
	}},
	{"typed", func(id action.ID, home bot.Thread, _ string) bot.Event {
		return bot.Event{Kind: bot.Typed, Thread: home, Value: "approve " + string(id)}
	}},
}

// groupConfig is testConfig with the group in the platform's own settings.
var groupConfig = strings.Replace(testConfig, "console: {trusted: true}", "console: {trusted: true, groups: {sec: [bob, carol, tara]}}", 1)

// judge has every actor try to approve by every surface of a mode.
func judge(t *testing.T, m mode, out *verdicts) {
	synctest.Test(t, func(t *testing.T) {
		p := &person{running: m.start(t, bottest.Setup{Files: map[string][]byte{"config.yaml": []byte(groupConfig)}}).(running), t: t}
		p.types(account("alice", bot.Member), "whoami") // the platform listens
		id, home, card := p.proposes()
		for _, way := range ways {
			for _, actor := range actors {
				if !m.can(way.surface, actor.who) {
					continue
				}
				before := len(p.refusals())
				ev := way.event(id, home, card)
				ev.Account = actor.who
				if !p.does(ev) { // there is no such surface
					break
				}
				out.note(m.name, way.surface, actor.name, p.judged(t, m.name+" by "+way.surface, id, p.refusals()[before:], actor.who, actor.want))
				a, err := p.program().journal.Action(t.Context(), id)
				if err != nil {
					t.Fatal(err)
				}
				if len(a.Votes) > 0 { // so that the next vote is the first one again
					p.types(account("alice", bot.Member), "withdraw "+string(id))
					id, home, card = p.proposes()
				}
			}
		}
	})
}

// judged holds what came of an attempt against what must come of it.
func (p *person) judged(t *testing.T, surface string, id action.ID, refusals []audit.Record, who bot.Account, want string) string {
	t.Helper()
	a, err := p.program().journal.Action(t.Context(), id)
	if err != nil || len(a.Votes) > 0 != (want == "") {
		t.Errorf("%s, %+v: votes %v, %v", surface, who, a.Votes, err)
	}
	if len(refusals) > 0 != (want != "") {
		t.Errorf("%s, %+v: %d refusals are recorded", surface, who, len(refusals))
	}
	verdict := voteCounted
	for _, r := range refusals {
		var body struct{ Code, Why, Said string }
		if err := json.Unmarshal(r.Body, &body); err != nil || body.Code != want || body.Why+body.Said == "" {
			t.Errorf("%s, %+v: recorded as %s, want %s", surface, who, r.Body, want)
		}
		if r.Account != who.Key() {
			t.Errorf("%s, %+v: recorded as that of %s", surface, who, r.Account)
		}
		verdict = body.Code
	}
	return verdict
}

// commandLine is the mode of `gridwarden run` beside the running bot.
const commandLine = "command line"

// judgeCommandLine has everybody who has an account there approve by `gridwarden run`.
func judgeCommandLine(t *testing.T, out *verdicts) {
	b := startBot(t, testConfig)
	file := written(t, b.file, testConfig)
	id, _, _ := b.propose()
	for _, actor := range actors {
		if actor.who.Standing != bot.Member { // an account of the operating system
			continue
		}
		args := []string{"run", "--config", file, "--as", actor.who.ID, "approve", string(id)}
		who := actor.who
		if who.ID == "zoe" { // whoever started the tests is none of the people
			args = slices.Delete(args, 3, 5)
		}
		before := len(b.records(audit.Refused))
		gridwarden(t, args...)
		refusals := b.records(audit.Refused)[before:]
		if len(refusals) > 0 && who.ID == "zoe" {
			_, who.ID, _ = strings.Cut(refusals[0].Account, "/")
		}
		p := &person{running: &memoryBot{app: b.app, room: b.room}, t: t}
		out.note(commandLine, "run", actor.name, p.judged(t, commandLine, id, refusals, who, actor.want))
		if a, err := b.journal.Action(t.Context(), id); err != nil || len(a.Votes) > 0 {
			b.withdraw(id)
			id, _, _ = b.propose()
		}
	}
	b.withdraw(id)
}

// TestVerdictTable holds that who may approve does not depend on the platform,
// its mode or the surface: a press, a reaction, the typed word and the command
// line are checked alike. Every refusal is recorded with its reason.
func TestVerdictTable(t *testing.T) {
	var v verdicts
	for _, mode := range modes {
		t.Run(mode.name, func(t *testing.T) { judge(t, mode, &v) })
	}
	t.Run(commandLine, func(t *testing.T) { judgeCommandLine(t, &v) })
	if t.Failed() {
		return
	}
	pageMatches(t, "verdicts", v.table(t))
}
