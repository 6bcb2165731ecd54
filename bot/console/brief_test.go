package console

import (
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
)

// TestBriefShowsWhatIsNew changes a card as an approval does. The buttons stay
// in sight, and what is left out is counted.
func TestBriefShowsWhatIsNew(t *testing.T) {
	before := bot.Message{Table: &bot.Table{Rows: [][]string{{"target", "Naughty User"}, {"will", "ban"}}}}
	before.Title = bot.Textf("*BAN* — waits")
	before.Line("action `7kq2`")
	before.Below("needs: 0 of 2")
	after := before
	after.After = nil
	after.Below("approved by bob")
	after.Below("needs: 1 of 2")
	after.Buttons = []bot.Button{{Label: "Approve", Value: "approve:7kq2", Typed: "approve 7kq2"}}
	reread := after
	reread.Table = &bot.Table{Rows: [][]string{{"target", "Naughty User"}, {"will", "ban and more"}}}

	for _, brief := range []bool{true, false} {
		var out strings.Builder
		c, err := New(Config{}, Options{Self: alice, Boot: "boot", Width: 80, Brief: brief}, strings.NewReader(""), &out)
		if err != nil {
			t.Fatal(err)
		}
		room := bot.Thread{Platform: Name, Channel: c.cfg.Channel}
		id, err := c.Post(t.Context(), room, before)
		if err != nil {
			t.Fatal(err)
		}
		shown := func(m bot.Message) string {
			t.Helper()
			out.Reset()
			if err := c.Update(t.Context(), room, id, m); err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(out.String(), "\n") // without its head, which tells the time
			return strings.ReplaceAll(text, "│ ", "")
		}
		whole := func(m bot.Message) string { return Render(m, 78, Style{}) }
		wantAfter, wantReread := whole(after), whole(reread)
		if brief {
			wantAfter = "BAN — waits\n(3 lines as before)\napproved by bob\nneeds: 1 of 2\n[Approve] approve 7kq2\n"
			wantReread = "BAN — waits\n(4 lines as before)\nwill  ban and more\n[Approve] approve 7kq2\n"
		}
		if got := shown(after); got != wantAfter {
			t.Errorf("brief=%v: after a vote\n%s\nwant\n%s", brief, got, wantAfter)
		}
		if got := shown(reread); got != wantReread {
			t.Errorf("brief=%v: after a change of a row\n%s\nwant\n%s", brief, got, wantReread)
		}
	}
}
