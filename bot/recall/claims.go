package recall

import (
	"context"
	"sync"
)

// Claims keep what is read after a gap from being handed over beside what comes
// by the socket at the same time. The program would notice; it is spared. The zero value is ready.
type Claims struct {
	mu sync.Mutex
	by map[string]*Claim
}

// Claim is an event in hand, or one that was.
type Claim struct {
	live bool
	done chan struct{} // closed when a reader is done with it
	kept bool          // what the reader did; read it when done is closed
}

// Read takes an event for the reader; nil when it came by the socket, or was read before.
func (c *Claims) Read(id string) *Claim {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by[id] != nil {
		return nil
	}
	mine := &Claim{done: make(chan struct{})}
	c.put(id, mine)
	return mine
}

func (c *Claims) put(id string, one *Claim) {
	if len(c.by) >= Limit || c.by == nil {
		c.by = map[string]*Claim{}
	}
	c.by[id] = one
}

// End says whether the reader's event was kept; another may try what was not.
func (c *Claims) End(id string, mine *Claim, kept bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	mine.kept = kept
	close(mine.done)
	if !kept && c.by[id] == mine {
		delete(c.by, id)
	}
}

// Live takes an event that came by the socket, and reports whether a reader has
// seen to it.
func (c *Claims) Live(ctx context.Context, id string) bool {
	c.mu.Lock()
	other := c.by[id]
	first := other == nil
	if first {
		c.put(id, &Claim{live: true})
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

// Drop gives up an event that was not kept: a reader may find it.
func (c *Claims) Drop(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.by, id)
}
