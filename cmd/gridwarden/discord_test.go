package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

// discordBot is the program on Discord over a fake server.
type discordBot struct {
	*app
	*onlyDiscord
	room *bottest.Recorder
	last interface{ Again() }
	sent string // the transcript's id of the event
}

// onlyDiscord is Discord under the names of the transcripts, which know channels
// and people of the console: everything else of a message passes as it is.
type onlyDiscord struct {
	*discord.Platform
	server *fakediscord.Server
	taken  chan error

	mu       sync.Mutex
	channels map[string]string // ids by name
	users    map[string]string // ids by name and standing
	roles    map[string]string // ids by group
	names    map[string]string // by id
	speaking map[string]string // the id under which somebody spoke last
	buttons  map[string]string // what is sent, by message and value: people press what was there a moment ago
}

const discordWorkspace = "grid"

func onDiscord(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &discordBot{onlyDiscord: &onlyDiscord{
		server: fakediscord.New(), taken: make(chan error, 16), channels: map[string]string{}, users: map[string]string{}, roles: map[string]string{},
		names: map[string]string{}, speaking: map[string]string{}, buttons: map[string]string{},
	}}
	wire := fakeserver.NewWire()
	t.Cleanup(b.server.Serve(wire))
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(fakediscord.Token), 0o600); err != nil {
		t.Fatal(err)
	}
	known := func() (keys []string) {
		for _, p := range cfg.People {
			for _, key := range p.Accounts {
				keys = append(keys, "discord/grid/"+b.user(strings.TrimPrefix(key, console.Name+"/"), bot.Member))
			}
		}
		return keys
	}
	known()
	for _, c := range cfg.Channels {
		b.channel(c.Name)
	}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	b.onlyDiscord.Platform, err = discord.New([]discord.Config{{Name: discordWorkspace, Guild: fakediscord.Guild, TokenFile: secret.File(token)}}, discord.Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://discord.fake/", Dial: wire.Dial, Known: known,
		Commands: func() []discord.Command { return b.described },
		Accounts: func(person string) []string { return []string{"discord/grid/" + b.user(person, bot.Member)} },
	})
	if err != nil {
		t.Fatal(err)
	}
	b.room = bottest.NewRecorder(b.onlyDiscord)
	b.app = runOn(t, cfg, b.room)
	if !b.server.Until(time.Minute, b.server.Listening) {
		t.Fatal("there is no connection")
	}
	return b
}

// Platform implements bottest.Bot.
func (b *discordBot) Platform() bottest.Watched      { return b.room }
func (b *discordBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// signs are the reactions of the transcripts as people put them on Discord.
var signs = map[string]string{"+1": "👍🏽", "-1": "👎", "white_check_mark": "✅"}

// Send has somebody do on Discord what makes the event.
func (b *discordBot) Send(_ context.Context, ev bot.Event) error {
	if b.sent == ev.ID {
		b.last.Again()
		return b.wait()
	}
	b.sent = ev.ID
	who, place := b.user(ev.Account.Name, ev.Account.Standing), b.channel(ev.Thread.Channel)
	b.speaks(ev.Account.Name, who)
	switch ev.Kind {
	case bot.Typed:
		if root := ev.Thread.Root; root != "" {
			if _, made := b.server.Channel(root); !made { // people make a thread of a message that has none
				b.server.Thread(root)
			}
			place = root
		}
		_, b.last = b.server.Type(who, place, "<@"+fakediscord.BotUser+"> "+ev.Value)
	case bot.Clicked:
		return b.press(who, ev)
	case bot.Reacted:
		b.last = b.server.React(who, ev.Target, signs[ev.Value])
	case bot.Unreacted:
		b.last = b.server.Unreact(who, ev.Target, signs[ev.Value])
	}
	return b.wait()
}

// press presses a button, and says yes or fills in the form that asks for a reason.
func (b *discordBot) press(who string, ev bot.Event) error {
	word, rest, _ := strings.Cut(ev.Value, ":")
	id, reason, _ := strings.Cut(rest, ":")
	value := word + ":" + id
	b.mu.Lock()
	button := b.buttons[ev.Target+" "+value]
	b.mu.Unlock()
	if button == "" {
		return fmt.Errorf("the message %s never had a button %s", ev.Target, value)
	}
	i, err := b.server.Click(who, ev.Target, button)
	if err != nil {
		return err
	}
	if !i.Answered(time.Minute) {
		return errors.New("the press was not answered")
	}
	if i.Form() != "" {
		i, err = b.server.Submit(i, reason)
	} else {
		again := i.Answer().ID
		i, err = b.server.Click(who, again, b.server.Button(again, "sure:", value))
	}
	if err != nil {
		return err
	}
	b.last = i
	return b.wait()
}

// wait returns when the program has taken what was done.
func (b *discordBot) wait() error {
	select {
	case err := <-b.taken:
		return err
	case <-time.After(time.Minute):
		return errors.New("the event was not taken")
	}
}

// SetGroup implements bottest.Regrouper.
func (o *onlyDiscord) SetGroup(_ context.Context, group string, names ...string) error {
	var members []string
	for _, name := range names {
		members = append(members, o.user(name, bot.Member))
	}
	o.server.SetRole(o.role(group), members...)
	return nil
}

func (o *onlyDiscord) role(group string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.roles[group] == "" {
		o.roles[group] = fmt.Sprintf("4000000000%04d", len(o.roles)+1)
	}
	return o.roles[group]
}

// user is the account of a name; with another standing it is another account.
func (o *onlyDiscord) user(name string, standing bot.Standing) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	key := name + " " + string(standing)
	if id := o.users[key]; id != "" {
		return id
	}
	id := fmt.Sprintf("2000000000%04d", len(o.users)+1)
	o.users[key], o.names[id] = id, name
	u := fakediscord.User{ID: id, Name: name}
	switch standing {
	case bot.Guest:
		u.Pending = true
	case bot.Bridged:
		u.Webhook = id
	case bot.Outsider:
		u.Absent = true
	case bot.Bot:
		u.Bot = true
	case bot.Deactivated:
		u.TimedOut = true
	}
	o.server.AddUser(u)
	return id
}

func (o *onlyDiscord) channel(name string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if id := o.channels[name]; id != "" {
		return id
	}
	id := fmt.Sprintf("3000000000%04d", len(o.channels)+1)
	o.channels[name], o.names[id] = id, name
	o.server.AddChannel(fakediscord.Channel{ID: id, Name: name, Private: true})
	return id
}

func (o *onlyDiscord) speaks(name, id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.speaking[name] = id
}

func (o *onlyDiscord) nameOf(id string) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.names[id]
}

// there is the address on Discord.
func (o *onlyDiscord) there(t bot.Thread) bot.Thread {
	return bot.Thread{Platform: discord.Name, Workspace: discordWorkspace, Channel: o.channel(t.Channel), Root: t.Root}
}

// Name implements bot.Platform.
func (o *onlyDiscord) Name() string { return console.Name }

// Listen implements bot.Platform.
func (o *onlyDiscord) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	return o.Platform.Listen(ctx, func(ctx context.Context, ev bot.Event) error {
		name := o.nameOf(ev.Account.ID)
		ev.Account = bot.Account{Platform: console.Name, ID: name, Name: name, Standing: ev.Account.Standing}
		ev.Thread = bot.Thread{Platform: console.Name, Channel: o.nameOf(ev.Thread.Channel), Root: ev.Thread.Root}
		err := handle(ctx, ev)
		o.taken <- err
		return err
	})
}

// Post implements bot.Platform.
func (o *onlyDiscord) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return o.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (o *onlyDiscord) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	id, err := o.Platform.PostKeyed(ctx, o.there(t), key, m)
	o.seen(id, m)
	return id, err
}

// seen remembers the buttons of a message.
func (o *onlyDiscord) seen(id string, m bot.Message) {
	for _, b := range m.Buttons {
		if button := o.server.Button(id, "", ":"+b.Value); button != "" {
			o.mu.Lock()
			o.buttons[id+" "+b.Value] = button
			o.mu.Unlock()
		}
	}
}

// Update implements bot.Platform.
func (o *onlyDiscord) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	err := o.Platform.Update(ctx, o.there(t), id, m)
	o.seen(id, m)
	return err
}

// Whisper implements bot.Whisperer.
func (o *onlyDiscord) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	o.mu.Lock()
	to.ID = o.speaking[to.Name]
	o.mu.Unlock()
	return o.Platform.Whisper(ctx, o.there(t), to, m)
}

// FindPost implements bot.Finder.
func (o *onlyDiscord) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	return o.Platform.FindPost(ctx, o.there(t), key)
}

// Seed implements bot.Seeder.
func (o *onlyDiscord) Seed(ctx context.Context, t bot.Thread, id string, reactions []string) error {
	return o.Platform.Seed(ctx, o.there(t), id, reactions)
}

// Members implements bot.Grouper.
func (o *onlyDiscord) Members(ctx context.Context, group string) ([]string, error) {
	keys, err := o.Platform.Members(ctx, discordWorkspace+"/"+o.role(group))
	for i, key := range keys {
		keys[i] = console.Name + "/" + o.nameOf(key[strings.LastIndex(key, "/")+1:])
	}
	return keys, err
}

// Shared implements bot.Audience. The transcripts have guests in a channel that
// is the team's.
func (o *onlyDiscord) Shared(context.Context, bot.Thread) (bool, error) { return false, nil }

func TestDiscordIsBuiltFromTheConfiguration(t *testing.T) {
	dir := t.TempDir()
	text := "journal: {sqlite: gridwarden.db}\nplatforms:\n  discord: [{name: grid, guild: 100000000000000001, token_file: token}]\n"
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
	if _, _, err := build(wiring{chats: true}); !errors.As(err, &people) || !strings.Contains(people.ForPeople(), filepath.Join(dir, "token")) {
		t.Errorf("without the token: %v; want a sentence that names the file", err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("token"), 0o600); err != nil {
		t.Fatal(err)
	}
	if parts, n, err := build(wiring{chats: true}); err != nil || n != 1 || !slices.Contains(parts, discord.Name) {
		t.Errorf("%v, %d platforms, %v", parts, n, err)
	}
	if parts, n, err := build(wiring{}); err != nil || n != 0 || slices.Contains(parts, discord.Name) {
		t.Errorf("one command needs no Discord, but got %v, %d platforms, %v", parts, n, err)
	}
}
