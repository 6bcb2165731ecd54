package bottest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
)

// Hearing is what a Platform has handed over.
type Hearing struct {
	mu      sync.Mutex
	events  []bot.Event
	silence []bot.Event
	refuse  func(bot.Event) error
}

// Hear listens on a Platform until the test ends.
func Hear(t testing.TB, p bot.Platform) *Hearing {
	t.Helper()
	h := &Hearing{}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { ended <- p.Listen(ctx, h.Take) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Listen: %v", err)
		}
	})
	return h
}

// Take takes an event, as what is given to Listen.
func (h *Hearing) Take(_ context.Context, ev bot.Event) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse != nil && ev.Kind != bot.Deaf && ev.Kind != bot.Heard {
		if err := h.refuse(ev); err != nil {
			return err
		}
	}
	if ev.Kind == bot.Deaf || ev.Kind == bot.Heard {
		h.silence = append(h.silence, ev)
		return nil
	}
	h.events = append(h.events, ev)
	return nil
}

// Refuse has events refused from now on where refuse gives an error.
func (h *Hearing) Refuse(refuse func(bot.Event) error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refuse = refuse
}

// All are the events that were taken, repeated ones among them.
func (h *Hearing) All() []bot.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

// Silence is what the Platform told of its own connection.
func (h *Hearing) Silence() []bot.Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.silence)
}

// Distinct are the events without repetitions: those with different ids.
func (h *Hearing) Distinct() []bot.Event {
	seen := map[string]bool{}
	var out []bot.Event
	for _, ev := range h.All() {
		if !seen[ev.ID] {
			seen[ev.ID] = true
			out = append(out, ev)
		}
	}
	return out
}

// One is the only event; it fails when there are others.
func (h *Hearing) One(t *testing.T) bot.Event {
	t.Helper()
	events := h.Distinct()
	if len(events) != 1 {
		t.Fatalf("events %+v; want one", events)
	}
	return events[0]
}

// Forget begins anew.
func (h *Hearing) Forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = nil
}

// Kinds names events by their kinds and values.
func Kinds(events []bot.Event) string {
	var out []string
	for _, ev := range events {
		out = append(out, fmt.Sprintf("%s %s", ev.Kind, ev.Value))
	}
	return strings.Join(out, "; ")
}
