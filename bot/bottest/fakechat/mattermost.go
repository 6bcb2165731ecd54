package main

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// The tokens of the fake Mattermost.
const (
	mattermostToken = "fakebottokenfakebottoken00"
	adminToken      = "fakeadmintokenfakeadmin000"
)

// mattermostChat is a server whose ids are the same at every start.
type mattermostChat struct {
	*fakemattermost.Server

	mu     sync.Mutex
	double int  // deliveries that are made twice
	did    bool // people did something
}

// fixed makes an id of a name, as long as the server's are.
func fixed(name string) string { return name + strings.Repeat("0", 26-len(name)) }

func newMattermost(options) chat {
	c := &mattermostChat{Server: fakemattermost.New()}
	me := c.AddBotAs(fixed(botName), botName, mattermostToken)
	members := []*model.User{me}
	of := map[string]*model.User{}
	for _, name := range team {
		of[name] = c.AddUserAs(fixed(name), name)
		members = append(members, of[name])
	}
	stranger := c.AddUserAs(fixed(guest), guest)
	stranger.Roles = model.SystemGuestRoleId
	c.AddAdmin("admin", adminToken)
	c.AddChannelAs(fixed(security), security, model.ChannelTypePrivate, members...)
	c.AddChannelAs(fixed(lobby), lobby, model.ChannelTypeOpen, append(members, stranger)...)
	c.AddChannelAs(fixed(group), group, model.ChannelTypePrivate, me, of["bob"], of["carol"])
	return c
}

func (*mattermostChat) facts(address string) []string {
	return []string{
		"fake Mattermost at http://" + address + ", team " + fakemattermost.Team,
		"bot token " + mattermostToken + ", token of a system admin " + adminToken,
	}
}

func (*mattermostChat) people() map[string]string {
	all := map[string]string{botName: fixed(botName), guest: fixed(guest)}
	for _, name := range team {
		all[name] = fixed(name)
	}
	return all
}

func (*mattermostChat) channels() map[string]string {
	return map[string]string{security: fixed(security), lobby: fixed(lobby), group: fixed(group)}
}

func (c *mattermostChat) serve(l net.Listener) (stop func()) {
	return fakeserver.Serve(l, c.Server, c.Drop)
}

// call has nothing to do: slash commands and buttons carry their addresses.
func (*mattermostChat) call(context.Context, func(string)) {}

func (c *mattermostChat) watch(tell func(fakeserver.Seen)) { c.Watch(tell) }

// times is how often the next delivery is made.
func (c *mattermostChat) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.did = true
	if c.double > 0 {
		c.double--
		return 2
	}
	return 1
}

func (c *mattermostChat) write(user, channel, root, text string) error {
	c.Type(user, channel, root, text, c.times())
	return nil
}

func (c *mattermostChat) slash(user, channel, root, text string) error {
	return c.Command(user, channel, root, text)
}

// shortNames are how the server calls emoji that have several names.
var shortNames = map[string]string{"thumbsup": "+1", "thumbsdown": "-1"}

func (c *mattermostChat) react(user string, m fakeserver.Seen, emoji string, on bool) error {
	if short, ok := shortNames[emoji]; ok {
		emoji = short
	}
	if m.To != "" {
		return errWhisper
	}
	if on {
		c.React(user, m.ID, emoji)
	} else {
		c.Unreact(user, m.ID, emoji)
	}
	if c.times() == 2 {
		c.Again()
	}
	return nil
}

func (c *mattermostChat) press(user string, m fakeserver.Seen, b fakeserver.Button) error {
	if err := c.Click(user, m.ID, b.ID); err != nil || c.times() == 1 {
		return err
	}
	return c.CallAgain()
}

func (c *mattermostChat) submit(user, text string) error {
	form := c.Dialog(user)
	if form == nil || len(form.Dialog.Elements) != 1 {
		return errNoForm
	}
	_, err := c.Submit(user, fixed(security), form, map[string]any{form.Dialog.Elements[0].Name: text})
	return err
}

func (c *mattermostChat) twice(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.double = n
}

func (c *mattermostChat) lose(n int) { c.Skip(n) }
func (c *mattermostChat) drop()      { c.Drop() }
func (c *mattermostChat) silence()   { c.Freeze() }

func (c *mattermostChat) again() error {
	c.mu.Lock()
	did := c.did
	c.mu.Unlock()
	if !did {
		return errNothing
	}
	c.Again()
	return nil
}

func (c *mattermostChat) fail(f failure) {
	wait := ""
	if f.after > 0 {
		wait = strconv.Itoa(f.after)
	}
	c.Fail(fakemattermost.Fault{Call: "POST /posts", Status: f.status, RetryAfter: wait, AfterEffect: f.done, Times: f.times})
}

func (c *mattermostChat) mute(channel string, on bool) { c.Mute(channel, on) }

func (c *mattermostChat) remove(channel string, on bool) {
	if on {
		c.Leave(channel, c.people()[botName])
	} else {
		c.Join(channel, c.people()[botName])
	}
}

func (*mattermostChat) limit(bool) error { return errLimits }
