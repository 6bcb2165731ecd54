package bottest

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// Regrouper is a Bot whose platform has groups that a transcript can change.
type Regrouper interface {
	// SetGroup gives a group the accounts of these names, and no others.
	SetGroup(ctx context.Context, group string, names ...string) error
}

// Limited is a Bot on a platform that lacks a surface: "button" or "reaction".
// What a transcript does by it is done by the typed form that the card offers.
type Limited interface {
	Lacks(surface string) bool
}

// Played tells how a transcript was played.
type Played struct {
	// Typed counts the steps that were typed because the platform lacks their
	// surface, by surface.
	Typed map[string]int
}

// Setup is what a transcript gives to the function that builds the bot.
type Setup struct {
	Files map[string][]byte // its sections besides the conversation
}

const conversation = "conversation"

// homeChannel is where people type unless a step says otherwise.
const homeChannel = "security"

// RunTranscript plays a transcript on the bot that start builds. Both run in a
// synctest bubble: start must end everything it began in t.Cleanup.
func RunTranscript(t *testing.T, file string, start func(t *testing.T, setup Setup) Bot) Played {
	t.Helper()
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
	played := Played{Typed: map[string]int{}}
	synctest.Test(t, func(t *testing.T) {
		if err := setClock(s.at); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		if err := play(t.Context(), start(t, setup), s, played); err != nil {
			t.Fatalf("%s: conversation %v", file, err)
		}
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
	latest  *bot.Event
	events  int
	played  Played
	instead bool // the present step was typed instead
}

// play does each step and checks what it caused. It stops at the first
// difference. It must run in a synctest bubble.
func play(ctx context.Context, b Bot, s script, played Played) error {
	p := player{bot: b, channel: homeChannel, kept: names{}, played: played}
	for _, step := range s.steps {
		p.instead = false
		filled, err := p.kept.fillStep(step)
		if err == nil {
			err = p.do(ctx, filled)
		}
		if err == nil {
			err = b.Idle(ctx)
		}
		if err == nil {
			synctest.Wait()
			err = p.check(step.want)
		}
		if err != nil {
			return fmt.Errorf("line %d, %s: %w", step.line, step.raw, err)
		}
	}
	return nil
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
		return p.bot.Send(ctx, *p.latest)
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
		return p.types(ctx, s, at, s.text)
	case clicks:
		for _, said := range slices.Backward(p.said) {
			button, ok := buttonOf(said.Message, s.text)
			switch {
			case ok && p.lacks("button"):
				return p.types(ctx, s, threadOf(said), strings.TrimSpace(strings.TrimSuffix(button.Typed, "REASON")+" "+s.reason))
			case ok:
				return p.clicks(ctx, s, said, button.Value)
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
	return p.send(ctx, s, ev)
}

func (p *player) clicks(ctx context.Context, s step, on Said, value string) error {
	if s.reason != "" {
		value += ":" + s.reason
	}
	return p.send(ctx, s, bot.Event{Kind: bot.Clicked, Thread: on.Thread, Target: on.ID, Value: value})
}

func (p *player) reacts(ctx context.Context, s step, on Said, add bool, name string) error {
	kind := bot.Reacted
	if !add {
		kind = bot.Unreacted
	}
	return p.send(ctx, s, bot.Event{Kind: kind, Thread: on.Thread, Target: on.ID, Value: name})
}

// decides maps an intent to what a person does on the surface.
func (p *player) decides(ctx context.Context, s step) error {
	card, err := p.card(s.card)
	if err != nil {
		return err
	}
	switch {
	case s.surface == "typed" || p.lacks(s.surface):
		return p.types(ctx, s, threadOf(card), strings.TrimSpace(s.text+" "+s.card+" "+s.reason))
	case s.surface == "button":
		for _, said := range slices.Backward(p.said) {
			if string(said.Message.Card) != s.card {
				continue
			}
			if button, ok := buttonOf(said.Message, s.text); ok {
				return p.clicks(ctx, s, card, button.Value)
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

// lacks reports whether the step must be typed instead, and notes that.
func (p *player) lacks(surface string) bool {
	if !p.limited(surface) {
		return false
	}
	p.instead = true
	p.played.Typed[surface]++
	return true
}

func (p *player) limited(surface string) bool {
	l, ok := p.bot.(Limited)
	return ok && l.Lacks(surface)
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

// check holds what was said since the last step against what was expected.
func (p *player) check(blocks []block) error {
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

// inOrder holds what was said in one place against the blocks expected there.
func (p *player) inOrder(place string, blocks []block, said []Said) error {
	for i, b := range blocks {
		if i == len(said) {
			return fmt.Errorf("missing in %s, expected on line %d:\n%s", place, b.line, b)
		}
		if err := p.meets(b, said[i]); err != nil {
			return err
		}
	}
	if len(said) > len(blocks) {
		return fmt.Errorf("not expected:\n%s", blockOf(said[len(blocks)]))
	}
	return nil
}

func (p *player) meets(b block, s Said) error {
	trial := maps.Clone(p.kept)
	wants, lines, how := b.lines, Lines(s.Message), s.How
	if p.limited("button") {
		wants, lines = slices.Clone(wants), slices.Clone(lines)
		for i := range wants {
			wants[i].text = asTyped.Replace(wants[i].text)
		}
		for i := range lines {
			lines[i] = asTyped.Replace(lines[i])
		}
	}
	if p.instead && b.how == Whispered && s.How == Posted { // what is typed is answered where it was typed
		how = Whispered
		s.To.Name = b.to
		if len(lines) > 1 && strings.Contains(lines[0], " asked: ") {
			lines = lines[1:]
		}
	}
	ok, err := trial.match(wants, lines)
	if err != nil {
		return fmt.Errorf("line %d: %w", b.line, err)
	}
	if !ok || b.how != how || b.how == Whispered && b.to != s.To.ID && b.to != s.To.Name {
		return fmt.Errorf("different from line %d:\n%s\nbut this was said:\n%s", b.line, b, blockOf(s))
	}
	p.kept = trial
	return nil
}

// asTyped makes no difference between what was pressed and what was typed.
var asTyped = strings.NewReplacer(" by button", " by typing", "(button)", "(typed)")

func (b block) in(channel string) block {
	if b.channel == "" {
		b.channel = channel
	}
	return b
}
