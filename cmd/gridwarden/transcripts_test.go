package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

// TestTranscripts plays every conversation on the whole program, with its
// journal on SQLite and the simulated grid: on a platform in memory, and on the
// console, where each step is a line that somebody types, on Slack, where it is
// what Slack sends when people type, press and react, likewise on Discord, and on Mattermost over its
// fake server. Without callbacks Mattermost has no buttons: what presses some
// is not played there. The files say which
// answers they expect; any other message fails.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".txtar")
		for platform, start := range map[string]func(*testing.T, bottest.Setup) bottest.Bot{"memory": inMemory, "console": onConsole, "mattermost": onMattermost, "slack": onSlack, "discord": onDiscord} {
			if platform == "mattermost" && buttons(t, file) {
				continue
			}
			t.Run(name+"/"+platform, func(t *testing.T) {
				t.Parallel()
				bottest.RunTranscript(t, file, start)
			})
		}
	}
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

// runOn builds the program on a platform and runs it until the test ends.
func runOn(t *testing.T, cfg *config.Config, platform bot.Platform) *app {
	t.Helper()
	a, err := wire(t.Context(), cfg, slog.New(slog.NewTextHandler(t.Output(), nil)), wiring{platforms: []bot.Platform{platform}})
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
	room *bottest.Memory
}

func inMemory(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := memoryBot{room: bottest.NewMemory(console.Name)}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	b.app = runOn(t, cfg, b.room)
	return b
}

func (b memoryBot) Platform() bottest.Watched      { return b.room }
func (b memoryBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

func (b memoryBot) Send(ctx context.Context, ev bot.Event) error { return b.room.Send(ctx, ev) }

// SetGroup implements bottest.Regrouper.
func (b memoryBot) SetGroup(_ context.Context, group string, names ...string) error {
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
	room     *bottest.Recorder
	heard    *listened
	keyboard io.Writer
	groups   map[string][]string
}

func onConsole(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &consoleBot{groups: cfg.Console.Groups}
	// A name that the options do not know is the account of that name.
	options := console.Options{
		Self: bot.Account{Platform: console.Name, ID: "nobody", Name: "nobody", Standing: bot.Member},
		Boot: "boot", Idle: func(ctx context.Context) error { return b.engine.Idle(ctx) },
	}
	in, keyboard := io.Pipe()
	terminal, err := console.New(cfg.Console, options, in, io.Discard)
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
	b.heard.sent, b.heard.events = ev.ID, 0
	who, number := ev.Account.Name, func(id string) string { return strings.TrimPrefix(id, "boot-") }
	var lines []string
	switch ev.Kind {
	case bot.Typed:
		place := "thread"
		if ev.Thread.Root != "" {
			place += " #" + number(ev.Thread.Root)
		}
		lines = []string{place, who + "> " + ev.Value}
	case bot.Clicked:
		word, rest, _ := strings.Cut(ev.Value, ":")
		_, reason, _ := strings.Cut(rest, ":")
		lines = []string{who + "> click " + word + " #" + number(ev.Target) + " " + reason}
	case bot.Reacted:
		lines = []string{who + "> react " + ev.Value + " #" + number(ev.Target)}
	case bot.Unreacted:
		lines = []string{who + "> unreact " + ev.Value + " #" + number(ev.Target)}
	}
	if ev.Account.Standing != bot.Member {
		lines = append([]string{"standing " + who + " " + string(ev.Account.Standing)}, lines...)
		lines = append(lines, "standing "+who+" member")
	}
	if err := b.types(lines...); err != nil {
		return err
	}
	if b.heard.events != 1 {
		return fmt.Errorf("the console made %d events of %q", b.heard.events, lines)
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
