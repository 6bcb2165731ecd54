//go:build crash

package survival

import (
	"sync"
	"time"
)

// counts are what people did and how long they waited for answers.
type counts struct {
	mu    sync.Mutex
	did   int             // events
	again int             // answers that said to ask again
	took  []time.Duration // from an event to its answer
}

func (c *counts) act() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did++
}

func (c *counts) askAgain() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.again++
}

func (c *counts) answered(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = append(c.took, after)
}

func (c *counts) soFar() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.did
}

func (c *counts) askedAgain() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.again
}

// sinceLast gives the times since it was last asked, and the events so far.
func (c *counts) sinceLast() ([]time.Duration, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	took := c.took
	c.took = nil
	return took, c.did
}

func (c *counts) slowest() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	var d time.Duration
	for _, took := range c.took {
		d = max(d, took)
	}
	return d
}
