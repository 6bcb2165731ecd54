package history

import (
	"context"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/backends/wording"
)

// coverage is what the store knows of how much it knows.
type coverage struct {
	records        int64
	schedds        int64
	oldest, newest time.Time // of when records were written; zero when there is none
	rejected       int64     // pieces of files that are no records
	unfinished     int64     // files that were not read to their end
}

// coverage reads it.
func (s *Store) coverage(ctx context.Context) (coverage, error) {
	var c coverage
	var oldest, newest int64
	err := s.readers.QueryRowContext(ctx, `SELECT coalesce(sum(records), 0), count(*), coalesce(min(nullif(oldest, 0)), 0), coalesce(max(newest), 0),
		(SELECT coalesce(sum(rejected), 0) FROM file), (SELECT count(*) FROM file WHERE NOT ended) FROM schedd`).
		Scan(&c.records, &c.schedds, &oldest, &newest, &c.rejected, &c.unfinished)
	if err != nil {
		return c, fmt.Errorf("history: reading what was imported: %w", explain(err))
	}
	c.oldest, c.newest = unix(oldest), unix(newest)
	return c, nil
}

func unix(seconds int64) time.Time {
	if seconds == 0 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

func (c coverage) sentence() string {
	out := fmt.Sprintf("%d imported %s of %d %s", c.records, plural(c.records, "record", "records"), c.schedds, plural(c.schedds, "schedd", "schedds"))
	if !c.oldest.IsZero() {
		out += fmt.Sprintf(", written %s to %s", wording.Minute(c.oldest), wording.Minute(c.newest))
	}
	return out
}

func (c coverage) rejectedNote() string {
	return fmt.Sprintf("%d %s of imported files could not be read as %s: jobs may be missing", c.rejected, plural(c.rejected, "piece", "pieces"), plural(c.rejected, "a record", "records"))
}

func (c coverage) unfinishedNote() string {
	return fmt.Sprintf("%d %s not imported to the end: run the import again", c.unfinished, plural(c.unfinished, "file was", "files were"))
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
