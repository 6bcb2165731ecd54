package discord

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

func TestPlatformPasses(t *testing.T) {
	// One listener, which outlives the servers behind it.
	var now atomic.Pointer[fakediscord.Server]
	l := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }))
	t.Cleanup(l.Close)
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		s := server()
		t.Cleanup(s.Close)
		now.Store(s)
		return bottest.Harness{
			Platform: over(t, strings.TrimPrefix(l.URL, "http://"), nil), Channel: channel(security), Shown: s.Shown,
			Type: func(text string, times int) {
				connected(t, s)
				_, d := s.Type(alice, security, me+text)
				for range times - 1 {
					d.Again()
				}
			},
			React: func(message string, stands bool) {
				if stands {
					s.React(alice, message, "👍🏽")
				} else {
					s.Unreact(alice, message, "👍🏽")
				}
			},
			Touch: func(message string, gone bool) {
				if gone {
					s.Delete(message)
				} else {
					s.Rewrite(message, "BAN somebody else")
				}
			},
			Strangers: []func(bool){
				func(in bool) {
					connected(t, s)
					s.Change(security, func(c *fakediscord.Channel) { c.Private = !in })
				},
				func(in bool) { // everybody gets a right that no channel takes away
					rights := int64(fakediscord.ViewChannel)
					if in {
						rights |= discordgo.PermissionAdministrator
					}
					s.Everyone(rights)
				},
			},
		}
	})
}
