package main

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

// TestBadInputOnDiscord does what must not work, on the whole program: each time
// the right refusal is recorded, who waits has an answer, and nothing else happens.
func TestBadInputOnDiscord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := onDiscord(t, bottest.Setup{Files: map[string][]byte{"config.yaml": []byte(groupConfig)}}).(*discordBot)
		p := &person{running: b, t: t}
		id, _, card := p.proposes()
		place, bob, alice := b.channel("security"), b.user("bob", bot.Member), b.user("alice", bot.Member)
		b.speaks("alice", alice)
		b.speaks("bob", bob)
		b.server.AddChannel(fakediscord.Channel{ID: "300000009999", Direct: bob})
		talk, _ := b.server.Type(alice, place, "lunch?")
		mention := "<@" + fakediscord.BotUser + "> "
		click := func(user, button string) func() {
			return func() {
				if _, err := b.server.Click(user, card, button); err != nil {
					t.Error(err)
				}
			}
		}
		for _, c := range []struct {
			name string
			act  func()
			code string // of the refusal in the log, "" for none
			who  string // whose it is
			said string // to whom it concerns, "" for nothing
		}{
			{"a command in a direct message", func() { b.server.Invoke(bob, "300000009999", "gridwarden") }, "rejected", bob, "answers in channels of a server only"},
			{"a button that was made up", click(bob, "give me everything"), "rejected", bob, "does not know this button"},
			{"a second look that names no card", click(bob, "sure:x:approve:"+string(id)), "rejected", bob, "does not know this button"},
			{"a command of nobody's", func() { b.server.Invoke(bob, place, "ban") }, "rejected", bob, "does not know this command"},
			{"a value that was never issued", click(bob, "sure:"+card+":drop table"), "refused", "", "not issued by gridwarden"},
			{"an action that never was", click(bob, "sure:"+card+":approve:zzzzzz"), "not-found", "", "no action"},
			{"a press on one's own request", click(alice, "sure:"+card+":approve:"+string(id)), "own-request", "", "asked for"},
			{"another bot's message", func() { b.server.Type(b.user("bob", bot.Bot), place, mention+"approve "+string(id)) }, "standing", "", "takes nothing from bot accounts"},
			{"a webhook's message", func() { b.server.Type(b.user("bob", bot.Bridged), place, mention+"approve "+string(id)) }, "standing", "", "takes nothing from bridged accounts"},
			{"a reaction on any other message", func() { b.server.React(bob, talk, "✅") }, "", "", ""},
			{"a reaction that decides nothing", func() { b.server.React(bob, card, "👀") }, "", "", ""},
			{"talk that is edited into a command", func() { b.server.Rewrite(talk, mention+"approve "+string(id)) }, "", "", ""},
			{"16,384 characters", func() { b.server.Type(bob, place, mention+"trace "+strings.Repeat("x", 16384-len(mention)-6)) }, "usage", "", ""},
		} {
			before := p.refused()
			c.act()
			time.Sleep(5 * time.Second)
			soon, cancel := context.WithTimeout(t.Context(), time.Minute)
			if err := b.Idle(soon); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			cancel()
			for _, r := range p.refusedAs(before, c.name, c.code) {
				if c.who != "" && !strings.HasSuffix(r.Account, b.directory.nameOf(c.who)) {
					t.Errorf("%s: recorded as that of %q", c.name, r.Account)
				}
			}
			if said := b.server.Shown(); c.said != "" && !strings.Contains(said, c.said) {
				t.Errorf("%s: nobody was told %q:\n%s", c.name, c.said, said)
			}
			if a, err := b.journal.Action(t.Context(), id); err != nil || len(a.Votes) > 0 {
				t.Errorf("%s: votes %v, %v", c.name, a.Votes, err)
			}
		}
		if n := b.server.Timeouts(); n > 0 {
			t.Errorf("Discord complained to people %d times", n)
		}

		// A vote under a card whose thread was archived, and what the bot says in it.
		for _, root := range b.threads(place) {
			b.server.Change(root, func(c *fakediscord.Channel) { c.Archived = true })
		}
		b.server.React(bob, card, "✅")
		time.Sleep(10 * time.Second)
		if a, err := b.journal.Action(t.Context(), id); err != nil || len(a.Votes) != 1 {
			t.Errorf("a vote when its thread is archived: %v, %v", a.Votes, err)
		}
		if m := b.server.Message(card); m == nil || !strings.Contains(m.Content, "1 of 2") {
			t.Errorf("the card in an archived thread does not show the vote: %+v", m)
		}

		// The bot is taken out of the server, or its token is revoked, while it runs:
		// it goes on when that is repaired, and nothing that was asked is lost.
		for name, trouble := range map[string]struct{ begin, end func() }{
			"removed":         {func() { b.server.SetMember(false) }, func() { b.server.SetMember(true) }},
			"a revoked token": {func() { b.server.SetToken("another"); b.server.EndSession() }, func() { b.server.SetToken(fakediscord.Token) }},
		} {
			trouble.begin()
			time.Sleep(time.Minute)
			trouble.end()
			answered := func() int { return strings.Count(b.server.Shown(), "You are Bob Baker") }
			n := answered()
			if !b.server.Until(15*time.Minute, b.server.Listening) {
				t.Errorf("%s: it does not listen again", name)
			}
			b.server.Type(bob, place, mention+"whoami")
			for end := time.Now().Add(10 * time.Minute); answered() == n && time.Now().Before(end); {
				time.Sleep(time.Second)
			}
			if answered() == n {
				t.Errorf("%s: nobody is answered afterwards", name)
			}
		}
		if r, err := b.journal.Verify(t.Context()); err != nil || !r.Sound() {
			t.Errorf("%+v, %v", r, err)
		}
	})
}

// threads are the threads of a channel.
func (b *discordBot) threads(channel string) []string {
	var out []string
	for _, m := range b.server.Messages(channel) {
		if c, ok := b.server.Channel(m.ID); ok && c.Parent == channel {
			out = append(out, m.ID)
		}
	}
	return out
}
