package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

// probeDeadline bounds the question to one server.
const probeDeadline = 10 * time.Second

type checkCmd struct {
	Config string
	Probe  bool
}

// checkCommand is the command line of checkCmd.
func checkCommand(t terminal) *cobra.Command {
	var c checkCmd
	x := command("check", "Check the whole configuration and print the policy in force.", "", noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.BoolVar(&c.Probe, "probe", false, "Ask every server and open every database.")
	return x
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
	stop := a.answerMeanwhile(ctx, cfg)
	defer stop()
	failed := 0
	for _, part := range a.parts {
		probe, cancel := context.WithTimeout(ctx, probeDeadline)
		err := part.Check(probe)
		if p, ok := part.(prober); ok && err == nil {
			err = p.Probe(probe)
		}
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

// prober is a part that can be asked for more than `status` asks it for.
type prober interface {
	Probe(ctx context.Context) error
}

// answerMeanwhile answers at the addresses where chat platforms call while they
// are probed, unless a serve has the port and does. What comes there by chance is
// told to come again.
func (a *app) answerMeanwhile(ctx context.Context, cfg *config.Config) (stop func()) {
	if cfg.HTTP == nil || cfg.HTTP.PublicURL == "" {
		return func() {}
	}
	l, err := listen(ctx, cfg.HTTP)
	if err != nil { // the probes tell whether it matters
		return func() {}
	}
	routes := http.NewServeMux()
	mount(routes, a.chats, cfg.HTTP.PublicURL)
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := l.serve(ctx, routes, a.log); err != nil {
			a.log.WarnContext(ctx, "the probes were not answered here", "error", err)
		}
	}()
	return func() { cancel(); <-ended }
}
