package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest/fakediscord"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
	"github.com/gridwarden/gridwarden/bot/discord"
	"github.com/gridwarden/gridwarden/bot/mattermost"
	"github.com/gridwarden/gridwarden/bot/slack"
)

func (h *hall) action(id action.ID) action.Action {
	h.t.Helper()
	a, err := h.journal.Action(h.t.Context(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

// TestAWithdrawalThatOneChatLost has bob approve by a reaction in one chat and take it
// back without that chat telling of it. Carol's vote in another chat is the last: it
// does not run.
func TestAWithdrawalThatOneChatLost(t *testing.T) {
	for _, chat := range []string{slack.Name, discord.Name} {
		t.Run(chat, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := inHall(t)
				h.slack.Retries = nil // what is lost comes no more
				id := h.asks()
				_, ts := h.card(id, slack.Name)
				_, message := h.card(id, discord.Name)
				if chat == slack.Name {
					h.slack.React("UBOB", "CSEC", ts, "+1")
					h.rest()
					h.slack.Lose(1)
					h.slack.Lose(1)
					h.slack.Unreact("UBOB", "CSEC", ts, "+1")
				} else {
					h.discord.React(discordBob, message, "👍")
					h.rest()
					h.discord.Lose(1)
					h.discord.Unreact(discordBob, message, "👍")
				}
				h.rest()
				if a := h.action(id); len(a.Votes) != 1 {
					t.Fatalf("the loss of the withdrawal was noticed: %+v", a.Votes)
				}
				h.approvesOnDiscord(discordCarol, message, id)
				h.rest()
				h.rest()
				if a := h.action(id); a.State != action.Proposed || len(a.Votes) != 1 || a.Votes[0].Person != "carol" || len(a.Steps) != 0 {
					t.Errorf("it is %s with %+v after %d steps", a.State, a.Votes, len(a.Steps))
				}
				for platform, text := range h.cards(id) {
					if !strings.Contains(text, "approvals: 1 of 2") {
						t.Errorf("the card on %s:\n%s", platform, text)
					}
				}
				if !strings.Contains(h.slack.Shown(), "the reaction was taken away while gridwarden did not hear it") {
					t.Error("the security channel was not told")
				}
			})
		})
	}
}

// TestAChatThatCannotBeRead holds that a card that cannot be read back is waited for,
// and that what was approved elsewhere starts without it after a while.
func TestAChatThatCannotBeRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := inHall(t)
		id := h.asks()
		_, message := h.card(id, discord.Name)
		h.slack.Fail(fakeslack.Fault{Method: "conversations.replies", Times: 1 << 20, Error: "internal_error"})
		h.approvesOnDiscord(discordBob, message, id)
		h.approvesOnDiscord(discordCarol, message, id)
		time.Sleep(time.Minute)
		if a := h.action(id); a.State != action.Approved || !strings.Contains(a.Unread, "slack/grid/CSEC") {
			t.Errorf("after a minute it is %s and waits for %q", a.State, a.Unread)
		}
		for platform, text := range h.cards(id) {
			if !strings.Contains(text, "cannot be read back") {
				t.Errorf("the card on %s does not say what it waits for:\n%s", platform, text)
			}
		}
		time.Sleep(3 * time.Minute)
		h.rest()
		if a := h.action(id); a.State != action.Settled {
			t.Errorf("after four minutes it is %s", a.State)
		}
	})
}

// buttons counts the cards of an action that still offer to approve.
func (h *hall) buttons(id action.ID) (left []string) {
	h.t.Helper()
	value := "approve:" + string(id)
	_, ts := h.card(id, slack.Name)
	if h.slack.Button("CSEC", ts, value) != "" {
		left = append(left, slack.Name)
	}
	_, message := h.card(id, discord.Name)
	if h.discord.Button(message, "", ":"+value) != "" {
		left = append(left, discord.Name)
	}
	if strings.Contains(h.cards(id)[mattermost.Name], "type `!approve") {
		left = append(left, mattermost.Name)
	}
	return left
}

// TestButtonsVanishWithinASecond has the last vote given, and counts until no card
// offers a decision. A press on a button that was still on somebody's screen is
// answered with what happened, on every platform.
func TestButtonsVanishWithinASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := inHall(t)
		id := h.asks()
		value := "approve:" + string(id)
		_, ts := h.card(id, slack.Name)
		_, message := h.card(id, discord.Name)
		onSlack, onDiscord := h.slack.Button("CSEC", ts, value), h.discord.Button(message, "", ":"+value)
		if left := h.buttons(id); len(left) != 3 {
			t.Fatalf("a decision is offered on %v only", left)
		}
		h.slack.Click("UBOB", "CSEC", ts, onSlack, value)
		h.rest()
		h.discord.React(discordCarol, message, "👍")
		began := time.Now()
		for len(h.buttons(id)) > 0 {
			if took := time.Since(began); took >= time.Second {
				t.Fatalf("after %s a decision is still offered on %v", took, h.buttons(id))
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Logf("no card offers a decision %s after it", time.Since(began))
		h.rest()
		const want = "is settled since"
		h.slack.Click("UBOB", "CSEC", ts, onSlack, value)
		h.rest()
		if !strings.Contains(h.slack.Shown(), string(id)+" "+want) {
			t.Errorf("a late press on Slack is not told what happened:\n%s", h.slack.Shown())
		}
		i, err := h.discord.Click(discordCarol, message, onDiscord)
		if err != nil || !i.Answered(time.Minute) {
			t.Fatalf("a late press on Discord is not answered: %v", err)
		}
		if again := i.Answer(); again != nil && h.discord.Button(again.ID, "sure:", value) != "" {
			if _, err = h.discord.Click(discordCarol, again.ID, h.discord.Button(again.ID, "sure:", value)); err != nil {
				t.Fatal(err)
			}
		}
		h.rest()
		told := false
		for _, m := range h.discord.All() {
			text, _ := fakediscord.Show(m.Content)
			told = told || m.To == discordCarol && strings.Contains(text, want)
		}
		if !told {
			t.Error("a late press on Discord is not told what happened")
		}
		h.mattermost.Type(h.alice, h.channel, "", "@gridwarden withdraw "+string(id), 1)
		h.rest()
		told = false
		for _, p := range h.mattermost.Posts() {
			told = told || strings.Contains(p.Message, want)
		}
		if !told {
			t.Error("who decides late on Mattermost is not told what happened")
		}
	})
}
