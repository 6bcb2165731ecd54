package trace

import (
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// soFar is what is known while sources are still asked. A nil one notes nothing.
type soFar struct {
	now      time.Time
	personal bool
	tell     func(so func() bot.Message) // that there is news

	mu      sync.Mutex
	q       question
	known   *grid.Knowledge // of whom the registers had told when it began; may be nil
	waiting []party
	found   []grid.Found
}

// begin notes who is asked.
func (f *soFar) begin(q question, known *grid.Knowledge, asked []party) {
	if f == nil || len(asked) == 0 {
		return
	}
	f.q, f.known, f.waiting = q, known, asked
	f.tell(f.message)
}

// add notes what one party has answered.
func (f *soFar) add(p party, found grid.Found) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if i := slices.Index(f.waiting, p); i >= 0 {
		f.waiting = slices.Delete(slices.Clone(f.waiting), i, i+1)
	}
	f.found = append(f.found, found)
	f.tell(f.message)
}

// message words it. It may be the last that people see, so it says first that it
// is not the answer, and never that somebody is not there.
func (f *soFar) message() bot.Message {
	f.mu.Lock()
	waiting, found := f.waiting, slices.Clone(f.found)
	f.mu.Unlock()
	a := answer{q: f.q, now: f.now, personal: f.personal, known: f.known, trace: grid.MergeKnowing(f.q.Query, found, f.now, f.known)}
	m := bot.Message{Title: a.title(), Partial: true}
	m.Line("*Not complete:* %s. The answer will stand here.", stillAsking(waiting))
	a.sayWindow(&m)
	a.saySoFar(&m)
	m.Below("*Sources:*")
	for _, r := range a.trace.Reports {
		m.Below("• %s (%s): *%s*; %s", r.Name, r.Experiment, r.State, count(r.Matched, "job", "jobs")+" matched")
	}
	for _, p := range waiting {
		m.Below("• %s (%s): *still asked*", p.name, p.experiment)
	}
	return m
}

func stillAsking(waiting []party) string {
	if len(waiting) == 0 {
		return "every source has answered, and what they know is put together"
	}
	var names []string
	for _, p := range waiting {
		names = append(names, p.name)
	}
	return "still asking " + strings.Join(names, ", ")
}

// saySoFar names those whom the sources that have answered know of.
func (a answer) saySoFar(m *bot.Message) {
	c := a.counts()
	switch {
	case c.Confirmed+c.Possible == 0 && c.Jobs == 0:
		m.Line("Nobody can be named or ruled out yet.")
		return
	case c.Confirmed+c.Possible == 0:
		m.Line("So far: %s, but no record names a person yet.", count(c.Jobs, "job", "jobs"))
		return
	}
	m.Line("*So far:* %s, %d possible, %s. There may be more, and what is still asked may show them in another light.",
		count(c.Confirmed, "person confirmed", "people confirmed"), c.Possible, count(c.Jobs, "job", "jobs"))
	if !a.personal {
		m.Line("Names are withheld, for this channel may not show personal data.")
		return
	}
	for i, p := range a.trace.People {
		if i == maxPeople {
			m.Line("• and %d more", len(a.trace.People)-maxPeople)
			return
		}
		m.Line("• *%s* (%s) · %s · %s", who(p), p.Experiment, p.Confidence, count(p.Jobs, "job", "jobs"))
	}
}
