package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
)

type serveCmd struct {
	Config string `required:"" help:"Configuration file." placeholder:"FILE"`
	Debug  bool   `help:"Log more."`
}

// Run listens until it is told to stop. SIGHUP reloads people, roles and policies.
func (c serveCmd) Run(ctx context.Context, t terminal) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	level := slog.LevelInfo
	if c.Debug {
		level = slog.LevelDebug
	}
	log := logger(t.err, level)
	w := wiring{in: t.in, out: t.out, platforms: testPlatforms()}
	w.listen = len(w.platforms) == 0
	a, err := wire(ctx, cfg, log, w)
	if err != nil {
		return err
	}
	defer a.close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go c.reloads(ctx, a, log)
	log.InfoContext(ctx, "listening", "version", version)
	return a.run(ctx)
}

// reloads reads the configuration again at SIGHUP. A broken file changes nothing.
func (c serveCmd) reloads(ctx context.Context, a *app, log *slog.Logger) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
		}
		cfg, err := config.Load(c.Config)
		if err == nil {
			err = a.engine.Reload(ctx, cfg.Rules())
		}
		if err != nil {
			log.ErrorContext(ctx, "configuration not reloaded; the old one stays in force", "error", err)
			continue
		}
		log.InfoContext(ctx, "people, roles and policies reloaded")
	}
}

// misconfigured ends a sub-command because of its configuration.
func misconfigured(err error) error {
	var people bot.ForPeople
	if errors.As(err, &people) {
		return exit{status: exitUsage, text: people.ForPeople()}
	}
	return exit{status: exitUsage, text: err.Error()}
}
