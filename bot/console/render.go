package console

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
)

// Style is how a message is to be shown.
type Style struct {
	Colour bool     // the terminal understands colours and they are wanted
	Saved  []string // where the message's files were saved, by their order; "" for one that was not
}

// Bounds of what is shown of a file that was not saved.
const (
	previewLines = 15
	previewWidth = 400 // bytes of one line
)

// Render shows a message as lines of at most width columns, each ended by a
// newline. Nothing of it is cut: what does not fit is continued on a line that
// is set in, and a line broken inside a word ends with a backslash. Only a
// file's preview is shortened, and says so.
func Render(m bot.Message, width int, style Style) string {
	p := page{width: width, style: style}
	if len(m.Title) > 0 {
		title := make(bot.Text, len(m.Title))
		for i, s := range m.Title {
			if s.Style == bot.Plain {
				s.Style = bot.Bold
			}
			title[i] = s
		}
		p.text(title)
	}
	for _, line := range m.Lines {
		p.text(line)
	}
	if m.Table != nil {
		p.table(*m.Table)
	}
	for _, line := range m.After {
		p.text(line)
	}
	for i, f := range m.Files {
		p.file(i, f)
	}
	if len(m.Notify) > 0 {
		names := make([]string, len(m.Notify))
		for i, id := range m.Notify {
			names[i] = string(id)
		}
		p.text(bot.Text{{Text: "→ notifies " + strings.Join(names, ", ")}})
	}
	p.buttons(m.Buttons)
	return p.String()
}

// page collects the lines of one message.
type page struct {
	strings.Builder
	width int
	style Style
}

func (p *page) line(c []cell, indent int) {
	p.WriteString(strings.TrimRight(strings.Repeat(" ", indent)+paint(c, p.style.Colour), " "))
	p.WriteByte('\n')
}

// text shows one line, continued as often as it needs.
func (p *page) text(t bot.Text) {
	for i, piece := range wrap(cells(t), p.width, p.width-2) {
		indent := 0
		if i > 0 {
			indent = 2
		}
		p.line(piece, indent)
	}
}

// buttons shows each button with the command that does the same.
func (p *page) buttons(buttons []bot.Button) {
	var row []cell
	for _, b := range buttons {
		c := append(split("["+visible(b.Label)+"] ", bot.Bold), split(visible(b.Typed), bot.Plain)...)
		if len(row) > 0 && widthOf(row)+3+widthOf(c) > p.width {
			p.wrapped(row)
			row = nil
		}
		if len(row) > 0 {
			row = append(row, split("   ", bot.Plain)...)
		}
		row = append(row, c...)
	}
	if len(row) > 0 {
		p.wrapped(row)
	}
}

func (p *page) wrapped(c []cell) {
	for i, piece := range wrap(c, p.width, p.width-2) {
		p.line(piece, min(i, 1)*2)
	}
}

// file shows a file's name and size and where it is, or how it begins.
func (p *page) file(i int, f bot.File) {
	head := fmt.Sprintf("file %s (%s)", f.Name, size(len(f.Data)))
	if i < len(p.style.Saved) && p.style.Saved[i] != "" {
		p.text(bot.Text{{Text: head + ", saved as " + p.style.Saved[i]}})
		return
	}
	p.text(bot.Text{{Text: head}})
	if !utf8.Valid(f.Data) || bytes.IndexByte(f.Data, 0) >= 0 {
		for _, piece := range wrap(split("not text: it is saved where console.files names a folder", bot.Plain), p.width-4, p.width-4) {
			p.line(piece, 4)
		}
		return
	}
	lines := bytes.Split(bytes.TrimSuffix(f.Data, []byte("\n")), []byte("\n"))
	for n, line := range lines {
		if n == previewLines {
			p.line(split(fmt.Sprintf("… %d more lines", len(lines)-n), bot.Plain), 4)
			return
		}
		text := string(line)
		if len(text) > previewWidth {
			text = strings.ToValidUTF8(text[:previewWidth], "") + "…"
		}
		for i, piece := range wrap(split(visible(text), bot.Plain), p.width-4, p.width-6) {
			p.line(piece, 4+min(i, 1)*2)
		}
	}
}

// size says a number of bytes for people.
func size(n int) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d B", n)
	case n < 1000*1000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
