package recall_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/bot/recall"
)

// TestTurnsAreTakenInOrder has the first of a key take its time: the others of the
// key wait for it, those of another key do not.
func TestTurnsAreTakenInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var turns recall.Turns
		order := make(chan string, 4)
		var all sync.WaitGroup
		begin := func(key, name string, takes time.Duration) {
			wait, done := turns.Take(key)
			all.Go(func() {
				defer done()
				if err := wait(t.Context()); err != nil {
					t.Error(err)
				}
				time.Sleep(takes)
				order <- name
			})
		}
		begin("bob", "first", time.Second)
		begin("bob", "second", time.Millisecond)
		begin("bob", "third", 0)
		begin("carol", "another", 0)
		all.Wait()
		close(order)
		var got []string
		for name := range order {
			got = append(got, name)
		}
		if want := []string{"another", "first", "second", "third"}; !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

// TestATurnIsNotWaitedForForEver gives up when ctx ends.
func TestATurnIsNotWaitedForForEver(t *testing.T) {
	var turns recall.Turns
	_, _ = turns.Take("bob")
	wait, done := turns.Take("bob")
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if wait(ctx) == nil {
		t.Error("it was not one's turn")
	}
}
