package bot_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/gridwarden/gridwarden/bot"
)

func TestOnePlaceThatFailsEndsAll(t *testing.T) {
	refused := errors.New("the token is refused")
	listen := func(ctx context.Context, place string) error {
		switch place {
		case "refused":
			return refused
		case "over":
			return nil
		}
		<-ctx.Done()
		return ctx.Err()
	}
	if err := bot.Together(t.Context(), slices.Values([]string{"a", "refused", "b"}), listen); !errors.Is(err, refused) || errors.Is(err, context.Canceled) {
		t.Errorf("one that is refused: %v", err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- bot.Together(ctx, slices.Values([]string{"a", "over", "b"}), listen) }()
		synctest.Wait()
		select {
		case err := <-done:
			t.Errorf("it ended with one place that was over: %v", err)
		default:
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("told to stop: %v", err)
		}
	})
}
