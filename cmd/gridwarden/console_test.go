package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/console"
)

// consoleBot is the program on a console whose keyboard is a pipe.
type consoleBot struct {
	*power
	voice
	bottest.Beside
	dir      string // of files that are given
	room     *bottest.Recorder
	rights   rights
	heard    *listened
	boot     int               // how often it was started
	again    map[string]string // numbers of earlier messages that this terminal showed again, by id
	keyboard io.Writer
	screen   *consoleScreen
	latest   bottest.Latest
	groups   map[string][]string
	keeps    bool // what is typed, for later
	kept     []func() error
}

func onConsole(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &consoleBot{power: plug(t, cfg), dir: t.TempDir(), screen: &consoleScreen{}, groups: cfg.Console.Groups}
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// Start implements bottest.Restarter: it is another terminal, whose messages have
// numbers of their own.
func (b *consoleBot) Start(ctx context.Context) error {
	b.boot++
	// A name that the options do not know is the account of that name.
	options := console.Options{
		Self: bot.Account{Platform: console.Name, ID: "nobody", Name: "nobody", Standing: bot.Member},
		Boot: fmt.Sprintf("boot%d", b.boot), Paste: atKeyboard{b}, Idle: b.nearly,
	}
	in, keyboard := io.Pipe()
	terminal, err := console.New(b.cfg.Console, options, in, b.screen)
	if err != nil {
		return err
	}
	b.keyboard = keyboard
	b.again = map[string]string{}
	b.heard = &listened{Full: terminal, updated: func(t bot.Thread, id string) {
		if number, root := b.screen.again(); number != "" && !strings.HasPrefix(id, b.prefix()) {
			b.again[id], b.again[t.Root] = number, root
		}
	}}
	p := gated{b.heard, &b.rights}
	if b.room == nil {
		b.room = bottest.NewRecorder(p)
	} else {
		b.room.GoOn(p)
	}
	b.on(b.room)
	return b.Back(ctx)
}

// nearly returns when everything is answered and said, or cannot be for now: a terminal
// whose program may not write would else wait with the next line for ever.
func (b *consoleBot) nearly(ctx context.Context) error {
	soon, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := b.engine.Idle(soon); err != nil && ctx.Err() == nil && soon.Err() == nil {
		return err
	}
	return ctx.Err()
}

// Stop implements bottest.Restarter. What is typed meanwhile is typed when there is
// a terminal again.
func (b *consoleBot) Stop(ctx context.Context) error { return errors.Join(b.Away(ctx), b.off()) }

func (b *consoleBot) Platform() bottest.Watched      { return b.room }
func (b *consoleBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Send types what makes the event. An event that was sent before is delivered
// once more as it was.
func (b *consoleBot) Send(ctx context.Context, ev bot.Event) error {
	if b.heard.sent == ev.ID {
		return b.heard.handle(ctx, b.heard.event)
	}
	ev = b.latest.On(ev)
	if ev.Kind != bot.Typed && ev.Kind != bottest.Talked && (b.cancel == nil || !b.shown(ev.Target)) { // there is no terminal, or another one
		return bottest.ErrNoSurface
	}
	b.heard.sent = ev.ID
	if b.rights.lack(ev.Thread.Channel, bottest.ToBe) {
		return nil
	}
	if ev.Kind == bot.Typed {
		for _, f := range b.Take() { // which is named there, after a command that reads files
			if !b.engine.Pastes(ev.Value) {
				break
			}
			file := filepath.Join(b.dir, f.Name)
			if err := os.WriteFile(file, f.Data, 0o600); err != nil {
				return err
			}
			ev.Value += " < " + file
		}
	}
	act := func() error { return b.acts(ev, b.lines(ev)) }
	if b.keeps {
		b.kept = append(b.kept, act)
		return nil
	}
	return act()
}

// shown reports whether a message is one of this terminal.
func (b *consoleBot) shown(id string) bool {
	return b.again[id] != "" || strings.HasPrefix(id, b.prefix())
}

// number is how the terminal calls a message.
func (b *consoleBot) number(id string) string {
	if n := b.again[id]; n != "" {
		return n
	}
	return strings.TrimPrefix(id, b.prefix())
}

// prefix begins the ids of this terminal's messages, before their numbers.
func (b *consoleBot) prefix() string { return fmt.Sprintf("boot%d-", b.boot) }

// lines are what is typed to make an event.
func (b *consoleBot) lines(ev bot.Event) (lines []string) {
	who := ev.Account.Name
	switch ev.Kind {
	case bot.Typed:
		place := "thread"
		if b.shown(ev.Thread.Root) {
			place += " #" + b.number(ev.Thread.Root)
		}
		lines = []string{place, who + "> " + b.mark() + ev.Value}
	case bot.Clicked:
		word, rest, _ := strings.Cut(ev.Value, ":")
		_, reason, _ := strings.Cut(rest, ":")
		lines = []string{who + "> click " + word + " #" + b.number(ev.Target) + " " + reason}
	case bot.Reacted:
		lines = []string{who + "> react " + ev.Value + " #" + b.number(ev.Target)}
	case bot.Unreacted:
		lines = []string{who + "> unreact " + ev.Value + " #" + b.number(ev.Target)}
	case bottest.Talked:
		place := "thread"
		if ev.Thread.Root != "" {
			place += " #" + b.number(ev.Thread.Root)
		}
		lines = []string{place, who + "> say " + ev.Value}
	case bot.Edited:
		lines = []string{who + "> edit #" + b.number(ev.Target) + " " + ev.Value}
	case bot.Deleted:
		lines = []string{who + "> delete #" + b.number(ev.Target)}
	}
	if ev.Account.Standing != bot.Member {
		lines = append([]string{"standing " + who + " " + string(ev.Account.Standing)}, lines...)
		lines = append(lines, "standing "+who+" member")
	}
	return lines
}

// acts types lines that make one event.
func (b *consoleBot) acts(ev bot.Event, lines []string) error {
	b.heard.events = 0
	if err := b.types(lines...); err != nil {
		return err
	}
	switch ev.Kind {
	case bottest.Talked: // the number that the console shows is all that is known of it
		b.latest.Wrote(ev, b.prefix()+b.screen.number())
		return nil
	case bot.Typed:
		b.latest.Wrote(ev, b.heard.event.Message)
	}
	if b.heard.events != 1 {
		return fmt.Errorf("the console made %d events of %q", b.heard.events, lines)
	}
	return nil
}

// atKeyboard is the engine of a program that is built after its console.
type atKeyboard struct{ b *consoleBot }

func (k atKeyboard) Pastes(line string) bool { return k.b.engine.Pastes(line) }

func (k atKeyboard) Paste(line, file string, text []byte) (string, error) {
	return k.b.engine.Paste(line, file, text)
}

// Away implements bottest.Cutter: the program does not read, as when its terminal
// is stopped. What is typed waits.
func (b *consoleBot) Away(context.Context) error {
	b.keeps, b.kept = true, nil
	return nil
}

// HalfOpen implements bottest.Cutter.
func (b *consoleBot) HalfOpen(ctx context.Context) error { return b.Away(ctx) }

// Hold implements bottest.Holder.
func (b *consoleBot) Hold(ctx context.Context) error { return b.Away(ctx) }

// Back implements bottest.Cutter.
func (b *consoleBot) Back(ctx context.Context) error { return b.Deliver(ctx, false) }

// Deliver implements bottest.Holder.
func (b *consoleBot) Deliver(_ context.Context, backwards bool) error {
	b.keeps = false
	if backwards {
		slices.Reverse(b.kept)
	}
	for _, act := range b.kept {
		if err := act(); err != nil {
			return err
		}
	}
	return nil
}

// Bar implements bottest.Barrer.
func (b *consoleBot) Bar(_ context.Context, channel string, right bottest.Right, barred bool) error {
	b.rights.bar(channel, right, barred)
	return nil
}

// types types whole lines. The console reads the last, empty one only when it
// has done what the others say.
func (b *consoleBot) types(lines ...string) error {
	for _, line := range append(lines, "") {
		if _, err := io.WriteString(b.keyboard, line+"\n"); err != nil {
			return err
		}
	}
	return nil
}

// SetGroup implements bottest.Regrouper.
func (b *consoleBot) SetGroup(_ context.Context, group string, names ...string) error {
	var lines []string
	for _, name := range b.groups[group] {
		if !slices.Contains(names, name) {
			lines = append(lines, "group "+group+" remove "+name)
		}
	}
	for _, name := range names {
		if !slices.Contains(b.groups[group], name) {
			lines = append(lines, "group "+group+" add "+name)
		}
	}
	b.groups[group] = names
	return b.types(lines...)
}

// listened is a platform that remembers the event that it delivered last. The
// console delivers one at a time.
type listened struct {
	bottest.Full
	sent   string // the transcript's id of the event
	events int    // that the console made of it
	event  bot.Event
	handle func(context.Context, bot.Event) error
	// updated is told of a message that was changed.
	updated func(t bot.Thread, id string)
}

func (l *listened) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	err := l.Full.Update(ctx, t, id, m)
	if err == nil {
		l.updated(t, id)
	}
	return err
}

func (l *listened) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	l.handle = handle
	return l.Full.Listen(ctx, func(ctx context.Context, ev bot.Event) error {
		l.event = ev
		l.events++
		return handle(ctx, ev)
	})
}

// consoleScreen is where a console shows what happens.
type consoleScreen struct {
	mu      sync.Mutex
	typed   string    // the number of what was typed last
	earlier [2]string // of what was shown last again from before the start, and of the beginning of its thread
}

var (
	typedLine   = regexp.MustCompile(`^ *#([0-9]+) [A-Za-z0-9._-]+@`)
	earlierLine = regexp.MustCompile(`^ *#([0-9]+) in #([0-9]+) gridwarden \(updated, from before this start\)`)
)

func (s *consoleScreen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		if m := typedLine.FindStringSubmatch(line); m != nil {
			s.typed = m[1]
		}
		if m := earlierLine.FindStringSubmatch(line); m != nil {
			s.earlier = [2]string{m[1], m[2]}
		}
	}
	return len(p), nil
}

func (s *consoleScreen) number() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.typed
}

// again gives the numbers of what was shown last again from before the start, once.
func (s *consoleScreen) again() (number, root string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	number, root = s.earlier[0], s.earlier[1]
	s.earlier = [2]string{}
	return number, root
}
