package journal

import (
	"context"
	"fmt"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Prove gives the proof that a record is in the log of the newest checkpoint.
func (j *Journal) Prove(ctx context.Context, record string) (audit.Inclusion, error) {
	if _, err := j.Sequence(ctx); err != nil {
		return audit.Inclusion{}, err
	}
	p, err := snapshot(ctx, j, func(r reader) (audit.Inclusion, error) {
		newest, c, err := j.newest(ctx, r)
		if err != nil {
			return audit.Inclusion{}, err
		}
		p := audit.Inclusion{Checkpoint: newest.note}
		var s scanned
		err = r.QueryRowContext(ctx, `SELECT `+entryColumns+`, l.leaf FROM audit_record r JOIN audit_leaf l USING (num) LEFT JOIN audit_body b USING (num) WHERE r.id = ?`, record).
			Scan(append(s.into(), &p.Leaf)...)
		if err != nil {
			return p, notFound(err)
		}
		p.Entry, p.Body = s.entry, s.erasable()
		p.Proof, err = audit.ProveInclusion(c, p.Leaf, tiles{tileOf(ctx, r)})
		return p, err
	})
	if err != nil {
		return audit.Inclusion{}, fmt.Errorf("journal: proving record %s: %w", record, err)
	}
	return p, nil
}

// Growth gives the proof that the log of the newest checkpoint continues the
// one of a checkpoint that somebody kept.
func (j *Journal) Growth(ctx context.Context, since string) (audit.Growth, error) {
	old, err := audit.ParseCheckpoint(since, j.key.Verifier())
	if err != nil {
		return audit.Growth{}, trouble.Errorf(err, "This is no checkpoint that this journal's key signed. Paste it whole, with its last line.")
	}
	if _, err := j.Sequence(ctx); err != nil {
		return audit.Growth{}, err
	}
	g, err := snapshot(ctx, j, func(r reader) (audit.Growth, error) {
		newest, c, err := j.newest(ctx, r)
		if err != nil {
			return audit.Growth{}, err
		}
		if old.Size > c.Size {
			return audit.Growth{}, trouble.Errorf(nil, "The checkpoint is over %d records, but the log holds %d: it was rolled back. Keep the checkpoint and run `gridwarden audit verify` with it.", old.Size, c.Size)
		}
		g := audit.Growth{Old: since, New: newest.note}
		g.Proof, err = audit.ProveGrowth(c, old.Size, tiles{tileOf(ctx, r)})
		return g, err
	})
	if err != nil {
		return audit.Growth{}, fmt.Errorf("journal: proving growth since %d records: %w", old.Size, err)
	}
	return g, nil
}

func (j *Journal) newest(ctx context.Context, r reader) (signedLog, audit.Checkpoint, error) {
	s, err := newestCheckpoint(ctx, r)
	if err != nil {
		return s, audit.Checkpoint{}, err
	}
	c, err := audit.ParseCheckpoint(s.note, j.key.Verifier())
	return s, c, err
}
