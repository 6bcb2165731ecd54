package fakeserver

import (
	"context"
	"net"
	"sync"
)

// Dial is how somebody reaches a network.
type Dial func(ctx context.Context, network, address string) (net.Conn, error)

// Cable is a way to a network that can be cut. It is safe for concurrent use.
type Cable struct {
	dial Dial

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

// NewCable makes one that is whole.
func NewCable(dial Dial) *Cable { return &Cable{dial: dial, conns: map[net.Conn]bool{}} }

// Dial connects over the cable.
func (c *Cable) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	c.mu.Lock()
	cut := c.cut
	c.mu.Unlock()
	if cut {
		return nil, net.ErrClosed
	}
	conn, err := c.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cut {
		_ = conn.Close() // it was never used
		return nil, net.ErrClosed
	}
	c.conns[conn] = true
	return &plugged{Conn: conn, cable: c}, nil
}

// Cut ends every connection without a word, and lets nobody make one until Mend.
func (c *Cable) Cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = true
	for conn := range c.conns {
		_ = conn.Close() // as a cable is: nobody asks whether it succeeds
	}
	clear(c.conns)
}

// Mend ends Cut.
func (c *Cable) Mend() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cut = false
}

// plugged is a connection that the cable forgets when it is closed.
type plugged struct {
	net.Conn
	cable *Cable
}

// Close implements net.Conn.
func (p *plugged) Close() error {
	p.cable.mu.Lock()
	delete(p.cable.conns, p.Conn)
	p.cable.mu.Unlock()
	return p.Conn.Close()
}
