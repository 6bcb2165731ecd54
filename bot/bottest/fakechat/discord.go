package main

import (
	"context"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// approverRole is the role of who may approve.
const approverRole = "400000000000000001"

// discordChat is Discord with one server.
type discordChat struct {
	*fakediscord.Server

	mu   sync.Mutex
	last *fakediscord.Delivery    // nil: none yet
	act  *fakediscord.Interaction // the latest press or command, which may have opened a form
	by   string                   // who did that
}

func newDiscord(options) chat {
	c := &discordChat{Server: fakediscord.New()}
	ids := c.people()
	for _, name := range team {
		c.AddUser(fakediscord.User{ID: ids[name], Name: name})
	}
	c.AddUser(fakediscord.User{ID: ids[guest], Name: guest, Pending: true}) // has not accepted the server's rules
	c.AddRole(approverRole)
	c.SetRole(approverRole, ids["bob"], ids["carol"])
	c.AddChannel(fakediscord.Channel{ID: c.channels()[security], Name: security, Private: true})
	c.AddChannel(fakediscord.Channel{ID: c.channels()[lobby], Name: lobby})
	return c
}

func (*discordChat) facts(address string) []string {
	return []string{
		"fake Discord: API at http://" + address + "/api/v10, which tells the gateway's address",
		"bot token " + fakediscord.Token + ", application " + fakediscord.App,
		"server (guild) " + fakediscord.Guild + ", role " + group + " " + approverRole,
	}
}

func (*discordChat) people() map[string]string {
	return map[string]string{
		botName: fakediscord.BotUser, "alice": "200000000000000001", "bob": "200000000000000002", "carol": "200000000000000003", guest: "200000000000000004",
	}
}

func (*discordChat) channels() map[string]string {
	return map[string]string{security: "300000000000000001", lobby: "300000000000000002"}
}

func (c *discordChat) serve(l net.Listener) (stop func()) { return c.Serve(l) }

// call has nothing to do: everything comes by the gateway.
func (*discordChat) call(context.Context, func(string)) {}

func (c *discordChat) watch(tell func(fakeserver.Seen)) { c.Watch(tell) }

func (c *discordChat) sent(d fakediscord.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = &d
}

// acted keeps an interaction, which may open a form.
func (c *discordChat) acted(user string, i fakediscord.Interaction, err error) error {
	if err != nil {
		return err
	}
	c.sent(i.Delivery)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.act, c.by = &i, user
	return nil
}

// write goes to the thread, which somebody makes where there is none yet.
func (c *discordChat) write(user, channel, root, text string) error {
	if root != "" {
		if _, made := c.Channel(root); !made {
			c.Thread(root)
		}
		channel = root
	}
	_, d := c.Type(user, channel, text)
	c.sent(d)
	return nil
}

// slash finds the command among those that the bot registered: its first words,
// as many as there are.
func (c *discordChat) slash(user, channel, root, text string) error {
	if root != "" {
		channel = root
	}
	words := strings.Fields(strings.TrimPrefix(text, "/"))
	var err error
	for n := min(3, len(words)); n > 0; n-- {
		var i fakediscord.Interaction
		if i, err = c.Slash(user, channel, words[:n], strings.Join(words[n:], " ")); err == nil {
			return c.acted(user, i, nil)
		}
	}
	if err == nil {
		err = errLine
	}
	return err
}

// emoji are what the names of emoji stand for.
var emoji = map[string]string{"white_check_mark": "✅", "x": "❌", "+1": "👍", "thumbsup": "👍", "-1": "👎", "thumbsdown": "👎", "eyes": "👀", "no_entry": "⛔", "tada": "🎉"}

func (c *discordChat) react(user string, m fakeserver.Seen, name string, on bool) error {
	if sign, ok := emoji[name]; ok {
		name = sign
	}
	switch {
	case m.To != "":
		return errWhisper
	case on:
		c.sent(c.React(user, m.ID, name))
	default:
		c.sent(c.Unreact(user, m.ID, name))
	}
	return nil
}

func (c *discordChat) press(user string, m fakeserver.Seen, b fakeserver.Button) error {
	i, err := c.Click(user, m.ID, b.ID)
	return c.acted(user, i, err)
}

func (c *discordChat) submit(user, text string) error {
	c.mu.Lock()
	opened, by := c.act, c.by
	c.mu.Unlock()
	if opened == nil || opened.Form() == "" || by != user {
		return errNoForm
	}
	i, err := c.Submit(*opened, text)
	return c.acted(user, i, err)
}

func (c *discordChat) twice(n int) { c.Twice(n) }
func (c *discordChat) lose(n int)  { c.Lose(n) }
func (c *discordChat) drop()       { c.Cut() }
func (c *discordChat) silence()    { c.Silence() }

func (c *discordChat) again() error {
	c.mu.Lock()
	d := c.last
	c.mu.Unlock()
	if d == nil {
		return errNothing
	}
	d.Again()
	return nil
}

func (c *discordChat) fail(f failure) {
	c.Fail(fakediscord.Fault{Name: "message.create", Times: f.times, Status: f.status, RetryAfter: time.Duration(f.after) * time.Second, After: f.done})
}

func (c *discordChat) mute(channel string, on bool) {
	c.deny(channel, on, fakediscord.SendMessages|fakediscord.SendInThreads)
}

func (c *discordChat) remove(channel string, on bool) { c.deny(channel, on, fakediscord.ViewChannel) }

// deny takes rights from the bot in a channel, or gives them all back.
func (c *discordChat) deny(channel string, on bool, rights int64) {
	if !on {
		rights = 0
	}
	c.sent(c.Change(channel, func(x *fakediscord.Channel) { x.Denied = rights }))
}

func (c *discordChat) limit(on bool) error {
	c.Limit(on)
	return nil
}
