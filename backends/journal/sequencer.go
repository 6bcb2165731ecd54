package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// passSize is how many records one pass gives a place at most: the writer has
// other things to do.
const passSize = 1000

// betweenPasses is the least time between checkpoints when nobody asks.
const betweenPasses = time.Second

// Run gives records their places until ctx ends, and then once more. A failed
// pass is logged, told by Check and tried again.
func (j *Journal) Run(ctx context.Context) error {
	var last error
	for ctx.Err() == nil {
		if _, err := j.Sequence(ctx); err != nil && ctx.Err() == nil && !errors.Is(err, errClosed) {
			if last == nil || last.Error() != err.Error() {
				j.log.ErrorContext(ctx, "audit log not continued", "error", err)
			}
			last = err
		} else {
			last = nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(betweenPasses):
		}
		if last == nil {
			select {
			case <-ctx.Done():
			case <-j.wakeUp:
			case <-time.After(10 * betweenPasses): // another process may have left something
			}
		}
	}
	_, err := j.Sequence(context.WithoutCancel(ctx))
	return err
}

// wake tells Run that there are records.
func (j *Journal) wake() {
	select {
	case j.wakeUp <- struct{}{}:
	default:
	}
}

const anyPending = `SELECT EXISTS (SELECT 1 FROM audit_pending)`

// Sequence gives every record that waits its place in the log, signs a
// checkpoint for each pass and returns how many records it placed.
func (j *Journal) Sequence(ctx context.Context) (n int, err error) {
	j.sequencing.Lock()
	defer j.sequencing.Unlock()
	defer func() { j.failed = err }()
	for {
		some, err := j.any(ctx, anyPending)
		if err != nil {
			return n, err
		}
		if !some {
			return n, j.keepOwed()
		}
		p := pass{j: j}
		if err := j.writer.do(ctx, p.run); err != nil {
			return n, fmt.Errorf("journal: sequencing: %w", err)
		}
		crash.Point("checkpoint committed")
		n += p.placed
		for _, id := range p.refused {
			j.log.ErrorContext(ctx, "a record that gridwarden did not write gets no place in the audit log", "record", id)
		}
		j.edge, j.signed = p.edge, p.signed
		if p.placed > 0 {
			j.owed = j.signed.note
		}
		if err := j.keepOwed(); err != nil {
			return n, err
		}
		if p.placed+len(p.refused) < passSize { // what came in meanwhile has time
			return n, nil
		}
	}
}

// CurrentCheckpoint places every record that waits and returns the newest
// checkpoint as text.
func (j *Journal) CurrentCheckpoint(ctx context.Context) (string, error) {
	if _, err := j.Sequence(ctx); err != nil {
		return "", err
	}
	s, err := newestCheckpoint(ctx, j.readers)
	if err != nil {
		return "", fmt.Errorf("journal: newest checkpoint: %w", explain(err))
	}
	if s.size == 0 {
		return "", fmt.Errorf("journal: checkpoint of an empty audit log: %w", bot.ErrNotFound)
	}
	return s.note, nil
}

// signedLog is how far the log was signed: the newest checkpoint.
type signedLog struct {
	size int64
	note string
}

func newestCheckpoint(ctx context.Context, r reader) (signedLog, error) {
	var s signedLog
	err := r.QueryRowContext(ctx, `SELECT size, note FROM audit_checkpoint ORDER BY size DESC LIMIT 1`).Scan(&s.size, &s.note)
	if errors.Is(err, sql.ErrNoRows) {
		return s, nil
	}
	return s, err
}

// pass is one transaction of the sequencer: leaves, tiles and the checkpoint
// over them are stored together, so that no leaf is ever stored unsigned. The
// signature leaves this process only after the commit.
type pass struct {
	j       *Journal
	edge    *audit.Edge
	signed  signedLog
	placed  int
	refused []string
}

// waiting is a record in audit_pending.
type waiting struct {
	num    int64
	entry  audit.Entry
	placed bool // it has a place already
}

// run may run twice: the tree that it grows is a copy until it has committed.
func (p *pass) run(ctx context.Context, t *tx) error {
	p.placed, p.refused = 0, nil
	if err := t.alone(ctx, "sequencer"); err != nil { // another process may be at it
		return err
	}
	if err := p.start(ctx, t); err != nil {
		return err
	}
	rows, err := pending(ctx, t)
	if err != nil || len(rows) == 0 {
		return err
	}
	var leaves leafRows
	var tiles []audit.Tile
	for _, w := range rows {
		if w.placed || !p.j.key.Genuine(w.entry) {
			p.refused = append(p.refused, w.entry.ID)
			if err := t.exec(ctx, `INSERT INTO audit_refused (num) VALUES (?) ON CONFLICT DO NOTHING`, w.num); err != nil {
				return err
			}
			continue
		}
		hash := w.entry.LeafHash()
		leaves.add(p.edge.Size(), w.num, hash[:])
		tiles = append(tiles, p.edge.Append(hash)...)
		p.placed++
	}
	if err := leaves.insert(ctx, t); err != nil {
		return err
	}
	if err := noLongerPending(ctx, t, rows); err != nil {
		return err
	}
	if p.placed == 0 {
		return nil
	}
	for _, tile := range slices.Concat(tiles, p.edge.Partial()) {
		err := t.exec(ctx, `INSERT INTO audit_tile (level, n, data) VALUES (?, ?, ?) ON CONFLICT (level, n) DO UPDATE SET data = excluded.data`,
			tile.Level, tile.N, tile.Data)
		if err != nil {
			return err
		}
	}
	return p.sign(ctx, t)
}

// start takes the tree in memory when the database still is where it was left,
// and reads it anew when another process has gone on. A database that has lost
// what this process has signed, as a standby may when it takes over, is not
// gone on with: that would be another history of the same log.
func (p *pass) start(ctx context.Context, t *tx) error {
	newest, err := newestCheckpoint(ctx, t)
	if err != nil {
		return err
	}
	if p.j.edge != nil && newest == p.j.signed {
		p.edge, p.signed = p.j.edge.Clone(), newest
		return nil
	}
	if p.j.signed.size > 0 {
		c, err := audit.ParseCheckpoint(p.j.signed.note, p.j.key.Verifier())
		if err != nil {
			return err
		}
		if err := p.j.continues(ctx, t, newest, c); err != nil {
			return err
		}
	}
	p.edge, err = p.j.loadEdge(ctx, t, newest)
	p.signed = newest
	return err
}

func (p *pass) sign(ctx context.Context, t *tx) error {
	crash.Point("checkpoint unsigned")
	note, err := p.j.key.Sign(audit.Checkpoint{Size: p.edge.Size(), Root: p.edge.Root(), Follows: p.signed.size})
	if err != nil {
		return err
	}
	p.signed = signedLog{size: p.edge.Size(), note: note}
	crash.Point("checkpoint signed")
	return t.exec(ctx, `INSERT INTO audit_checkpoint (size, note) VALUES (?, ?)`, p.signed.size, note)
}

func pending(ctx context.Context, t *tx) ([]waiting, error) {
	var out []waiting
	err := each(ctx, t, func(scan func(...any) error) error {
		var w waiting
		e := &w.entry
		err := scan(&w.num, &w.placed, &e.ID, &e.At, &e.Kind, &e.Request, &e.Incident, &e.Subject, &e.Version, &e.Hash, &e.BodyHash, &e.MAC)
		out = append(out, w)
		return err
	}, `SELECT p.num, l.leaf IS NOT NULL, coalesce(r.id, ''), coalesce(r.at, 0), coalesce(r.kind, ''), coalesce(r.request, ''), coalesce(r.incident, ''),
			coalesce(r.subject, ''), coalesce(r.version, 0), coalesce(r.hash, ''), coalesce(r.body_hash, ''), coalesce(r.mac, '')
		FROM audit_pending p LEFT JOIN audit_record r USING (num) LEFT JOIN audit_leaf l USING (num) ORDER BY p.num LIMIT ?`, passSize)
	return out, err
}

// leafRows are new rows of audit_leaf, by column.
type leafRows struct {
	leaves, nums []int64
	hashes       [][]byte
}

func (l *leafRows) add(leaf, num int64, hash []byte) {
	l.leaves, l.nums, l.hashes = append(l.leaves, leaf), append(l.nums, num), append(l.hashes, hash)
}

func (l *leafRows) insert(ctx context.Context, t *tx) error {
	if t.dialect == postgresDialect {
		return t.exec(ctx, `INSERT INTO audit_leaf (leaf, num, hash) SELECT * FROM unnest(?::bigint[], ?::bigint[], ?::bytea[])`, l.leaves, l.nums, l.hashes)
	}
	for i := range l.leaves {
		if err := t.exec(ctx, `INSERT INTO audit_leaf (leaf, num, hash) VALUES (?, ?, ?)`, l.leaves[i], l.nums[i], l.hashes[i]); err != nil {
			return err
		}
	}
	return nil
}

// noLongerPending takes exactly these rows off the list: on PostgreSQL a record
// with a smaller number may have been committed since they were read.
func noLongerPending(ctx context.Context, t *tx, rows []waiting) error {
	if t.dialect == postgresDialect {
		nums := make([]int64, len(rows))
		for i, w := range rows {
			nums[i] = w.num
		}
		return t.exec(ctx, `DELETE FROM audit_pending WHERE num = ANY(?)`, nums)
	}
	return t.exec(ctx, `DELETE FROM audit_pending WHERE num <= ?`, rows[len(rows)-1].num)
}
