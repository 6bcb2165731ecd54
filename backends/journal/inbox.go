package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Receive implements bot.Inbox.
func (j *Journal) Receive(ctx context.Context, request string, ev bot.Event, at time.Time) (fresh bool, err error) {
	if request == "" || ev.ID == "" {
		return false, errors.New("journal: an event to receive needs a request and an id")
	}
	data, err := json.Marshal(ev)
	if err != nil {
		return false, fmt.Errorf("journal: encoding event %s: %w", ev.ID, err)
	}
	mac := j.key.MarkReceived(request, at, data)
	fresh, err = j.writer.one(ctx, statement{
		key:   fmt.Sprintf("event/%s/%s/%s", ev.Account.Platform, ev.Account.Workspace, ev.ID),
		args:  []any{request, ev.Account.Platform, ev.Account.Workspace, ev.ID, string(data), micros(at), mac, j.holder},
		query: inboxRow + `VALUES (?, ?, ?, ?, ?, ?, ?, ?)` + knownEvent,
		many: inboxRow + `SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::text[], ?::text[], ?::bigint[], ?::text[], ?::text[])` +
			knownEvent + ` RETURNING request`,
		id: request,
	})
	if err != nil {
		return false, fmt.Errorf("journal: receiving event %s: %w", ev.ID, err)
	}
	return fresh, nil
}

const (
	inboxRow   = `INSERT INTO inbox (request, platform, workspace, event, data, at, mac, holder) `
	knownEvent = ` ON CONFLICT (platform, workspace, event) DO NOTHING`
)

// Finish implements bot.Inbox. What was received is emptied: only its ids are
// needed from then on.
func (j *Journal) Finish(ctx context.Context, request string, fx action.Effects) (done bool, err error) {
	if len(fx.Records) == 1 && len(fx.Posts) <= 1 && len(fx.Work) == 0 && j.readers.dialect == postgresDialect {
		done, err = j.finishAlone(ctx, request, fx)
	} else {
		err = j.write(ctx, func(ctx context.Context, t *tx) (err error) {
			if done, err = finish(ctx, t, request); err != nil || !done {
				return err
			}
			return j.effects(ctx, t, fx, nil)
		})
	}
	if err != nil {
		return false, fmt.Errorf("journal: finishing request %s: %w", request, err)
	}
	return done, nil
}

// finish marks a request as done, unless it was before.
func finish(ctx context.Context, t *tx, request string) (bool, error) {
	n, err := t.affect(ctx, `UPDATE inbox SET done = 1, data = '' WHERE request = ? AND done = 0`, request)
	if err != nil || n == 1 {
		return err == nil, err
	}
	return false, isReceived(ctx, t, request)
}

func isReceived(ctx context.Context, r reader, request string) error {
	var n int
	return notFound(r.QueryRowContext(ctx, `SELECT 1 FROM inbox WHERE request = ?`, request).Scan(&n))
}

// Request implements bot.Inbox.
func (j *Journal) Request(ctx context.Context, platform, workspace, event string) (string, error) {
	var request string
	err := j.readers.QueryRowContext(ctx, `SELECT request FROM inbox WHERE platform = ? AND workspace = ? AND event = ?`, platform, workspace, event).Scan(&request)
	if err != nil {
		return "", fmt.Errorf("journal: the request of event %s: %w", event, notFound(err))
	}
	return request, nil
}

// Unfinished implements bot.Inbox.
func (j *Journal) Unfinished(ctx context.Context) ([]bot.ReceivedEvent, error) {
	out, err := j.received(ctx, j.readers, `SELECT request, data, at, mac FROM inbox WHERE done = 0 ORDER BY seq`)
	if err != nil {
		return nil, fmt.Errorf("journal: reading the inbox: %w", explain(err))
	}
	return out, nil
}

// received reads events. What this program did not receive is left out: it
// would be answered, and a vote counted, in the name of whom it names.
func (j *Journal) received(ctx context.Context, r reader, query string, args ...any) ([]bot.ReceivedEvent, error) {
	var out []bot.ReceivedEvent
	err := each(ctx, r, func(scan func(...any) error) error {
		var rec bot.ReceivedEvent
		var data []byte
		var at int64
		var mac string
		if err := scan(&rec.Request, &data, &at, &mac); err != nil {
			return err
		}
		rec.At = timeOf(at)
		if !j.key.Received(rec.Request, rec.At, data, mac) {
			j.log.ErrorContext(ctx, "an event that gridwarden did not receive stands in the inbox; it is not answered", "request", rec.Request)
			return nil
		}
		if err := json.Unmarshal(data, &rec.Event); err != nil {
			return fmt.Errorf("event of request %s: %w", rec.Request, err)
		}
		out = append(out, rec)
		return nil
	}, query, args...)
	return out, err
}
