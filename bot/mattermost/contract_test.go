package mattermost

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/config/secret"
)

const patience = 10 * time.Second

func tokenFile(t testing.TB, token string) secret.File {
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
	command model.Command // of a server that calls
}

const workspace = "grid"

// at is a thread of the channel.
func (r *rig) at(root string) bot.Thread {
	return bot.Thread{Platform: Name, Workspace: workspace, Channel: "security", Root: root}
}

// build makes a rig whose server answers at url, dialled as o says.
func build(t *testing.T, fake *fakemattermost.Server, url string, o Options) *rig {
	t.Helper()
	r := &rig{fake: fake, token: tokenFile(t, "secret-token")}
	r.me, r.alice = fake.AddBot("gridwarden", "secret-token"), fake.AddUser("alice")
	r.channel = fake.AddChannel("security", model.ChannelTypePrivate, r.me, r.alice)
	o.Channels = func(string) []string { return []string{"security"} }
	o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	o.Commands = func() []string { return []string{"trace", "pending", "kill user", "approve"} }
	var err error
	c := Config{Name: workspace, URL: url, Team: fakemattermost.Team, TokenFile: r.token}
	if o.Public != "" {
		r.command = fake.AddCommand("gridwarden", o.Public+"/mattermost/"+workspace+pathCommand)
		trace := fake.AddCommand("trace", r.command.URL)
		c.CommandTokensFile = tokenFile(t, r.command.Token+"\n"+trace.Token)
	}
	if r.Platform, err = New([]Config{c}, o); err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMattermostPasses(t *testing.T)     { passes(t, Options{}) }
func TestMattermostFullPasses(t *testing.T) { passes(t, Options{Public: public}) }

func passes(t *testing.T, o Options) {
	t.Helper()
	// One listener for all, because the suite looks for goroutines that are left.
	var now atomic.Pointer[fakemattermost.Server]
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { now.Load().ServeHTTP(w, r) }))
	defer server.Close()
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		fake := fakemattermost.New()
		now.Store(fake)
		r := build(t, fake, server.URL, o)
		t.Cleanup(fake.Drop)
		guest := fake.AddUser("guest")
		fake.Change(guest.Id, func(u *model.User) { u.Roles = model.SystemGuestRoleId })
		// What happens before the bot has caught up may be told to nobody, or twice.
		caughtUp := func() {
			if !fake.Await(patience, func() bool { return fake.Calls("GET /channels/{id}/posts") > 0 }) {
				t.Error("nobody listens")
			}
		}
		return bottest.Harness{
			Platform: r.Platform,
			Channel:  r.at(""),
			Type: func(text string, times int) {
				caughtUp()
				fake.Type(r.alice.Id, r.channel.Id, "", "@gridwarden "+text, times)
			},
			React: func(post string, stands bool) {
				if stands {
					fake.React(r.alice.Id, post, "+1_light_skin_tone")
				} else {
					fake.Unreact(r.alice.Id, post, "+1_light_skin_tone")
				}
			},
			Touch: func(post string, gone bool) {
				if gone {
					fake.DeleteAs(r.alice.Id, post)
				} else {
					fake.EditAs(post, "BAN somebody else")
				}
			},
			Strangers: []func(bool){
				func(in bool) {
					caughtUp()
					if in {
						fake.Join(r.channel.Id, guest.Id)
					} else {
						fake.Leave(r.channel.Id, guest.Id)
					}
				},
				func(in bool) { // a member is made a guest
					fake.Change(r.alice.Id, func(u *model.User) {
						u.Roles = model.SystemUserRoleId
						if in {
							u.Roles = model.SystemGuestRoleId
						}
					})
				},
				func(in bool) { fake.Share(r.channel.Id, in) },
			},
		}
	})
}
