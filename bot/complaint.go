package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// complainEvery is how often a failure that lasts is logged.
const complainEvery = time.Minute

// complaint is what a loop that tries again and again logs of its failures: the
// first, then one a minute, and when it is over.
type complaint struct {
	log         *slog.Logger
	fails, over string // the messages

	mu          sync.Mutex
	since, said time.Time // zero: it does not fail
}

// about takes what one try came to. A try that was cut by a stop says nothing.
func (c *complaint) about(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := now()
	switch {
	case err == nil && c.since.IsZero():
	case err == nil:
		c.say(ctx, slog.LevelInfo, c.over, "after", at.Sub(c.since).Round(time.Second))
		c.since = time.Time{}
	case c.since.IsZero():
		c.since, c.said = at, at
		c.say(ctx, slog.LevelError, c.fails, "error", err)
	case at.Sub(c.said) >= complainEvery:
		c.said = at
		c.say(ctx, slog.LevelError, c.fails, "error", err, "for", at.Sub(c.since).Round(time.Second))
	}
}

func (c *complaint) say(ctx context.Context, level slog.Level, message string, about ...any) {
	c.log.Log(ctx, level, message, about...) //nolint:sloglint // one of the two that whoever made it wrote as a literal
}
