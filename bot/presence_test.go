package bot_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// deaf is a platform on which a second process only speaks.
type deaf struct{ bot.Platform }

func (deaf) Listen(ctx context.Context, _ func(context.Context, bot.Event) error) error {
	<-ctx.Done()
	return nil
}

// another starts a second process beside the hall's.
func (h *hall) another(dead ...string) *bot.Engine {
	h.Helper()
	engine, _ := h.start(h.processOf("another"), "another", deaf{h.memory}, func(holder string) bool {
		return strings.Contains(strings.Join(dead, " "), holder)
	})
	return engine
}

// TestWhatCouldNotBeStoredIsAnsweredLate has the journal fail while a request
// is answered, and holds that no restart is needed for its answer.
func TestWhatCouldNotBeStoredIsAnsweredLate(t *testing.T) {
	for failing, ran := range map[string]int32{"Finish": 2, "Received": 1} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			synctest.Wait()
			h.journal.fail(failing, broken)
			h.journal.fail("Present", broken)
			ev := h.typed("alice", "ask x")
			if err := h.engine.Receive(t.Context(), ev); (err != nil) != (failing == "Received") {
				t.Errorf("Receive = %v", err)
			}
			time.Sleep(time.Minute)
			h.journal.fail(failing, nil)
			if err := h.engine.Receive(t.Context(), ev); err != nil { // delivered again
				t.Error(err)
			}
			synctest.Wait()
			if said := text(h.memory.Said()); strings.Contains(said, "answer to x") {
				t.Errorf("answered while the journal failed:\n%s", said)
			}
			h.journal.fail("Present", nil)
			time.Sleep(15 * time.Second)
			said := h.since(0)
			h.wants(said, "interrupted; answered late", "answer to x")
			if n := strings.Count(text(said), "answer to x"); n != 1 || h.ran.Load() != ran {
				t.Errorf("%s failed: answered %d times, ran %d times", failing, n, h.ran.Load())
			}
		})
	}
}

// TestTakeOver has a second process answer what the first one has in hand when,
// and only when, the first is gone.
func TestTakeOver(t *testing.T) {
	for name, test := range map[string]struct {
		first, before, after time.Duration // the first process says for how long it is there
		dead                 string
	}{
		"silent": {first: 30 * time.Second, before: 29 * time.Second, after: 40 * time.Second},
		"dead":   {first: time.Hour, before: 0, after: 11 * time.Second, dead: "first"},
	} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				first := h.processOf("first")
				if err := first.Present(t.Context(), time.Now().Add(test.first)); err != nil {
					t.Fatal(err)
				}
				if fresh, err := first.Receive(t.Context(), "r-one", h.typed("alice", "ask x"), time.Now().UTC()); err != nil || !fresh {
					t.Fatal(fresh, err)
				}
				h.engine = h.another(test.dead)
				time.Sleep(test.before)
				if said := text(h.memory.Said()); test.before > 0 && strings.Contains(said, "answer to x") {
					t.Errorf("taken over while its holder was at work:\n%s", said)
				}
				time.Sleep(test.after - test.before)
				h.wants(h.since(0), "interrupted; answered late", "answer to x")
				done, err := first.Finish(t.Context(), "r-one", action.Effects{})
				if err != nil || done {
					t.Errorf("the first process finished it again: %v, %v", done, err)
				}
			})
		})
	}
}

// TestTakenOverProposesNothing pauses a process while it plans, longer than it
// may be silent: the request was answered by another one meanwhile.
func TestTakenOverProposesNothing(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		synctest.Wait()
		resume := make(chan struct{})
		h.plan = func() { <-resume }
		if err := h.engine.Receive(t.Context(), h.typed("alice", "zap target")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.journal.fail("Present", broken)
		h.another()
		time.Sleep(40 * time.Second)
		h.wants(h.memory.Said(), "before it had answered your `zap`", "Nothing had been proposed by then.")
		close(resume)
		said := h.since(0)
		if open, err := h.journal.OpenActions(t.Context()); err != nil || len(open) != 0 || strings.Contains(text(said), "Proposed as") {
			t.Errorf("proposed after all: %v, %v\n%s", open, err, text(said))
		}
	})
}

// TestRunningActionOfADeadProcess is resumed at once; one whose process may
// live is left alone until its lease ends.
func TestRunningActionOfADeadProcess(t *testing.T) {
	for name, test := range map[string]struct {
		dead  string
		after time.Duration
	}{"dead": {"test", 12 * time.Second}, "alive": {"", action.LeaseTime + 3*time.Second}} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				h.open()
				id := h.propose()
				stuck := make(chan struct{})
				defer close(stuck)
				h.zaps(func() (action.Outcome, error) { <-stuck; return action.Outcome{}, context.Canceled }, seen)
				for _, who := range []string{"bob", "carol"} {
					if err := h.engine.Receive(t.Context(), h.typed(who, "approve "+string(id))); err != nil {
						t.Fatal(err)
					}
				}
				time.Sleep(2 * time.Second)
				if a := h.action(id); a.State != action.Running {
					t.Fatalf("it is %s", a.State)
				}
				h.zaps(zapped, seen)
				h.another(test.dead)
				time.Sleep(test.after / 2)
				if a := h.action(id); name == "alive" && a.State != action.Running {
					t.Errorf("it is %s while somebody else works on it", a.State)
				}
				time.Sleep(test.after - test.after/2)
				if a := h.action(id); a.State != action.Settled || a.Lease.Holder == "test" {
					t.Errorf("it is %s, held by %q", a.State, a.Lease.Holder)
				}
			})
		})
	}
}

// TestStopIsShort stops while a question waits for a slow backend: the stop
// takes less than 10 s, and the next process answers.
func TestStopIsShort(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		stop := h.open()
		if err := h.engine.Receive(t.Context(), h.typed("alice", "slow x")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began := time.Now()
		stop()
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("stopping took %s", took)
		}
		if said := h.memory.Said(); len(said) != 0 {
			t.Errorf("said at the stop:\n%s", text(said))
		}
		h.engine = h.another()
		time.Sleep(2 * time.Minute)
		h.wants(h.since(0), "interrupted; answered late", "It took too long and was stopped")
	})
}

// TestATakenBackVoteStaysTakenBack has the answer to an approval lost, the
// approval taken back, and then the answer found missing.
func TestATakenBackVoteStaysTakenBack(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		id := h.propose()
		h.journal.fail("Finish", broken)
		if err := h.engine.Receive(t.Context(), h.typed("bob", "approve "+string(id))); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		h.wants(h.memory.Said(), "What you asked for was taken", "Look at `pending` before you ask again.")
		h.journal.fail("Finish", nil)
		h.do("bob", "withdraw "+string(id))
		time.Sleep(20 * time.Second)
		h.wants(h.since(0), "Your approve of "+string(id)+" was taken when you gave it; only this answer was missing. Now: waits for approval, 0 of 2")
		for _, v := range h.action(id).Votes {
			if v.Lost == "" {
				t.Errorf("the vote of %s counts", v.Person)
			}
		}
		if rows, err := h.journal.Unfinished(t.Context()); err != nil || len(rows) != 0 {
			t.Errorf("unfinished: %v, %v", rows, err)
		}
	})
}

// TestTakenOverWithoutItsPlatform has a process that runs no platform see what
// another one left behind on one.
func TestTakenOverWithoutItsPlatform(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		first := h.processOf("first")
		if fresh, err := first.Receive(t.Context(), "r-one", h.typed("alice", "ask x"), time.Now().UTC()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		_, stop := h.start(h.processOf("bare"), "bare", deaf{bottest.NewMemory("elsewhere")}, nil)
		time.Sleep(time.Minute)
		if h.ran.Load() != 0 {
			t.Error("it was answered by a process that cannot say it")
		}
		stop()
		h.engine = h.another()
		time.Sleep(time.Minute)
		h.wants(h.since(0), "answer to x")
	})
}

// TestALostTakeOverIsFound has the database store a take-over whose answer is
// lost: the requests are in the name of a process that does not know of them.
func TestALostTakeOverIsFound(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		first := h.processOf("first")
		if fresh, err := first.Receive(t.Context(), "r-one", h.typed("alice", "ask x"), time.Now().UTC()); err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		if rows, err := h.journal.Orphans(t.Context(), []string{"memory"}, 9); err != nil || len(rows) != 1 {
			t.Fatal(rows, err) // this process's, and thrown away
		}
		h.open()
		time.Sleep(time.Minute)
		h.wants(h.since(0), "interrupted; answered late", "answer to x")
	})
}
