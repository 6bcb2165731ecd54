package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// How long SQLite's write-ahead log may become, in bytes, how often that is
// looked at, and how long everybody who writes waits for those who read.
const (
	walLimit = 32 << 20
	walEvery = time.Second
	walWait  = time.Second
)

// walGuard keeps the write-ahead log short. SQLite begins it anew by itself only
// at a moment when nobody reads from it. On a busy machine there is none: the
// log grows, every read of it takes longer, and there is even less of a moment.
type walGuard struct {
	file   string
	gate   *gate // of those who read in this process
	usual  int64 // the limit, unless the latest try failed
	limit  int64
	looked time.Time
}

func newWALGuard(database string, readers *gate) walGuard {
	return walGuard{file: database + "-wal", gate: readers, usual: walLimit, limit: walLimit}
}

// keepShort begins the log anew when it has grown too long. It waits for those
// that read now, no longer than walWait, and holds up those that come. When some
// take even longer, the log may become longer until the next try.
func (g *walGuard) keepShort(ctx context.Context, conn *preparedConn) {
	if time.Since(g.looked) < walEvery {
		return
	}
	g.looked = time.Now()
	info, err := os.Stat(g.file)
	if err != nil || info.Size() < g.limit {
		return
	}
	g.gate.shutDuring(func() { err = g.tryNow(ctx, conn) })
	if err != nil {
		g.limit *= 2
		return
	}
	g.limit = g.usual
}

var errReadersHoldOn = errors.New("somebody keeps reading from the write-ahead log")

func (g *walGuard) tryNow(ctx context.Context, conn *preparedConn) (err error) {
	wait := func(d time.Duration) error { // takes effect when it is prepared, so it may not be kept prepared
		_, err := conn.conn.ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", d.Milliseconds()))
		return err
	}
	if err := wait(walWait); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, wait(busyTimeout)) }()
	var busy, frames, moved int
	if err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)").Scan(&busy, &frames, &moved); err != nil {
		return err
	}
	if busy != 0 {
		return errReadersHoldOn
	}
	return nil
}
