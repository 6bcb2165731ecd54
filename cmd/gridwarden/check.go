package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

// probeDeadline bounds the question to one server.
const probeDeadline = 10 * time.Second

type checkCmd struct {
	Config string `required:"" help:"Configuration file." placeholder:"FILE"`
	Probe  bool   `help:"Ask every server and open every database."`
}

// secrets refuses files that a start would refuse. Those that are not here, or
// not for whoever checks, may be right where the program runs.
func secrets(cfg *config.Config) error {
	var all []string
	for _, f := range cfg.Secrets() {
		var bad *secret.Error
		if _, err := f.Read(); errors.As(err, &bad) && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			all = append(all, bad.ForPeople())
		}
	}
	if len(all) > 0 {
		return exit{status: exitUsage, text: strings.Join(all, "\n")}
	}
	return nil
}

// Run prints every problem, or the policy in force in words.
func (c checkCmd) Run(ctx context.Context, t terminal) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	var m bot.Message
	for line := range strings.Lines(cfg.Describe()) {
		m.Lines = append(m.Lines, bot.Text{{Text: strings.TrimSuffix(line, "\n")}})
	}
	for _, w := range cfg.Warnings() {
		m.Lines = append(m.Lines, bot.Text{{Text: "warning: " + w}})
	}
	if err := t.show(m, unbroken); err != nil {
		return err
	}
	if err := secrets(cfg); err != nil {
		return err
	}
	if !c.Probe {
		return nil
	}
	a, err := wire(ctx, cfg, logger(t.err, slog.LevelWarn), wiring{chats: true})
	if err != nil {
		return err
	}
	defer a.close()
	failed := 0
	for _, part := range a.parts {
		probe, cancel := context.WithTimeout(ctx, probeDeadline)
		err := part.Check(probe)
		cancel()
		if err != nil {
			failed++
			fmt.Fprintf(t.out, "probe: %s: FAILED: %v\n", part.Name(), err)
			continue
		}
		fmt.Fprintf(t.out, "probe: %s: ok\n", part.Name())
	}
	if failed > 0 {
		return exit{status: exitFailed, text: fmt.Sprintf("%d of %d probes failed.", failed, len(a.parts))}
	}
	return nil
}
