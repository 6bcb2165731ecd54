package bottest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gridwarden/gridwarden/bot"
)

// Bot is a built bot on one platform.
type Bot interface {
	// Send delivers an event as the platform would: it returns once the event
	// is in the inbox. Platform and workspace of the account and the thread are
	// filled in by Send where the runner cannot know them, and so is Message of
	// a typed event on a platform that has no NewID.
	Send(ctx context.Context, ev bot.Event) error
	Platform() Watched
	// Idle returns when everything that was asked is answered and said.
	Idle(ctx context.Context) error
}

// ErrNoSurface is what Send returns, perhaps wrapped, of an event that nobody
// can make on this platform in this mode, such as a press where there are no
// buttons. The runner then types what the message offered beside the button.
var ErrNoSurface = errors.New("bottest: this platform has no such surface now")

// Played is what a transcript did on a platform.
type Played struct {
	File  string
	Steps []Acted // those in which somebody did something
	// Unsaid are the lines of messages that may be said and were not.
	Unsaid []int
}

// Acted is one step: which surface it names, and which was used.
type Acted struct {
	Line        int
	Step        string
	Named, Used Surface
}

// Surface is where a person acts.
type Surface string

// The surfaces.
const (
	ByTyping   Surface = "typed"
	ByButton   Surface = "button"
	ByReaction Surface = "reaction"
)

// Regrouper is a Bot whose platform has groups that a transcript can change.
type Regrouper interface {
	// SetGroup gives a group the accounts of these names, and no others.
	SetGroup(ctx context.Context, group string, names ...string) error
}

// Setup is what a transcript gives to the function that builds the bot.
type Setup struct {
	Files map[string][]byte // its sections besides the conversation
}

const conversation = "conversation"

// homeChannel is where people type unless a step says otherwise.
const homeChannel = "security"

// RunTranscript plays a transcript on the bot that start builds. Both run in a
// synctest bubble: start must end everything it began in t.Cleanup. Which
// surfaces were used it tells of a transcript that passed.
func RunTranscript(t *testing.T, file string, start func(t *testing.T, setup Setup) Bot) Played {
	t.Helper()
	played := Played{File: file}
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	setup := Setup{Files: map[string][]byte{}}
	for _, f := range archive.Files {
		if _, twice := setup.Files[f.Name]; twice {
			t.Fatalf("%s: the section %q stands twice", file, f.Name)
		}
		setup.Files[f.Name] = f.Data
	}
	text, ok := setup.Files[conversation]
	if !ok {
		t.Fatalf("%s: there is no section %q", file, conversation)
	}
	delete(setup.Files, conversation)
	s, err := parseScript(string(text))
	if err != nil {
		t.Fatalf("%s: conversation %v", file, err)
	}
	synctest.Test(t, func(t *testing.T) {
		if err := setClock(s.at); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		p := player{bot: start(t, setup), channel: homeChannel, kept: names{}, files: setup.Files}
		if err := p.play(t.Context(), s); err != nil {
			t.Fatalf("%s: conversation %v", file, err)
		}
		if err := p.seen(); err != nil {
			t.Fatalf("%s: in the end: %v", file, err)
		}
		played.Steps, played.Unsaid = p.acted, p.unsaid
	})
	return played
}

// setClock moves the fake clock before anything runs that would notice.
func setClock(at time.Time) error {
	if at.IsZero() {
		return nil
	}
	d := time.Until(at)
	if d < 0 {
		return fmt.Errorf("the clock cannot go back to %s", at)
	}
	time.Sleep(d)
	return nil
}

// player is a transcript in play.
type player struct {
	bot     Bot
	channel string
	said    []Said // everything up to now
	kept    names
	files   map[string][]byte // the transcript's sections
	latest  *bot.Event
	events  int
	acted   []Acted
	until   stepKind // what ends the disturbance that lasts; start: none does
	barred  map[Right]bool
	unsaid  []int // lines of what may be said and was not
	instead bool  // in this step something was typed instead
	ever    bool  // in this one or an earlier one
}

// play does each step on a new player; see player.play.
func play(ctx context.Context, b Bot, s script) error {
	p := player{bot: b, channel: homeChannel, kept: names{}}
	return p.play(ctx, s)
}

// play does each step and checks what it caused. It stops at the first
// difference. It must run in a synctest bubble.
func (p *player) play(ctx context.Context, s script) error {
	for _, step := range s.steps {
		p.instead = false
		filled, err := p.kept.fillStep(step)
		if err == nil {
			err = p.do(ctx, filled)
		}
		if err == nil {
			err = p.idle(ctx)
		}
		if err == nil {
			synctest.Wait()
			err = p.check(step.want, step.kind == returns || step.kind == starts || step.kind == delivers)
		}
		if err != nil {
			return fmt.Errorf("line %d, %s: %w", step.line, step.raw, err)
		}
	}
	return nil
}

// seen holds what people saw of the bot against what it said.
func (p *player) seen() error {
	screen, ok := p.bot.(Screened)
	if !ok {
		return nil
	}
	shown, err := screen.Shown()
	if err == nil {
		err = unaccounted(p.bot.Platform().Said(), shown)
	}
	if live := screen.Live(); err == nil && len(live) > 0 {
		err = fmt.Errorf("this is more than text: %q", live)
	}
	return err
}

func (p *player) do(ctx context.Context, s step) error {
	switch s.kind {
	case waits:
		time.Sleep(s.wait)
		return nil
	case repeats:
		if p.latest == nil {
			return errors.New("nothing was delivered yet")
		}
		for range s.times {
			if err := p.bot.Send(ctx, *p.latest); err != nil {
				return err
			}
		}
		return nil
	case cutsOff, halfOpens, returns, stops, starts, holds, delivers:
		return p.disturb(ctx, s)
	case bars:
		return p.bar(ctx, s)
	case regroups:
		g, ok := p.bot.(Regrouper)
		if !ok {
			return errors.New("this bot's platform has no groups")
		}
		return g.SetGroup(ctx, s.group, s.members...)
	case types:
		if s.channel != "" {
			p.channel = s.channel
		}
		at := bot.Thread{Platform: p.bot.Platform().Name(), Channel: p.channel}
		if s.reply {
			if len(p.said) == 0 {
				return errors.New("there is no message to reply to")
			}
			at = threadOf(p.said[len(p.said)-1])
		}
		if err := p.attach(s); err != nil {
			return err
		}
		return p.types(ctx, s, at, s.text)
	case talks:
		at := bot.Thread{Platform: p.bot.Platform().Name(), Channel: p.channel}
		if s.reply && len(p.said) > 0 {
			at = threadOf(p.said[len(p.said)-1])
		}
		return p.send(ctx, s, bot.Event{Kind: Talked, Thread: at, Value: s.text})
	case touches:
		value := s.reason
		if s.touch == bot.Reacted || s.touch == bot.Unreacted {
			value = "pushpin"
			p.note(s, ByReaction, ByReaction)
		}
		return p.send(ctx, s, bot.Event{Kind: s.touch, Target: s.text, Value: value, Thread: bot.Thread{Platform: p.bot.Platform().Name(), Channel: p.channel}})
	case clicks:
		for _, said := range slices.Backward(p.said) {
			if button, ok := buttonOf(said.Message, s.text); ok {
				return p.clicks(ctx, s, said, button)
			}
		}
		return fmt.Errorf("no message ever had a button %q", s.text)
	case reacts, unreacts:
		said, err := p.offered()
		if err != nil {
			return err
		}
		return p.reacts(ctx, s, said, s.kind == reacts, s.text)
	case decides:
		return p.decides(ctx, s)
	}
	return nil
}

// threadOf is where an answer to a message belongs.
func threadOf(s Said) bot.Thread {
	t := s.Thread
	if t.Root == "" {
		t.Root = s.ID
	}
	return t
}

func (p *player) types(ctx context.Context, s step, t bot.Thread, text string) error {
	ev := bot.Event{Kind: bot.Typed, Thread: t, Value: text}
	if ids, ok := p.bot.Platform().(interface{ NewID(bot.Thread) string }); ok {
		ev.Message = ids.NewID(t)
	}
	if !p.instead {
		p.note(s, ByTyping, ByTyping)
	}
	return p.send(ctx, s, ev)
}

// clicks presses a button. Where there is none it types what the message
// offered to type, in the thread of the message.
func (p *player) clicks(ctx context.Context, s step, on Said, b bot.Button) error {
	value := b.Value
	if s.reason != "" {
		value += ":" + s.reason
	}
	err := p.send(ctx, s, bot.Event{Kind: bot.Clicked, Thread: on.Thread, Target: on.ID, Value: value})
	if !errors.Is(err, ErrNoSurface) {
		p.note(s, ByButton, ByButton)
		return err
	}
	p.note(s, ByButton, ByTyping)
	p.instead, p.ever = true, true
	command := b.Typed
	if short, wants := strings.CutSuffix(command, " REASON"); wants {
		command = strings.TrimSpace(short + " " + s.reason)
	}
	return p.types(ctx, s, threadOf(on), command)
}

func (p *player) note(s step, named, used Surface) {
	p.acted = append(p.acted, Acted{Line: s.line, Step: s.raw, Named: named, Used: used})
}

func (p *player) reacts(ctx context.Context, s step, on Said, add bool, name string) error {
	kind := bot.Reacted
	if !add {
		kind = bot.Unreacted
	}
	err := p.send(ctx, s, bot.Event{Kind: kind, Thread: on.Thread, Target: on.ID, Value: name})
	if !errors.Is(err, ErrNoSurface) || s.kind != decides {
		p.note(s, ByReaction, ByReaction)
		return err
	}
	p.note(s, ByReaction, ByTyping)
	p.instead, p.ever = true, true
	return p.types(ctx, s, threadOf(on), s.text+" "+s.card)
}

// decides maps an intent to what a person does on the surface.
func (p *player) decides(ctx context.Context, s step) error {
	card, err := p.card(s.card)
	if err != nil {
		return err
	}
	switch s.surface {
	case "typed":
		return p.types(ctx, s, threadOf(card), strings.TrimSpace(s.text+" "+s.card+" "+s.reason))
	case "button":
		for _, said := range slices.Backward(p.said) {
			if string(said.Message.Card) != s.card {
				continue
			}
			if button, ok := buttonOf(said.Message, s.text); ok {
				return p.clicks(ctx, s, card, button)
			}
		}
		return fmt.Errorf("the card of %s never had a button %q", s.card, s.text)
	}
	switch {
	case s.reason != "":
		return errors.New("a reaction carries no reason")
	case s.text == "deny":
		return p.reacts(ctx, s, card, true, "-1")
	}
	return p.reacts(ctx, s, card, s.text == "approve", "+1")
}

// card is the latest showing of an action's card, in this channel where it has one.
func (p *player) card(id string) (Said, error) {
	var found *Said
	for i, s := range p.said {
		if string(s.Message.Card) == id && s.How != Whispered && (found == nil || s.Thread.Channel == p.channel || found.Thread.Channel != p.channel) {
			found = &p.said[i]
		}
	}
	if found == nil {
		return Said{}, fmt.Errorf("no card of %s was shown", id)
	}
	return *found, nil
}

// offered is the latest message that came with buttons.
func (p *player) offered() (Said, error) {
	for _, s := range slices.Backward(p.said) {
		if len(s.Message.Buttons) > 0 {
			return s, nil
		}
	}
	return Said{}, errors.New("no message had buttons")
}

// buttonOf is the button whose label or command begins with a word.
func buttonOf(m bot.Message, word string) (bot.Button, bool) {
	for _, b := range m.Buttons {
		for _, s := range []string{b.Label, b.Typed} {
			if f := strings.Fields(strings.ToLower(s)); len(f) > 0 && f[0] == strings.ToLower(word) {
				return b, true
			}
		}
	}
	return bot.Button{}, false
}

func (p *player) send(ctx context.Context, s step, ev bot.Event) error {
	p.events++
	ev.ID = fmt.Sprintf("t%d", p.events)
	ev.At = time.Now().UTC()
	ev.Account = s.who
	ev.Account.Platform = p.bot.Platform().Name()
	p.latest = &ev
	return p.bot.Send(ctx, ev)
}

// check holds what was said since the last step against what was expected, with
// loose in whatever order.
func (p *player) check(blocks []block, loose bool) error {
	all := p.bot.Platform().Said()
	fresh := settled(all[len(p.said):])
	p.said = all
	places := channels(fresh)
	for i := range blocks {
		blocks[i] = blocks[i].in(p.channel)
		if !slices.Contains(places, blocks[i].channel) {
			places = append(places, blocks[i].channel)
		}
	}
	for _, place := range places {
		for _, updates := range []bool{false, true} {
			here := func(channel string, how How) bool { return channel == place && (how == Updated) == updates }
			want := slices.DeleteFunc(slices.Clone(blocks), func(b block) bool { return !here(b.channel, b.how) })
			said := slices.DeleteFunc(slices.Clone(fresh), func(s Said) bool { return !here(s.Thread.Channel, s.How) })
			if loose {
				want = p.sorted(want, said)
			}
			if err := p.inOrder(place, want, said); err != nil {
				return err
			}
		}
	}
	return nil
}

// settled leaves of the updates of each message only the last: how many
// versions of a card are shown on the way is a matter of timing.
func settled(fresh []Said) []Said {
	var out []Said
	at := map[string]int{}
	for _, s := range fresh {
		key := s.Thread.String() + "\n" + s.ID
		if i, again := at[key]; again && s.How == Updated {
			out[i] = s
			continue
		}
		if s.How == Updated {
			at[key] = len(out)
		}
		out = append(out, s)
	}
	return out
}

// sorted puts blocks into the order in which they were said, as far as they were.
func (p *player) sorted(blocks []block, said []Said) []block {
	var out []block
	left := slices.Clone(blocks)
	for _, s := range said {
		if i := slices.IndexFunc(left, func(b block) bool {
			q := *p // what is kept is kept when it is checked
			return q.meets(b, s) == nil
		}); i >= 0 {
			out = append(out, left[i])
			left = slices.Delete(left, i, i+1)
		}
	}
	return append(out, left...)
}

// inOrder holds what was said in one place against the blocks expected there.
func (p *player) inOrder(place string, blocks []block, said []Said) error {
	for _, b := range blocks {
		if len(said) > 0 {
			err := p.meets(b, said[0])
			if err == nil {
				said = said[1:]
				continue
			}
			if !b.may {
				return err
			}
		}
		if !b.may {
			return fmt.Errorf("missing in %s, expected on line %d:\n%s", place, b.line, b)
		}
		p.unsaid = append(p.unsaid, b.line)
	}
	if len(said) > 0 {
		return fmt.Errorf("not expected:\n%s", blockOf(said[0]))
	}
	return nil
}

func (p *player) meets(b block, s Said) error {
	said := Lines(s.Message)
	trial := maps.Clone(p.kept)
	ok, err := trial.match(b.lines, said)
	how := b.how == s.How && (b.how != Whispered || b.to == s.To.ID || b.to == s.To.Name)
	if err == nil && p.ever && (!ok || !how) {
		trial = maps.Clone(p.kept)
		ok, how, err = p.meetsTyped(trial, b, s, said)
	}
	if err != nil {
		return fmt.Errorf("line %d: %w", b.line, err)
	}
	if !ok || !how {
		return fmt.Errorf("different from line %d:\n%s\nbut this was said:\n%s", b.line, b, blockOf(s))
	}
	p.kept = trial
	return p.fits(b, s)
}

// fits holds what people see of a message that must not fit against that.
func (p *player) fits(b block, s Said) error {
	screen, ok := p.bot.(Screened)
	if !b.overflows || !ok {
		return nil
	}
	shown, err := screen.Shown()
	if err == nil {
		err = overflowed(s, shown)
	}
	return err
}

var (
	byHand  = strings.NewReplacer(" by button", " by typing", "(button)", "(typed)")
	askedBy = regexp.MustCompile(`^.+ asked: .`)
)

// meetsTyped is meets where somebody typed because there was no button. The bot
// names that surface, and answers a refusal where it was typed, below what was asked.
func (p *player) meetsTyped(trial names, b block, s Said, said []string) (ok, how bool, err error) {
	how = b.how == s.How
	if p.instead && b.how == Whispered && s.How == Posted {
		how = true
		if len(said) > 0 && askedBy.MatchString(said[0]) {
			said = said[1:]
		}
	}
	lines := slices.Clone(b.lines)
	for i := range lines {
		lines[i].text = byHand.Replace(lines[i].text)
	}
	ok, err = trial.match(lines, said)
	return ok, how, err
}

func (b block) in(channel string) block {
	if b.channel == "" {
		b.channel = channel
	}
	return b
}
