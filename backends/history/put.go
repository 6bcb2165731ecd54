package history

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// counts are what became of records.
type counts struct{ added, replaced, unchanged int64 }

// put stores rows in one transaction, together with how far their file was read.
func (s *Store) put(ctx context.Context, rows []row, f *file, now time.Time) (counts, error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return counts{}, err
	}
	defer tx.Rollback()
	p, err := newPutter(ctx, tx, now)
	if err != nil {
		return counts{}, err
	}
	for i := range rows {
		if err := p.put(ctx, &rows[i]); err != nil {
			return counts{}, err
		}
	}
	if err := p.finish(ctx); err != nil {
		return counts{}, err
	}
	if err := f.save(ctx, tx); err != nil {
		return counts{}, err
	}
	return p.counts, tx.Commit()
}

// putter is one transaction of put.
type putter struct {
	tx             *sql.Tx
	insert, lookup *sql.Stmt
	update         *sql.Stmt
	now            int64
	postings       []posting
	schedds        map[string]*schedd
	counts         counts
}

// posting says that a key leads to a record.
type posting struct {
	bucket bucket
	key    int64
	num    int64
}

type schedd struct{ records, oldest, newest int64 }

func newPutter(ctx context.Context, tx *sql.Tx, now time.Time) (*putter, error) {
	p := &putter{tx: tx, now: now.Unix(), schedds: map[string]*schedd{}}
	for query, stmt := range map[string]**sql.Stmt{
		`INSERT INTO record (id, recorded, data) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`: &p.insert,
		`SELECT num, recorded, data FROM record WHERE id = ?`:                                  &p.lookup,
		`UPDATE record SET recorded = ?, data = ? WHERE num = ?`:                               &p.update,
	} {
		var err error
		if *stmt, err = tx.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // closed with its transaction
			return nil, err
		}
	}
	return p, nil
}

func (p *putter) put(ctx context.Context, r *row) error {
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
	p.post(r, num)
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
	if cmp.Or(cmp.Compare(r.recorded, recorded), cmp.Compare(len(r.data), len(data)), bytes.Compare(r.data, data)) <= 0 {
		p.counts.unchanged++
		p.cover(r, 0)
		return nil
	}
	if _, err := p.update.ExecContext(ctx, r.recorded, r.data, num); err != nil {
		return err
	}
	p.counts.replaced++
	p.cover(r, 0)
	var old grid.Job
	if err := json.Unmarshal(data, &old); err != nil {
		return fmt.Errorf("reading a stored record: %w", err)
	}
	before, err := rowOf(old, time.Unix(p.now, 0))
	if err != nil {
		return err
	}
	if before.bucket == r.bucket {
		r.keys = slices.DeleteFunc(r.keys, func(k int64) bool { return slices.Contains(before.keys, k) })
	}
	p.post(r, num)
	return nil
}

func (p *putter) post(r *row, num int64) {
	for _, k := range r.keys {
		p.postings = append(p.postings, posting{r.bucket, k, num})
	}
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

// finish writes the postings, those of one bucket and key as one row, and what
// is covered.
func (p *putter) finish(ctx context.Context) error {
	slices.SortFunc(p.postings, func(a, b posting) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key), cmp.Compare(a.num, b.num))
	})
	stmt, err := p.tx.PrepareContext(ctx, `INSERT INTO posting (bucket, key, first, more) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`) //nolint:sqlclosecheck // closed with its transaction
	if err != nil {
		return err
	}
	newBucket := bucket(-1)
	var nums []int64
	for at := 0; at < len(p.postings); {
		first := p.postings[at]
		nums = nums[:0]
		for ; at < len(p.postings) && p.postings[at].bucket == first.bucket && p.postings[at].key == first.key; at++ {
			nums = append(nums, p.postings[at].num)
		}
		more := moreOf(slices.Compact(nums))
		res, err := stmt.ExecContext(ctx, first.bucket, first.key, first.num, more)
		if err != nil {
			return err
		}
		added, err := res.RowsAffected()
		if err == nil && added == 0 {
			err = p.extend(ctx, first, more)
		}
		if err != nil {
			return err
		}
		if first.bucket != newBucket {
			newBucket = first.bucket
			if _, err := p.tx.ExecContext(ctx, `INSERT INTO bucket (bucket) VALUES (?) ON CONFLICT DO NOTHING`, newBucket); err != nil {
				return err
			}
		}
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

// extend adds nums to the list of a key that begins with the same one: copies of
// that record had the key, then not, and have it again.
func (p *putter) extend(ctx context.Context, at posting, more []byte) error {
	var old []byte
	if err := p.tx.QueryRowContext(ctx, `SELECT more FROM posting WHERE bucket = ? AND key = ? AND first = ?`, at.bucket, at.key, at.num).Scan(&old); err != nil {
		return err
	}
	before, err := numsOf(at.num, old)
	if err != nil {
		return err
	}
	added, err := numsOf(at.num, more)
	if err != nil {
		return err
	}
	nums := append(before, added...)
	slices.Sort(nums)
	_, err = p.tx.ExecContext(ctx, `UPDATE posting SET more = ? WHERE bucket = ? AND key = ? AND first = ?`, moreOf(slices.Compact(nums)), at.bucket, at.key, at.num)
	return err
}

// moreOf writes a list of records after the first one.
func moreOf(nums []int64) []byte {
	more := []byte{}
	for i := 1; i < len(nums); i++ {
		more = binary.AppendUvarint(more, uint64(nums[i]-nums[i-1]))
	}
	return more
}

// numsOf reads a row of postings.
func numsOf(first int64, more []byte) ([]int64, error) {
	nums := []int64{first}
	for len(more) > 0 {
		step, n := binary.Uvarint(more)
		if n <= 0 {
			return nil, errors.New("a list of records is damaged")
		}
		first += int64(step)
		nums, more = append(nums, first), more[n:]
	}
	return nums, nil
}
