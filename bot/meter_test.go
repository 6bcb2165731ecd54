package bot_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// counts is a Meter that counts by what it was told, times aside.
type counts struct {
	mu  sync.Mutex
	all map[string]int
}

func (c *counts) add(took time.Duration, err error, parts ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	what := strings.TrimSpace(fmt.Sprintln(parts...))
	if took < 0 {
		what += " in no time"
	}
	if err != nil {
		what += " failed"
	}
	c.all[what]++
}

func (c *counts) Received(platform string, kind bot.Kind, fresh bool, took time.Duration, err error) {
	c.add(took, err, "received", platform, kind, fresh)
}

func (c *counts) Answered(command, state string, took time.Duration) {
	c.add(took, nil, "answered", fmt.Sprintf("%q", command), state)
}

func (c *counts) Delivered(platform string, waited time.Duration, err error) {
	c.add(waited, err, "delivered", platform)
}

func (c *counts) Stepped(command string, step bot.Step, took time.Duration, err error) {
	c.add(took, err, "stepped", command, step)
}

// has fails unless exactly this was counted since the last time.
func (c *counts) has(t *testing.T, want map[string]int) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !maps.Equal(c.all, want) {
		for _, what := range slices.Sorted(maps.Keys(c.all)) {
			t.Logf("%d %s", c.all[what], what)
		}
		t.Errorf("want %v", want)
	}
	clear(c.all)
}

func TestMeter(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		c := &counts{all: map[string]int{}}
		h.meter = c
		h.open()
		c.has(t, map[string]int{})

		h.nasty.Next(bottest.Faults{Duplicate: 1})
		h.says("alice", "ask once")
		c.has(t, map[string]int{"received memory typed true": 1, "received memory typed false": 1, `answered "ask" answered`: 1, "delivered memory": 1})

		h.nasty.Next(bottest.Faults{FailPosts: 1})
		h.says("alice", "aks now")
		time.Sleep(time.Minute)
		c.has(t, map[string]int{"received memory typed true": 1, `answered "" refused`: 1, "delivered memory failed": 1, "delivered memory": 1})

		h.says("alice", "boom")
		c.has(t, map[string]int{"received memory typed true": 1, `answered "boom" failed`: 1, "delivered memory": 1})

		h.journal.fail("Receive", errors.New("disk full"))
		if err := h.engine.Receive(t.Context(), h.typed("alice", "ask")); err == nil {
			t.Error("received without a journal")
		}
		h.journal.fail("Receive", nil)
		c.has(t, map[string]int{"received memory typed false failed": 1})

		ev := h.typed("alice", "ask")
		ev.Account.Platform, ev.Thread = "telegram", bot.Thread{Platform: bot.RunPlatform, Channel: "terminal", Root: "x"}
		if _, err := h.engine.Do(t.Context(), ev); err != nil {
			t.Fatal(err)
		}
		elsewhere := action.Post{Key: "k", Thread: bot.Thread{Platform: "telegram", Channel: "c"}.String(), Body: []byte("{}")}
		if err := h.journal.Write(t.Context(), action.Effects{Posts: []action.Post{elsewhere}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
		c.has(t, map[string]int{"received unknown typed true": 1, `answered "" refused`: 1, "delivered unknown failed": 1})
	})
}

// requests has the request of each line that is logged, by its message.
type requests struct {
	slog.Handler
	mu  sync.Mutex
	all map[string]string
}

func (r *requests) Handle(ctx context.Context, line slog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all[line.Message] = bot.RequestOf(ctx)
	return nil
}

func (r *requests) Enabled(context.Context, slog.Level) bool { return true }

func (r *requests) WithAttrs([]slog.Attr) slog.Handler { return r }

// TestStepsAreMeteredAndLoggedForTheirRequest fails each step of an action
// once. What is done for it later is logged as of the request that asked for it.
func TestStepsAreMeteredAndLoggedForTheirRequest(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		c, logged := &counts{all: map[string]int{}}, &requests{all: map[string]string{}}
		h.meter, h.logs = c, logged
		h.open()
		h.zaps(func() (action.Outcome, error) { return action.Outcome{}, errors.New("gone") }, func() (action.Progress, error) { return action.Progress{}, errors.New("gone") })
		id := h.propose()
		h.says("bob", "approve "+string(id))
		h.nasty.Next(bottest.Faults{FailPosts: 1})
		h.says("carol", "approve "+string(id))
		h.zaps(zapped, func() (action.Progress, error) { return action.Progress{}, errors.New("gone") })
		time.Sleep(10 * time.Second)
		h.zaps(zapped, seen)
		time.Sleep(5 * time.Minute)
		a := h.action(id)
		if a.State != action.Settled {
			t.Fatalf("it is %s", a.State)
		}
		logged.mu.Lock()
		defer logged.mu.Unlock()
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, message := range []string{"a step failed", "a look at an action failed"} {
			if got := logged.all[message]; got != a.Request {
				t.Errorf("%q is logged of request %q, want %s", message, got, a.Request)
			}
		}
		if got := logged.all["request concluded"]; !strings.HasPrefix(got, "r-") || got == a.Request {
			t.Errorf("the last vote is logged of request %q", got)
		}
		if got := logged.all["message not delivered"]; !strings.HasPrefix(got, "r-") {
			t.Errorf("an answer that was not delivered is logged of request %q", got)
		}
		for _, what := range []string{"stepped zap apply", "stepped zap apply failed", "stepped zap verify", "stepped zap verify failed"} {
			if c.all[what] == 0 {
				t.Errorf("not counted: %s", what)
			}
		}
	})
}
