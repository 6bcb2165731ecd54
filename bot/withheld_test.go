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
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// in are the things that were said in a channel, but for what one person saw.
func in(channel string, said []bottest.Said) []bottest.Said {
	return slices.DeleteFunc(slices.Clone(said), func(s bottest.Said) bool { return s.Thread.Channel != channel || s.How == bottest.Whispered })
}

// hides fails unless something was said, and nothing of a secret.
func (h *hall) hides(said []bottest.Said, secret string) {
	h.Helper()
	if len(said) == 0 || strings.Contains(text(said), secret) {
		h.Errorf("%d messages were said, of which none may hold %q:\n%s", len(said), secret, text(said))
	}
}

// TestAGuestCameInMeanwhile has a channel get a guest while an action is open
// whose card stands there: nothing that is said later tells whom it is about.
func TestAGuestCameInMeanwhile(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := h.people.Rules()
		rules.Channels[2].Cards = true // "hall"
		h.people.Reload(rules)
		h.open()
		id := h.propose()
		before := h.memory.Said()
		if shown := in("hall", before); len(shown) != 1 || !strings.Contains(text(shown), "target") || len(shown[0].Message.Buttons) == 0 {
			t.Fatalf("the card in the hall before:\n%s", text(shown))
		}

		h.memory.Share("hall", true)
		said := h.says("bob", "approve "+string(id))
		h.hides(in("hall", said), "target")
		h.wants(in("hall", said), "ZAP — waits for approval", "action "+string(id), "Personal data withheld: others can read this channel now. Ask in the security channel.")
		h.wants(in("security", said), "ZAP target — waits for approval")
		card := in("hall", said)[0]
		if card.How != bottest.Updated || len(card.Message.Buttons) != 0 || card.Message.Answer != nil {
			t.Errorf("the card that hides: %+v", card)
		}

		// What is not shown is not approved; everything else that may be said there is.
		vote := h.about(bot.Reacted, card)
		vote.Account = bot.Account{Platform: "memory", ID: "carol", Name: "carol", Standing: bot.Member}
		vote.Value = "+1"
		h.wants(h.send(vote), "whispered A reaction does not approve here: others can read this channel")
		if votes := h.action(id).Votes; len(votes) != 1 {
			t.Errorf("votes %+v; want bob's alone", votes)
		}

		h.memory.Share("hall", false)
		h.wants(in("hall", h.says("carol", "approve "+string(id))), "ZAP target")
	})
}

// TestAGuestCameIntoTheSecurityChannel holds what is said there by itself:
// reminders, the end, changed groups and linked accounts.
func TestAGuestCameIntoTheSecurityChannel(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := h.people.Rules()
		rules.Groups = map[bot.Role]bot.Group{"approver": {Platform: "memory", Name: "team"}}
		zap := rules.Policies["zap"]
		zap.Expires = 10 * time.Minute
		rules.Policies = map[string]action.Policy{"zap": zap}
		h.people.Reload(rules)
		h.memory.SetGroup("team", "memory/bob")
		h.open()
		h.propose()
		before := len(h.memory.Said())
		h.memory.Share("security", true)
		h.memory.SetGroup("team", "memory/bob", "memory/carol")
		time.Sleep(6 * time.Minute)
		said := h.since(before)
		h.hides(said, "target")
		h.hides(said, "memory/carol")
		h.wants(said, "The group team gives the role approver to other accounts than before; it has 2 now.",
			"(zap): waits for approval. audit ", "Personal data withheld: others can read this channel now. Ask in a channel that may show it.")
		reminded := slices.ContainsFunc(said, func(s bottest.Said) bool { return slices.Contains(s.Message.Notify, "bob") })
		if !reminded {
			t.Errorf("nobody was reminded:\n%s", text(said))
		}

		before = len(h.memory.Said())
		h.memory.SetGroup("team") // an alarm names nobody, and is never held back
		time.Sleep(6 * time.Minute)
		h.wants(h.since(before), "ALARM: nobody holds the role approver", "(zap): expired.")
		h.hides(h.since(before), "target")
	})
}

// TestAGuestCameInWhileItWasPlanned shares the channel between the question,
// which was allowed, and its answer.
func TestAGuestCameInWhileItWasPlanned(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.plan = func() { h.memory.Share("security", true) }
		h.open()
		said := h.says("alice", "zap target")
		h.hides(said, "target")
		h.wants(said, "The answer to the zap of alice.", "ZAP — waits for approval", "Personal data withheld: others can read this channel now.")
		for _, s := range said {
			if len(h.memory.Seeded(s.ID)) > 0 {
				t.Errorf("a card that hides offers reactions: %+v", s)
			}
		}
	})
}

// TestAGuestCameInBeforeALaterLook has a question looked at again by itself where
// a guest has come in since it was asked.
func TestAGuestCameInBeforeALaterLook(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.says("alice", "watch")
		h.memory.Share("security", true)
		before := len(h.memory.Said())
		time.Sleep(2 * time.Minute)
		h.wants(h.since(before), "posted something new, personal false")
	})
}

// TestAReloadForbidsPersonalData holds a channel to the configuration of now.
func TestAReloadForbidsPersonalData(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		rules := h.people.Rules()
		rules.Channels = slices.Clone(rules.Channels)
		rules.Channels[0].PersonalData = false
		h.people.Reload(rules)
		said := h.says("bob", "approve "+string(id))
		h.hides(said, "target")
		h.wants(said, "Personal data withheld: this channel may not show it.")
	})
}

// mute is a platform that may not tell who can read a channel.
type mute struct {
	*bottest.Nasty
	silent atomic.Bool
	asked  atomic.Int32
}

func (m *mute) Shared(ctx context.Context, t bot.Thread) (bool, error) {
	m.asked.Add(1)
	if m.silent.Load() {
		return true, errors.New("the platform does not answer")
	}
	return m.Nasty.Shared(ctx, t)
}

// TestItIsNotKnownWhoCanRead puts what tells of people off while the platform
// does not say who can read a channel: some seconds, and then withholds it.
func TestItIsNotKnownWhoCanRead(t *testing.T) {
	for name, recovers := range map[string]bool{"a moment": true, "for long": false} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				platform := &mute{Nasty: h.nasty}
				h.engine, _ = h.start(h.journal, "test", platform, nil)
				id := h.propose()
				platform.silent.Store(true)
				before := len(h.memory.Said())
				req := bot.Request{ID: "r", Person: bot.Person{ID: "bob"}, Account: bot.Account{Platform: "memory", ID: "bob"}, Surface: "typed"}
				if _, err := bot.NewDecider(nil, h.journal, h.people).Decide(t.Context(), &req, id, action.Approve, ""); err != nil {
					t.Fatal(err)
				}
				time.Sleep(1500 * time.Millisecond)
				if said := h.memory.Said()[before:]; len(said) != 0 {
					t.Fatalf("it was not put off:\n%s", text(said))
				}
				platform.silent.Store(!recovers)
				time.Sleep(20 * time.Second)
				said := h.memory.Said()[before:]
				if recovers {
					h.wants(said, "ZAP target", "bob approved")
					return
				}
				h.hides(said, "target")
				h.wants(said, "ZAP — waits for approval", "Personal data withheld: it could not be found out who can read this channel.")
			})
		})
	}
}
