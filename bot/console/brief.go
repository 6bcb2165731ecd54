package console

import (
	"slices"

	"github.com/gridwarden/gridwarden/bot"
)

// news is what a changed message says that it did not say before: its title,
// lines and rows that are new, and everything that can be acted on.
func news(before, now bot.Message) bot.Message {
	out := now
	out.Lines, out.After, out.Table = nil, nil, nil
	same := 0
	fresh := func(lines, earlier []bot.Text) (kept []bot.Text) {
		for _, line := range lines {
			if slices.ContainsFunc(earlier, func(t bot.Text) bool { return t.String() == line.String() }) {
				same++
				continue
			}
			kept = append(kept, line)
		}
		return kept
	}
	lines := fresh(now.Lines, before.Lines)
	if now.Table != nil {
		out.Table = newRows(before.Table, *now.Table, &same)
	}
	out.After = fresh(now.After, before.After)
	if same > 0 {
		out.Lines = append(out.Lines, bot.Textf("(%d lines as before)", same))
	}
	out.Lines = append(out.Lines, lines...)
	return out
}

// newRows is nil when the table has none.
func newRows(before *bot.Table, now bot.Table, same *int) *bot.Table {
	out := bot.Table{Columns: now.Columns}
	for _, row := range now.Rows {
		if before != nil && slices.ContainsFunc(before.Rows, func(r []string) bool { return slices.Equal(r, row) }) {
			*same++
			continue
		}
		out.Rows = append(out.Rows, row)
	}
	if len(out.Rows) == 0 {
		return nil
	}
	return &out
}
