package mattermost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/realmattermost"
	"github.com/gridwarden/gridwarden/config/secret"
)

// TestRealServerPasses is the contract on the server that the environment names.
func TestRealServerPasses(t *testing.T) {
	for _, full := range []bool{false, true} {
		name := "websocket only"
		if full {
			name = "full"
		}
		t.Run(name, func(t *testing.T) { realServerPasses(t, full) })
	}
}

// newTeam makes a team of its own on a server, the bot with its token, and alice.
func newTeam(t *testing.T, s *realmattermost.Server) (team *model.Team, me, token string, alice *model.User) {
	t.Helper()
	team, err := s.AddTeam(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if me, token, err = s.AddBot(t.Context(), "gridwarden"); err != nil {
		t.Fatal(err)
	}
	if alice, err = s.AddUser(t.Context(), "alice"); err != nil {
		t.Fatal(err)
	}
	return team, me, token, alice
}

func realServerPasses(t *testing.T, full bool) {
	s := realmattermost.Named(t)
	calls := s.Listen(t)
	team, me, token, alice := newTeam(t, s)
	c := Config{Name: workspace, URL: s.URL, Team: team.Name, TokenFile: tokenFile(t, token)}
	o := Options{Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []string { return []string{"trace", "pending"} }}
	if full {
		o.Public = calls.Public
		command, err := s.AddCommand(t.Context(), team.Id, "gridwarden", o.Public+"/mattermost/"+workspace+pathCommand)
		if err != nil {
			t.Fatal(err)
		}
		c.CommandTokensFile = tokenFile(t, command.Token)
	}
	tests := 0
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		tests++
		channel := "security-" + string(rune('a'+tests))
		there, err := s.AddChannel(t.Context(), team.Id, channel, me, alice.Id)
		if err != nil {
			t.Fatal(err)
		}
		o := o
		o.Channels = func(string) []string { return []string{channel} }
		p, err := New([]Config{c}, o)
		if err != nil {
			t.Fatal(err)
		}
		routes := http.NewServeMux()
		for pattern, h := range p.Routes() {
			routes.Handle(pattern, h)
		}
		calls.Lead(routes)
		return bottest.Harness{
			Platform: p, Once: true,
			Channel: bot.Thread{Platform: Name, Workspace: workspace, Channel: channel},
			Type: func(text string, _ int) {
				for up := false; !up; up, _ = p.Connection() {
					time.Sleep(10 * time.Millisecond)
				}
				if _, err := s.Type(t.Context(), alice.Id, there.Id, "", "@gridwarden "+text); err != nil {
					t.Error(err)
				}
			},
		}
	})
}

// realRig is a bot that listens on the server that the environment names, in a
// channel with alice.
type realRig struct {
	*Platform
	server  *realmattermost.Server
	me      string
	token   secret.File
	calls   *realmattermost.Calls
	alice   string
	channel string
	cable   *cable
}

// cable is the network of the bot, which can be cut.
type cable struct {
	mu    sync.Mutex
	conns []net.Conn
}

func (c *cable) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.conns = append(c.conns, conn)
	return conn, nil
}

func (c *cable) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		_ = conn.Close() // some are closed
	}
	c.conns = nil
}

func onReal(t *testing.T, full bool) *realRig {
	t.Helper()
	s := realmattermost.Named(t)
	team, me, token, alice := newTeam(t, s)
	channel, err := s.AddChannel(t.Context(), team.Id, "security", me, alice.Id)
	if err != nil {
		t.Fatal(err)
	}
	r := &realRig{server: s, me: me, token: tokenFile(t, token), alice: alice.Id, channel: channel.Id, cable: &cable{}}
	c := Config{Name: workspace, URL: s.URL, Team: team.Name, TokenFile: r.token}
	o := Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Commands: func() []string { return []string{"trace", "pending"} },
		Channels: func(string) []string { return []string{"security"} }, Dial: r.cable.dial,
	}
	if full {
		r.calls = s.Listen(t)
		o.Public = r.calls.Public
		command, err := s.AddCommand(t.Context(), team.Id, "gridwarden", o.Public+"/mattermost/"+workspace+pathCommand)
		if err != nil {
			t.Fatal(err)
		}
		c.CommandTokensFile = tokenFile(t, command.Token)
	}
	if r.Platform, err = New([]Config{c}, o); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *realRig) place() bot.Thread {
	return bot.Thread{Platform: Name, Workspace: workspace, Channel: "security"}
}

// hear listens and returns when the bot is connected.
func (r *realRig) hear(t *testing.T) (h *bottest.Hearing, stop func()) {
	t.Helper()
	h = &bottest.Hearing{}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Listen(ctx, h.Take) }()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	t.Cleanup(stop)
	r.until(t, "the bot is connected", func() bool { up, _ := r.Connection(); return up })
	return h, stop
}

func (r *realRig) until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	r.within(t, patience, what, ok)
}

func (r *realRig) within(t *testing.T, most time.Duration, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

// heard waits for events of these kinds and values, in any order, and no others.
func (r *realRig) heard(t *testing.T, h *bottest.Hearing, want ...string) {
	t.Helper()
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		got = strings.Split(bottest.Kinds(h.Distinct()), "; ")
		slices.Sort(got)
		if slices.Equal(got, want) {
			return
		}
	}
	t.Errorf("heard %q; want %q", got, want)
}

// card posts a card as the engine does.
func (r *realRig) card(t *testing.T, key string) string {
	t.Helper()
	m := bot.Message{
		Title: bot.Textf("BAN Naughty User"), Card: "x7k2m9",
		Buttons: []bot.Button{{Label: "Approve ban", Value: "approve:x7k2m9", Typed: "approve x7k2m9"}, {Label: "Deny ban", Value: "deny:x7k2m9", Typed: "deny x7k2m9 REASON", Danger: true}},
	}
	id, err := r.PostKeyed(t.Context(), r.place(), key, m)
	if err == nil {
		err = r.Seed(t.Context(), r.place(), id, []string{"white_check_mark"})
	}
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRealServerTellsWhatIsDoneToACard is of the stream.
func TestRealServerTellsWhatIsDoneToACard(t *testing.T) {
	r := onReal(t, false)
	h, _ := r.hear(t)
	ctx := t.Context()
	one, two := r.card(t, "card/1"), r.card(t, "card/2")
	must(t, r.server.React(ctx, r.alice, one, "+1"))
	must(t, r.server.React(ctx, r.alice, one, "white_check_mark"))
	must(t, r.server.Unreact(ctx, r.alice, one, "+1"))
	must(t, r.server.Edit(ctx, one, "BAN Somebody Else"))
	must(t, r.server.Delete(ctx, two))
	r.heard(t, h, "reacted +1", "reacted white_check_mark", "unreacted +1", "edited ", "deleted ")
	if err := r.Update(ctx, r.place(), two, bot.Say("x")); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("Update of a deleted post: %v; want ErrNotFound", err)
	}
}

// TestRealServerIsReadBack is of what happened while the program did not run.
func TestRealServerIsReadBack(t *testing.T) {
	r := onReal(t, false)
	h, stop := r.hear(t)
	ctx := t.Context()
	one, two, three := r.card(t, "card/1"), r.card(t, "card/2"), r.card(t, "card/3")
	must(t, r.server.React(ctx, r.alice, three, "+1"))
	r.heard(t, h, "reacted +1")
	stop()
	_, err := r.server.Type(ctx, r.alice, r.channel, "", "@gridwarden pending")
	must(t, err)
	_, err = r.server.Type(ctx, r.alice, r.channel, one, "!trace wn042")
	must(t, err)
	must(t, r.server.React(ctx, r.alice, one, "+1"))
	must(t, r.server.Unreact(ctx, r.alice, three, "+1"))
	must(t, r.server.Edit(ctx, two, "BAN Somebody Else"))
	must(t, r.server.Delete(ctx, three))
	h, stop = r.hear(t)
	r.heard(t, h, "typed pending", "typed trace wn042", "reacted +1", "edited ", "deleted ")
	stop()
	// What came before comes again with the same ids.
	before := h.Distinct()
	h, _ = r.hear(t)
	r.heard(t, h, "typed pending", "typed trace wn042", "reacted +1", "edited ", "deleted ")
	ids := func(events []bot.Event) (ids []string) {
		for _, ev := range events {
			ids = append(ids, ev.ID)
		}
		slices.Sort(ids)
		return ids
	}
	if a, b := ids(before), ids(h.Distinct()); !slices.Equal(a, b) {
		t.Errorf("the second reading has the events %q; want %q", b, a)
	}
}

// TestRealServerGoesOnAfterACut is of connections that are lost.
func TestRealServerGoesOnAfterACut(t *testing.T) {
	r := onReal(t, false)
	h, _ := r.hear(t)
	ctx := t.Context()
	var want []string
	for n := range 5 {
		text := fmt.Sprintf("trace wn%d", n)
		want = append(want, "typed "+text)
		if n%2 == 1 {
			r.cable.cut()
		}
		_, err := r.server.Type(ctx, r.alice, r.channel, "", "@gridwarden "+text)
		must(t, err)
	}
	r.heard(t, h, want...)
	if _, reconnects := r.Connection(); reconnects == 0 {
		t.Error("the connection was never lost")
	}
}

// TestRealServerChangesTheToken is of a token that is revoked, and the next one.
func TestRealServerChangesTheToken(t *testing.T) {
	r := onReal(t, false)
	h, _ := r.hear(t)
	ctx := t.Context()
	token, err := r.server.NewToken(ctx, r.me)
	must(t, err)
	r.within(t, time.Minute, "the old token is refused", func() bool { up, _ := r.Connection(); return !up })
	must(t, os.WriteFile(string(r.token), []byte(token), 0o600))
	_, err = r.server.Type(ctx, r.alice, r.channel, "", "@gridwarden pending")
	must(t, err)
	r.heard(t, h, "typed pending")
}

// TestRealServerTakesEachKeyOnce is of posts that are repeated. For half a minute
// the server knows a key even of a post that is deleted; then the outbox is taken.
func TestRealServerTakesEachKeyOnce(t *testing.T) {
	r := onReal(t, false)
	r.hear(t)
	ctx := t.Context()
	post := func() (string, error) { return r.PostKeyed(ctx, r.place(), "reply/1", bot.Say("once")) }
	first, err := post()
	must(t, err)
	if second, err := post(); err != nil || second != first {
		t.Errorf("the second post is %q, %v; want %q", second, err, first)
	}
	must(t, r.server.Delete(ctx, first))
	if third, err := post(); statusOf(err) != http.StatusInternalServerError {
		t.Errorf("after it was deleted: %q, %v; want what package fakemattermost answers", third, err)
	}
}

// TestRealServerTakesLongMessages is of what does not fit.
func TestRealServerTakesLongMessages(t *testing.T) {
	r := onReal(t, false)
	r.hear(t)
	ctx := t.Context()
	long := bot.Message{Title: bot.Textf("Long"), Card: "x7k2m9"}
	for n := range 2000 {
		long.Lines = append(long.Lines, bot.Textf("line %d é", n))
	}
	id, err := r.Post(ctx, r.place(), long)
	must(t, err)
	long.Lines = append(long.Lines, bot.Textf("one more"))
	must(t, r.Update(ctx, r.place(), id, long))
	short := bot.Say("short")
	short.Files = []bot.File{{Name: "a.txt", Media: "text/plain", Data: []byte("a")}, {Name: "b.json", Media: "application/json", Data: []byte("{}")}}
	must(t, r.Update(ctx, r.place(), id, short))
	p, err := r.server.Post(ctx, id)
	must(t, err)
	if len(p.FileIds) != 2 || !strings.Contains(p.Message, "short") {
		t.Errorf("the post is %q with the files %q; want the latest text and both files", p.Message, p.FileIds)
	}
}

// TestRealServerCalls is of buttons, forms and commands.
func TestRealServerCalls(t *testing.T) {
	r := onReal(t, true)
	routes := http.NewServeMux()
	for pattern, h := range r.Routes() {
		routes.Handle(pattern, h)
	}
	r.calls.Lead(routes)
	h, _ := r.hear(t)
	ctx := t.Context()
	if remarks, err := r.Parts()[0].Probe(ctx); err != nil || len(remarks) > 0 {
		t.Errorf("the way to us: %q, %v", remarks, err)
	}
	card := r.card(t, "card/1")
	must(t, r.server.Watch(ctx, r.alice))
	approve, err := r.server.Button(ctx, r.alice, card, "approve")
	must(t, err)
	deny, err := r.server.Button(ctx, r.alice, card, "deny")
	must(t, err)
	must(t, r.server.Click(ctx, r.alice, card, approve))
	must(t, r.server.Click(ctx, r.alice, card, deny))
	d := r.server.Dialog(ctx, r.alice)
	if d == nil {
		t.Fatal("no form was opened")
	}
	team, err := r.server.TeamOf(ctx, r.channel)
	must(t, err)
	if _, err := r.server.Submit(ctx, r.alice, team, r.channel, d, map[string]any{"reason": "not now"}); err != nil {
		t.Error(err)
	}
	must(t, r.server.Command(ctx, r.alice, r.channel, "", "/gridwarden trace wn042"))
	must(t, r.server.Command(ctx, r.alice, r.channel, card, "/gridwarden pending"))
	r.heard(t, h, "clicked approve:x7k2m9", "clicked deny:x7k2m9:not now", "typed trace wn042", "typed pending")
	for _, ev := range h.Distinct() {
		if ev.Value == "pending" && ev.Thread.Root != card {
			t.Errorf("a command in a thread came as one in %+v", ev.Thread)
		}
	}
	// The card changed: an old screen's button is worth nothing.
	must(t, r.Update(ctx, r.place(), card, bot.Say("settled")))
	if err := r.server.Click(ctx, r.alice, card, approve); err == nil {
		t.Error("a button that was taken away could be pressed")
	}
	// An admin's hand on the card makes its buttons void.
	second := r.card(t, "card/2")
	h.Forget()
	must(t, r.server.Edit(ctx, second, "BAN Somebody Else"))
	button, err := r.server.Button(ctx, r.alice, second, "approve")
	must(t, err)
	if button == "" {
		t.Fatal("the edit took the buttons away")
	}
	must(t, r.server.Click(ctx, r.alice, second, button))
	r.heard(t, h, "edited ", "rejected a press on a button: the post was changed by somebody else")
}
