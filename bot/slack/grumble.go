package slack

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// grumbles is how often in a minute strangers can write into the log.
const grumbles = 20

// grumble logs what strangers do, some times in a minute.
type grumble struct {
	log *slog.Logger

	mu     sync.Mutex
	since  time.Time
	said   int // since then
	silent int // not logged
}

// about logs, and reports whether it did.
func (g *grumble) about(ctx context.Context, what string, err error, path string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); now.Sub(g.since) >= time.Minute {
		if g.silent > 0 {
			g.log.WarnContext(ctx, "more of the same was not logged", "times", g.silent)
		}
		g.since, g.said, g.silent = now, 0, 0
	}
	if g.said >= grumbles {
		g.silent++
		return false
	}
	g.said++
	g.log.WarnContext(ctx, "a call was not taken", "why", what, "error", err, "path", path)
	return true
}
