package monitor

import (
	"context"
	"sync"
	"time"
)

// latest asks one question once at a time, however many want to know, and
// believes the answer for a while. Nobody waits longer than the deadline of
// his ctx, which must have one; what ignores it is left behind, once.
type latest[T any] struct {
	mu      sync.Mutex
	asking  chan struct{} // closed with the answer; nil: nobody asks
	value   T
	err     error
	settled time.Time // when the answer came
}

func (l *latest[T]) get(ctx context.Context, believed time.Duration, ask func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	if l.asking == nil {
		if !l.settled.IsZero() && time.Since(l.settled) < believed {
			defer l.mu.Unlock()
			return l.value, l.err
		}
		l.asking = make(chan struct{})
		until, _ := ctx.Deadline()
		go l.ask(context.WithoutCancel(ctx), until, ask)
	}
	asking := l.asking
	l.mu.Unlock()
	select {
	case <-asking:
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.value, l.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

// ask outlives whoever was the first to want to know, but not the time it had.
func (l *latest[T]) ask(ctx context.Context, until time.Time, ask func(context.Context) (T, error)) {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	value, err := ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value, l.err, l.settled = value, err, time.Now()
	close(l.asking)
	l.asking = nil
}
