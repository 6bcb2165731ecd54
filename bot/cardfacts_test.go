package bot

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot/action"
)

// TestALargePlanIsInAFileBesideItsCard has the facts of a kill of 120,000 jobs in 300 lines.
func TestALargePlanIsInAFileBesideItsCard(t *testing.T) {
	t.Parallel()
	a := action.Action{ID: "k7m2qd", State: action.Proposed}
	a.Frozen.Plan.Facts = []action.Fact{{Label: "user", Value: "Naughty User"}}
	id := 6_000_000_000
	var last string
	for range 300 {
		var ids []string
		for range 400 {
			id += 3
			last = fmt.Sprint(id)
			ids = append(ids, last)
		}
		a.Frozen.Plan.Facts = append(a.Frozen.Plan.Facts, action.Fact{Label: "kills, task 41", Value: "400 running: " + strings.Join(ids, ", ")})
	}
	m := CardMessage(a)
	text := m.Plain()
	if len(text) > maxFacts+4096 || len(m.Files) != 1 || !bytes.Contains(m.Files[0].Data, []byte(last)) {
		t.Fatalf("the card has %d bytes and %d files", len(text), len(m.Files))
	}
	for _, want := range []string{"Naughty User", "400 running: 6000000003, ", "…", "more lines", "301 lines", "the file k7m2qd-in-full.txt is beside this card", fmt.Sprintf("%x", sha256.Sum256(m.Files[0].Data))} {
		if !strings.Contains(text, want) {
			t.Errorf("the card lacks %q:\n%.2000s", want, text)
		}
	}
	a.State = action.Running
	if m = CardMessage(a); len(m.Files) != 0 || !strings.Contains(m.Plain(), "was beside this card while it waited for approval") {
		t.Errorf("while it runs: %d files", len(m.Files))
	}
	a.Frozen.Plan.Facts = a.Frozen.Plan.Facts[:3]
	if m = CardMessage(a); len(m.Files) != 0 || !strings.Contains(m.Plain(), "6000002400") || strings.Contains(m.Plain(), "in full") {
		t.Error("what fits is not on the card")
	}
}
