package main

import (
	"fmt"
	"net"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// freePort is a port that was free a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// refusals are the records of what was refused.
func refusals(t *testing.T, file string) string {
	t.Helper()
	j := journalOf(t, file)
	defer j.Close()
	records, err := j.Records(t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Refused}, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, r := range records {
		fmt.Fprintf(&out, "%s %s %s\n", r.Account, r.Person, r.Body)
	}
	return out.String()
}

// TestMattermostFromNothing sets a server up, checks it, serves it, and has
// people type, press and give a reason there.
func TestMattermostFromNothing(t *testing.T) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	fake.AddAdmin("root", "admin-token")
	alice, bob := fake.AddUser("alice"), fake.AddUser("bob")
	channel := fake.AddChannel("security", model.ChannelTypePrivate, alice, bob)
	port := freePort(t)
	cfg := configured(t, fmt.Sprintf(`
journal: {sqlite: a.db}
http: {listen: "%[1]s", public_url: "http://%[1]s/chat"}
platforms: {mattermost: [{name: grid, url: "%[2]s", team: grid, token_file: token, command_tokens_file: commands}]}
channels: [{platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true}]
people:
  - {id: alice, roles: [shifter], accounts: [mattermost/grid/%[3]s]}
  - {id: bob, roles: [shifter, sec], accounts: [mattermost/grid/%[4]s]}
policies: {ban: {approvals: [{role: sec}]}}
backends: {sandbox: {}}
`, port, server.URL, alice.Id, bob.Id))

	contains(t, "--print", ok(t, "setup", "mattermost", "--config", cfg, "--print"),
		"1. System Console", "http://"+port+"/chat/mattermost/grid/command", "\n6. If 127.0.0.1 is an address inside your network")
	if got := gridwarden(t, "setup", "mattermost", "--config", cfg); got.status != exitUsage || !strings.Contains(got.err, "no access token") {
		t.Errorf("without a token: %+v", got)
	}
	if got := gridwarden(t, "setup", "mattermost", "--config", cfg, "--server", "other"); got.status != exitUsage || !strings.Contains(got.err, "one of grid") {
		t.Errorf("another server: %+v", got)
	}
	for n, want := range []string{"made the bot account gridwarden", "the bot account gridwarden is there"} {
		got := gridwardenRead(t, "admin-token\n", "setup", "mattermost", "--config", cfg)
		if got.status != exitOK || !strings.Contains(got.out, want) || strings.Contains(got.out+got.err, "admin-token") {
			t.Errorf("run %d: %+v", n+1, got)
		}
	}
	adminFile := written(t, filepath.Join(t.TempDir(), "admin"), "admin-token\n")
	contains(t, "by file", ok(t, "setup", "mattermost", "--config", cfg, "--admin-token-file", adminFile), "gridwarden check --config")

	contains(t, "check", ok(t, "check", "--config", cfg), "in full: the server calls http://"+port+"/chat")
	contains(t, "check --probe before serve", ok(t, "check", "--config", cfg, "--probe"), "probe: mattermost/grid: ok")
	s := startServe(t, cfg, nobody(t))
	contains(t, "check --probe beside serve", ok(t, "check", "--config", cfg, "--probe"), "probe: mattermost/grid: ok")
	s.until("/healthz", "mattermost: ok")

	said := func(text string) *model.Post {
		t.Helper()
		var found *model.Post
		if !fake.Await(20*time.Second, func() bool {
			found = nil
			for _, p := range fake.Posts() {
				if strings.Contains(p.Message, text) {
					found = p
				}
			}
			return found != nil
		}) {
			t.Fatalf("%q was not said; posts %v\n%s", text, fake.Posts(), s.err.String())
		}
		return found
	}
	if err := fake.Command(alice.Id, channel.Id, "", "/gridwarden status"); err != nil {
		t.Fatal(err)
	}
	contains(t, "status", said("Everything works").Message, "full")
	if err := fake.Command(alice.Id, channel.Id, "", `/ban "Naughty User" cryptominer on wn042`); err != nil {
		t.Fatal(err)
	}
	card := said("waits for approval")
	for who, want := range map[string]string{alice.Id: "another person must approve it"} {
		if err := fake.Click(who, card.Id, fake.Button(card.Id, "approve")); err != nil {
			t.Fatal(err)
		}
		if !fake.Await(20*time.Second, func() bool {
			all := fake.Whispers()
			return len(all) > 0 && all[len(all)-1].To == who && strings.Contains(all[len(all)-1].Post.Message, want)
		}) {
			t.Errorf("%q was not whispered: %v", want, fake.Whispers())
		}
	}
	if err := fake.Click(bob.Id, card.Id, fake.Button(card.Id, "deny")); err != nil {
		t.Fatal(err)
	}
	form := fake.Dialog(bob.Id)
	if form == nil {
		t.Fatal("no form")
	}
	if answer, err := fake.Submit(bob.Id, channel.Id, form, map[string]any{"reason": "it is a benchmark"}); err != nil || answer.Error != "" {
		t.Fatalf("%+v %v", answer, err)
	}
	said("it is a benchmark")
	if !fake.Await(20*time.Second, func() bool { return fake.Button(card.Id, "approve") == "" }) {
		t.Error("the buttons are still there")
	}
	for _, c := range fake.Outgoing() {
		if c.Took > 3*time.Second || c.Status != 200 {
			t.Errorf("%s answered %d after %s", c.URL, c.Status, c.Took)
		}
	}
	// A forged call is recorded, and names nobody as its author.
	if _, err := fake.SendForm("http://"+port+"/chat/mattermost/grid/dialog", model.SubmitDialogRequest{State: "forged", UserId: bob.Id, ChannelId: channel.Id}); err != nil {
		t.Fatal(err)
	}
	if status := s.ends(); status != exitOK {
		t.Errorf("status %d:\n%s", status, s.err.String())
	}
	contains(t, "the audit log", refusals(t, cfg), "a form: it was not offered by gridwarden", "own-request")
	if got := gridwarden(t, "check", "--config", cfg, "--probe"); got.status != exitOK {
		t.Errorf("after serve: %+v", got)
	}
	contains(t, "verify", ok(t, "audit", "verify", "--config", cfg), "Sound:")
}

// TestCheckProbesTheCallbackAddress: something else answers there.
func TestCheckProbesTheCallbackAddress(t *testing.T) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	me := fake.AddBot("gridwarden", "token-of-the-bot")
	fake.AddChannel("security", model.ChannelTypePrivate, me)
	cfg := configured(t, fmt.Sprintf(`
journal: {sqlite: a.db}
http: {listen: "127.0.0.1:0", public_url: "%[1]s"}
platforms: {mattermost: [{name: grid, url: "%[1]s", team: grid, token_file: token, command_tokens_file: commands}]}
channels: [{platform: mattermost, workspace: grid, name: security, commands: [all]}]
`, server.URL))
	written(t, filepath.Join(filepath.Dir(cfg), "token"), "token-of-the-bot")
	tokens := written(t, filepath.Join(filepath.Dir(cfg), "commands"), fake.AddCommand("gridwarden", server.URL).Token)
	if got := gridwarden(t, "check", "--config", cfg, "--probe"); got.status != exitFailed || !strings.Contains(got.out, "something else answers (404 Not Found)") {
		t.Errorf("%+v", got)
	}
	written(t, tokens, "short")
	if got := gridwarden(t, "check", "--config", cfg, "--probe"); got.status != exitFailed || !strings.Contains(got.out, "is no token of a slash command") {
		t.Errorf("%+v", got)
	}
}
