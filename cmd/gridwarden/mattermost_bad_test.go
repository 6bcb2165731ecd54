package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// calledSite is a serve in full mode on a fake server.
type calledSite struct {
	*service
	fake       *fakemattermost.Server
	alice, bob *model.User
	me         *model.User
	channel    *model.Channel
	at, cfg    string // of the callbacks; of the configuration
	token      string // file
}

func serveCalled(t *testing.T) *calledSite {
	t.Helper()
	s := &calledSite{fake: fakemattermost.New()}
	server := httptest.NewServer(s.fake)
	t.Cleanup(server.Close)
	s.alice, s.bob, s.me = s.fake.AddUser("alice"), s.fake.AddUser("bob"), s.fake.AddBot("gridwarden", mattermostToken)
	s.channel = s.fake.AddChannel("security", model.ChannelTypePrivate, s.alice, s.bob, s.me)
	port := freePort(t)
	s.at = "http://" + port + "/mattermost/grid"
	s.cfg = configured(t, fmt.Sprintf(`
journal: {sqlite: a.db}
http: {listen: "%[1]s", public_url: "http://%[1]s"}
platforms: {mattermost: [{name: grid, url: "%[2]s", team: grid, token_file: token, command_tokens_file: commands}]}
channels: [{platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true}]
people:
  - {id: alice, roles: [shifter], accounts: [mattermost/grid/%[3]s]}
  - {id: bob, roles: [shifter, sec], accounts: [mattermost/grid/%[4]s]}
  - {id: carol, roles: [shifter, sec], accounts: [console/carol]}
policies: {ban: {approvals: [{role: sec, count: 2}]}}
backends: {sandbox: {}}
`, port, server.URL, s.alice.Id, s.bob.Id))
	dir := filepath.Dir(s.cfg)
	s.token = written(t, filepath.Join(dir, "token"), mattermostToken)
	written(t, filepath.Join(dir, "commands"), s.fake.AddCommand("gridwarden", s.at+"/command").Token)
	s.service = startServe(t, s.cfg, nobody(t))
	s.until("/healthz", "mattermost: ok")
	return s
}

// bare takes off what escaping puts between.
var bare = strings.NewReplacer("\u200b", "", "\\", "", "*", "", "`", "")

// said waits for a post of the bot with a text.
func (s *calledSite) said(text string) *model.Post {
	s.t.Helper()
	var found *model.Post
	if !s.fake.Await(20*time.Second, func() bool {
		for _, p := range s.fake.Posts() {
			if p.UserId == s.me.Id && strings.Contains(bare.Replace(p.Message), text) {
				found = p
			}
		}
		return found != nil
	}) {
		s.t.Fatalf("%q was not said; posts %v\n%s", text, s.fake.Posts(), &s.err)
	}
	return found
}

// told waits until somebody alone was told something.
func (s *calledSite) told(user, text string) {
	s.t.Helper()
	if !s.fake.Await(20*time.Second, func() bool {
		for _, w := range s.fake.Whispers() {
			if w.To == user && strings.Contains(bare.Replace(w.Post.Message), text) {
				return true
			}
		}
		return false
	}) {
		s.t.Errorf("%q was not told; whispers %v", text, s.fake.Whispers())
	}
}

// recorded waits until a refusal with all of the texts is in the audit log.
func (s *calledSite) recorded(texts ...string) {
	s.t.Helper()
	var all string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) { // a database tells nobody
		all = refusals(s.t, s.cfg)
		for line := range strings.Lines(all) {
			fits := true
			for _, text := range texts {
				fits = fits && strings.Contains(line, text)
			}
			if fits {
				return
			}
		}
	}
	s.t.Errorf("no record of a refusal has %q:\n%s", texts, all)
}

func (s *calledSite) ban(name string) *model.Post {
	s.t.Helper()
	if err := s.fake.Command(s.alice.Id, s.channel.Id, "", `/gridwarden ban "`+name+`" cryptominer on wn042`); err != nil {
		s.t.Fatal(err)
	}
	return s.said("BAN " + name + " — waits for approval")
}

func (s *calledSite) click(user, post, word string) {
	s.t.Helper()
	if err := s.fake.Click(user, post, s.fake.Button(post, word)); err != nil {
		s.t.Error(err)
	}
}

// press sends what somebody makes up straight to the address of the buttons.
func (s *calledSite) press(r model.PostActionIntegrationRequest) string {
	s.t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		s.t.Fatal(err)
	}
	answer, err := http.Post(s.at+"/action", "application/json", bytes.NewReader(data))
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		s.t.Errorf("%d %s %v", answer.StatusCode, text, err)
	}
	return string(text)
}

// TestMattermostBadInput holds what the whole program does with what is not as
// it should be: a refusal, a record, an answer where a person waits, and it goes on.
func TestMattermostBadInput(t *testing.T) {
	s := serveCalled(t)
	first, second := s.ban("Naughty User"), s.ban("Naughty Usher")
	carried := s.fake.Carries(first.Id, s.fake.Button(first.Id, "approve")).Context
	const nothing = "nothing was done"

	t.Run("forged callback", func(t *testing.T) {
		got := s.press(model.PostActionIntegrationRequest{UserId: s.bob.Id, ChannelId: s.channel.Id, PostId: first.Id, Context: carried})
		contains(t, "the answer", got, nothing)
		s.recorded("mattermost/grid/  ", "it has no trigger of the server", s.bob.Id)
	})
	t.Run("forged for another with a trigger of one's own", func(t *testing.T) {
		got := s.press(model.PostActionIntegrationRequest{UserId: s.bob.Id, ChannelId: s.channel.Id, PostId: first.Id, TriggerId: s.fake.Trigger(s.alice.Id), Context: carried})
		contains(t, "the answer", got, nothing)
		s.recorded("another user's")
	})
	t.Run("another team's command", func(t *testing.T) {
		s.fake.AddCommand("foreign", s.at+"/command")
		if err := s.fake.Command(s.bob.Id, s.channel.Id, "", "/foreign approve x"); err != nil {
			t.Error(err)
		}
		s.told(s.bob.Id, "token is not one that gridwarden knows")
		s.recorded("its token is unknown")
	})
	t.Run("another's card", func(t *testing.T) {
		got := s.press(model.PostActionIntegrationRequest{UserId: s.bob.Id, ChannelId: s.channel.Id, PostId: second.Id, TriggerId: s.fake.Trigger(s.bob.Id), Context: carried})
		contains(t, "the answer", got, nothing)
		s.recorded(s.bob.Id, "bob {", "offered below another post")
	})
	t.Run("a button of somebody else that calls here", func(t *testing.T) {
		bait := &model.Post{UserId: s.alice.Id, ChannelId: s.channel.Id, Message: "Lunch?"}
		bait.AddProp("attachments", []any{map[string]any{"actions": []any{map[string]any{
			"id": "yes", "type": "button", "name": "Yes", "integration": map[string]any{"url": s.at + "/action", "context": map[string]any{"gridwarden": "approve:x", "action": "approve"}},
		}}}})
		p := s.fake.Say(bait, 1)
		if err := s.fake.Click(s.bob.Id, p.Id, "yes"); err != nil {
			t.Error(err)
		}
		s.told(s.bob.Id, "That button was not issued by gridwarden")
		s.recorded("bob", "not offered by gridwarden")
	})
	t.Run("replayed", func(t *testing.T) {
		s.click(s.bob.Id, first.Id, "approve")
		s.told(s.bob.Id, "is counted: 1 of 2")
		for range 10 {
			if err := s.fake.CallAgain(); err != nil {
				t.Error(err)
			}
		}
		s.click(s.bob.Id, first.Id, "approve")
		s.told(s.bob.Id, "is counted already")
		if n := strings.Count(refusals(t, s.cfg), `"why":"already-counted`); n != 1 {
			t.Errorf("%d records of ten repetitions and one more press", n)
		}
	})
	t.Run("somebody unknown, a guest, a remote user", func(t *testing.T) {
		remote := "elsewhere"
		for name, c := range map[string]struct {
			change func(*model.User)
			want   string
		}{
			"zoe":   {func(*model.User) {}, "belongs to nobody that gridwarden knows"},
			"gus":   {func(u *model.User) { u.Roles = model.SystemGuestRoleId }, "takes nothing from guest accounts"},
			"renee": {func(u *model.User) { u.RemoteId = &remote }, "takes nothing from outsider accounts"},
			"robot": {func(u *model.User) { u.IsBot = true }, "takes nothing from bot accounts"},
		} {
			u := s.fake.AddUser(name)
			c.change(u)
			s.fake.Join(s.channel.Id, u.Id)
			s.click(u.Id, first.Id, "approve")
			s.told(u.Id, c.want)
			if err := s.fake.Command(u.Id, s.channel.Id, "", "/gridwarden pending"); err != nil {
				t.Error(err)
			}
			s.said(c.want)
			s.recorded(u.Id, c.want, `"surface":"button"`)
			s.recorded(u.Id, c.want, `"surface":"typed"`)
			s.fake.Leave(s.channel.Id, u.Id)
		}
	})
	t.Run("a webhook's post and the bot's own", func(t *testing.T) {
		p := &model.Post{UserId: s.bob.Id, ChannelId: s.channel.Id, Message: "@gridwarden bans"}
		p.AddProp("from_webhook", "true")
		s.fake.Say(p, 1)
		s.recorded(s.bob.Id, "takes nothing from bot accounts", `"surface":"typed"`)
		before := refusals(t, s.cfg)
		s.fake.Say(&model.Post{UserId: s.me.Id, ChannelId: s.channel.Id, Message: "@gridwarden nonsense"}, 1)
		if err := s.fake.Command(s.alice.Id, s.channel.Id, "", "/gridwarden nonesuch"); err != nil {
			t.Error(err)
		}
		s.recorded("alice", "nonesuch")
		if after := refusals(t, s.cfg); strings.Count(after, "\n") != strings.Count(before, "\n")+1 {
			t.Errorf("the bot answered itself:\n%s", after)
		}
	})
	t.Run("16,384 characters", func(t *testing.T) {
		if err := s.fake.Command(s.alice.Id, s.channel.Id, "", "/gridwarden whois "+strings.Repeat("ä", 16384)); err != nil {
			t.Error(err)
		}
		s.recorded("alice", "longer than 16384 bytes")
		s.said("That is longer than 16384 bytes")
	})
	t.Run("a direct channel", func(t *testing.T) {
		direct := s.fake.AddChannel("dm", model.ChannelTypeDirect, s.bob, s.me)
		if err := s.fake.Command(s.bob.Id, direct.Id, "", "/gridwarden bans"); err != nil {
			t.Error(err)
		}
		s.recorded("bob", "may not be used in this channel")
	})
	t.Run("an old version", func(t *testing.T) {
		action := s.fake.Button(second.Id, "deny")
		s.click(s.bob.Id, second.Id, "deny")
		form := s.fake.Dialog(s.bob.Id)
		if _, err := s.fake.Submit(s.bob.Id, s.channel.Id, form, map[string]any{"reason": "no"}); err != nil {
			t.Fatal(err)
		}
		if !s.fake.Await(20*time.Second, func() bool { return s.fake.Button(second.Id, "approve") == "" }) {
			t.Error("the buttons are still there")
		}
		var r *fakemattermost.Refusal
		if err := s.fake.Click(s.bob.Id, second.Id, action); !errors.As(err, &r) || r.Status != http.StatusNotFound {
			t.Errorf("%v; want the server's own refusal", err)
		}
		// Even if the server still had the button: the post does not show it.
		got := s.press(model.PostActionIntegrationRequest{UserId: s.bob.Id, ChannelId: s.channel.Id, PostId: second.Id, TriggerId: s.fake.Trigger(s.bob.Id), Context: carried})
		contains(t, "the answer", got, nothing)
	})
	t.Run("a channel that the bot is not in", func(t *testing.T) {
		s.fake.Leave(s.channel.Id, s.me.Id)
		if err := s.fake.Command(s.alice.Id, s.channel.Id, "", "/gridwarden bans"); err != nil {
			t.Error(err)
		}
		s.told(s.alice.Id, "not a member of this channel")
		s.recorded("alice", "a slash command in a channel that the bot is not in")
		s.fake.Join(s.channel.Id, s.me.Id)
	})
	t.Run("a token that is revoked", func(t *testing.T) {
		s.fake.Revoke(mattermostToken)
		s.click(s.bob.Id, first.Id, "deny")
		s.told(s.bob.Id, nothing)
		s.recorded("401")
		s.until("/healthz", "mattermost: failed")
		s.fake.Grant(s.me.Id, "another-token")
		if err := os.WriteFile(s.token, []byte("another-token"), 0o600); err != nil {
			t.Fatal(err)
		}
		s.until("/healthz", "mattermost: ok")
		if err := s.fake.Command(s.alice.Id, s.channel.Id, "", "/gridwarden status"); err != nil {
			t.Error(err)
		}
		s.said("Everything works")
	})
	if status := s.ends(); status != exitOK {
		t.Errorf("status %d:\n%s", status, &s.err)
	}
	contains(t, "verify", ok(t, "audit", "verify", "--config", s.cfg), "Sound:")
}
