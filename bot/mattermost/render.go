package mattermost

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
)

// How much of what does not fit is shown beside the file that holds it all.
const (
	summaryLines = 15
	summaryLine  = 240 // runes
	wideTable    = 5   // columns that a phone can still show as a table
)

// rendered is a message as Mattermost takes it.
type rendered struct {
	text  string
	files []bot.File
	cut   bool // the text is a summary of a file
}

// render makes Markdown of a message, of at most limit runes. What does not fit
// is in a file, and the text says so.
func render(m bot.Message, mentions []string, limit int) rendered {
	head, body, tail := parts(m, mentions)
	r := rendered{files: m.Files, text: joined(head, body, tail)}
	if utf8.RuneCountInString(r.text) <= limit {
		return r
	}
	r.cut = true
	r.files = append([]bot.File{{Name: "answer.txt", Media: "text/plain", Data: []byte(m.Plain() + "\n")}}, m.Files...)
	if m.Table != nil && len(m.Table.Columns) > 0 {
		r.files = append(r.files, bot.File{Name: "table.csv", Media: "text/csv", Data: sheet(m.Table)})
	}
	r.text = summary(m, tail, limit)
	return r
}

// parts are the lines above, in and below the middle of a message.
func parts(m bot.Message, mentions []string) (head, body, tail []string) {
	if len(m.Title) > 0 {
		head = append(head, "##### "+line(m.Title))
	}
	for _, t := range m.Lines {
		head = append(head, line(t))
	}
	if m.Table != nil {
		body = table(m.Table)
	}
	for _, t := range m.After {
		tail = append(tail, line(t))
	}
	for i, b := range m.Buttons {
		if i == 0 && len(tail) > 0 {
			tail = append(tail, "")
		}
		tail = append(tail, begun(span(bot.Span{Text: b.Label, Style: bot.Bold})+" — type "+code("!"+seen(b.Typed))))
	}
	if len(mentions) > 0 {
		tail = append(tail, strings.Join(mentions, " "))
	}
	return head, body, tail
}

// joined sets a table apart, as Markdown wants it.
func joined(head, body, tail []string) string {
	var blocks []string
	for _, lines := range [][]string{head, body, tail} {
		if len(lines) > 0 {
			blocks = append(blocks, strings.Join(lines, "\n"))
		}
	}
	return strings.Join(blocks, "\n\n")
}

// table renders rows that a phone can show: pairs as lines, few columns as a
// table, many as a paragraph for each row.
func table(t *bot.Table) []string {
	var out []string
	if len(t.Columns) == 0 || len(t.Columns) > wideTable {
		for _, row := range t.Rows {
			out = append(out, listed(t.Columns, row)...)
		}
		return out
	}
	columns := len(t.Columns)
	for _, row := range t.Rows {
		columns = max(columns, len(row))
	}
	cells := func(row []string) string {
		var b strings.Builder
		b.WriteByte('|')
		for i := range columns {
			cell := ""
			if i < len(row) {
				cell = escape(seen(row[i]))
			}
			b.WriteString(" " + cell + " |")
		}
		return b.String()
	}
	out = append(out, cells(t.Columns), "|"+strings.Repeat(" --- |", columns))
	for _, row := range t.Rows {
		out = append(out, cells(row))
	}
	return out
}

// listed renders one row as lines: of a pair the first is its label, which is
// empty where it is the one above.
func listed(columns, row []string) []string {
	if len(columns) > 0 {
		var parts []string
		for i, cell := range row {
			if i < len(columns) && strings.TrimSpace(cell) != "" {
				parts = append(parts, span(bot.Span{Text: columns[i], Style: bot.Bold})+" "+escape(seen(cell)))
			}
		}
		return []string{begun(strings.Join(parts, " · "))}
	}
	if len(row) == 0 {
		return nil
	}
	rest := make([]string, 0, len(row))
	for _, cell := range row[1:] {
		rest = append(rest, escape(seen(cell)))
	}
	value := strings.Join(rest, " · ")
	if strings.TrimSpace(row[0]) == "" {
		return []string{begun("… " + value)}
	}
	return []string{begun(span(bot.Span{Text: row[0], Style: bot.Bold}) + " " + value)}
}

// summary is what is shown of a message that does not fit: its first lines, and
// what can be done about it.
func summary(m bot.Message, tail []string, limit int) string {
	var shown []string
	budget := limit - 200 // for the last line
	add := func(s string) bool {
		n := utf8.RuneCountInString(s) + 1
		if n > budget {
			return false
		}
		budget -= n
		shown = append(shown, s)
		return true
	}
	all := strings.Split(m.Plain(), "\n")
	first := 0
	for first < len(all) && first < summaryLines && add(begun(escape(seen(clipped(all[first], summaryLine))))) {
		first++
	}
	// Buttons and mentions are the end of the tail.
	keep := min(len(tail), len(m.Buttons)+1)
	for _, s := range tail[len(tail)-keep:] {
		if utf8.RuneCountInString(s) <= summaryLine {
			add(s)
		}
	}
	shown = append(shown, fmt.Sprintf("**This is the beginning only**: %d of %d lines. All of it is in the file answer\\.txt.", first, len(all)))
	return strings.Join(shown, "\n")
}

func clipped(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return string([]rune(s)[:n-1]) + "…"
}

// sheet is a table for a spreadsheet, in which no cell is a formula.
func sheet(t *bot.Table) []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	for _, row := range append([][]string{t.Columns}, t.Rows...) {
		safe := make([]string, len(row))
		for i, cell := range row {
			if safe[i] = cell; cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
				safe[i] = "'" + cell
			}
		}
		if w.Write(safe) != nil { // memory takes everything
			break
		}
	}
	w.Flush()
	return out.Bytes()
}
