package console

import (
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of a table's layout, in columns of the terminal.
const (
	gap       = 2  // between two columns
	narrowest = 12 // of a column that must give way
	readable  = 24 // of a column that gives way while another can hang below instead
)

// maxHung is how many columns hang: of more, a list is easier to read.
const maxHung = 2

// table shows rows with aligned columns. Where they do not fit, the widest
// give way and their cells are continued. Where that would make them hard to
// read, the longest columns hang below each row as `column: value`; where even
// that does not fit, all do.
func (p *page) table(t bot.Table) {
	head, rows := grid(t)
	if len(head) == 0 {
		return
	}
	hung, widths, fits := hang(head, rows, p.width, len(t.Columns) > 0)
	if !fits {
		p.records(head, rows)
		return
	}
	all := head
	head = without(head, hung)
	if len(t.Columns) > 0 {
		p.row(head, widths)
		rule := make([][]cell, len(widths))
		for i, w := range widths {
			rule[i] = split(strings.Repeat("─", w), bot.Plain)
		}
		p.row(rule, widths)
	}
	for _, row := range rows {
		p.row(without(row, hung), widths)
		for i, c := range row {
			if hung[i] && len(c) > 0 {
				p.below(all[i], c)
			}
		}
	}
}

// hang says which columns hang below their row, and how wide the others are. A
// column without a name cannot hang, and the first one names the row.
func hang(head [][]cell, rows [][][]cell, width int, named bool) (hung []bool, widths []int, fits bool) {
	hung = make([]bool, len(head))
	for n := 0; named && n <= maxHung; n++ {
		table := [][][]cell{without(head, hung)}
		for _, row := range rows {
			table = append(table, without(row, hung))
		}
		if widths, fits = layout(table, width, readable); fits {
			return hung, widths, true
		}
		longest, most := 0, readable
		for i := 1; i < len(head); i++ {
			for _, row := range rows {
				if w := widthOf(row[i]); !hung[i] && w > most {
					longest, most = i, w
				}
			}
		}
		if longest == 0 {
			break
		}
		hung[longest] = true
	}
	clear(hung)
	widths, fits = layout(append([][][]cell{head}, rows...), width, narrowest)
	return hung, widths, fits
}

func without(row [][]cell, hung []bool) [][]cell {
	var out [][]cell
	for i, c := range row {
		if !hung[i] {
			out = append(out, c)
		}
	}
	return out
}

// below shows a cell that hangs under its row.
func (p *page) below(name, value []cell) {
	line := append(append(append([]cell{}, name...), split(": ", bot.Plain)...), value...)
	for n, piece := range wrap(line, p.width-2, p.width-4) {
		p.line(piece, 2+min(n, 1)*2)
	}
}

// grid makes every cell visible and every row as long as the longest.
func grid(t bot.Table) (head [][]cell, rows [][][]cell) {
	n := len(t.Columns)
	for _, row := range t.Rows {
		n = max(n, len(row))
	}
	fill := func(row []string, style bot.Style) [][]cell {
		out := make([][]cell, n)
		for i, s := range row {
			out[i] = split(visible(s), style)
		}
		return out
	}
	for _, row := range t.Rows {
		rows = append(rows, fill(row, bot.Plain))
	}
	return fill(t.Columns, bot.Bold), rows
}

// layout gives every column a width, at least least where it gives way, and
// reports whether they fit.
func layout(rows [][][]cell, width, least int) ([]int, bool) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], widthOf(c))
		}
	}
	over := gap*(len(widths)-1) - width
	for _, w := range widths {
		over += w
	}
	for ; over > 0; over-- {
		widest := 0
		for i, w := range widths {
			if w > widths[widest] {
				widest = i
			}
		}
		if widths[widest] <= least {
			return nil, false
		}
		widths[widest]--
	}
	return widths, true
}

// row shows one row, on several lines where a cell is continued. A
// continuation is set in, so that it cannot be taken for the next row.
func (p *page) row(row [][]cell, widths []int) {
	pieces := make([][][]cell, len(row))
	height := 1
	for i, c := range row {
		pieces[i] = wrap(c, widths[i], widths[i]-2)
		height = max(height, len(pieces[i]))
	}
	for n := range height {
		var line []cell
		for i := range row {
			var c []cell
			if n < len(pieces[i]) {
				c = pieces[i][n]
			}
			if n > 0 && len(c) > 0 {
				c = append(split("  ", bot.Plain), c...)
			}
			line = append(line, c...)
			if i < len(row)-1 {
				line = append(line, split(strings.Repeat(" ", max(widths[i]-widthOf(c), 0)+gap), bot.Plain)...)
			}
		}
		p.line(line, 0)
	}
}

func (p *page) records(head [][]cell, rows [][][]cell) {
	for _, row := range rows {
		indent := 0
		for i, c := range row {
			if len(c) == 0 {
				continue
			}
			line := c
			if len(head[i]) > 0 {
				line = append(append(append([]cell{}, head[i]...), split(": ", bot.Plain)...), c...)
			}
			for n, piece := range wrap(line, p.width-indent, p.width-indent-2) {
				p.line(piece, indent+min(n, 1)*2)
			}
			indent = 2
		}
	}
}
