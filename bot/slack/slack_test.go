package slack

import (
	"context"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/config/secret"
)

// tokens writes the tokens of the fake workspace as files.
func tokens(t testing.TB, name string) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{Name: name, AppTokenFile: secret.File(filepath.Join(dir, "app")), BotTokenFile: secret.File(filepath.Join(dir, "bot"))}
	for file, token := range map[secret.File]string{c.AppTokenFile: fakeslack.AppToken, c.BotTokenFile: fakeslack.BotToken} {
		if err := os.WriteFile(string(file), []byte(token+"\n"), fs.FileMode(0o600)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// workplace is a fake workspace with a team in a private channel.
func workplace(retries ...time.Duration) *fakeslack.Server {
	s := fakeslack.New()
	s.Retries = retries
	for _, name := range []string{"alice", "bob", "carol"} {
		s.AddUser(fakeslack.User{ID: "U" + strings.ToUpper(name), Name: name})
	}
	s.AddUser(fakeslack.User{ID: "UGUEST", Name: "guest", Restricted: true})
	s.AddUser(fakeslack.User{ID: "USTRANGER", Name: "stranger", Team: "T0OTHER", Stranger: true})
	s.AddUser(fakeslack.User{ID: "UGONE", Name: "gone", Deleted: true})
	s.AddUser(fakeslack.User{ID: "UROBOT", Name: "robot", Bot: true})
	addTeam(s, "CSEC")
	return s
}

func addTeam(s *fakeslack.Server, channel string) {
	s.AddChannel(fakeslack.Channel{ID: channel, Name: "security", Private: true, Members: []string{fakeslack.BotUser, "UALICE", "UBOB", "UCAROL"}})
}

var commands = []string{"help", "trace", "ban", "kill user", "whoami", "pending", "approve", "deny"}

func channel(id string) bot.Thread { return bot.Thread{Platform: Name, Workspace: "grid", Channel: id} }

// over makes a Platform that speaks to a fake on a network.
func over(t testing.TB, address string, dial func(context.Context, string, string) (net.Conn, error), channels ...string) *Platform {
	t.Helper()
	return overAs(t, tokens(t, "grid"), address, dial, channels...)
}

// overAs is over with a configuration.
func overAs(t testing.TB, c Config, address string, dial func(context.Context, string, string) (net.Conn, error), channels ...string) *Platform {
	t.Helper()
	opt := Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []string { return commands }, API: "http://" + address + "/api/", Dial: dial,
		Accounts: func(person string) []string {
			return []string{"console/" + person, "slack/grid/U" + strings.ToUpper(person)}
		},
	}
	opt.Channels = func() []bot.Thread {
		var out []bot.Thread
		for _, id := range channels {
			out = append(out, channel(id))
		}
		return out
	}
	p, err := New([]Config{c}, opt)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen listens until the test ends, and returns when the sockets are up.
func listen(t *testing.T, s *fakeslack.Server, p *Platform) *bottest.Hearing {
	t.Helper()
	l := bottest.Hear(t, p)
	connected(t, s, 1)
	return l
}

func connected(t testing.TB, s *fakeslack.Server, n int) {
	t.Helper()
	if !s.Until(20*time.Second, func() bool { return s.Sockets() == n }) {
		t.Fatalf("%d sockets; want %d", s.Sockets(), n)
	}
}
