package main

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/bot/slack"
)

// TestAGuestComesIntoOneOfSeveralChats has somebody from outside come to read one
// chat's channel while an action is open. The card there hides whom it is about
// from its next change on, and the cards elsewhere show it; when he is gone it is
// shown again.
func TestAGuestComesIntoOneOfSeveralChats(t *testing.T) {
	comes := map[string]func(h *hall, in bool){
		mattermost.Name: func(h *hall, in bool) {
			if !in {
				h.mattermost.Change(h.alice, func(u *model.User) { u.Roles = model.SystemUserRoleId })
				return
			}
			h.mattermost.Change(h.alice, func(u *model.User) { u.Roles = model.SystemGuestRoleId })
		},
		slack.Name: func(h *hall, in bool) { h.slack.Connect("CSEC", in) },
		discord.Name: func(h *hall, in bool) {
			h.discord.Change(discordSecurity, func(c *fakediscord.Channel) { c.Private = !in })
		},
	}
	for chat, stranger := range comes {
		t.Run(chat, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := inHall(t)
				id := h.asks()
				// round has the card change, and looks who shows whom it is about.
				round := func(line string, hidden bool) {
					t.Helper()
					h.roomy("carol", bot.Event{Kind: bot.Typed, Value: line})
					h.rest()
					for platform, text := range h.cards(id) {
						hides := hidden && platform == chat
						if strings.Contains(text, "Naughty User") == hides || strings.Contains(text, "Personal data withheld") != hides {
							t.Errorf("after %q the card on %s: %s", line, platform, text)
						}
					}
				}
				stranger(h, true)
				round("approve "+string(id), true)
				stranger(h, false)
				round("withdraw "+string(id), false)
			})
		})
	}
}
