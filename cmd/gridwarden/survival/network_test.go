//go:build crash

package survival

import (
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// network lies between the program and the chat platforms, in both directions.
type network struct {
	mu     sync.Mutex
	cut    bool // connections end, and new ones too
	silent bool // connections stand, and nothing passes
	pipes  map[*pipe]bool
}

// pipe is one connection through the network.
type pipe struct {
	near, far net.Conn
	silent    atomic.Bool // for ever: who was here has forgotten it
}

func (p *pipe) end() {
	_ = p.near.Close() // it may have ended already
	_ = p.far.Close()
}

// leadTo opens an address that leads to another one; what to gives can change.
func (n *network) leadTo(t testing.TB, to func() string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() {
		_ = l.Close() // it is only listened on here
		<-ended
		n.drop()
	})
	go func() {
		defer close(ended)
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go n.pass(near, to())
		}
	}()
	return l.Addr().String()
}

// pass carries one connection until it ends.
func (n *network) pass(near net.Conn, to string) {
	defer near.Close()
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	p := &pipe{near: near, far: far}
	defer p.end()
	n.mu.Lock()
	if n.cut {
		n.mu.Unlock()
		return
	}
	p.silent.Store(n.silent)
	n.pipes[p] = true
	n.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { p.carry(near, far) })
	both.Go(func() { p.carry(far, near) })
	both.Wait()
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.pipes, p)
}

// carry copies one direction. The end of one is that of both: nothing here uses
// half of a connection.
func (p *pipe) carry(to, from net.Conn) {
	defer func() {
		if !p.silent.Load() { // the other side is told nothing either
			p.end()
		}
	}()
	buffer := make([]byte, 32<<10)
	for {
		k, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.silent.Load() {
			continue // as lost on the way
		}
		if _, err := to.Write(buffer[:k]); err != nil {
			return
		}
	}
}

// drop ends every connection.
func (n *network) drop() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for p := range n.pipes {
		p.end()
	}
}

// breaks ends every connection and each new one, until heals.
func (n *network) breaks() {
	n.mu.Lock()
	n.cut = true
	n.mu.Unlock()
	n.drop()
}

// hushes lets every connection stand, and new ones, and nothing pass. Those that
// stand then stay so after heals, as behind a gateway that has forgotten them.
func (n *network) hushes() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.silent = true
	for p := range n.pipes {
		p.silent.Store(true)
	}
}

// heals lets new connections pass.
func (n *network) heals() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cut, n.silent = false, false
}
