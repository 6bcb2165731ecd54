package journal

import (
	"context"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// What every command does, said to PostgreSQL in one statement each, so that
// it is committed in groups: a transaction costs four trips and a wait for the
// disk of its own. They do what the changes do that SQLite runs.

// recordColumns of what is inserted, in the order of sealed.
const pgRecordColumns = `audit_record (id, at, kind, request, incident, subject, version, hash, body_hash, mac)`

// pgInsertRecord writes a record, its body and its place in the queue.
const pgInsertRecord = `WITH r AS (` + insertRecord + `), b AS (INSERT INTO audit_body (num, salt, data) SELECT num, ?, ? FROM r)
	INSERT INTO audit_pending (num) SELECT num FROM r`

// recordAlone writes a record that belongs to no other change and binds no row.
func (j *Journal) recordAlone(ctx context.Context, rec audit.Record) error {
	rec.Version, rec.Hash = 0, ""
	values, b, err := j.sealed(rec)
	if err != nil {
		return fmt.Errorf("journal: writing a record: %w", err)
	}
	if _, err := j.writer.one(ctx, statement{"record/" + rec.ID, pgInsertRecord, append(values, b.Salt, b.Data)}); err != nil {
		return fmt.Errorf("journal: writing record %s: %w", rec.ID, err)
	}
	j.wake()
	return nil
}

// finishAlone ends a request with one record and at most one post; see Finish.
func (j *Journal) finishAlone(ctx context.Context, request string, fx action.Effects) (bool, error) {
	rec := fx.Records[0]
	rec.Version, rec.Hash = 0, ""
	values, b, err := j.sealed(rec)
	if err != nil {
		return false, err
	}
	query := `WITH done AS (UPDATE inbox SET done = 1, data = '' WHERE request = ? AND done = 0 RETURNING 1),
		r AS (INSERT INTO ` + pgRecordColumns + ` SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ? FROM done RETURNING num),
		b AS (INSERT INTO audit_body (num, salt, data) SELECT num, ?, ? FROM r),
		p AS (INSERT INTO audit_pending (num) SELECT num FROM r)`
	args := append([]any{request}, append(values, b.Salt, b.Data)...)
	for _, p := range fx.Posts {
		query += `, o AS (INSERT INTO outbox (key, thread, body, card, queued_at) SELECT nullif(?, ''), ?, ?, ?, ? FROM done ON CONFLICT (key) DO NOTHING)`
		args = append(args, p.Key, p.Thread, blob(p.Body), string(p.Card), micros(now()))
	}
	n, err := j.writer.one(ctx, statement{"request/" + request, query + ` SELECT 1 FROM done`, args})
	if err != nil {
		return false, err
	}
	if n == 0 {
		return false, isReceived(ctx, j.readers, request)
	}
	j.wake()
	return true, nil
}

// deliveredAlone notes that something was said; see delivered.
func (j *Journal) deliveredAlone(ctx context.Context, id int64, message string, version int, at time.Time) error {
	n, err := j.writer.one(ctx, statement{
		key: fmt.Sprintf("outbox/%d", id),
		query: `WITH o AS (UPDATE outbox SET state = 'said', message = ?, said_at = ?, body = '', why = '' WHERE id = ? AND state <> 'said' RETURNING thread, card),
			c AS (INSERT INTO card_message (action, thread, message, version) SELECT card, thread, ?, ? FROM o WHERE card <> '' ` + newerCard + `)
			SELECT 1 FROM o`,
		args: []any{message, micros(at), id, message, version},
	})
	if err != nil || n == 1 {
		return err
	}
	return notFound(j.readers.QueryRowContext(ctx, `SELECT 1 FROM outbox WHERE id = ?`, id).Scan(&n))
}
