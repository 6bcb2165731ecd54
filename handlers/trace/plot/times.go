package plot

import (
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// times is what the axis shows, UTC.
type times struct {
	from, to   time.Time
	window     grid.Window
	asked, now time.Time // zero where they are not marked
}

// times shows the window with some space on both sides. A question without a
// time searched months: then only the time of the jobs is shown.
func (c Chart) times() times {
	t := times{window: c.Trace.Query.Window, asked: c.Trace.Query.Asked, now: c.Now}
	t.from, t.to = t.window.From, t.window.To
	if t.asked.IsZero() || t.window.IsZero() {
		t.from, t.to = c.extent(t.window)
	}
	if !t.to.After(t.from) {
		t.to = t.from
	}
	space := max(t.to.Sub(t.from)/16, time.Minute)
	t.from, t.to = t.from.Add(-space).UTC(), t.to.Add(space).UTC()
	if t.asked.Before(t.from) || t.asked.After(t.to) {
		t.asked = time.Time{}
	}
	if t.now.Before(t.from) || t.now.After(t.to) {
		t.now = time.Time{}
	}
	return t
}

// extent gives the time of all jobs, as far as it is inside the window.
func (c Chart) extent(w grid.Window) (from, to time.Time) {
	add := func(at time.Time) {
		switch {
		case at.IsZero():
			return
		case !w.IsZero() && at.Before(w.From):
			at = w.From
		case !w.IsZero() && at.After(w.To):
			at = w.To
		}
		if from.IsZero() || at.Before(from) {
			from = at
		}
		if at.After(to) {
			to = at
		}
	}
	for _, s := range c.Trace.Sightings {
		span := s.Span()
		add(span.From)
		add(span.To)
	}
	if from.IsZero() {
		return w.From, w.To
	}
	return from, to
}

// share gives where a time is between from (0) and to (1); times outside are
// at the edges.
func (t times) share(at time.Time) float64 {
	switch {
	case !at.After(t.from):
		return 0
	case !at.Before(t.to):
		return 1
	}
	return at.Sub(t.from).Seconds() / t.to.Sub(t.from).Seconds()
}

// steps are the distances of ticks that people can count with.
var steps = []time.Duration{
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 4 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 84 * 24 * time.Hour,
}

// ticks gives round times, mostTicks at the most.
func (t times) ticks() (at []time.Time, step time.Duration) {
	length := t.to.Sub(t.from)
	step = steps[len(steps)-1]
	for _, s := range steps {
		if length/s < time.Duration(mostTicks) {
			step = s
			break
		}
	}
	for length/step >= time.Duration(mostTicks) {
		step *= 2
	}
	seconds := int64(step / time.Second)
	first := (t.from.Unix()/seconds + 1) * seconds
	for s := first; s < t.to.Unix() && len(at) < mostTicks; s += seconds {
		at = append(at, time.Unix(s, 0).UTC())
	}
	return at, step
}
