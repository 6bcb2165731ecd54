package main

import (
	"regexp"
	"strings"
	"testing"
)

// tableRow is a line of the table in docs/panda.md: what the page says, and the cell
// with the commands that do it.
type tableRow struct{ says, commands string }

// procedureTable reads the table.
func procedureTable(t *testing.T) []tableRow {
	t.Helper()
	_, rest, _ := strings.Cut(page(t, "docs/panda.md"), "| the page says | command |")
	var out []tableRow
	for line := range strings.Lines(rest) {
		if cells := strings.Split(line, " | "); len(cells) == 3 && strings.HasPrefix(line, "| ") {
			out = append(out, tableRow{strings.TrimPrefix(cells[0], "| "), cells[1]})
		}
	}
	if len(out) < 20 {
		t.Fatalf("the table has %d rows", len(out))
	}
	return out
}

// walked holds that every row of the table was walked, by the commands that it names.
func (w *walk) walked() {
	w.Helper()
	for _, r := range w.table {
		lines, ok := w.typed[r.says]
		if !ok {
			w.Errorf("the row %s was not walked", r.says)
			continue
		}
		for _, c := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(r.commands, -1) {
			if pattern := asPattern(c[1]); !pattern.MatchString("\n" + strings.Join(lines, "\n")) {
				w.Errorf("the row %s names %q, and the walk typed %q", r.says, c[1], lines)
			}
		}
	}
}

// asPattern fits the lines that are a command as the documentation writes it: words
// in capitals stand for something.
func asPattern(command string) *regexp.Regexp {
	var words []string
	for _, word := range strings.Fields(command) {
		name, value, option := strings.Cut(word, "=")
		switch {
		case strings.ToUpper(word) == word:
			words = append(words, `\S.*?`)
		case option && strings.ToUpper(value) == value:
			words = append(words, regexp.QuoteMeta(name)+`=\S.*?`)
		default:
			words = append(words, regexp.QuoteMeta(word))
		}
	}
	return regexp.MustCompile(`\n` + strings.Join(words, ` +`) + `(\s|$)`)
}
