package journal

import (
	"context"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// A database hands each value over at a price, whatever its size, and a
// verification asks for all of the log. So most of a leaf comes as one text.
const (
	separator    = "\x1f"
	packedFields = 12
	packedLeaf   = `SELECT concat_ws(?, l.leaf, CASE WHEN r.num IS NULL THEN 0 ELSE 1 END, ` + entryFields + `), l.hash, b.salt, b.data ` + leafTables + ` ORDER BY l.leaf`
	plainLeaf    = `SELECT ` + entryOrNothing + `, l.leaf, l.hash, r.num IS NOT NULL ` + leafTables + ` ORDER BY l.leaf LIMIT ? OFFSET ?`
	leafTables   = `FROM audit_leaf l LEFT JOIN audit_record r ON r.num = l.num LEFT JOIN audit_body b ON b.num = l.num`
)

// errPacked is a text that does not say where its fields end: one of them holds
// a separator, or is no number where one belongs.
var errPacked = errors.New("the fields of a record do not unpack")

// leaves sends every leaf with its record. What does not unpack is read by its
// columns, with all that comes after it.
func (s *stream) leaves(ctx context.Context) error {
	sent, err := s.packedLeaves(ctx)
	if errors.Is(err, errPacked) {
		return s.plainLeaves(ctx, sent)
	}
	return err
}

func (s *stream) packedLeaves(ctx context.Context) (sent int64, err error) {
	return sent, each(ctx, s.r, func(scan func(...any) error) error {
		var text string
		var rec scanned
		var hash []byte
		if err := scan(&text, &hash, &rec.body.Salt, &rec.body.Data); err != nil {
			return err
		}
		leaf, found, ok := unpack(text, &rec.entry)
		if !ok {
			return errPacked
		}
		sent++
		return s.leaf(leaf, hash, found, &rec)
	}, packedLeaf, separator)
}

func (s *stream) plainLeaves(ctx context.Context, from int64) error {
	return each(ctx, s.r, func(scan func(...any) error) error {
		var rec scanned
		var leaf int64
		var found bool
		var hash []byte
		if err := scan(append(rec.into(), &leaf, &hash, &found)...); err != nil {
			return err
		}
		return s.leaf(leaf, hash, found, &rec)
	}, plainLeaf, int64(math.MaxInt64), from)
}

func (s *stream) leaf(number int64, hash []byte, found bool, rec *scanned) error {
	l := audit.Leaf{Number: number}
	copy(l.Hash[:], hash)
	if found {
		l.Entry, l.Body = &rec.entry, rec.erasable()
		s.seen.add(l.Body)
	}
	return s.send(audit.Line{Leaf: &l})
}

// unpack reads the text of packedLeaf into e.
func unpack(text string, e *audit.Entry) (leaf int64, found, ok bool) {
	var f [packedFields]string
	for i := range f {
		var more bool
		if f[i], text, more = strings.Cut(text, separator); more != (i < packedFields-1) {
			return 0, false, false
		}
	}
	var numbers [3]int64
	for i, text := range []string{f[0], f[3], f[8]} {
		var err error
		if numbers[i], err = strconv.ParseInt(text, 10, 64); err != nil {
			return 0, false, false
		}
	}
	*e = audit.Entry{
		ID: f[2], At: numbers[1], Kind: audit.Kind(f[4]), Request: f[5], Incident: f[6], Subject: f[7],
		Version: int(numbers[2]), Hash: f[9], BodyHash: f[10], MAC: f[11],
	}
	return numbers[0], f[1] == "1", true
}
