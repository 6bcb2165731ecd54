package panda

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// layout is what there is of PanDA's tables in a database, and what of it the role
// may read. Schemas of different age lack tables and columns, and a partition that
// was detached becomes a table.
type layout struct {
	tables map[string]relation // by names as in {panda}.jobsactive4
	readAt time.Time
}

// relation is one table by its columns; true for those that may be read.
type relation map[string]bool

// layoutLife is how long a layout is believed. Partitions are detached daily.
const layoutLife = 15 * time.Minute

// layouts keeps the layout between questions.
type layouts struct {
	mu   sync.Mutex
	last *layout
}

// wantedTables are the tables of which some question needs columns.
var wantedTables = []string{
	"jobsdefined4", "jobsactive4", "jobsarchived4", "jobsarchived", "jobparamstable", "jobparamstable_arch", "filestable4", "filestable_arch",
	"jobs_statuslog", "jedi_job_retry_history", "harvester_workers", "harvester_rel_jobs_workers", "jedi_tasks", "jedi_taskparams", "t_task",
	"users", "usercacheusage", "schedconfig_json",
}

// detached is the form of the names that partitions have as tables of the archive.
const detached = `^(jobsarchived4|jobparamstable|filestable4)_p[0-9_]+$`

// layoutOf reads the catalogue, for information_schema hides what the role may not
// read, and so cannot tell a grant that is missing from a column that is.
func (s *Store) layoutOf(ctx context.Context) (*layout, error) {
	s.layouts.mu.Lock()
	defer s.layouts.mu.Unlock()
	if l := s.layouts.last; l != nil && time.Since(l.readAt) < layoutLife {
		return l, nil
	}
	names := s.config.Schemas
	schemas := map[string][]string{} // one may serve as several
	for placeholder, name := range map[string]string{"{panda}": names.Panda, "{meta}": names.Meta, "{arch}": names.Arch, "{deft}": names.Deft} {
		schemas[name] = append(schemas[name], placeholder)
	}
	rows, err := s.pool.Query(ctx, `
		SELECT n.nspname, c.relname, a.attname, has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
		FROM pg_catalog.pg_namespace n
		JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid
		JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
		WHERE n.nspname = ANY($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND a.attnum > 0 AND NOT a.attisdropped
		AND (c.relname = ANY($2) OR n.nspname = $3 AND c.relname ~ $4)`,
		[]string{names.Panda, names.Meta, names.Arch, names.Deft}, wantedTables, names.Arch, detached)
	if err != nil {
		return nil, fmt.Errorf("panda: looking at the tables: %w", s.explain(err))
	}
	l := &layout{tables: map[string]relation{}, readAt: time.Now()}
	var schema, table, column string
	var readable bool
	_, err = pgx.ForEachRow(rows, []any{&schema, &table, &column, &readable}, func() error {
		for _, placeholder := range schemas[schema] {
			name := placeholder + "." + table
			if l.tables[name] == nil {
				l.tables[name] = relation{}
			}
			l.tables[name][column] = readable
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("panda: looking at the tables: %w", s.explain(err))
	}
	s.layouts.last = l
	return l, nil
}

// lacks says why a table cannot give some columns; "" when it can.
func (l *layout) lacks(table string, columns ...string) string {
	own, known := l.tables[table]
	if !known {
		return tableName(table) + " does not exist here"
	}
	for _, c := range columns {
		switch readable, exists := own[c]; {
		case !exists:
			return fmt.Sprintf("%s has no column %s here", tableName(table), c)
		case !readable:
			return fmt.Sprintf("the role may not read %s of %s", c, tableName(table))
		}
	}
	return ""
}

// detachedFrom gives the tables of the archive that were partitions of a table, in
// order of their names.
func (l *layout) detachedFrom(table string) []string {
	var out []string
	for name := range l.tables {
		if strings.HasPrefix(name, "{arch}."+table+"_p") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// tableName is a table's name without its schema, for people.
func tableName(table string) string {
	_, name, _ := strings.Cut(table, ".")
	return name
}

// quoted is a table's name for a statement.
func quoted(table string) string {
	schema, name, _ := strings.Cut(table, ".")
	return schema + "." + pgx.Identifier{name}.Sanitize()
}

// column is one that a statement asks for, with the type that NULL has in its place.
type column struct{ name, kind string }

// selection lists columns by name, for their order differs between the tables, with
// NULL for those that a table does not have or the role may not read, which it
// names.
func (l *layout) selection(table string, columns []column) (list string, missing []string) {
	words := make([]string, len(columns))
	for i, c := range columns {
		words[i] = pgx.Identifier{c.name}.Sanitize()
		if why := l.lacks(table, c.name); why != "" {
			words[i] = "NULL::" + c.kind
			missing = append(missing, why)
		}
	}
	return strings.Join(words, ", "), missing
}
