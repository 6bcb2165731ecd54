package deadline_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/handlers/deadline"
)

func TestAsk(t *testing.T) {
	broke := errors.New("half of it")
	for name, c := range map[string]struct {
		ask   func(context.Context) (string, error)
		half  string // what Ask gives
		whole string
		err   error
	}{
		"an answer":     {func(context.Context) (string, error) { return "all", nil }, "all", "all", nil},
		"half of one":   {func(context.Context) (string, error) { return "half", broke }, "half", "", broke},
		"a panic":       {func(context.Context) (string, error) { panic("boom") }, "", "", deadline.ErrBroken},
		"one who waits": {func(ctx context.Context) (string, error) { <-ctx.Done(); return "", ctx.Err() }, "", "", context.DeadlineExceeded},
		"who ignores the time": {func(context.Context) (string, error) {
			time.Sleep(time.Hour)
			return "late", nil
		}, "", "", context.DeadlineExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				if got, err := deadline.Ask(t.Context(), time.Minute, c.ask); got != c.half || !errors.Is(err, c.err) {
					t.Errorf("%q, %v", got, err)
				}
				if got, err := deadline.AskWhole(t.Context(), time.Minute, c.ask); got != c.whole || !errors.Is(err, c.err) {
					t.Errorf("whole: %q, %v", got, err)
				}
				if took := time.Since(began); took > 2*time.Minute {
					t.Errorf("took %s", took)
				}
				time.Sleep(2 * time.Hour) // for who ignored it
			})
		})
	}
}
