package history

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"
)

// counts are what became of records.
type counts struct{ records, added, replaced, unchanged, undated, ahead int64 }

func (c *counts) count(r *row) {
	c.records++
	if r.undated {
		c.undated++
	}
	if r.ahead {
		c.ahead++
	}
}

// putter stores rows, many in one transaction. It holds the lock that lets only
// one process write from the first row on until it commits.
type putter struct {
	store    *Store
	now      int64
	tx       *sql.Tx // nil before the first row
	insert   *sql.Stmt
	lookup   *sql.Stmt
	update   *sql.Stmt
	rows     int
	postings postings
	schedds  map[string]*schedd
	counts   counts
	before   *reader // of the rows that others replace
}

type schedd struct{ records, oldest, newest int64 }

func (s *Store) putter(now time.Time) *putter {
	return &putter{store: s, now: now.Unix(), postings: newPostings(), schedds: map[string]*schedd{}, before: newReader()}
}

func (p *putter) begin(ctx context.Context) error {
	tx, err := p.store.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	p.tx = tx
	for query, stmt := range map[string]**sql.Stmt{
		`INSERT INTO record (id, recorded, data) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`: &p.insert,
		`SELECT num, recorded, data FROM record WHERE id = ?`:                                  &p.lookup,
		`UPDATE record SET recorded = ?, data = ? WHERE num = ?`:                               &p.update,
	} {
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // closed with its transaction
			return err
		}
	}
	return nil
}

// full tells that it is time to commit.
func (p *putter) full() bool {
	return p.rows >= p.store.sizes.rows || len(p.postings.entries) >= p.store.sizes.postings
}

// abandon gives up what was not committed.
func (p *putter) abandon() {
	if p.tx != nil {
		p.tx.Rollback()
	}
	p.reset()
}

func (p *putter) reset() {
	p.tx, p.rows, p.counts = nil, 0, counts{}
	p.postings.reset()
	clear(p.schedds)
}

// commit makes what was put last, together with how far its file was read.
func (p *putter) commit(ctx context.Context, f *file) (counts, error) {
	defer p.abandon() // or nothing, once it is committed
	if p.tx == nil {
		if err := p.begin(ctx); err != nil {
			return counts{}, err
		}
	}
	if err := p.finish(ctx); err != nil {
		return counts{}, err
	}
	if err := f.save(ctx, p.tx); err != nil {
		return counts{}, err
	}
	if err := p.tx.Commit(); err != nil {
		return counts{}, err
	}
	p.tx = nil
	return p.counts, nil
}

// put stores rows.
func (p *putter) put(ctx context.Context, rows []row) error {
	if p.tx == nil && len(rows) > 0 {
		if err := p.begin(ctx); err != nil {
			return err
		}
	}
	for i := range rows {
		if err := p.one(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *putter) one(ctx context.Context, r *row) error {
	p.rows++
	p.counts.count(r)
	res, err := p.insert.ExecContext(ctx, r.id[:], r.recorded, r.data)
	if err != nil {
		return err
	}
	added, err := res.RowsAffected()
	if err != nil {
		return err
	}
	if added == 0 {
		return p.replace(ctx, r)
	}
	num, err := res.LastInsertId()
	if err != nil {
		return err
	}
	p.counts.added++
	p.cover(r, 1)
	p.postings.add(r, r.keys, num)
	return nil
}

// replace keeps the later of two copies of a record, so that the order of
// imports does not matter: of two of the same second the one that says more, and
// then the one that sorts last.
func (p *putter) replace(ctx context.Context, r *row) error {
	var num, recorded int64
	var data []byte
	if err := p.lookup.QueryRowContext(ctx, r.id[:]).Scan(&num, &recorded, &data); err != nil {
		return err
	}
	old, err := decodeJob(data)
	if err != nil {
		return err
	}
	p.before.data, p.before.keys = p.before.data[:0], p.before.keys[:0]
	before := p.before.row(&old, time.Unix(p.now, 0)) // also when it was stored in another form
	if cmp.Or(cmp.Compare(r.recorded, recorded), cmp.Compare(len(r.data), len(before.data)), bytes.Compare(r.data, before.data)) <= 0 {
		p.counts.unchanged++
		p.cover(r, 0)
		return nil
	}
	if _, err := p.update.ExecContext(ctx, r.recorded, r.data, num); err != nil {
		return err
	}
	p.counts.replaced++
	p.cover(r, 0)
	keys := r.keys
	if before.bucket == r.bucket {
		keys = slices.DeleteFunc(keys, func(k int64) bool { return slices.Contains(before.keys, k) })
	}
	p.postings.add(r, keys, num)
	return nil
}

// cover notes what a record adds to what the store covers. A date after now is
// no measure of how new the records are.
func (p *putter) cover(r *row, records int64) {
	c := p.schedds[r.schedd]
	if c == nil {
		c = &schedd{}
		p.schedds[r.schedd] = c
	}
	c.records += records
	if at := r.recorded; at > 0 && at <= p.now {
		if c.oldest == 0 || at < c.oldest {
			c.oldest = at
		}
		c.newest = max(c.newest, at)
	}
}

// finish writes the postings and what is covered.
func (p *putter) finish(ctx context.Context) error {
	if err := p.postings.write(ctx, p.tx); err != nil {
		return err
	}
	for name, c := range p.schedds {
		_, err := p.tx.ExecContext(ctx, `INSERT INTO schedd (name, records, oldest, newest) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (name) DO UPDATE SET
			records = records + ?2, newest = max(newest, ?4),
			oldest = CASE WHEN oldest = 0 OR ?3 > 0 AND ?3 < oldest THEN ?3 ELSE oldest END`, name, c.records, c.oldest, c.newest)
		if err != nil {
			return err
		}
	}
	return nil
}
