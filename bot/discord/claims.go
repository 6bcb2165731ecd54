package discord

import (
	"context"
	"sync"
)

// claims keep what is read after a gap from being handed over beside what comes
// by the socket at the same time. The program would notice; it is spared.
type claims struct {
	mu sync.Mutex
	by map[string]*claim
}

// claim is an event in hand, or one that was.
type claim struct {
	live bool
	done chan struct{} // closed when a reader is done with it
	kept bool          // what the reader did; read it when done is closed
}

// read takes an event for the reader; nil when it came by the socket, or was read before.
func (c *claims) read(id string) *claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[id] != nil {
		return nil
	}
	mine := &claim{done: make(chan struct{})}
	c.put(id, mine)
	return mine
}

func (c *claims) put(id string, one *claim) {
	if len(c.by) >= remembered || c.by == nil {
		c.by = map[string]*claim{}
	}
	c.by[id] = one
}

// end says whether the reader's event was kept; another may try what was not.
func (c *claims) end(id string, mine *claim, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine.kept = kept
	close(mine.done)
	if !kept && c.by[id] == mine {
		delete(c.by, id)
	}
}

// live takes an event that came by the socket, and reports whether a reader has
// seen to it.
func (c *claims) live(ctx context.Context, id string) bool {
	c.mu.Lock()
	other := c.by[id]
	first := other == nil
	if first {
		c.put(id, &claim{live: true})
	}
	repeated := !first && other.live
	c.mu.Unlock()
	if first || repeated { // the program decides about repetitions
		return false
	}
	select {
	case <-other.done:
	case <-ctx.Done():
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	kept := other.kept && !other.live
	other.live = true // from now on it is a repetition
	return kept
}

// drop gives up an event that was not kept: a reader may find it.
func (c *claims) drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, id)
}
