package fakeslack

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"
)

// Wire is a network of its own in memory, on which a test's clock can be the
// fake one of a synctest bubble.
type Wire struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewWire makes a network. It is a net.Listener.
func NewWire() *Wire { return &Wire{accept: make(chan net.Conn), closed: make(chan struct{})} }

// Dial connects to whoever accepts, whatever the address.
func (w *Wire) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case w.accept <- server:
		return client, nil
	case <-w.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (w *Wire) Accept() (net.Conn, error) {
	select {
	case c := <-w.accept:
		return c, nil
	case <-w.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (w *Wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

// Addr implements net.Listener.
func (w *Wire) Addr() net.Addr { return &net.UnixAddr{Name: "fakeslack", Net: "memory"} }

// Serve answers on a listener until stop is called.
func (s *Server) Serve(l net.Listener) (stop func()) {
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	return func() {
		s.Close()
		_ = server.Close()
		<-done
	}
}
