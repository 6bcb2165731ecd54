package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Backlog tells what waits, all as of one moment.
func (j *Journal) Backlog(ctx context.Context) (bot.Backlog, error) {
	b, err := snapshot(ctx, j, func(r reader) (bot.Backlog, error) {
		b := bot.Backlog{Open: map[action.State]int{}}
		err := errors.Join(
			count(ctx, r, &b.Unfinished, &b.OldestUnfinished, `SELECT count(*), min(at) FROM inbox WHERE done = 0`),
			count(ctx, r, &b.Waiting, &b.OldestWaiting, `SELECT count(*), min(queued_at) FROM outbox WHERE state = 'waiting'`),
			// Numbers are given in the order of writing, so the first is the oldest.
			count(ctx, r, &b.Unplaced, &b.OldestUnplaced, `SELECT count(*), (SELECT r.at FROM audit_pending JOIN audit_record r USING (num) ORDER BY num LIMIT 1) FROM audit_pending`),
			count(ctx, r, new(int), &b.NewestPlaced, `SELECT 0, (SELECT r.at FROM audit_leaf JOIN audit_record r USING (num) ORDER BY leaf DESC LIMIT 1)`),
			each(ctx, r, func(scan func(...any) error) error {
				var state action.State
				var n int
				if err := scan(&state, &n); err != nil {
					return err
				}
				b.Open[state] = n
				return nil
			}, `SELECT state, count(*) FROM action WHERE `+stillOpen+` GROUP BY state`),
		)
		return b, err
	})
	if err != nil {
		return bot.Backlog{}, fmt.Errorf("journal: reading what waits: %w", err)
	}
	return b, nil
}

// count reads a number and the time of the oldest or newest, zero for none.
func count(ctx context.Context, r reader, n *int, t *time.Time, query string) error {
	var at sql.NullInt64
	if err := r.QueryRowContext(ctx, query).Scan(n, &at); err != nil {
		return err
	}
	if at.Valid {
		*t = timeOf(at.Int64)
	}
	return nil
}
