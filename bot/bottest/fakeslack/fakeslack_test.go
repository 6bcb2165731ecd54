package fakeslack

import (
	"encoding/json"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

// desk calls a fake workspace over HTTP as an app would.
type desk struct {
	*Server
	base string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	s := New()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Serve(l))
	s.AddUser(User{ID: "U1", Name: "one"})
	s.AddChannel(Channel{ID: "C1", Private: true, Members: []string{BotUser, "U1"}})
	s.AddChannel(Channel{ID: "C2", Members: []string{"U1"}})
	s.AddChannel(Channel{ID: "C3", Archived: true, Members: []string{BotUser}})
	return desk{s, "http://" + l.Addr().String() + "/api/"}
}

func (d desk) call(t *testing.T, method, token string, args map[string]string) (word string, answer map[string]any, status int) {
	t.Helper()
	form := url.Values{"token": {token}}
	for k, v := range args {
		form.Set(k, v)
	}
	r, err := http.PostForm(d.base+method, form)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode == http.StatusOK {
		if err := json.NewDecoder(r.Body).Decode(&answer); err != nil {
			t.Fatal(err)
		}
	}
	word, _ = answer["error"].(string)
	return word, answer, r.StatusCode
}

func block(text string) string {
	data, _ := json.Marshal([]any{map[string]any{"type": "rich_text", "elements": []any{map[string]any{
		"type": "rich_text_section", "elements": []any{map[string]any{"type": "text", "text": text}},
	}}}})
	return string(data)
}

func TestItIsStrict(t *testing.T) {
	d := newDesk(t)
	post := func(args ...string) map[string]string {
		m := map[string]string{"channel": "C1", "text": "x", "unfurl_links": "false", "unfurl_media": "false"}
		for i := 0; i < len(args); i += 2 {
			m[args[i]] = args[i+1]
		}
		return m
	}
	_, root, _ := d.call(t, "chat.postMessage", BotToken, post())
	ts, _ := root["ts"].(string)
	_, reply, _ := d.call(t, "chat.postMessage", BotToken, post("thread_ts", ts))
	below, _ := reply["ts"].(string)
	if ts == "" || below == "" {
		t.Fatalf("posting: %v %v", root, reply)
	}
	theirs, _ := d.Type("U1", "C1", "", "hello")
	big := strings.Repeat("x", 2900)
	four := strings.Repeat(","+strings.Trim(block(big), "[]"), 4)[1:]
	for _, c := range []struct {
		method, token, want string
		args                map[string]string
	}{
		{"chat.postMessage", "", "not_authed", post()},
		{"chat.postMessage", "xoxb-other", "invalid_auth", post()},
		{"chat.postMessage", AppToken, "not_allowed_token_type", post()},
		{"apps.connections.open", BotToken, "not_allowed_token_type", nil},
		{"chat.postMessage", BotToken, "channel_not_found", post("channel", "C404")},
		{"chat.postMessage", BotToken, "not_in_channel", post("channel", "C2")},
		{"chat.postMessage", BotToken, "is_archived", post("channel", "C3")},
		{"chat.postMessage", BotToken, "thread_not_found", post("thread_ts", "1.000001")},
		{"chat.postMessage", BotToken, "cannot_reply_to_message", post("thread_ts", below)},
		{"chat.postMessage", BotToken, "no_text", post("text", "")},
		{"chat.postMessage", BotToken, "msg_too_long", post("text", strings.Repeat("x", 40001))},
		{"chat.postMessage", BotToken, "invalid_blocks", post("blocks", "[]")},
		{"chat.postMessage", BotToken, "invalid_blocks", post("blocks", block(""))},
		{"chat.postMessage", BotToken, "invalid_blocks", post("blocks", block(strings.Repeat("&", 700)))},
		{"chat.postMessage", BotToken, "invalid_blocks", post("blocks", strings.Replace(block("x"), `"type":"text"`, `"type":"broadcast"`, 1))},
		{"chat.postMessage", BotToken, "msg_blocks_too_long", post("blocks", "["+four+"]")},
		{"chat.postMessage", BotToken, "fake_would_unfurl", post("unfurl_links", "true")},
		{"chat.postMessage", BotToken, "", post("blocks", block(big))},
		{"chat.update", BotToken, "message_not_found", post("ts", "1.000001")},
		{"chat.update", BotToken, "cant_update_message", post("ts", theirs)},
		{"chat.update", BotToken, "msg_too_long", post("ts", ts, "text", strings.Repeat("x", 4001))},
		{"chat.postEphemeral", BotToken, "user_not_in_channel", post("user", "U404")},
		{"reactions.add", BotToken, "message_not_found", map[string]string{"channel": "C1", "timestamp": "1.000001", "name": "x"}},
		{"reactions.add", BotToken, "invalid_name", map[string]string{"channel": "C1", "timestamp": ts, "name": ":x:"}},
		{"reactions.add", BotToken, "", map[string]string{"channel": "C1", "timestamp": ts, "name": "x"}},
		{"reactions.add", BotToken, "already_reacted", map[string]string{"channel": "C1", "timestamp": ts, "name": "x"}},
		{"users.info", BotToken, "user_not_found", map[string]string{"user": "U404"}},
		{"conversations.history", BotToken, "not_in_channel", map[string]string{"channel": "C2"}},
		{"conversations.replies", BotToken, "thread_not_found", map[string]string{"channel": "C1", "ts": "1.000001"}},
		{"files.getUploadURLExternal", BotToken, "invalid_arguments", map[string]string{"filename": "x", "length": "0"}},
		{"files.completeUploadExternal", BotToken, "file_not_found", map[string]string{"files": `[{"id":"F404"}]`, "channel_id": "C1"}},
		{"views.open", BotToken, "invalid_trigger_id", map[string]string{"trigger_id": "x", "view": "{}"}},
		{"files.upload", BotToken, "unknown_method", nil},
	} {
		if word, _, _ := d.call(t, c.method, c.token, c.args); word != c.want {
			t.Errorf("%s %.80v: %q; want %q", c.method, c.args, word, c.want)
		}
	}
}

func TestAFaultHasItsEffectOnlyWhenItSaysSo(t *testing.T) {
	d := newDesk(t)
	args := map[string]string{"channel": "C1", "text": "x", "unfurl_links": "false", "unfurl_media": "false"}
	for after, want := range map[bool]int{false: 0, true: 1} {
		before := len(d.Messages("C1"))
		d.Fail(Fault{Method: "chat.postMessage", Times: 1, Status: http.StatusBadGateway, After: after})
		if _, _, status := d.call(t, "chat.postMessage", BotToken, args); status != http.StatusBadGateway || len(d.Messages("C1"))-before != want {
			t.Errorf("after %t: status %d, %d messages", after, status, len(d.Messages("C1"))-before)
		}
	}
}

// An envelope goes to one of the sockets, and again until it is acknowledged.
func TestDelivery(t *testing.T) {
	d := newDesk(t)
	d.AckWithin, d.Retries = 20*time.Millisecond, []time.Duration{20 * time.Millisecond, 20 * time.Millisecond}
	_, open, _ := d.call(t, "apps.connections.open", AppToken, nil)
	address, _ := open["url"].(string)
	conn, r, err := websocket.DefaultDialer.Dial(address, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	r.Body.Close()
	if _, r, err := websocket.DefaultDialer.Dial(address, nil); err == nil || r == nil || r.StatusCode != http.StatusForbidden {
		t.Errorf("a ticket is good twice: %v", err)
	} else {
		r.Body.Close()
	}
	type frame struct {
		Type    string
		ID      string `json:"envelope_id"`
		Attempt int    `json:"retry_attempt"`
	}
	read := func() (f frame) {
		t.Helper()
		if err := conn.ReadJSON(&f); err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := read(); f.Type != "hello" {
		t.Fatalf("first came %+v", f)
	}
	if !d.Until(10*time.Second, func() bool { return d.Sockets() == 1 }) {
		t.Fatal("the socket is not counted")
	}
	_, said := d.Type("U1", "C1", "", "hello")
	first, second := read(), read()
	if first.Type != "events_api" || first.ID != second.ID || first.Attempt != 0 || second.Attempt != 1 {
		t.Errorf("%+v, then %+v", first, second)
	}
	if err := conn.WriteJSON(map[string]string{"envelope_id": first.ID}); err != nil {
		t.Fatal(err)
	}
	if !said.Acknowledged(10 * time.Second) {
		t.Error("the acknowledgement was not taken")
	}
	d.Slash("U1", "C1", "/gridwarden", "help")
	if !d.Until(10*time.Second, func() bool { return d.Timeouts() == 1 }) {
		t.Error("nobody was told that a command timed out")
	}
}

// A token without a scope cannot do what needs it, in the kind of channel that
// it is for; events that the app does not subscribe to do not come.
func TestScopesAndSubscriptions(t *testing.T) {
	d := newDesk(t)
	d.AddChannel(Channel{ID: "C4", Members: []string{BotUser, "U1"}})
	for _, c := range []struct{ scopes, method, channel, want string }{
		{"groups:read", "conversations.info", "C1", ""},
		{"groups:read", "conversations.info", "C4", "missing_scope"},
		{"channels:read", "conversations.info", "C4", ""},
		{"channels:read", "conversations.info", "C1", "missing_scope"},
		{"groups:read", "conversations.history", "C1", "missing_scope"},
		{"groups:history", "conversations.history", "C1", ""},
		{"", "users.info", "", "missing_scope"},
		{"", "auth.test", "", ""},
	} {
		d.SetScopes(c.scopes)
		if word, _, _ := d.call(t, c.method, BotToken, map[string]string{"channel": c.channel, "user": "U1"}); word != c.want {
			t.Errorf("%s in %s with %q: %q; want %q", c.method, c.channel, c.scopes, word, c.want)
		}
	}
	d.Subscribe("message.groups")
	before := d.Unacknowledged()
	d.Type("U1", "C4", "", "in public")
	d.React("U1", "C4", "1.1", "x")
	if n := d.Unacknowledged() - before; n != 0 {
		t.Errorf("%d events that nobody wanted", n)
	}
	d.Type("U1", "C1", "", "in private")
	if n := d.Unacknowledged() - before; n != 1 {
		t.Errorf("%d events on their way; want 1", n)
	}
}
