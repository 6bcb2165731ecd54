package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/monitor"
	"github.com/gridwarden/gridwarden/config"
)

type serveCmd struct {
	Config string
	Debug  bool
}

// serveCommand is the command line of serveCmd.
func serveCommand(t terminal) *cobra.Command {
	var c serveCmd
	x := command("serve", "Run the bot.", "", noWords, func(ctx context.Context, _ []string) error {
		return c.Run(ctx, t)
	})
	f := x.Flags()
	configFlag(x, &c.Config)
	f.BoolVar(&c.Debug, "debug", false, "Log more.")
	return x
}

// Run listens until it is told to stop. SIGHUP reloads people, roles and
// policies. The console runs where something can be typed; with /dev/null as
// its input, as a service, serve goes on without it.
func (c serveCmd) Run(ctx context.Context, t terminal) error {
	cfg, err := config.Load(c.Config)
	if err != nil {
		return misconfigured(err)
	}
	w := wiring{in: t.in, out: t.out, serves: true, platforms: testPlatforms()}
	w.chats = len(w.platforms) == 0
	w.listen = w.chats && t.attended()
	log := configuredLogger(t.err, cfg.Log, c.Debug, w.listen && t.together())
	hup := make(chan os.Signal, 1) // from now on: before, a SIGHUP ends the program
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	s := served{file: c.Config, started: cfg, inForce: cfg}
	if cfg.HTTP != nil {
		if s.listener, err = listen(ctx, cfg.HTTP); err != nil {
			return err
		}
		defer s.listener.Close() //nolint:errcheck // closed by serve already, unless nothing came of it
		w.monitor = monitor.New(log, version)
	}
	if s.app, err = wire(ctx, cfg, log, w); err != nil {
		return err
	}
	defer s.close()
	if !w.listen {
		log.InfoContext(ctx, "standard input is /dev/null: the console does not run here, and what is to be said there waits for one that does")
	}
	stopped := tellStop(ctx, log)
	err = s.run(ctx, w.monitor, hup)
	s.close()
	stopped()
	return err
}

// tellStop logs that the program was told to stop, and, when what it returns is
// called, that it has and how long that took.
func tellStop(ctx context.Context, log *slog.Logger) (stopped func()) {
	told := make(chan time.Time, 1)
	unused := context.AfterFunc(ctx, func() {
		log.InfoContext(ctx, "stopping", "why", context.Cause(ctx))
		told <- time.Now()
	})
	return func() {
		if unused() { // its input or a platform has ended
			log.InfoContext(ctx, "stopped")
			return
		}
		log.InfoContext(ctx, "stopped", "took", time.Since(<-told).Round(time.Millisecond))
	}
}

// served is the bot with what serve has around it.
type served struct {
	*app
	file     string // of the configuration
	started  *config.Config
	inForce  *config.Config // what of it can be reloaded
	listener *listener      // nil: nothing listens
}

// run runs the bot and its listener. When one of them ends, so does the other.
func (s *served) run(ctx context.Context, m *monitor.Monitor, hup <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go s.reloads(ctx, hup)
	answering := make(chan error, 1)
	if s.listener == nil {
		close(answering)
		s.log.InfoContext(ctx, "listening", "version", version)
	} else {
		routes := http.NewServeMux()
		m.Routes(routes)
		mount(routes, s.chats, s.started.HTTP.PublicURL)
		go func() {
			answering <- s.listener.serve(ctx, routes, s.log)
			cancel()
		}()
		s.log.InfoContext(ctx, "listening", "version", version, "http", s.listener.Addr().String())
	}
	err := s.app.run(ctx)
	cancel()
	return errors.Join(err, <-answering)
}

// reloads reads the configuration again at SIGHUP.
func (s *served) reloads(ctx context.Context, hup <-chan os.Signal) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-hup:
			s.reload(ctx)
		}
	}
}

// reload puts people, roles and policies in force, and uses the certificate as
// it is now. A broken file changes nothing.
func (s *served) reload(ctx context.Context) {
	if l := s.listener; l != nil && l.certificate != nil {
		if err := l.certificate.load(); err != nil {
			s.log.ErrorContext(ctx, "certificate not reloaded; the old one is used on", "error", err)
		}
	}
	cfg, err := config.Load(s.file)
	if err == nil {
		err = s.engine.Reload(ctx, cfg.Rules())
	}
	if err != nil {
		s.log.ErrorContext(ctx, "configuration not reloaded; the old one stays in force", "error", err)
		return
	}
	now, _ := cfg.Changes(s.inForce)
	_, atStart := cfg.Changes(s.started)
	s.inForce = cfg
	if len(now) > 0 {
		s.log.InfoContext(ctx, "people, roles and policies reloaded", "changed", now)
	} else {
		s.log.InfoContext(ctx, "configuration reloaded: nothing in it that a reload takes has changed")
	}
	if len(atStart) > 0 {
		s.log.WarnContext(ctx, "some changes of the configuration count from the next start on", "changed", atStart)
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
