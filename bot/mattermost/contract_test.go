package mattermost

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/config/secret"
)

const patience = 20 * time.Second

func tokenFile(t *testing.T, token string) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

// rig is a fake server with a channel in which the bot and alice are.
type rig struct {
	*Platform
	fake    *fakemattermost.Server
	me      *model.User
	alice   *model.User
	channel *model.Channel
	token   secret.File
}

const workspace = "grid"

// build makes a rig whose server answers at url, dialled as o says.
func build(t *testing.T, fake *fakemattermost.Server, url string, o Options) *rig {
	t.Helper()
	r := &rig{fake: fake, token: tokenFile(t, "secret-token")}
	r.me, r.alice = fake.AddBot("gridwarden", "secret-token"), fake.AddUser("alice")
	r.channel = fake.AddChannel("security", model.ChannelTypePrivate, r.me, r.alice)
	o.Channels = func(string) []string { return []string{"security"} }
	o.Commands = []string{"trace", "pending", "kill user", "approve"}
	var err error
	if r.Platform, err = New([]Config{{Name: workspace, URL: url, Team: fakemattermost.Team, TokenFile: r.token}}, o); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMattermostPasses(t *testing.T) {
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		fake := fakemattermost.New()
		server := httptest.NewServer(fake)
		r := build(t, fake, server.URL, Options{})
		t.Cleanup(func() {
			fake.Drop()
			server.Close()
			for _, s := range r.servers {
				s.client.CloseIdleConnections()
			}
		})
		return bottest.Harness{
			Platform: r.Platform,
			Channel:  bot.Thread{Platform: Name, Workspace: workspace, Channel: "security"},
			Type: func(text string, times int) {
				if !fake.Await(patience, func() bool { return fake.Connections() > 0 }) {
					t.Error("nobody listens")
				}
				fake.Type(r.alice.Id, r.channel.Id, "", "@gridwarden "+text, times)
			},
		}
	})
}
