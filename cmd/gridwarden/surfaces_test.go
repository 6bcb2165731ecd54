package main

import (
	"strings"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// voice is how people address the bot when they type: as the transcripts do on the
// platform, unless a test says otherwise.
type voice struct{ address string }

// The ways to address it.
const (
	byName  = "@"
	byMark  = "!"
	bySlash = "/"
)

func (v *voice) speakBy(address string) { v.address = address }

// mark is what stands before the command itself.
func (v *voice) mark() string { return strings.TrimPrefix(v.address, byName) }

// The surfaces, as docs/platforms.md calls them.
const (
	onButton   = "button"
	onForm     = "form" // which a button opens, for a reason
	onReaction = "reaction"
	onTaking   = "reaction taken away"
	onTyped    = "typed"
	onMarked   = "!command"
	onSlash    = "slash command"
	onRun      = "run" // of the command line
)

// surfaces are all of them, in the order of the page.
var surfaces = []string{onButton, onForm, onReaction, onTaking, onTyped, onMarked, onSlash, onRun}

// decided is what a person does with a card.
type decided struct {
	id   action.ID
	home bot.Thread // where the card stands
	card string     // the message
}

// by is what a person does by a surface to give a verdict, and how the bot is
// addressed. Slash commands are given in the channel: in threads Slack has none.
func (d decided) by(surface, verdict, reason string) (ev bot.Event, address string) {
	line := strings.TrimSpace(verdict + " " + string(d.id) + " " + reason)
	switch surface {
	case onButton, onForm:
		value := verdict + ":" + string(d.id)
		if reason != "" {
			value += ":" + reason
		}
		return bot.Event{Kind: bot.Clicked, Thread: d.home, Target: d.card, Value: value}, ""
	case onReaction:
		emoji := "white_check_mark"
		if verdict == "deny" {
			emoji = "-1"
		}
		return bot.Event{Kind: bot.Reacted, Thread: d.home, Target: d.card, Value: emoji}, ""
	case onTaking:
		return bot.Event{Kind: bot.Unreacted, Thread: d.home, Target: d.card, Value: "white_check_mark"}, ""
	case onMarked:
		return bot.Event{Kind: bot.Typed, Thread: d.home, Value: line}, byMark
	case onSlash:
		return bot.Event{Kind: bot.Typed, Thread: channel, Value: line}, bySlash
	}
	return bot.Event{Kind: bot.Typed, Thread: d.home, Value: line}, byName
}
