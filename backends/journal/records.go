package journal

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// entryColumns are the columns of a record and its body, in the order in which
// scanned takes them. The tables are r and b.
const entryColumns = recordColumns + `, b.salt, b.data`

// scanned is a record as it is read. salt is nil when its body is erased.
type scanned struct {
	entry audit.Entry
	body  audit.Body
}

func (s *scanned) into() []any { return append(s.record(), &s.body.Salt, &s.body.Data) }

func (s *scanned) record() []any {
	e := &s.entry
	return []any{&e.ID, &e.At, &e.Kind, &e.Request, &e.Incident, &e.Subject, &e.Version, &e.Hash, &e.BodyHash, &e.MAC}
}

// erasable is nil when the body is erased.
func (s *scanned) erasable() *audit.Body {
	if s.body.Salt == nil && s.body.Data == nil {
		return nil
	}
	return &s.body
}

// Records implements bot.Journal. A Limit of 0 or less is none.
func (j *Journal) Records(ctx context.Context, f bot.RecordFilter) ([]audit.Record, error) {
	where, args := conditions(f)
	order := "r.at, r.num"
	if f.Latest {
		order = "r.at DESC, r.num DESC"
	}
	limit := f.Limit
	if limit <= 0 {
		limit = math.MaxInt32
	}
	var out []audit.Record
	err := each(ctx, j.readers, func(scan func(...any) error) error {
		var s scanned
		if err := scan(s.into()...); err != nil {
			return err
		}
		rec, err := s.entry.Record(s.erasable())
		out = append(out, rec)
		return err
	}, `SELECT `+entryColumns+` FROM audit_record r LEFT JOIN audit_body b USING (num) WHERE `+where+` ORDER BY `+order+` LIMIT ?`,
		append(args, limit)...)
	if err != nil {
		return nil, fmt.Errorf("journal: reading records: %w", explain(err))
	}
	if f.Latest {
		slices.Reverse(out)
	}
	return out, nil
}

// Latest implements bot.Journal.
func (j *Journal) Latest(ctx context.Context, subject string, kinds ...audit.Kind) (audit.Record, error) {
	where, args := conditions(bot.RecordFilter{Subject: subject, Kinds: kinds})
	var s scanned
	err := j.readers.QueryRowContext(ctx, `SELECT `+entryColumns+` FROM audit_record r LEFT JOIN audit_body b USING (num) WHERE `+where+` ORDER BY r.num DESC LIMIT 1`, args...).Scan(s.into()...)
	if err != nil {
		return audit.Record{}, fmt.Errorf("journal: the latest record about %s: %w", subject, explain(notFound(err)))
	}
	body := s.erasable()
	if !j.key.Genuine(s.entry) || body != nil && body.Hash() != s.entry.BodyHash {
		return audit.Record{}, trouble.Errorf(errTampered, "The journal holds a record about %s that gridwarden did not write: somebody changed the database. Nothing was changed or run. Keep the file and run `gridwarden audit verify`.", subject)
	}
	return s.entry.Record(body)
}

// conditions is a filter in SQL. What is compared is never part of the text.
func conditions(f bot.RecordFilter) (where string, args []any) {
	parts := []string{"true"}
	for _, c := range []struct{ column, value string }{{"subject", f.Subject}, {"request", f.Request}, {"incident", f.Incident}} {
		if c.value != "" {
			parts = append(parts, "r."+c.column+" = ? AND r."+c.column+" <> ''") // so that the partial index serves it
			args = append(args, c.value)
		}
	}
	if len(f.Kinds) > 0 {
		parts = append(parts, "r.kind IN (?"+strings.Repeat(", ?", len(f.Kinds)-1)+")")
		for _, k := range f.Kinds {
			args = append(args, string(k))
		}
	}
	if !f.Since.IsZero() {
		parts = append(parts, "r.at >= ?")
		args = append(args, micros(f.Since))
	}
	return strings.Join(parts, " AND "), args
}

// Leaves tells the places of records in the log's Merkle tree. A record that
// has none yet is missing from the answer.
func (j *Journal) Leaves(ctx context.Context, records []string) (map[string]int64, error) {
	out := map[string]int64{}
	for ids := range slices.Chunk(records, 500) {
		var args []any
		for _, id := range ids {
			args = append(args, id)
		}
		err := each(ctx, j.readers, func(scan func(...any) error) error {
			var id string
			var leaf int64
			err := scan(&id, &leaf)
			out[id] = leaf
			return err
		}, `SELECT r.id, l.leaf FROM audit_record r JOIN audit_leaf l USING (num) WHERE r.id IN (?`+strings.Repeat(", ?", len(ids)-1)+`)`, args...)
		if err != nil {
			return nil, fmt.Errorf("journal: places of records: %w", explain(err))
		}
	}
	return out, nil
}
