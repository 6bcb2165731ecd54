package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// later puts work on the list in the transaction of the change that causes it.
// It replaces what waits under the same kind and key, with a new token.
func later(ctx context.Context, t *tx, w action.Work) error {
	replace := `REPLACE INTO work (kind, key, args, at, due) VALUES (?, ?, ?, ?, ?)`
	if t.dialect == postgresDialect {
		replace = `INSERT INTO work (kind, key, args, at, due) VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, key) DO UPDATE SET
			token = excluded.token, args = excluded.args, at = excluded.at, due = excluded.due, taken = 0, why = '', holder = ''`
	}
	return t.exec(ctx, replace, w.Kind, w.Key, blob(w.Args), micros(w.At), micros(w.At))
}

// The ways in which work that somebody had in hand has ended.
const (
	workHeld     = iota // nobody else touched it
	workReplaced        // newer work of the same kind and key waits
	workLost            // the lease lapsed, and another took it or has done it
)

// held tells how work stands that was handed out as w: replacing gives a new
// token, handing out again counts.
func held(ctx context.Context, t *tx, w bot.DueWork) (int, error) {
	if err := t.alone(ctx, "work/"+w.Kind+"/"+w.Key); err != nil {
		return workLost, err
	}
	var token int64
	var taken int
	err := t.QueryRowContext(ctx, `SELECT token, taken FROM work WHERE kind = ? AND key = ?`, w.Kind, w.Key).Scan(&token, &taken)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return workLost, nil
	case err != nil:
		return workLost, err
	case token != w.Token:
		return workReplaced, nil
	case taken != w.Attempts+1:
		return workLost, nil
	}
	return workHeld, nil
}

const (
	anyWork = `SELECT EXISTS (SELECT 1 FROM work WHERE due <= ?)`
	nextDue = `SELECT min(due) FROM work`
)

// DueWork implements bot.Timer. Attempts counts how often the work was handed
// out before, also to somebody who crashed with it.
func (j *Journal) DueWork(ctx context.Context, at time.Time, lease time.Duration, limit int) ([]bot.DueWork, error) {
	if some, err := j.any(ctx, anyWork, micros(at)); err != nil || !some {
		return nil, err
	}
	var out []bot.DueWork
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		out = nil
		err := each(ctx, t, func(scan func(...any) error) error {
			var w bot.DueWork
			var due int64
			if err := scan(&w.Token, &w.Kind, &w.Key, &w.Args, &due, &w.Attempts); err != nil {
				return err
			}
			w.At = timeOf(due)
			out = append(out, w)
			return nil
		}, `SELECT token, kind, key, args, at, taken FROM work WHERE due <= ? ORDER BY due, token LIMIT ?`+t.skipLocked("work"), micros(at), limit)
		if err != nil {
			return err
		}
		for _, w := range out {
			if err := t.exec(ctx, `UPDATE work SET due = ?, taken = taken + 1, holder = ? WHERE token = ?`, micros(at.Add(lease)), j.holder, w.Token); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("journal: due work: %w", err)
	}
	return out, nil
}

// WorkDone implements bot.Timer. Whoever lost the work because its lease
// lapsed changes nothing: fx is dropped, for the one who has it now does it whole.
func (j *Journal) WorkDone(ctx context.Context, w bot.DueWork, fx action.Effects) error {
	err := j.write(ctx, func(ctx context.Context, t *tx) error { return j.done(ctx, t, w, fx) })
	if err != nil {
		return fmt.Errorf("journal: noting that %s %s is done: %w", w.Kind, w.Key, err)
	}
	return nil
}

// done takes work off the list in the transaction of what it caused.
func (j *Journal) done(ctx context.Context, t *tx, w bot.DueWork, fx action.Effects) error {
	how, err := held(ctx, t, w)
	if err != nil || how == workLost {
		return err
	}
	if how == workReplaced {
		fx.Work = slices.DeleteFunc(slices.Clone(fx.Work), func(o action.Work) bool { return o.Kind == w.Kind && o.Key == w.Key })
		return j.effects(ctx, t, fx, nil)
	}
	if err := t.exec(ctx, `DELETE FROM work WHERE token = ?`, w.Token); err != nil {
		return err
	}
	return j.effects(ctx, t, fx, nil)
}

// WorkAgain implements bot.Timer. Work that was replaced or lost stays as it is.
func (j *Journal) WorkAgain(ctx context.Context, w bot.DueWork, at time.Time, why string) error {
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		how, err := held(ctx, t, w)
		if err != nil || how != workHeld {
			return err
		}
		return t.exec(ctx, `UPDATE work SET at = ?, due = ?, why = ?, holder = '' WHERE token = ?`, micros(at), micros(at), why, w.Token)
	})
	if err != nil {
		return fmt.Errorf("journal: putting off %s %s: %w", w.Kind, w.Key, err)
	}
	return nil
}

// NextWork implements bot.Timer. Work in hand counts as due when its lease ends.
func (j *Journal) NextWork(ctx context.Context) (time.Time, error) {
	var due sql.NullInt64
	if err := j.readers.QueryRowContext(ctx, nextDue).Scan(&due); err != nil {
		return time.Time{}, fmt.Errorf("journal: next work: %w", explain(err))
	}
	if !due.Valid {
		return time.Time{}, nil
	}
	return timeOf(due.Int64), nil
}

// blob keeps nil out of columns that are never null.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
