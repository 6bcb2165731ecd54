package trace

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// maxNext is how many commands an answer offers.
const maxNext = 2

// next offers the commands to go on with, ready to copy.
func (a answer) next() []string {
	var out []string
	switch {
	case len(a.trace.People) == 0:
		out = a.nextWider()
	case !a.personal:
	case a.q.Kind == grid.ByUser:
		out = a.nextHosts()
	default:
		out = a.nextPeople()
	}
	out = out[:min(len(out), maxNext)]
	if draft := a.nextContainment(); draft != "" {
		out = append(out[:min(len(out), maxNext-1)], draft)
	}
	return out
}

// nextContainment offers the drafts against the first person against whom there
// are some; "" for none.
func (a answer) nextContainment() string {
	for _, p := range a.trace.People {
		if !a.personal || p.Containable() != "" {
			continue
		}
		name := p.Username
		if name == "" {
			name = p.DN
		}
		return bot.Echo("containment", []bot.Token{{Text: name, Quoted: true}}, map[string]string{"trace": a.request})
	}
	return ""
}

// nextWider asks for a worker node again with a margin of a working day:
// reports are often in local time.
func (a answer) nextWider() []string {
	if a.q.Kind != grid.ByHost || a.q.Asked.Sub(a.q.Window.From) > grid.DefaultMargin {
		return nil
	}
	options := map[string]string{"margin": "8h"}
	if a.q.Site != "" {
		options["site"] = a.q.Site
	}
	return []string{bot.Echo("trace", []bot.Token{{Text: a.q.Host}, {Text: stamp(a.q.Asked)}}, options)}
}

// nextPeople asks where else the people found have run.
func (a answer) nextPeople() []string {
	var out []string
	from, to := stamp(a.q.Window.From), stamp(a.q.Window.To)
	for _, p := range a.trace.People {
		name := p.Username
		if name == "" {
			name = p.DN
		}
		if name == "" || p.Label != "" { // services and shared accounts are not one person
			continue
		}
		out = append(out, bot.Echo("trace user", []bot.Token{{Text: name, Quoted: true}, {Text: from}, {Text: to}}, nil))
		if p.DN != "" && len(a.trace.People) == 1 {
			out = append(out, bot.Echo("whois", []bot.Token{{Text: p.DN, Quoted: true}}, nil))
		}
	}
	return out
}

// nextHosts asks who else was on the hosts of a person's jobs.
func (a answer) nextHosts() []string {
	var out []string
	for _, p := range a.trace.People {
		for _, h := range p.Hosts {
			if host, err := grid.ParseHost(h); err == nil {
				out = append(out, bot.Echo("trace", []bot.Token{{Text: host}, {Text: stamp(a.q.Asked)}}, nil))
			}
		}
	}
	return out
}

// attach puts the whole machine form beside an answer that the message cuts.
func (a answer) attach(m *bot.Message) error {
	if !a.personal || len(a.trace.People) <= maxPeople && a.counts().Unplaced <= maxUnplaced && len(a.trace.FollowOn) <= maxFollowOn {
		return nil
	}
	raw, err := json.MarshalIndent(a.machine(), "", "  ")
	if err != nil {
		return fmt.Errorf("trace: writing the answer's file: %w", err)
	}
	m.Files = append(m.Files, bot.File{Name: "trace.json", Media: "application/json", Data: append(raw, '\n')})
	return nil
}

// utc writes a time for people, with its date.
func utc(t time.Time) string { return clock(t) + " UTC" }

// clock is utc where a heading says UTC; "?" is a time that no record has.
func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// last is when a person was last seen.
func last(p grid.Person) string {
	if p.Last.IsZero() {
		return "not seen to end"
	}
	return clock(p.Last)
}

// stamp writes a time so that it can be typed again.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// age writes a length of time for people.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
