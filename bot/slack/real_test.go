package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/config/secret"
)

// The environment variables that name a workspace for tests.
const (
	botVariable     = "GRIDWARDEN_TEST_SLACK_BOT_TOKEN_FILE"
	appVariable     = "GRIDWARDEN_TEST_SLACK_APP_TOKEN_FILE"
	channelVariable = "GRIDWARDEN_TEST_SLACK_CHANNEL"
	userVariable    = "GRIDWARDEN_TEST_SLACK_USER_TOKEN_FILE" // may be missing
	apiVariable     = "GRIDWARDEN_TEST_SLACK_API"             // Slack's own without it
)

// TestRealWorkspacePasses is the contract on the workspace that the environment
// names. Slack stamps whatever a program posts with that program, also with a
// person's token: such a person is a bot to gridwarden, and so here.
func TestRealWorkspacePasses(t *testing.T) {
	c := Config{Name: "grid", BotTokenFile: secret.File(os.Getenv(botVariable)), AppTokenFile: secret.File(os.Getenv(appVariable))}
	place := os.Getenv(channelVariable)
	if c.BotTokenFile == "" || c.AppTokenFile == "" || place == "" {
		t.Skipf("no workspace is named by %s, %s and %s", botVariable, appVariable, channelVariable)
	}
	api := cmp.Or(os.Getenv(apiVariable), "https://slack.com/api/")
	began := time.Now()
	as := func(file secret.File) (*slackapi.Client, string) {
		t.Helper()
		token, err := file.Read()
		if err != nil {
			t.Fatal(err)
		}
		web := slackapi.New(strings.TrimSpace(token.Reveal()), slackapi.OptionAPIURL(api))
		self, err := web.AuthTestContext(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { clean(t, web, self.UserID, place, began) })
		return web, self.UserID
	}
	_, me := as(c.BotTokenFile)
	h := bottest.Harness{Channel: channel(place), Once: true}
	if file := secret.File(os.Getenv(userVariable)); file != "" {
		person, _ := as(file)
		h.Standing = bot.Bot
		h.Type = func(text string, _ int) {
			for up := false; !up; up, _ = h.Platform.(*Platform).Connection() {
				time.Sleep(10 * time.Millisecond)
			}
			err := patiently(func() error {
				_, _, err := person.PostMessageContext(t.Context(), place, slackapi.MsgOptionText("<@"+me+"> "+text, false))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
	}
	build := func(t *testing.T) *Platform {
		p, err := New([]Config{c}, Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []string { return commands }, API: api,
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
		h.Platform = build(t)
		return h
	})
}

// TestTheWayToARealWorkspace is the same with a fake workspace named.
func TestTheWayToARealWorkspace(t *testing.T) {
	s := workplace()
	t.Cleanup(s.Close)
	l := httptest.NewServer(s)
	t.Cleanup(l.Close)
	c := tokens(t, "grid")
	t.Setenv(botVariable, string(c.BotTokenFile))
	t.Setenv(appVariable, string(c.AppTokenFile))
	t.Setenv(channelVariable, "CSEC")
	t.Setenv(apiVariable, l.URL+"/api/")
	t.Run("passes", TestRealWorkspacePasses)
	if left := s.Messages("CSEC"); len(left) > 0 {
		t.Errorf("%d messages were left; the first is %+v", len(left), left[0])
	}
}

// patiently asks Slack again as often as it says to wait.
func patiently(do func() error) error {
	for {
		err := do()
		var busy *slackapi.RateLimitedError
		if !errors.As(err, &busy) {
			return err
		}
		time.Sleep(busy.RetryAfter)
	}
}

// clean deletes what somebody said in a channel since then, in threads too.
func clean(t *testing.T, web *slackapi.Client, user, place string, since time.Time) {
	ctx := context.Background() // the test has ended
	oldest := fmt.Sprintf("%d.000000", since.Unix())
	var all []slackapi.Message
	err := patiently(func() error {
		history, err := web.GetConversationHistoryContext(ctx, &slackapi.GetConversationHistoryParameters{ChannelID: place, Oldest: oldest, Limit: 999})
		if err == nil {
			all = history.Messages
		}
		return err
	})
	for _, root := range slices.Clone(all) {
		if err == nil && root.ReplyCount > 0 {
			err = patiently(func() error {
				replies, _, _, err := web.GetConversationRepliesContext(ctx, &slackapi.GetConversationRepliesParameters{ChannelID: place, Timestamp: root.Timestamp, Limit: 999})
				all = append(replies, all...) // before their root
				return err
			})
		}
	}
	gone := map[string]bool{}
	for _, m := range all {
		if err != nil || m.User != user || gone[m.Timestamp] {
			continue
		}
		gone[m.Timestamp] = true
		err = patiently(func() error {
			_, _, err := web.DeleteMessageContext(ctx, place, m.Timestamp)
			return err
		})
	}
	if err != nil {
		t.Errorf("removing what %s said in %s: %v", user, place, err)
	}
}
