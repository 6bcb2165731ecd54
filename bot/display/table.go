package display

import (
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/gridwarden/gridwarden/bot"
)

// narrow is how many columns of fixed width a phone shows without a break.
const narrow = 40

// Line is one line of a table. A Fixed one is shown in letters of one width, and
// has no Text where it is empty.
type Line struct {
	Text  bot.Text
	Fixed bool
}

// Table shows a table in fixed columns where a phone can show them, and
// otherwise as a list: the first cell in bold, below it `column: value`.
func Table(t bot.Table) []Line {
	rows := make([][]string, 0, len(t.Rows)+1)
	columns := len(t.Columns)
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = Visible(c)
		}
		columns = max(columns, len(cells))
		rows = append(rows, cells)
	}
	if columns == 0 {
		return nil
	}
	widths := make([]int, columns)
	for _, row := range rows {
		for i, c := range row {
			if utf8.RuneCountInString(c) > 8*narrow { // no need to measure
				return list(rows)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	total := 2 * (columns - 1)
	for _, n := range widths {
		total += n
	}
	if total > narrow {
		return list(rows)
	}
	if len(t.Columns) == 0 {
		rows = rows[1:]
	}
	var out []Line
	for _, row := range rows {
		var b strings.Builder
		for k, c := range row {
			b.WriteString(c)
			if k < len(row)-1 {
				b.WriteString(strings.Repeat(" ", widths[k]-uniseg.StringWidth(c)+2))
			}
		}
		l := Line{Fixed: true}
		if text := strings.TrimRight(b.String(), " "); text != "" {
			l.Text = bot.Text{{Text: text}}
		}
		out = append(out, l)
	}
	return out
}

func list(rows [][]string) []Line {
	head := rows[0]
	var out []Line
	for _, row := range rows[1:] {
		for i, c := range row {
			name := ""
			if i < len(head) {
				name = head[i]
			}
			switch {
			case i == 0 && c != "":
				out = append(out, Line{Text: bot.Text{{Text: c, Style: bot.Bold}}})
			case i == 0:
				out = append(out, Line{Text: bot.Text{{Text: "–", Style: bot.Bold}}})
			case c != "" && name != "":
				out = append(out, Line{Text: bot.Text{{Text: "    " + name + ": ", Style: bot.Italic}, {Text: c}}})
			case c != "":
				out = append(out, Line{Text: bot.Text{{Text: "    " + c}}})
			}
		}
	}
	return out
}
