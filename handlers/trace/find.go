package trace

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/deadline"
)

// allowed is the time that every source has for its answer, and then every enricher.
const allowed = 20 * time.Second

// find asks every source and enricher and merges what they know with the help
// of the registers, which are asked first where a person's other names are
// searched for, too. It says in q by which. What comes in is noted in far.
func (t tracer) find(ctx context.Context, q *question, personal bool, now time.Time, far *soFar) (grid.Trace, *grid.Knowledge) {
	learned := make(chan knowledge, 1)
	go func() { learned <- t.learn(ctx) }()
	known := knowledge{}
	if q.Kind == grid.ByUser {
		known = <-learned
		known.sayNames(q, t.experiments(), personal)
	}
	far.begin(*q, known.Knowledge, t.parties(*q))
	found := t.askSources(ctx, *q, known.Knowledge, far)
	found = append(found, t.askEnrichers(ctx, *q, known.Knowledge, found, far)...)
	if q.Kind != grid.ByUser {
		known = <-learned
	}
	trace := grid.MergeKnowing(q.Query, found, now, known.Knowledge)
	known.report(&trace)
	if q.Squid != "" || q.tooOld(now) {
		trace.Complete = false
	}
	return trace, known.Knowledge
}

// tooOld reports whether records of the time asked about may be gone.
func (q question) tooOld(now time.Time) bool {
	return !q.Asked.IsZero() && grid.OlderThanHorizon(q.Asked, now)
}

// parties are those that a question is put to.
func (t tracer) parties(q question) []party {
	var out []party
	for _, s := range t.sources {
		out = append(out, party{s.Name(), s.Experiment()})
	}
	for _, e := range t.enrichers {
		out = append(out, party{e.Name(), e.Experiment()})
	}
	return slices.DeleteFunc(out, func(p party) bool { return q.leftOut(p) != "" })
}

// askSources asks every source at once.
func (t tracer) askSources(ctx context.Context, q question, known *grid.Knowledge, far *soFar) []grid.Found {
	found := make([]grid.Found, len(t.sources))
	var wg sync.WaitGroup
	for i, s := range t.sources {
		p := party{s.Name(), s.Experiment()}
		if why := q.leftOut(p); why != "" {
			found[i] = p.notAsked(why)
			continue
		}
		wg.Go(func() {
			own, said := t.inWordsOf(p, q, known)
			found[i] = t.ask(ctx, p, said, func(ctx context.Context) (grid.Found, error) { return s.Sightings(ctx, own) })
			found[i].Sightings = doubt(found[i].Sightings, q.NAT)
			far.add(p, found[i])
		})
	}
	wg.Wait()
	return found
}

// askEnrichers asks every enricher at once, with what its experiment's sources
// have seen.
func (t tracer) askEnrichers(ctx context.Context, q question, known *grid.Knowledge, found []grid.Found, far *soFar) []grid.Found {
	seen := map[grid.Experiment][]grid.Sighting{}
	for _, f := range found {
		for _, s := range f.Sightings {
			seen[s.Job.Experiment] = append(seen[s.Job.Experiment], s)
		}
	}
	more := make([]grid.Found, len(t.enrichers))
	var wg sync.WaitGroup
	for i, e := range t.enrichers {
		p := party{e.Name(), e.Experiment()}
		if why := q.leftOut(p); why != "" {
			more[i] = p.notAsked(why)
			continue
		}
		wg.Go(func() {
			own, said := t.inWordsOf(p, q, known)
			sightings := slices.Clone(seen[p.experiment])
			more[i] = t.ask(ctx, p, said, func(ctx context.Context) (grid.Found, error) { return e.Enrich(ctx, own, sightings) })
			more[i].Sightings = doubt(more[i].Sightings, q.NAT)
			far.add(p, more[i])
		})
	}
	wg.Wait()
	return more
}

// leftOut says why a party is not asked; "" when it is.
func (q question) leftOut(p party) string {
	switch {
	case q.Squid != "":
		return "the address is a squid's; no job record names who asked through it"
	case len(q.Only) > 0 && !slices.Contains(q.Only, p.name):
		return "left out by source="
	}
	return ""
}

// inWordsOf translates the site, and the person's names, to those that a party's
// records use.
func (t tracer) inWordsOf(p party, q question, known *grid.Knowledge) (grid.Query, string) {
	own := q.Query
	var said string
	if q.Kind == grid.ByUser {
		own.Also, _ = known.Names(p.experiment, q.User)
	}
	own.Sites, said = t.sites.SitesFor(p.experiment, q.Site)
	return own, said
}

// doubt makes possible what is confirmed only by an address that the worker
// nodes of site share. "" is no such site.
func doubt(sightings []grid.Sighting, site string) []grid.Sighting {
	if site == "" {
		return sightings
	}
	sightings = slices.Clone(sightings)
	for i := range sightings {
		if s := &sightings[i]; s.Confidence == grid.Confirmed {
			s.Confidence = grid.Possible
			s.Why += "; the address is shared by worker nodes of " + site
		}
	}
	return sightings
}

// party is a source or an enricher, by the name that answers use.
type party struct {
	name       string
	experiment grid.Experiment
}

func (p party) notAsked(why string) grid.Found {
	return grid.Found{Report: grid.Report{Name: p.name, Experiment: p.experiment, State: grid.NotAsked, Notes: []string{why}}}
}

// ask calls one party. Whatever goes wrong is in the report: a party never just
// disappears from an answer.
func (t tracer) ask(ctx context.Context, p party, said string, call func(context.Context) (grid.Found, error)) grid.Found {
	f, err := deadline.Ask(ctx, allowed, call)
	f.Report.Name, f.Report.Experiment = p.name, p.experiment
	switch {
	case err != nil:
		t.log.WarnContext(ctx, "a source of a trace failed", "source", p.name, "error", err)
		f.Report.State = grid.Failed
		if len(f.Sightings) > 0 {
			f.Report.State = grid.Partial
		}
		f.Report.Notes = append(f.Report.Notes, sentence(err, allowed))
	case f.Report.State == "":
		f.Report.State = grid.Partial
		f.Report.Notes = append(f.Report.Notes, "it did not say whether it is complete")
	}
	if said != "" {
		f.Report.Notes = append(f.Report.Notes, said)
	}
	return f
}

// sentence is what people may see of a source's error: addresses and answers of
// servers are not for them.
func sentence(err error, within time.Duration) string {
	var f bot.ForPeople
	switch {
	case errors.As(err, &f):
		return f.ForPeople()
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("no answer within %s", within)
	case errors.Is(err, context.Canceled):
		return "the question was cut short"
	case errors.Is(err, deadline.ErrBroken):
		return "it broke down while it was asked"
	}
	return "it failed; status tells more"
}
