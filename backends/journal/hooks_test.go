package journal

import (
	"context"
	"time"
)

// OnWriter runs a statement on SQLite's connection that writes, so that tests
// can make it fail as a disk or another program would.
func (j *Journal) OnWriter(ctx context.Context, statement string) error {
	_, err := j.writer.(*groupWriter).conn.conn.ExecContext(ctx, statement)
	return err
}

// ClaimRetention is what a process does before it removes anything.
func (j *Journal) ClaimRetention(ctx context.Context, at time.Time) (bool, error) {
	return j.claimRetention(ctx, at)
}
