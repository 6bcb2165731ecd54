package bot

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// widest is how many letters of a cell others of its column are lined up with. One
// long cell would otherwise make every row as long.
const widest = 200

// Plain is the message as plain text, for records and for the machine form.
func (m Message) Plain() string {
	var b strings.Builder
	line := func(t Text) {
		b.WriteString(flat(t.String()))
		b.WriteByte('\n')
	}
	if len(m.Title) > 0 {
		line(m.Title)
	}
	for _, t := range m.Lines {
		line(t)
	}
	if m.Table != nil {
		m.Table.plain(&b)
	}
	for _, t := range m.After {
		line(t)
	}
	for _, f := range m.Files {
		b.WriteString("file: " + flat(f.Name) + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (t *Table) plain(b *strings.Builder) {
	var rows [][]string
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = flat(cell)
		}
		if len(cells) > 0 {
			rows = append(rows, cells)
		}
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], min(utf8.RuneCountInString(cell), widest))
		}
	}
	for _, row := range rows {
		var cells strings.Builder
		for i, cell := range row {
			cells.WriteString(cell)
			if i < len(row)-1 {
				cells.WriteString(strings.Repeat(" ", max(widths[i]-utf8.RuneCountInString(cell), 0)+2))
			}
		}
		b.WriteString(strings.TrimRight(cells.String(), " ") + "\n")
	}
}

// flat makes visible what would break a line or turn its direction: no value
// from a record may look like a line of the answer.
func flat(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < ' ':
			return 0x2400 + r // its picture
		case r == 0x7f:
			return '␡'
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r):
			return utf8.RuneError
		}
		return r
	}, s)
}
