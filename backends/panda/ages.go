package panda

import (
	"context"
	"strings"
	"time"
)

// ages tell from when on there are records, and how new they are; zero when unknown.
type ages struct {
	oldest time.Time // of the records of ended jobs
	newest time.Time
}

// agesOf asks the indexes for the first and the last.
func (s *Store) agesOf(ctx context.Context, l *layout) (ages, error) {
	var first, last []string
	ended := func(table, column string) {
		if l.lacks(table, column) == "" {
			first = append(first, "(SELECT min("+column+") FROM "+quoted(table)+" WHERE "+column+" >= '1971-01-01')")
			last = append(last, "(SELECT max("+column+") FROM "+quoted(table)+")")
		}
	}
	ended(archivedJobs, "modificationtime")
	for _, table := range l.detachedFrom("jobsarchived4") {
		ended(table, "modificationtime")
	}
	ended(oldJobs, "statechangetime")
	if l.lacks(activeJobs, "modificationtime") == "" {
		last = append(last, "(SELECT max(modificationtime) FROM "+quoted(activeJobs)+")")
	}
	var a ages
	if len(last) == 0 {
		return a, nil
	}
	first = append(first, "NULL::timestamp")
	row := s.pool.QueryRow(ctx, s.sql("SELECT least("+strings.Join(first, ", ")+"), greatest("+strings.Join(last, ", ")+")"))
	return a, row.Scan(dated(&a.oldest), dated(&a.newest))
}
