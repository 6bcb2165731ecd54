package bot_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// connection tells of the platform's connection, twice as some may.
func (h *hall) connection(kind bot.Kind, since time.Time, missed string) []bottest.Said {
	h.Helper()
	ev := h.typed("", missed)
	ev.Kind, ev.Message, ev.Since = kind, "", since
	ev.Thread = bot.Thread{Platform: ev.Thread.Platform, Workspace: ev.Thread.Workspace}
	ev.Account = bot.Account{Platform: ev.Thread.Platform, Workspace: ev.Thread.Workspace}
	said := h.send(ev)
	return append(said, h.send(ev)...)
}

func (h *hall) silences(deaf, heard int) {
	h.Helper()
	if d, n := h.records(audit.Deaf), h.records(audit.Heard); d != deaf || n != heard {
		h.Errorf("%d records of silence and %d of its end; want %d and %d", d, n, deaf, heard)
	}
}

// TestASilenceIsInTheTimelineOfOpenCases loses the connection for a short and a
// long time, with and without all read back, and stops the program.
func TestASilenceIsInTheTimelineOfOpenCases(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		stop := h.open()
		quiet := func(why string, said []bottest.Said) {
			t.Helper()
			if len(said) != 0 {
				t.Errorf("%s is told:\n%s", why, text(said))
			}
		}
		quiet("the first connection", h.connection(bot.Heard, time.Now().Add(-15*time.Minute), ""))
		quiet("another one beside it", h.connection(bot.Heard, time.Time{}, ""))
		h.silences(0, 0)
		quiet("a silence without a case", h.connection(bot.Deaf, time.Time{}, ""))
		time.Sleep(5 * time.Minute)
		quiet("its end", h.connection(bot.Heard, time.Now().Add(-7*time.Minute), ""))
		h.silences(1, 1)
		i := h.caseAt(h.says("alice", "ask x")[0])

		began := time.Now()
		h.connection(bot.Deaf, time.Time{}, "")
		time.Sleep(5 * time.Minute)
		h.wants(h.connection(bot.Heard, began.Add(-2*time.Minute), ""),
			"gridwarden did not hear memory from ", "(5m0s). What was typed and voted meanwhile was read back completely; presses of buttons and slash commands of that time never reached gridwarden.")
		h.connection(bot.Deaf, time.Time{}, "")
		time.Sleep(2 * time.Minute)
		h.wants(h.connection(bot.Heard, time.Now().Add(-10*time.Minute), "a channel cannot be read"), "(2m0s). What was said meanwhile could not be read back completely: a channel cannot be read.")
		h.connection(bot.Deaf, time.Time{}, "")
		time.Sleep(2 * time.Minute)
		h.wants(h.connection(bot.Heard, time.Time{}, ""), "(2m0s). The platform delivered afterwards what happened meanwhile.")
		h.connection(bot.Deaf, time.Time{}, "")
		time.Sleep(10 * time.Second)
		quiet("a short silence", h.connection(bot.Heard, time.Time{}, ""))
		h.silences(5, 5)

		stop()
		time.Sleep(time.Hour)
		h.open()
		h.wants(h.connection(bot.Heard, time.Now().Add(-15*time.Minute), ""), "(1h0m", "could not be read back completely: only what was said since ")
		h.silences(5, 6)
		records, err := h.journal.Records(t.Context(), bot.RecordFilter{Incident: i.ID, Kinds: []audit.Kind{audit.Deaf, audit.Heard}, Limit: 99})
		if err != nil || len(records) != 9 {
			t.Errorf("the case has %d records of it, %v", len(records), err)
		}
	})
}
