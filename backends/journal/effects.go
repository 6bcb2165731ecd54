package journal

import (
	"context"
	"fmt"
	"slices"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// row is a stored row that a change has written, as its records bind it.
type row struct {
	subject string
	version int
	json    []byte // canonical, after the change
}

// Write implements bot.Journal.
func (j *Journal) Write(ctx context.Context, fx action.Effects) error {
	if len(fx.Records) == 1 && len(fx.Posts)+len(fx.Work) == 0 && j.readers.dialect == postgresDialect {
		return j.recordAlone(ctx, fx.Records[0])
	}
	err := j.write(ctx, func(ctx context.Context, t *tx) error { return j.effects(ctx, t, fx, nil) })
	if err != nil {
		return fmt.Errorf("journal: writing effects: %w", err)
	}
	return nil
}

// write runs a change that may write records, and wakes the sequencer.
func (j *Journal) write(ctx context.Context, c change) error {
	err := j.writer.do(ctx, c)
	if err == nil {
		j.wake()
	}
	return err
}

// effects writes what must be true together with a change of r. Records about
// r bind it as it is now; no other record can bind anything. When none is about
// r, one is added: no row changes without a record.
func (j *Journal) effects(ctx context.Context, t *tx, fx action.Effects, r *row) error {
	records := slices.Clone(fx.Records)
	if r != nil && !slices.ContainsFunc(records, func(rec audit.Record) bool { return rec.Subject == r.subject }) {
		records = append(records, audit.Record{ID: audit.NewID(), At: now(), Kind: audit.Changed, Subject: r.subject})
	}
	for _, rec := range records {
		rec.Version, rec.Hash = 0, ""
		if r != nil && rec.Subject == r.subject {
			rec.Version, rec.Hash = r.version, audit.HashRow(r.json)
		}
		if err := j.record(ctx, t, rec); err != nil {
			return err
		}
	}
	for _, w := range fx.Work {
		if err := later(ctx, t, w); err != nil {
			return fmt.Errorf("work %s %s: %w", w.Kind, w.Key, err)
		}
	}
	for _, p := range fx.Posts {
		if err := queue(ctx, t, p); err != nil {
			return fmt.Errorf("post %s: %w", p.Key, err)
		}
	}
	return nil
}

// record writes one record and lets it wait for its place in the log.
func (j *Journal) record(ctx context.Context, t *tx, rec audit.Record) error {
	if t.dialect == postgresDialect { // one trip instead of three
		one, err := j.recordStatement(rec)
		if err != nil {
			return err
		}
		if err := t.exec(ctx, one.many, alike{{statement: one}}.arrays()...); err != nil {
			return fmt.Errorf("record %s: %w", rec.ID, err)
		}
		return nil
	}
	values, b, err := j.sealed(rec)
	if err != nil {
		return err
	}
	var num int64
	if err := t.QueryRowContext(ctx, insertRecord, values...).Scan(&num); err != nil {
		return fmt.Errorf("record %s: %w", rec.ID, err)
	}
	if err := t.exec(ctx, `INSERT INTO audit_body (num, salt, data) VALUES (?, ?, ?)`, num, b.Salt, b.Data); err != nil {
		return fmt.Errorf("body of record %s: %w", rec.ID, err)
	}
	if err := t.exec(ctx, `INSERT INTO audit_pending (num) VALUES (?)`, num); err != nil {
		return fmt.Errorf("place of record %s: %w", rec.ID, err)
	}
	return nil
}

// sealed gives the values of a record's row, and its body.
func (j *Journal) sealed(rec audit.Record) ([]any, audit.Body, error) {
	e, b, err := j.key.Seal(rec)
	return []any{e.ID, e.At, string(e.Kind), e.Request, e.Incident, e.Subject, e.Version, e.Hash, e.BodyHash, e.MAC}, b, err
}

const insertRecord = `INSERT INTO audit_record (id, at, kind, request, incident, subject, version, hash, body_hash, mac)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING num`

// queue puts a post in the outbox; a key that was used before is dropped.
func queue(ctx context.Context, t *tx, p action.Post) error {
	return t.exec(ctx, `INSERT INTO outbox (key, thread, body, card, queued_at) VALUES (nullif(?, ''), ?, ?, ?, ?) ON CONFLICT (key) DO NOTHING`,
		p.Key, p.Thread, blob(p.Body), string(p.Card), micros(now()))
}
