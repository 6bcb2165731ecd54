package bot

import (
	"context"
	"errors"
	"iter"
	"sync"
)

// Together has a Platform of several places listen in all of them. One that ends
// with an error before ctx does ends the others. It returns those errors, or ctx's.
func Together[T any](ctx context.Context, places iter.Seq[T], listen func(context.Context, T) error) error {
	all, cancel := context.WithCancel(ctx)
	defer cancel()
	var mu sync.Mutex
	var failed error
	var listening sync.WaitGroup
	for place := range places {
		listening.Go(func() {
			err := listen(all, place)
			if err == nil || all.Err() != nil {
				return
			}
			mu.Lock()
			failed = errors.Join(failed, err)
			mu.Unlock()
			cancel()
		})
	}
	listening.Wait()
	if failed != nil {
		return failed
	}
	return ctx.Err()
}
