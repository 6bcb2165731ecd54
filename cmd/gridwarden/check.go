package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/handlers/status"
)

// probeDeadline bounds the question to one server.
const probeDeadline = 10 * time.Second

type checkCmd struct {
	Config string `required:"" help:"Configuration file." placeholder:"FILE"`
	Probe  bool   `help:"Ask every server and open every database."`
}

// Run prints every problem, or the policy in force in words.
func (c checkCmd) Run(ctx context.Context, t terminal) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	fmt.Fprint(t.out, cfg.Describe())
	for _, w := range cfg.Warnings() {
		fmt.Fprintln(t.out, "warning:", w)
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
	parts := append([]status.Part{a.journal}, a.parts...)
	for _, part := range parts {
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
		return exit{status: exitFailed, text: fmt.Sprintf("%d of %d probes failed.", failed, len(parts))}
	}
	return nil
}
