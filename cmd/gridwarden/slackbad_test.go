package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// TestBadInputOnSlack does what must not work, on the whole program in either
// mode: each time the right refusal is recorded, who waits has an answer, and
// nothing else happens.
func TestBadInputOnSlack(t *testing.T) {
	for _, mode := range []struct {
		name   string
		called bool
	}{{"Socket Mode", false}, {"HTTP", true}} {
		t.Run(mode.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { badInput(t, mode.called) })
		})
	}
}

func badInput(t *testing.T, called bool) {
	b := slackIn(t, bottest.Setup{Files: map[string][]byte{"config.yaml": []byte(groupConfig)}}, called)
	p := &person{running: b, t: t}
	id, _, card := p.proposes()
	place, bob, alice := b.channel("security"), b.user("bob", bot.Member), b.user("alice", bot.Member)
	b.speaks("alice", alice)
	b.speaks("bob", bob)
	approve := "approve:" + string(id)
	button := b.server.Button(place, card, approve)
	b.server.AddChannel(fakeslack.Channel{ID: "D1", Direct: true, Private: true, Members: []string{fakeslack.BotUser, bob}})
	b.alias("D1")
	talk, _ := b.server.Type(alice, place, "", "just talk")
	mention := "<@" + fakeslack.BotUser + "> "

	for _, c := range []struct {
		name string
		act  func()
		code string // of the refusal in the log, "" for none
		said string // to whom it concerns, "" for nothing
	}{
		{"a value that was never issued", func() { b.server.Click(bob, place, card, button, "drop table") }, "refused", "not issued by gridwarden"},
		{"an action that never was", func() { b.server.Click(bob, place, card, button, "approve:zzzzzz") }, "not-found", "no action"},
		{"a value that is far too long", func() { b.server.Click(bob, place, card, button, approve+":"+strings.Repeat("x", 70<<10)) }, "refused", "not issued by gridwarden"},
		{"a press on one's own request", func() { b.server.Click(alice, place, card, button, approve) }, "own-request", "asked for"},
		{"a press in a direct message", func() { b.server.Click(bob, "D1", "1.000001", button, approve) }, "channel", "may not be used in this channel"},
		{"a command in a direct message", func() { b.server.Type(bob, "D1", "", "pending") }, "channel", "may not be used in this channel"},
		{"a press of another team", func() {
			b.server.From("T0OTHER")
			b.server.Click(bob, place, card, button, approve)
			b.server.From(fakeslack.Team, fakeslack.Team)
		}, "standing", "takes nothing from outsider accounts"},
		{"a member of another team in a shared channel", func() { b.server.Type(b.user("bob", bot.Outsider), place, "", mention+"approve "+string(id)) }, "standing", "takes nothing from outsider accounts"},
		{"another bot's post", func() { b.server.Type(b.user("bob", bot.Bot), place, "", mention+"approve "+string(id)) }, "standing", "takes nothing from bot accounts"},
		{"a relay's post", func() { b.server.Type(b.user("bob", bot.Bridged), place, "", mention+"approve "+string(id)) }, "standing", "takes nothing from bridged accounts"},
		{"the bot's own post", func() { b.server.Type(fakeslack.BotUser, place, "", mention+"approve "+string(id)) }, "", ""},
		{"a reaction on any other message", func() { b.server.React(bob, place, talk, "white_check_mark") }, "", ""},
		{"a reaction that decides nothing", func() { b.server.React(bob, place, card, "eyes") }, "", ""},
		{"talk that is edited into a command", func() { b.server.Edit(bob, place, talk, mention+"approve "+string(id)) }, "", ""},
		{"16,384 characters", func() { b.server.Type(bob, place, "", mention+"trace "+strings.Repeat("x", 16384-len(mention)-6)) }, "usage", ""},
		{"16,384 characters of nothing", func() { b.server.Type(bob, place, "", mention+strings.Repeat("\u200b", 16384)) }, "usage", ""},
	} {
		before, shown := p.refused(), len(b.server.Messages(place))+len(b.server.Messages("D1"))
		c.act()
		time.Sleep(5 * time.Second)
		soon, cancel := context.WithTimeout(t.Context(), time.Minute)
		if err := b.Idle(soon); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		cancel()
		p.refusedAs(before, c.name, c.code)
		fresh := ""
		for _, m := range append(b.server.Messages(place), b.server.Messages("D1")...) {
			if m.User == fakeslack.BotUser && !strings.HasPrefix(m.Text, "<@") {
				fresh += m.Text + "\n"
			}
		}
		if got := len(b.server.Messages(place)) + len(b.server.Messages("D1")); c.code == "" && c.name[:3] != "the" && got != shown {
			t.Errorf("%s: something was said:\n%s", c.name, fresh)
		}
		if c.said != "" && !strings.Contains(fresh, c.said) {
			t.Errorf("%s: nobody was told %q:\n%s", c.name, c.said, fresh)
		}
		if a, err := b.journal.Action(t.Context(), id); err != nil || len(a.Votes) > 0 {
			t.Errorf("%s: votes %v, %v", c.name, a.Votes, err)
		}
	}

	// Removed from its channel, the bot answers when it is back.
	b.server.AddChannel(fakeslack.Channel{ID: place, Name: "security", Private: true, Members: []string{alice, bob}})
	d := b.server.Slash(bob, place, "/gridwarden", "whoami")
	time.Sleep(30 * time.Second)
	answered := func() bool {
		return slices.ContainsFunc(b.server.Messages(place), func(m fakeslack.Message) bool {
			return strings.Contains(m.Text, "You are Bob Baker") && m.User == fakeslack.BotUser
		})
	}
	if !d.Acknowledged(time.Second) || answered() {
		t.Errorf("acknowledged %t, answered %t in a channel where the bot is not", d.Acknowledged(0), answered())
	}
	b.directory.mu.Lock()
	b.fill("security", place)
	b.directory.mu.Unlock()
	for end := time.Now().Add(5 * time.Minute); !answered() && time.Now().Before(end); {
		time.Sleep(time.Second)
	}
	if !answered() {
		t.Error("the answer was lost")
	}
	if n := b.server.Timeouts(); n > 0 {
		t.Errorf("Slack complained to people %d times", n)
	}
	if r, err := b.journal.Verify(t.Context()); err != nil || !r.Sound() {
		t.Errorf("%+v, %v", r, err)
	}
}
