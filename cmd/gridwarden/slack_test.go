package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

// slackBot is the program on Slack over a fake server.
type slackBot struct {
	*app
	*onlySlack
	room *bottest.Recorder
	last fakeslack.Delivery
	sent string // the transcript's id of the event
}

// onlySlack is Slack under the names of the transcripts, which know channels and
// people of the console: everything else of a message passes as it is.
type onlySlack struct {
	*slack.Platform
	server *fakeslack.Server

	mu       sync.Mutex
	channels map[string]string // ids by name
	users    map[string]string // ids by name and standing
	names    map[string]string // by id
	speaking map[string]string // the id under which somebody spoke last
	buttons  map[string]string // actions by message and value: people press what was there a moment ago
}

const slackWorkspace = "grid"

func onSlack(t *testing.T, s bottest.Setup) bottest.Bot { return slackIn(t, s, false) }

func onSlackHTTP(t *testing.T, s bottest.Setup) bottest.Bot { return slackIn(t, s, true) }

// slackIn is the program on Slack in Socket Mode or in HTTP mode.
func slackIn(t *testing.T, s bottest.Setup, called bool) *slackBot {
	cfg := readConfig(t, s)
	b := &slackBot{onlySlack: &onlySlack{
		server: fakeslack.New(), channels: map[string]string{}, users: map[string]string{}, names: map[string]string{}, speaking: map[string]string{}, buttons: map[string]string{},
	}}
	wire := fakeserver.NewWire()
	t.Cleanup(b.server.Serve(wire))
	dir := t.TempDir()
	for name, token := range map[string]string{"app": fakeslack.AppToken, "bot": fakeslack.BotToken, "signing": signingSecret} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range cfg.People {
		for _, key := range p.Accounts {
			b.user(strings.TrimPrefix(key, console.Name+"/"), bot.Member)
		}
	}
	for _, c := range cfg.Channels {
		b.channel(c.Name)
	}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	workspace := slack.Config{Name: slackWorkspace, BotTokenFile: secret.File(filepath.Join(dir, "bot"))}
	if called {
		workspace.SigningSecretFiles = []secret.File{secret.File(filepath.Join(dir, "signing"))}
	} else {
		workspace.AppTokenFile, workspace.Sockets = secret.File(filepath.Join(dir, "app")), 2
	}
	b.onlySlack.Platform, err = slack.New([]slack.Config{workspace}, slack.Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://slack.fake/api/", Dial: wire.Dial,
		Accounts: func(person string) []string { return []string{"slack/grid/" + b.user(person, bot.Member)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.room = bottest.NewRecorder(b.onlySlack)
	b.app = runOn(t, cfg, b.room)
	if called {
		b.callBack(t)
		return b
	}
	if !b.server.Until(time.Minute, func() bool { return b.server.Sockets() == 2 }) {
		t.Fatal("there is no connection")
	}
	return b
}

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// callBack mounts the platform's addresses as serve does, behind a proxy that
// passes the path of the public address on, and has Slack call there.
func (b *slackBot) callBack(t *testing.T) {
	t.Helper()
	const public = "http://gridwarden.test/chat"
	ours := fakeserver.NewWire()
	mux := http.NewServeMux()
	mount(mux, []bot.Platform{b.onlySlack.Platform}, public)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&listener{Listener: ours}).serve(ctx, mux, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	for up, _ := b.onlySlack.Connection(); !up; up, _ = b.onlySlack.Connection() {
		time.Sleep(time.Millisecond)
	}
	err := b.server.CallBack(t.Context(), fakeslack.HTTP{
		Events: public + "/slack/grid/events", Commands: public + "/slack/grid/commands", Actions: public + "/slack/grid/actions", Secret: signingSecret,
		Client: &http.Client{Transport: &http.Transport{DialContext: ours.Dial, DisableKeepAlives: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Platform implements bottest.Bot.
func (b *slackBot) Platform() bottest.Watched      { return b.room }
func (b *slackBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Send has somebody do on Slack what makes the event.
func (b *slackBot) Send(_ context.Context, ev bot.Event) error {
	if b.sent == ev.ID {
		b.last.Again()
		return b.taken()
	}
	b.sent = ev.ID
	who, place := b.user(ev.Account.Name, ev.Account.Standing), b.channel(ev.Thread.Channel)
	b.speaks(ev.Account.Name, who)
	switch ev.Kind {
	case bot.Typed:
		text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(ev.Value)
		_, b.last = b.server.Type(who, place, ev.Thread.Root, "<@"+fakeslack.BotUser+"> "+text)
	case bot.Clicked:
		return b.press(who, place, ev)
	case bot.Reacted:
		b.last = b.server.React(who, place, ev.Target, ev.Value)
	case bot.Unreacted:
		b.last = b.server.Unreact(who, place, ev.Target, ev.Value)
	}
	return b.taken()
}

// press presses a button, and fills in the form that asks for a reason.
func (b *slackBot) press(who, place string, ev bot.Event) error {
	word, rest, _ := strings.Cut(ev.Value, ":")
	id, reason, _ := strings.Cut(rest, ":")
	value := word + ":" + id
	b.mu.Lock()
	action := b.buttons[ev.Target+" "+value]
	b.mu.Unlock()
	if action == "" {
		return fmt.Errorf("the message %s never had a button %s", ev.Target, value)
	}
	trigger, d := b.server.Click(who, place, ev.Target, action, value)
	b.last = d
	if err := b.taken(); err != nil {
		return err
	}
	view := b.server.View(trigger)
	if view == nil {
		return nil
	}
	var err error
	if b.last, err = b.server.Submit(who, view, reason); err != nil {
		return err
	}
	return b.taken()
}

func (b *slackBot) taken() error {
	if !b.last.Acknowledged(time.Minute) {
		return errors.New("the event was not acknowledged")
	}
	return nil
}

// SetGroup implements bottest.Regrouper.
func (o *onlySlack) SetGroup(_ context.Context, group string, names ...string) error {
	var members []string
	for _, name := range names {
		members = append(members, o.user(name, bot.Member))
	}
	o.server.SetGroup("S"+group, members...)
	return nil
}

// user is the account of a name; with another standing it is another account.
func (o *onlySlack) user(name string, standing bot.Standing) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := name + " " + string(standing)
	if id := o.users[key]; id != "" {
		return id
	}
	id := fmt.Sprintf("U%04d", len(o.users)+1)
	o.users[key], o.names[id] = id, name
	u := fakeslack.User{ID: id, Name: name}
	switch standing {
	case bot.Guest:
		u.Restricted = true
	case bot.Bridged:
		u.Bot, u.Relay = true, true
	case bot.Outsider:
		u.Team, u.Stranger = "T0OTHER", true
	case bot.Bot:
		u.Bot = true
	case bot.Deactivated:
		u.Deleted = true
	}
	o.server.AddUser(u)
	for place, channel := range o.channels {
		o.fill(place, channel)
	}
	return id
}

func (o *onlySlack) channel(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id := o.channels[name]; id != "" {
		return id
	}
	id := fmt.Sprintf("C%04d", len(o.channels)+1)
	o.channels[name], o.names[id] = id, name
	o.fill(name, id)
	return id
}

// fill puts everybody into a channel. The caller holds mu.
func (o *onlySlack) fill(name, id string) {
	members := []string{fakeslack.BotUser}
	for _, user := range o.users {
		members = append(members, user)
	}
	o.server.AddChannel(fakeslack.Channel{ID: id, Name: name, Private: true, Members: members})
}

func (o *onlySlack) speaks(name, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.speaking[name] = id
}

func (o *onlySlack) nameOf(id string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[id]
}

// there is the address on Slack.
func (o *onlySlack) there(t bot.Thread) bot.Thread {
	return bot.Thread{Platform: slack.Name, Workspace: slackWorkspace, Channel: o.channel(t.Channel), Root: t.Root}
}

// Name implements bot.Platform.
func (o *onlySlack) Name() string { return console.Name }

// Listen implements bot.Platform.
func (o *onlySlack) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	return o.Platform.Listen(ctx, func(ctx context.Context, ev bot.Event) error {
		name := o.nameOf(ev.Account.ID)
		ev.Account = bot.Account{Platform: console.Name, ID: name, Name: name, Standing: ev.Account.Standing}
		ev.Thread = bot.Thread{Platform: console.Name, Channel: o.nameOf(ev.Thread.Channel), Root: ev.Thread.Root}
		return handle(ctx, ev)
	})
}

// Post implements bot.Platform.
func (o *onlySlack) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return o.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (o *onlySlack) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	id, err := o.Platform.PostKeyed(ctx, o.there(t), key, m)
	o.seen(t, id, m)
	return id, err
}

// seen remembers the buttons of a message.
func (o *onlySlack) seen(t bot.Thread, id string, m bot.Message) {
	place := o.channel(t.Channel)
	for _, b := range m.Buttons {
		if action := o.server.Button(place, id, b.Value); action != "" {
			o.mu.Lock()
			o.buttons[id+" "+b.Value] = action
			o.mu.Unlock()
		}
	}
}

// Update implements bot.Platform.
func (o *onlySlack) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	err := o.Platform.Update(ctx, o.there(t), id, m)
	o.seen(t, id, m)
	return err
}

// Whisper implements bot.Whisperer.
func (o *onlySlack) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	o.mu.Lock()
	to.ID = o.speaking[to.Name]
	o.mu.Unlock()
	return o.Platform.Whisper(ctx, o.there(t), to, m)
}

// FindPost implements bot.Finder.
func (o *onlySlack) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	return o.Platform.FindPost(ctx, o.there(t), key)
}

// Seed implements bot.Seeder.
func (o *onlySlack) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	return o.Platform.Seed(ctx, o.there(t), id, reactions)
}

// Members implements bot.Grouper.
func (o *onlySlack) Members(ctx context.Context, group string) ([]string, error) {
	keys, err := o.Platform.Members(ctx, slackWorkspace+"/S"+group)
	for i, key := range keys {
		keys[i] = console.Name + "/" + o.nameOf(key[strings.LastIndex(key, "/")+1:])
	}
	return keys, err
}

// Shared implements bot.Audience. The transcripts have guests in a channel that
// is the team's, which Slack would call shared.
func (o *onlySlack) Shared(context.Context, bot.Thread) (bool, error) { return false, nil }

func TestSlackIsBuiltFromTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	text := "journal: {sqlite: gridwarden.db}\nplatforms:\n  slack: [{name: grid, app_token_file: app, bot_token_file: bot}]\n"
	cfg, err := config.Parse("config.yaml", []byte(text), dir)
	if err != nil {
		t.Fatal(err)
	}
	build := func(w wiring) (parts []string, platforms int, err error) {
		a, err := wire(t.Context(), cfg, slog.New(slog.DiscardHandler), w)
		if err != nil {
			return nil, 0, err
		}
		defer a.close()
		for _, p := range a.parts {
			parts = append(parts, p.Name())
		}
		return parts, len(a.chats), nil
	}
	var people bot.ForPeople
	if _, _, err := build(wiring{chats: true}); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), filepath.Join(dir, "app")) {
		t.Errorf("without the tokens: %v; want a sentence that names the file", err)
	}
	for _, name := range []string{"app", "bot"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("token"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if parts, n, err := build(wiring{chats: true}); err != nil || n != 1 || !slices.Contains(parts, slack.Name) {
		t.Errorf("%v, %d platforms, %v", parts, n, err)
	}
	if parts, n, err := build(wiring{}); err != nil || n != 0 || slices.Contains(parts, slack.Name) {
		t.Errorf("one command needs no Slack, but got %v, %d platforms, %v", parts, n, err)
	}
}
