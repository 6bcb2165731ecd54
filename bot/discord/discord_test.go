package discord

import (
	"context"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/config/secret"
)

// People and places of the tests.
const (
	alice, bob, carol = "200000000000000001", "200000000000000002", "200000000000000003"
	newcomer, robot   = "200000000000000004", "200000000000000005"
	silenced          = "200000000000000008"
	stranger, relay   = "200000000000000006", "200000000000000007"
	security          = "300000000000000001"
	secRole           = "400000000000000001"
	me                = "<@" + fakediscord.BotUser + "> "
)

// settings writes the token of the fake server as a file.
func settings(t testing.TB, name string) Config {
	t.Helper()
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte(fakediscord.Token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return Config{Name: name, Guild: fakediscord.Guild, TokenFile: secret.File(file)}
}

// server is a fake Discord with a team in a private channel.
func server() *fakediscord.Server {
	s := fakediscord.New()
	for id, name := range map[string]string{alice: "alice", bob: "bob", carol: "carol"} {
		s.AddUser(fakediscord.User{ID: id, Name: name})
	}
	s.AddUser(fakediscord.User{ID: newcomer, Name: "newcomer", Pending: true})
	s.AddUser(fakediscord.User{ID: silenced, Name: "silenced", TimedOut: true})
	s.AddUser(fakediscord.User{ID: robot, Name: "robot", Bot: true})
	s.AddUser(fakediscord.User{ID: stranger, Name: "stranger", Absent: true})
	s.AddUser(fakediscord.User{ID: relay, Name: "alice", Webhook: relay})
	s.AddChannel(fakediscord.Channel{ID: security, Name: "security", Private: true})
	return s
}

var commands = []Command{
	{Name: "help", Args: "[COMMAND]", Summary: "what you may use"},
	{Name: "trace", Args: "HOST TIME", Summary: "who ran there"},
	{Name: "trace user", Args: "NAME", Summary: "where jobs ran"},
	{Name: "ban", Args: `"USER" REASON`, Summary: "ban"},
	{Name: "kill user", Args: `"USER" REASON`, Summary: "cancel"},
	{Name: "whoami", Summary: "who you are"},
	{Name: "pending", Summary: "what waits"},
	{Name: "approve", Args: "ID", Summary: "approve"},
	{Name: "deny", Args: "ID REASON", Summary: "deny"},
}

func channel(id string) bot.Thread {
	return bot.Thread{Platform: Name, Workspace: "grid", Channel: id}
}

func key(user string) string { return "discord/grid/" + user }

// over makes a Platform that speaks to a fake on a network.
func over(t testing.TB, address string, dial func(context.Context, string, string) (net.Conn, error)) *Platform {
	t.Helper()
	p, err := New([]Config{settings(t, "grid")}, Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []Command { return commands }, API: "http://" + address + "/", Dial: dial,
		Channels: func() []bot.Thread { return []bot.Thread{channel(security)} },
		Accounts: func(person string) []string {
			return []string{"console/" + person, key(map[string]string{"alice": alice, "bob": bob}[person])}
		},
		Known: func() []string {
			return []string{key(alice), "console/1001", key(bob), key(newcomer), key(stranger), "discord/other/" + carol}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// listen listens until the test ends, and returns when the connection is up.
func listen(t *testing.T, s *fakediscord.Server, p *Platform) *bottest.Hearing {
	t.Helper()
	l := bottest.Hear(t, p)
	connected(t, s)
	return l
}

func connected(t testing.TB, s *fakediscord.Server) {
	t.Helper()
	if !s.Until(20*time.Second, s.Listening) {
		t.Fatal("there is no connection")
	}
}

// in plays on a clock of its own, with a server and a Platform that listens. No
// message may ever be made or changed without allowed_mentions.
func in(t *testing.T, play func(t *testing.T, s *fakediscord.Server, p *Platform, l *bottest.Hearing)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC))) // Discord counts from 2015
		s := server()
		wire := fakeserver.NewWire()
		t.Cleanup(s.Serve(wire))
		p := over(t, "discord.fake", wire.Dial)
		l := listen(t, s, p)
		synctest.Wait()
		play(t, s, p, l)
		if n := s.Naked(); n > 0 {
			t.Errorf("%d messages without allowed_mentions", n)
		}
	})
}
