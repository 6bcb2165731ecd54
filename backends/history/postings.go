package history

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"slices"
)

// postings gather which records keys lead to, so that those of one bucket and key
// are written as one row: the more records are gathered, the fewer rows each costs.
type postings struct {
	lists   []list
	entries []entry
	index   map[where]int32 // into lists
}

// list is that of one key in one bucket.
type list struct {
	where
	first, last int32 // of entries
}

type where struct {
	bucket bucket
	key    int64
}

// entry is one record of a list.
type entry struct {
	num  int64
	next int32 // of entries, unless it is the last of its list
}

func newPostings() postings { return postings{index: map[where]int32{}} }

func (p *postings) reset() {
	p.lists, p.entries = p.lists[:0], p.entries[:0]
	clear(p.index)
}

// add notes that keys lead to the record with a number.
func (p *postings) add(r *row, keys []int64, num int64) {
	for _, k := range keys {
		at := where{r.bucket, k}
		n := int32(len(p.entries))
		p.entries = append(p.entries, entry{num: num})
		i, ok := p.index[at]
		if !ok {
			p.index[at] = int32(len(p.lists))
			p.lists = append(p.lists, list{at, n, n})
			continue
		}
		l := &p.lists[i]
		p.entries[l.last].next = n
		l.last = n
	}
}

// write writes the lists in the order in which they lie in the store.
func (p *postings) write(ctx context.Context, tx *sql.Tx) error {
	slices.SortFunc(p.lists, func(a, b list) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.key, b.key))
	})
	stmt, err := tx.PrepareContext(ctx, `INSERT INTO posting (bucket, key, first, more) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`) //nolint:sqlclosecheck // closed with its transaction
	if err != nil {
		return err
	}
	latest := bucket(-1)
	var nums []int64
	more := []byte{}
	for i := range p.lists {
		l := &p.lists[i]
		nums = p.nums(nums[:0], l)
		more = moreOf(more[:0], nums)
		res, err := stmt.ExecContext(ctx, l.bucket, l.key, nums[0], more)
		if err != nil {
			return err
		}
		added, err := res.RowsAffected()
		if err == nil && added == 0 {
			err = extend(ctx, tx, l.where, nums)
		}
		if err != nil {
			return err
		}
		if l.bucket != latest {
			latest = l.bucket
			if _, err := tx.ExecContext(ctx, `INSERT INTO bucket (bucket) VALUES (?) ON CONFLICT DO NOTHING`, latest); err != nil {
				return err
			}
		}
	}
	return nil
}

// nums gives the records of a list in order, each once.
func (p *postings) nums(nums []int64, l *list) []int64 {
	for at := l.first; ; at = p.entries[at].next {
		nums = append(nums, p.entries[at].num)
		if at == l.last {
			break
		}
	}
	slices.Sort(nums) // a record that replaces another has that one's number
	return slices.Compact(nums)
}

// extend adds nums to the list of a key that begins with the same one: copies of
// that record had the key, then not, and have it again.
func extend(ctx context.Context, tx *sql.Tx, at where, nums []int64) error {
	var old []byte
	if err := tx.QueryRowContext(ctx, `SELECT more FROM posting WHERE bucket = ? AND key = ? AND first = ?`, at.bucket, at.key, nums[0]).Scan(&old); err != nil {
		return err
	}
	all, err := numsOf(nums[0], old)
	if err != nil {
		return err
	}
	all = append(all, nums...)
	slices.Sort(all)
	_, err = tx.ExecContext(ctx, `UPDATE posting SET more = ? WHERE bucket = ? AND key = ? AND first = ?`, moreOf([]byte{}, slices.Compact(all)), at.bucket, at.key, nums[0])
	return err
}

// moreOf appends the form of a list of records after the first one.
func moreOf(more []byte, nums []int64) []byte {
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
