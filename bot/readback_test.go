package bot_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// reacts has somebody put a reaction below a card, or take it away.
func (h *hall) reacts(who, name string, card bottest.Said, kind bot.Kind) []bottest.Said {
	h.Helper()
	ev := h.typed(who, name)
	ev.Kind, ev.Message, ev.Target, ev.Thread = kind, "", card.ID, card.Thread
	return h.send(ev)
}

// later waits until what is put off for so long has been done.
func (h *hall) later(d time.Duration) []bottest.Said {
	h.Helper()
	before := len(h.memory.Said())
	time.Sleep(d)
	return h.since(before)
}

// TestAWithdrawalThatNobodyToldOf takes a reaction away in a gap, with and without a
// restart. The last vote comes by another surface: it does not run.
func TestAWithdrawalThatNobodyToldOf(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inHall(t, func(t *testing.T, h *hall) {
			stop := h.open()
			id := h.propose()
			card := h.card(id)
			h.wants(h.reacts("bob", "+1", card, bot.Reacted), "bob approved "+string(id)+" by reaction")
			if restart {
				stop()
			}
			h.memory.React(card.ID, "memory/bob", "+1", false)
			if restart {
				h.open()
			}
			h.says("carol", "approve "+string(id))
			h.wants(h.later(5*time.Second),
				"The approval of "+string(id)+" by bob does not count any more: the reaction was taken away while gridwarden did not hear it.",
				"notifies bob", string(id)+" waits for votes again: 1 of 2")
			if a := h.action(id); a.State != action.Proposed || len(a.Votes) != 1 || h.applied.Load() != 0 {
				t.Errorf("restart %t: it is %s with %+v and was applied %d times", restart, a.State, a.Votes, h.applied.Load())
			}
			if n := h.records(audit.VoteWithdrawn); n != 1 {
				t.Errorf("%d withdrawals were recorded", n)
			}
			if after := text([]bottest.Said{h.card(id)}); strings.Contains(after, "bob") || !strings.Contains(after, "approved by carol") {
				t.Errorf("the card says:\n%s", after)
			}
			// That the platform tells of it at last changes nothing.
			if said := h.reacts("bob", "+1", card, bot.Unreacted); len(said) != 0 {
				t.Errorf("a withdrawal that was found before is told once more:\n%s", text(said))
			}
			h.reacts("bob", "+1", card, bot.Reacted)
			if a := h.action(id); a.State != action.Settled {
				t.Errorf("after he reacted again it is %s", a.State)
			}
		})
	}
}

// TestANoBelowTheCard finds before the start a reaction that says no of somebody who
// approved, which nobody told of. That of others changes nothing.
func TestANoBelowTheCard(t *testing.T) {
	for who, surface := range map[string]string{"bob": "reaction", "carol": "typed", "alice": ""} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			id := h.propose()
			card := h.card(id)
			h.reacts("bob", "white_check_mark", card, bot.Reacted)
			h.memory.React(card.ID, "memory/"+who, "x", true)
			h.says("carol", "approve "+string(id))
			said := h.later(5 * time.Second)
			a := h.action(id)
			if surface == "" {
				if a.State != action.Settled {
					t.Errorf("a no of the one who asked: it is %s", a.State)
				}
				return
			}
			h.wants(said, "The approval of "+string(id)+" by "+who+" does not count any more: a reaction that says no stands below its card.")
			if a.State != action.Proposed || h.applied.Load() != 0 || len(a.Votes) != 1 || string(a.Votes[0].Person) == who {
				t.Errorf("%s: it is %s with %+v", who, a.State, a.Votes)
			}
		})
	}
}

// TestANoTakesTheApprovalAway has one person approve by a reaction and then say no
// by another.
func TestANoTakesTheApprovalAway(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		card := h.card(id)
		h.reacts("bob", "+1", card, bot.Reacted)
		h.wants(h.reacts("bob", "-1", card, bot.Reacted),
			"Your approval of "+string(id)+" is taken back: 0 of 2 · needs: 2 of security. It is not denied by that: a denial needs a role that may deny, and a reason; type: deny "+string(id)+" REASON",
			"An approval of "+string(id)+" was taken back")
		if h.records(audit.Approved) != 1 || h.records(audit.VoteWithdrawn) != 1 {
			t.Error("not both are recorded")
		}
		h.wants(h.reacts("bob", "-1", card, bot.Reacted), "A denial needs a reason.")
		h.memory.React(card.ID, "memory/bob", "-1", false)
		h.says("carol", "approve "+string(id))
		h.reacts("bob", "+1", card, bot.Reacted)
		if a := h.action(id); a.State != action.Settled {
			t.Errorf("after he thought better of it, it is %s", a.State)
		}
	})
}

// TestACardThatWasChangedUnseen changes or deletes a card when nobody listens,
// after its last change and before the start.
func TestACardThatWasChangedUnseen(t *testing.T) {
	for what, touch := range map[string]func(*hall, bottest.Said){
		"found changed": func(h *hall, card bottest.Said) {
			h.memory.Alter(card.ID, func(m *bot.Message) { m.Title = bot.Say("ZAP somebody else").Lines[0] })
		},
		"deleted": func(h *hall, card bottest.Said) { h.memory.Delete(card.ID) },
	} {
		inHall(t, func(t *testing.T, h *hall) {
			p := &unread{Nasty: h.nasty}
			h.engine, _ = h.start(h.journal, "test", p, nil)
			id := h.propose()
			p.fails.Store(true)
			h.says("bob", "approve "+string(id))
			h.says("carol", "approve "+string(id))
			time.Sleep(8 * time.Second)
			touch(h, h.card(id))
			p.fails.Store(false)
			said := h.later(time.Minute)
			h.wants(said, "the card was "+what+" by somebody else. It is shown anew, and only that counts.", "approve again: 0 of 2")
			if a := h.action(id); a.State != action.Proposed || h.applied.Load() != 0 {
				t.Errorf("%s: it is %s and was applied %d times", what, a.State, h.applied.Load())
			}
			h.says("bob", "approve "+string(id))
			h.says("carol", "approve "+string(id))
			if a := h.action(id); a.State != action.Settled {
				t.Errorf("%s: after both approved again it is %s", what, a.State)
			}
		})
	}
}

// unread is a platform whose server cannot be asked how a message stands.
type unread struct {
	*bottest.Nasty
	fails atomic.Bool
	reads atomic.Int32
}

func (u *unread) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	u.reads.Add(1)
	if u.fails.Load() {
		return bot.Seen{}, errors.New("no answer")
	}
	return u.Nasty.ReadBack(ctx, t, id)
}

// TestVotesOfACardThatCannotBeRead holds that what was approved where the card
// cannot be read back does not start: it waits, says so, and expires.
func TestVotesOfACardThatCannotBeRead(t *testing.T) {
	for _, back := range []bool{false, true} {
		inHall(t, func(t *testing.T, h *hall) {
			p := &unread{Nasty: h.nasty}
			h.engine, _ = h.start(h.journal, "test", p, nil)
			id := h.propose()
			p.fails.Store(true)
			h.says("bob", "approve "+string(id))
			h.says("carol", "approve "+string(id))
			said := h.later(time.Minute)
			h.wants(said, string(id)+" is approved and waits: its card in memory/security cannot be read back. Until then the votes from there do not count, and it expires at")
			if n := strings.Count(text(said), "is approved and waits"); n != 1 {
				t.Errorf("it was told %d times", n)
			}
			if card := text([]bottest.Said{h.card(id)}); !strings.Contains(card, "waits: its card in memory/security cannot be read back.") {
				t.Errorf("the card does not say what it waits for:\n%s", card)
			}
			if n := p.reads.Load(); n < 5 || n > 30 {
				t.Errorf("the server was asked %d times in a minute", n)
			}
			p.fails.Store(!back)
			h.later(5 * time.Minute)
			want, applied := action.Expired, int32(0)
			if back {
				want, applied = action.Settled, 1
			}
			if a := h.action(id); a.State != want || h.applied.Load() != applied {
				t.Errorf("back %t: it is %s and was applied %d times", back, a.State, h.applied.Load())
			}
		})
	}
}

// TestVotesFromElsewhereDoNotWaitForEver holds that an action starts without a card
// that cannot be read back when none of the votes came from there: after a while,
// and it says so.
func TestVotesFromElsewhereDoNotWaitForEver(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := hallRules()
		for i, p := range rules.People {
			rules.People[i].Accounts = append(slices.Clone(p.Accounts), "run/"+string(p.ID))
		}
		h.people = bot.NewPeople(rules, nil)
		p := &unread{Nasty: h.nasty}
		h.engine, _ = h.start(h.journal, "test", p, nil)
		id := h.propose()
		p.fails.Store(true)
		for _, who := range []string{"bob", "carol"} {
			ev := h.typed(who, "approve "+string(id))
			ev.Account.Platform, ev.Thread, ev.Message = "run", bot.Thread{Platform: "run", Channel: "here"}, ""
			if reply, err := h.engine.Do(t.Context(), ev); err != nil || reply.State != "decided" {
				t.Fatalf("%+v, %v", reply, err)
			}
		}
		h.wants(h.later(100*time.Second), "The votes from elsewhere are enough: it starts without that at")
		if a := h.action(id); a.State != action.Approved || h.applied.Load() != 0 {
			t.Fatalf("after 100 s it is %s", a.State)
		}
		h.wants(h.later(30*time.Second), string(id)+" runs.", "It began without reading back every card: its card in memory/security cannot be read back.")
		if a := h.action(id); a.State != action.Settled || a.Unread != "" {
			t.Errorf("after two minutes it is %s", a.State)
		}
		started, err := h.journal.Latest(t.Context(), "action/"+string(id), audit.Started)
		if err != nil || !strings.Contains(string(started.Body), `"unread":"its card in memory/security`) {
			t.Errorf("the record of the start: %s, %v", started.Body, err)
		}
	})
}

// TestNothingRunsBeforeThePlatformHears holds that an action that was approved
// before a restart waits until the platform has caught up.
func TestNothingRunsBeforeThePlatformHears(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		p := &unread{Nasty: h.nasty}
		engine, stop := h.start(h.journal, "test", p, nil)
		h.engine = engine
		id := h.propose()
		p.fails.Store(true)
		h.says("bob", "approve "+string(id))
		h.says("carol", "approve "+string(id))
		stop()
		h.engine, _ = h.start(h.journal, "test", p, nil)
		time.Sleep(3 * time.Second)
		if a := h.action(id); a.State != action.Approved || h.applied.Load() != 0 {
			t.Fatalf("before the platform has caught up it is %s", a.State)
		}
		h.says("bob", "withdraw "+string(id)) // what was typed meanwhile
		p.fails.Store(false)
		h.later(time.Minute)
		if a := h.action(id); a.State != action.Proposed || h.applied.Load() != 0 {
			t.Errorf("it is %s and was applied %d times", a.State, h.applied.Load())
		}
	})
}
