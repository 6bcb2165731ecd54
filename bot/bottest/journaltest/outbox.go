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

const lease = 30 * time.Second

// next gives the deliveries that are handed out, and their keys.
func next(t *testing.T, j bot.Journal, at time.Time, limit int) (out []bot.Delivery, keys []string) {
	t.Helper()
	out, err := j.NextDeliveries(t.Context(), at, lease, limit)
	must(t, err)
	for _, d := range out {
		keys = append(keys, d.Post.Key)
	}
	return out, keys
}

func deliveredInOrder(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), posts(post("a1", "A"), post("a2", "A"), post("b1", "B"))))
	must(t, j.Write(t.Context(), posts(post("a3", "A"), post("c1", "C"))))
	got, keys := next(t, j, noon, 2)
	same(t, "first two", keys, []string{"a1", "b1"})
	same(t, "post", got[0].Post, post("a1", "A"))
	if got[0].QueuedAt.IsZero() || got[0].Attempts != 0 {
		t.Errorf("delivery = %+v", got[0])
	}
	_, keys = next(t, j, noon, 9)
	same(t, "while those are in hand", keys, []string{"c1"})
	for _, want := range [][]string{{"a2"}, {"a3"}, nil} {
		must(t, j.Delivered(t.Context(), got[0].ID, "m", 0, noon))
		got, keys = next(t, j, noon, 9)
		same(t, "after a delivery", keys, want)
	}
}

func oneInFlight(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), posts(post("a1", "A"), post("a2", "A"))))
	_, keys := next(t, j, noon, 9)
	same(t, "first", keys, []string{"a1"})
	_, keys = next(t, j, noon.Add(lease-time.Second), 9)
	same(t, "in hand", keys, nil)
	got, keys := next(t, j, noon.Add(lease), 9)
	same(t, "after the lease", keys, []string{"a1"})
	same(t, "attempts", got[0].Attempts, 1) // whoever had it may have said it
	must(t, j.Undelivered(t.Context(), got[0].ID, "503", noon.Add(time.Hour), false))
	_, keys = next(t, j, noon.Add(time.Hour-time.Second), 9)
	same(t, "put off", keys, nil)
	_, keys = next(t, j, noon.Add(time.Hour), 9)
	same(t, "again", keys, []string{"a1"})
}

func queuedOnce(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), posts(post("a1", "A"), post("a1", "B"))))
	got, keys := next(t, j, noon, 9)
	same(t, "keys", keys, []string{"a1"})
	same(t, "thread", got[0].Post.Thread, "A")
	must(t, j.Delivered(t.Context(), got[0].ID, "m", 0, noon))
	must(t, j.Write(t.Context(), posts(post("a1", "A"))))
	_, keys = next(t, j, noon.Add(time.Hour), 9)
	same(t, "keys after it was said", keys, nil)
}

// howFar follows one post from the queue to its end.
func howFar(t *testing.T, j bot.Journal) {
	const key = "mail/abc/1"
	if _, err := j.Posted(t.Context(), key); !errors.Is(err, bot.ErrNotFound) {
		t.Errorf("a post that nobody queued: %v", err)
	}
	must(t, j.Write(t.Context(), posts(post(key, "A"), post("a2", "B"))))
	is := func(what string, want bot.Posted) {
		t.Helper()
		got, err := j.Posted(t.Context(), key)
		must(t, err)
		same(t, what, got, want)
	}
	is("queued", bot.Posted{State: bot.PostWaiting})
	got, _ := next(t, j, noon, 1)
	is("in hand", bot.Posted{State: bot.PostWaiting, Tries: 1})
	must(t, j.Undelivered(t.Context(), got[0].ID, "451 later", noon.Add(time.Minute), false))
	is("put off", bot.Posted{State: bot.PostWaiting, Tries: 1, Why: "451 later"})
	got, _ = next(t, j, noon.Add(time.Minute), 1)
	must(t, j.Delivered(t.Context(), got[0].ID, "<id@example.org>", 0, noon.Add(time.Hour)))
	is("said", bot.Posted{State: bot.PostSaid, Tries: 2, Message: "<id@example.org>", At: noon.Add(time.Hour)})
	got, _ = next(t, j, noon, 1)
	must(t, j.Undelivered(t.Context(), got[0].ID, "550 nobody", noon, true))
	gone, err := j.Posted(t.Context(), "a2")
	must(t, err)
	same(t, "given up", gone, bot.Posted{State: bot.PostGivenUp, Tries: 1, Why: "550 nobody"})
}

func givenUp(t *testing.T, j bot.Journal) {
	must(t, j.Write(t.Context(), posts(post("a1", "A"), post("a2", "A"))))
	got, _ := next(t, j, noon, 9)
	must(t, j.Undelivered(t.Context(), got[0].ID, "channel is archived", noon, true))
	_, keys := next(t, j, noon, 9)
	same(t, "after giving up", keys, []string{"a2"})
	n, _, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting", n, 1)
}

func deliverersApart(t *testing.T, j bot.Journal) {
	var fx action.Effects
	for i := range 40 {
		fx.Posts = append(fx.Posts, post(fmt.Sprintf("p%d", i), fmt.Sprintf("t%d", i)))
	}
	must(t, j.Write(t.Context(), fx))
	var mu sync.Mutex
	seen := map[int64]int{}
	must(t, manyDo(16, func(int) error {
		got, err := j.NextDeliveries(t.Context(), noon, lease, 5)
		mu.Lock()
		defer mu.Unlock()
		for _, d := range got {
			seen[d.ID]++
		}
		return err
	}))
	same(t, "handed out", len(seen), 40)
	for id, n := range seen {
		if n != 1 {
			t.Errorf("delivery %d was handed out %d times", id, n)
		}
	}
}

func cardStands(t *testing.T, j bot.Journal) {
	ctx := t.Context()
	card := func(key string) action.Post { return action.Post{Key: key, Thread: "A", Card: "a1"} }
	must(t, j.Write(ctx, posts(card("v1"), card("v2"), card("v3"), action.Post{Key: "b", Thread: "B", Card: "a1"})))
	for _, step := range []struct {
		message string
		version int
		want    bot.ShownCard
	}{
		{"m1", 3, bot.ShownCard{Message: "m1", Version: 3}},
		{"m1", 2, bot.ShownCard{Message: "m1", Version: 3}},
		{"m2", 4, bot.ShownCard{Message: "m2", Version: 4}},
	} {
		got, _ := next(t, j, noon, 1)
		same(t, "card", got[0].Post.Card, "a1")
		must(t, j.Delivered(ctx, got[0].ID, step.message, step.version, noon))
		must(t, j.Delivered(ctx, got[0].ID, "late", 99, noon)) // said before: nothing changes
		cards, err := j.CardMessages(ctx, "a1")
		must(t, err)
		same(t, "card", cards["A"], step.want)
	}
	got, _ := next(t, j, noon.Add(time.Hour), 1)
	must(t, j.Delivered(ctx, got[0].ID, "m1", 4, noon))
	for _, at := range []struct{ thread, message string }{{"A", "m2"}, {"B", "m1"}} {
		id, err := j.CardAt(ctx, at.thread, at.message)
		must(t, err)
		same(t, "card at "+at.thread, id, "a1")
	}
	if id, err := j.CardAt(ctx, "A", "m1"); err == nil {
		t.Errorf("the card that was replaced is still that of %s", id)
	}
	for at, want := range map[string]bool{"m1": true, "m3": false} {
		said, err := j.SaidAt(t.Context(), "B", at)
		must(t, err)
		same(t, "said in B as "+at, said, want)
	}
}

func outboxCounts(t *testing.T, j bot.Journal) {
	n, oldest, err := j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting", n, 0)
	same(t, "oldest", oldest, time.Time{})
	must(t, j.Write(t.Context(), posts(post("a", "A"))))
	_, first, err := j.Waiting(t.Context())
	must(t, err)
	must(t, j.Write(t.Context(), posts(post("b", "A"))))
	n, oldest, err = j.Waiting(t.Context())
	must(t, err)
	same(t, "waiting", n, 2)
	same(t, "oldest", oldest, first)
	if time.Since(oldest) > time.Minute || oldest.After(time.Now()) {
		t.Errorf("queued at %v", oldest)
	}
}
