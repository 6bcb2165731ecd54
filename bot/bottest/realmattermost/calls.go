package realmattermost

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// PublicVariable names the address at which the server reaches this machine; the
// tests listen on its port. Without it that is a free port of the loopback.
const PublicVariable = "GRIDWARDEN_TEST_MATTERMOST_PUBLIC_URL"

// Calls is where the server calls the bot under test.
type Calls struct {
	Public string
	now    atomic.Pointer[http.Handler]
}

// Lead has later calls go to a handler.
func (c *Calls) Lead(h http.Handler) { c.now.Store(&h) }

// Listen takes the server's calls until the test ends. It fails where the
// server's settings keep it from calling.
func (s *Server) Listen(t testing.TB) *Calls {
	t.Helper()
	address, public := "127.0.0.1:0", strings.TrimSuffix(os.Getenv(PublicVariable), "/")
	if public != "" {
		u, err := url.Parse(public)
		if err != nil || u.Port() == "" {
			t.Fatalf("%s must be an address with a port, such as http://testhost.example.org:8066", PublicVariable)
		}
		address = ":" + u.Port()
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	c := &Calls{Public: public}
	if public == "" {
		c.Public = "http://" + l.Addr().String()
		settings, err := s.Settings(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if allowed := settings.ServiceSettings.AllowedUntrustedInternalConnections; allowed == nil || !strings.Contains(*allowed, "127.0.0.1") {
			t.Fatalf("the server calls no address of its own machine: add 127.0.0.1 under System Console > Environment > Developer > Allow untrusted internal connections, or name an address that it may call in %s", PublicVariable)
		}
	}
	none := http.NotFoundHandler()
	c.now.Store(&none)
	server := &http.Server{
		Handler:           http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { (*c.now.Load()).ServeHTTP(w, r) }),
		ReadHeaderTimeout: time.Minute,
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return c
}
