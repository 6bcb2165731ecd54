package main

import (
	"bytes"
	"encoding/json"
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

// TestMattermostBadInput is what of TestBadInput needs the program as it is
// started: calls over the network, tokens in files, health and `audit show`.
func TestMattermostBadInput(t *testing.T) {
	t.Parallel() // it waits until a token that is revoked is tried again
	s := serveCalled(t)
	first := s.ban("Naughty User")
	carried := s.fake.Carries(first.Id, s.fake.Button(first.Id, "approve")).Context
	const nothing = "nothing was done"

	t.Run("forged callback", func(t *testing.T) {
		got := s.press(model.PostActionIntegrationRequest{UserId: s.bob.Id, ChannelId: s.channel.Id, PostId: first.Id, Context: carried})
		contains(t, "the answer", got, nothing)
		s.recorded("mattermost/grid/  ", "it has no trigger of the server", s.bob.Id)
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
	t.Run("a form that is opened for somebody else", func(t *testing.T) {
		s.click(s.bob.Id, first.Id, "deny")
		form := s.fake.Dialog(s.bob.Id)
		answer, err := s.fake.Submit(s.alice.Id, s.channel.Id, form, map[string]any{"reason": "no"})
		if err != nil || !strings.Contains(answer.Error, "was not opened by gridwarden for you") {
			t.Errorf("%+v %v", answer, err)
		}
		s.recorded("the form was opened for somebody else", s.alice.Id)
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
	contains(t, "show", ok(t, "audit", "show", "--config", s.cfg), "a press on a button: it has no", "a form: the form was", "is counted\n", "401")
	contains(t, "verify", ok(t, "audit", "verify", "--config", s.cfg), "Sound:")
}
