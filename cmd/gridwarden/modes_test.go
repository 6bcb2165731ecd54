package main

import (
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// modes are the platforms in each of their modes, over their fake servers. Every
// transcript and every verdict is the same on all; docs/platforms.md is made
// from that. A new one is a line here.
var modes = []mode{
	{"memory", inMemory, always},
	{"console", onConsole, tells},
	{"Mattermost, full", onMattermostFull, relaysOnlySpeak},
	{"Mattermost, websocket only", onMattermost, relaysOnlySpeak},
	{"Slack, Socket Mode", onSlack, tells},
	{"Slack, HTTP", onSlackHTTP, tells},
	{"Discord", onDiscord, onlyMembersPress},
}

// mode is one way in which the program talks with people.
type mode struct {
	name  string
	start func(*testing.T, bottest.Setup) bottest.Bot
	// can reports whether such an account can act by a surface.
	can func(surface string, who bot.Account) bool
}

func always(string, bot.Account) bool { return true }

// tells is of platforms that always tell what an account is, after a while.
func tells(_ string, who bot.Account) bool { return who.Standing != "" }

func speaks(surface string) bool { return surface == onTyped || surface == onMarked }

// relaysOnlySpeak is of platforms on which who comes over a relay is known by
// what it says only.
func relaysOnlySpeak(surface string, who bot.Account) bool {
	return tells(surface, who) && (who.Standing != bot.Bridged || speaks(surface))
}

// onlyMembersPress is of Discord: webhooks only speak, and of somebody who has left
// the server meanwhile comes what he said and put before, and no interaction.
func onlyMembersPress(surface string, who bot.Account) bool {
	left := who.Standing == bot.Outsider && (speaks(surface) || surface == onReaction || surface == onTaking)
	return relaysOnlySpeak(surface, who) && (who.Standing != bot.Outsider || left)
}
