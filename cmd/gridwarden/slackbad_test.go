package main

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

func badOnSlack(t *testing.T, table *badTable, mode string, called bool) {
	b := slackIn(t, badSetup, called)
	s := siteOf(t, b, &b.screen, b.server.Timeouts, table, mode)
	place, bob, alice := b.channel("security"), b.user("bob", bot.Member), b.user("alice", bot.Member)
	b.speaks("alice", alice)
	b.speaks("bob", bob)
	approve := approveOf(s.card)
	button := b.server.Button(place, s.card.card, approve)
	robot, relay, stranger := b.user("bob", bot.Bot), b.user("bob", bot.Bridged), b.user("bob", bot.Outsider)
	b.server.AddChannel(fakeslack.Channel{ID: "D1", Direct: true, Private: true, Members: []string{fakeslack.BotUser, bob}})
	b.alias("D1")
	talk, _ := b.server.Type(alice, place, "", "just talk")
	mention := "<@" + fakeslack.BotUser + "> "
	vote := mention + "approve " + string(s.card.id)
	s.echo = vote
	asked, _ := b.server.Type(bob, place, "", mention+"whoami")
	s.settle("a question")
	click := func(who, value string) func() {
		return func() { b.server.Click(who, place, s.card.card, button, value) }
	}
	types := func(who, text string) func() { return func() { b.server.Type(who, place, "", text) } }
	elsewhere := func(act func()) func() {
		return func() {
			b.server.From("T0OTHER")
			act()
			b.server.From(fakeslack.Team, fakeslack.Team)
		}
	}
	const outsider = "takes nothing from outsider accounts"

	if called {
		b.badCalls(t, s, click(bob, approve))
	} else {
		s.lacks("the bot opens the connection", badSignature, badReplay, badTime)
	}
	s.tries(
		badInput{what: badTeam, act: elsewhere(click(bob, approve)), code: "standing", of: "bob", said: outsider},
		badInput{what: badTeam, act: elsewhere(func() { b.server.Slash(bob, place, "/gridwarden", "approve "+string(s.card.id)) }), code: "standing", of: "bob", said: outsider},
		badInput{what: badTeam, act: elsewhere(types(bob, vote)), code: "standing", of: "bob", said: outsider},
		badInput{what: badTeam, act: elsewhere(func() { b.server.React(bob, place, s.card.card, "white_check_mark") }), code: "standing", of: "bob", said: outsider},
		badInput{what: badValue, act: click(bob, "drop table"), code: "refused", of: "bob", said: "not issued by gridwarden"},
		badInput{what: badValue, act: click(bob, approve+":"+strings.Repeat("x", 70<<10)), code: "refused", of: "bob", said: "not issued by gridwarden"},
		badInput{what: badAction, act: func() { b.server.Slash(bob, place, "/gridwarden", "approve zzzzzz") }, code: "not-found", of: "bob", said: "no action"},
		badInput{what: badCard, act: click(bob, approveOf(s.other)), code: "refused", of: "bob", said: "not issued by gridwarden for this message"},
		badInput{what: badDirect, act: func() { b.server.Click(bob, "D1", "1.000001", button, approve) }, code: "channel", of: "bob", said: "may not be used in this channel"},
		badInput{what: badDirect, act: func() { b.server.Type(bob, "D1", "", "pending") }, code: "channel", of: "bob", said: "may not be used in this channel"},
		badInput{what: badBot, act: types(robot, vote), code: "standing", of: "bob", said: "takes nothing from bot accounts"},
		badInput{what: badRelay, act: types(relay, vote), code: "standing", of: "bob", said: "takes nothing from bridged accounts"},
		badInput{what: badOutsider, act: types(stranger, vote), code: "standing", of: "bob", said: outsider},
		badInput{what: badEcho, act: types(fakeslack.BotUser, vote)},
		badInput{what: badTalk, act: func() { b.server.Edit(bob, place, talk, vote) }},
		badInput{what: badEdit, act: func() { b.server.Edit(bob, place, asked, vote) }, also: audit.MessageEdited},
		badInput{what: badLong, act: types(bob, long(mention+"trace ", "x")), code: "usage", of: "bob", said: "too long"},
		badInput{what: badInvisible, act: types(bob, long(mention, "\u200b")), code: "usage", of: "bob", said: "Type a command"},
		badInput{what: badMessage, act: func() { b.server.React(bob, place, talk, "white_check_mark") }},
		badInput{what: badReaction, act: func() { b.server.React(bob, place, s.card.card, "eyes") }},
	)
	s.lacks("Slack archives no threads", badArchived)
	old := b.server.Button(place, s.other.card, approveOf(s.other))
	s.tries(s.decidedBefore(func() { b.server.Click(bob, place, s.other.card, old, approveOf(s.other)) }))

	// Removed from its channel, the bot answers when it is back.
	b.server.AddChannel(fakeslack.Channel{ID: place, Name: "security", Private: true, Members: []string{alice, bob}})
	n, d := s.answers(), b.server.Slash(bob, place, "/gridwarden", "whoami")
	time.Sleep(30 * time.Second)
	if !d.Acknowledged(time.Second) || s.answers() > n {
		t.Errorf("%s: acknowledged %t, %d answers in a channel where the bot is not", mode, d.Acknowledged(0), s.answers()-n)
	}
	b.directory.mu.Lock()
	b.fill("security", place)
	b.directory.mu.Unlock()
	if !s.until(5*time.Minute, func() bool { return s.answers() > n }) {
		t.Errorf("%s: the answer was lost", mode)
	}
	table.note(badRemoved, mode, "answered when it is back")

	// Over HTTP Slack calls on, and cannot be asked who it is.
	press := badInput{act: click(bob, approve), complains: true}
	if called {
		press = badInput{act: click(bob, approve), code: "standing", of: "bob", said: "did not say what kind of account"}
	}
	s.revoked(b.server.Revoke, b.server.Restore, types(bob, mention+"whoami"), press)
	s.ends()
}

// badCalls sends the program what is not Slack's, or not now. press is a vote.
func (b *slackBot) badCalls(t *testing.T, s *badSite, press func()) {
	t.Helper()
	signedAs := func(secret string, by time.Duration) func() {
		return func() {
			b.server.ChangeSecret(secret)
			b.server.Skew(by)
			press()
			time.Sleep(time.Second)
			b.server.ChangeSecret(signingSecret)
			b.server.Skew(0)
		}
	}
	place, alice := b.channel("security"), b.user("alice", bot.Member)
	s.tries(
		badInput{what: badSignature, act: signedAs("another-secret-of-32-characters!", 0), code: "rejected", complains: true},
		badInput{what: badTime, act: signedAs(signingSecret, -10*time.Minute), code: "rejected", complains: true},
		badInput{what: badTime, act: signedAs(signingSecret, 10*time.Minute), code: "rejected", complains: true},
	)
	b.server.Click(alice, place, s.card.card, b.server.Button(place, s.card.card, approveOf(s.card)), approveOf(s.card))
	s.settle("a press on one's own request")
	all := b.server.Requests()
	copied := all[len(all)-1]
	s.tries(badInput{what: badReplay, code: "rejected", act: func() {
		r, err := http.NewRequestWithContext(t.Context(), copied.Method, copied.URL, bytes.NewReader(copied.Body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = copied.Header.Clone()
		answer, err := b.caller.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusConflict {
			t.Errorf("a replay is answered with %d", answer.StatusCode)
		}
	}})
}
