package bot

import (
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Message is what the bot says, without any platform's syntax.
type Message struct {
	Title   Text              `json:"title,omitempty"`
	Lines   []Text            `json:"lines,omitempty"`
	Table   *Table            `json:"table,omitempty"`
	After   []Text            `json:"after,omitempty"` // lines below the table
	Buttons []Button          `json:"buttons,omitempty"`
	Files   []File            `json:"files,omitempty"`
	Notify  []action.PersonID `json:"notify,omitempty"`  // the only live mentions ever sent
	Private bool              `json:"private,omitempty"` // for the asker only, where the platform can
	Secret  bool              `json:"-"`                 // the audit log keeps that there was an answer, not what it says
	Card    action.ID         `json:"card,omitempty"`    // set on the card of an action or a case: its id
	Version int               `json:"version,omitempty"` // the version of it that the card shows

	// Answer is the machine form, by part: trace, whois, action, … (docs/machine-answers.md).
	Answer map[string]any `json:"answer,omitempty"`
	// SecurityList, when not empty, has the answer told to the security list as
	// well, by mail. It names what the answer is about, such as incident/ID.
	SecurityList string `json:"-"`
	// Partial marks an answer that some source could not complete.
	Partial bool `json:"partial,omitempty"`
	// Again asks for the same request to be run once more by itself.
	Again *Again `json:"-"`
}

// Empty reports whether there is nothing to say.
func (m Message) Empty() bool {
	return len(m.Title) == 0 && len(m.Lines) == 0 && m.Table == nil && len(m.After) == 0 && len(m.Files) == 0
}

// Again is a later run of the same request. State goes to the command's Again
// function, so that it can say what is different.
type Again struct {
	At    time.Time
	State []byte
}

// Table is shown with aligned columns. All cells are foreign.
type Table struct {
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// Button is offered beside a Message. Value comes back in a Clicked event and
// is never trusted beyond naming what was offered.
type Button struct {
	Label  string `json:"label"`
	Value  string `json:"value"`
	Danger bool   `json:"danger,omitempty"`
	Typed  string `json:"typed"` // the command that does the same
}

// File goes beside a Message.
type File struct {
	Name  string `json:"name"`
	Media string `json:"media"`
	Data  []byte `json:"data"`
}

// Markup is text by the program itself: untyped constants convert to it,
// strings from outside do not. *bold*, _italic_ and `code` are styles.
type Markup string

// Style is how a Span looks.
type Style string

// The styles.
const (
	Plain  Style = ""
	Bold   Style = "bold"
	Italic Style = "italic"
	Code   Style = "code"
)

// Span is a run of text in one style. Foreign text is escaped by every renderer.
type Span struct {
	Text  string `json:"t"`
	Style Style  `json:"s,omitempty"`
}

// Text is one line. Its spans are all escaped when rendered: no string in it
// can become a mention, a link or markup of a platform.
type Text []Span

// Textf builds a Text: format's own *, _ and ` set styles, its verbs take
// foreign values. A value is one span and cannot change the style.
func Textf(format Markup, args ...any) Text {
	var out Text
	style := Plain
	var run strings.Builder
	flush := func() {
		if run.Len() > 0 {
			out = append(out, Span{Text: run.String(), Style: style})
			run.Reset()
		}
	}
	toggle := func(s Style) {
		flush()
		if style == s {
			style = Plain
		} else {
			style = s
		}
	}
	f := string(format)
	for i := 0; i < len(f); i++ {
		switch c := f[i]; {
		case c == '*' && style != Code:
			toggle(Bold)
		case c == '_' && style != Code:
			toggle(Italic)
		case c == '`':
			toggle(Code)
		case c == '%' && i+1 < len(f) && f[i+1] == '%':
			run.WriteByte('%')
			i++
		case c == '%':
			end := i + 1
			for end < len(f) && !isVerb(f[end]) {
				end++
			}
			if end == len(f) || len(args) == 0 {
				run.WriteString(f[i:])
				i = len(f)
				continue
			}
			flush()
			out = append(out, Span{Text: fmt.Sprintf(f[i:end+1], args[0]), Style: style})
			args = args[1:]
			i = end
		default:
			run.WriteByte(c)
		}
	}
	flush()
	return out
}

func isVerb(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// String is the text without styles.
func (t Text) String() string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.Text)
	}
	return b.String()
}

// Say is a Message of one line.
func Say(format Markup, args ...any) Message {
	return Message{Lines: []Text{Textf(format, args...)}}
}

// Line appends one line to the message.
func (m *Message) Line(format Markup, args ...any) {
	m.Lines = append(m.Lines, Textf(format, args...))
}

// Below appends one line under the table.
func (m *Message) Below(format Markup, args ...any) {
	m.After = append(m.After, Textf(format, args...))
}
