//go:build linux

package peers

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// people ask, one after another. They are many, because a bot may keep the order
// of what one person does.
var people = func() []string {
	var all []string
	for n := range 32 {
		all = append(all, fmt.Sprintf("person%02d", n))
	}
	return all
}()

// question is what every bot is asked, and answers with a post in its thread.
const question = "!pending"

// chat is a fake of a platform with everybody in one channel.
type chat struct {
	address string // host and port
	bot     string
	// What our program is configured with: the platform's name, its settings in YAML,
	// a token, the channel, a person's account, the backends in YAML.
	where, platform, token, channel string
	id                              func(person int) string
	backends                        string
	say                             func(person int)
	ask                             func(person int, words string) // nil where nobody types
	// taken has somebody ask something, and gives what waits until that is
	// acknowledged; nil where the platform waits for nothing.
	taken func(person int, words string) (wait func())

	mu      sync.Mutex
	asked   map[string]time.Time // by message, of what is not answered yet
	took    []time.Duration
	answer  string // the latest
	onReply func()
}

// seen pairs answers with questions. Only the first answer to a question counts.
func (c *chat) seen(s fakeserver.Seen) {
	if s.Kind != fakeserver.Posted {
		return
	}
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.From != c.bot {
		c.asked[s.ID] = now
		return
	}
	began, open := c.asked[s.Root]
	if !open {
		return
	}
	delete(c.asked, s.Root)
	c.took = append(c.took, now.Sub(began))
	c.answer = s.Text
	if c.onReply != nil {
		c.onReply()
	}
}

// answered gives how long answers took since it was asked last.
func (c *chat) answered() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	took := c.took
	c.took = nil
	return took
}

func (c *chat) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.asked)
}

func (c *chat) replied(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onReply = f
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func newSlack(t *testing.T) *chat {
	s := fakeslack.New()
	s.AnyBot = true
	ids := []string{fakeslack.BotUser}
	for _, name := range people {
		id := "U" + strings.ToUpper(name)
		s.AddUser(fakeslack.User{ID: id, Name: name})
		ids = append(ids, id)
	}
	s.AddChannel(fakeslack.Channel{ID: "CSEC", Name: "security", Private: true, Members: ids})
	l := listen(t)
	t.Cleanup(s.Serve(l))
	c := &chat{
		address: l.Addr().String(), bot: fakeslack.BotUser, asked: map[string]time.Time{},
		platform: "slack: [{name: grid, app_token_file: app.token, bot_token_file: bot.token, sockets: 2}]", channel: "CSEC", where: "slack", token: fakeslack.BotToken,
		id: func(person int) string { return ids[1+person%len(people)] },
		taken: func(person int, words string) func() {
			_, d := s.Type(ids[1+person%len(people)], "CSEC", "", words)
			return func() { d.Acknowledged(patience) }
		},
	}
	c.ask = func(person int, words string) { s.Type(c.id(person), "CSEC", "", words) }
	c.say = func(person int) { c.ask(person, question) }
	s.Watch(c.seen)
	return c
}

const mattermostToken = "fakebottokenfakebottoken00"

func newMattermost(t *testing.T) *chat {
	s := fakemattermost.New()
	me := s.AddBotAs(fixed("bot"), "bot", mattermostToken)
	members := []*model.User{me}
	for _, name := range people {
		members = append(members, s.AddUserAs(fixed(name), name))
	}
	channel := s.AddChannel("security", model.ChannelTypePrivate, members...)
	l := listen(t)
	t.Cleanup(fakeserver.Serve(l, s, s.Drop))
	c := &chat{
		address: l.Addr().String(), bot: me.Id, asked: map[string]time.Time{},
		platform: `mattermost: [{name: grid, url: "http://` + l.Addr().String() + `", team: grid, token_file: bot.token}]`, channel: "security", where: "mattermost", token: mattermostToken,
		id: func(person int) string { return members[1+person%len(people)].Id },
	}
	c.ask = func(person int, words string) { s.Type(c.id(person), channel.Id, "", words, 1) }
	c.say = func(person int) { c.ask(person, question) }
	s.Watch(c.seen)
	return c
}

// fixed makes an id of a name, as long as Mattermost's are.
func fixed(name string) string { return name + strings.Repeat("0", 26-len(name)) }

// configure writes a configuration of our program for a chat into a folder.
func (c *chat) configure(t *testing.T, dir string) (config string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("journal: {sqlite: journal.db}\nplatforms:\n  " + c.platform + "\npeople:\n")
	for n, name := range people {
		b.WriteString("  - {id: " + name + ", name: " + name + ", institute: CERN, roles: [shifter], accounts: [" + c.where + "/grid/" + c.id(n) + "]}\n")
	}
	b.WriteString(`policies:
  ban: {approvals: [{role: shifter, count: 2}], expires: 4h, start_by: 30m}
channels:
  - {platform: ` + c.where + `, workspace: grid, name: "` + c.channel + `", commands: [all], personal_data: true}
security_channel: ` + c.where + `/grid/` + c.channel + `
limits: {per_person_per_minute: 1000000, per_channel_per_minute: 1000000}
backends: ` + cmp.Or(c.backends, "{sandbox: {seed: 7}}") + "\n")
	for name, text := range map[string]string{"config.yaml": b.String(), "bot.token": c.token, "app.token": fakeslack.AppToken} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "config.yaml")
}
