package slack

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// endings are Slack's words for what it refuses, with a part of what people are
// told when waiting does not heal it; "" for what passes. Those of auth.test and
// apps.connections.open, as docs.slack.dev lists them.
var endings = map[string]string{
	"invalid_auth":            "not one of this app",
	"not_authed":              "token is empty",
	"account_inactive":        "app was removed",
	"user_removed_from_team":  "bot was removed",
	"team_disabled":           "workspace was deleted",
	"token_revoked":           "token was revoked",
	"token_expired":           "token has expired",
	"not_allowed_token_type":  "xapp- token",
	"missing_scope":           "connections:write",
	"org_login_required":      "moves to an organisation",
	"team_access_not_granted": "no access to the workspace",
	"ekm_access_denied":       "administrators have suspended access",
	"no_permission":           "may not do that",
	"access_denied":           "access was denied",
	"link_disabled":           "Socket Mode is switched off",

	"accesslimited":       "",
	"fatal_error":         "", // of Slack, which says that it may have had an effect
	"internal_error":      "",
	"service_unavailable": "",
	"request_timeout":     "",
	"team_added_to_org":   "", // the workspace is being moved, until it is
	"a_word_of_tomorrow":  "",
}

func TestEveryWordThatEndsIsInTheTable(t *testing.T) {
	for word := range fatal {
		if endings[word] == "" {
			t.Errorf("%s stops the bot, and no test says so", word)
		}
	}
}

// TestWhatSlackRefusesAtTheStart: a word that waiting does not heal ends listening
// with a sentence, in either mode; any other is tried again until it has passed.
func TestWhatSlackRefusesAtTheStart(t *testing.T) {
	for _, word := range slices.Sorted(maps.Keys(endings)) {
		for method, c := range map[string]Config{"auth.test": tokens(t, "grid"), "apps.connections.open": tokens(t, "grid"), "auth.test over HTTP": calledAs(t)} {
			method, _, _ := strings.Cut(method, " ")
			synctest.Test(t, func(t *testing.T) {
				s := workplace()
				wire := fakeserver.NewWire()
				t.Cleanup(s.Serve(wire))
				const times = 4
				s.Fail(fakeslack.Fault{Method: method, Times: times, Error: word})
				p := overAs(t, c, "slack.fake", wire.Dial)
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				var up atomic.Bool
				time.AfterFunc(15*time.Second, func() {
					is, _ := p.Connection()
					up.Store(is)
				})
				err := p.Listen(ctx, func(context.Context, bot.Event) error { return nil })
				tries := len(s.Calls(method))
				if endings[word] == "" {
					if !errors.Is(err, context.DeadlineExceeded) || !up.Load() || tries <= times {
						t.Errorf("%s of %s: %v, listens %t after %d tries", word, method, err, up.Load(), tries)
					}
					return
				}
				if !told(err, endings[word]) || !told(err, "start again") || tries != 1 {
					t.Errorf("%s of %s: %v after %d tries", word, method, err, tries)
				}
			})
		}
	}
}

// TestWhatSlackRefusesLater: a bot that was taken before is never ended. What
// waiting does not heal is tried once a minute and said by `status`; the rest soon.
func TestWhatSlackRefusesLater(t *testing.T) {
	for _, word := range slices.Sorted(maps.Keys(endings)) {
		t.Run(word, func(t *testing.T) {
			in(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
				before := len(s.Calls("apps.connections.open"))
				s.Fail(fakeslack.Fault{Method: "apps.connections.open", Times: 3, Error: word})
				s.Cut()
				refusedLater(t, word, p, 30*time.Second, 3*time.Minute)
				if n := len(s.Calls("apps.connections.open")) - before; n != 4 {
					t.Errorf("asked %d times", n)
				}
			})
		})
		t.Run(word+" over HTTP", func(t *testing.T) {
			inHTTP(t, nil, func(t *testing.T, s *fakeslack.Server, p *Platform, _ *bottest.Hearing) {
				s.Fail(fakeslack.Fault{Method: "auth.test", Times: 3, Error: word})
				refusedLater(t, word, p, 90*time.Second, 4*time.Minute)
			})
		})
	}
}

// refusedLater looks after a while, and once more when all is well again.
func refusedLater(t *testing.T, word string, p *Platform, soon, late time.Duration) {
	t.Helper()
	time.Sleep(soon)
	up, _ := p.Connection()
	if up != (endings[word] == "") {
		t.Errorf("after %s it listens: %t", soon, up)
	}
	if err := p.Check(t.Context()); endings[word] != "" && (!told(err, endings[word]) || !told(err, "tries again every minute") || !strings.Contains(err.Error(), word)) {
		t.Errorf("Check: %v", err)
	}
	time.Sleep(late - soon)
	if up, _ := p.Connection(); !up {
		t.Error("it did not come back")
	}
	if err := p.Check(t.Context()); err != nil {
		t.Errorf("Check afterwards: %v", err)
	}
}

// TestAnAddressThatIsNotThere: Slack answers an unknown method with 404, as the
// libraries do it is taken for a token that is not one.
func TestAnAddressThatIsNotThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := workplace()
		wire := fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		s.Fail(fakeslack.Fault{Method: "apps.connections.open", Times: 1, Status: http.StatusNotFound})
		err := over(t, "slack.fake", wire.Dial).Listen(t.Context(), func(context.Context, bot.Event) error { return nil })
		if !told(err, endings["invalid_auth"]) {
			t.Errorf("Listen = %v", err)
		}
	})
}

func told(err error, words string) bool {
	var people bot.ForPeople
	return errors.As(err, &people) && strings.Contains(people.ForPeople(), words)
}
