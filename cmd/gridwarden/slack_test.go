package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
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
	*power
	voice
	*onlySlack
	*outage
	bottest.Beside
	screen onlooker
	room   *bottest.Recorder
	rights rights
	front  front // where Slack calls, in HTTP mode
	build  func() (*slack.Platform, error)
	called bool
	last   fakeslack.Delivery
	caller *http.Client // by which Slack calls
	latest bottest.Latest
	sent   string // the transcript's id of the event
}

// onlySlack is Slack with the channels and people of the transcripts.
type onlySlack struct {
	*directory
	platform *slack.Platform
	server   *fakeslack.Server
	members  []string // everybody, who is in every channel
}

const slackWorkspace = "grid"

func onSlack(t *testing.T, s bottest.Setup) bottest.Bot { return slackIn(t, s, false) }

func onSlackHTTP(t *testing.T, s bottest.Setup) bottest.Bot { return slackIn(t, s, true) }

// slackIn is the program on Slack in Socket Mode or in HTTP mode.
func slackIn(t *testing.T, s bottest.Setup, called bool) *slackBot {
	cfg := readConfig(t, s)
	b := &slackBot{power: plug(t, cfg), onlySlack: &onlySlack{directory: newDirectory(), server: fakeslack.New()}, called: called}
	wire, ours := fakeserver.NewWire(), fakeserver.NewWire()
	t.Cleanup(b.server.Serve(wire))
	there, here := fakeserver.NewCable(wire.Dial), fakeserver.NewCable(ours.Dial)
	b.outage = newOutage(there, here)
	b.screen.bot, b.screen.nameOf = fakeslack.BotUser, b.onlySlack.nameOf
	b.server.Watch(b.screen.watch)
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
	workspace := slack.Config{Name: slackWorkspace, BotTokenFile: secret.File(filepath.Join(dir, "bot"))}
	if called {
		workspace.SigningSecretFiles = []secret.File{secret.File(filepath.Join(dir, "signing"))}
	} else {
		workspace.AppTokenFile, workspace.Sockets = secret.File(filepath.Join(dir, "app")), 2
	}
	b.build = func() (*slack.Platform, error) {
		return slack.New([]slack.Config{workspace}, slack.Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://slack.fake/api/", Dial: there.Dial,
			Channels: func() []bot.Thread { return b.listed(cfg) },
			Commands: func() []string { return b.commands },
			Accounts: func(person string) []string { return []string{"slack/grid/" + b.user(person, bot.Member)} },
		})
	}
	if err := b.starts(); err != nil {
		t.Fatal(err)
	}
	if called {
		b.callBack(t, ours, here.Dial)
	}
	return b
}

// starts starts the program, and returns when it is connected.
func (b *slackBot) starts() (err error) {
	if b.platform, err = b.build(); err != nil {
		return err
	}
	p := renamed{neverShared{b.platform}, b.onlySlack, b.outage}
	if b.room == nil {
		b.room = bottest.NewRecorder(p)
	} else {
		b.room.GoOn(p)
	}
	b.on(b.room)
	if !b.called {
		if !b.server.Until(time.Minute, func() bool { return b.server.Sockets() == 2 }) {
			return errors.New("there is no connection")
		}
		return nil
	}
	mux := http.NewServeMux()
	mount(mux, []bot.Platform{b.platform}, slackPublic)
	b.front.lead(mux)
	for up, _ := b.platform.Connection(); !up; up, _ = b.platform.Connection() {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// Stop implements bottest.Restarter.
func (b *slackBot) Stop(context.Context) error {
	b.outage.begins()
	b.front.lead(nil)
	return b.off()
}

// Start implements bottest.Restarter.
func (b *slackBot) Start(context.Context) error {
	err := b.starts()
	b.outage.ends()
	return err
}

// HalfOpen implements bottest.Cutter.
func (b *slackBot) HalfOpen(context.Context) error {
	b.outage.begins()
	b.server.Silence()
	return nil
}

// Hold implements bottest.Holder.
func (b *slackBot) Hold(context.Context) error {
	b.outage.begins()
	b.server.Hold()
	return nil
}

// Deliver implements bottest.Holder.
func (b *slackBot) Deliver(ctx context.Context, backwards bool) error {
	if backwards {
		b.server.Reverse()
	} else {
		b.server.Release()
	}
	return b.outage.caughtUp(ctx)
}

// Bar implements bottest.Barrer.
func (b *slackBot) Bar(_ context.Context, name string, right bottest.Right, barred bool) error {
	b.rights.bar(name, right, barred)
	place := b.channel(name)
	switch {
	case right == bottest.ToPost:
		b.server.ReadOnly(place, barred)
	case barred:
		b.server.Leave(fakeslack.BotUser, place)
	default:
		b.server.Join(fakeslack.BotUser, place)
	}
	return nil
}

// slackPublic is the public address of the program.
const slackPublic = "http://gridwarden.test/chat"

const signingSecret = "8f742231b10e8888abcd99yyyzzz85a5"

// callBack mounts the platform's addresses as serve does, behind a proxy that
// passes the path of the public address on, and has Slack call there.
func (b *slackBot) callBack(t *testing.T, ours *fakeserver.Wire, dial fakeserver.Dial) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- (&listener{Listener: ours}).serve(ctx, &b.front, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	b.caller = &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}
	err := b.server.CallBack(t.Context(), fakeslack.HTTP{
		Events: slackPublic + "/slack/grid/events", Commands: slackPublic + "/slack/grid/commands", Actions: slackPublic + "/slack/grid/actions", Secret: signingSecret,
		Client: b.caller,
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
	ev = b.latest.On(ev)
	if ev.Kind == bot.Clicked && b.is() { // Slack tells who presses that it did not work
		return bottest.ErrNoSurface
	}
	deaf := b.rights.lack(ev.Thread.Channel, bottest.ToBe)
	who, place := b.user(ev.Account.Name, ev.Account.Standing), b.channel(ev.Thread.Channel)
	b.speaks(ev.Account.Name, who)
	switch ev.Kind {
	case bot.Typed:
		text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(ev.Value)
		switch b.address {
		case bySlash:
			if ev.Thread.Root != "" {
				return bottest.ErrNoSurface
			}
			b.last = b.server.Slash(who, place, "/gridwarden", text)
			return b.taken()
		case byMark:
			text = b.mark() + text
		default:
			text = "<@" + fakeslack.BotUser + "> " + text
		}
		var ts string
		var files []fakeslack.File
		for _, f := range b.Take() {
			files = append(files, fakeslack.File{Name: f.Name, Data: f.Data})
		}
		ts, b.last = b.server.Share(who, place, ev.Thread.Root, text, files...)
		b.latest.Wrote(ev, ts)
	case bottest.Talked:
		var ts string
		ts, b.last = b.server.Type(who, place, ev.Thread.Root, ev.Value)
		b.latest.Wrote(ev, ts)
	case bot.Edited:
		b.last = b.server.Edit(who, place, ev.Target, ev.Value)
	case bot.Deleted:
		b.last = b.server.Delete(place, ev.Target)
	case bot.Clicked:
		return b.press(who, place, ev)
	case bot.Reacted:
		b.last = b.server.React(who, place, ev.Target, ev.Value)
	case bot.Unreacted:
		b.last = b.server.Unreact(who, place, ev.Target, ev.Value)
	}
	if deaf {
		return nil
	}
	return b.taken()
}

// press presses a button, and fills in the form that asks for a reason.
func (b *slackBot) press(who, place string, ev bot.Event) error {
	action, value, reason := b.pressed(ev)
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
	if b.misses() {
		return nil
	}
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
	return o.userOf(name, standing, func(n int) string {
		id := fmt.Sprintf("U%04d", n)
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
		o.members = append(o.members, id)
		for place, channel := range o.channels {
			o.fill(place, channel)
		}
		return id
	})
}

func (o *onlySlack) channel(name string) string {
	return o.channelOf(name, func(n int) string {
		id := fmt.Sprintf("C%04d", n)
		o.fill(name, id)
		return id
	})
}

// fill puts everybody into a channel. The caller holds mu.
func (o *onlySlack) fill(name, id string) {
	members := append([]string{fakeslack.BotUser}, o.members...)
	o.server.AddChannel(fakeslack.Channel{ID: id, Name: name, Private: true, Members: members})
}

func (o *onlySlack) there(t bot.Thread) bot.Thread {
	return bot.Thread{Platform: slack.Name, Workspace: slackWorkspace, Channel: o.channel(t.Channel), Root: t.Root}
}

// listed are the channels where the bot listens.
func (o *onlySlack) listed(cfg *config.Config) []bot.Thread {
	var out []bot.Thread
	for _, c := range cfg.Channels {
		out = append(out, o.there(bot.Thread{Channel: c.Name}))
	}
	return out
}

func (o *onlySlack) group(name string) string { return slackWorkspace + "/S" + name }

func (o *onlySlack) seen(t bot.Thread, id string, m bot.Message) {
	place := o.channel(t.Channel)
	o.keep(id, m, func(value string) string { return o.server.Button(place, id, value) })
}

func (o *onlySlack) done(error) {} // the server tells what is acknowledged
