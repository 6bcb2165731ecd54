package bot

import (
	"strings"
	"unicode/utf8"
)

// Plain is the message as plain text, for records and for the machine form.
func (m Message) Plain() string {
	var b strings.Builder
	line := func(t Text) {
		b.WriteString(t.String())
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
		b.WriteString("file: " + f.Name + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func (t *Table) plain(b *strings.Builder) {
	rows := t.Rows
	if len(t.Columns) > 0 {
		rows = append([][]string{t.Columns}, rows...)
	}
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range rows {
		var cells strings.Builder
		for i, cell := range row {
			cells.WriteString(cell)
			if i < len(row)-1 {
				cells.WriteString(strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)+2))
			}
		}
		b.WriteString(strings.TrimRight(cells.String(), " ") + "\n")
	}
}
