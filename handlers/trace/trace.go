package trace

import (
	"context"
	"log/slog"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// Source has job records of one experiment.
type Source interface {
	// Name is the word for source= and in answers, such as cms-elastic.
	Name() string
	Experiment() grid.Experiment
	// Sightings gives the jobs that match and how complete that is. What came
	// with an error is kept, and the source counts as partial at best.
	Sightings(ctx context.Context, q grid.Query) (grid.Found, error)
}

// Enricher knows more about what the sources have found, such as the logs of
// the pilots that ran the jobs.
type Enricher interface {
	Name() string
	Experiment() grid.Experiment
	// Enrich is asked after the sources, with all sightings of its experiment.
	Enrich(ctx context.Context, q grid.Query, seen []grid.Sighting) (grid.Found, error)
}

// New gives the trace commands over the sources. sites may be nil.
func New(sources []Source, enrichers []Enricher, sites *grid.SiteMap, log *slog.Logger, registers ...Register) []bot.Command {
	t := tracer{sources: sources, enrichers: enrichers, registers: registers, sites: sites, log: log}
	return t.commands()
}

func (t tracer) commands() []bot.Command {
	window := []string{"for", "to", "margin", "source", "site"}
	host := bot.Command{
		Args:    "HOST TIME [site=S] [for=48h or to=TIME] [margin=10m] [source=NAME,…] [plot]",
		Summary: "who ran on a worker node from TIME on",
		Options: window,
	}
	plain, named := host, host
	plain.Name, plain.Example = "trace", "trace wn042.example.org 2026-06-24T12:00Z"
	named.Name, named.Example = "trace host", "trace host wn042.example.org 2026-06-24T12:00Z"
	return []bot.Command{
		t.command(plain, t.byHost),
		t.command(named, t.byHost),
		t.command(bot.Command{
			Name: "trace batch", Args: "ID [TIME] site=S [queue=Q] [for=48h or to=TIME] [margin=10m] [source=NAME,…] [plot]",
			Summary: "who ran in a job of a site's batch system",
			Example: "trace batch 5581127.0 2026-06-24T12:00Z site=T2_CH_CERN",
			Options: append([]string{"queue"}, window...),
		}, t.byBatch),
		t.command(bot.Command{
			Name: "trace pilot", Args: "CLUSTER.PROC [TIME] [schedd=S] [factory=F] [entry=E] [site=S] [for=48h or to=TIME] [margin=10m] [source=NAME,…] [plot]",
			Summary: "who ran in a pilot",
			Example: "trace pilot 10176593.0 2026-06-24T12:00Z schedd=schedd_glideins3@factory.example.org",
			Options: append([]string{"schedd", "factory", "entry"}, window...),
		}, t.byPilot),
		t.command(bot.Command{
			Name: "trace user", Args: `"NAME or DN" FROM [TO] [site=S] [margin=0] [source=NAME,…] [plot]`,
			Summary: "where a person's jobs ran: sites, hosts, pilots, submit addresses",
			Example: `trace user "Jane Doe" 2026-06-24T12:00Z 2026-06-26T12:00Z`,
			Options: []string{"site", "source", "margin"},
		}, t.byUser),
		t.command(bot.Command{
			Name: "trace ip", Args: "ADDRESS TIME [site=S] [for=48h or to=TIME] [margin=10m] [source=NAME,…] [plot]",
			Summary: "who is behind a reported address; says when it is a squid or shared by worker nodes",
			Example: "trace ip 192.0.2.17 2026-06-24T12:00Z",
			Options: window,
		}, t.byIP),
	}
}

// tracer holds what the commands share.
type tracer struct {
	sources   []Source
	enrichers []Enricher
	registers []Register
	sites     *grid.SiteMap
	log       *slog.Logger
	readers   map[string]reader // set: filled with how each command is understood, by its name
}

// question is a request as it was understood.
type question struct {
	grid.Query
	Site    string   // as typed
	Subject string   // what was asked about, for people
	Said    []string // what was assumed, a fragment each
	Squid   string   // the site whose proxy cache the address is
	NAT     string   // the site whose worker nodes share the address
	Plot    bool     // a picture was asked for
	also    []string // ByUser: the person's other names in any experiment
}

// reader understands a request. Relative times count from asked, the window
// ends at now at the latest.
type reader func(r *bot.Request, asked, now time.Time) (question, error)

func (t tracer) command(c bot.Command, read reader) bot.Command {
	if t.readers != nil {
		t.readers[c.Name] = read
	}
	c.Role = bot.Shifter
	c.Run = func(ctx context.Context, r *bot.Request) (bot.Message, error) { return t.run(ctx, r, read) }
	c.Again = func(ctx context.Context, r *bot.Request, state []byte) (bot.Message, error) {
		return t.again(ctx, r, state, read)
	}
	return c
}

func (t tracer) run(ctx context.Context, r *bot.Request, read reader) (bot.Message, error) {
	now := time.Now().UTC()
	q, err := t.understand(r, read, r.At, now)
	if err != nil {
		return bot.Message{}, err
	}
	trace, known := t.find(ctx, &q, r.Personal, now, &soFar{now: now, personal: r.Personal, tell: r.Progress})
	a := answer{q: q, trace: trace, now: now, personal: r.Personal, known: known, request: r.ID}
	a.later = a.laterWord(r)
	a.picture = t.draw(ctx, a)
	m, err := a.message()
	if err != nil {
		return bot.Message{}, err
	}
	m.Again, err = a.lookAgain(r.At, a.trace)
	return m, err
}
