package main

import (
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
)

func badOnDiscord(t *testing.T, table *badTable, mode string) {
	b := onDiscord(t, badSetup).(*discordBot)
	s := siteOf(t, b, &b.screen, b.server.Timeouts, table, mode)
	place, bob, alice := b.channel("security"), b.user("bob", bot.Member), b.user("alice", bot.Member)
	b.speaks("alice", alice)
	b.speaks("bob", bob)
	const direct, elsewhere = "300000009999", "300000008888"
	b.server.AddChannel(fakediscord.Channel{ID: direct, Direct: bob})
	b.server.AddChannel(fakediscord.Channel{ID: elsewhere, Elsewhere: true})
	talk, _ := b.server.Type(alice, place, "lunch?")
	mention := "<@" + fakediscord.BotUser + "> "
	vote := mention + "approve " + string(s.card.id)
	s.echo = vote
	asked, _ := b.server.Type(bob, place, mention+"whoami")
	s.settle("a question")
	click := func(card, button string) func() {
		return func() {
			if _, err := b.server.Click(bob, card, button); err != nil {
				t.Error(err)
			}
		}
	}
	types := func(who, text string) func() { return func() { b.server.Type(who, place, text) } }
	s.lacks("the bot opens the connection", badSignature, badReplay, badTime)
	s.tries(
		badInput{what: badTeam, act: func() { b.server.Type(bob, elsewhere, vote) }},
		badInput{what: badTeam, act: func() { b.server.Invoke(bob, elsewhere, "gridwarden") }, code: "rejected", of: "bob", said: "does not work for this server"},
		badInput{what: badValue, act: click(s.card.card, "give me everything"), code: "rejected", of: "bob", said: "does not know this button"},
		badInput{what: badValue, act: click(s.card.card, "sure:x:"+approveOf(s.card)), code: "rejected", of: "bob", said: "does not know this button"},
		badInput{what: badValue, act: func() { b.server.Invoke(bob, place, "ban") }, code: "rejected", of: "bob", said: "does not know this command"},
		badInput{what: badValue, act: click(s.card.card, "sure:"+s.card.card+":drop table"), code: "refused", of: "bob", said: "not issued by gridwarden"},
		badInput{what: badAction, act: func() {
			if _, err := b.server.Slash(bob, place, []string{"gridwarden", "approve"}, "zzzzzz"); err != nil {
				t.Error(err)
			}
		}, code: "not-found", of: "bob", said: "no action"},
		badInput{what: badCard, act: click(s.card.card, "sure:"+s.card.card+":"+approveOf(s.other)), code: "refused", of: "bob", said: "not issued by gridwarden for this message"},
		badInput{what: badDirect, act: func() { b.server.Invoke(bob, direct, "gridwarden") }, code: "rejected", of: "bob", said: "answers in channels of a server only"},
		badInput{what: badBot, act: types(b.user("bob", bot.Bot), vote), code: "standing", of: "bob", said: "takes nothing from bot accounts"},
		badInput{what: badRelay, act: types(b.user("bob", bot.Bridged), vote), code: "standing", of: "bob", said: "takes nothing from bridged accounts"},
		badInput{what: badOutsider, act: types(b.user("bob", bot.Outsider), vote), code: "standing", of: "bob", said: "takes nothing from outsider accounts"},
		badInput{what: badEcho, act: types(fakediscord.BotUser, vote)},
		badInput{what: badTalk, act: func() { b.server.Rewrite(talk, vote) }},
		badInput{what: badEdit, act: func() { b.server.Rewrite(asked, vote) }, also: audit.MessageEdited},
		badInput{what: badLong, act: types(bob, long(mention+"trace ", "x")), code: "usage", of: "bob", said: "too long"},
		badInput{what: badInvisible, act: types(bob, long(mention, "\u200b")), code: "usage", of: "bob", said: "Type a command"},
		badInput{what: badMessage, act: func() { b.server.React(bob, talk, "✅") }},
		badInput{what: badReaction, act: func() { b.server.React(bob, s.card.card, "👀") }},
	)
	s.tries(s.decidedBefore(click(s.other.card, "sure:"+s.other.card+":"+approveOf(s.other))))

	// A vote under a card whose thread was archived, and what the bot says in it.
	for _, root := range b.threads(place) {
		b.server.Change(root, func(c *fakediscord.Channel) { c.Archived = true })
	}
	b.server.React(bob, s.card.card, "✅")
	time.Sleep(10 * time.Second)
	if a := s.action(s.card.id); len(a.Votes) != 1 {
		t.Errorf("a vote when its thread is archived: %v", a.Votes)
	}
	if m := b.server.Message(s.card.card); m == nil || !strings.Contains(m.Content, "1 of 2") {
		t.Errorf("the card in an archived thread does not show the vote: %+v", m)
	}
	table.note(badArchived, mode, "counts, and is opened")

	// The bot is taken out of the server for a minute.
	whoami := func() { b.server.Type(bob, place, mention+"whoami") }
	b.server.SetMember(false)
	time.Sleep(time.Minute)
	b.server.SetMember(true)
	s.goesOn("a removal", whoami)
	table.note(badRemoved, mode, "goes on when it is back")

	s.revoked(func() { b.server.SetToken("another"); b.server.EndSession() }, func() { b.server.SetToken(fakediscord.Token) }, whoami,
		badInput{act: func() { b.server.Invoke(alice, place, "gridwarden") }, complains: true})
	s.ends()
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
