package recall

import (
	"context"
	"sync"
)

// Turns lets what belongs to one key be done in the order in which it came, and
// that of other keys beside it. Its zero value is ready.
type Turns struct {
	mu   sync.Mutex
	last map[string]chan struct{} // closed when the latest one is done
}

// Take queues up behind what has the key. wait returns when it is one's turn, or
// with an error when ctx ends first; done must be called once, whatever wait said.
func (t *Turns) Take(key string) (wait func(ctx context.Context) error, done func()) {
	mine := make(chan struct{})
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.last == nil {
		t.last = map[string]chan struct{}{}
	}
	before := t.last[key]
	t.last[key] = mine
	wait = func(ctx context.Context) error {
		if before == nil {
			return nil
		}
		select {
		case <-before:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	done = func() {
		close(mine)
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.last[key] == mine {
			delete(t.last, key)
		}
	}
	return wait, done
}
