package journal

import "context"

// snapshot reads with f what several queries must see as of one moment.
func snapshot[T any](ctx context.Context, j *Journal, f func(reader) (T, error)) (T, error) {
	var none T
	t, err := j.readers.begin(ctx)
	if err != nil {
		return none, explain(err)
	}
	defer t.tx.Rollback()
	out, err := f(t)
	if err != nil {
		return none, explain(err)
	}
	return out, nil
}
