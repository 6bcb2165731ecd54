package trace

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// How much is shown in the message. What is beyond goes into the file beside
// it, which has the whole machine form.
const (
	maxPeople   = 40
	maxFollowOn = 15
	maxUnplaced = 10
	maxListed   = 5 // values in one cell
	maxWhy      = 3 // reasons for one possible person
)

// message words the answer.
func (a answer) message() (bot.Message, error) {
	m := bot.Message{Title: a.title(), Partial: !a.trace.Complete}
	m.Answer = map[string]any{"trace": a.machine()}
	for _, s := range a.q.Said {
		m.Line("Understood: %s.", s)
	}
	if a.q.Squid != "" {
		a.saySquid(&m)
		a.sayPicture(&m)
		return m, nil
	}
	a.sayWindow(&m)
	if a.q.NAT != "" {
		m.Line("*%s is shared by many worker nodes of %s (NAT).* Who was behind it can only be possible; the site's NAT log can tell the worker node.", a.q.Subject, a.q.NAT)
	}
	a.sayFound(&m)
	if a.personal {
		a.sayPeople(&m)
	} else if len(a.trace.People) > 0 {
		m.Line("Names, DNs and addresses are withheld, for this channel may not show personal data. Ask in a channel that may.")
	}
	a.saySources(&m)
	a.sayFollowOn(&m)
	a.sayChanges(&m)
	a.sayPicture(&m)
	for _, next := range a.next() {
		m.Below("Next: `%s`", next)
	}
	return m, a.attach(&m)
}

// subject is what was asked about; a person's name only where it may be shown.
func (q question) subject(personal bool) string {
	if q.Kind == grid.ByUser && !personal {
		return "a person"
	}
	return q.Subject
}

func (a answer) title() bot.Text {
	subject := a.q.subject(a.personal)
	when := ""
	if !a.q.Asked.IsZero() {
		when = fmt.Sprintf(" from %s (%s ago)", utc(a.q.Asked), age(a.now.Sub(a.q.Asked)))
	}
	switch a.q.Kind {
	case grid.ByUser:
		return bot.Textf("Where jobs of *%s* ran%s", subject, when)
	case grid.ByIP:
		return bot.Textf("Who was behind *%s*%s", subject, when)
	case grid.ByHost:
		return bot.Textf("Who ran on *%s*%s", subject, when)
	}
	return bot.Textf("Who ran in *%s*%s", subject, when)
}

func (a answer) saySquid(m *bot.Message) {
	m.Line("*%s is a squid server of %s*, not a worker node. All worker nodes of the site speak through it, and nothing in the job records tells them apart.", a.q.Subject, a.q.Squid)
	m.Line("So no person can be named from this address. The squid's access log at %s has the worker node's address for each request: ask the site for it.", a.q.Squid)
	m.Below("Next: `trace HOST TIME`")
}

func (a answer) sayWindow(m *bot.Message) {
	searched := fmt.Sprintf("%s to %s.", utc(a.q.Window.From), utc(a.q.Window.To))
	m.Line("Searched: %s", strings.Join(append([]string{searched}, a.q.Why...), " "))
	if a.q.tooOld(a.now) {
		m.Line("*This is more than %d days ago.* Sources need not have records for so long: whoever is missing here may still have been there.", grid.Horizon/(24*time.Hour))
	}
}

// sayFound gives the one sentence that people will quote.
func (a answer) sayFound(m *bot.Message) {
	c := a.counts()
	switch {
	case c.Confirmed+c.Possible > 0:
		open := ""
		if c.Unplaced > 0 {
			open = fmt.Sprintf(", and %d with an earlier run that no record places", c.Unplaced)
		}
		m.Line("*%s confirmed, %d possible*%s, %s. %s", count(c.Confirmed, "person", "people"), c.Possible-c.Unplaced, open, count(c.Jobs, "job", "jobs"), a.completeness())
	case c.Jobs > 0:
		m.Line("*%s, but no record names a person.* %s", count(c.Jobs, "job", "jobs"), a.completeness())
	case a.trace.Complete:
		m.Line("*No one was found, and %s.*", a.everySource())
	default:
		m.Line("*No one was found in what could be searched; this is not \"no one\".*")
	}
}

func (a answer) completeness() string {
	if a.trace.Complete {
		return upper(a.everySource()) + "."
	}
	return "Not everything could be searched: there may be more."
}

// everySource claims no more than was asked.
func (a answer) everySource() string {
	for _, r := range a.trace.Reports {
		if r.State == grid.NotAsked {
			return "every source that was asked was complete"
		}
	}
	return "every source was complete"
}

func upper(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// sayPeople gives the confirmed people as a table, which is narrow enough for
// every screen, with what the records call them below it; then the possible ones
// with the reasons why they cannot be excluded.
func (a answer) sayPeople(m *bot.Message) {
	possible := 0
	people := a.trace.People
	placed := slices.IndexFunc(people, func(p grid.Person) bool { return p.Unplaced })
	if placed >= 0 { // they come last
		defer a.sayUnplaced(m, people[placed:])
		people = people[:placed]
	}
	for i, p := range people {
		if i == maxPeople {
			m.Below("%d more people are in the file beside this answer.", len(people)-maxPeople)
			return
		}
		if p.Confidence == grid.Confirmed {
			if m.Table == nil {
				m.Table = &bot.Table{Columns: []string{"who", "jobs", "first (UTC)", "last (UTC)"}}
				m.Below("*Confirmed, as the records name them:*")
			}
			m.Table.Rows = append(m.Table.Rows, []string{who(p), fmt.Sprintf("%d (%s)", p.Jobs, p.Experiment), clock(p.First), last(p)})
			m.Below("• *%s* · %s", who(p), a.details(p))
			sayDoubts(m, p)
			continue
		}
		if possible++; possible == 1 {
			m.Below("*Possible, cannot be excluded:*")
		}
		a.sayPossible(m, p)
	}
}

// sayPossible gives one possible person, and why that one cannot be excluded.
func (a answer) sayPossible(m *bot.Message, p grid.Person) {
	m.Below("• *%s* (%s) · %s · %s · %s", who(p), p.Experiment, count(p.Jobs, "job", "jobs"), period(p), a.details(p))
	sayDoubts(m, p)
	for _, why := range p.Why[:min(len(p.Why), maxWhy)] {
		m.Below("  – why: %s", why)
	}
	if more := len(p.Why) - maxWhy; more > 0 {
		m.Below("  – and %s like these", count(more, "reason", "reasons"))
	}
}

// sayUnplaced gives those whom nothing ties to the place. They can be many, and
// are then named only: their reasons are all the same.
func (a answer) sayUnplaced(m *bot.Message, people []grid.Person) {
	m.Below("*Cannot be excluded, though nothing ties them to it:* a job of theirs had an earlier run, and no record says where. `condor_history -epochs` of their schedd would tell.")
	if len(people) <= maxListed {
		for _, p := range people {
			a.sayPossible(m, p)
		}
		return
	}
	var names []string
	for _, p := range people[:min(len(people), maxUnplaced)] {
		names = append(names, who(p))
	}
	if more := len(people) - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more in the file beside this answer", more))
	}
	m.Below("• %s", strings.Join(names, "; "))
}

// sayDoubts tells who says what of a person where that differs, and what was made
// of the names.
func sayDoubts(m *bot.Message, p grid.Person) {
	for i, s := range p.Disputes {
		if i == maxListed {
			m.Below("  – and %s more, in the machine form", count(len(p.Disputes)-i, "word", "words"))
			break
		}
		m.Below("  – *disagree:* %s", s)
	}
	for i, s := range p.Notes {
		if i == maxListed {
			m.Below("  – and %s more, in the machine form", count(len(p.Notes)-i, "note", "notes"))
			break
		}
		m.Below("  – %s", s)
	}
}

// details says where a person's jobs ran, unless that was the question, what
// the records call the person, and which source says so.
func (a answer) details(p grid.Person) string {
	var out []string
	add := func(label string, values []string) {
		if len(values) > 0 {
			out = append(out, label+" "+some(values))
		}
	}
	switch {
	case a.q.Kind == grid.ByUser:
		add("sites", p.Sites)
		add("hosts", p.Hosts)
		add("pilots", p.Pilots)
		add("submitted from", p.SubmitFrom)
	case a.several():
		add("on", p.Hosts)
		add("at", p.Sites)
	}
	if len(p.Identities) == 0 {
		return strings.Join(append(out, "no name in the records"), " · ")
	}
	return strings.Join(append(out, identities(p), "named by "+namedBy(p)), " · ")
}

// period says when a person was there.
func period(p grid.Person) string {
	if p.Last.IsZero() {
		return "since " + clock(p.First) + ", not seen to end"
	}
	return clock(p.First) + " to " + clock(p.Last)
}

// several reports whether the people need not all have been on the one host
// that was asked about, so that each one's is to be told.
func (a answer) several() bool {
	hosts := map[string]bool{}
	for _, s := range a.trace.Sightings {
		if s.Host != "" {
			hosts[s.Host] = true
		}
	}
	return a.q.Kind != grid.ByHost || len(hosts) > 1
}

// who is a person's name for people, with what makes it doubtful.
func who(p grid.Person) string {
	s := p.Title("nobody named")
	if p.Label != "" {
		s += ", " + p.Label
	}
	if p.Disagreement {
		s += ", SOURCES DISAGREE"
	}
	return s
}

// identities lists what the records call a person, each once.
func identities(p grid.Person) string {
	var out []string
	for _, id := range p.Identities {
		if s := id.Kind + " " + id.Value; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return some(out)
}

// namedBy lists which source named a person, and on whose word.
func namedBy(p grid.Person) string {
	words := map[string][]string{}
	for _, id := range p.Identities {
		if by := string(id.AssertedBy); !slices.Contains(words[id.Source], by) {
			words[id.Source] = append(words[id.Source], by)
		}
	}
	var out []string
	for source, by := range words {
		slices.Sort(by)
		out = append(out, source+" ("+strings.Join(by, ", ")+")")
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// some lists values up to a bound, and how many more there are.
func some(values []string) string {
	if n := len(values); n > maxListed {
		return strings.Join(values[:maxListed], "; ") + fmt.Sprintf("; and %d more", n-maxListed)
	}
	return strings.Join(values, "; ")
}

// saySources gives each source a line that says how it did, and below it what
// is missing there.
func (a answer) saySources(m *bot.Message) {
	m.Below("*Sources:*")
	for _, r := range a.trace.Reports {
		head := ""
		if r.Searched != "" {
			head += "; searched " + r.Searched
		}
		if r.State != grid.NotAsked && r.State != grid.Failed {
			head += fmt.Sprintf("; %s, %d matched", count(r.Records, "record", "records"), r.Matched)
		}
		if !r.Newest.IsZero() {
			head += fmt.Sprintf("; newest data %s (%s old)", utc(r.Newest), age(a.now.Sub(r.Newest)))
		}
		m.Below("• %s (%s): *%s*%s", r.Name, r.Experiment, r.State, head)
		notes := r.Notes
		if len(notes) == 0 && r.State != grid.Complete {
			notes = []string{"it gave no reason"}
		}
		for _, n := range notes {
			m.Below("  – %s", n)
		}
	}
}

// sayChanges gives what may be different later, and when that is looked at.
func (a answer) sayChanges(m *bot.Message) {
	changes := a.trace.WouldChange
	if a.later != "" {
		changes = append(slices.Clone(changes), a.later)
	}
	if len(changes) == 0 {
		return
	}
	m.Below("*What can still change this answer:*")
	for _, s := range changes {
		m.Below("• %s", s)
	}
}

// laterWord says when the answer is looked at again by itself and where what is
// different can be read; "" when it is not.
func (a answer) laterWord(r *bot.Request) string {
	at := a.nextLook(r.At)
	switch {
	case at.IsZero():
		return ""
	case r.Thread.Platform == bot.RunPlatform:
		return fmt.Sprintf("gridwarden serve looks again by itself, next at %s. What is different then stands in: audit %s", utc(at), r.ID)
	}
	return fmt.Sprintf("gridwarden looks again by itself, next at %s, and says here what is different.", utc(at))
}

func (a answer) sayFollowOn(m *bot.Message) {
	if len(a.trace.FollowOn) == 0 {
		return
	}
	m.Below("*Exposed afterwards:* %s; to be warned and looked after, not suspected", count(len(a.trace.FollowOn), "entry", "entries"))
	if !a.personal {
		return
	}
	for i, f := range a.trace.FollowOn {
		if i == maxFollowOn {
			m.Below("%d more are in the file beside this answer.", len(a.trace.FollowOn)-maxFollowOn)
			return
		}
		m.Below("• %s on %s: %s", f.Person, f.Host, f.Why)
	}
}
