package discord

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// Bounds of one message: Discord's own, and how what does not fit is shown.
const (
	maxContent  = 2000 // characters
	maxLabel    = 80
	maxCustom   = 100 // characters of what a button sends
	rowButtons  = 5
	maxButtons  = 25
	maxMentions = 10 // people that one message calls; the others are named
	maxTyped    = 300
	maxNames    = 200
	summary     = 15 // lines of what is shown in full in a file only
	lastLines   = 4  // of those, from the end: there a card says where it stands
)

var errButton = errors.New("discord: a button that Discord does not take")

// page is one message as Discord takes it.
type page struct {
	content    string
	components []discordgo.MessageComponent
	files      []bot.File
	users      []string // who may be mentioned
}

// render makes one message. What does not fit is shown by its beginning and its
// end, and stands whole in a file. A mark is what FindPost looks for.
func (g *guild) render(m bot.Message, mark string) (page, error) {
	p := page{files: slices.Clone(m.Files)}
	var err error
	if p.components, err = components(m.Buttons); err != nil {
		return page{}, err
	}
	tail, users := g.tail(m, mark)
	p.users = users
	lines := layout(m)
	if bulk(lines) <= maxContent {
		body := compose(lines)
		if strings.TrimSpace(body) == "" { // Discord takes no empty message
			body = "(nothing)"
		}
		if p.content = join(body, tail); length(p.content) <= maxContent {
			return p, nil
		}
	}
	whole := bot.File{Name: "whole-message.txt", Media: "text/plain", Data: []byte(m.Plain() + "\n")}
	p.files = append([]bot.File{whole}, p.files...)
	for _, width := range []int{160, 120, 80, 60, 40} {
		if p.content = join(compose(shorten(lines, width)), tail); length(p.content) <= maxContent {
			break
		}
	}
	return p, nil
}

func join(body, tail string) string {
	if body == "" || tail == "" {
		return body + tail
	}
	return body + "\n" + tail
}

// bulk is how long lines are at least.
func bulk(lines []line) int {
	n := 0
	for _, l := range lines {
		for _, s := range l.spans {
			n += utf8.RuneCountInString(s.Text)
		}
		n++
	}
	return n - 1
}

// line is one line of a message; a fixed one is a row of a table in columns.
type line struct {
	spans bot.Text
	fixed bool
}

// layout is the message as lines.
func layout(m bot.Message) []line {
	var out []line
	if len(m.Title) > 0 {
		title := slices.Clone(m.Title)
		for i := range title {
			if title[i].Style == bot.Plain {
				title[i].Style = bot.Bold
			}
		}
		out = append(out, line{spans: title})
	}
	for _, t := range m.Lines {
		out = append(out, line{spans: t})
	}
	if m.Table != nil {
		for _, l := range display.Table(*m.Table) {
			out = append(out, line{spans: l.Text, fixed: l.Fixed})
		}
	}
	for _, t := range m.After {
		out = append(out, line{spans: t})
	}
	return out
}

// compose makes Markdown of lines.
func compose(lines []line) string {
	var out []string
	for i, l := range lines {
		if !l.fixed {
			out = append(out, markup(l.spans))
			continue
		}
		if i == 0 || !lines[i-1].fixed {
			out = append(out, "```")
		}
		out = append(out, fenced(display.Visible(l.spans.String())))
		if i+1 == len(lines) || !lines[i+1].fixed {
			out = append(out, "```")
		}
	}
	return strings.Join(out, "\n")
}

// shorten leaves the beginning and the end, each line cut; the file has all.
func shorten(lines []line, width int) []line {
	note := func(text string) line { return line{spans: bot.Text{{Text: text, Style: bot.Bold}}} }
	head := min(summary-lastLines-1, len(lines))
	tail := max(head, len(lines)-lastLines)
	var out []line
	for i, l := range lines {
		if i == head {
			if more := tail - head; more > 0 {
				out = append(out, note(fmt.Sprintf("… %d more lines. All of it is in the file whole-message.txt; read it before you decide.", more)))
			}
		}
		if i >= head && i < tail {
			continue
		}
		out = append(out, line{spans: bot.Text{{Text: narrowed(display.Visible(l.spans.String()), width)}}, fixed: l.fixed})
	}
	if tail == head {
		out = append(out, note("Lines are cut here. All of it is in the file whole-message.txt; read it before you decide."))
	}
	return out
}

// narrowed cuts a text so that it is not longer than width when it is escaped.
func narrowed(text string, width int) string {
	text = cut(text, width)
	for n := width; length(escape(text)) > width && n > 0; n -= 8 {
		text = cut(text, n)
	}
	return text
}

// tail is what stands below the text: who is called, what to type instead of
// pressing, and the mark.
func (g *guild) tail(m bot.Message, mark string) (text string, users []string) {
	var out []string
	if len(m.Notify) > 0 {
		var named, called []string
		for _, id := range m.Notify {
			user := g.mentioned(string(id))
			switch {
			case user != "" && slices.Contains(users, user):
			case user != "" && len(users) < maxMentions:
				users = append(users, user)
				called = append(called, "<@"+user+">")
			default:
				named = append(named, display.Visible(string(id)))
			}
		}
		if len(named) > 0 {
			called = append(called, escape(narrowed(strings.Join(named, ", "), maxNames)))
		}
		out = append(out, "→ "+strings.Join(called, ", "))
	}
	var typed []string
	for _, b := range m.Buttons {
		if b.Typed != "" {
			typed = append(typed, "`"+fenced(cut(display.Visible(b.Typed), 100))+"`")
		}
	}
	if len(typed) > 0 {
		hint := "or type: "
		for i, s := range typed {
			if length(hint)+length(s) > maxTyped {
				hint += "…"
				break
			}
			if i > 0 {
				hint += "  ·  "
			}
			hint += s
		}
		out = append(out, hint)
	}
	if mark != "" {
		out = append(out, markLine+mark)
	}
	return strings.Join(out, "\n"), users
}

// mentioned is a person's user id on Discord, "" for none.
func (g *guild) mentioned(person string) string {
	if g.opt.Accounts == nil {
		return ""
	}
	prefix := bot.Account{Platform: Name, Workspace: g.name}.Key()
	for _, key := range g.opt.Accounts(person) {
		if id, ok := strings.CutPrefix(key, prefix); ok && IsID(id) {
			return id
		}
	}
	return ""
}

// What our buttons and forms send begins with one of these.
const (
	pressID = "press:" // VALUE; it asks once more
	whyID   = "why:"   // VALUE; it asks for a reason in a form
	sureID  = "sure:"  // MESSAGE:VALUE, the second look
	formID  = "form:"  // MESSAGE:VALUE, the form
	noID    = "no"
)

// maxValue is how long a button's value may be: the second look names the
// message too, which takes up to 20 digits.
const maxValue = maxCustom - len(sureID) - len(":") - 20

// components makes rows of buttons.
func components(buttons []bot.Button) ([]discordgo.MessageComponent, error) {
	if len(buttons) > maxButtons {
		return nil, fmt.Errorf("%w: %d of them", errButton, len(buttons))
	}
	var rows []discordgo.MessageComponent
	var row discordgo.ActionsRow
	seen := map[string]bool{}
	for i, b := range buttons {
		if strings.TrimSpace(b.Label) == "" || b.Value == "" || length(b.Value) > maxValue || seen[b.Value] {
			return nil, fmt.Errorf("%w: %.80q", errButton, b.Label)
		}
		seen[b.Value] = true
		id, style := pressID+b.Value, discordgo.PrimaryButton
		if strings.HasSuffix(b.Typed, " REASON") {
			id = whyID + b.Value
		}
		if b.Danger {
			style = discordgo.DangerButton
		}
		row.Components = append(row.Components, discordgo.Button{Label: cut(display.Visible(b.Label), maxLabel), Style: style, CustomID: id})
		if len(row.Components) == rowButtons || i == len(buttons)-1 {
			rows = append(rows, row)
			row = discordgo.ActionsRow{}
		}
	}
	return rows, nil
}
