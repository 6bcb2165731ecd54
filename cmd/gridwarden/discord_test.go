package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
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
	*power
	voice
	*onlyDiscord
	*outage
	bottest.Beside
	screen onlooker
	room   *bottest.Recorder
	rights rights
	build  func(wired <-chan struct{}) (*discord.Platform, error)
	last   interface{ Again() }
	latest bottest.Latest
	sent   string // the transcript's id of the event
}

// onlyDiscord is Discord with the channels and people of the transcripts.
type onlyDiscord struct {
	*directory
	platform *discord.Platform
	server   *fakediscord.Server
	taken    chan error
	roles    map[string]string // ids by group
}

const discordWorkspace = "grid"

func onDiscord(t *testing.T, s bottest.Setup) bottest.Bot {
	cfg := readConfig(t, s)
	b := &discordBot{power: plug(t, cfg), onlyDiscord: &onlyDiscord{
		directory: newDirectory(), server: fakediscord.New(), taken: make(chan error, 64), roles: map[string]string{},
	}}
	wire := fakeserver.NewWire()
	t.Cleanup(b.server.Serve(wire))
	cable := fakeserver.NewCable(wire.Dial)
	b.outage = newOutage(cable)
	b.screen.bot, b.screen.nameOf = fakediscord.BotUser, b.onlyDiscord.nameOf
	b.server.Watch(b.screen.watch)
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
	b.build = func(wired <-chan struct{}) (*discord.Platform, error) {
		return discord.New([]discord.Config{{Name: discordWorkspace, Guild: fakediscord.Guild, TokenFile: secret.File(token)}}, discord.Options{
			Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://discord.fake/", Dial: cable.Dial, Known: known,
			Channels: func() []bot.Thread { return b.listed(cfg) },
			Commands: func() []discord.Command {
				<-wired // the program is there, whose commands are registered
				return b.described
			},
			Accounts: func(person string) []string { return []string{"discord/grid/" + b.user(person, bot.Member)} },
		})
	}
	if err := b.starts(); err != nil {
		t.Fatal(err)
	}
	return b
}

// starts starts the program, and returns when it is connected.
func (b *discordBot) starts() (err error) {
	wired := make(chan struct{})
	if b.platform, err = b.build(wired); err != nil {
		return err
	}
	p := renamed{neverShared{b.platform}, b.onlyDiscord, b.outage}
	if b.room == nil {
		b.room = bottest.NewRecorder(p)
	} else {
		b.room.GoOn(p)
	}
	b.on(b.room)
	close(wired)
	if !b.server.Until(time.Minute, b.server.Listening) {
		return errors.New("there is no connection")
	}
	return nil
}

// Stop implements bottest.Restarter.
func (b *discordBot) Stop(context.Context) error {
	b.outage.begins()
	return b.off()
}

// Start implements bottest.Restarter.
func (b *discordBot) Start(context.Context) error {
	err := b.starts()
	b.outage.ends()
	b.forget()
	return err
}

// HalfOpen implements bottest.Cutter.
func (b *discordBot) HalfOpen(context.Context) error {
	b.outage.begins()
	b.server.Silence()
	return nil
}

// Hold implements bottest.Holder.
func (b *discordBot) Hold(context.Context) error {
	b.outage.begins()
	b.server.Hold()
	return nil
}

// Deliver implements bottest.Holder.
func (b *discordBot) Deliver(ctx context.Context, backwards bool) error {
	if backwards {
		b.server.Reverse()
	} else {
		b.server.Release()
	}
	err := b.outage.caughtUp(ctx)
	b.forget()
	return err
}

// Bar implements bottest.Barrer.
func (b *discordBot) Bar(_ context.Context, name string, right bottest.Right, barred bool) error {
	b.rights.bar(name, right, barred)
	denied := int64(0)
	if barred {
		denied = fakediscord.SendMessages | fakediscord.SendInThreads
		if right == bottest.ToBe {
			denied = fakediscord.ViewChannel
		}
	}
	b.server.Change(b.channel(name), func(c *fakediscord.Channel) { c.Denied = denied })
	return nil
}

// forget drops what was told of events that nobody waits for.
func (b *discordBot) forget() {
	for len(b.onlyDiscord.taken) > 0 {
		<-b.onlyDiscord.taken
	}
}

// Platform implements bottest.Bot.
func (b *discordBot) Platform() bottest.Watched      { return b.room }
func (b *discordBot) Idle(ctx context.Context) error { return b.engine.Idle(ctx) }

// Away implements bottest.Cutter. The session is over before the bot is back.
func (b *discordBot) Away(ctx context.Context) error {
	err := b.outage.Away(ctx)
	b.server.Expire()
	return err
}

// Back implements bottest.Cutter.
func (b *discordBot) Back(ctx context.Context) error {
	err := b.outage.Back(ctx)
	b.forget()
	return err
}

// signs are the reactions of the transcripts as people put them on Discord.
var signs = map[string]string{"+1": "👍🏽", "-1": "👎", "white_check_mark": "✅", "pushpin": "📌"}

// Send has somebody do on Discord what makes the event.
func (b *discordBot) Send(_ context.Context, ev bot.Event) error {
	if b.sent == ev.ID {
		b.last.Again()
		return b.wait()
	}
	b.sent = ev.ID
	ev = b.latest.On(ev)
	if ev.Kind == bot.Clicked && b.is() { // Discord tells who presses that it did not work
		return bottest.ErrNoSurface
	}
	deaf := b.rights.lack(ev.Thread.Channel, bottest.ToBe)
	who, place := b.user(ev.Account.Name, ev.Account.Standing), b.channel(ev.Thread.Channel)
	b.speaks(ev.Account.Name, who)
	switch ev.Kind {
	case bot.Typed, bottest.Talked:
		if ev.Kind == bot.Typed && b.address == bySlash {
			word, rest, _ := strings.Cut(ev.Value, " ")
			i, err := b.server.Slash(who, place, []string{"gridwarden", word}, rest)
			if err != nil {
				return err
			}
			b.last = i
			return b.wait()
		}
		if root := ev.Thread.Root; root != "" {
			if _, made := b.server.Channel(root); !made { // people make a thread of a message that has none
				b.server.Thread(root)
			}
			place = root
		}
		text := ev.Value
		switch {
		case ev.Kind == bot.Typed && b.address == byMark:
			text = b.mark() + text
		case ev.Kind == bot.Typed:
			text = "<@" + fakediscord.BotUser + "> " + text
		}
		var id string
		var files []fakediscord.File
		for _, f := range b.Take() {
			files = append(files, fakediscord.File{Name: f.Name, Data: f.Data})
		}
		id, b.last = b.server.Share(who, place, text, files...)
		b.latest.Wrote(ev, id)
		if ev.Kind == bottest.Talked {
			return nil
		}
	case bot.Edited:
		b.last = b.server.Rewrite(ev.Target, ev.Value)
	case bot.Deleted:
		b.last = b.server.Delete(ev.Target)
	case bot.Clicked:
		return b.press(who, ev)
	case bot.Reacted:
		b.last = b.server.React(who, ev.Target, signs[ev.Value])
	case bot.Unreacted:
		b.last = b.server.Unreact(who, ev.Target, signs[ev.Value])
	}
	if deaf {
		return nil
	}
	return b.wait()
}

// press presses a button, and says yes or fills in the form that asks for a reason.
func (b *discordBot) press(who string, ev bot.Event) error {
	button, value, reason := b.pressed(ev)
	if button == "" {
		return fmt.Errorf("the message %s never had a button %s", ev.Target, value)
	}
	i, err := b.server.Click(who, ev.Target, button)
	if err != nil {
		return err
	}
	b.screen.looked()
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
	if b.misses() {
		return nil
	}
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
	return o.userOf(name, standing, func(n int) string {
		id := fmt.Sprintf("2000000000%04d", n)
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
	})
}

func (o *onlyDiscord) channel(name string) string {
	return o.channelOf(name, func(n int) string {
		id := fmt.Sprintf("3000000000%04d", n)
		o.server.AddChannel(fakediscord.Channel{ID: id, Name: name, Private: true})
		return id
	})
}

func (o *onlyDiscord) there(t bot.Thread) bot.Thread {
	return bot.Thread{Platform: discord.Name, Workspace: discordWorkspace, Channel: o.channel(t.Channel), Root: t.Root}
}

// listed are the channels where the bot listens.
func (o *onlyDiscord) listed(cfg *config.Config) []bot.Thread {
	var out []bot.Thread
	for _, c := range cfg.Channels {
		out = append(out, o.there(bot.Thread{Channel: c.Name}))
	}
	return out
}

func (o *onlyDiscord) group(name string) string { return discordWorkspace + "/" + o.role(name) }

func (o *onlyDiscord) seen(_ bot.Thread, id string, m bot.Message) {
	o.keep(id, m, func(value string) string { return o.server.Button(id, "", ":"+value) })
}

func (o *onlyDiscord) done(err error) { o.taken <- err }
