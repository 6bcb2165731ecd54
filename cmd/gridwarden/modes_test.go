package main

import (
	"testing"

	"github.com/gridwarden/gridwarden/bot/bottest"
)

// modes are the platforms in each of their modes, over their fake servers. Every
// transcript and every verdict is the same on all; docs/platforms.md is made
// from that. A new one is a line here.
var modes = []struct {
	name  string
	start func(*testing.T, bottest.Setup) bottest.Bot
}{
	{"memory", inMemory},
	{"console", onConsole},
	{"Mattermost, websocket only", onMattermost},
	{"Slack, Socket Mode", onSlack},
	{"Slack, HTTP", onSlackHTTP},
}
