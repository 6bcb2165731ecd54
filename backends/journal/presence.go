package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// Present implements bot.Presence.
func (j *Journal) Present(ctx context.Context, until time.Time) error {
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		return t.exec(ctx, `INSERT INTO presence (holder, until) VALUES (?, ?) ON CONFLICT (holder) DO UPDATE SET until = excluded.until`, j.holder, micros(until))
	})
	if err != nil {
		return fmt.Errorf("journal: saying that this process is at work: %w", err)
	}
	return nil
}

const others = `SELECT holder, until FROM presence WHERE holder <> ?`

// Others implements bot.Presence.
func (j *Journal) Others(ctx context.Context) (map[string]time.Time, error) {
	out := map[string]time.Time{}
	err := each(ctx, j.readers, func(scan func(...any) error) error {
		var holder string
		var until int64
		if err := scan(&holder, &until); err != nil {
			return err
		}
		out[holder] = timeOf(until)
		return nil
	}, others, j.holder)
	if err != nil {
		return nil, fmt.Errorf("journal: reading who is at work: %w", explain(err))
	}
	return out, nil
}

// Leave implements bot.Presence.
func (j *Journal) Leave(ctx context.Context) error { return j.Release(ctx, j.holder) }

// Release implements bot.Presence. Requests need no change: a holder without a
// row in presence is nobody.
func (j *Journal) Release(ctx context.Context, holder string) error {
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		for _, q := range []string{
			`DELETE FROM presence WHERE holder = ?`,
			`UPDATE outbox SET due = 0, holder = '' WHERE holder = ? AND state = 'waiting'`,
			`UPDATE work SET due = at, holder = '' WHERE holder = ?`,
		} {
			if err := t.exec(ctx, q, holder); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("journal: releasing what %s has in hand: %w", holder, err)
	}
	return nil
}

// orphan is a request that nobody who is present has in hand.
const (
	orphan    = `done = 0 AND NOT EXISTS (SELECT 1 FROM presence p WHERE p.holder = inbox.holder)`
	anyOrphan = `SELECT EXISTS (SELECT 1 FROM inbox WHERE ` + orphan + `)`
)

// Orphans implements bot.Inbox.
func (j *Journal) Orphans(ctx context.Context, platforms []string, limit int) ([]bot.ReceivedEvent, error) {
	if some, err := j.any(ctx, anyOrphan); err != nil || !some || len(platforms) == 0 {
		return nil, err
	}
	here := ` AND platform IN (?` + strings.Repeat(`, ?`, len(platforms)-1) + `)`
	var args []any
	for _, p := range platforms {
		args = append(args, p)
	}
	var out []bot.ReceivedEvent
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		out = nil
		left, err := j.received(ctx, t, `SELECT request, data, at, mac FROM inbox WHERE `+orphan+here+` ORDER BY seq LIMIT ?`+t.skipLocked("inbox"), append(args, limit)...)
		if err != nil {
			return err
		}
		for _, rec := range left {
			// Asked again: PostgreSQL locks the newest version of a row, but does not
			// look again whether its holder is present.
			n, err := t.affect(ctx, `UPDATE inbox SET holder = ? WHERE request = ? AND `+orphan, j.holder, rec.Request)
			if err != nil {
				return err
			}
			if n == 1 {
				out = append(out, rec)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("journal: taking over requests: %w", err)
	}
	return out, nil
}

// Held implements bot.Inbox.
func (j *Journal) Held(ctx context.Context, before time.Time) ([]bot.ReceivedEvent, error) {
	out, err := j.received(ctx, j.readers, `SELECT request, data, at, mac FROM inbox WHERE done = 0 AND holder = ? AND at < ? ORDER BY seq`, j.holder, micros(before))
	if err != nil {
		return nil, fmt.Errorf("journal: reading the requests in hand: %w", explain(err))
	}
	return out, nil
}

// ours refuses to go on with a request that another process has taken over or
// finished; until the transaction ends nobody takes it. What no request caused
// is nobody's.
func (j *Journal) ours(ctx context.Context, t *tx, request string) error {
	var holder string
	var done bool
	lock := ""
	if t.dialect == postgresDialect {
		lock = " FOR UPDATE"
	}
	err := t.QueryRowContext(ctx, `SELECT holder, done <> 0 FROM inbox WHERE request = ?`+lock, request).Scan(&holder, &done)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case done || holder != j.holder:
		return bot.ErrTakenOver
	}
	return nil
}
