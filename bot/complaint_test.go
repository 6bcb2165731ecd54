package bot_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines counts what is logged, by its message.
type lines struct {
	slog.Handler
	mu  sync.Mutex
	all map[string]int
}

func (l *lines) Handle(_ context.Context, line slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all[line.Message]++
	return nil
}

func (l *lines) Enabled(context.Context, slog.Level) bool { return true }

func (l *lines) WithAttrs([]slog.Attr) slog.Handler { return l }

// TestAnOutageIsLoggedAtMostOnceAMinute takes the journal away for ten minutes,
// twice, and gives it back.
func TestAnOutageIsLoggedAtMostOnceAMinute(t *testing.T) {
	inHall(t, func(t *testing.T, h *hall) {
		logged := &lines{all: map[string]int{}}
		h.logs = logged
		h.open()
		for range 2 {
			time.Sleep(time.Minute)
			for _, method := range []string{"NextDeliveries", "DueWork", "Present"} {
				h.journal.fail(method, broken)
			}
			time.Sleep(10 * time.Minute)
			for _, method := range []string{"NextDeliveries", "DueWork", "Present"} {
				h.journal.fail(method, nil)
			}
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		logged.mu.Lock()
		defer logged.mu.Unlock()
		for fails, over := range map[string]string{
			"outbox not readable":                                     "outbox readable again",
			"timed work not readable":                                 "timed work readable again",
			"what was interrupted is not taken up; it is tried again": "what was interrupted is taken up again",
		} {
			if n := logged.all[fails]; n < 18 || n > 22 {
				t.Errorf("%q was logged %d times", fails, n)
			}
			if n := logged.all[over]; n != 2 {
				t.Errorf("%q was logged %d times", over, n)
			}
		}
	})
}
