package bot_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// caseAt opens a case whose home is the thread of a message.
func (h *hall) caseAt(said bottest.Said) bot.Incident {
	h.Helper()
	i := bot.Incident{ID: "case-aaaaaaaa", Title: "odd jobs", Thread: said.Thread.String(), OpenedBy: "alice", OpenedAt: time.Now().UTC()}
	if err := h.journal.OpenIncident(h.Context(), i, action.Effects{}); err != nil {
		h.Fatal(err)
	}
	return i
}

// TestWhatIsNoBusinessOfOursIsNotKept edits and deletes talk, with and without an
// open case: nothing of it reaches the journal.
func TestWhatIsNoBusinessOfOursIsNotKept(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		answer := h.says("alice", "ask x")[0]
		for _, withCase := range []bool{false, true} {
			if withCase {
				h.caseAt(answer)
			}
			for _, kind := range []bot.Kind{bot.Edited, bot.Deleted} {
				ev := h.about(kind, answer)
				ev.Target, ev.Value, ev.Origin = "m-talk", "private", "never heard"
				if said := h.send(ev); len(said) != 0 {
					t.Errorf("it is told:\n%s", text(said))
				}
				if _, err := h.journal.Request(t.Context(), ev.Account.Platform, ev.Account.Workspace, ev.ID); err == nil {
					t.Errorf("%s talk is in the inbox, with a case %t", kind, withCase)
				}
			}
		}
		if n := h.records(audit.MessageEdited) + h.records(audit.MessageDeleted); n != 0 {
			t.Errorf("%d records of it", n)
		}
	})
}

// TestEvidenceIsMarked changes a pinned message often, and deletes it.
func TestEvidenceIsMarked(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		answer := h.says("alice", "ask x")[0]
		i := h.caseAt(answer)
		i, err := h.journal.UpdateIncident(t.Context(), i.ID, func(i *bot.Incident) (action.Effects, error) {
			i.Evidence = []bot.Evidence{{Thread: i.Thread, Message: "m-pinned", Name: "Carol", Text: "load 200"}}
			return action.Effects{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		const edits = 25
		for range edits {
			time.Sleep(time.Second)
			ev := h.about(bot.Edited, answer)
			ev.Target, ev.Value = "m-pinned", "load 20"
			h.wants(h.send(ev), "Evidence of case "+i.ID+" was edited by mallory: what Carol said")
			h.send(ev) // the platform tells it twice
		}
		ev := h.about(bot.Deleted, answer)
		ev.Target, ev.Account.ID = "m-pinned", ""
		h.wants(h.send(ev), "Evidence of case "+i.ID+" was deleted: what Carol said")
		i, err = h.journal.Incident(t.Context(), i.ID)
		if err != nil {
			t.Fatal(err)
		}
		if e := i.Evidence[0]; e.Text != "load 200" || len(e.Changes) != 20 || e.Changes[0].Text != "load 20" || e.Changes[0].By == "" {
			t.Errorf("kept %+v", e)
		}
		if e, d := h.records(audit.MessageEdited), h.records(audit.MessageDeleted); e != edits || d != 1 {
			t.Errorf("%d records of edits and %d of deletions", e, d)
		}
	})
}

// TestATouchedRequestIsRecordedAndNotRunAgain edits a command, in a case and
// outside of one, and an answer of the bot in a case.
func TestATouchedRequestIsRecordedAndNotRunAgain(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		typed := h.typed("alice", "ask x")
		answer := h.send(typed)[0]
		edit := func(target, origin string, ours bool) bot.Event {
			ev := h.about(bot.Edited, answer)
			ev.Target, ev.Origin, ev.Ours, ev.Value = target, origin, ours, "ask y"
			return ev
		}
		if said := h.send(edit(typed.Message, typed.ID, false)); len(said) != 0 {
			t.Errorf("outside of a case it is told:\n%s", text(said))
		}
		i := h.caseAt(answer)
		inCase := h.typed("alice", "ask z")
		inCase.Thread = answer.Thread
		h.send(inCase)
		h.wants(h.send(edit(inCase.Message, inCase.ID, false)), "The message that asked ask z was edited by mallory. What counts is what was understood then; it is not run again.")
		h.wants(h.send(edit(answer.ID, "", true)), "A message of gridwarden in case "+i.ID+" was edited by somebody else.")
		if ran, n := h.ran.Load(), h.records(audit.MessageEdited); ran != 2 || n != 3 {
			t.Errorf("it ran %d times, with %d records of edits", ran, n)
		}
	})
}
