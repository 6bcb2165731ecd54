package slack

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// strangers are the ways in which somebody from outside comes to read the
// channel. The app has the events and scopes of its manifest.
func strangers(s *fakeslack.Server, ready func()) []func(bool) {
	m := Manifest(Config{Name: "grid"}, "", nil)
	s.SetScopes(strings.Join(m.OAuthConfig.Scopes.Bot, ","))
	s.Subscribe(m.Settings.EventSubscriptions.BotEvents...)
	member := func(user string) func(bool) {
		return func(in bool) {
			ready()
			if in {
				s.Join(user, "CSEC")
			} else {
				s.Leave(user, "CSEC")
			}
		}
	}
	return []func(bool){member("UGUEST"), member("USTRANGER"), func(in bool) { s.Connect("CSEC", in) }}
}

func TestPlatformPasses(t *testing.T) {
	// One listener, which outlives the workspaces: what one left unacknowledged
	// is sent to nobody else.
	var now atomic.Pointer[fakeslack.Server]
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }))
	t.Cleanup(l.Close)
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		s := workplace(10*time.Millisecond, 100*time.Millisecond, time.Second)
		t.Cleanup(s.Close)
		now.Store(s)
		return bottest.Harness{
			Platform: over(t, strings.TrimPrefix(l.URL, "http://"), nil, "CSEC"), Channel: channel("CSEC"), Shown: s.Shown,
			Type: func(text string, times int) {
				connected(t, s, 1)
				_, d := s.Type("UALICE", "CSEC", "", me+text)
				for range times - 1 {
					d.Acknowledged(10 * time.Second)
					d.Again()
				}
			},
			React: func(ts string, stands bool) {
				if stands {
					s.React("UALICE", "CSEC", ts, "+1::skin-tone-3")
				} else {
					s.Unreact("UALICE", "CSEC", ts, "+1::skin-tone-3")
				}
			},
			Touch: func(ts string, gone bool) {
				if gone {
					s.Delete("CSEC", ts)
				} else {
					s.Edit("UALICE", "CSEC", ts, "BAN somebody else")
				}
			},
			Strangers: strangers(s, func() { connected(t, s, 1) }),
		}
	})
}
