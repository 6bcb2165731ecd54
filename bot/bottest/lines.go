package bottest

import (
	"strings"

	"github.com/gridwarden/gridwarden/bot"
)

// Lines is a message as transcripts see it, without styles: the title, the
// lines, the table with its cells between " | " (the columns' names first,
// where there are any), the lines below it, `file NAME` for each file,
// `[LABEL] COMMAND` for each button and `notifies NAME, NAME`. A newline in
// foreign text is shown as ⏎, so that one line stays one line.
func Lines(m bot.Message) []string {
	var out []string
	add := func(s string) { out = append(out, strings.ReplaceAll(s, "\n", "⏎")) }
	if len(m.Title) > 0 {
		add(m.Title.String())
	}
	for _, t := range m.Lines {
		add(t.String())
	}
	if m.Table != nil {
		if len(m.Table.Columns) > 0 {
			add(strings.Join(m.Table.Columns, " | "))
		}
		for _, row := range m.Table.Rows {
			add(strings.Join(row, " | "))
		}
	}
	for _, t := range m.After {
		add(t.String())
	}
	for _, f := range m.Files {
		add("file " + f.Name)
	}
	for _, b := range m.Buttons {
		add("[" + b.Label + "] " + b.Typed)
	}
	if len(m.Notify) > 0 {
		names := make([]string, len(m.Notify))
		for i, id := range m.Notify {
			names[i] = string(id)
		}
		add("notifies " + strings.Join(names, ", "))
	}
	return out
}
