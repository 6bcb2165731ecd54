package journal

import (
	"context"
	"os"
	"time"
)

// How long SQLite's write-ahead log may become, in bytes, and how often that is
// looked at.
const (
	walLimit = 32 << 20
	walEvery = time.Second
)

// walGuard keeps the write-ahead log short. SQLite begins it anew by itself only
// at a moment when nobody reads from it. On a busy machine there is none: the
// log grows, every read of it takes longer, and there is even less of a moment.
type walGuard struct {
	file   string
	usual  int64 // the limit, unless the latest try failed
	limit  int64
	looked time.Time
}

func newWALGuard(database string) walGuard {
	return walGuard{file: database + "-wal", usual: walLimit, limit: walLimit}
}

// keepShort begins the log anew when it has grown too long. New readers do not
// read from it once all of it is in the database, so this waits for those that
// read now and no longer than busy_timeout. When they take even longer, the log
// may become longer until the next try.
func (g *walGuard) keepShort(ctx context.Context, conn *preparedConn) {
	if time.Since(g.looked) < walEvery {
		return
	}
	g.looked = time.Now()
	info, err := os.Stat(g.file)
	if err != nil || info.Size() < g.limit {
		return
	}
	var busy, frames, moved int
	err = conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved)
	if err != nil || busy != 0 {
		g.limit *= 2
		return
	}
	g.limit = g.usual
}
