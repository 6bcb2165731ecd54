package bottest_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// listener listens on a nasty platform and keeps the ids that were handed over.
type listener struct {
	memory *bottest.Memory
	nasty  *bottest.Nasty
	mu     sync.Mutex
	ids    []string
}

func listen(t *testing.T) *listener {
	m := bottest.NewMemory("memory")
	l := &listener{memory: m, nasty: bottest.NewNasty(m)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- l.nasty.Listen(ctx, func(_ context.Context, ev bot.Event) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.ids = append(l.ids, ev.ID)
			return nil
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("Listen ended with %v", err)
		}
	})
	return l
}

// send delivers events at once, each in its own goroutine but in this order.
func (l *listener) send(t *testing.T, ids ...string) {
	var sent sync.WaitGroup
	for _, id := range ids {
		sent.Go(func() {
			if err := l.memory.Send(t.Context(), bot.Event{ID: id, Thread: security}); err != nil {
				t.Errorf("Send %s: %v", id, err)
			}
		})
		synctest.Wait()
	}
	sent.Wait()
}

func (l *listener) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.ids)
}

func TestNastyEvents(t *testing.T) {
	tests := []struct {
		name   string
		before func(*bottest.Nasty)
		want   []string
		takes  time.Duration
	}{
		{"nothing on demand", func(*bottest.Nasty) {}, []string{"a", "b", "c"}, 0},
		{"duplicates", func(n *bottest.Nasty) { n.Next(bottest.Faults{Duplicate: 2}) }, []string{"a", "a", "b", "b", "c"}, 0},
		{"reorders", func(n *bottest.Nasty) { n.Next(bottest.Faults{Reorder: 1}) }, []string{"b", "a", "c"}, 0},
		{"delays", func(n *bottest.Nasty) { n.Delay(time.Minute) }, []string{"a", "b", "c"}, time.Minute},
		{"is away", func(n *bottest.Nasty) { n.Drop(time.Hour) }, []string{"a", "b", "c"}, time.Hour},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := listen(t)
				synctest.Wait()
				test.before(l.nasty)
				began := time.Now()
				l.send(t, "a", "b", "c")
				got := l.got()
				if test.takes > 0 {
					slices.Sort(got) // what waits for the same moment comes in any order
				}
				if !slices.Equal(got, test.want) {
					t.Errorf("handed over %q; want %q", got, test.want)
				}
				if took := time.Since(began); took != test.takes {
					t.Errorf("it took %s; want %s", took, test.takes)
				}
			})
		})
	}
}

func TestNastyHoldsTheLastEventForASecondOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(t)
		l.nasty.Next(bottest.Faults{Reorder: 1})
		began := time.Now()
		l.send(t, "a")
		if took := time.Since(began); took != time.Second || len(l.got()) != 1 {
			t.Errorf("handed over %q after %s", l.got(), took)
		}
	})
}

func TestNastyPosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := listen(t)
		n, ctx := l.nasty, t.Context()
		post := func() error {
			_, err := n.PostKeyed(ctx, security, "k", bot.Say("hello"))
			return err
		}
		steps := []struct {
			name  string
			do    func() error
			want  error
			total int // things said
		}{
			{"refused", func() error { n.Next(bottest.Faults{FailPosts: 1}); return post() }, bottest.ErrRefused, 0},
			{"lost acknowledgement", func() error { n.Next(bottest.Faults{LoseAck: 1}); return post() }, bottest.ErrLostAck, 1},
			{"well again", post, nil, 2},
			{"whisper refused", func() error {
				n.Next(bottest.Faults{FailPosts: 1})
				return n.Whisper(ctx, security, bot.Account{ID: "alice"}, bot.Say("x"))
			}, bottest.ErrRefused, 2},
			{"update refused", func() error {
				n.Next(bottest.Faults{FailUpdates: 1})
				return n.Update(ctx, security, "m1", bot.Say("x"))
			}, bottest.ErrRefused, 2},
			{"update with a lost acknowledgement", func() error {
				n.Next(bottest.Faults{LoseAck: 1})
				return n.Update(ctx, security, "m1", bot.Say("x"))
			}, bottest.ErrLostAck, 3},
			{"away", func() error { n.Drop(time.Minute); return post() }, bottest.ErrDown, 3},
			{"finding while away", func() error { _, _, err := n.FindPost(ctx, security, "k"); return err }, bottest.ErrDown, 3},
			{"back", func() error { time.Sleep(time.Minute); return post() }, nil, 4},
		}
		for _, step := range steps {
			if err := step.do(); !errors.Is(err, step.want) {
				t.Errorf("%s: %v; want %v", step.name, err, step.want)
			}
			if got := len(l.memory.Said()); got != step.total {
				t.Errorf("%s: %d things said; want %d", step.name, got, step.total)
			}
		}
		if id, found, err := n.FindPost(ctx, security, "k"); err != nil || !found || id == "" {
			t.Errorf("FindPost = %q, %t, %v", id, found, err)
		}
	})
}
