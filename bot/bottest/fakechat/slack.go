package main

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// slackChat is a workspace. In HTTP mode Slack calls the bot.
type slackChat struct {
	*fakeslack.Server
	app fakeslack.HTTP

	mu   sync.Mutex
	form string              // the trigger that opened the latest
	last *fakeslack.Delivery // nil: none yet
}

func newSlack(o options) chat {
	c := &slackChat{Server: fakeslack.New(), app: fakeslack.HTTP{Events: o.events, Commands: o.commands, Actions: o.actions, Secret: o.secret}}
	c.AnyBot = true
	ids := c.people()
	var members []string
	for _, name := range team {
		c.AddUser(fakeslack.User{ID: ids[name], Name: name})
		members = append(members, ids[name])
	}
	c.AddUser(fakeslack.User{ID: ids[guest], Name: guest, Restricted: true})
	members = append(members, fakeslack.BotUser)
	c.AddChannel(fakeslack.Channel{ID: c.channels()[security], Name: security, Private: true, Members: members})
	c.AddChannel(fakeslack.Channel{ID: c.channels()[lobby], Name: lobby, Members: append(members, ids[guest])})
	c.SetGroup("S0APPROVERS", ids["bob"], ids["carol"])
	return c
}

func (c *slackChat) facts(address string) []string {
	out := []string{
		"fake Slack: Web API at http://" + address + "/api/",
		"bot token " + fakeslack.BotToken + ", app-level token " + fakeslack.AppToken,
		"workspace " + fakeslack.Team + ", user group " + group + " S0APPROVERS",
	}
	if c.app.Events != "" {
		out = append(out, "signing secret "+c.app.Secret+", events to "+c.app.Events+", slash commands to "+c.app.Commands+", buttons to "+c.app.Actions)
	}
	return out
}

func (*slackChat) people() map[string]string {
	return map[string]string{botName: fakeslack.BotUser, "alice": "U0ALICE", "bob": "U0BOB", "carol": "U0CAROL", guest: "U0GUEST"}
}

func (*slackChat) channels() map[string]string {
	return map[string]string{security: "C0SECURITY", lobby: "C0LOBBY"}
}

func (c *slackChat) serve(l net.Listener) (stop func()) { return c.Serve(l) }

// call enters the Request URL again and again until the app answers the challenge.
func (c *slackChat) call(ctx context.Context, say func(string)) {
	if c.app.Events == "" {
		return
	}
	said := ""
	for {
		err := c.CallBack(ctx, c.app)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			say("   the app answers the challenge and is called from now on")
			return
		case err.Error() != said:
			said = err.Error()
			say("   the app does not answer yet: " + said)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Second):
		}
	}
}

func (c *slackChat) watch(tell func(fakeserver.Seen)) {
	c.Watch(func(s fakeserver.Seen) {
		if s.Kind == fakeserver.Opened {
			c.mu.Lock()
			c.form = s.ID
			c.mu.Unlock()
		}
		tell(s)
	})
}

// sent keeps what was delivered last.
func (c *slackChat) sent(d fakeslack.Delivery) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = &d
}

func (c *slackChat) write(user, channel, root, text string) error {
	_, d := c.Type(user, channel, root, text)
	c.sent(d)
	return nil
}

func (c *slackChat) slash(user, channel, root, text string) error {
	if root != "" {
		return fmt.Errorf("%s is not supported in threads. Sorry!", text) //nolint:revive,staticcheck // so Slack says it
	}
	command, rest, _ := strings.Cut(text, " ")
	c.sent(c.Slash(user, channel, command, rest))
	return nil
}

func (c *slackChat) react(user string, m fakeserver.Seen, emoji string, on bool) error {
	if on {
		c.sent(c.React(user, m.Channel, m.ID, emoji))
	} else {
		c.sent(c.Unreact(user, m.Channel, m.ID, emoji))
	}
	return nil
}

func (c *slackChat) press(user string, m fakeserver.Seen, b fakeserver.Button) error {
	_, d := c.Click(user, m.Channel, m.ID, b.ID, b.Value)
	c.sent(d)
	return nil
}

func (c *slackChat) submit(user, text string) error {
	c.mu.Lock()
	form := c.form
	c.mu.Unlock()
	view := c.View(form)
	if view == nil {
		return errNoForm
	}
	d, err := c.Submit(user, view, text)
	if err != nil {
		return err
	}
	c.sent(d)
	return nil
}

func (c *slackChat) twice(n int) { c.Twice(n) }
func (c *slackChat) lose(n int)  { c.Lose(n) }
func (c *slackChat) drop()       { c.Cut() }
func (c *slackChat) silence()    { c.Silence() }

func (c *slackChat) again() error {
	c.mu.Lock()
	d := c.last
	c.mu.Unlock()
	if d == nil {
		return errNothing
	}
	d.Again()
	return nil
}

func (c *slackChat) fail(f failure) {
	c.Fail(fakeslack.Fault{Method: "chat.postMessage", Times: f.times, Status: f.status, RetryAfter: time.Duration(f.after) * time.Second, After: f.done})
}

func (c *slackChat) mute(channel string, on bool) { c.ReadOnly(channel, on) }

func (c *slackChat) remove(channel string, on bool) {
	if on {
		c.sent(c.Leave(fakeslack.BotUser, channel))
	} else {
		c.sent(c.Join(fakeslack.BotUser, channel))
	}
}

func (c *slackChat) limit(on bool) error {
	c.Limit(on)
	return nil
}
