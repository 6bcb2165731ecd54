package slack

import (
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
)

// TestConnectionsAreKept says as much at once as the engine does, again and again:
// Slack is not dialled for it each time.
func TestConnectionsAreKept(t *testing.T) {
	s := workplace()
	t.Cleanup(s.Close)
	var round atomic.Pointer[sync.WaitGroup] // until all of a round have arrived
	var made atomic.Int32
	l := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/chat.postMessage" {
			round.Load().Done()
			round.Load().Wait()
		}
		s.ServeHTTP(w, r)
	}))
	l.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	l.Start()
	t.Cleanup(l.Close)
	p := over(t, strings.TrimPrefix(l.URL, "http://"), nil, "CSEC")
	for range 4 {
		var arrived, said sync.WaitGroup
		arrived.Add(bot.AtOnce)
		round.Store(&arrived)
		for range bot.AtOnce {
			said.Go(func() {
				if _, err := p.Post(t.Context(), channel("CSEC"), bot.Say("x")); err != nil {
					t.Error(err)
				}
			})
		}
		said.Wait()
	}
	// Whoever finds no idle connection dials, and may be served by one that became
	// idle meanwhile: some more are made than are used at once.
	if n := made.Load(); n > 2*bot.AtOnce {
		t.Errorf("%d connections for %d messages at once", n, bot.AtOnce)
	}
}
