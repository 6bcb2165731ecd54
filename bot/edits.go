package bot

import (
	"context"
	"sync"
	"time"
)

// How often one card is changed: whatever happens to it, people need only see
// how it stands, and platforms take few changes a second.
const (
	editsAtOnce = 4
	editsWithin = 1100 * time.Millisecond
)

// edits spaces the changes of cards.
type edits struct {
	mu sync.Mutex
	at map[string][]time.Time // of the latest changes, by card and room
}

// wait returns when the card in a room may be changed again, and whether that
// took time, in which the action may have changed.
func (e *edits) wait(ctx context.Context, key string) (waited bool, err error) {
	for {
		now := time.Now()
		e.mu.Lock()
		for other, times := range e.at {
			for len(times) > 0 && now.Sub(times[0]) >= editsWithin {
				times = times[1:]
			}
			if e.at[other] = times; len(times) == 0 {
				delete(e.at, other)
			}
		}
		var left time.Duration
		if times := e.at[key]; len(times) >= editsAtOnce {
			left = editsWithin - now.Sub(times[0])
		} else {
			if e.at == nil {
				e.at = map[string][]time.Time{}
			}
			e.at[key] = append(times, now)
		}
		e.mu.Unlock()
		if left <= 0 {
			return waited, ctx.Err()
		}
		waited = true
		select {
		case <-ctx.Done():
			return waited, ctx.Err()
		case <-time.After(left):
		}
	}
}
