package panda

import (
	"time"

	"github.com/jackc/pgx/v5/pgtype"
)

// orEmpty reads NULL as "".
func orEmpty(to *string) *pgText { return (*pgText)(to) }

// orZero reads NULL as 0.
func orZero(to *int64) *pgInt { return (*pgInt)(to) }

// dated reads a time in UTC; NULL and what PanDA's defaults put in its place are zero.
func dated(to *time.Time) *pgTime { return (*pgTime)(to) }

type (
	pgText string
	pgInt  int64
	pgTime time.Time
)

// ScanText implements [pgtype.TextScanner].
func (s *pgText) ScanText(v pgtype.Text) error {
	*s = pgText(v.String)
	return nil
}

// ScanInt64 implements [pgtype.Int64Scanner].
func (n *pgInt) ScanInt64(v pgtype.Int8) error {
	*n = pgInt(v.Int64)
	return nil
}

// ScanTimestamp implements [pgtype.TimestampScanner].
func (t *pgTime) ScanTimestamp(v pgtype.Timestamp) error {
	*t = pgTime{}
	if at := v.Time.UTC(); v.Valid && v.InfinityModifier == pgtype.Finite && at.After(firstDate) {
		*t = pgTime(at)
	}
	return nil
}

// pgCount is a small number; NULL is 0.
type pgCount int

// ScanInt64 implements [pgtype.Int64Scanner].
func (n *pgCount) ScanInt64(v pgtype.Int8) error {
	*n = pgCount(v.Int64)
	return nil
}
