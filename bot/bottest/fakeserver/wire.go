package fakeserver

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
	near, far := net.Pipe()
	client, server := newBuffered(near), newBuffered(far)
	select {
	case w.accept <- server:
		return client, nil
	case <-w.closed:
	case <-ctx.Done():
	}
	_, _ = client.Close(), server.Close()
	return nil, net.ErrClosed
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
func (w *Wire) Addr() net.Addr { return &net.UnixAddr{Name: "fakeserver", Net: "memory"} }

// Serve answers on a listener until stop is called. Before it ends the connections
// stop calls hangUp, if there is one, which ends what the server took out of
// HTTP's hands.
func Serve(l net.Listener, h http.Handler, hangUp func()) (stop func()) {
	// It is longer than bots keep an idle connection: else the server gives up one that was
	// opened and not used yet at the very moment at which a bot writes to it.
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Minute}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l) // it ends when it is closed
	}()
	return func() {
		if hangUp != nil {
			hangUp()
		}
		_ = server.Close()
		<-done
	}
}

// buffered is an end of a pipe that takes what is written before the other end
// reads it, as networks do: two ends that answer each other's pings would
// otherwise wait for each other.
type buffered struct {
	net.Conn
	queue  chan []byte
	closed chan struct{}
	once   sync.Once
}

func newBuffered(c net.Conn) *buffered {
	b := &buffered{Conn: c, queue: make(chan []byte, 1024), closed: make(chan struct{})}
	go b.pump()
	return b
}

func (b *buffered) pump() {
	defer b.Conn.Close() //nolint:errcheck // a pipe's never fails
	for {
		select {
		case data := <-b.queue:
			if _, err := b.Conn.Write(data); err != nil {
				return
			}
			continue
		case <-b.closed:
		}
		select {
		case data := <-b.queue:
			if _, err := b.Conn.Write(data); err != nil {
				return
			}
		default:
			return
		}
	}
}

// Write implements net.Conn.
func (b *buffered) Write(data []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case b.queue <- append([]byte(nil), data...):
		return len(data), nil
	case <-b.closed:
		return 0, net.ErrClosed
	}
}

// Close implements net.Conn. What was written is still to be read, for a while.
func (b *buffered) Close() error {
	b.once.Do(func() {
		_ = b.Conn.SetDeadline(time.Now().Add(time.Second))
		close(b.closed)
	})
	return nil
}

// SetDeadline implements net.Conn; writing never waits.
func (b *buffered) SetDeadline(t time.Time) error { return b.SetReadDeadline(t) }

// SetWriteDeadline implements net.Conn.
func (b *buffered) SetWriteDeadline(time.Time) error { return nil }
