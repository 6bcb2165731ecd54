package containment

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

// Facts gives what a thread knows; see facts.Book.
type Facts interface {
	Of(ctx context.Context, r *bot.Request) (facts.Facts, error)
	More(ctx context.Context, line string, asked time.Time) (trace.Finding, error)
}

// maxName bounds what is typed, in bytes: the longest DN that is read.
const maxName = 4096

// before is how long before the window of the trace the user's other jobs are
// looked for: so long a CRAB job may wait in the queue.
const before = 7 * 24 * time.Hour

// The command and its option, as other commands offer it.
const (
	Name   = "containment"
	option = facts.Option
)

// New gives the command. sites may be nil.
func New(f Facts, sites *grid.SiteMap) []bot.Command {
	x := command{facts: f, sites: sites}
	return []bot.Command{{
		Name: Name, Args: `["USER"] [trace=REQUEST]`,
		Summary: "drafts to contain a confirmed user of CMS: hold, kill, ban, node and site bans, for people to run",
		Example: `containment "jdoe"`,
		Options: []string{option},
		Role:    bot.Shifter,
		Run:     x.run,
	}}
}

type command struct {
	facts Facts
	sites *grid.SiteMap
}

func (x command) run(ctx context.Context, r *bot.Request) (bot.Message, error) {
	name := strings.TrimSpace(strings.Join(r.Args(), " "))
	switch {
	case !r.Personal:
		return bot.Message{}, bot.Problemf("refused", "The drafts hold names and DNs, which this channel may not show. Ask in a channel that is configured for personal data.")
	case len(name) > maxName || !utf8.ValidString(name):
		return bot.Message{}, bot.Problemf("usage", "That is too long or not text. Give the name as the trace shows it.")
	}
	f, err := x.facts.Of(ctx, r)
	if err != nil {
		return bot.Message{}, err
	}
	p, err := choose(f.Trace.People, name)
	if err != nil {
		return bot.Message{}, err
	}
	wide, said, complete := x.wider(ctx, f, p)
	c, err := grid.Contain(p, f.Trace, wide, x.sites)
	if err != nil {
		return bot.Message{}, err
	}
	d := draft{Containment: c, facts: f, elsewhere: said, complete: complete && f.Trace.Complete}
	return d.message(), nil
}

// choose finds the person that is meant: the one named, else the only one
// against whom something can be drafted.
func choose(people []grid.Person, name string) (grid.Person, error) {
	var fit []grid.Person
	for _, p := range people {
		if name == "" && p.Containable() == "" || name != "" && facts.Called(p, name) {
			fit = append(fit, p)
		}
	}
	if cms := slices.DeleteFunc(slices.Clone(fit), func(p grid.Person) bool { return !p.In(grid.CMS) }); len(cms) > 0 {
		fit = cms
	}
	switch {
	case len(fit) == 1 && fit[0].Containable() != "":
		return grid.Person{}, bot.Problemf("refused", "%s %s.", facts.Display(fit[0]), fit[0].Containable())
	case len(fit) == 1:
		return fit[0], nil
	case len(fit) > 1:
		return grid.Person{}, bot.Problemf("usage", "Several people fit: %s. Name one as it stands here.", list(fit))
	case len(people) == 0:
		return grid.Person{}, bot.Problemf("refused", "The trace found no one, so there is nobody to contain.")
	case name == "":
		return grid.Person{}, bot.Problemf("refused", "%s", nobody(people))
	}
	return grid.Person{}, bot.Problemf("not-found", "%q is not among the people of that trace. They are: %s.", facts.Clip(name), list(people))
}

// nobody says for each of the first people why nothing is drafted.
func nobody(people []grid.Person) string {
	var out []string
	for _, p := range people[:min(len(people), 5)] {
		out = append(out, facts.Display(p)+" "+p.Containable()+".")
	}
	return strings.Join(append([]string{"There is nobody in that trace against whom something can be drafted."}, out...), " ")
}

func list(people []grid.Person) string {
	var out []string
	for _, p := range people[:min(len(people), 10)] {
		name := p.Username
		if name == "" {
			name = p.DN
		}
		out = append(out, fmt.Sprintf("%q", facts.Clip(name)))
	}
	if more := len(people) - 10; more > 0 {
		out = append(out, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(out, ", ")
}

// wider looks for all jobs of the person: a hold must reach every schedd. said
// tells what was looked at.
func (x command) wider(ctx context.Context, f facts.Facts, p grid.Person) (t grid.Trace, said string, complete bool) {
	if f.Trace.Query.Kind == grid.ByUser {
		return f.Trace, "", true
	}
	name := p.Username
	if name == "" {
		name = p.DN
	}
	from := f.Trace.Query.Window.From.Add(-before)
	line := bot.Echo("trace user", []bot.Token{{Text: name, Quoted: true}, {Text: stamp(from)}, {Text: stamp(f.At)}}, nil)
	more, err := x.facts.More(ctx, line, f.At)
	if err != nil {
		return f.Trace, "Other jobs of this user could not be looked for; only the schedds of the trace are here.", false
	}
	said = fmt.Sprintf("Schedds were looked for by all jobs of this user that ran from %s on.", utc(from))
	if !more.Trace.Complete {
		said += " Not everything could be searched: there may be more schedds."
	}
	return more.Trace, said, more.Trace.Complete
}

// utc writes a time for people, stamp so that it can be typed.
func utc(t time.Time) string   { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
