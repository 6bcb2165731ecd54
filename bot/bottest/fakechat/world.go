package main

import (
	"context"
	"errors"
	"net"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// The world of every platform: a private channel of a security team, a public
// one where a guest is, too, and a group of people who may approve.
const (
	security = "security"
	lobby    = "lobby"
	group    = "approvers"
	guest    = "guest"
	botName  = "bot"
)

var (
	team      = []string{"alice", "bob", "carol"} // in both channels
	approvers = []string{"bob", "carol"}
)

// What people cannot do.
var (
	errNoForm  = errors.New("no form is open")
	errNothing = errors.New("nothing was delivered yet")
	errWhisper = errors.New("that message is for one person only")
	errLimits  = errors.New("there is no limit but what admins of Mattermost set: use 429 N SECONDS")
)

// chat is a fake of one platform with the world in it.
type chat interface {
	// facts are what a bot has to be told, a line each; address is host and port.
	facts(address string) []string
	// people and channels give ids by names; the bot is among the people.
	people() map[string]string
	channels() map[string]string

	serve(l net.Listener) (stop func())
	// call has the platform call the bot, where it does; what comes of it is said.
	call(ctx context.Context, say func(string))
	watch(tell func(fakeserver.Seen))

	// What people do. Messages and people are given by their ids.
	write(user, channel, root, text string) error
	slash(user, channel, root, text string) error
	react(user string, m fakeserver.Seen, emoji string, on bool) error
	press(user string, m fakeserver.Seen, b fakeserver.Button) error
	submit(user, text string) error

	// What goes wrong, with the next n things.
	twice(n int)
	lose(n int)
	again() error
	drop()
	silence()
	fail(f failure)
	// Hold keeps events back until Release sends them, or Reverse the last one first.
	Hold()
	Release()
	Reverse()
	// mute takes the right to post in a channel from the bot, or gives it back;
	// remove takes the bot out of the channel, or brings it back.
	mute(channel string, on bool)
	remove(channel string, on bool)
	// limit holds the bot to how often the real platform may be asked, or lets it go.
	limit(on bool) error
}

// failure is how the next posts fail.
type failure struct {
	times, status int
	after         int  // seconds, of 429
	done          bool // they are made nevertheless
}
