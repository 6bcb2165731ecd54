package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// showsCase opens a case in the thread of a message and gives its card.
func (h *hall) showsCase(said bottest.Said) (bot.Incident, bottest.Said) {
	h.Helper()
	i := bot.Incident{ID: "case-aaaaaaaa", Title: "odd jobs", Thread: said.Thread.String(), OpenedBy: "alice", OpenedAt: time.Now().UTC()}
	if err := h.journal.OpenIncident(h.Context(), i, action.Effects{Posts: bot.CasePosts(i)}); err != nil {
		h.Fatal(err)
	}
	h.since(0)
	return i, h.card(action.ID(i.ID))
}

// caseChanges changes a case as its commands do.
func (h *hall) caseChanges(id string, change func(*bot.Incident)) {
	h.Helper()
	_, err := h.journal.UpdateIncident(h.Context(), id, func(i *bot.Incident) (action.Effects, error) {
		posts := bot.CasePosts(*i)
		change(i)
		return action.Effects{Posts: posts}, nil
	})
	if err != nil {
		h.Fatal(err)
	}
	h.since(0)
}

// TestTheCardOfACase follows a case on its card, which stays where it was posted.
func TestTheCardOfACase(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		answer := h.says("alice", "ask x")[0]
		i, first := h.showsCase(answer)
		holds := func(parts ...string) {
			t.Helper()
			card := h.card(action.ID(i.ID))
			if card.ID != first.ID {
				t.Errorf("it stands as %s, first as %s", card.ID, first.ID)
			}
			shown := strings.Join(bottest.Lines(card.Message), "\n")
			for _, part := range parts {
				if !strings.Contains(shown, part) {
					t.Errorf("the card does not have %q:\n%s", part, shown)
				}
			}
		}
		holds("CASE odd jobs — open", "case case-aaaaaaaa · opened by alice at", "notes | none", "evidence | none")
		ev := h.typed("alice", "zap target")
		ev.Thread = answer.Thread
		h.send(ev)
		open, err := h.journal.OpenActions(t.Context())
		if err != nil || len(open) != 1 {
			t.Fatalf("open actions: %v, %v", open, err)
		}
		id := string(open[0].ID)
		holds("actions | " + id + " zap target: waits for approval")
		h.says("bob", "approve "+id)
		h.says("carol", "approve "+id)
		holds("actions | " + id + " zap target: settled, complete")
		h.caseChanges(i.ID, func(i *bot.Incident) {
			i.Notes = append(i.Notes, bot.Note{Person: "bob", At: time.Now().UTC(), Text: "isolated"})
		})
		holds("notes | 1, the latest at ")
		h.caseChanges(i.ID, func(i *bot.Incident) {
			i.ClosedBy, i.ClosedAt, i.Outcome = "bob", time.Now().UTC(), strings.Repeat("long ", 100)
		})
		holds("CASE odd jobs — closed", "closed by bob at ", "…")
	})
}

// TestATouchedCardOfACase changes and deletes it: it is shown anew while the case is open.
func TestATouchedCardOfACase(t *testing.T) {
	for _, kind := range []bot.Kind{bot.Edited, bot.Deleted} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			i, card := h.showsCase(h.says("alice", "ask x")[0])
			if kind == bot.Deleted {
				h.memory.Delete(card.ID)
			}
			ev := h.about(kind, card)
			h.wants(h.send(ev), "CASE odd jobs — open", "The card of case case-aaaaaaaa was "+string(kind)+" by somebody else. It is shown anew, as the case stands.")
			if said := h.send(ev); len(said) != 0 { // the platform tells it twice
				t.Errorf("said again:\n%s", text(said))
			}
			again := h.card(action.ID(i.ID))
			if (again.ID != card.ID) != (kind == bot.Deleted) {
				t.Errorf("%s: the card stands as %s, before as %s", kind, again.ID, card.ID)
			}
			if n := h.records(audit.MessageEdited) + h.records(audit.MessageDeleted); n != 1 {
				t.Errorf("%s: %d records of it", kind, n)
			}
			h.caseChanges(i.ID, func(i *bot.Incident) { i.ClosedBy, i.ClosedAt = "bob", time.Now().UTC() })
			h.memory.Delete(again.ID)
			if said := h.send(h.about(bot.Deleted, h.card(action.ID(i.ID)))); len(said) != 0 {
				t.Errorf("the card of a closed case is said again:\n%s", text(said))
			}
		})
	}
}

// TestNobodyVotesOnACase puts what decides under the card of a case.
func TestNobodyVotesOnACase(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		_, card := h.showsCase(h.says("alice", "ask x")[0])
		for _, name := range []string{"+1", "-1", "white_check_mark"} {
			if said := h.reacts("bob", name, card, bot.Reacted); len(said) != 0 {
				t.Errorf("%s is answered:\n%s", name, text(said))
			}
		}
	})
}

// TestTheCardOfACaseHides has a guest come into its channel.
func TestTheCardOfACaseHides(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		i, _ := h.showsCase(h.says("alice", "ask x")[0])
		h.memory.Share("security", true)
		h.caseChanges(i.ID, func(i *bot.Incident) {
			i.Notes = append(i.Notes, bot.Note{Person: "bob", At: time.Now().UTC(), Text: "isolated"})
		})
		shown := strings.Join(bottest.Lines(h.card(action.ID(i.ID)).Message), "\n")
		if strings.Contains(shown, "odd jobs") || strings.Contains(shown, "alice") || !strings.Contains(shown, "Personal data withheld") {
			t.Errorf("shown to guests:\n%s", shown)
		}
	})
}
