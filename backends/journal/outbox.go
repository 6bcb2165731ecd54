package journal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// firstWaiting picks the first waiting delivery of each thread that is due. A
// delivery that somebody has in hand is not due, and holds back the later ones
// of its thread. In this form it is one look into an index for each candidate,
// whatever the database thinks of the table's size.
const firstWaiting = `FROM outbox o WHERE state = 'waiting' AND due <= ?
	AND o.id = (SELECT min(p.id) FROM outbox p WHERE p.state = 'waiting' AND p.thread = o.thread)`

const anyDelivery = `SELECT EXISTS (SELECT 1 ` + firstWaiting + `)`

// NextDeliveries implements bot.Outbox. Attempts counts how often a delivery
// was handed out before, also to somebody who crashed with it.
func (j *Journal) NextDeliveries(ctx context.Context, at time.Time, lease time.Duration, limit int) ([]bot.Delivery, error) {
	if some, err := j.any(ctx, anyDelivery, micros(at)); err != nil || !some {
		return nil, err
	}
	var out []bot.Delivery
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		out = nil
		return each(ctx, t, func(scan func(...any) error) error {
			var d bot.Delivery
			var queued int64
			if err := scan(&d.ID, &d.Post.Key, &d.Post.Thread, &d.Post.Body, &d.Post.Card, &d.Attempts, &queued); err != nil {
				return err
			}
			d.QueuedAt = timeOf(queued)
			out = append(out, d)
			return nil
		}, `WITH next AS MATERIALIZED (SELECT o.id `+firstWaiting+` ORDER BY o.id LIMIT ?`+t.skipLocked("o")+`)
			UPDATE outbox SET due = ?, taken = taken + 1, holder = ? FROM next WHERE outbox.id = next.id
			RETURNING outbox.id, coalesce(key, ''), thread, body, card, taken - 1, queued_at`, micros(at), limit, micros(at.Add(lease)), j.holder)
	})
	if err != nil {
		return nil, fmt.Errorf("journal: next deliveries: %w", err)
	}
	slices.SortFunc(out, func(a, b bot.Delivery) int { return cmp.Compare(a.ID, b.ID) })
	return out, nil
}

// any answers a question cheaply, so that a poll with nothing to do writes
// nothing.
func (j *Journal) any(ctx context.Context, query string, args ...any) (bool, error) {
	var some bool
	if err := j.readers.QueryRowContext(ctx, query, args...).Scan(&some); err != nil {
		return false, fmt.Errorf("journal: looking for work: %w", explain(err))
	}
	return some, nil
}

// Delivered implements bot.Outbox. An older version of a card never replaces a
// newer one. A delivery that was said before stays as it is.
func (j *Journal) Delivered(ctx context.Context, id int64, message string, version int, at time.Time) error {
	var err error
	if j.readers.dialect == postgresDialect {
		err = j.deliveredAlone(ctx, id, message, version, at)
	} else {
		err = j.writer.do(ctx, func(ctx context.Context, t *tx) error { return delivered(ctx, t, id, message, version, at) })
	}
	if err != nil {
		return fmt.Errorf("journal: noting delivery %d: %w", id, err)
	}
	return nil
}

func delivered(ctx context.Context, t *tx, id int64, message string, version int, at time.Time) error {
	var thread, card, state string
	err := t.QueryRowContext(ctx, `SELECT thread, card, state FROM outbox WHERE id = ?`, id).Scan(&thread, &card, &state)
	if err != nil || state == "said" {
		return notFound(err)
	}
	if err := t.exec(ctx, `UPDATE outbox SET state = 'said', message = ?, said_at = ?, body = ?, why = '' WHERE id = ?`, message, micros(at), blob(nil), id); err != nil {
		return err
	}
	if card == "" {
		return nil
	}
	return t.exec(ctx, `INSERT INTO card_message (action, thread, message, version) VALUES (?, ?, ?, ?) `+newerCard, card, thread, message, version)
}

// newerCard keeps an older version of a card from replacing a newer one.
const newerCard = `ON CONFLICT (action, thread) DO UPDATE SET message = excluded.message, version = excluded.version WHERE excluded.version >= card_message.version`

// Undelivered implements bot.Outbox.
func (j *Journal) Undelivered(ctx context.Context, id int64, why string, next time.Time, giveUp bool) error {
	err := j.writer.do(ctx, func(ctx context.Context, t *tx) error {
		n, err := t.affect(ctx, `UPDATE outbox SET due = ?, why = ?, holder = '', state = CASE WHEN ? THEN 'given up' ELSE 'waiting' END WHERE id = ? AND state = 'waiting'`,
			micros(next), why, giveUp, id)
		if err != nil || n == 1 {
			return err
		}
		err = t.QueryRowContext(ctx, `SELECT id FROM outbox WHERE id = ?`, id).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return bot.ErrNotFound
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("journal: putting off delivery %d: %w", id, err)
	}
	return nil
}

const (
	cardsOf = `SELECT thread, message, version FROM card_message WHERE action = ?`
	cardAt  = `SELECT action FROM card_message WHERE thread = ? AND message = ?`
)

// CardMessages implements bot.Outbox.
func (j *Journal) CardMessages(ctx context.Context, id action.ID) (map[string]bot.ShownCard, error) {
	out := map[string]bot.ShownCard{}
	err := each(ctx, j.readers, func(scan func(...any) error) error {
		var thread string
		var c bot.ShownCard
		if err := scan(&thread, &c.Message, &c.Version); err != nil {
			return err
		}
		out[thread] = c
		return nil
	}, cardsOf, string(id))
	if err != nil {
		return nil, fmt.Errorf("journal: cards of action %s: %w", id, explain(err))
	}
	return out, nil
}

// CardAt implements bot.Outbox.
func (j *Journal) CardAt(ctx context.Context, thread, message string) (action.ID, error) {
	var id action.ID
	err := j.readers.QueryRowContext(ctx, cardAt, thread, message).Scan(&id)
	if err != nil {
		return "", fmt.Errorf("journal: card at message %q: %w", message, notFound(err))
	}
	return id, nil
}

// SaidAt implements bot.Outbox. It reads the whole outbox, for it is asked about
// a message of a case that was deleted only.
func (j *Journal) SaidAt(ctx context.Context, thread, message string) (bool, error) {
	return j.any(ctx, `SELECT EXISTS (SELECT 1 FROM outbox WHERE thread = ? AND message = ?)`, thread, message)
}

// Posted implements bot.Outbox.
func (j *Journal) Posted(ctx context.Context, key string) (bot.Posted, error) {
	var p bot.Posted
	var at sql.NullInt64
	err := j.readers.QueryRowContext(ctx, `SELECT state, message, said_at, taken, why FROM outbox WHERE key = ?`, key).Scan(&p.State, &p.Message, &at, &p.Tries, &p.Why)
	if err != nil {
		return bot.Posted{}, fmt.Errorf("journal: the post %q: %w", key, notFound(err))
	}
	if at.Valid {
		p.At = timeOf(at.Int64)
	}
	return p, nil
}

// Waiting implements bot.Outbox.
func (j *Journal) Waiting(ctx context.Context) (n int, oldest time.Time, err error) {
	var at sql.NullInt64
	err = j.readers.QueryRowContext(ctx, `SELECT count(*), min(queued_at) FROM outbox WHERE state = 'waiting'`).Scan(&n, &at)
	if err != nil {
		return 0, time.Time{}, fmt.Errorf("journal: counting the outbox: %w", explain(err))
	}
	if at.Valid {
		oldest = timeOf(at.Int64)
	}
	return n, oldest, nil
}

// notFound turns the absence of a row into the journal's error for it.
func notFound(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return bot.ErrNotFound
	}
	return explain(err)
}
