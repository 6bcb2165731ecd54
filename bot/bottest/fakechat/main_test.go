package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

const patience = 20 * time.Second

// stage is the program while it runs: what it prints, and what is typed.
type stage struct {
	t       *testing.T
	typed   io.Writer
	address string

	mu      sync.Mutex
	printed bytes.Buffer
	read    int // how much of it was waited for
	changes fakeserver.Changes
}

func (s *stage) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changes.Tell()
	return s.printed.Write(data)
}

// prints waits until a text stands behind what was waited for before.
func (s *stage) prints(want string) {
	s.t.Helper()
	ok := s.changes.Until(patience, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		i := strings.Index(s.printed.String()[s.read:], want)
		if i >= 0 {
			s.read += i + len(want)
		}
		return i >= 0
	})
	if !ok {
		s.t.Fatalf("%q was not printed; printed was:\n%s", want, s.printed.String())
	}
}

func (s *stage) types(line string) {
	s.t.Helper()
	if _, err := io.WriteString(s.typed, line+"\n"); err != nil {
		s.t.Fatal(err)
	}
}

var where = regexp.MustCompile(`http://([0-9.]+:[0-9]+)`)

// begin runs the program until the test ends.
func begin(t *testing.T, args ...string) *stage {
	t.Helper()
	in, typed := io.Pipe()
	s := &stage{t: t, typed: typed}
	done := make(chan error, 1)
	go func() { done <- run(context.Background(), args, in, s) }()
	t.Cleanup(func() {
		if err := typed.Close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	s.prints("`help` says")
	s.address = where.FindStringSubmatch(s.printed.String())[1]
	return s
}

// bot is a client that knows no more than what the program prints.
type bot interface {
	// hears waits for an event that has all of these words in it, in any case.
	hears(words ...string)
	// posts says something in the channel security, with one button, and gives the status.
	posts(text string) int
	// lost waits for the end of the connection.
	lost()
}

// line is a websocket of a bot.
type line struct {
	t    *testing.T
	conn *websocket.Conn
	base string
	// heard is told of each event, to answer it.
	heard func(event []byte)
}

func dial(t *testing.T, address string, header http.Header) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), address, header) //nolint:bodyclose // the socket has it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn
}

func (l *line) hears(words ...string) {
	l.t.Helper()
next:
	for {
		_, data, err := l.conn.ReadMessage()
		if err != nil {
			l.t.Fatalf("nothing with %q came: %v", words, err)
		}
		if l.heard != nil {
			l.heard(data)
		}
		for _, w := range words {
			if !bytes.Contains(bytes.ToLower(data), bytes.ToLower([]byte(w))) {
				continue next
			}
		}
		return
	}
}

func (l *line) lost() {
	l.t.Helper()
	for {
		if _, _, err := l.conn.ReadMessage(); err != nil {
			if e, ok := err.(interface{ Timeout() bool }); ok && e.Timeout() {
				l.t.Fatal("the connection stands")
			}
			return
		}
	}
}

// asks calls the platform, and gives the status and what it says.
func asks(t *testing.T, method, address string, header map[string]string, body any) (int, map[string]any) {
	t.Helper()
	data, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for key, value := range header {
		r.Header.Set(key, value)
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	var said map[string]any
	_ = json.NewDecoder(a.Body).Decode(&said) // a refusal may be plain text
	return a.StatusCode, said
}

type slackBot struct{ line }

func onSlack(t *testing.T, s *stage) bot {
	base := "http://" + s.address + "/api/"
	_, said := asks(t, http.MethodPost, base+"apps.connections.open", map[string]string{"Authorization": "Bearer " + fakeslack.AppToken}, nil)
	address, _ := said["url"].(string)
	b := &slackBot{line{t: t, conn: dial(t, address, nil), base: base}}
	b.heard = func(event []byte) {
		var e struct {
			ID string `json:"envelope_id"`
		}
		if json.Unmarshal(event, &e) == nil && e.ID != "" {
			if err := b.conn.WriteJSON(map[string]string{"envelope_id": e.ID}); err != nil {
				t.Error(err)
			}
		}
	}
	b.hears("hello")
	return b
}

func (b *slackBot) posts(text string) int {
	b.t.Helper()
	status, _ := asks(b.t, http.MethodPost, b.base+"chat.postMessage", map[string]string{"Authorization": "Bearer " + fakeslack.BotToken}, map[string]any{
		"channel": "C0SECURITY", "text": text, "blocks": []any{
			map[string]any{"type": "section", "text": map[string]any{"type": "mrkdwn", "text": text}},
			map[string]any{"type": "actions", "elements": []any{
				map[string]any{"type": "button", "text": map[string]any{"type": "plain_text", "text": "Go on"}, "action_id": "go", "value": "pressed-it"},
			}},
		},
	})
	return status
}

type mattermostBot struct {
	line
	called chan string
	app    string
}

func onMattermost(t *testing.T, s *stage) bot {
	header := http.Header{"Authorization": {"Bearer " + mattermostToken}}
	b := &mattermostBot{line: line{t: t, conn: dial(t, "ws://"+s.address+"/api/v4/websocket", header), base: "http://" + s.address + "/api/v4/"}, called: make(chan string, 8)}
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body) // what is missing is not found in it
		b.called <- string(data)
		_, _ = io.WriteString(w, "{}") // who called has gone away
	}))
	t.Cleanup(app.Close)
	b.app = app.URL
	b.line.hears("hello")
	return b
}

// hears takes what the server calls an integration with for an event, too.
func (b *mattermostBot) hears(words ...string) {
	b.t.Helper()
	if words[0] != "pressed-it" {
		b.line.hears(words...)
		return
	}
	select {
	case body := <-b.called:
		for _, w := range words {
			if !strings.Contains(body, w) {
				b.t.Fatalf("%s has no %q", body, w)
			}
		}
	case <-time.After(patience):
		b.t.Fatal("nothing was called")
	}
}

func (b *mattermostBot) posts(text string) int {
	b.t.Helper()
	status, _ := asks(b.t, http.MethodPost, b.base+"posts", map[string]string{"Authorization": "Bearer " + mattermostToken}, map[string]any{
		"channel_id": fixed(security), "message": text, "props": map[string]any{"attachments": []any{map[string]any{"actions": []any{
			map[string]any{"id": "go", "name": "Go on", "type": "button", "integration": map[string]any{"url": b.app, "context": map[string]any{"value": "pressed-it"}}},
		}}}},
	})
	return status
}

type discordBot struct{ line }

func onDiscord(t *testing.T, s *stage) bot {
	base := "http://" + s.address + "/api/v10"
	b := &discordBot{line{t: t, base: base}}
	_, said := asks(t, http.MethodGet, base+"/gateway/bot", b.header(), nil)
	gateway, _ := said["url"].(string)
	b.conn = dial(t, gateway+"?v=10&encoding=json", nil)
	b.hears("heartbeat_interval")
	identify := map[string]any{"token": fakediscord.Token, "intents": 1 | 1<<9 | 1<<10 | 1<<15, "properties": map[string]string{"os": "linux"}}
	if err := b.conn.WriteJSON(map[string]any{"op": 2, "d": identify}); err != nil {
		t.Fatal(err)
	}
	b.hears("READY")
	return b
}

func (*discordBot) header() map[string]string {
	return map[string]string{"Authorization": "Bot " + fakediscord.Token, "User-Agent": "DiscordBot (fakechat, 1)"}
}

func (b *discordBot) posts(text string) int {
	b.t.Helper()
	status, _ := asks(b.t, http.MethodPost, b.base+"/channels/300000000000000001/messages", b.header(), map[string]any{
		"content": text, "components": []any{map[string]any{"type": 1, "components": []any{map[string]any{"type": 2, "style": 1, "label": "Go on", "custom_id": "pressed-it"}}}},
	})
	return status
}

// TestAnyBot has a bot that speaks the bare protocol go through everything that
// can be typed, on every platform.
func TestAnyBot(t *testing.T) {
	for platform, connect := range map[string]func(*testing.T, *stage) bot{"slack": onSlack, "mattermost": onMattermost, "discord": onDiscord} {
		t.Run(platform, func(t *testing.T) {
			s := begin(t, "--platform", platform)
			b := connect(t, s)
			good := func(text string) {
				t.Helper()
				if status := b.posts(text); status != http.StatusOK && status != http.StatusCreated {
					t.Fatalf("posting: status %d", status)
				}
			}

			s.types("alice: good morning")
			b.hears("good morning")
			s.prints("#1 alice in security: good morning")
			s.types("guest in lobby: who is here?")
			b.hears("who is here?")
			good("two\nlines")
			s.prints("#3 bot in security: two\n   | lines\n   [1] Go on")
			s.types("carol under 1: in a thread")
			b.hears("in a thread")
			s.prints("#4 carol in security under #1: in a thread")
			s.types("bob reacts :white_check_mark: on last")
			b.hears("reaction", "add")
			s.types("bob unreacts white_check_mark on #3")
			b.hears("reaction", "remove")
			s.types("bob presses 1 on last")
			b.hears("pressed-it")
			s.types("bob presses go on 3")
			b.hears("pressed-it")

			s.types("twice")
			s.types("alice: doubled")
			b.hears("doubled")
			b.hears("doubled")
			s.types("again")
			b.hears("doubled")
			s.types("lose")
			s.types("alice: lost")
			s.types("alice: found")
			b.hears("found")
			s.types("429 1 2")
			s.types("help") // what was typed before is done by now
			s.prints("bob presses LABEL")
			if status := b.posts("too many"); status != http.StatusTooManyRequests {
				t.Errorf("status %d; want 429", status)
			}
			s.types("late")
			s.types("help")
			s.prints("bob presses LABEL")
			if status := b.posts("said anyway"); status != http.StatusInternalServerError {
				t.Errorf("status %d; want 500", status)
			}
			s.prints("bot in security: said anyway")
			good("and now")
			s.prints("bot in security: and now")

			for _, send := range []string{"deliver", "reverse"} {
				s.types("hold")
				s.types("alice: kept until " + send)
				s.types(send)
				b.hears("kept until " + send)
			}
			for what, back := range map[string]string{"mute": "unmute", "remove": "invite"} {
				s.types(what + " security")
				s.types("help")
				s.prints("bob presses LABEL")
				b.posts("not allowed: " + what)
				s.types(back + " security")
				s.types("help")
				s.prints("bob presses LABEL")
				good("allowed: " + what)
				s.prints("bot in security: allowed: " + what)
			}
			s.types("limits on")
			if platform == "mattermost" {
				s.prints("! there is no limit but what admins of Mattermost set")
			}
			for _, wrong := range []string{"mute attic", "limits perhaps", "mallory: hello", "alice in attic: hello", "alice presses 2 on last", "alice reacts :x: on 99", "alice submits nothing", "whatever"} {
				s.types(wrong)
				s.prints("! ")
			}
			s.types("drop")
			b.lost()
		})
	}
}

// TestHTTP has Slack call a bot that is started later.
func TestHTTP(t *testing.T) {
	var mu sync.Mutex
	up := false
	heard := make(chan *http.Request, 8)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if !up {
			http.Error(w, "not yet", http.StatusServiceUnavailable)
			return
		}
		data, _ := io.ReadAll(r.Body) // a short one fails below
		var q struct{ Challenge, Type string }
		if json.Unmarshal(data, &q) == nil && q.Type == "url_verification" {
			_, _ = io.WriteString(w, q.Challenge) // who called has gone away
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(data))
		heard <- r
	}))
	t.Cleanup(app.Close)
	s := begin(t, "--platform", "slack", "--events", app.URL, "--secret", "hush")
	s.prints("does not answer yet")
	mu.Lock()
	up = true
	mu.Unlock()
	s.prints("is called from now on")
	s.types("alice: good morning")
	r := <-heard
	body, err := io.ReadAll(r.Body)
	if err != nil || !bytes.Contains(body, []byte("good morning")) || r.Header.Get("X-Slack-Signature") == "" {
		t.Errorf("%s %v %v", body, r.Header, err)
	}
	s.types("alice: /deploy now")
	if r = <-heard; r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("a slash command came as %q", r.Header.Get("Content-Type"))
	}
}

func TestWrongUse(t *testing.T) {
	for _, args := range [][]string{{"--platform", "irc"}, {"--events", "http://127.0.0.1:1/"}, {"more"}, {"--listen", "nowhere:nothing"}} {
		if err := run(t.Context(), args, strings.NewReader(""), io.Discard); err == nil {
			t.Errorf("%v was taken", args)
		}
	}
}
