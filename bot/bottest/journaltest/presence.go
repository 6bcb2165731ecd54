package journaltest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// requestsOf are the requests that a process takes over now.
func requestsOf(t *testing.T, j bot.Journal, limit int) []string {
	t.Helper()
	rows, err := j.Orphans(t.Context(), []string{"slack", "discord"}, limit)
	must(t, err)
	var out []string
	for _, r := range rows {
		out = append(out, r.Request)
	}
	return out
}

// only is the one process that another one sees, and until when it said it is there.
func only(t *testing.T, j bot.Journal) (string, time.Time) {
	t.Helper()
	others, err := j.Others(t.Context())
	must(t, err)
	for holder, until := range others {
		if len(others) == 1 {
			return holder, until
		}
	}
	t.Fatalf("others: %v", others)
	return "", time.Time{}
}

func orphans(t *testing.T, one, two bot.Journal) {
	must(t, one.Present(t.Context(), noon))
	must(t, one.Present(t.Context(), noon.Add(time.Minute)))
	must(t, two.Present(t.Context(), noon))
	for i := range 4 {
		_, err := one.Receive(t.Context(), fmt.Sprintf("r%d", i), event(fmt.Sprintf("e%d", i)), noon)
		must(t, err)
	}
	_, err := one.Finish(t.Context(), "r1", action.Effects{})
	must(t, err)
	same(t, "while its receiver is present", requestsOf(t, two, 9), nil)
	held, err := one.Held(t.Context(), noon.Add(time.Second))
	must(t, err)
	same(t, "held", len(held), 3)
	held, err = one.Held(t.Context(), noon)
	must(t, err)
	same(t, "held longer", len(held), 0)
	holder, until := only(t, two)
	same(t, "until", until, noon.Add(time.Minute))
	must(t, two.Release(t.Context(), holder))
	elsewhere, err := two.Orphans(t.Context(), []string{"discord"}, 9)
	must(t, err)
	same(t, "of another platform", len(elsewhere), 0)
	same(t, "taken over", requestsOf(t, two, 2), []string{"r0", "r2"})
	held, err = two.Held(t.Context(), noon.Add(time.Second))
	must(t, err)
	same(t, "held then", len(held), 2)
	same(t, "the rest", requestsOf(t, two, 9), []string{"r3"})
	same(t, "again", requestsOf(t, two, 9), nil)
	must(t, two.Leave(t.Context()))
	same(t, "after both are gone", requestsOf(t, one, 9), []string{"r0", "r2", "r3"})
	others, err := one.Others(t.Context())
	must(t, err)
	same(t, "others", others, map[string]time.Time{})
}

func takenOver(t *testing.T, one, two bot.Journal) {
	must(t, one.Present(t.Context(), noon))
	a := proposed("a1", "k1")
	_, err := one.Receive(t.Context(), a.Request, event("e1"), noon)
	must(t, err)
	holder, _ := only(t, two)
	must(t, two.Release(t.Context(), holder))
	must(t, two.Present(t.Context(), noon))
	same(t, "taken over", requestsOf(t, two, 9), []string{a.Request})
	create(t, two, proposed("other", "k2"), action.Effects{})
	for state, j := range map[string]bot.Journal{"taken over": one, "finished": two} {
		if state == "finished" {
			_, err := two.Finish(t.Context(), a.Request, action.Effects{})
			must(t, err)
		}
		if _, created, err := j.Create(t.Context(), a, action.Effects{}); !errors.Is(err, bot.ErrTakenOver) || created {
			t.Errorf("%s: Create = %v, %v", state, created, err)
		}
		if _, err := j.UpdateFor(t.Context(), a.Request, "other", func(*action.Action) (action.Effects, error) { return action.Effects{}, nil }); !errors.Is(err, bot.ErrTakenOver) {
			t.Errorf("%s: UpdateFor = %v", state, err)
		}
	}
	open, err := one.OpenActions(t.Context())
	must(t, err)
	same(t, "open actions", len(open), 1)
}

func released(t *testing.T, one, two bot.Journal) {
	ctx := t.Context()
	must(t, one.Present(ctx, noon))
	fx := posts(post("said", "t1"), post("put off", "t2"), post("in hand", "t3"))
	fx.Work = []action.Work{work("in hand", "k", 0), work("put off", "k", 0), work("replaced", "k", 0)}
	must(t, one.Write(ctx, fx))
	got, _ := next(t, one, noon, 9)
	must(t, one.Delivered(ctx, got[0].ID, "m", 0, noon))
	must(t, one.Undelivered(ctx, got[1].ID, "why", noon.Add(time.Hour), false))
	works, err := one.DueWork(ctx, noon, lease, 9)
	must(t, err)
	for _, w := range works {
		if w.Kind == "put off" {
			must(t, one.WorkAgain(ctx, w, noon.Add(time.Hour), "why"))
		}
	}
	must(t, one.Write(ctx, action.Effects{Work: []action.Work{work("replaced", "k", time.Hour)}}))
	_, keys := next(t, two, noon, 9)
	same(t, "posts while it is present", keys, nil)
	holder, _ := only(t, two)
	must(t, two.Release(ctx, holder))
	_, keys = next(t, two, noon, 9)
	same(t, "posts", keys, []string{"in hand"})
	again, err := two.DueWork(ctx, noon, lease, 9)
	must(t, err)
	var kinds []string
	for _, w := range again {
		kinds = append(kinds, w.Kind)
		same(t, "attempts", w.Attempts, 1)
	}
	same(t, "work", kinds, []string{"in hand"})
	for _, w := range works { // the first process goes on as if nothing had happened
		if w.Kind != "put off" {
			must(t, one.WorkDone(ctx, w, posts(post("done/"+w.Kind, "t4"))))
		}
	}
	must(t, two.WorkDone(ctx, again[0], posts(post("done by two", "t5"))))
	_, keys = next(t, two, noon, 9)
	same(t, "effects", keys, []string{"done/replaced", "done by two"})
}

func orphansApart(t *testing.T, one, two bot.Journal) {
	const n = 40
	for i := range n {
		_, err := one.Receive(t.Context(), fmt.Sprintf("r%d", i), event(fmt.Sprintf("e%d", i)), noon)
		must(t, err)
	}
	must(t, two.Present(t.Context(), noon))
	var mu sync.Mutex
	taken := map[string]int{}
	must(t, manyDo(8, func(int) error {
		for range n {
			rows, err := two.Orphans(t.Context(), []string{"slack"}, 3)
			if err != nil {
				return err
			}
			mu.Lock()
			for _, r := range rows {
				taken[r.Request]++
			}
			mu.Unlock()
		}
		return nil
	}))
	for i := range n {
		if r := fmt.Sprintf("r%d", i); taken[r] != 1 {
			t.Errorf("%s was taken %d times", r, taken[r])
		}
	}
}
