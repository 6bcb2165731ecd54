package fakemattermost

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Pipes is a network in memory: connections that a test with a fake clock can
// wait for, which it cannot for those of the system.
type Pipes struct {
	accept chan net.Conn
	done   chan struct{}
	once   sync.Once
}

// Serve serves s on a network in memory until the test ends, and returns how to
// dial it.
func (s *Server) Serve(t testing.TB) func(ctx context.Context, network, address string) (net.Conn, error) {
	dial := Pipe(t, s)
	t.Cleanup(s.Drop) // before what Pipe ends
	return dial
}

// CallOver lets the server call integrations over a network in memory.
func (s *Server) CallOver(t testing.TB, routes http.Handler) {
	transport := &http.Transport{DialContext: Pipe(t, routes), DisableKeepAlives: true}
	s.CallBy(&http.Client{Transport: transport})
}

// Pipe serves on a network in memory until the test ends, and returns how to dial.
func Pipe(t testing.TB, routes http.Handler) func(ctx context.Context, network, address string) (net.Conn, error) {
	p := &Pipes{accept: make(chan net.Conn), done: make(chan struct{})}
	server := &http.Server{Handler: routes, ReadHeaderTimeout: time.Minute}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(p) // it ends when it is closed
	}()
	t.Cleanup(func() {
		_ = server.Close() // nobody waits for an answer any more
		<-ended
	})
	return p.Dial
}

// Accept implements net.Listener.
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "memory", Net: "pipe"} }

// Dial connects.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
