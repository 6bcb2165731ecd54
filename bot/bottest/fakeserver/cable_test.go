package fakeserver

import (
	"io"
	"net"
	"testing"
)

// TestACableIsCut holds that a cut ends what stands, lets nothing begin, and is mended.
func TestACableIsCut(t *testing.T) {
	wire := NewWire()
	defer wire.Close()
	go func() {
		for {
			c, err := wire.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c) }() // until it is closed
		}
	}()
	cable := NewCable(wire.Dial)
	dial := func() (net.Conn, error) { return cable.Dial(t.Context(), "tcp", "anywhere") }
	echoes := func(c net.Conn) bool {
		answer := make([]byte, 1)
		_, failed := c.Write([]byte("x"))
		_, err := io.ReadFull(c, answer)
		return failed == nil && err == nil
	}
	c, err := dial()
	if err != nil || !echoes(c) {
		t.Fatalf("a whole cable: %v", err)
	}
	cable.Cut()
	if echoes(c) {
		t.Error("something passes over a cut cable")
	}
	if _, err := dial(); err == nil {
		t.Error("a connection over a cut cable")
	}
	cable.Mend()
	if c, err = dial(); err != nil || !echoes(c) {
		t.Errorf("a mended cable: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}
