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
	maxListed   = 5 // values in one cell
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
	for _, s := range a.trace.WouldChange {
		m.Below("Would change this: %s", s)
	}
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
	m.Line("Searched: %s to %s. %s", utc(a.q.Window.From), utc(a.q.Window.To), strings.Join(a.q.Why, " "))
	if a.q.tooOld(a.now) {
		m.Line("*This is more than %d days ago.* Sources need not have records for so long: whoever is missing here may still have been there.", grid.Horizon/(24*time.Hour))
	}
}

// sayFound gives the one sentence that people will quote.
func (a answer) sayFound(m *bot.Message) {
	c := a.counts()
	switch {
	case c.Confirmed+c.Possible > 0:
		m.Line("*%s confirmed, %d possible*, %s. %s", count(c.Confirmed, "person", "people"), c.Possible, count(c.Jobs, "job", "jobs"), a.completeness())
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

// sayPeople gives the confirmed people as the table, and the possible ones
// under their own heading with the reason why they cannot be excluded.
func (a answer) sayPeople(m *bot.Message) {
	shown, possible := 0, 0
	for _, p := range a.trace.People {
		if shown++; shown > maxPeople {
			m.Below("%d more people are in the file beside this answer.", len(a.trace.People)-maxPeople)
			return
		}
		if p.Confidence == grid.Confirmed {
			if m.Table == nil {
				m.Table = &bot.Table{Columns: a.columns()}
			}
			m.Table.Rows = append(m.Table.Rows, a.row(p))
			continue
		}
		if possible++; possible == 1 {
			m.Below("*Possible, cannot be excluded:*")
		}
		m.Below("• *%s* (%s) · %s · %s · %s to %s · named by %s · why: %s", who(p), p.Experiment, identities(p),
			count(p.Jobs, "job", "jobs"), clock(p.First), last(p), namedBy(p), a.reason(p))
	}
}

func (a answer) columns() []string {
	if a.q.Kind == grid.ByUser {
		return []string{"who", "experiment", "jobs", "first (UTC)", "last (UTC)", "sites", "hosts", "pilots", "submitted from", "named by"}
	}
	return []string{"who", "experiment", "identities", "jobs", "first (UTC)", "last (UTC)", "named by"}
}

func (a answer) row(p grid.Person) []string {
	jobs := fmt.Sprint(p.Jobs)
	if a.q.Kind == grid.ByUser {
		return []string{who(p), string(p.Experiment), jobs, clock(p.First), last(p), some(p.Sites), some(p.Hosts), some(p.Pilots), some(p.SubmitFrom), namedBy(p)}
	}
	return []string{who(p), string(p.Experiment), identities(p), jobs, clock(p.First), last(p), namedBy(p)}
}

// who is a person's name for people, with what makes it doubtful.
func who(p grid.Person) string {
	s := p.Username
	switch {
	case s == "" && p.Name != "":
		s = p.Name
	case s == "" && p.DN != "":
		s = p.DN
	case s == "":
		s = "nobody named"
	case p.Name != "" && p.Name != s:
		s += " (" + p.Name + ")"
	}
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
	var out []string
	for _, id := range p.Identities {
		if s := id.Source + " (" + string(id.AssertedBy) + ")"; !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// reason says why a person cannot be excluded.
func (a answer) reason(p grid.Person) string {
	var out []string
	for _, s := range a.trace.Sightings {
		name := a.owner(s)
		if s.Confidence == grid.Possible && (name == p.Username || name == p.DN) && !slices.Contains(out, s.Why) {
			out = append(out, s.Why)
		}
	}
	return some(out)
}

// some lists values up to a bound, and how many more there are.
func some(values []string) string {
	if n := len(values); n > maxListed {
		return strings.Join(values[:maxListed], "; ") + fmt.Sprintf("; and %d more", n-maxListed)
	}
	return strings.Join(values, "; ")
}

func (a answer) saySources(m *bot.Message) {
	m.Below("*Sources:*")
	for _, r := range a.trace.Reports {
		var parts []string
		if r.Searched != "" {
			parts = append(parts, "searched "+r.Searched)
		}
		if r.State != grid.NotAsked && r.State != grid.Failed {
			parts = append(parts, fmt.Sprintf("%s, %d matched", count(r.Records, "record", "records"), r.Matched))
		}
		if !r.Newest.IsZero() {
			parts = append(parts, fmt.Sprintf("newest data %s (%s old)", utc(r.Newest), age(a.now.Sub(r.Newest))))
		}
		parts = append(parts, r.Notes...)
		if len(parts) == 0 {
			parts = []string{"it gave no reason"}
		}
		m.Below("• %s (%s): *%s*; %s", r.Name, r.Experiment, r.State, strings.Join(parts, "; "))
	}
}

func (a answer) sayFollowOn(m *bot.Message) {
	if len(a.trace.FollowOn) == 0 {
		return
	}
	m.Below("*Exposed afterwards:* %s", count(len(a.trace.FollowOn), "place", "places"))
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
