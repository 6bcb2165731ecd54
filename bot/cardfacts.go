package bot

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Bounds of the facts that a card has on itself.
const (
	maxFacts = 32 << 10 // bytes
	maxFact  = 300      // letters of each, where all together are more than maxFacts
)

// cardFacts are the rows of an action's facts. The facts of a large kill are more than
// anybody reads in a card, and a card is sent anew with each step: what does not fit
// stands whole in a file, which goes with the card while it waits for approval. The
// digest binds it, for it is made of what was frozen.
func cardFacts(a action.Action) (rows [][]string, whole *File) {
	facts := a.Frozen.Plan.Facts
	size := 0
	for _, f := range facts {
		size += len(f.Label) + len(f.Value)
	}
	if size <= maxFacts {
		for _, f := range facts {
			rows = append(rows, []string{f.Label, f.Value})
		}
		return rows, nil
	}
	var text strings.Builder
	shown := 0
	for i, f := range facts {
		text.WriteString(flat(f.Label) + ": " + flat(f.Value) + "\n")
		value := beginning(f.Value)
		if shown += len(f.Label) + len(value); shown <= maxFacts {
			rows = append(rows, []string{f.Label, value})
		} else if i == len(facts)-1 {
			rows = append(rows, []string{"and more", fmt.Sprintf("%d more lines", len(facts)-len(rows))})
		}
	}
	data := []byte(text.String())
	name := string(a.ID) + "-in-full.txt"
	where := "is beside this card"
	if a.State != action.Proposed {
		where = "was beside this card while it waited for approval"
	}
	rows = append(rows, []string{"in full", fmt.Sprintf("%d lines, %d bytes: the file %s %s; its SHA-256 is %x", len(facts), len(data), name, where, sha256.Sum256(data))})
	if a.State == action.Proposed {
		whole = &File{Name: name, Media: "text/plain; charset=utf-8", Data: data}
	}
	return rows, whole
}

// beginning is as much of a value as a card shows of one that does not fit.
func beginning(s string) string {
	if r := []rune(s); len(r) > maxFact {
		return string(r[:maxFact]) + "…"
	}
	return s
}
