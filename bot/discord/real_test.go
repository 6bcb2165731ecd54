package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/config/secret"
)

// The environment variables that name a server for tests.
const (
	tokenVariable   = "GRIDWARDEN_TEST_DISCORD_TOKEN_FILE"
	guildVariable   = "GRIDWARDEN_TEST_DISCORD_GUILD"
	channelVariable = "GRIDWARDEN_TEST_DISCORD_CHANNEL"
	apiVariable     = "GRIDWARDEN_TEST_DISCORD_API" // Discord's own without it
)

// TestRealServerPasses is the part of the contract that needs nobody else, on the
// server that the environment names: Discord lets no program act as a person.
func TestRealServerPasses(t *testing.T) {
	c := Config{Name: "grid", Guild: os.Getenv(guildVariable), TokenFile: secret.File(os.Getenv(tokenVariable))}
	place := os.Getenv(channelVariable)
	if c.Guild == "" || c.TokenFile == "" || place == "" {
		t.Skipf("no server is named by %s, %s and %s", tokenVariable, guildVariable, channelVariable)
	}
	token, err := c.TokenFile.Read()
	if err != nil {
		t.Fatal(err)
	}
	api := cmp.Or(os.Getenv(apiVariable), "https://discord.com/")
	web := &rawAPI{address: api + "api/v10", token: strings.TrimSpace(token.Reveal())}
	began := time.Now()
	t.Cleanup(func() { web.clean(t, place, began) })
	build := func(t *testing.T) *Platform {
		p, err := New([]Config{c}, Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []Command { return commands }, API: os.Getenv(apiVariable),
			Channels: func() []bot.Thread { return []bot.Thread{channel(place)} },
		})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	if err := build(t).Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		return bottest.Harness{Platform: build(t), Channel: channel(place)}
	})
}

// TestTheWayToARealServer is the same with a fake server named.
func TestTheWayToARealServer(t *testing.T) {
	s := server()
	t.Cleanup(s.Close)
	l := httptest.NewServer(s)
	t.Cleanup(l.Close)
	t.Setenv(tokenVariable, string(settings(t, "grid").TokenFile))
	t.Setenv(guildVariable, fakediscord.Guild)
	t.Setenv(channelVariable, security)
	t.Setenv(apiVariable, l.URL+"/")
	t.Run("passes", TestRealServerPasses)
	if left := s.All(); len(left) > 0 {
		t.Errorf("%d messages were left; the first is %+v", len(left), left[0])
	}
}

// rawAPI does what a bot may do and gridwarden never does.
type rawAPI struct{ address, token string }

func (w *rawAPI) do(ctx context.Context, method, path string, answer any) error {
	for {
		r, err := http.NewRequestWithContext(ctx, method, w.address+path, nil)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", "Bot "+w.token)
		r.Header.Set("User-Agent", "DiscordBot (https://example.org, 1)") // others are turned away
		done, err := w.once(r, answer)
		if done || err != nil {
			return err
		}
	}
}

var errNone = errors.New("there is none")

// once asks once; when Discord is busy it waits as long as Discord says.
func (w *rawAPI) once(r *http.Request, answer any) (done bool, err error) {
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true, Proxy: http.ProxyFromEnvironment}}).Do(r)
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		wait, err := time.ParseDuration(response.Header.Get("Retry-After") + "s")
		time.Sleep(wait)
		return false, err
	case response.StatusCode == http.StatusNotFound:
		return false, fmt.Errorf("%s %s: %w", r.Method, r.URL.Path, errNone)
	case response.StatusCode >= http.StatusMultipleChoices:
		return false, fmt.Errorf("%s %s: %s", r.Method, r.URL.Path, response.Status)
	case answer == nil:
		return true, nil
	}
	return true, json.NewDecoder(response.Body).Decode(answer)
}

// clean deletes the bot's messages since then, and the threads that hang from them.
func (w *rawAPI) clean(t *testing.T, place string, since time.Time) {
	ctx := context.Background() // the test has ended
	var me discordgo.User
	err := w.do(ctx, http.MethodGet, "/users/@me", &me)
	for again := true; again && err == nil; {
		var some []discordgo.Message
		again = false
		if err = w.do(ctx, http.MethodGet, "/channels/"+place+"/messages?limit=100", &some); err != nil {
			break
		}
		for _, m := range some {
			if m.Author == nil || m.Author.ID != me.ID || m.Timestamp.Before(since.Add(-time.Minute)) {
				continue
			}
			// A thread has the id of the message that it hangs from.
			if err = w.do(ctx, http.MethodDelete, "/channels/"+m.ID, nil); err == nil || errors.Is(err, errNone) {
				err = w.do(ctx, http.MethodDelete, "/channels/"+place+"/messages/"+m.ID, nil)
			}
			if err != nil {
				break
			}
			again = true
		}
	}
	if err != nil {
		t.Errorf("removing what the bot said: %v", err)
	}
}
