package reply

import (
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

// draft is a mail that nobody has sent.
type draft struct {
	kind    string // site, ask or user
	title   bot.Text
	tlp     string
	site    string // whom it is for, "" when not known
	to      string // an address, "" when not known
	subject string
	body    []string   // lines
	notes   []bot.Text // for the sender, not part of the mail
	next    []string   // commands
	send    string     // the command that proposes to send it, "" without a mail server
	named   int        // people whose names are in it
	trace   string     // the request of the trace, "" for none
	partial bool
	panda   map[string]grid.PandaJob // what PanDA has of the jobs in it, by id
	sites   *grid.SiteMap
	page    func(int64) string // of a job in PanDA's monitor; nil: there is none
}

// answer is the machine form (docs/machine-answers.md).
type answer struct {
	Kind    string `json:"kind"`
	TLP     string `json:"tlp"`
	Site    string `json:"site,omitempty"`
	To      string `json:"to,omitempty"`
	Subject string `json:"subject"`
	Text    string `json:"text"` // the mail without its head
	Named   int    `json:"named"`
	Trace   string `json:"trace,omitempty"`
}

// say appends a line to the mail. Foreign values are one line each, whatever
// they hold: none may look like a sentence of ours.
func (d *draft) say(format string, args ...any) {
	for i, a := range args {
		if s, ok := a.(string); ok {
			args[i] = oneLine(s)
		}
	}
	d.body = append(d.body, fmt.Sprintf(format, args...))
}

// note appends a line for the sender.
func (d *draft) note(format bot.Markup, args ...any) {
	d.notes = append(d.notes, bot.Textf("• "+format, args...))
}

// head are the first lines of the mail.
func (d *draft) head() []string {
	var out []string
	if d.to != "" {
		out = append(out, "To: "+oneLine(d.to))
	}
	return append(out, "Subject: "+d.heading(), "", d.tlp, "")
}

// heading is the subject of the mail.
func (d *draft) heading() string { return "[" + d.tlp + "] " + oneLine(d.subject) }

func (d *draft) message() bot.Message {
	m := bot.Message{Title: d.title, Partial: d.partial}
	if d.send == "" {
		m.Line("A draft: gridwarden sends nothing. Read it, complete it, and send it yourself, with your security team and the experiment's security list in copy.")
	} else {
		m.Line("A draft: nothing was sent. Read it, complete it and send it yourself, or have it sent as it stands: `%s`", d.send)
	}
	m.Lines = append(m.Lines, d.notes...)
	for _, line := range append(d.head(), d.body...) {
		if line == "" {
			m.After = append(m.After, bot.Text{})
			continue
		}
		m.Below("%s", line)
	}
	for _, next := range d.next {
		m.Below("Next: `%s`", next)
	}
	text := strings.Join(d.body, "\n") + "\n"
	m.Files = []bot.File{{
		Name: "reply-" + d.kind + ".txt", Media: "text/plain; charset=utf-8",
		Data: []byte(strings.Join(d.head(), "\n") + "\n" + text),
	}}
	m.Answer = map[string]any{"reply": answer{
		Kind: d.kind, TLP: d.tlp, Site: d.site, To: oneLine(d.to), Subject: oneLine(d.subject), Text: text, Named: d.named, Trace: d.trace,
	}}
	return m
}

// maxValue bounds a foreign value in a mail, in characters.
const maxValue = 400

// oneLine makes foreign text visible, one line and bounded.
func oneLine(s string) string { return clean(s, maxValue) }

// clean is oneLine with a bound of its own, in letters.
func clean(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func utc(t time.Time) string {
	if t.IsZero() {
		return "a time that is not recorded"
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
