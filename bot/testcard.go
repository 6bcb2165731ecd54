package bot

import (
	"context"
	"fmt"
)

// TestCard is what a check posts to see whether cards can be read back, and deletes
// again. It has what cards have, and letters that platforms like to change.
func TestCard() Message {
	m := Message{Title: Textf("*TEST* of gridwarden — this message goes away at once"), Card: "test", Version: 1}
	m.Line("It shows whether a card reads back as it was posted. Nothing is proposed, and nobody has to do anything: `a_b*c~d`, %s.", "1 < 2 & 3 > 2, \"quoted\", :x: @here it's 50 %")
	m.Table = &Table{Rows: [][]string{{"target", "/DC=ch/DC=cern/CN=Käthe  Müller"}, {"", "https://wn042.example.org:8443/?a=1&b=2"}, {"will", "nothing · nothing – at all"}}}
	m.Below("approvals: *none* · `0` of 0")
	m.Buttons = []Button{{Label: "Test", Value: "test:card", Typed: "help"}}
	return m
}

// Trial is a platform's way to post the TestCard in one of its channels.
type Trial struct {
	Where  string // the platform's name and the channel's, for people
	Face   func(Message) (string, error)
	Post   func(context.Context, Message) (id string, err error)
	Read   func(ctx context.Context, id string) (face string, err error)
	Delete func(ctx context.Context, id string) error
}

// Run posts the TestCard, reads it back and deletes it. An error says that no action
// could start there: before one starts its cards are read back, and those that show
// something else have no votes. A remark says that the card still stands.
func (t Trial) Run(ctx context.Context) (remark string, err error) {
	m := TestCard()
	want, err := t.Face(m)
	if err != nil {
		return "", err
	}
	id, err := t.Post(ctx, m)
	if err != nil {
		return "", err
	}
	got, err := t.Read(ctx, id)
	if t.Delete(ctx, id) != nil {
		remark = fmt.Sprintf("The test card in %s could not be deleted: delete it by hand.", t.Where)
	}
	if err == nil && got != want {
		err = Problemf("unavailable", "A card in %s reads back as something else than was posted, so no action that was approved could start there: gridwarden would take every card for one that somebody changed. "+
			"It is a mistake in gridwarden: please report it with this. Posted: %q. Read: %q.", t.Where, want, got)
	}
	return remark, err
}
