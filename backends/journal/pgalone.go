package journal

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// What every command does, said to PostgreSQL in one statement each, which does
// it for many commands at once: a transaction costs four trips and a wait for
// the disk of its own, and a statement more than the rows that it writes. They
// do what the changes do that SQLite runs.

// pgRecords writes the records of "new", their bodies and their places in the queue.
const (
	pgRecordFields = `id, at, kind, request, incident, subject, version, hash, body_hash, mac`
	pgRecordArrays = `?::text[], ?::bigint[], ?::text[], ?::text[], ?::text[], ?::text[], ?::integer[], ?::text[], ?::text[], ?::text[], ?::bytea[], ?::bytea[]`
	pgRecords      = `r AS (INSERT INTO audit_record (` + pgRecordFields + `) SELECT ` + pgRecordFields + ` FROM new RETURNING num, id),
		b AS (INSERT INTO audit_body (num, salt, data) SELECT r.num, new.salt, new.data FROM r JOIN new USING (id)),
		p AS (INSERT INTO audit_pending (num) SELECT num FROM r)`

	pgInsertRecords = `WITH new AS MATERIALIZED (SELECT * FROM unnest(` + pgRecordArrays + `) AS a (` + pgRecordFields + `, salt, data)),
		` + pgRecords + ` SELECT id FROM r`

	pgFinish = `WITH asked AS MATERIALIZED (SELECT * FROM unnest(?::text[], ?::boolean[], ?::text[], ?::text[], ?::bytea[], ?::text[], ?::bigint[], ` + pgRecordArrays + `)
			AS a (ended, posts, key, thread, body, card, queued_at, ` + pgRecordFields + `, salt, data)),
		done AS (UPDATE inbox SET done = 1, data = '' FROM asked WHERE inbox.request = asked.ended AND inbox.done = 0 RETURNING inbox.request),
		new AS MATERIALIZED (SELECT asked.* FROM asked JOIN done ON done.request = asked.ended),
		` + pgRecords + `,
		o AS (INSERT INTO outbox (key, thread, body, card, queued_at) SELECT nullif(key, ''), thread, body, card, queued_at FROM new WHERE posts ON CONFLICT (key) DO NOTHING)
		SELECT request FROM done`

	pgDelivered = `WITH said AS MATERIALIZED (SELECT * FROM unnest(?::bigint[], ?::text[], ?::bigint[], ?::integer[]) AS a (id, message, at, version)),
		o AS (UPDATE outbox SET state = 'said', message = said.message, said_at = said.at, body = '', why = '' FROM said
			WHERE outbox.id = said.id AND state <> 'said' RETURNING outbox.id, outbox.thread, outbox.card, said.message, said.version),
		c AS (INSERT INTO card_message (action, thread, message, version) SELECT card, thread, message, version FROM o WHERE card <> '' ` + newerCard + `)
		SELECT id::text FROM o`
)

// recordAlone writes a record that belongs to no other change and binds no row.
func (j *Journal) recordAlone(ctx context.Context, rec audit.Record) error {
	rec.Version, rec.Hash = 0, ""
	s, err := j.recordStatement(rec)
	if err != nil {
		return fmt.Errorf("journal: writing a record: %w", err)
	}
	if _, err := j.writer.one(ctx, s); err != nil {
		return fmt.Errorf("journal: writing record %s: %w", rec.ID, err)
	}
	j.wake()
	return nil
}

func (j *Journal) recordStatement(rec audit.Record) (statement, error) {
	values, b, err := j.sealed(rec)
	return statement{key: "record/" + rec.ID, many: pgInsertRecords, id: rec.ID, args: append(values, b.Salt, b.Data)}, err
}

// finishAlone ends a request with one record and at most one post; see Finish.
func (j *Journal) finishAlone(ctx context.Context, request string, fx action.Effects) (bool, error) {
	rec := fx.Records[0]
	rec.Version, rec.Hash = 0, ""
	values, b, err := j.sealed(rec)
	if err != nil {
		return false, err
	}
	var p action.Post
	if len(fx.Posts) > 0 {
		p = fx.Posts[0]
	}
	args := append([]any{request, len(fx.Posts) > 0, p.Key, p.Thread, blob(p.Body), string(p.Card), micros(now())}, values...)
	done, err := j.writer.one(ctx, statement{key: "request/" + request, many: pgFinish, id: request, args: append(args, b.Salt, b.Data)})
	if err != nil {
		return false, err
	}
	if !done {
		return false, isReceived(ctx, j.readers, request)
	}
	j.wake()
	return true, nil
}

// deliveredAlone notes that something was said; see delivered.
func (j *Journal) deliveredAlone(ctx context.Context, id int64, message string, version int, at time.Time) error {
	row := strconv.FormatInt(id, 10)
	noted, err := j.writer.one(ctx, statement{key: "outbox/" + row, many: pgDelivered, id: row, args: []any{id, message, micros(at), version}})
	if err != nil || noted {
		return err
	}
	return notFound(j.readers.QueryRowContext(ctx, `SELECT id FROM outbox WHERE id = ?`, id).Scan(&id))
}
