package fakemattermost

import (
	"context"
	"net"
	"net/http"
	"testing"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// Serve serves s on a network in memory until the test ends, and returns how to
// dial it.
func (s *Server) Serve(t testing.TB) func(ctx context.Context, network, address string) (net.Conn, error) {
	return serve(t, s, s.Drop)
}

// CallOver lets the server call integrations over a network in memory.
func (s *Server) CallOver(t testing.TB, routes http.Handler) {
	transport := &http.Transport{DialContext: serve(t, routes, nil), DisableKeepAlives: true}
	s.CallBy(&http.Client{Transport: transport})
}

func serve(t testing.TB, h http.Handler, hangUp func()) func(ctx context.Context, network, address string) (net.Conn, error) {
	wire := fakeserver.NewWire()
	t.Cleanup(fakeserver.Serve(wire, h, hangUp))
	return wire.Dial
}
