package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
	"github.com/gridwarden/gridwarden/handlers/status"
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
	return a.probe(ctx, t.out)
}

// probe asks every part, and whether enough people could approve, and tells it all.
func (a *app) probe(ctx context.Context, out io.Writer) error {
	failed, asked := 0, 0
	tell := func(f bot.Finding) error {
		asked++
		if f.Err != nil {
			failed++
		}
		_, err := io.WriteString(out, probed(f))
		return err
	}
	for _, part := range a.parts {
		if err := tell(probe(ctx, part)); err != nil {
			return err
		}
	}
	for _, f := range a.engine.Approvers(ctx) {
		if err := tell(f); err != nil {
			return err
		}
	}
	if failed > 0 {
		return exit{status: exitFailed, text: fmt.Sprintf("%d of %d probes failed.", failed, asked)}
	}
	return nil
}

// prober is a part that can be asked for more than `status` asks it for.
type prober interface {
	// Probe returns what is no failure and worth knowing, a sentence each.
	Probe(ctx context.Context) (remarks []string, err error)
}

// probe asks one part.
func probe(ctx context.Context, part status.Part) bot.Finding {
	ctx, cancel := context.WithTimeout(ctx, probeDeadline)
	defer cancel()
	f := bot.Finding{Name: part.Name(), Err: part.Check(ctx)}
	if p, ok := part.(prober); ok && f.Err == nil {
		f.Remarks, f.Err = p.Probe(ctx)
	}
	return f
}

// probed is a finding as people read it: a line, and what more is to be said below
// it, a line each.
func probed(f bot.Finding) string {
	below := []string{}
	state := "ok"
	if f.Well != "" {
		state += ": " + f.Well
	}
	if f.Err != nil {
		all := failures(f.Err)
		state = "FAILED: " + all[0]
		if len(all) > 1 {
			state = fmt.Sprintf("FAILED: %d things:", len(all))
			below = append(below, all...)
		}
	}
	for _, r := range f.Remarks {
		below = append(below, "remark: "+r)
	}
	out := fmt.Sprintf("probe: %s: %s\n", f.Name, display.Visible(state))
	for _, line := range below {
		out += "    " + display.Visible(line) + "\n"
	}
	return out
}

// failures are the texts of errors that were joined, or of the one.
func failures(err error) []string {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []string{failure(err)}
	}
	var texts, plain []string
	for _, one := range joined.Unwrap() {
		texts, plain = append(texts, failures(one)...), append(plain, one.Error())
	}
	if strings.Join(plain, "\n") != err.Error() { // one text around several
		return []string{failure(err)}
	}
	return texts
}

// failure is the text of one error: what is for people, if it has such, and what happened.
func failure(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", "; ")
	var people bot.ForPeople
	if !errors.As(err, &people) || strings.Contains(text, people.ForPeople()) {
		return text
	}
	return people.ForPeople() + " (" + text + ")"
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
