package discord

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
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

// listener keeps what it is given; refuse, when it is set, says what it does with it.
type listener struct {
	mu     sync.Mutex
	events []bot.Event
	refuse func(bot.Event) error
}

// listen listens until the test ends, and returns when the connection is up.
func listen(t *testing.T, s *fakediscord.Server, p *Platform) *listener {
	t.Helper()
	l := &listener{}
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- p.Listen(ctx, func(_ context.Context, ev bot.Event) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.refuse != nil {
				if err := l.refuse(ev); err != nil {
					return err
				}
			}
			l.events = append(l.events, ev)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("Listen: %v", err)
		}
	})
	connected(t, s)
	return l
}

func connected(t testing.TB, s *fakediscord.Server) {
	t.Helper()
	if !s.Until(20*time.Second, s.Listening) {
		t.Fatal("there is no connection")
	}
}

func (l *listener) all() []bot.Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]bot.Event(nil), l.events...)
}

// distinct gives the events without repetitions: those with different ids.
func (l *listener) distinct() []bot.Event {
	seen := map[string]bool{}
	var out []bot.Event
	for _, ev := range l.all() {
		if !seen[ev.ID] {
			seen[ev.ID] = true
			out = append(out, ev)
		}
	}
	return out
}

// one is the only event; it fails when there are others.
func (l *listener) one(t *testing.T) bot.Event {
	t.Helper()
	events := l.distinct()
	if len(events) != 1 {
		t.Fatalf("events %+v; want one", events)
	}
	return events[0]
}

func (l *listener) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = nil
}

func (l *listener) refusing(refuse func(bot.Event) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = refuse
}

func ballot(version int) bot.Message {
	m := bot.Message{Title: bot.Textf("BAN %s", "Naughty User"), Card: "abc234", Version: version}
	m.Line("approvals: %d of 2", version)
	m.Buttons = []bot.Button{
		{Label: "Approve ban", Value: "approve:abc234", Typed: "approve abc234"},
		{Label: "Deny ban", Value: "deny:abc234", Typed: "deny abc234 REASON", Danger: true},
	}
	return m
}

func said(events []bot.Event) string {
	var out []string
	for _, ev := range events {
		out = append(out, fmt.Sprintf("%s %s", ev.Kind, ev.Value))
	}
	return strings.Join(out, "; ")
}

// in plays on a clock of its own, with a server and a Platform that listens. No
// message may ever be made or changed without allowed_mentions.
func in(t *testing.T, play func(t *testing.T, s *fakediscord.Server, p *Platform, l *listener)) {
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
