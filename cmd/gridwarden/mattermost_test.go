package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/config"
	"github.com/gridwarden/gridwarden/config/secret"
)

const mattermostToken = "token-of-the-bot"

// mattermostBot is the program on a Mattermost server, which is a fake one on a
// network in memory.
type mattermostBot struct {
	*power
	voice
	*outage
	bottest.Beside
	screen onlooker
	room   *bottest.Recorder
	rights rights
	front  front // where the server calls
	build  func() (*mattermost.Platform, error)
	as     *asConsole
	full   bool // the server calls
	caller *http.Client
	sent   string // the transcript's id of the latest event
	last   bot.Kind
	latest bottest.Latest
}

// asConsole is a server with the channels and people of the transcripts.
type asConsole struct {
	fake     *fakemattermost.Server
	me       *model.User
	cfg      *config.Config
	taken    chan error
	mu       sync.Mutex        // of both, for the program asks while people appear
	users    map[string]string // ids by name
	channels map[string]string
}

// onMattermost is the program on a server that it reaches by websocket only, and
// onMattermostFull on one that calls it too.
func onMattermost(t *testing.T, s bottest.Setup) bottest.Bot { return mattermostFor(t, s, false) }

func onMattermostFull(t *testing.T, s bottest.Setup) bottest.Bot { return mattermostFor(t, s, true) }

func mattermostFor(t *testing.T, s bottest.Setup, full bool) *mattermostBot {
	cfg := readConfig(t, s)
	fake := fakemattermost.New()
	b := &mattermostBot{power: plug(t, cfg), full: full, as: &asConsole{
		fake: fake, me: fake.AddBot("gridwarden", mattermostToken), cfg: cfg,
		users: map[string]string{}, channels: map[string]string{}, taken: make(chan error, 64),
	}}
	b.screen.bot, b.screen.nameOf = b.as.me.Id, b.as.nameOf
	fake.Watch(b.screen.watch)
	for _, c := range cfg.Channels {
		b.as.channel(c.Name)
	}
	for group, names := range cfg.Console.Groups {
		if err := b.SetGroup(t.Context(), group, names...); err != nil {
			t.Fatal(err)
		}
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(mattermostToken), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mattermost.Config{Name: "grid", URL: "http://localhost", Team: fakemattermost.Team, TokenFile: secret.File(token)}
	if full {
		command := fake.AddCommand("gridwarden", mattermostPublic+"/mattermost/grid/command")
		tokens := filepath.Join(t.TempDir(), "commands")
		if err := os.WriteFile(tokens, []byte(command.Token), 0o600); err != nil {
			t.Fatal(err)
		}
		c.CommandTokensFile = secret.File(tokens)
	}
	there := fakeserver.NewCable(fake.Serve(t))
	b.build = func() (*mattermost.Platform, error) {
		return mattermost.New([]mattermost.Config{c}, mattermost.Options{
			Public: mattermostPublic,
			Dial:   there.Dial, Commands: func() []string { return b.app.commands },
			Channels: func(string) (names []string) {
				for _, c := range cfg.Channels {
					names = append(names, c.Name)
				}
				return names
			},
			Accounts: b.as.accounts,
		})
	}
	ours := fakeserver.NewWire()
	t.Cleanup(fakeserver.Serve(ours, &b.front, nil))
	here := fakeserver.NewCable(ours.Dial)
	b.caller = &http.Client{Transport: &http.Transport{DialContext: here.Dial, DisableKeepAlives: true}}
	fake.CallBy(b.caller)
	b.outage = newOutage(there, here)
	if err := b.starts(); err != nil {
		t.Fatal(err)
	}
	return b
}

// mattermostPublic is the public address of the program.
const mattermostPublic = "http://bot.example.org"

// starts starts the program, and returns when it has read what it missed.
func (b *mattermostBot) starts() error {
	p, err := b.build()
	if err != nil {
		return err
	}
	if r := (renamed{p, b.as, b.outage}); b.room == nil {
		b.room = bottest.NewRecorder(r)
	} else {
		b.room.GoOn(r)
	}
	routes := http.NewServeMux()
	mount(routes, []bot.Platform{p}, mattermostPublic)
	b.front.lead(routes)
	before := b.as.fake.Calls("GET /channels/{id}/posts")
	b.on(b.room)
	if !b.as.fake.Await(time.Minute, func() bool { return b.as.fake.Calls("GET /channels/{id}/posts") > before }) {
		return errors.New("there is no connection")
	}
	return nil
}

// Stop implements bottest.Restarter.
func (b *mattermostBot) Stop(context.Context) error {
	b.outage.begins()
	b.front.lead(nil)
	return b.off()
}

// Start implements bottest.Restarter.
func (b *mattermostBot) Start(context.Context) error {
	err := b.starts()
	b.outage.ends()
	return err
}

// HalfOpen implements bottest.Cutter.
func (b *mattermostBot) HalfOpen(context.Context) error {
	b.outage.begins()
	b.as.fake.Freeze()
	return nil
}

// Hold implements bottest.Holder.
func (b *mattermostBot) Hold(context.Context) error {
	b.outage.begins()
	b.as.fake.Hold()
	return nil
}

// Deliver implements bottest.Holder.
func (b *mattermostBot) Deliver(ctx context.Context, backwards bool) error {
	if backwards {
		b.as.fake.Reverse()
	} else {
		b.as.fake.Release()
	}
	return b.outage.caughtUp(ctx)
}

// Bar implements bottest.Barrer.
func (b *mattermostBot) Bar(_ context.Context, name string, right bottest.Right, barred bool) error {
	b.rights.bar(name, right, barred)
	channel := b.as.channel(name)
	switch {
	case right == bottest.ToPost:
		b.as.fake.Mute(channel, barred)
	case barred:
		b.as.fake.Leave(channel, b.as.me.Id)
	default:
		b.as.fake.Join(channel, b.as.me.Id)
	}
	return nil
}

func (b *mattermostBot) Platform() bottest.Watched      { return b.room }
func (b *mattermostBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// SetGroup implements bottest.Regrouper.
func (b *mattermostBot) SetGroup(_ context.Context, group string, names ...string) error {
	channel := b.as.channel(group)
	for _, id := range b.as.users {
		b.as.fake.Leave(channel, id)
	}
	for _, name := range names {
		b.as.fake.Join(channel, b.as.user(name))
	}
	return nil
}

// Away implements bottest.Cutter. The server keeps nothing for who is away so long.
func (b *mattermostBot) Away(ctx context.Context) error {
	err := b.outage.Away(ctx)
	b.as.fake.Restart()
	return err
}

// Send does on the server what makes the event.
func (b *mattermostBot) Send(ctx context.Context, ev bot.Event) error {
	if ev.Kind == bot.Clicked && (!b.full || b.is()) { // without callbacks Mattermost has no buttons, and one that reaches nobody tells so
		return bottest.ErrNoSurface
	}
	for len(b.as.taken) > 0 { // what was read back beside the stream came twice
		<-b.as.taken
	}
	again := b.sent == ev.ID
	if !again {
		b.sent, b.last = ev.ID, ev.Kind
	}
	ev = b.latest.On(ev)
	user, channel := b.as.user(ev.Account.Name), b.as.channel(ev.Thread.Channel)
	b.as.fake.Join(channel, user)
	restore := b.as.stand(user, ev.Account.Standing)
	defer restore()
	switch {
	case again && b.last == bot.Clicked, again && b.last == bot.Typed && b.slash(ev):
		if err := b.as.fake.CallAgain(); err != nil {
			return err
		}
	case again:
		b.as.fake.Again()
	case ev.Kind == bot.Clicked:
		if err := b.press(user, channel, ev); err != nil {
			return err
		}
	case ev.Kind == bot.Typed && b.address == bySlash && !b.full:
		return bottest.ErrNoSurface
	case b.slash(ev):
		if err := b.as.fake.Command(user, channel, ev.Thread.Root, "/gridwarden "+ev.Value); err != nil {
			return err
		}
	case ev.Kind == bot.Typed:
		p := &model.Post{UserId: user, ChannelId: channel, RootId: ev.Thread.Root, Message: "@gridwarden " + ev.Value}
		if b.address == byMark {
			p.Message = b.mark() + ev.Value
		}
		if ev.Account.Standing == bot.Bridged {
			p.AddProp("override_username", ev.Account.Name)
		}
		for _, f := range b.Take() {
			p.FileIds = append(p.FileIds, b.as.fake.Upload(user, channel, f.Name, f.Data))
		}
		b.latest.Wrote(ev, b.as.fake.Say(p, 1).Id)
	case ev.Kind == bottest.Talked:
		b.latest.Wrote(ev, b.as.fake.Say(&model.Post{UserId: user, ChannelId: channel, RootId: ev.Thread.Root, Message: ev.Value}, 1).Id)
		return nil
	case ev.Kind == bot.Edited:
		b.as.fake.EditAs(ev.Target, ev.Value)
	case ev.Kind == bot.Deleted:
		b.as.fake.DeleteAs(user, ev.Target)
	case ev.Kind == bot.Reacted:
		b.as.fake.React(user, ev.Target, ev.Value)
	case ev.Kind == bot.Unreacted:
		b.as.fake.Unreact(user, ev.Target, ev.Value)
	}
	if b.misses() || b.rights.lack(ev.Thread.Channel, bottest.ToBe) {
		return nil
	}
	select {
	case err := <-b.as.taken:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// slash reports whether an event is typed as a slash command: where there are
// some, those in threads are. One in the channel itself leaves no message, so
// that its answer begins no thread; those are addressed to the bot.
func (b *mattermostBot) slash(ev bot.Event) bool {
	if b.address != "" {
		return b.full && ev.Kind == bot.Typed && b.address == bySlash
	}
	deaf := b.is() || b.rights.lack(ev.Thread.Channel, bottest.ToBe) // else the answer to a command would tell who typed
	return b.full && !deaf && ev.Kind == bot.Typed && ev.Thread.Root != "" && ev.Account.Standing != bot.Bridged
}

// press presses a button and fills in the form that asks for a reason.
func (b *mattermostBot) press(user, channel string, ev bot.Event) error {
	word, rest, _ := strings.Cut(ev.Value, ":")
	_, reason, _ := strings.Cut(rest, ":")
	button := b.as.fake.Button(ev.Target, word)
	if button == "" {
		return fmt.Errorf("the post shows no button %s: %w", word, bottest.ErrNoSurface)
	}
	if err := b.as.fake.Click(user, ev.Target, button); err != nil {
		return err
	}
	d := b.as.fake.Dialog(user)
	if d == nil {
		return nil
	}
	answer, err := b.as.fake.Submit(user, channel, d, map[string]any{"reason": reason})
	if err == nil && answer.Error != "" {
		err = errors.New(answer.Error)
	}
	return err
}

// stand makes a user what the standing says, and gives back how to undo it.
func (p *asConsole) stand(user string, s bot.Standing) func() {
	remote := "elsewhere"
	set := func(change func(*model.User)) func() {
		p.fake.Change(user, change)
		return func() {
			p.fake.Change(user, func(u *model.User) { u.Roles, u.RemoteId, u.IsBot, u.DeleteAt = model.SystemUserRoleId, nil, false, 0 })
		}
	}
	switch s {
	case bot.Guest:
		return set(func(u *model.User) { u.Roles = model.SystemGuestRoleId })
	case bot.Outsider:
		return set(func(u *model.User) { u.RemoteId = &remote })
	case bot.Bot:
		return set(func(u *model.User) { u.IsBot = true })
	case bot.Deactivated:
		return set(func(u *model.User) { u.DeleteAt = 1 })
	}
	return func() {}
}

// user is the id of a user, who is made when he is new.
func (p *asConsole) user(name string) string {
	return p.made(p.users, name, func() string { return p.fake.AddUser(name).Id })
}

// made is the id that something has by its name, which it gets when it is new.
func (p *asConsole) made(ids map[string]string, name string, create func() string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if ids[name] == "" {
		ids[name] = create()
	}
	return ids[name]
}

func (p *asConsole) known(ids map[string]string, name string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return ids[name]
}

func (p *asConsole) channel(name string) string {
	return p.made(p.channels, name, func() string { return p.fake.AddChannel(name, model.ChannelTypePrivate, p.me).Id })
}

// accounts are the accounts of a person on the server.
func (p *asConsole) accounts(person string) (keys []string) {
	for _, q := range p.cfg.People {
		for _, key := range q.Accounts {
			if name, ok := strings.CutPrefix(key, "console/"); ok && string(q.ID) == person {
				keys = append(keys, "mattermost/grid/"+p.known(p.users, name))
			}
		}
	}
	return keys
}

func (p *asConsole) nameOf(id string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ids := range []map[string]string{p.users, p.channels} {
		for name, other := range ids {
			if other == id {
				return name
			}
		}
	}
	return id
}

func (p *asConsole) speaker(name string) string { return p.known(p.users, name) }

func (p *asConsole) group(name string) string { return "grid/channel/" + name }

func (p *asConsole) seen(bot.Thread, string, bot.Message) {}

func (p *asConsole) done(err error) { p.taken <- err }

// there is a thread's address on the server.
func (p *asConsole) there(t bot.Thread) bot.Thread {
	t.Platform, t.Workspace = mattermost.Name, "grid"
	if id := p.known(p.channels, t.Channel); id != "" && !p.listed(t.Channel) {
		t.Channel = id
	}
	return t
}

func (p *asConsole) listed(channel string) bool {
	for _, c := range p.cfg.Channels {
		if c.Name == channel {
			return true
		}
	}
	return false
}

// TestCheckProbesMattermost asks a server by the whole program.
func TestCheckProbesMattermost(t *testing.T) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"token": mattermostToken,
		"config.yaml": "journal: {sqlite: a.db}\nplatforms: {mattermost: [{name: grid, url: \"" + server.URL + "\", team: grid, token_file: token}]}\n" +
			"channels: [{platform: mattermost, workspace: grid, name: security, commands: [all]}]\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	me := fake.AddBot("gridwarden", mattermostToken)
	cfg := filepath.Join(dir, "config.yaml")
	if got := gridwarden(t, "check", "--config", cfg, "--probe"); got.status != exitFailed || !strings.Contains(got.out, "mattermost/grid: FAILED") {
		t.Errorf("without the channel: %+v", got)
	}
	fake.AddChannel("security", model.ChannelTypePrivate, me)
	contains(t, "check --probe", ok(t, "check", "--config", cfg, "--probe"), "probe: mattermost/grid: ok", "Platforms\n  mattermost/grid: team grid")
}
