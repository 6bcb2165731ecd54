package trace

import (
	"context"
	"log/slog"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// Finding is what a trace has found, for those who word it otherwise than as
// the answer in chat. It has personal data.
type Finding struct {
	Trace   grid.Trace
	Line    string    // the question as it was understood, to be typed again
	Subject string    // what was asked about, for people
	Site    string    // as typed
	Said    []string  // what was assumed, a fragment each
	Squid   string    // the site whose proxy cache the address is
	NAT     string    // the site whose worker nodes share the address
	At      time.Time // when the sources were asked for this, UTC
}

// Asker asks traces once more.
type Asker struct {
	tracer
	all []bot.Command
}

// NewAsker gives an Asker over the same sources as the commands. sites may be nil.
func NewAsker(sources []Source, enrichers []Enricher, sites *grid.SiteMap, log *slog.Logger, registers ...Register) Asker {
	a := Asker{tracer: tracer{sources: sources, enrichers: enrichers, registers: registers, sites: sites, log: log, readers: map[string]reader{}}}
	a.all = a.commands()
	return a
}

// Knows reports whether a line, as bot.Echo writes it, is a trace.
func (a Asker) Knows(line string) bool {
	_, err := bot.Reread(a.all, line)
	return err == nil
}

// Ask asks the sources for a trace as somebody has asked it at asked: relative
// times count from there, the window reaches to now at most. Errors are those of
// the command.
func (a Asker) Ask(ctx context.Context, line string, asked time.Time) (Finding, error) {
	r, err := bot.Reread(a.all, line)
	if err != nil {
		return Finding{}, err
	}
	now := time.Now().UTC()
	q, err := a.understand(r, a.readers[r.Command], asked, now)
	if err != nil {
		return Finding{}, err
	}
	trace, _ := a.find(ctx, &q, true, now, nil)
	return Finding{Trace: trace, Line: q.Raw, Subject: q.Subject, Site: q.Site, Said: q.Said, Squid: q.Squid, NAT: q.NAT, At: now}, nil
}
