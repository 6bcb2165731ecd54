package bot

import "context"

type requestKey struct{}

// WithRequest returns a context of work that is done for a request, so that
// every line about it in the log can carry its id.
func WithRequest(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestOf returns the id of the request that work is done for, "" for none.
func RequestOf(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
