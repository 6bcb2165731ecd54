package journaltest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// callerLeft has callers leave at every moment: what they were told is what happened.
func callerLeft(t *testing.T, j bot.Journal) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Write(gone, posts(post("gone", "t"))); !errors.Is(err, context.Canceled) {
		t.Errorf("Write = %v", err)
	}
	const n = 64
	told := make([]bool, n)
	must(t, manyDo(n, func(i int) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if i%2 == 0 {
			go cancel()
		}
		err := j.Write(ctx, posts(post(fmt.Sprintf("p%d", i), fmt.Sprintf("t%d", i))))
		told[i] = err == nil
		if errors.Is(err, context.Canceled) && i%2 == 0 {
			return nil
		}
		return err
	}))
	stored := map[string]bool{}
	for len(stored) < n {
		got, keys := next(t, j, noon, n)
		if len(got) == 0 {
			break
		}
		for _, k := range keys {
			stored[k] = true
		}
	}
	for i, ok := range told {
		if key := fmt.Sprintf("p%d", i); stored[key] != ok {
			t.Errorf("%s: told %v, stored %v", key, ok, stored[key])
		}
	}
	if stored["gone"] {
		t.Error("who had left before stored something")
	}
}

// callerLeavesInside has callers leave while their own changes run, together
// with those of others: each was told what happened.
func callerLeavesInside(t *testing.T, j bot.Journal) {
	const n = 32
	id := func(i int) action.ID { return action.ID(fmt.Sprintf("a%d", i)) }
	for i := range n {
		create(t, j, proposed(string(id(i)), fmt.Sprintf("k%d", i)), action.Effects{})
	}
	told := make([]bool, n)
	must(t, manyDo(n, func(i int) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		_, err := j.Update(ctx, id(i), func(a *action.Action) (action.Effects, error) {
			if i%2 == 0 {
				cancel()
			}
			a.Reminded++
			return posts(post(string(id(i)), "t")), nil
		})
		told[i] = err == nil
		if errors.Is(err, context.Canceled) && i%2 == 0 {
			return nil
		}
		return err
	}))
	for i, ok := range told {
		a, err := j.Action(t.Context(), id(i))
		must(t, err)
		if (a.Reminded == 1) != ok {
			t.Errorf("%s: told %v, stored %d", id(i), ok, a.Reminded)
		}
	}
}

func panicAlone(t *testing.T, j bot.Journal) {
	create(t, j, proposed("a1", "k1"), action.Effects{})
	must(t, manyDo(32, func(i int) error {
		if i%4 != 0 {
			return j.Write(t.Context(), posts(post(fmt.Sprintf("p%d", i), "t")))
		}
		_, err := j.Update(t.Context(), "a1", func(a *action.Action) (action.Effects, error) {
			a.State = action.Denied
			panic("a mistake")
		})
		if err == nil {
			return errors.New("a change that panicked was taken")
		}
		return nil
	}))
	got, err := j.Action(t.Context(), "a1")
	must(t, err)
	same(t, "action", got, proposed("a1", "k1"))
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting posts", n, 24)
}
