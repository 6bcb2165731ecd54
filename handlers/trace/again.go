package trace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// When an answer that can still change is looked at again. Records follow what
// happened late: pilot logs about 45 minutes after the pilot's end, finished
// jobs of CRAB up to 30 hours.
const (
	soonFor   = 6 * time.Hour // looked at hourly so long after it was asked
	soonStep  = time.Hour
	laterStep = 6 * time.Hour // then, until the window's end
)

// lags are the looks after the window's end; the last one is final.
var lags = []time.Duration{0, time.Hour, 12 * time.Hour, 30 * time.Hour}

// end is when the window is over.
func (q question) end() time.Time {
	if !q.OpenUntil.IsZero() {
		return q.OpenUntil
	}
	return q.Window.To
}

// nextLook gives when to look again at a question that was asked at asked, or
// no time when the answer will not change by itself any more.
func (q question) nextLook(asked, now time.Time) time.Time {
	if q.Asked.IsZero() || q.Squid != "" {
		return time.Time{}
	}
	end := q.end()
	if now.Before(end) {
		step := laterStep
		if now.Sub(asked) < soonFor {
			step = soonStep
		}
		if next := now.Add(step); next.Before(end) {
			return next
		}
	}
	for _, lag := range lags {
		if next := end.Add(lag); next.After(now) {
			return next
		}
	}
	return time.Time{}
}

// How far a source may move the next look: what is missing is not asked for all
// the time, nor for ever.
const (
	soonestLook = 10 * time.Minute
	longestWait = 9 * 24 * time.Hour // after the window's end: a pilot lives for a week at most
)

// sooner is the next look when sources know of something that will come: at the
// first such moment before next, or after the last look that is due by itself.
func (q question) sooner(next time.Time, reports []grid.Report, now time.Time) time.Time {
	if q.Asked.IsZero() || q.Squid != "" {
		return next
	}
	for _, r := range reports {
		at := r.LookAgain
		if at.IsZero() {
			continue
		}
		if first := now.Add(soonestLook); at.Before(first) {
			at = first
		}
		if at.Before(q.end().Add(longestWait)) && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}

// nextLook is when this answer is looked at again; no time for never.
func (a answer) nextLook(asked time.Time) time.Time {
	return a.q.sooner(a.q.nextLook(asked, a.now), a.trace.Reports, a.now)
}

// lookAgain asks for the next look, with what it will be compared to; nil when
// there is none.
func (a answer) lookAgain(asked time.Time, before grid.Trace) (*bot.Again, error) {
	at := a.nextLook(asked)
	if at.IsZero() {
		return nil, nil
	}
	state, err := json.Marshal(baseline(before))
	if err != nil {
		return nil, fmt.Errorf("trace: keeping the answer to compare with: %w", err)
	}
	return &bot.Again{At: at, State: state}, nil
}

// baseline is what grid.Diff needs of a trace.
func baseline(t grid.Trace) grid.Trace {
	out := grid.Trace{Complete: t.Complete, Reports: t.Reports}
	for _, f := range t.FollowOn {
		if !slices.ContainsFunc(out.FollowOn, f.Same) {
			out.FollowOn = append(out.FollowOn, grid.FollowOn{Person: f.Person, Host: f.Host})
		}
	}
	for _, p := range t.People {
		p.Why, p.Disputes, p.Notes, p.Sites, p.Hosts, p.Pilots, p.SubmitFrom = nil, nil, nil, nil, nil, nil, nil
		out.People = append(out.People, p)
	}
	return out
}

// again looks once more and says only what is different. What was understood
// before and is not any more, such as a source that left the configuration,
// ends the looking with a word.
func (t tracer) again(ctx context.Context, r *bot.Request, state []byte, read reader) (bot.Message, error) {
	var before grid.Trace
	if err := json.Unmarshal(state, &before); err != nil {
		return bot.Message{}, fmt.Errorf("trace: reading the answer to compare with: %w", err)
	}
	now := time.Now().UTC()
	q, err := t.understand(r, read, r.At, now)
	if f, ok := errors.AsType[bot.ForPeople](err); ok {
		return bot.Say("This trace is not looked at again by itself any more: %s", f.ForPeople()), nil
	}
	if err != nil {
		return bot.Message{}, err
	}
	trace, known := t.find(ctx, &q, r.Personal, now, nil)
	a := answer{q: q, trace: trace, now: now, personal: r.Personal, known: known}
	after := a.trace
	if !after.Complete {
		after.People = carryOver(before.People, after.People)
	}
	after.FollowOn = slices.Concat(before.FollowOn, after.FollowOn) // who was told of is not told of again
	m, news := a.difference(before, after)
	if news {
		a.picture = t.draw(ctx, a)
		a.sayPicture(&m)
	}
	m.Again, err = a.lookAgain(r.At, after)
	return m, err
}

// carryOver keeps the people whom an incomplete look has missed: that it did not
// see them does not mean that they are gone.
func carryOver(before, after []grid.Person) []grid.Person {
	out := after[:len(after):len(after)]
	for _, p := range before {
		met := false
		for _, o := range after {
			met = met || samePerson(p, o)
		}
		if !met {
			out = append(out, p)
		}
	}
	return out
}

func samePerson(a, b grid.Person) bool {
	da, okA := grid.NormalizeDN(a.DN)
	db, okB := grid.NormalizeDN(b.DN)
	if okA && okB {
		return da.Equal(db)
	}
	return a.Experiment == b.Experiment && a.Username == b.Username && a.Name == b.Name
}

// difference words what a later look has found; empty when a person need not
// know of it. news tells whether anything is different.
func (a answer) difference(before, after grid.Trace) (m bot.Message, news bool) {
	m = bot.Message{Partial: !after.Complete}
	changes := grid.Diff(before, after)
	if !a.personal {
		sources := grid.Diff(grid.Trace{Reports: before.Reports}, grid.Trace{Reports: after.Reports})
		if n := len(changes) - len(sources); n > 0 {
			sources = append(sources, fmt.Sprintf("%s among the people found; names are withheld here, ask again in a channel that may show them.", count(n, "change", "changes")))
		}
		changes = sources
	}
	for _, c := range changes {
		m.Line("• %s", c)
	}
	final := a.nextLook(a.now).IsZero()
	switch {
	case final && after.Complete:
		m.Line("The window is closed; this answer will not change any more by itself.")
	case final:
		m.Line("The window is closed and is not looked at again by itself, but not every source could be searched: ask again when they can.")
	}
	if m.Empty() {
		return bot.Message{}, false
	}
	what := "nothing has changed"
	if n := len(changes); n > 0 {
		what = count(n, "change", "changes")
	}
	m.Title = bot.Textf("Looked again at *%s*: %s", a.q.subject(a.personal), what)
	m.Answer = map[string]any{"trace": a.machine()}
	return m, len(changes) > 0
}
