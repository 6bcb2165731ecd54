//go:build linux

package peers

import (
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

// hung is how many questions are asked while every backend hangs, 200 a second.
const hung = 2000

// slow is a question whose answer needs backends.
const slow = "trace wn042.example.org 2026-06-24T14:05Z"

// TestHung asks our program for traces while all that it could ask takes connections
// and never answers: how long each platform waits for the acknowledgement, at 200
// questions a second, and how long a person who asks alone sees nothing.
func TestHung(t *testing.T) {
	if os.Getenv("GRIDWARDEN_PEERS") != "1" {
		t.Skip("it takes a minute and both cores: GRIDWARDEN_PEERS=1")
	}
	url := "http://" + silent(t)
	t.Log("| platform | acknowledged, p50, p99 at 200/s | seen first, p50, p99 |")
	for name, open := range map[string]func(*testing.T) *chat{"slack": newSlack, "mattermost": newMattermost, "discord": newDiscord} {
		t.Run(name, func(t *testing.T) {
			c := open(t)
			c.backends = "{cms: {elastic: {url: '" + url + "'}, monit: {url: '" + url + "'}}}"
			p := ours(t, c)
			c.begins(t, p)
			first := "at once: the acknowledgement shows it"
			if c.ask != nil {
				c.answered()
				for n := range 10 {
					c.ask(n, "!"+slow)
					time.Sleep(1500 * time.Millisecond)
				}
				if took := c.answered(); len(took) == 10 {
					first = quantiles(took)
				} else {
					t.Errorf("%d of 10 have seen anything\n%s", len(took), p.said())
				}
			}
			acks := "the platform waits for none"
			if c.taken != nil {
				acks = quantiles(c.paced())
			}
			t.Logf("| %s | %s | %s |", name, acks, first)
		})
	}
}

// paced asks 200 times a second and gives how long each acknowledgement took.
func (c *chat) paced() []time.Duration {
	took := make([]time.Duration, hung)
	tick := time.NewTicker(time.Second / 200)
	defer tick.Stop()
	var waiting sync.WaitGroup
	for n := range took {
		<-tick.C
		waiting.Go(func() {
			began := time.Now()
			c.taken(n, "!"+slow)()
			took[n] = time.Since(began)
		})
	}
	waiting.Wait()
	return took
}

// silent is the address of a server that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l := listen(t)
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, conn)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // the test is over
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

const discordChannel = "300000000000000001"

// newDiscord is a chat in which people use slash commands: Discord waits for the
// deferred answer, and shows it.
func newDiscord(t *testing.T) *chat {
	s := fakediscord.New()
	user := func(n int) string { return fmt.Sprintf("2000000000000000%02d", n%len(people)+1) }
	for n, name := range people {
		s.AddUser(fakediscord.User{ID: user(n), Name: name})
	}
	s.AddChannel(fakediscord.Channel{ID: discordChannel, Name: "security", Private: true})
	l := listen(t)
	t.Cleanup(s.Serve(l))
	c := &chat{
		address: l.Addr().String(), bot: fakediscord.BotUser, asked: map[string]time.Time{},
		platform: "discord: [{name: grid, guild: \"" + fakediscord.Guild + "\", token_file: bot.token}]", channel: discordChannel, where: "discord", token: fakediscord.Token, id: user,
	}
	c.taken = func(person int, _ string) func() {
		i, err := s.Slash(user(person), discordChannel, []string{"gridwarden", "trace", "it"}, "wn042.example.org 2026-06-24T14:05Z")
		if err != nil {
			t.Error(err)
			return func() {}
		}
		return func() { i.Answered(patience) }
	}
	c.say = func(int) {
		if len(s.Calls("commands.put")) > 0 {
			c.mu.Lock()
			c.took = append(c.took, 0) // it is there: its commands are
			c.mu.Unlock()
		}
	}
	return c
}
