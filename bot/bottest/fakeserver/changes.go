package fakeserver

import (
	"sync"
	"time"
)

// Changes lets tests wait for what a server does. Its zero value is ready.
type Changes struct {
	mu   sync.Mutex
	next chan struct{} // closed by the next change
}

// Tell wakes who waits. It may be called with the server's lock held.
func (c *Changes) Tell() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next != nil {
		close(c.next)
		c.next = nil
	}
}

// Until waits for a condition, which is asked whenever something changed and may
// ask the server; false after a time.
func (c *Changes) Until(most time.Duration, ok func() bool) bool {
	end := time.After(most)
	for {
		changed := c.changed()
		if ok() {
			return true
		}
		select {
		case <-changed:
		case <-end:
			return ok()
		}
	}
}

func (c *Changes) changed() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.next == nil {
		c.next = make(chan struct{})
	}
	return c.next
}
