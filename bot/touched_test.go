package bot_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// TestATouchedCardVoidsItsVotes changes and deletes a card between two votes.
func TestATouchedCardVoidsItsVotes(t *testing.T) {
	for _, kind := range []bot.Kind{bot.Edited, bot.Deleted} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			id := h.propose()
			h.says("bob", "approve "+string(id))
			card := h.card(id)
			if kind == bot.Deleted {
				h.memory.Delete(card.ID)
			}
			said := h.send(h.about(kind, card))
			h.wants(said,
				"the card was "+string(kind)+" by somebody else. It is shown anew, and only that counts.",
				"must look again and approve again: 0 of 2",
				"notifies bob, carol",
				"The vote of bob on "+string(id)+" no longer counts: the card was "+string(kind)+" by somebody else")
			again := h.card(id)
			if (again.ID != card.ID) != (kind == bot.Deleted) || again.Message.Version <= card.Message.Version {
				t.Errorf("%s: the card stands as %s at version %d, before as %s at %d", kind, again.ID, again.Message.Version, card.ID, card.Message.Version)
			}
			if n := h.records(audit.VoteLost); n != 1 {
				t.Errorf("%s: %d lost votes were recorded", kind, n)
			}
			h.says("carol", "approve "+string(id))
			if h.applied.Load() != 0 {
				t.Errorf("%s: it ran with a vote on a card that was not ours", kind)
			}
			h.says("bob", "approve "+string(id))
			if a := h.action(id); a.State != action.Settled {
				t.Errorf("%s: after both approved again it is %s", kind, a.State)
			}
		})
	}
}

// TestADeletedCardIsFoundByItsUpdate holds that a deletion that no event told
// of is noticed, and does not stop the thread.
func TestADeletedCardIsFoundByItsUpdate(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		h.memory.Delete(h.card(id).ID)
		h.wants(h.says("bob", "approve "+string(id)), "bob approved "+string(id), "the card was deleted by somebody else. It is shown anew")
		if a := h.action(id); a.State != action.Proposed || a.Votes[0].Lost == "" {
			t.Errorf("it is %s with %+v", a.State, a.Votes)
		}
		h.wants(h.says("alice", "ask x"), "answer to x")
		h.says("bob", "approve "+string(id))
		h.says("carol", "approve "+string(id))
		if a, card := h.action(id), h.card(id); a.State != action.Settled || card.Message.Version != a.Version {
			t.Errorf("it is %s at version %d; the card shows %d", a.State, a.Version, card.Message.Version)
		}
	})
}

// TestTouchedLater holds that what is decided stays so, and that it is told or
// recorded when its card is touched.
func TestTouchedLater(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		h.says("bob", "approve "+string(id))
		h.says("carol", "approve "+string(id))
		time.Sleep(time.Minute)
		card, version := h.card(id), h.action(id).Version
		h.wants(h.send(h.about(bot.Edited, card)), "the card was edited by somebody else. It is settled, complete; audit "+string(id)+" shows what happened.")
		h.memory.Delete(card.ID)
		if said := h.send(h.about(bot.Deleted, card)); len(said) != 0 {
			t.Errorf("a card that is history was deleted, and it is told:\n%s", text(said))
		}
		if n := h.records(audit.Noted); n != 2 {
			t.Errorf("%d records of it", n)
		}
		if a := h.action(id); a.State != action.Settled || a.Version != version {
			t.Errorf("it is %s at version %d", a.State, a.Version)
		}
		answer := h.says("alice", "ask x")
		if said := h.send(h.about(bot.Deleted, answer[0])); len(said) != 0 {
			t.Errorf("a message that is no card was deleted, and it is told:\n%s", text(said))
		}
	})
}
