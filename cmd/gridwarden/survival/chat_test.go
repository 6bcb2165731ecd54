//go:build crash

package survival

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// everybody are the people of the configuration.
var everybody = []string{"alice", "mia", "noor", "omar", "bob", "carol", "tara"}

// The ways to vote.
const (
	byButton   = "button"
	byReaction = "reaction"
	byWord     = "typed"
)

// chat is a platform in one of its modes: a fake server that outlives the
// program, and what people do and see there.
type chat interface {
	mode() string
	surfaces() []string
	// open starts the server, which calls the program at inbound.
	open(t testing.TB, p *place) access
	// connect sets up at the server what can be set up only when the program listens.
	connect(ctx context.Context) error
	// thread is the address of what hangs from a message.
	thread(root string) bot.Thread
	// types has somebody write a line for the bot in the channel.
	types(who, line string) (root string)
	react(who, message string)
	unreact(who, message string)
	// press presses the button of a card that approves. An error is what the
	// person is told: it did not work.
	press(who, message, action string) error
	// said gives what the bot said in a thread, or with "" in the channel itself.
	said(root string) []shown
	// until waits for a condition, which is asked whenever something changed.
	until(most time.Duration, ok func() bool) bool
	forget(root string)
}

// access is what the configuration has of a chat.
type access struct {
	platform string            // under platforms:
	channel  string            // under channels:
	accounts map[string]string // keys by person
	env      string            // of the program; "" for nothing
}

// shown is a message of the bot as people see it now.
type shown struct {
	id, text string
	buttons  bool
	alone    bool // one person sees it
}

// plainly takes the marks out of a text.
func plainly(text string) string {
	return strings.TrimSpace(strings.NewReplacer(`\`, "", "*", "", "`", "", "\u200b", "").Replace(text))
}

// card reports whether it is the card of an action.
func (s shown) card() bool { return !s.alone && strings.Contains(s.text, " · digest ") }

func (s shown) cardOf(action string) bool {
	return s.card() && strings.Contains(s.text, "action "+action+" ")
}

// announced is how the bot tells a thread what becomes of an action.
var announced = regexp.MustCompile(`^(\w+ (approved|denied|withdrew) [a-z0-9]{6}\b|An approval of |[a-z0-9]{6}(:| runs| is ) ?)`)

// answer reports whether it answers what was typed.
func (s shown) answer() bool { return !s.alone && !s.card() && !announced.MatchString(s.text) }

// String is its beginning.
func (s shown) String() string { return fmt.Sprintf("%.120q", s.text) }

// ended reports whether a card shows that its action is in that final state.
func (s shown) ended(state string) bool {
	title, _, _ := strings.Cut(s.text, " · digest ")
	return strings.Contains(title, " — "+state) && !s.buttons
}

// modes are all of them.
func modes() []chat {
	return []chat{&onMattermost{full: true}, &onMattermost{}, &onSlack{}, &onSlack{http: true}, &onDiscord{}}
}

// openChats starts the chats of a place, and puts them into its configuration.
func (p *place) openChats(t testing.TB, text string) string {
	p.inbound = "http://" + p.net.leadTo(t, p.program)
	var platforms, channels []string
	accounts := map[string][]string{}
	for _, c := range p.chats {
		a := c.open(t, p)
		platforms, channels = append(platforms, a.platform), append(channels, a.channel)
		for who, key := range a.accounts {
			accounts[who] = append(accounts[who], key)
		}
		if a.env != "" {
			p.env = append(p.env, a.env)
		}
	}
	for _, who := range everybody {
		text = strings.ReplaceAll(text, "console/"+who, strings.Join(accounts[who], ", "))
	}
	text = strings.Replace(text, "  - {platform: console, name: security, commands: [all], personal_data: true}", "  - "+strings.Join(channels, "\n  - "), 1)
	at := p.chats[0].thread("")
	text = strings.Replace(text, "security_channel: security", "security_channel: "+at.Platform+"/"+at.Workspace+"/"+at.Channel, 1)
	return text + fmt.Sprintf("http: {listen: \"127.0.0.1:0\", public_url: %q}\nplatforms: {%s}\n", p.inbound, strings.Join(platforms, ", "))
}

// serveChat serves a fake on a port of its own and gives where the program finds
// it, through the network.
func serveChat(t testing.TB, p *place, serve func(net.Listener) (stop func())) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(serve(l))
	return p.net.leadTo(t, l.Addr().String)
}

// asks gives what the program answers over HTTP.
func (p *place) asks(path string) (status int, body string, err error) {
	client := http.Client{Timeout: 2 * time.Second}
	defer client.CloseIdleConnections()
	r, err := client.Get("http://" + p.program() + path)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	return r.StatusCode, string(data), err
}

// healthy reports whether a program listens on every chat.
func (p *place) healthy() bool {
	status, _, err := p.asks("/healthz")
	return err == nil && status == http.StatusOK
}

// connect lets the chats call the program as soon as it listens.
func (p *place) connect() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for _, c := range p.chats {
		if err := c.connect(ctx); err != nil {
			return err
		}
	}
	return nil
}

// goroutines is how many the program has.
func (p *place) goroutines() (int, error) {
	_, body, err := p.asks("/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(body, "\ngo_goroutines ")
	number, _, _ := strings.Cut(rest, "\n")
	return strconv.Atoi(number)
}
