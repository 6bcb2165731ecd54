package slack

import (
	"context"
	"encoding/json"
	"strings"
)

// turn keeps the reactions of one person in the order in which they came: who it is
// and where the card stands may have to be asked about one, and not about the next.
// It is taken where envelopes arrive, before anything is done beside each other.
func (w *workspace) turn(e envelope) (wait func(context.Context) error, done func()) {
	var p struct {
		Event struct {
			Type string          `json:"type"`
			User json.RawMessage `json:"user"` // of some events it is more than an id
		} `json:"event"`
	}
	if e.Type == "events_api" && json.Unmarshal(e.Payload, &p) == nil && strings.HasPrefix(p.Event.Type, "reaction_") {
		return w.turns.Take(string(p.Event.User))
	}
	return func(context.Context) error { return nil }, func() {}
}
