// Package deadline asks one source one question, and has an answer in time
// whatever the source does.
package deadline

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrBroken is of a source that panicked or gave nothing at all. What it panicked
// with is not for people.
var ErrBroken = errors.New("deadline: a source broke down")

// Ask asks within a time, even who ignores it, and survives a panic. What came with
// an error is given, too.
func Ask[T any](ctx context.Context, within time.Duration, ask func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	type reply struct {
		answer T
		err    error
	}
	done := make(chan reply, 1)
	go func() {
		var out reply
		defer func() {
			if v := recover(); v != nil {
				out = reply{err: fmt.Errorf("%w: %v", ErrBroken, v)}
			}
			done <- out
		}()
		out.answer, out.err = ask(ctx)
	}()
	select {
	case out := <-done:
		return out.answer, out.err
	case <-ctx.Done():
		var nothing T
		return nothing, ctx.Err()
	}
}

// AskWhole is Ask for what must be whole: what came with an error is dropped.
func AskWhole[T any](ctx context.Context, within time.Duration, ask func(context.Context) (T, error)) (T, error) {
	answer, err := Ask(ctx, within, ask)
	if err != nil {
		var nothing T
		return nothing, err
	}
	return answer, nil
}
