package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// TestATestCard posts it where it reads back, where somebody changes what stands
// there, and where nothing can be deleted.
func TestATestCard(t *testing.T) {
	for name, x := range map[string]struct {
		alter        func(*bot.Message)
		kept         error
		remark, fail string
	}{
		"as it should":   {},
		"cut text":       {alter: func(m *bot.Message) { m.Table.Rows[0][1] = "/DC=ch" }, fail: "A card in memory, channel security reads back as something else than was posted, so no action that was approved could start there"},
		"another button": {alter: func(m *bot.Message) { m.Buttons[0].Label = "x" }, fail: "please report it with this. Posted: "},
		"not deleted":    {kept: errors.New("403"), remark: "The test card in memory, channel security could not be deleted: delete it by hand."},
	} {
		t.Run(name, func(t *testing.T) {
			m := bottest.NewMemory("memory")
			trial := bot.Trial{
				Where: "memory, channel security",
				Face:  func(card bot.Message) (string, error) { return m.Face(security, card) },
				Post: func(ctx context.Context, card bot.Message) (string, error) {
					id, err := m.Post(ctx, security, card)
					if x.alter != nil {
						m.Alter(id, x.alter)
					}
					return id, err
				},
				Read: func(ctx context.Context, id string) (string, error) {
					seen, err := m.ReadBack(ctx, security, id)
					return seen.Face, err
				},
				Delete: func(_ context.Context, id string) error {
					if x.kept == nil {
						m.Delete(id)
					}
					return x.kept
				},
			}
			remark, err := trial.Run(t.Context())
			if remark != x.remark || (err == nil) != (x.fail == "") || err != nil && !strings.Contains(err.Error(), x.fail) {
				t.Errorf("%q, %v", remark, err)
			}
			if id := m.Said()[0].ID; x.kept == nil {
				if _, err := m.ReadBack(t.Context(), security, id); !errors.Is(err, bot.ErrNotFound) {
					t.Errorf("it still stands: %v", err)
				}
			}
		})
	}
}
