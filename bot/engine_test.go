package bot_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// TestBadInputIsAnswered holds that what no command can be read from gets a
// specific answer, is recorded, and runs nothing.
func TestBadInputIsAnswered(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		for typed, want := range map[string]string{
			"ask " + strings.Repeat("x", 1<<20):      "longer than 16384 bytes",
			"ask " + strings.Repeat("я", 64<<10):     "longer than 16384 bytes", // cut in the middle of a letter
			"ask \xff\xfe":                           "not valid UTF-8",
			"ask \x00":                               "control character (U+0000)",
			"":                                       "Type a command, such as `help`",
			"@gridwarden":                            "Type a command, such as `help`",
			"aks now":                                "Did you mean `ask`? Nothing was run.",
			"ask --force":                            "Usage: `ask`. Example: `ask`.",
			strings.Repeat("n", 5000):                "There is no command",
			"approve <@U1>*`" + "\u200b" + "` @here": "There is no action \"<@U1>*``\".",
		} {
			before := h.records(audit.Refused)
			said := h.says("bob", typed)
			h.wants(said, want)
			if n := len(text(said)); n > 2000 {
				t.Errorf("%.20q: an answer of %d bytes", typed, n)
			}
			if got := h.records(audit.Refused); got != before+1 {
				t.Errorf("%.20q: %d refusals were recorded", typed, got-before)
			}
		}
		if h.ran.Load() != 0 {
			t.Error("something ran")
		}
	})
}

// TestDuplicatesRunOnce holds that an event runs once, however often it comes.
func TestDuplicatesRunOnce(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.nasty.Next(bottest.Faults{Duplicate: 1})
		ev := h.typed("alice", "ask once")
		if said := h.send(ev); len(said) != 1 {
			t.Errorf("said:\n%s", text(said))
		}
		time.Sleep(7 * time.Minute) // 368 s were seen
		if said := h.send(ev); len(said) != 0 || h.ran.Load() != 1 {
			t.Errorf("it ran %d times and said:\n%s", h.ran.Load(), text(said))
		}
		if _, err := h.engine.Do(t.Context(), ev); err == nil {
			t.Error("Do took it once more")
		}
	})
}

// TestWithoutJournalNothingRuns fails the journal at each hop that writes it.
func TestWithoutJournalNothingRuns(t *testing.T) {
	for _, line := range []string{"ask x", "zap target"} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			h.journal.fail("Receive", broken)
			var people bot.ForPeople
			if err := h.engine.Receive(t.Context(), h.typed("alice", line)); !errors.As(err, &people) {
				t.Errorf("%s was acknowledged although it is not in the inbox: %v", line, err)
			}
			h.journal.fail("Receive", nil)
			h.journal.fail("Write", broken)
			h.wants(h.says("alice", line), "cannot write its journal (disk full): nothing was run")
			h.journal.fail("Finish", broken)
			before := len(h.memory.Said())
			said := h.says("alice", line) // the one message that is posted without the journal
			if len(said) != 1 || len(h.memory.Said()) != before+1 {
				t.Errorf("%s: said:\n%s", line, text(said))
			}
			h.wants(said, "cannot write its journal (disk full): nothing was run")
			h.journal.fail("Finish", errors.New("a pipe broke")) // not for people
			h.wants(h.says("alice", line), "gridwarden cannot write its journal. Nothing was run; ask again when it is repaired.")
			if open, err := h.journal.OpenActions(t.Context()); h.ran.Load() != 0 || len(open) != 0 || err != nil {
				t.Errorf("%s: ran %d times, open: %v, %v", line, h.ran.Load(), open, err)
			}
		})
	}
}

// TestAfterARestart finds in the inbox what an earlier process received and
// did not finish.
func TestAfterARestart(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		stop := h.open()
		id := h.propose()
		proposer := h.action(id).Request
		stop()
		earlier := h.process()
		receive := func(request string, ev bot.Event) {
			t.Helper()
			if fresh, err := earlier.Receive(t.Context(), request, ev, time.Now().UTC()); err != nil || !fresh {
				t.Fatal(fresh, err)
			}
		}
		receive("r-read", h.typed("alice", "ask late"))
		receive("r-plan", h.typed("alice", "zap another"))
		receive("r-vote", h.typed("bob", "approve "+string(id)))
		receive("r-odd", h.typed("alice", "aks late"))
		time.Sleep(2 * time.Minute)
		before := len(h.memory.Said())
		h.open()
		said := h.since(before)
		h.wants(said,
			"asked at 2000-01-01 00:00:00 UTC and interrupted; answered late", "answer to late",
			"before it had answered your `zap` of 2000-01-01 00:00:00 UTC. Nothing had been proposed by then. Look at `pending`, then ask again.",
			"bob approved "+string(id), "Did you mean `ask`?")
		if a := h.action(id); len(a.Votes) != 1 || a.Request != proposer || h.ran.Load() != 1 || h.applied.Load() != 0 {
			t.Errorf("votes %v, ran %d, applied %d", a.Votes, h.ran.Load(), h.applied.Load())
		}
		if rows, err := h.journal.Unfinished(t.Context()); err != nil || len(rows) != 0 {
			t.Errorf("unfinished: %v, %v", rows, err)
		}
	})
}

// TestProposedBeforeTheCrash stops between the proposal and its answer: it is
// not proposed twice, and never said to be nothing, whatever became of it.
func TestProposedBeforeTheCrash(t *testing.T) {
	for what, after := range map[string]func(h *hall, id action.ID){
		"proposed": func(*hall, action.ID) {},
		"withdrawn": func(h *hall, id action.ID) {
			h.journal.fail("Finish", nil)
			h.says("alice", "withdraw "+string(id))
		},
	} {
		inHall(t, func(t *testing.T, h *hall) {
			stop := h.open()
			h.journal.fail("Finish", broken)
			id := h.propose()
			after(h, id)
			stop()
			h.journal.fail("Finish", nil)
			h.journal.Journal = h.process()
			before := len(h.memory.Said())
			h.open()
			h.wants(h.since(before), "Proposed as "+string(id)+" ("+what+")", "the card is the truth")
			if all, err := h.journal.Actions(t.Context(), 9); err != nil || len(all) != 1 {
				t.Errorf("actions: %v, %v", all, err)
			}
		})
	}
}

// TestLateDelivery takes events that a platform kept back.
func TestLateDelivery(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		time.Sleep(10 * time.Minute)
		late := func(who, line string, ago time.Duration) []bottest.Said {
			ev := h.typed(who, line)
			ev.At = ev.At.Add(-ago)
			return h.send(ev)
		}
		h.wants(late("alice", "ask x", 10*time.Minute), "asked at 2000-01-01 00:00:00 UTC, received at 2000-01-01 00:10:00 UTC only", "answer to x")
		h.wants(late("alice", "zap another", 6*time.Minute), "Your `zap` of 2000-01-01 00:04:00 UTC reached gridwarden at 2000-01-01 00:10:00 UTC only. Nothing was proposed or run.")
		h.wants(late("bob", "approve "+string(id), 30*time.Minute), "bob approved "+string(id)) // it is still open
		if said := text(late("alice", "ask y", 4*time.Minute)); strings.Contains(said, "received at") {
			t.Errorf("four minutes are called late:\n%s", said)
		}
		h.wants(late("alice", "zap another", -time.Hour), "Proposed as") // the platform's clock is ahead
	})
}

// TestOutboxAfterACrash holds that what was posted by a process that crashed
// before it could note so is found and not said twice.
func TestOutboxAfterACrash(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		stop := h.open()
		h.nasty.Drop(10 * time.Minute) // the answer stays in the outbox
		if err := h.engine.Receive(t.Context(), h.typed("alice", "ask x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		stop()
		now := time.Now().UTC().Add(20 * time.Minute)
		waiting, err := h.journal.NextDeliveries(t.Context(), now, 30*time.Second, 9)
		if err != nil || len(waiting) != 1 {
			t.Fatalf("waiting: %v, %v", waiting, err)
		}
		thread, err := bot.ParseThread(waiting[0].Post.Thread)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.memory.PostKeyed(t.Context(), thread, waiting[0].Post.Key, bot.Say("said by the process that crashed")); err != nil {
			t.Fatal(err)
		}
		h.open()
		time.Sleep(30 * time.Minute)
		if said := h.since(0); len(said) != 1 {
			t.Errorf("said:\n%s", text(said))
		}
		if n, _, err := h.journal.Waiting(t.Context()); err != nil || n != 0 {
			t.Errorf("%d still wait, %v", n, err)
		}
	})
}

// TestACardThatIsFoundShowsWhatIsNow loses the acknowledgement of a card, and
// has the action decided before the card is looked for again.
func TestACardThatIsFoundShowsWhatIsNow(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		synctest.Wait()
		h.nasty.Next(bottest.Faults{LoseAck: 1})
		reply := h.do("alice", "zap target")
		synctest.Wait()
		id := reply.Message.Answer["action"].(action.Machine).ID
		h.do("bob", "withdraw "+string(id)) // not his: refused
		h.do("alice", "withdraw "+string(id))
		said := h.since(0)
		if a, shown := h.action(id), h.card(id); shown.Message.Version != a.Version || a.State != action.Withdrawn {
			t.Errorf("it is %s at version %d, and the card shows version %d:\n%s", a.State, a.Version, shown.Message.Version, text(said))
		}
	})
}

// TestEverythingIsSaidOnceAndInOrder loses posts, updates and acknowledgements.
func TestEverythingIsSaidOnceAndInOrder(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.nasty.Next(bottest.Faults{FailPosts: 2, LoseAck: 3, FailUpdates: 2})
		if err := h.engine.Receive(t.Context(), h.typed("alice", "zap target")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		id := h.propose() // the same is open already
		for _, who := range []string{"bob", "carol"} {
			if err := h.engine.Receive(t.Context(), h.typed(who, "approve "+string(id))); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(5 * time.Minute)
		said := h.since(0)
		if shown := h.card(id); shown.Message.Version != h.action(id).Version || !strings.Contains(text(said), "settled: complete") {
			t.Errorf("the card shows version %d of %d:\n%s", shown.Message.Version, h.action(id).Version, text(said))
		}
		version, keys := 0, map[string]bool{}
		for _, s := range said {
			if s.Message.Card == id {
				if s.Message.Version < version {
					t.Errorf("version %d after %d", s.Message.Version, version)
				}
				version = s.Message.Version
			}
			if s.How == bottest.Posted && keys[s.Key] {
				t.Errorf("said twice: %s", text([]bottest.Said{s}))
			}
			keys[s.Key] = true
		}
		if h.applied.Load() != 1 {
			t.Errorf("applied %d times", h.applied.Load())
		}
	})
}

// TestCardsAreBroughtUpToDateOnce holds that versions which came while the
// platform was slow are shown as one, the newest.
func TestCardsAreBroughtUpToDateOnce(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		h.nasty.Delay(5 * time.Second)
		for _, line := range []string{"approve", "withdraw", "approve", "withdraw", "approve"} {
			if reply := h.do("bob", line+" "+string(id)); reply.State != "decided" {
				t.Fatal(reply.Message.Plain())
			}
		}
		time.Sleep(time.Minute)
		updates, version := 0, 0
		for _, s := range h.since(0) {
			if s.How == bottest.Updated {
				if s.Message.Version <= version {
					t.Errorf("version %d after %d", s.Message.Version, version)
				}
				updates, version = updates+1, s.Message.Version
			}
		}
		if updates > 2 || version != h.action(id).Version {
			t.Errorf("%d updates, the last to version %d of %d", updates, version, h.action(id).Version)
		}
	})
}

// TestUnseenActionsDoNotRun holds that nothing runs that could not be shown.
func TestUnseenActionsDoNotRun(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.nasty.Drop(10 * time.Minute)
		if reply := h.do("alice", "zap target"); reply.State != "proposed" {
			t.Fatal(reply.Message.Plain())
		}
		open, err := h.journal.OpenActions(t.Context())
		if err != nil || len(open) != 1 {
			t.Fatal(open, err)
		}
		id := string(open[0].ID)
		for _, who := range []string{"bob", "carol"} {
			if reply := h.do(who, "approve "+id); reply.State != "decided" {
				t.Fatal(reply.Message.Plain())
			}
		}
		time.Sleep(15 * time.Minute)
		if a := h.action(open[0].ID); a.State != action.Expired || h.applied.Load() != 0 {
			t.Errorf("it is %s and was applied %d times", a.State, h.applied.Load())
		}
		h.wants(h.since(0), "expired: it was approved but could not start by")
	})
}

// TestPanicsAreFailures holds that a command that panics is a command that
// failed: people are told, and the engine goes on.
func TestPanicsAreFailures(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.wants(h.says("alice", "boom"), "Something went wrong inside gridwarden", "Quote request r-")
		h.zaps(func() (action.Outcome, error) { panic("apply") }, seen)
		id := h.propose()
		h.says("bob", "approve "+string(id))
		h.wants(h.says("carol", "approve "+string(id)), "a step failed and is tried again: the backend failed; the log has the details")
		time.Sleep(10 * time.Minute)
		if a := h.action(id); a.State != action.Failed {
			t.Errorf("it is %s after %d tries", a.State, h.applied.Load())
		}
		h.zaps(zapped, func() (action.Progress, error) { panic("verify") })
		id = h.propose()
		h.says("bob", "approve "+string(id))
		h.wants(h.says("carol", "approve "+string(id)), "could not look whether it took effect and will look again")
		h.zaps(zapped, seen)
		time.Sleep(2 * time.Minute)
		if a := h.action(id); a.State != action.Settled {
			t.Errorf("it is %s", a.State)
		}
	})
}

// TestDecisionsPassSlowQuestions holds that a vote does not wait for backends.
func TestDecisionsPassSlowQuestions(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		for range 100 {
			if err := h.engine.Receive(t.Context(), h.typed("alice", "slow")); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		for _, who := range []string{"bob", "carol"} {
			if err := h.engine.Receive(t.Context(), h.typed(who, "@gridwarden approve "+string(id))); err != nil {
				t.Fatal(err)
			}
		}
		for h.action(id).State == action.Proposed {
			time.Sleep(10 * time.Millisecond)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the votes waited %s", took)
		}
		time.Sleep(3 * time.Minute) // both rounds of slow ones: 64 at once
		h.wants(h.since(0), "It took too long and was stopped; nothing was changed.")
	})
}

// TestAVoteAndItsWithdrawalStayInOrder has somebody put a reaction, take it away and
// put it again at once, as after a gap: it counts in the end.
func TestAVoteAndItsWithdrawalStayInOrder(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		for round := range 20 {
			for n, kind := range []bot.Kind{bot.Reacted, bot.Unreacted, bot.Reacted} {
				ev := h.about(kind, h.card(id))
				ev.ID, ev.Value = fmt.Sprintf("%d.%d", round, n), "+1"
				ev.Account = bot.Account{Platform: "memory", ID: "bob", Name: "bob", Standing: bot.Member}
				if err := h.engine.Receive(t.Context(), ev); err != nil {
					t.Fatal(err)
				}
			}
			time.Sleep(10 * time.Second)
			if votes := h.action(id).Votes; len(votes) != 1 {
				t.Fatalf("round %d: votes %+v", round, votes)
			}
		}
	})
}

// TestWhereCommandsMayBeUsed holds channels to their configuration.
func TestWhereCommandsMayBeUsed(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.memory.Share("hall", true)
		for _, c := range []struct{ channel, line, want string }{
			{"security", "ask x", "answer to x, personal true"},
			{"lounge", "ask x", "answer to x, personal false"},
			{"lounge", "zap target", "`zap` may not be used in this channel."},
			{"hall", "ask x", "answer to x, personal false"},
			{"hall", "zap target", "`zap` is refused here: others can read this channel."},
			{"street", "ask x", "`ask` may not be used in this channel."},
		} {
			ev := h.typed("alice", c.line)
			ev.Thread.Channel = c.channel
			ev.Message = h.memory.NewID(ev.Thread)
			h.wants(h.send(ev), c.want)
		}
		if open, err := h.journal.OpenActions(t.Context()); err != nil || len(open) != 0 {
			t.Errorf("open: %v, %v", open, err)
		}
	})
}

// TestChannelsHaveALimit holds that many people together are bounded too, and
// that decisions are not.
func TestChannelsHaveALimit(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		rules := h.people.Rules()
		rules.Limits = bot.Limits{PerPerson: 3, PerChannel: 4}
		h.people.Reload(rules)
		h.open()
		id := h.propose()
		for i, c := range []struct{ who, want string }{
			{"alice", "answer"},
			{"bob", "answer"},
			{"bob", "answer"},
			{"carol", "This channel asked more than 4 commands in a minute; this one was not run. Ask again in 15s. Decisions are never limited."},
		} {
			h.wants(h.says(c.who, fmt.Sprintf("ask %d", i)), c.want)
		}
		h.wants(h.says("carol", "approve "+string(id)), "carol approved "+string(id))
	})
}

// TestAClockThatWentBack votes on an action that was changed in what is the
// future now: its times never go back, and nothing is lost.
func TestAClockThatWentBack(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		ahead := time.Now().UTC().Add(10 * time.Minute)
		_, err := h.journal.Update(t.Context(), id, func(a *action.Action) (action.Effects, error) { return a.Remind(2, ahead) })
		if err != nil {
			t.Fatal(err)
		}
		h.says("bob", "approve "+string(id))
		h.says("carol", "approve "+string(id))
		a := h.action(id)
		if len(a.Votes) != 2 || a.State != action.Approved {
			t.Fatalf("it is %s with the votes %+v", a.State, a.Votes)
		}
		for _, v := range a.Votes {
			if v.At.Before(ahead) {
				t.Errorf("the vote of %s is before what it was cast after: %s", v.Person, v.At)
			}
		}
		time.Sleep(20 * time.Minute)
		if a := h.action(id); a.State != action.Settled || h.applied.Load() != 1 {
			t.Errorf("it is %s, applied %d times", a.State, h.applied.Load())
		}
	})
}
