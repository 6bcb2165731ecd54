package slack

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// grumbleEvery bounds how much strangers can write into the log.
const grumbleEvery = time.Minute

// grumble logs what strangers do, once in a while.
type grumble struct {
	log *slog.Logger

	mu     sync.Mutex
	last   time.Time
	silent int // not logged since
}

func (g *grumble) about(ctx context.Context, what string, err error, path string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.last.IsZero() && time.Since(g.last) < grumbleEvery {
		g.silent++
		return
	}
	g.log.WarnContext(ctx, what, "error", err, "path", path, "more_since_the_last", g.silent)
	g.last, g.silent = time.Now(), 0
}
