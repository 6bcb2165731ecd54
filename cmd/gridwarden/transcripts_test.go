package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

// TestTranscripts plays every conversation on the whole program, with its
// journal on SQLite and the simulated grid, in every mode of every platform: on
// the console each step is a line that somebody types, elsewhere it is what the
// fake server sends when people type, press and react. Where a mode lacks a
// surface the step is typed. The files say which answers they expect; any other
// message fails.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	var mu sync.Mutex
	played := map[[2]string]bottest.Played{}
	t.Run("plays", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			for _, mode := range modes {
				t.Run(name+"/"+mode.name, func(t *testing.T) {
					t.Parallel()
					how := bottest.RunTranscript(t, file, mode.start)
					mu.Lock()
					defer mu.Unlock()
					played[[2]string{name, mode.name}] = how
				})
			}
		}
	})
	if t.Failed() || len(played) < len(files)*len(modes) { // only some were asked for
		return
	}
	pageMatches(t, "transcripts", playedTable(t, played))
}

// readConfig gives the configuration of a transcript, in a directory of its own.
func readConfig(t *testing.T, s bottest.Setup) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg, err := config.Parse(filepath.Join(dir, "config.yaml"), s.Files["config.yaml"], dir)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// runOn builds the program on platforms and runs it until the test ends.
func runOn(t *testing.T, cfg *config.Config, platforms ...bot.Platform) *app {
	t.Helper()
	a, err := wire(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), wiring{platforms: platforms})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		a.close()
	})
	return a
}

// memoryBot is the program on a platform in memory.
type memoryBot struct {
	*app
	voice
	bottest.Beside
	room   *bottest.Memory
	latest bottest.Latest
	sent   string // the transcript's id of the event
	event  bot.Event
	typed  []bot.Event
	away   bool
	kept   []bot.Event // while it is cut off
}

func inMemory(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &memoryBot{room: bottest.NewMemory(console.Name)}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	b.app = runOn(t, cfg, b.room)
	return b
}

func (b *memoryBot) Platform() bottest.Watched      { return b.room }
func (b *memoryBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Send does what makes the event.
func (b *memoryBot) Send(ctx context.Context, ev bot.Event) error {
	if b.sent == ev.ID {
		return b.room.Send(ctx, b.event)
	}
	ev = b.latest.On(ev)
	switch ev.Kind {
	case bottest.Talked:
		b.latest.Wrote(ev, b.room.Talk(bot.Original{Thread: ev.Thread, Author: ev.Account, At: ev.At, Text: ev.Value}))
		return nil
	case bot.Typed:
		ev.Value = b.mark() + ev.Value
		for _, f := range b.Take() {
			ev.Files = append(ev.Files, b.room.Give(f.Name, f.Data))
		}
		b.latest.Wrote(ev, ev.Message)
		b.typed = append(b.typed, ev)
	case bot.Edited:
		b.room.Rewrite(ev.Target, ev.Value)
	case bot.Deleted:
		b.room.Delete(ev.Target)
	}
	for _, typed := range b.typed {
		if ev.Kind != bot.Typed && typed.Message == ev.Target {
			ev.Origin = typed.ID
		}
	}
	b.sent, b.event = ev.ID, ev
	if b.away {
		b.kept = append(b.kept, ev)
		return nil
	}
	return b.room.Send(ctx, ev)
}

// Away implements bottest.Cutter.
func (b *memoryBot) Away(context.Context) error {
	b.away, b.kept = true, nil
	return nil
}

// Back implements bottest.Cutter.
func (b *memoryBot) Back(ctx context.Context) error {
	b.away = false
	for _, ev := range b.kept {
		if err := b.room.Send(ctx, ev); err != nil {
			return err
		}
	}
	return nil
}

// SetGroup implements bottest.Regrouper.
func (b *memoryBot) SetGroup(_ context.Context, group string, names ...string) error {
	keys := make([]string, len(names))
	for i, name := range names {
		keys[i] = console.Name + "/" + name
	}
	b.room.SetGroup(group, keys...)
	return nil
}

// consoleBot is the program on a console whose keyboard is a pipe.
type consoleBot struct {
	*app
	voice
	bottest.Beside
	room     *bottest.Recorder
	dir      string // of files that are given
	heard    *listened
	keyboard io.Writer
	screen   *consoleScreen
	latest   bottest.Latest
	groups   map[string][]string
	away     bool
	kept     []func() error // what was typed into a stopped terminal
}

func onConsole(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &consoleBot{dir: t.TempDir(), screen: &consoleScreen{}, groups: cfg.Console.Groups}
	// A name that the options do not know is the account of that name.
	options := console.Options{
		Self: bot.Account{Platform: console.Name, ID: "nobody", Name: "nobody", Standing: bot.Member},
		Boot: "boot", Paste: atKeyboard{b}, Idle: func(ctx context.Context) error { return b.engine.Idle(ctx) },
	}
	in, keyboard := io.Pipe()
	terminal, err := console.New(cfg.Console, options, in, b.screen)
	if err != nil {
		t.Fatal(err)
	}
	b.keyboard = keyboard
	b.heard = &listened{Full: terminal}
	b.room = bottest.NewRecorder(b.heard)
	b.app = runOn(t, cfg, b.room)
	return b
}

func (b *consoleBot) Platform() bottest.Watched      { return b.room }
func (b *consoleBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Send types what makes the event. An event that was sent before is delivered
// once more as it was.
func (b *consoleBot) Send(ctx context.Context, ev bot.Event) error {
	if b.heard.sent == ev.ID {
		return b.heard.handle(ctx, b.heard.event)
	}
	ev = b.latest.On(ev)
	b.heard.sent = ev.ID
	who, number := ev.Account.Name, func(id string) string { return strings.TrimPrefix(id, "boot-") }
	var lines []string
	switch ev.Kind {
	case bot.Typed:
		place := "thread"
		if ev.Thread.Root != "" {
			place += " #" + number(ev.Thread.Root)
		}
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
		lines = []string{place, who + "> " + b.mark() + ev.Value}
	case bot.Clicked:
		word, rest, _ := strings.Cut(ev.Value, ":")
		_, reason, _ := strings.Cut(rest, ":")
		lines = []string{who + "> click " + word + " #" + number(ev.Target) + " " + reason}
	case bot.Reacted:
		lines = []string{who + "> react " + ev.Value + " #" + number(ev.Target)}
	case bot.Unreacted:
		lines = []string{who + "> unreact " + ev.Value + " #" + number(ev.Target)}
	case bottest.Talked:
		place := "thread"
		if ev.Thread.Root != "" {
			place += " #" + number(ev.Thread.Root)
		}
		lines = []string{place, who + "> say " + ev.Value}
	case bot.Edited:
		lines = []string{who + "> edit #" + number(ev.Target) + " " + ev.Value}
	case bot.Deleted:
		lines = []string{who + "> delete #" + number(ev.Target)}
	}
	if ev.Account.Standing != bot.Member {
		lines = append([]string{"standing " + who + " " + string(ev.Account.Standing)}, lines...)
		lines = append(lines, "standing "+who+" member")
	}
	act := func() error { return b.acts(ev, lines) }
	if b.away {
		b.kept = append(b.kept, act)
		return nil
	}
	return act()
}

// acts types lines that make one event.
func (b *consoleBot) acts(ev bot.Event, lines []string) error {
	b.heard.events = 0
	if err := b.types(lines...); err != nil {
		return err
	}
	switch ev.Kind {
	case bottest.Talked: // the number that the console shows is all that is known of it
		b.latest.Wrote(ev, "boot-"+b.screen.number())
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
	b.away, b.kept = true, nil
	return nil
}

// Back implements bottest.Cutter.
func (b *consoleBot) Back(context.Context) error {
	b.away = false
	for _, act := range b.kept {
		if err := act(); err != nil {
			return err
		}
	}
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
	mu    sync.Mutex
	typed string // the number of what was typed last
}

var typedLine = regexp.MustCompile(`^ *#([0-9]+) [A-Za-z0-9._-]+@`)

func (s *consoleScreen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for line := range strings.Lines(string(p)) {
		if m := typedLine.FindStringSubmatch(line); m != nil {
			s.typed = m[1]
		}
	}
	return len(p), nil
}

func (s *consoleScreen) number() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.typed
}
