package journaltest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

func toDo(w ...action.Work) action.Effects { return action.Effects{Work: w} }

// due gives the work that is handed out, and its keys.
func due(t *testing.T, j bot.Journal, at time.Time) (out []bot.DueWork, keys []string) {
	t.Helper()
	out, err := j.DueWork(t.Context(), at, lease, 9)
	must(t, err)
	for _, w := range out {
		keys = append(keys, w.Key)
	}
	return out, keys
}

func workDue(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), toDo(work("run", "late", 2*time.Second), work("run", "soon", time.Second), work("run", "far", time.Hour))))
	at, err := j.NextWork(t.Context())
	must(t, err)
	same(t, "next work", at, noon.Add(time.Second))
	_, keys := due(t, j, noon)
	same(t, "due too early", keys, nil)
	got, keys := due(t, j, noon.Add(2*time.Second))
	same(t, "due", keys, []string{"soon", "late"})
	same(t, "work", got[0].Work, work("run", "soon", time.Second))
	same(t, "attempts", got[0].Attempts, 0)
	_, keys = due(t, j, noon.Add(3*time.Second))
	same(t, "in hand", keys, nil)
	must(t, j.WorkDone(t.Context(), got[0], posts(post("p", "t"))))
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "posts of what was done", n, 1)
	got, keys = due(t, j, noon.Add(2*time.Second+lease))
	same(t, "after the lease", keys, []string{"late"})
	same(t, "attempts after the lease", got[0].Attempts, 1)
}

func workReplaced(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), toDo(work("run", "k", time.Hour), work("verify", "k", 0))))
	second := work("run", "k", time.Second)
	second.Args = []byte("other")
	must(t, j.Write(t.Context(), toDo(second)))
	got, _ := due(t, j, noon.Add(time.Second))
	same(t, "due", []action.Work{got[0].Work, got[1].Work}, []action.Work{work("verify", "k", 0), second})
	_, keys := due(t, j, noon.Add(time.Hour))
	same(t, "the first one is gone", len(keys), 2) // the two in hand, their leases over
}

func replacedInHand(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), toDo(work("run", "k", 0))))
	got, _ := due(t, j, noon)
	must(t, j.Write(t.Context(), toDo(work("run", "k", time.Minute))))
	fx := toDo(work("run", "k", 9*time.Hour), work("again", "k", 9*time.Hour))
	fx.Posts = []action.Post{post("p", "t")}
	must(t, j.WorkAgain(t.Context(), got[0], noon.Add(8*time.Hour), "too early"))
	must(t, j.WorkDone(t.Context(), got[0], fx))
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "posts of what was done", n, 1)
	newer, _ := due(t, j, noon.Add(time.Minute))
	same(t, "work that replaced it", len(newer), 1)
	same(t, "its attempts", newer[0].Attempts, 0)
	if newer[0].Token == got[0].Token {
		t.Error("the token is that of the work that was replaced")
	}
	// Work that puts itself on the list again is new work, too.
	must(t, j.WorkDone(t.Context(), newer[0], toDo(work("run", "k", time.Hour))))
	at, err := j.NextWork(t.Context())
	must(t, err)
	same(t, "next work", at, noon.Add(time.Hour))
}

func lostLease(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), toDo(work("run", "k", 0))))
	slow, _ := due(t, j, noon)
	quick, _ := due(t, j, noon.Add(lease))
	must(t, j.WorkDone(t.Context(), slow[0], posts(post("slow", "t"))))
	must(t, j.WorkAgain(t.Context(), slow[0], noon.Add(9*time.Hour), "why"))
	at, err := j.NextWork(t.Context())
	must(t, err)
	same(t, "the lease that holds", at, noon.Add(2*lease))
	must(t, j.WorkDone(t.Context(), quick[0], posts(post("quick", "t"))))
	must(t, j.WorkDone(t.Context(), slow[0], posts(post("late", "t"))))
	_, keys := next(t, j, noon, 9)
	same(t, "said", keys, []string{"quick"})
	at, err = j.NextWork(t.Context())
	must(t, err)
	same(t, "next work", at, time.Time{})
}

func workAgain(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), toDo(work("run", "k", 0))))
	got, _ := due(t, j, noon)
	must(t, j.WorkAgain(t.Context(), got[0], noon.Add(time.Hour), "503"))
	at, err := j.NextWork(t.Context())
	must(t, err)
	same(t, "next work", at, noon.Add(time.Hour))
	got, _ = due(t, j, noon.Add(time.Hour))
	same(t, "attempts", got[0].Attempts, 1)
	same(t, "time", got[0].At, noon.Add(time.Hour))
}

func workersApart(t *testing.T, j bot.Journal) {
	var fx action.Effects
	for i := range 40 {
		fx.Work = append(fx.Work, work("run", fmt.Sprint(i), 0))
	}
	must(t, j.Write(t.Context(), fx))
	var mu sync.Mutex
	seen := map[string]int{}
	must(t, manyDo(16, func(int) error {
		got, err := j.DueWork(t.Context(), noon, lease, 5)
		mu.Lock()
		defer mu.Unlock()
		for _, w := range got {
			seen[w.Key]++
		}
		return err
	}))
	same(t, "handed out", len(seen), 40)
	for key, n := range seen {
		if n != 1 {
			t.Errorf("work %s was handed out %d times", key, n)
		}
	}
}
