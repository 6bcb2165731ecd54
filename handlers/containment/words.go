package containment

import (
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// maxLines is how many lines of one lever the message shows; the file has all.
const maxLines = 8

// draft is a containment on its way to people and machines.
type draft struct {
	grid.Containment
	facts     facts.Facts
	elsewhere string // what was looked at beyond the trace
	complete  bool
}

// answer is the machine form (docs/machine-answers.md).
type answer struct {
	Person   person       `json:"person"`
	Trace    string       `json:"trace"` // the request of the trace
	At       time.Time    `json:"at"`    // when the sources were asked for this
	Complete bool         `json:"complete"`
	Doubts   []string     `json:"doubts"`
	Levers   []grid.Lever `json:"levers"`
}

type person struct {
	Experiment grid.Experiment `json:"experiment"`
	Username   string          `json:"username,omitempty"`
	Name       string          `json:"name,omitempty"`
	DN         string          `json:"dn,omitempty"`
}

func (d draft) message() bot.Message {
	m := bot.Message{Title: bot.Textf("Containment of *%s*: drafts for people", facts.Display(d.Person)), Partial: !d.complete}
	m.Line("gridwarden runs none of these lines. Read each before you run it, and only if it is yours to run.")
	m.Line("From `%s`, asked again at %s.", d.facts.Line, utc(d.facts.At))
	if d.elsewhere != "" {
		m.Line("%s", d.elsewhere)
	}
	for _, s := range d.Doubts {
		m.Line("*Check first:* %s", s)
	}
	for i, l := range d.Levers {
		m.Below("*%d. %s* (%s)", i+1, l.Title, l.Where)
		for _, line := range l.Lines[:min(len(l.Lines), maxLines)] {
			m.Below("`%s`", line)
		}
		if more := len(l.Lines) - maxLines; more > 0 {
			m.Below("%d more lines are in the file beside this answer.", more)
		}
		if len(l.Lines) > 0 || len(l.Left) == 0 {
			m.Below("%s %s", l.Effect, strings.Join(l.Limits, " "))
		}
		for _, s := range l.Left {
			m.Below("– %s", s)
		}
	}
	name := bot.Token{Text: d.Person.Username, Quoted: true}
	if name.Text == "" {
		name.Text = d.Person.DN
	}
	named := map[string]string{option: d.facts.Request}
	m.Below("Next: `%s`", bot.Echo("reply site", nil, named))
	m.Below("Next: `%s`", bot.Echo("reply user", []bot.Token{name}, named))
	m.Files = []bot.File{{Name: "containment.txt", Media: "text/plain; charset=utf-8", Data: d.file()}}
	m.Answer = map[string]any{"containment": answer{
		Person: person{Experiment: d.Person.Experiment, Username: d.Person.Username, Name: d.Person.Name, DN: d.Person.DN},
		Trace:  d.facts.Request, At: d.facts.At.UTC(), Complete: d.complete, Doubts: append([]string{}, d.Doubts...), Levers: d.Levers,
	}}
	return m
}

// file has every line, exactly. A shell that is given the whole file stops at
// its first line: it is to be read, and copied from.
func (d draft) file() []byte {
	var b strings.Builder
	b.WriteString("echo 'Do not run this file. Copy the lines that you need.'; exit 1\n\n")
	comment := func(format string, args ...any) {
		text := strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return '?'
			}
			return r
		}, fmt.Sprintf(format, args...))
		b.WriteString("# " + text + "\n")
	}
	comment("Containment of %s, drafted %s from trace %s.", facts.Display(d.Person), utc(d.facts.At), d.facts.Request)
	for _, s := range d.Doubts {
		comment("Check first: %s", s)
	}
	for i, l := range d.Levers {
		b.WriteString("\n")
		comment("%d. %s (%s)", i+1, l.Title, l.Where)
		comment("%s", l.Effect)
		for _, s := range append(append([]string{}, l.Limits...), l.Left...) {
			comment("- %s", s)
		}
		for _, line := range l.Lines {
			b.WriteString(line + "\n")
		}
	}
	return []byte(b.String())
}
