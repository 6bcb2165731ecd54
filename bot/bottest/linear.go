package bottest

import (
	"runtime"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
)

// Linear holds a renderer to work that grows as what it shows does. Work is
// counted in bytes that are asked for, which no busy machine changes.
func Linear(t *testing.T, render func(bot.Message)) {
	t.Helper()
	for name, text := range map[string]string{"words": "very long ", "signs": "&<>*_`@:", "unseen": "\u202E\n\u200b"} {
		small, large := bulky(text, 40), bulky(text, 160)
		render(small) // what is made once
		if one, four := allocated(func() { render(small) }), allocated(func() { render(large) }); four > 6*one {
			t.Errorf("%s: %d bytes for a message, and %d for one that is four times as long", name, one, four)
		}
	}
}

// bulky is a message with n lines, n rows, and a cell that is as long as all of them.
func bulky(text string, n int) bot.Message {
	m := bot.Message{Title: bot.Textf("*T* %s", text), Table: &bot.Table{Columns: []string{"a", "b"}, Rows: [][]string{{strings.Repeat(text, n), "x"}}}}
	for range n {
		m.Lines = append(m.Lines, bot.Textf("%s _%s_", text, text))
		m.Table.Rows = append(m.Table.Rows, []string{text, text})
	}
	return m
}

func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}
