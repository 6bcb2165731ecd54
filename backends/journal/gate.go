package journal

import (
	"context"
	"sync"
)

// gate holds up those who begin to read as of one moment while the write-ahead
// log is begun anew: readers that overlap without end would never let it.
// Its zero value is open.
type gate struct {
	mu     sync.Mutex
	opened chan struct{} // closed when the gate opens; nil: it is open
}

// pass returns when the gate is open.
func (g *gate) pass(ctx context.Context) error {
	g.mu.Lock()
	opened := g.opened
	g.mu.Unlock()
	if opened == nil {
		return ctx.Err()
	}
	select {
	case <-opened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// shutDuring keeps the gate shut while f runs. One goroutine does this.
func (g *gate) shutDuring(f func()) {
	opened := make(chan struct{})
	set := func(c chan struct{}) {
		g.mu.Lock()
		g.opened = c
		g.mu.Unlock()
	}
	set(opened)
	defer func() { set(nil); close(opened) }()
	f()
}
