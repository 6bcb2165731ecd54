package main

import (
	"context"
	_ "embed"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/config"
)

// demoConfig is what the demo runs with: three people at one trusted terminal
// and the simulated grid.
//
//go:embed demo.yaml
var demoConfig []byte

type demoCmd struct {
	Keep string
	Log  bool
}

// demoCommand is the command line of demoCmd.
func demoCommand(t terminal) *cobra.Command {
	var c demoCmd
	x := command("demo", "Play a guided incident on a simulated grid in this terminal; no server, no account.", "", noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	f.StringVar(&c.Keep, "keep", "", "Keep the journal, its audit log and the configuration in the directory `DIR`.")
	f.BoolVar(&c.Log, "log", false, "Show the log on standard error.")
	return x
}

// Run plays the incident, verifies its audit log and, on a terminal, hands the
// conversation over.
func (c demoCmd) Run(ctx context.Context, t terminal) error {
	dir := c.Keep
	if dir == "" {
		temporary, err := os.MkdirTemp("", "gridwarden-demo-")
		if err != nil {
			return fmt.Errorf("demo: making a directory: %w", err)
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("demo: making %s: %w", dir, err)
	}
	file := filepath.Join(dir, "demo.yaml")
	if c.Keep != "" { // for gridwarden audit and gridwarden run
		if err := os.WriteFile(file, demoConfig, 0o600); err != nil {
			return fmt.Errorf("demo: keeping the configuration: %w", err)
		}
	}
	cfg, err := config.Parse(file, demoConfig, dir)
	if err != nil {
		return misconfigured(err)
	}
	log := slog.New(slog.DiscardHandler)
	if c.Log {
		log = logger(t.err, slog.LevelInfo)
	}
	if err := c.play(ctx, t, cfg, log); err != nil {
		return err
	}
	if c.Keep != "" {
		fmt.Fprintf(t.out, "\nKept. To look again: gridwarden audit show --config %s\n", visible(file))
	}
	if !t.interactive() {
		return nil
	}
	return c.handOver(ctx, t, cfg, log)
}

// play runs the guided incident.
func (c demoCmd) play(ctx context.Context, t terminal, cfg *config.Config, log *slog.Logger) error {
	s := &script{out: t.out, colour: colours(t.out)}
	a, err := wire(ctx, cfg, log, wiring{in: s, out: t.out, listen: true, serves: true, brief: true})
	if err != nil {
		return err
	}
	defer a.close()
	s.app, s.ctx = a, ctx
	s.steps = incident(a)
	if err := a.run(ctx); err != nil {
		return err
	}
	if s.err != nil {
		return s.err
	}
	s.tell("The record of all this: every step is a leaf of a signed Merkle tree.\nVerified now with the public key alone, as `gridwarden audit verify` does:")
	v, err := auditVerifyCmd{}.journal(ctx, cfg)
	if err != nil {
		return err
	}
	if err := t.show(v.message(), readingWidth); err != nil || v.Sound {
		return err
	}
	return exit{status: exitFailed}
}

// handOver gives the person the prompt.
func (c demoCmd) handOver(ctx context.Context, t terminal, cfg *config.Config, log *slog.Logger) error {
	a, err := wire(ctx, cfg, log, wiring{in: t.in, out: t.out, listen: true, serves: true, brief: true})
	if err != nil {
		return err
	}
	defer a.close()
	story := a.sandbox.Incident()
	s := &script{out: t.out, colour: colours(t.out)}
	s.tell("Now it is yours. You may speak for alice (shifter), bob and carol (atlas-security). Try:")
	fmt.Fprintf(t.out, "    help\n    alice> trace %s %s\n    alice> unban %q false alarm\n    carol> pending\n    bans\n    status\n    exit\n\n",
		story.Host, story.Time.Format(time.RFC3339), story.User)
	return a.run(ctx)
}

// script plays people: it is the console's input, read a line at a time when
// everything before was answered.
type script struct {
	ctx    context.Context //nolint:containedctx // io.Reader is given none
	app    *app
	out    io.Writer
	colour bool
	steps  []step
	rest   string
	err    error
}

// step is narration, something to wait for, and then a line typed by somebody.
type step struct {
	say  string
	wait func(context.Context) error
	line func(context.Context) (string, error)
}

// Read implements io.Reader for the console.
func (s *script) Read(p []byte) (int, error) {
	if s.rest == "" {
		if len(s.steps) == 0 {
			return 0, io.EOF
		}
		next := s.steps[0]
		s.steps = s.steps[1:]
		if s.err = s.take(next); s.err != nil {
			s.steps = nil
			return 0, io.EOF
		}
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *script) take(next step) error {
	if next.wait != nil {
		if err := next.wait(s.ctx); err != nil {
			return err
		}
	}
	if next.say != "" {
		s.tell(next.say)
	}
	line, err := next.line(s.ctx)
	s.rest = line + "\n"
	return err
}

// tell prints narration apart from the conversation.
func (s *script) tell(text string) {
	for i, l := range strings.Split(text, "\n") {
		mark := "   "
		if i == 0 {
			mark = "\n══ "
		}
		if s.colour {
			l = "\x1b[1;36m" + l + "\x1b[0m"
		}
		fmt.Fprintln(s.out, mark+l)
	}
	fmt.Fprintln(s.out)
}

func colours(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// incident is the story, told over what the sandbox has planted.
func incident(a *app) []step {
	story := a.sandbox.Incident()
	at := story.Time.Format(time.RFC3339)
	typed := func(format string, args ...any) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return fmt.Sprintf(format, args...), nil }
	}
	latest := func(format string) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			actions, err := a.journal.Actions(ctx, 1)
			if err != nil || len(actions) == 0 {
				return "", fmt.Errorf("demo: no action was proposed: %w", err)
			}
			return fmt.Sprintf(format, actions[0].ID), nil
		}
	}
	return []step{
		{
			say:  fmt.Sprintf("A site reports: something odd on %s at %s.\nIts mail names this DN:\n%s\nFirst question: whose DN is that?", story.Host, at, story.FactoryDN),
			line: typed("alice> whois %q", story.FactoryDN),
		},
		{
			say:  "The pilot factory's: banning what the site names would hit the wrong one.\nSo: whose code ran on that node?",
			line: typed("alice> trace %s %s", story.Host, at),
		},
		{
			say:  "A payload of \"Naughty User\" ran there, and still does. The answer is partial, and says why:\non this simulated grid the 48 hours after the report have not all happened yet.\nWho is that, exactly? Names are case-sensitive, and look-alikes exist.",
			line: typed("alice> whois %q", story.User),
		},
		{
			say:  "Alice proposes a ban. Nothing runs yet: the card shows the whole target and what would happen.",
			line: typed("alice> ban %q cryptominer reported by the site", story.User),
		},
		{say: "She cannot approve what she asked for.", line: typed("alice> click approve")},
		{say: "Bob approves by reaction, Carol by typing.", line: typed("bob> react white_check_mark")},
		{line: latest("carol> approve %s")},
		{
			say:  "The ban holds. What is running already is not stopped by it: that is a second action.",
			wait: a.untilSettled,
			line: typed("alice> kill user %q stop what is running", story.User),
		},
		{
			say:  "One approval is enough here. A kill is registered, then told to each pilot at its next\nheartbeat (30 minutes; the sandbox's clock is fast), and only then seen gone.",
			line: latest("bob> approve %s"),
		},
		{
			say:  "One payload evaded its pilot: it is named as still there, with what the site needs to end it.\nThe audit trail of the kill:",
			wait: a.untilSettled, line: latest("alice> audit %s"),
		},
	}
}

// untilSettled waits until no action is open and all of it was said.
func (a *app) untilSettled(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		open, err := a.journal.OpenActions(ctx)
		if err != nil {
			return err
		}
		if len(open) == 0 {
			return a.engine.Idle(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("demo: an action did not settle: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}
