package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// pinReactions make a message evidence of a case, normalised by the platforms.
var pinReactions = []string{"pushpin", "round_pushpin"}

// IsPin reports whether a reaction makes a message evidence. It is the only one
// that means something under messages that are not the bot's.
func IsPin(reaction string) bool { return slices.Contains(pinReactions, reaction) }

// The commands that a pin, and taking it away, stand for.
const (
	PinCommand   = "incident pin"
	UnpinCommand = "incident unpin"
)

// pinned is what a pin asks for.
func pinned(ev Event) asked {
	a := asked{surface: "reaction"}
	second := "pin"
	if ev.Kind == Unreacted {
		second, a.surface = "unpin", takenBack
	}
	a.tokens = []Token{{Text: "incident"}, {Text: second}, {Text: ev.Target, Quoted: true}}
	return a
}

// Bounds of the evidence of a case.
const (
	MaxEvidence     = 300  // messages
	MaxEvidenceText = 4000 // runes of one message
	maxChanges      = 20   // of one message that its case names; the audit log has all
)

// Evidence is a message that somebody made part of a case, as it stood then.
// What it says later is only ever added.
type Evidence struct {
	Thread   string          `json:"thread"` // where it stands
	Message  string          `json:"message"`
	Author   string          `json:"author,omitempty"` // the account's key
	Name     string          `json:"name,omitempty"`   // what the author called himself
	At       time.Time       `json:"at"`
	Text     string          `json:"text"`
	Cut      bool            `json:"cut,omitempty"` // the text was longer
	Files    []Enclosure     `json:"files,omitempty"`
	Link     string          `json:"link,omitempty"`
	PinnedBy action.PersonID `json:"pinned_by"`
	PinnedAt time.Time       `json:"pinned_at"`
	Changes  []Change        `json:"changes,omitempty"`
}

// Change is what became of a message after it was evidence.
type Change struct {
	Kind Kind      `json:"kind"` // Edited, Deleted, or Unreacted for a pin that was taken away
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"`   // the account's key, where the platform tells
	Text string    `json:"text,omitempty"` // what it said then, cut to MaxEvidenceText
}

// EvidenceAt is the place of a message among the evidence, -1 for none.
func (i Incident) EvidenceAt(t Thread, message string) int {
	return slices.IndexFunc(i.Evidence, func(e Evidence) bool {
		at, err := ParseThread(e.Thread)
		return err == nil && e.Message == message && inChannel(at, t)
	})
}

// Marked is what became of a mark.
type Marked int

// The ends of a mark.
const (
	Added Marked = iota // it is news
	Known               // it was marked before
	Full                // the case names enough changes of the message
)

// Mark adds what became of evidence n. The slices of a case are shared with who
// reads it, so they are copied.
func (i *Incident) Mark(n int, c Change) Marked {
	old := i.Evidence[n].Changes
	if slices.ContainsFunc(old, func(o Change) bool { return o.Kind == c.Kind && o.At.Equal(c.At) && o.By == c.By }) {
		return Known
	}
	if len(old) >= maxChanges {
		return Full
	}
	i.Evidence = slices.Clone(i.Evidence)
	i.Evidence[n].Changes = append(slices.Clone(old), c)
	return Added
}

// CutText bounds foreign text that is kept, and tells whether it was longer. A
// database may take neither what is not UTF-8 nor a zero byte.
func CutText(s string, runes int) (string, bool) {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
	if r := []rune(s); len(r) > runes {
		return string(r[:runes]), true
	}
	return s, false
}
