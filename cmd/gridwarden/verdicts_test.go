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

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// running is the program in one of the modes.
type running interface {
	bottest.Bot
	program() *app
	speakBy(address string)
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
	sent := p.sends(ev)
	if sent {
		p.rests()
	}
	return sent
}

// sends delivers an event; false where the platform has no such surface.
func (p *person) sends(ev bot.Event) bool {
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
	if err != nil {
		p.t.Fatal(err)
	}
	return true
}

// rests waits until nothing is left to do.
func (p *person) rests() {
	p.t.Helper()
	if err := p.Idle(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
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

// manyRefusals is more than come of what is done at once.
const manyRefusals = 64

// refused gives the latest refusals, in order.
func (p *person) refused() []audit.Record {
	p.t.Helper()
	records, err := p.program().journal.Records(p.t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Refused}, Latest: true, Limit: manyRefusals})
	if err != nil {
		p.t.Fatal(err)
	}
	return records
}

// refusedSince gives the refusals behind those that were the latest before.
func (p *person) refusedSince(before []audit.Record) []audit.Record {
	p.t.Helper()
	now := p.refused()
	return slices.DeleteFunc(now, func(r audit.Record) bool {
		return slices.ContainsFunc(before, func(b audit.Record) bool { return b.ID == r.ID })
	})
}

// refusedAs is refusedSince, and holds that each has the code; "": that there is none.
func (p *person) refusedAs(before []audit.Record, what, code string) []audit.Record {
	p.t.Helper()
	refusals := p.refusedSince(before)
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

// ballot is one kind of decision, and what must come of it.
type ballot struct {
	who     string // as docs/platforms.md asks
	verdict string
	reason  string
	by      []string // surfaces
	voted   string   // the surface of the approver's vote that stands before, "" for none
	want    func(actor string, approves string) string
}

// What comes of an attempt that is not refused.
const (
	voteCounted  = "counted"
	nothingComes = "nothing" // and nobody is told anything
)

// ballots are all decisions on an action. Who has no full account that is known is
// refused whatever it is.
var ballots = []ballot{
	{"who approves", "approve", "", []string{onButton, onReaction, onTyped, onMarked, onSlash, onRun}, "", func(_, approves string) string { return approves }},
	{"who denies, with a reason", "deny", "wrong person", []string{onForm, onTyped, onMarked, onSlash, onRun}, "", mayDeny(voteCounted)},
	{"who denies without a reason", "deny", "", []string{onForm, onReaction, onRun}, "", mayDeny(action.NeedsReason)},
	{"who withdraws", "withdraw", "", []string{onTyped, onSlash, onRun}, onTyped, func(actor, approves string) string {
		switch actor {
		case "approver", "requester": // the vote, the action
			return voteCounted
		}
		return known(approves, action.NothingToTake)
	}},
	{"who takes a reaction away", "withdraw", "", []string{onTaking}, onReaction, func(actor, approves string) string {
		if actor == "approver" {
			return voteCounted
		}
		return known(approves, nothingComes)
	}},
}

// mayDeny: who may approve may deny, with a reason.
func mayDeny(approver string) func(actor, approves string) string {
	return func(_, approves string) string {
		switch approves {
		case voteCounted:
			return approver
		case action.NotEligible:
			return action.MayNotDeny
		}
		return approves
	}
}

// known is what comes of it when somebody known tries who has no say.
func known(approves, code string) string {
	if approves == "standing" || approves == "unknown-person" {
		return approves
	}
	return code
}

// verdicts are the attempts that came out as they must: by ballot, mode, surface
// and actor.
type verdicts struct {
	mu    sync.Mutex
	tried map[[4]string]bool
}

func (v *verdicts) note(b ballot, mode, surface, actor string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.tried == nil {
		v.tried = map[[4]string]bool{}
	}
	v.tried[[4]string{b.who, mode, surface, actor}] = true
}

// whole reports whether every mode was tried, and not only some that were asked for.
func (v *verdicts) whole() bool {
	tried := map[string]bool{}
	for key := range v.tried {
		tried[key[1]] = true
	}
	return len(tried) == len(modes)+1 // the command line
}

// groupConfig is testConfig with the group in the platform's own settings.
var groupConfig = strings.Replace(testConfig, "console: {trusted: true}", "console: {trusted: true, groups: {sec: [bob, carol, tara]}}", 1)

// judge has every actor try every decision by every surface of a mode.
func judge(t *testing.T, m mode, out *verdicts) {
	synctest.Test(t, func(t *testing.T) {
		p := &person{running: m.start(t, bottest.Setup{Files: map[string][]byte{"config.yaml": []byte(groupConfig)}}).(running), t: t}
		p.types(account("alice", bot.Member), "whoami") // the platform listens
		var d decided
		for _, b := range ballots {
			for _, surface := range b.by {
				if surface == onRun {
					continue
				}
				// Members who are not counted change nothing: all of them try, and then it is looked
				// at. Another standing is that of somebody's account for a moment only.
				var together []actor
				for _, a := range actors {
					switch {
					case !m.can(surface, a.who):
					case a.who.Standing == bot.Member && b.want(a.name, a.approves()) != voteCounted:
						together = append(together, a)
					default:
						d = p.judges(d, m.name, b, surface, []actor{a}, out)
					}
				}
				d = p.judges(d, m.name, b, surface, together, out)
			}
		}
	})
}

// judges has some actors try a decision by a surface, where there is one, and
// holds what came of it against what must come of it.
func (p *person) judges(d decided, mode string, b ballot, surface string, who []actor, out *verdicts) decided {
	p.t.Helper()
	d = p.ready(d, b)
	if surface == onTaking { // it stands, whatever came of it
		for _, a := range who {
			p.decides(d, onReaction, "approve", "", a.who)
		}
		p.rests()
	}
	before, was := p.refused(), p.action(d.id)
	var want []string
	for _, a := range who {
		if !p.decides(d, surface, b.verdict, b.reason, a.who) {
			return d
		}
		if code := b.want(a.name, a.approves()); code != voteCounted && code != nothingComes {
			want = append(want, a.who.Key()+" "+code)
		}
	}
	p.rests()
	what := mode + ", " + b.who + " by " + surface
	p.judged(what, was, before, want, len(who) == 1 && len(want) == 0 && b.want(who[0].name, who[0].approves()) == voteCounted)
	for _, a := range who {
		out.note(b, mode, surface, a.name)
	}
	return d
}

// decides has somebody decide by a surface; false where there is none.
func (p *person) decides(d decided, surface, verdict, reason string, who bot.Account) bool {
	p.t.Helper()
	ev, address := d.by(surface, verdict, reason)
	ev.Account = who
	p.speakBy(address)
	defer p.speakBy("")
	return p.sends(ev)
}

func (p *person) action(id action.ID) action.Action {
	p.t.Helper()
	a, err := p.program().journal.Action(p.t.Context(), id)
	if err != nil {
		p.t.Fatal(err)
	}
	return a
}

// ready gives an action on which the approver's vote stands, or none, as the
// ballot needs it: the one of before, unless that is over.
func (p *person) ready(d decided, b ballot) decided {
	p.t.Helper()
	bob := account("bob", bot.Member)
	if d.id == "" || p.action(d.id).State != action.Proposed {
		d.id, d.home, d.card = p.proposes()
	}
	votes := p.action(d.id).Votes
	if len(votes) > 0 && votes[0].Surface != b.voted {
		p.types(bob, "withdraw "+string(d.id))
		votes = nil
	}
	if len(votes) == 0 && b.voted != "" {
		p.decides(d, b.voted, "approve", "", bob)
		p.rests()
	}
	return d
}

// judged holds that these refusals are recorded, each as an account and a code,
// and no others; and whether the action is another one than it was.
func (p *person) judged(what string, was action.Action, before []audit.Record, want []string, counted bool) {
	p.t.Helper()
	var got []string
	for _, r := range p.refusedSince(before) {
		var body struct{ Code, Why, Said string }
		if err := json.Unmarshal(r.Body, &body); err != nil || body.Why+body.Said == "" {
			p.t.Errorf("%s: recorded as %s: %v", what, r.Body, err)
		}
		if body.Said != "" { // what the person was told; the action's own record says which verdict
			got = append(got, r.Account+" "+body.Code)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		p.t.Errorf("%s: refused (-want +got)\n%s", what, diff)
	}
	if is := p.action(was.ID); counted != (len(is.Votes) != len(was.Votes) || is.State != was.State) {
		p.t.Errorf("%s: %s with %d votes, and then %s with %d", what, was.State, len(was.Votes), is.State, len(is.Votes))
	}
}

// commandLine is the mode of `gridwarden run` beside the running bot.
const commandLine = "command line"

// judgeCommandLine has everybody who has an account there decide by `gridwarden run`.
func judgeCommandLine(t *testing.T, out *verdicts) {
	running := startBot(t, testConfig)
	file := written(t, running.file, testConfig)
	p := &person{running: &memoryBot{power: &power{app: running.app}, room: running.room}, t: t}
	var d decided
	for _, b := range ballots {
		if !slices.Contains(b.by, onRun) {
			continue
		}
		for _, actor := range actors {
			if actor.who.Standing != bot.Member { // an account of the operating system
				continue
			}
			d = p.ready(d, b)
			who := actor.who
			args := []string{"run", "--config", file, "--as", who.ID, b.verdict, string(d.id)}
			if who.ID == "zoe" { // whoever started the tests is none of the people
				args = slices.Delete(args, 3, 5)
			}
			if b.reason != "" {
				args = append(args, b.reason)
			}
			before, was := p.refused(), p.action(d.id)
			gridwarden(t, args...)
			if refusals := p.refusedSince(before); len(refusals) > 0 && who.ID == "zoe" {
				_, who.ID, _ = strings.Cut(refusals[0].Account, "/")
			}
			code := b.want(actor.name, actor.approves())
			var want []string
			if code != voteCounted {
				want = []string{who.Key() + " " + code}
			}
			p.judged(commandLine+", "+b.who+": "+actor.name, was, before, want, code == voteCounted)
			out.note(b, commandLine, onRun, actor.name)
		}
	}
}

// TestVerdictTable holds that who may approve, deny and withdraw does not depend
// on the platform, its mode or the surface: a press, a form, a reaction and its
// removal, the typed word, the slash command and the command line are checked
// alike. Every refusal is recorded with its reason.
func TestVerdictTable(t *testing.T) {
	var v verdicts
	t.Run("tries", func(t *testing.T) {
		for _, mode := range modes {
			t.Run(mode.name, func(t *testing.T) {
				t.Parallel()
				judge(t, mode, &v)
			})
		}
		t.Run(commandLine, func(t *testing.T) { judgeCommandLine(t, &v) })
	})
	if t.Failed() || !v.whole() {
		return
	}
	pageMatches(t, "surfaces", v.surfaces())
	pageMatches(t, "verdicts", v.table())
}
