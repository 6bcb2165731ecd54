package fakediscord

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"
)

const (
	user    = "200000000000000001"
	private = "300000000000000001"
)

// desk calls a fake Discord over HTTP as a bot would.
type desk struct {
	*Server
	base, gate string
}

func newDesk(t *testing.T) desk {
	t.Helper()
	s := New()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Serve(l))
	s.AddUser(User{ID: user, Name: "one"})
	s.AddChannel(Channel{ID: private, Private: true})
	return desk{s, "http://" + l.Addr().String() + "/api/v10/", "ws://" + l.Addr().String() + "/gateway/?v=10&encoding=json"}
}

// call asks, and gives the status with Discord's code.
func (d desk) call(t *testing.T, method, path, token, body string, header ...string) (status, code int, answer map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, d.base+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("User-Agent", "DiscordBot (test, 1)")
	r.Header.Set("Authorization", token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = json.Unmarshal(data, &answer)
	n, _ := answer["code"].(float64)
	return a.StatusCode, int(n), answer
}

const bot = "Bot " + Token

func TestWhatIsRefused(t *testing.T) {
	d := newDesk(t)
	d.AddChannel(Channel{ID: "300000000000000002", Denied: ViewChannel})
	d.AddChannel(Channel{ID: "300000000000000003", Denied: SendMessages})
	d.AddUser(User{ID: "200000000000000009", Name: "shy", NoDirect: true})
	mine, _ := d.Type(user, private, "mine")
	d.Thread(mine)
	inside, _ := d.Type(user, mine, "inside")
	_, _, ours := d.call(t, "POST", "channels/"+mine+"/messages", bot, `{"content":"ours","allowed_mentions":{"parse":[]}}`)
	d.Change(mine, func(c *Channel) { c.Archived = true })
	_, _, direct := d.call(t, "POST", "users/@me/channels", bot, `{"recipient_id":"200000000000000009"}`)
	row := func(buttons string) string {
		return `{"content":"x","components":[{"type":1,"components":[` + buttons + `]}]}`
	}
	button := `{"type":2,"style":1,"label":"x","custom_id":"a"}`
	at := "channels/" + private + "/messages"
	for name, c := range map[string]struct {
		method, path, token, body string
		status, code              int
	}{
		"no token":                {"GET", "applications/@me", "", "", 401, 0},
		"a token without Bot":     {"GET", "applications/@me", Token, "", 401, 0},
		"another token":           {"GET", "applications/@me", "Bot x", "", 401, 0},
		"2001 characters":         {"POST", at, bot, `{"content":"` + strings.Repeat("é", 2001) + `"}`, 400, 50035},
		"2000 characters":         {"POST", at, bot, `{"content":"` + strings.Repeat("é", 2000) + `","allowed_mentions":{"parse":[]}}`, 200, 0},
		"nothing":                 {"POST", at, bot, `{"content":" \n "}`, 400, 50006},
		"no JSON":                 {"POST", at, bot, `{`, 400, 50109},
		"six rows":                {"POST", at, bot, `{"content":"x","components":[` + strings.Repeat(`{"type":1,"components":[`+button+`]},`, 5) + `{}]}`, 400, 50035},
		"six buttons":             {"POST", at, bot, row(strings.Repeat(button+",", 5) + button), 400, 50035},
		"a row without a button":  {"POST", at, bot, row(""), 400, 50035},
		"equal buttons":           {"POST", at, bot, row(button + "," + button), 400, 50035},
		"101 characters to send":  {"POST", at, bot, row(`{"type":2,"style":1,"label":"x","custom_id":"` + strings.Repeat("x", 101) + `"}`), 400, 50035},
		"a label of 81":           {"POST", at, bot, row(`{"type":2,"style":1,"label":"` + strings.Repeat("x", 81) + `","custom_id":"a"}`), 400, 50035},
		"a nonce of 26":           {"POST", at, bot, `{"content":"x","nonce":"` + strings.Repeat("x", 26) + `"}`, 400, 50035},
		"users twice":             {"POST", at, bot, `{"content":"x","allowed_mentions":{"parse":["users"],"users":["1"]}}`, 400, 50035},
		"no such channel":         {"POST", "channels/1/messages", bot, `{"content":"x"}`, 404, 10003},
		"an unseen channel":       {"POST", "channels/300000000000000002/messages", bot, `{"content":"x"}`, 403, 50001},
		"a mute channel":          {"POST", "channels/300000000000000003/messages", bot, `{"content":"x"}`, 403, 50013},
		"no such message":         {"PATCH", at + "/1", bot, `{"content":"x"}`, 404, 10008},
		"no id":                   {"PATCH", at + "/x", bot, `{"content":"x"}`, 400, 50035},
		"somebody's message":      {"PATCH", at + "/" + mine, bot, `{"content":"x"}`, 403, 50005},
		"in an archived thread":   {"PATCH", "channels/" + mine + "/messages/" + ours["id"].(string), bot, `{"content":"x"}`, 400, 50083},
		"reaction in an archive":  {"PUT", "channels/" + mine + "/messages/" + inside + "/reactions/%E2%9C%85/@me", bot, "", 400, 50083},
		"no emoji":                {"PUT", at + "/" + mine + "/reactions/+1/@me", bot, "", 400, 10014},
		"a thread twice":          {"POST", at + "/" + mine + "/threads", bot, `{"name":"x"}`, 400, 160004},
		"a thread in a thread":    {"POST", "channels/" + mine + "/messages/" + inside + "/threads", bot, `{"name":"x"}`, 400, 50024},
		"101 messages":            {"GET", at + "?limit=101", bot, "", 400, 50035},
		"before and after":        {"GET", at + "?limit=1&before=1&after=1", bot, "", 400, 50035},
		"a stranger":              {"GET", "guilds/" + Guild + "/members/1", bot, "", 404, 10007},
		"another server":          {"GET", "guilds/1/roles", bot, "", 403, 50001},
		"who takes no messages":   {"POST", "channels/" + direct["id"].(string) + "/messages", bot, `{"content":"x"}`, 403, 50007},
		"no such interaction":     {"POST", "interactions/1/x/callback", "", `{"type":5}`, 404, 10062},
		"no such webhook":         {"POST", "webhooks/" + App + "/x", "", `{"content":"x"}`, 404, 10015},
		"a command in capitals":   {"PUT", "applications/" + App + "/guilds/" + Guild + "/commands", bot, `[{"name":"Ban","description":"x"}]`, 400, 50035},
		"a command without words": {"PUT", "applications/" + App + "/guilds/" + Guild + "/commands", bot, `[{"name":"ban","description":""}]`, 400, 50035},
		"26 options":              {"PUT", "applications/" + App + "/guilds/" + Guild + "/commands", bot, `[{"name":"ban","description":"x","options":[` + strings.Repeat(`{"type":3,"name":"x","description":"x"},`, 25) + `{}]}]`, 400, 50035},
	} {
		if status, code, answer := d.call(t, c.method, c.path, c.token, c.body); status != c.status || code != c.code {
			t.Errorf("%s: %d %d %v; want %d %d", name, status, code, answer["message"], c.status, c.code)
		}
	}
	if status, _, _ := d.call(t, "GET", "applications/@me", bot, "", "User-Agent", "curl"); status != 403 {
		t.Errorf("a stranger's user agent: %d", status)
	}
	if d.Naked() != 0 {
		t.Errorf("%d messages count as without allowed_mentions; all of those were refused", d.Naked())
	}
}

func TestANonceIsOneMessage(t *testing.T) {
	d := newDesk(t)
	at := "channels/" + private + "/messages"
	post := func(body string) string {
		t.Helper()
		status, _, a := d.call(t, "POST", at, bot, body)
		if status != 200 {
			t.Fatalf("%d %v", status, a)
		}
		return a["id"].(string)
	}
	first := post(`{"content":"x","nonce":"n","enforce_nonce":true}`)
	if again := post(`{"content":"y","nonce":"n","enforce_nonce":true}`); again != first {
		t.Error("two messages of one nonce")
	}
	if other := post(`{"content":"y","nonce":"n"}`); other == first {
		t.Error("a nonce that is not enforced is nothing")
	}
	_, _, read := d.call(t, "GET", at+"/"+first, bot, "")
	if read["content"] != "x" || read["nonce"] != nil {
		t.Errorf("read back: %v", read)
	}
	if d.Naked() != 3 {
		t.Errorf("%d without allowed_mentions", d.Naked())
	}
}

func TestMentionsAndFiles(t *testing.T) {
	d := newDesk(t)
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	_ = w.WriteField("payload_json", `{"content":"<@`+user+`> <@1> @everyone","allowed_mentions":{"parse":[],"users":["`+user+`"]},"attachments":[{"id":0,"filename":"x"}]}`)
	f, err := w.CreateFormFile("files[0]", "x.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = f.Write([]byte("seen"))
	_ = w.Close()
	status, _, a := d.call(t, "POST", "channels/"+private+"/messages", bot, body.String(), "Content-Type", w.FormDataContentType())
	if status != 200 {
		t.Fatalf("%d %v", status, a)
	}
	m := d.Message(a["id"].(string))
	if len(m.Mentioned) != 1 || m.Mentioned[0] != user || string(d.File("x.txt")) != "seen" {
		t.Errorf("%+v", m)
	}
}

// gate is one socket of the gateway.
type gate struct {
	*websocket.Conn
	t *testing.T
}

func (d desk) open(t *testing.T) gate {
	t.Helper()
	c, r, err := websocket.DefaultDialer.DialContext(t.Context(), d.gate, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	t.Cleanup(func() { _ = c.Close() })
	g := gate{c, t}
	if f := g.next(); f.Op != 10 {
		t.Fatalf("first %+v; want HELLO", f)
	}
	return g
}

func (g gate) next() frame {
	g.t.Helper()
	var f frame
	_ = g.SetReadDeadline(time.Now().Add(20 * time.Second))
	if err := g.ReadJSON(&f); err != nil {
		g.t.Fatal(err)
	}
	return f
}

func (g gate) send(text string) {
	g.t.Helper()
	if err := g.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		g.t.Fatal(err)
	}
}

// closed is the code that the socket is closed with.
func (g gate) closed() int {
	g.t.Helper()
	_ = g.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		if _, _, err := g.ReadMessage(); err != nil {
			if c := (*websocket.CloseError)(nil); errors.As(err, &c) {
				return c.Code
			}
			return 0
		}
	}
}

const properties = `"properties":{"os":"linux"}`

func TestTheGateway(t *testing.T) {
	d := newDesk(t)
	for want, sent := range map[int]string{
		4001: "", // below
		4002: `{"op":2,"d":{"token":"` + Token + `"}}`,
		4003: `{"op":3,"d":{}}`,
		4004: `{"op":2,"d":{"token":"x","intents":1,` + properties + `}}`,
		4013: `{"op":2,"d":{"token":"` + Token + `","intents":1073741824,` + properties + `}}`,
		4014: `{"op":2,"d":{"token":"` + Token + `","intents":2,` + properties + `}}`,
	} {
		if sent == "" {
			continue
		}
		g := d.open(t)
		g.send(sent)
		if got := g.closed(); got != want {
			t.Errorf("%s: closed with %d; want %d", sent, got, want)
		}
	}
	g := d.open(t)
	g.send(`{"op":2,"d":{"token":"` + Token + `","intents":513,` + properties + `}}`)
	ready := g.next()
	if ready.Type != "READY" || ready.Seq != 1 || g.next().Type != "GUILD_CREATE" {
		t.Fatalf("%+v; want READY and the server", ready)
	}
	session := ready.Data.(map[string]any)["session_id"].(string)
	g.send(`{"op":1,"d":2}`)
	if f := g.next(); f.Op != 11 {
		t.Errorf("%+v; want an answer to the heartbeat", f)
	}
	d.Type(user, private, "not for the bot")
	m := g.next()
	if text := m.Data.(map[string]any)["content"]; m.Type != "MESSAGE_CREATE" || text != "" {
		t.Errorf("without the intent %q is read", text)
	}
	id, _ := d.Type(user, private, "<@"+BotUser+"> x")
	if text := g.next().Data.(map[string]any)["content"]; text == "" {
		t.Error("what is said to the bot has no text")
	}
	d.React(user, id, "✅") // there is no intent for it
	g.send(`{"op":1,"d":2}`)
	if f := g.next(); f.Op != 11 {
		t.Errorf("%+v came without its intent", f)
	}
	// Gone on with: what was missed comes, and RESUMED behind it.
	d.Cut()
	if !d.Until(20*time.Second, func() bool { return !d.Listening() }) {
		t.Fatal("it still stands")
	}
	d.Type(user, private, "<@"+BotUser+"> missed")
	g = d.open(t)
	g.send(`{"op":6,"d":{"token":"` + Token + `","session_id":"` + session + `","seq":4}}`)
	if f, then := g.next(), g.next(); f.Seq != 5 || f.Type != "MESSAGE_CREATE" || then.Type != "RESUMED" {
		t.Errorf("gone on with %+v, %+v", f, then)
	}
	g.send(`{"op":9}`)
	if got := g.closed(); got != 4001 {
		t.Errorf("closed with %d; want 4001", got)
	}
	g = d.open(t)
	g.send(`{"op":6,"d":{"token":"` + Token + `","session_id":"` + session + `","seq":99}}`)
	if got := g.closed(); got != 4007 {
		t.Errorf("closed with %d; want 4007", got)
	}
	d.Expire()
	g = d.open(t)
	g.send(`{"op":6,"d":{"token":"` + Token + `","session_id":"` + session + `","seq":4}}`)
	if f := g.next(); f.Op != 9 || f.Data != false {
		t.Errorf("%+v; want INVALID_SESSION", f)
	}
	g = d.open(t)
	for range maxFrames + 1 {
		if g.WriteMessage(websocket.TextMessage, []byte(`{"op":1}`)) != nil {
			break
		}
	}
	if got := g.closed(); got != 4008 {
		t.Errorf("closed with %d; want 4008", got)
	}
}

func TestInteractions(t *testing.T) {
	d := newDesk(t)
	at := func(i Interaction) string { return "interactions/" + i.a.id + "/" + i.a.token + "/callback" }
	late := d.Invoke(user, private, "x")
	late.a.made = late.a.made.Add(-answerWithin - time.Second)
	if _, code, _ := d.call(t, "POST", at(late), "", `{"type":5}`); code != 10062 {
		t.Errorf("a late answer: %d", code)
	}
	i := d.Invoke(user, private, "x")
	if _, code, _ := d.call(t, "POST", "webhooks/"+App+"/"+i.a.token, "", `{"content":"early"}`); code != 10015 {
		t.Errorf("a follow-up before the answer: %d", code)
	}
	for _, bad := range []string{`{"type":7,"data":{"content":"x"}}`, `{"type":4,"data":{"content":""}}`, `{"type":9,"data":{"title":"` + strings.Repeat("x", 46) + `","custom_id":"x","components":[]}}`} {
		if status, _, _ := d.call(t, "POST", at(i), "", bad); status != 400 {
			t.Errorf("%s: %d", bad, status)
		}
	}
	status, _, a := d.call(t, "POST", at(i)+"?with_response=true", "", `{"type":5}`)
	if status != 200 || a["resource"].(map[string]any)["message"].(map[string]any)["id"] != i.Answer().ID || !i.Answer().Loading {
		t.Fatalf("%d %v", status, a)
	}
	if _, code, _ := d.call(t, "POST", at(i), "", `{"type":5}`); code != 40060 {
		t.Errorf("a second answer: %d", code)
	}
	// The first follow-up becomes the answer that was put off, whoever it was for.
	d.call(t, "POST", "webhooks/"+App+"/"+i.a.token, "", `{"content":"secret","flags":64,"allowed_mentions":{"parse":[]}}`)
	if o := i.Answer(); o.Content != "secret" || o.To != "" {
		t.Errorf("%+v", o)
	}
	d.call(t, "POST", "webhooks/"+App+"/"+i.a.token, "", `{"content":"more","flags":64,"allowed_mentions":{"parse":[]}}`)
	all := d.Messages(private)
	if last := all[len(all)-1]; last.To != user || last.Content != "more" {
		t.Errorf("%+v", last)
	}
	i.a.made = i.a.made.Add(-answersFor)
	if _, code, _ := d.call(t, "POST", "webhooks/"+App+"/"+i.a.token, "", `{"content":"x"}`); code != 50027 {
		t.Errorf("a follow-up after a quarter of an hour: %d", code)
	}
}

func TestShow(t *testing.T) {
	for text, want := range map[string]string{
		"plain 14:05 a/b": "plain 14:05 a/b|", "<@1>": "<@1>|<@1>", "\\<@1>": "<@1>|", "<@&1>": "<@&1>|<@&1>", "<#1>": "<#1>|<#1>", "<t:1:R>": "<t:1:R>|<t:1:R>",
		"<:x:1>": "<:x:1>|<:x:1>", "</ban:1>": "</ban:1>|</ban:1>", "@everyone": "@everyone|@everyone", "`@everyone`": "@everyone|", "https://x.y": "https://x.y|https://x.y",
		"https\\://x.y": "https://x.y|", "[a](https://b)": "[a](https://b)|[a](https://b) https://b)", "discord.gg/x": "discord.gg/x|discord.gg/x", "discord\\.gg/x": "discord.gg/x|",
		"# a": "# a|# ", "a\n> b": "a\n> b|> ", "\\# a": "# a|", "1. a": "1. a|1. ", "||a||": "a||| ||", "**a** *b*": "a b|", "```\n<@1>\n```": "<@1>|", "-# ref": "ref|",
	} {
		shown, live := Show(text)
		if got := shown + "|" + strings.Join(live, " "); got != want {
			t.Errorf("%q: %q; want %q", text, got, want)
		}
	}
}
