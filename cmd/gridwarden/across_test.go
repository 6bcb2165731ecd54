package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/bot/slack"
	"github.com/gridwarden/gridwarden/config"
)

// hall is the program on four platforms at once, with a team that is spread over
// them: alice on Mattermost, bob on Slack and carol on Discord. Each has a security
// channel, which shows all cards; bob is on Discord too, and both are in the room.
type hall struct {
	*app
	t          *testing.T
	mattermost *fakemattermost.Server
	slack      *fakeslack.Server
	discord    *fakediscord.Server
	room       *bottest.Memory
	alice      string // her id on Mattermost
	channel    string // the id of Mattermost's channel
	n          int
	wired      chan struct{} // closed when the program is there, whose commands are registered
}

// People and the security channel of the hall on Discord.
const (
	discordBob, discordCarol = "200000000000000002", "200000000000000003"
	discordSecurity          = "300000000000000001"
)

const hallConfig = `
journal: {sqlite: gridwarden.db}
platforms:
  mattermost: [{name: grid, url: "http://localhost", team: grid, token_file: mattermost.token}]
  slack: [{name: grid, app_token_file: app.token, bot_token_file: bot.token}]
  discord: [{name: grid, guild: "100000000000000001", token_file: discord.token}]
people:
  - {id: alice, name: Alice Adams, institute: CERN, roles: [shifter, admin], accounts: [mattermost/grid/ALICE]}
  - {id: bob, name: Bob Baker, institute: KIT, roles: [atlas-security], accounts: [slack/grid/UBOB, discord/grid/200000000000000002, console/bob]}
  - {id: carol, name: Carol Chen, institute: BNL, roles: [atlas-security], accounts: [discord/grid/200000000000000003, console/carol]}
policies:
  ban: {approvals: [{role: atlas-security, count: 2}], expires: 4h, start_by: 30m}
channels:
  - {platform: mattermost, workspace: grid, name: security, commands: [all], personal_data: true, cards: true}
  - {platform: slack, workspace: grid, name: CSEC, commands: [all], personal_data: true, cards: true}
  - {platform: discord, workspace: grid, name: "300000000000000001", commands: [all], personal_data: true, cards: true}
  - {platform: console, name: security, commands: [all], personal_data: true, cards: true}
security_channel: slack/grid/CSEC
backends:
  sandbox: {speed: 300}
`

func inHall(t *testing.T) *hall {
	t.Helper()
	return inFullHall(t, 0)
}

// voter is one of the people of a full hall, on Slack.
func voter(n int) string { return fmt.Sprintf("UV%02d", n) }

// roleOf is the role of one of them.
func roleOf(n int) string {
	if n%6 == 0 {
		return "atlas-security"
	}
	return fmt.Sprintf("security-%d", n%6)
}

// inFullHall has so many people more who may approve, on Slack, by one of six roles,
// and a policy that asks for all of them.
func inFullHall(t *testing.T, voters int) *hall {
	t.Helper()
	text := hallConfig
	if voters > 0 {
		needs := fmt.Sprintf("count: %d}", (voters+5)/6)
		for n := 1; n < 6; n++ {
			needs += fmt.Sprintf(", {role: %s, count: %d}", roleOf(n), (voters+5-n)/6)
		}
		text = strings.Replace(text, "count: 2}", needs, 1)
	}
	time.Sleep(time.Until(time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC))) // Discord counts from 2015
	dir := t.TempDir()
	for name, token := range map[string]string{"mattermost": mattermostToken, "app": fakeslack.AppToken, "bot": fakeslack.BotToken, "discord": fakediscord.Token} {
		if err := os.WriteFile(filepath.Join(dir, name+".token"), []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	h := &hall{t: t, mattermost: fakemattermost.New(), slack: fakeslack.New(), discord: fakediscord.New(), room: bottest.NewMemory("console"), wired: make(chan struct{})}
	me := h.mattermost.AddBot("gridwarden", mattermostToken)
	alice := h.mattermost.AddUser("alice")
	h.alice = alice.Id
	h.channel = h.mattermost.AddChannel("security", model.ChannelTypePrivate, me, alice).Id
	h.slack.AddUser(fakeslack.User{ID: "UBOB", Name: "bob"})
	h.slack.AddUser(fakeslack.User{ID: "UNEW", Name: "newcomer"})
	members := []string{fakeslack.BotUser, "UBOB", "UNEW"}
	for n := range voters {
		id := voter(n)
		h.slack.AddUser(fakeslack.User{ID: id, Name: id})
		members = append(members, id)
		person := fmt.Sprintf("people:\n  - {id: v%d, institute: KIT, roles: [%s], accounts: [slack/grid/%s]}", n, roleOf(n), id)
		text = strings.Replace(text, "people:", person, 1)
	}
	h.slack.AddChannel(fakeslack.Channel{ID: "CSEC", Private: true, Members: members})
	h.discord.AddUser(fakediscord.User{ID: discordBob, Name: "bob"})
	h.discord.AddUser(fakediscord.User{ID: discordCarol, Name: "carol"})
	h.discord.AddChannel(fakediscord.Channel{ID: discordSecurity, Name: "security", Private: true})
	wire, other := fakeserver.NewWire(), fakeserver.NewWire()
	t.Cleanup(h.slack.Serve(wire))
	t.Cleanup(h.discord.Serve(other))
	cfg, err := config.Parse(filepath.Join(dir, "gridwarden.yaml"), []byte(strings.Replace(text, "ALICE", h.alice, 1)), dir)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mattermost.New(cfg.Platforms.Mattermost, mattermost.Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), Dial: h.mattermost.Serve(t), Channels: func(string) []string { return []string{"security"} },
		Commands: func() []string { return h.commands }, Accounts: func(person string) []string { return h.accounts(person) },
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := slack.New(cfg.Platforms.Slack, slack.Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://slack.fake/api/", Dial: wire.Dial,
		Commands: func() []string { return h.commands }, Accounts: func(person string) []string { return h.accounts(person) },
	})
	if err != nil {
		t.Fatal(err)
	}
	d, err := discord.New(cfg.Platforms.Discord, discord.Options{
		Log: slog.New(slog.NewTextHandler(t.Output(), nil)), API: "http://discord.fake/", Dial: other.Dial,
		Commands: func() []discord.Command {
			<-h.wired
			return h.described
		},
		Accounts: func(person string) []string { return h.accounts(person) },
	})
	if err != nil {
		t.Fatal(err)
	}
	h.app = runOn(t, cfg, m, s, d, h.room)
	close(h.wired)
	for up := false; !up; time.Sleep(time.Millisecond) {
		one, _ := m.Connection()
		two, _ := s.Connection()
		up = one && two && h.discord.Listening()
	}
	return h
}

// rest lets what is on its way arrive, and waits until nothing is left to do.
func (h *hall) rest() {
	h.t.Helper()
	time.Sleep(5 * time.Second)
	soon, cancel := context.WithTimeout(h.t.Context(), 10*time.Minute)
	defer cancel()
	if err := h.engine.Idle(soon); err != nil {
		h.t.Fatal(err)
	}
}

// roomy is what somebody does in the room.
func (h *hall) roomy(who string, ev bot.Event) {
	h.t.Helper()
	h.n++
	ev.ID, ev.At, ev.Account = fmt.Sprintf("hall%d", h.n), time.Now().UTC(), account(who, bot.Member)
	if ev.Thread == (bot.Thread{}) {
		ev.Thread = channel
	}
	if ev.Kind == bot.Typed {
		ev.Message = h.room.NewID(ev.Thread)
	}
	if err := h.room.Send(h.t.Context(), ev); err != nil {
		h.t.Fatal(err)
	}
}

// asks has alice ask for a ban on Mattermost, and returns the action.
func (h *hall) asks() action.ID {
	h.t.Helper()
	h.mattermost.Type(h.alice, h.channel, "", `@gridwarden ban "Naughty User" cryptominer`, 1)
	h.rest()
	open, err := h.journal.OpenActions(h.t.Context())
	if err != nil || len(open) != 1 {
		h.t.Fatalf("not one proposal: %+v %v", open, err)
	}
	return open[0].ID
}

// card finds the card of an action on a platform: the thread and the message.
func (h *hall) card(id action.ID, platform string) (bot.Thread, string) {
	h.t.Helper()
	cards, err := h.journal.CardMessages(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	for room, shown := range cards {
		if at, err := bot.ParseThread(room); err == nil && at.Platform == platform && shown.Message != "" {
			return at, shown.Message
		}
	}
	h.t.Fatalf("no card on %s: %v", platform, cards)
	return bot.Thread{}, ""
}

// cards are the texts of the cards of an action as people see them now, by platform.
func (h *hall) cards(id action.ID) map[string]string {
	h.t.Helper()
	out := map[string]string{}
	_, post := h.card(id, mattermost.Name)
	for _, p := range h.mattermost.Posts() {
		if p.Id == post {
			out[mattermost.Name] = p.Message
			for _, a := range p.Attachments() {
				out[mattermost.Name] += "\n" + a.Text
			}
		}
	}
	_, ts := h.card(id, slack.Name)
	for _, m := range h.slack.Messages("CSEC") {
		if m.TS == ts {
			_, out[slack.Name], _ = fakeslack.Inspect(m.Blocks)
		}
	}
	_, ours := h.card(id, discord.Name)
	out[discord.Name], _ = fakediscord.Show(h.discord.Message(ours).Content)
	_, message := h.card(id, "console")
	for _, s := range h.room.Said() {
		if s.ID == message {
			out["console"] = strings.Join(bottest.Lines(s.Message), "\n")
		}
	}
	return out
}

// TestOneCaseInSeveralChats asks for a ban on Mattermost and has it approved by
// one person on Slack and by one on Discord. Every chat shows the card, and where
// each vote came from; one person is one vote, wherever; it runs once.
func TestOneCaseInSeveralChats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := inHall(t)
		id := h.asks()
		shows := func(wants ...string) {
			t.Helper()
			for platform, text := range h.cards(id) {
				text = strings.NewReplacer(`\`, "", "*", "", "`", "", "\u200b", "").Replace(text) // as it is shown
				for _, want := range wants {
					if !strings.Contains(text, want) {
						t.Errorf("the card on %s does not show %q:\n%s", platform, want, text)
					}
				}
			}
		}
		if n := len(h.cards(id)); n != 4 {
			t.Fatalf("%d cards; want one in each chat", n)
		}
		shows("waits for approval", "approvals: 0 of 2")

		_, ts := h.card(id, slack.Name)
		h.slack.Click("UBOB", "CSEC", ts, h.slack.Button("CSEC", ts, "approve:"+string(id)), "approve:"+string(id))
		h.rest()
		shows("approved by bob by button at", "(slack/grid/UBOB)", "approvals: 1 of 2")

		_, message := h.card(id, discord.Name)
		h.discord.React(discordBob, message, "👍") // from his other account
		h.rest()
		if a, err := h.journal.Action(t.Context(), id); err != nil || len(a.Votes) != 1 {
			t.Errorf("one person in two chats: votes %+v, %v", a.Votes, err)
		}
		shows("approvals: 1 of 2")
		h.approvesOnDiscord(discordCarol, message, id)
		h.rest()
		time.Sleep(time.Minute) // the front ends know, and it was looked at
		h.rest()
		shows("(slack/grid/UBOB)", "approved by carol by button at", "(discord/grid/"+discordCarol+")", "settled, complete")
		a, err := h.journal.Action(t.Context(), id)
		if err != nil || a.State != action.Settled || len(a.Steps) != 1 || len(a.Votes) != 2 {
			t.Errorf("%s after %d steps with %d votes, %v", a.State, len(a.Steps), len(a.Votes), err)
		}
		for _, m := range h.slack.Messages("CSEC") {
			if m.TS == ts && h.slack.Button("CSEC", ts, "approve:"+string(id)) != "" {
				t.Error("the buttons are still there")
			}
		}
		if h.discord.Button(message, "", ":approve:"+string(id)) != "" {
			t.Error("the buttons are still there on Discord")
		}
	})
}

// approvesOnDiscord has somebody press the card's button, and say yes when asked again.
func (h *hall) approvesOnDiscord(who, card string, id action.ID) {
	h.t.Helper()
	value := "approve:" + string(id)
	i, err := h.discord.Click(who, card, h.discord.Button(card, "", ":"+value))
	if err != nil || !i.Answered(time.Minute) {
		h.t.Fatalf("the press is not answered: %v", err)
	}
	again := i.Answer().ID
	if _, err := h.discord.Click(who, again, h.discord.Button(again, "sure:", value)); err != nil {
		h.t.Fatal(err)
	}
}

// TestACardStorm has fifty votes in a second, of one person who changes his mind and
// of fifty people: each is counted or refused, the card is changed five times at most
// in every chat and is right in the end.
func TestACardStorm(t *testing.T) {
	for _, people := range []int{0, 50} {
		t.Run(fmt.Sprintf("%d more people", people), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { cardStorm(t, people) })
		})
	}
}

func cardStorm(t *testing.T, people int) {
	voters := 0
	if people > 0 {
		voters = people + 1 // one does not vote
	}
	h := inFullHall(t, voters)
	id := h.asks()
	_, ts := h.card(id, slack.Name)
	_, post := h.card(id, mattermost.Name)
	chats := []string{slack.Name, mattermost.Name, discord.Name}
	before := map[string]int{}
	for _, chat := range chats {
		before[chat] = h.edits(chat, ts, post)
	}
	began := time.Now()
	for n := range 50 {
		switch {
		case people > 0:
			h.slack.React(voter(n), "CSEC", ts, "+1")
		case n%2 == 0:
			h.slack.React("UBOB", "CSEC", ts, "+1")
		default:
			h.slack.Unreact("UBOB", "CSEC", ts, "+1")
		}
		time.Sleep(20 * time.Millisecond)
	}
	h.slack.React("UBOB", "CSEC", ts, "+1")
	if took := time.Since(began); took > 1100*time.Millisecond {
		t.Fatalf("the storm took %s", took)
	}
	h.rest()
	for _, chat := range chats {
		if n := h.edits(chat, ts, post) - before[chat]; n > 5 || n == 0 {
			t.Errorf("%d edits of the card on %s; want 1 to 5", n, chat)
		}
	}
	a, err := h.journal.Action(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if people > 0 && len(a.Votes) != people+1 {
		t.Errorf("%d votes of %d people", len(a.Votes), people+1)
	}
	want, _, _ := strings.Cut("approvals: "+a.Standing().String(), " ·")
	for platform, text := range h.cards(id) {
		if !strings.Contains(text, want) {
			t.Errorf("the card on %s is not right in the end, want %q:\n%s", platform, want, text)
		}
	}
}

// edits counts how often the card was changed.
func (h *hall) edits(chat, ts, post string) int {
	switch chat {
	case mattermost.Name:
		return h.mattermost.Calls("PUT /posts/{id}/patch")
	case discord.Name:
		return len(h.discord.Calls("message.edit"))
	}
	for _, m := range h.slack.Messages("CSEC") {
		if m.TS == ts {
			return m.Edits
		}
	}
	return 0
}

// TestAnAccountIsLinkedByACode has bob get a code on Slack and say it from an
// account that nobody knew: it is his from then on, for what is proposed later.
func TestAnAccountIsLinkedByACode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := inHall(t)
		before := h.asks()
		says := func(who, text string) {
			t.Helper()
			h.roomy(who, bot.Event{Kind: bot.Typed, Value: text})
			h.rest()
		}
		owner := func(account string) action.PersonID {
			p, _ := h.people.PersonOf(account)
			return p
		}
		code := func() string {
			t.Helper()
			h.slack.Slash("UBOB", "CSEC", "/gridwarden", "link code")
			h.rest()
			found := ""
			for _, m := range h.slack.Messages("CSEC") {
				if m.To != "UBOB" && strings.Contains(m.Text, "link use ") {
					t.Errorf("others can read the code: %s", m.Text)
				}
				if _, after, ok := strings.Cut(m.Text, "link use "); ok {
					found, _, _ = strings.Cut(after, " ")
				}
			}
			if !strings.HasPrefix(found, "bob-") {
				t.Fatalf("no code but %q", found)
			}
			return found
		}
		says("newbob", "whoami")
		says("newbob", "link use bob-aaaaaaaaaaaa")
		old := code()
		good := code()
		says("newbob", "link use "+old) // another took its place
		time.Sleep(11 * time.Minute)
		says("newbob", "link use "+good) // too late
		if got := owner("console/newbob"); got != "" {
			t.Fatalf("linked to %s", got)
		}
		good = code()
		says("newbob", "ban x y")
		says("newbob", "Link use "+strings.ToUpper(good))
		if got := owner("console/newbob"); got != "bob" {
			t.Fatalf("linked to %q", got)
		}
		says("thief", "link use "+good) // which was used
		says("carol", "link use "+good)
		if owner("console/thief") != "" || owner("console/carol") != "carol" {
			t.Error("a code was used twice")
		}
		votes := func(id action.ID, want int) {
			t.Helper()
			if a, err := h.journal.Action(t.Context(), id); err != nil || len(a.Votes) != want {
				t.Errorf("votes %+v, %v; want %d", a.Votes, err, want)
			}
		}
		says("newbob", "approve "+string(before))
		votes(before, 0)
		h.mattermost.Type(h.alice, h.channel, "", "@gridwarden withdraw "+string(before), 1)
		h.rest()
		id := h.asks()
		says("newbob", "approve "+string(id))
		says("bob", "approve "+string(id))
		votes(id, 1)

		linked := 0
		records, err := h.journal.Records(t.Context(), bot.RecordFilter{})
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			if r.Kind == audit.AccountLinked && r.Account == "console/newbob" {
				linked++
			}
			if strings.Contains(string(r.Body), good) && strings.Contains(string(r.Body), "Type") {
				t.Errorf("an unused code is in the audit log: %s", r.Body)
			}
		}
		if linked != 1 {
			t.Errorf("%d records of a linked account", linked)
		}
		if !strings.Contains(h.slack.Shown(), "linked the account console/newbob to bob") {
			t.Error("the security channel was not told")
		}
	})
}
