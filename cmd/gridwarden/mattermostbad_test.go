package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

func badOnMattermost(t *testing.T, table *badTable, mode string, full bool) {
	b := mattermostFor(t, badSetup, full)
	s := siteOf(t, b, &b.screen, func() int { return 0 }, table, mode)
	fake, place, alice, bob, me := b.as.fake, b.as.channel("security"), b.as.user("alice"), b.as.user("bob"), b.as.me
	fake.Join(place, alice)
	fake.Join(place, bob)
	says := func(p *model.Post) func() {
		return func() {
			p.ChannelId = place
			fake.Say(p, 1)
		}
	}
	types := func(who, text string) func() { return says(&model.Post{UserId: who, Message: text}) }
	as := func(standing bot.Standing, act func()) func() {
		return func() {
			restore := b.as.stand(bob, standing)
			act()
			time.Sleep(time.Second)
			restore()
		}
	}
	direct := fake.AddChannel(me.Id+"__"+bob, model.ChannelTypeDirect).Id
	others := fake.AddChannel("elsewhere", model.ChannelTypePrivate)
	b.as.channels["D1"], b.as.channels["elsewhere"], others.TeamId = direct, others.Id, model.NewId() // before anybody is in them
	for _, c := range []string{direct, others.Id} {
		fake.Join(c, bob)
		fake.Join(c, me.Id)
	}
	const mention = "@gridwarden "
	vote := mention + "approve " + string(s.card.id)
	s.echo = vote
	talk := fake.Type(alice, place, "", "just talk", 1).Id
	asked := fake.Type(bob, place, "", mention+"whoami", 1).Id
	s.settle("a question")
	marked := func(prop string) *model.Post {
		p := &model.Post{UserId: bob, Message: vote}
		p.AddProp(prop, "true")
		return p
	}

	if full {
		b.badCalls(t, s)
	} else {
		s.lacks("the bot opens the connection", badSignature, badReplay, badTime)
		s.lacks("it has no buttons", badValue, badCard)
		s.tries(
			badInput{what: badAction, act: types(bob, mention+"approve zzzzzz"), code: "not-found", of: "bob", said: "no action"},
			badInput{what: badDirect, act: func() { fake.Type(bob, direct, "", mention+"pending", 1) }, code: "channel", of: "bob", said: "may not be used in this channel"},
		)
	}
	s.tries(
		badInput{what: badTeam, act: func() { fake.Type(bob, others.Id, "", vote, 1) }, code: "channel", of: "bob", said: "may not be used in this channel"},
		badInput{what: badBot, act: as(bot.Bot, types(bob, vote)), code: "standing", of: "bob", said: "takes nothing from bot accounts"},
		badInput{what: badRelay, act: says(marked("from_webhook")), code: "standing", of: "bob", said: "takes nothing from bot accounts"},
		badInput{what: badRelay, act: says(marked("override_username")), code: "standing", of: "bob", said: "takes nothing from bridged accounts"},
		badInput{what: badRelay, act: says(marked("matterbridge_" + bob)), code: "standing", of: "bob", said: "takes nothing from bridged accounts"},
		badInput{what: badOutsider, act: as(bot.Outsider, types(bob, vote)), code: "standing", of: "bob", said: "takes nothing from outsider accounts"},
		badInput{what: badEcho, act: types(me.Id, vote)},
		badInput{what: badTalk, act: func() { fake.EditAs(talk, vote) }},
		badInput{what: badEdit, act: func() { fake.EditAs(asked, vote) }, also: audit.MessageEdited},
		badInput{what: badLong, act: types(bob, long(mention+"trace ", "x")), code: "usage", of: "bob", said: "too long"},
		badInput{what: badInvisible, act: types(bob, long(mention, "\u200b")), code: "usage", of: "bob", said: "Type a command"},
		badInput{what: badMessage, act: func() { fake.React(bob, talk, "white_check_mark") }},
		badInput{what: badReaction, act: func() { fake.React(bob, s.card.card, "eyes") }},
	)
	s.lacks("Mattermost archives no threads", badArchived)
	if full {
		b.badLater(t, s)
	} else {
		s.tries(s.decidedBefore(types(bob, mention+"approve "+string(s.other.id))))
		fake.Leave(place, me.Id)
		types(bob, mention+"whoami")()
		time.Sleep(time.Minute)
		fake.Join(place, me.Id)
		table.note(badRemoved, mode, "nothing; goes on when it is back")
	}
	s.goesOn("a removal", types(bob, mention+"whoami"))
	press := badInput{act: func() {}}
	if full {
		press = badInput{act: func() { b.presses(t, s.card, bob, "approve") }, code: "rejected", said: "nothing was done"}
	}
	s.revoked(func() { fake.Revoke(mattermostToken) }, func() { fake.Grant(me.Id, mattermostToken) }, types(bob, mention+"whoami"), press)
	s.ends()
}

// callbackBase is where the server calls.
const callbackBase = "http://bot.example.org/mattermost/grid"

// carries is what the server keeps of the approval of a card.
func (b *mattermostBot) carries(d decided) map[string]any {
	return b.as.fake.Carries(d.card, b.as.fake.Button(d.card, "approve")).Context
}

// presses has somebody press a button of a card.
func (b *mattermostBot) presses(t *testing.T, d decided, who, word string) {
	t.Helper()
	if err := b.as.fake.Click(who, d.card, b.as.fake.Button(d.card, word)); err != nil {
		t.Error(err)
	}
}

// called sends what somebody makes up to an address of the callbacks, and gives the answer.
func (b *mattermostBot) called(t *testing.T, path, media string, body []byte) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, callbackBase+path, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", media)
	answer, err := b.caller.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%d %s %v", answer.StatusCode, text, err)
	}
	return string(text)
}

// pressed is called for a press, which must be answered so that nothing was done.
func (b *mattermostBot) pressed(t *testing.T, r model.PostActionIntegrationRequest) {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if got := b.called(t, "/action", "application/json", data); !strings.Contains(got, "nothing was done") {
		t.Errorf("the answer: %s", got)
	}
}

// badCalls sends the program what is not the server's, or not so.
func (b *mattermostBot) badCalls(t *testing.T, s *badSite) {
	t.Helper()
	fake, place, alice, bob := b.as.fake, b.as.channel("security"), b.as.user("alice"), b.as.user("bob")
	carried := b.carries(s.card)
	press := func(change func(*model.PostActionIntegrationRequest)) func() {
		return func() {
			r := model.PostActionIntegrationRequest{UserId: bob, ChannelId: place, PostId: s.card.card, TriggerId: fake.Trigger(bob), Context: carried}
			change(&r)
			b.pressed(t, r)
		}
	}
	commands := func(user, channel, line string) func() {
		return func() {
			if err := fake.Command(user, channel, "", line); err != nil {
				t.Error(err)
			}
		}
	}
	bait := &model.Post{UserId: alice, ChannelId: place, Message: "Lunch?"}
	bait.AddProp("attachments", []any{map[string]any{"actions": []any{map[string]any{
		"id": "yes", "type": "button", "name": "Yes", "integration": map[string]any{"url": callbackBase + "/action", "context": map[string]any{"gridwarden": approveOf(s.card)}},
	}}}})
	lunch := fake.Say(bait, 1).Id
	fake.AddCommand("foreign", callbackBase+"/command")
	old := fake.Trigger(bob)
	b.presses(t, s.card, alice, "approve")
	s.settle("a press on one's own request")
	copied := fake.Outgoing()

	s.tries(
		badInput{what: badSignature, act: press(func(r *model.PostActionIntegrationRequest) { r.TriggerId = "" }), code: "rejected", answered: true},
		badInput{what: badSignature, act: press(func(r *model.PostActionIntegrationRequest) { r.TriggerId = fake.Trigger(alice) }), code: "rejected", answered: true},
		badInput{what: badReplay, act: func() { // the same event: it counted, or was refused, before
			b.called(t, "/action", "application/json", copied[len(copied)-1].Body)
		}},
		badInput{what: badTeam, act: commands(bob, place, "/foreign approve "+string(s.card.id)), code: "rejected", said: "token is not one that gridwarden knows"},
		badInput{what: badTeam, act: func() {
			commands(bob, place, "/gridwarden whoami")()
			all := fake.Outgoing()
			form, err := url.ParseQuery(string(all[len(all)-1].Body))
			if err != nil {
				t.Fatal(err)
			}
			form.Set("team_id", model.NewId())
			if got := b.called(t, "/command", "application/x-www-form-urlencoded", []byte(form.Encode())); !strings.Contains(got, "belongs to another team") {
				t.Errorf("the answer: %s", got)
			}
		}, code: "rejected", said: "You are Bob Baker", answered: true},
		badInput{what: badValue, act: func() {
			if err := fake.Click(bob, lunch, "yes"); err != nil {
				t.Error(err)
			}
		}, code: "rejected", of: "bob", said: "not issued by gridwarden"},
		badInput{what: badAction, act: commands(bob, place, "/gridwarden approve zzzzzz"), code: "not-found", of: "bob", said: "no action"},
		badInput{what: badCard, act: press(func(r *model.PostActionIntegrationRequest) { r.PostId = s.other.card }), code: "rejected", of: "bob", answered: true},
		badInput{what: badDirect, act: commands(bob, b.as.channels["D1"], "/gridwarden pending"), code: "channel", of: "bob", said: "may not be used in this channel"},
	)
	time.Sleep(10 * time.Minute)
	s.tries(badInput{what: badTime, act: press(func(r *model.PostActionIntegrationRequest) { r.TriggerId = old }), code: "rejected", answered: true})
}

// badLater decides the second action, and removes the bot from the channel.
func (b *mattermostBot) badLater(t *testing.T, s *badSite) {
	t.Helper()
	fake, place, bob := b.as.fake, b.as.channel("security"), b.as.user("bob")
	carried, button := b.carries(s.other), fake.Button(s.other.card, "approve")
	late := s.decidedBefore(func() {
		var r *fakemattermost.Refusal
		if err := fake.Click(bob, s.other.card, button); !errors.As(err, &r) || r.Status != http.StatusNotFound {
			t.Errorf("%v; want the server's own refusal", err)
		}
		// Even if the server still had the button: the post does not show it.
		b.pressed(t, model.PostActionIntegrationRequest{UserId: bob, ChannelId: place, PostId: s.other.card, TriggerId: fake.Trigger(bob), Context: carried})
	})
	late.code, late.said, late.answered = "rejected", "", true
	s.tries(late)
	fake.Leave(place, b.as.me.Id)
	s.tries(badInput{what: badRemoved, act: func() {
		if err := fake.Command(bob, place, "", "/gridwarden bans"); err != nil {
			t.Error(err)
		}
	}, code: "rejected", of: "bob", said: "not a member of this channel"})
	fake.Join(place, b.as.me.Id)
}
