package bot_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// takes has long tell what it knows at some times after it began, and answer at
// the last of them.
func (h *hall) takes(tells ...time.Duration) {
	h.long = func(_ context.Context, r *bot.Request) (bot.Message, error) {
		began := time.Now()
		for i, at := range tells {
			time.Sleep(time.Until(began.Add(at)))
			if i < len(tells)-1 {
				r.Progress(func() bot.Message { return bot.Say("still asking, %d of %d", i, len(tells)-1) })
			}
		}
		return bot.Say("the whole answer, late %t", r.Late), nil
	}
}

// hows is how each thing was said, and its last line.
func hows(said []bottest.Said) []string {
	var out []string
	for _, s := range said {
		lines := bottest.Lines(s.Message)
		out = append(out, string(s.How)+" "+lines[len(lines)-1])
	}
	return out
}

func (h *hall) wantsHows(said []bottest.Said, want ...string) {
	h.Helper()
	if got := hows(said); strings.Join(got, "\n") != strings.Join(want, "\n") {
		h.Errorf("said\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, s := range said {
		if s.ID != said[0].ID {
			h.Errorf("said in %s and in %s", said[0].ID, s.ID)
		}
	}
}

// TestProgress holds that a long request tells within a second how far it is, and
// that all of it is one message, of which the last form is the answer.
func TestProgress(t *testing.T) {
	for name, test := range map[string]struct {
		tells []time.Duration
		want  []string
	}{
		"fast": {[]time.Duration{0, 600 * time.Millisecond}, []string{"posted the whole answer, late false"}},
		"long": {[]time.Duration{0, 4 * time.Second, 10 * time.Second}, []string{"posted still asking, 0 of 2", "updated still asking, 1 of 2", "updated the whole answer, late false"}},
		"much news": {
			[]time.Duration{0, 800 * time.Millisecond, 900 * time.Millisecond, time.Second, 3 * time.Second},
			[]string{"posted still asking, 0 of 4", "updated still asking, 3 of 4", "updated the whole answer, late false"},
		},
		"news before it is shown": {[]time.Duration{0, 100 * time.Millisecond, time.Second}, []string{"posted still asking, 1 of 2", "updated the whole answer, late false"}},
	} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				h.open()
				h.takes(test.tells...)
				began := time.Now()
				said := h.says("alice", "long x")
				h.wantsHows(said, test.want...)
				if first := said[0].At.Sub(began); first > time.Second {
					t.Errorf("first heard of after %s", first)
				}
				for _, s := range said {
					if !strings.Contains(text([]bottest.Said{s}), "alice asked: long x") {
						t.Errorf("it is not said who asked what: %s", text([]bottest.Said{s}))
					}
				}
				h.answeredOnce("the whole answer")
			})
		})
	}
}

// answeredOnce holds that the audit log has one answer, the whole one.
func (h *hall) answeredOnce(what string) {
	h.Helper()
	records, err := h.journal.Records(h.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Answered, audit.Refused}, Limit: 10})
	if err != nil || len(records) != 1 || !strings.Contains(string(records[0].Body), what) || strings.Contains(string(records[0].Body), "still asking") {
		h.Errorf("recorded %d answers: %+v, %v", len(records), records, err)
	}
}

// TestProgressOfARequestThatFails: also a refusal replaces what was shown.
func TestProgressOfARequestThatFails(t *testing.T) {
	for name, fail := range map[string]func() error{
		"error": func() error { return bot.Problemf("unavailable", "Nothing answers.") },
		"panic": func() error { panic("boom") },
	} {
		inHall(t, func(t *testing.T, h *hall) {
			h.open()
			h.long = func(_ context.Context, r *bot.Request) (bot.Message, error) {
				r.Progress(func() bot.Message { return bot.Say("still asking") })
				time.Sleep(3 * time.Second)
				return bot.Message{}, fail()
			}
			said := h.says("alice", "long x")
			if len(said) != 2 || said[1].How != bottest.Updated || said[1].ID != said[0].ID || strings.Contains(text(said[1:]), "still asking") {
				t.Errorf("%s: %s", name, text(said))
			}
		})
	}
}

// TestProgressThatBreaks shows nothing, and the answer comes all the same.
func TestProgressThatBreaks(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.long = func(_ context.Context, r *bot.Request) (bot.Message, error) {
			r.Progress(func() bot.Message { panic("boom") })
			time.Sleep(3 * time.Second)
			return bot.Say("the whole answer"), nil
		}
		h.wantsHows(h.says("alice", "long x"), "posted the whole answer")
	})
}

// deafFull is deaf and can find what was posted.
type deafFull struct{ bottest.Full }

func (deafFull) Listen(ctx context.Context, _ func(context.Context, bot.Event) error) error {
	<-ctx.Done()
	return nil
}

// TestProgressIsReplacedAfterACrash kills a process that had shown how far it was:
// whoever takes the request over answers late, in that message.
func TestProgressIsReplacedAfterACrash(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		stop := h.open()
		dead := make(chan struct{})
		h.long = func(_ context.Context, r *bot.Request) (bot.Message, error) {
			r.Progress(func() bot.Message { return bot.Say("still asking") })
			<-dead
			return bot.Message{}, context.Canceled
		}
		if err := h.engine.Receive(t.Context(), h.typed("alice", "long x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		h.wantsHows(h.memory.Said(), "posted still asking")
		h.takes(0, 3*time.Second)
		alive, _ := h.start(h.processOf("another"), "another", deafFull{h.memory}, func(holder string) bool { return holder == "test" })
		time.Sleep(time.Minute)
		if err := alive.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
		h.wantsHows(h.memory.Said(), "posted still asking", "updated still asking, 0 of 1", "updated the whole answer, late true")
		close(dead)
		stop()
		h.wantsHows(h.memory.Said(), "posted still asking", "updated still asking, 0 of 1", "updated the whole answer, late true")
		h.answeredOnce("the whole answer, late true")
	})
}

// TestProgressNamesNobodyToGuests: who can read the channel is looked at each time.
func TestProgressNamesNobodyToGuests(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.long = func(_ context.Context, r *bot.Request) (bot.Message, error) {
			r.Progress(func() bot.Message { return bot.Say("jdoe so far") })
			h.memory.Share("security", true)
			time.Sleep(3 * time.Second)
			return bot.Say("jdoe it was"), nil
		}
		said := h.says("alice", "long x")
		if len(said) != 1 || strings.Contains(text(said), "jdoe") {
			t.Errorf("a guest may read %s", text(said))
		}
	})
}

// stubborn is a platform that lets nobody change a message.
type stubborn struct{ bottest.Full }

func (stubborn) Update(context.Context, bot.Thread, string, bot.Message) error {
	return errors.New("it is too old")
}

// TestAnAnswerThatCannotReplaceItsProgress is posted below it.
func TestAnAnswerThatCannotReplaceItsProgress(t *testing.T) {
	for name, test := range map[string]struct {
		platform func(*bottest.Memory) bot.Platform
		during   func(*bottest.Memory)
		want     string
	}{
		"deleted":        {nil, func(m *bottest.Memory) { m.Delete(m.Said()[0].ID) }, "posted still asking, 0 of 1\nposted the whole answer, late false"},
		"no changes":     {func(m *bottest.Memory) bot.Platform { return stubborn{m} }, nil, "posted still asking, 0 of 1\nposted the whole answer, late false"},
		"no other gifts": {func(m *bottest.Memory) bot.Platform { return bottest.Bare(m) }, nil, "posted still asking, 0 of 1\nupdated the whole answer, late false"},
	} {
		t.Run(name, func(t *testing.T) {
			inHall(t, func(t *testing.T, h *hall) {
				var platform bot.Platform = h.memory
				if test.platform != nil {
					platform = test.platform(h.memory)
				}
				h.engine, _ = h.start(h.journal, "test", platform, nil)
				h.takes(0, 3*time.Second)
				if err := h.memory.Send(t.Context(), h.typed("alice", "long x")); err != nil {
					t.Fatal(err)
				}
				time.Sleep(2 * time.Second)
				if test.during != nil {
					test.during(h.memory)
				}
				time.Sleep(time.Minute)
				if got := strings.Join(hows(h.since(0)), "\n"); got != test.want {
					t.Errorf("said\n%s\nwant\n%s", got, test.want)
				}
			})
		})
	}
}

// TestProgressOnAPlatformThatHangs delays the answer by no more than the grace.
func TestProgressOnAPlatformThatHangs(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		synctest.Wait()
		h.nasty.Delay(time.Hour)
		h.takes(0, time.Second)
		if err := h.engine.Receive(t.Context(), h.typed("alice", "long x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		h.answeredOnce("the whole answer")
		h.nasty.Delay(0)
		time.Sleep(2 * time.Minute)
		h.wantsHows(h.since(0), "posted the whole answer, late false")
	})
}

// TestProgressIsNotSaidToWhoGetsTheReply: on the command line only the answer is printed.
func TestProgressIsNotSaidToWhoGetsTheReply(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.takes(0, 3*time.Second)
		if reply := h.do("alice", "long x"); reply.State != "answered" || len(h.memory.Said()) != 0 {
			t.Errorf("%+v\n%s", reply, text(h.memory.Said()))
		}
	})
}

// TestProgressWhoseAcknowledgementIsLost is found by its key.
func TestProgressWhoseAcknowledgementIsLost(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		h.open()
		h.takes(0, 3*time.Second)
		h.nasty.Next(bottest.Faults{LoseAck: 1})
		h.wantsHows(h.says("alice", "long x"), "posted still asking, 0 of 1", "updated the whole answer, late false")
	})
}
