package panda

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// mostNamed is how many names a note has before the rest is only counted.
const mostNamed = 8

// maxSightings bounds one answer. A window in which more jobs match is too wide for
// people to read.
const maxSightings = 50_000

// hostlessShare is the part of an answer that jobs may take whose record names no
// host: they are as many as the grid is large.
const hostlessShare = 5

// Sightings implements the source of a trace: the jobs that match, and what of it
// could not be known.
func (s *Store) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	x := &search{store: s, asked: q, answer: newAnswer(s.Name(), q, s.config.Tail, s.most), seen: map[int64]int{}}
	if q.Kind == grid.ByPilotID {
		return x.noPilots(), nil
	}
	err := x.run(ctx)
	x.nameRows(ctx)
	x.match(x.records, x.names)
	if err != nil && len(x.found.Sightings) > 0 && isTimeout(err) {
		x.note("the search took longer than %s and was cut: name the site, or ask for a shorter window", s.config.Deadline)
		err = nil
	}
	if err != nil {
		return x.found, fmt.Errorf("panda: jobs by %s: %w", q.Kind, s.explain(err))
	}
	x.judge()
	return x.found, nil
}

// isTimeout tells a statement that the database or our deadline has cut.
func isTimeout(err error) bool {
	var e *pgconn.PgError
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &e) && e.Code == "57014"
}

// search is the work for one query.
type search struct {
	store *Store
	asked grid.Query // as it came
	answer

	layout  *layout
	tables  []string // that were searched
	records []record
	seen    map[int64]int // by PandaID, where in records
	full    bool
	names   map[string]user
	ages    ages
}

func (x *search) run(ctx context.Context) error {
	var err error
	if x.layout, err = x.store.layoutOf(ctx); err != nil {
		return err
	}
	if err := x.sites(ctx); err != nil {
		return err
	}
	if x.ages, err = x.store.agesOf(ctx, x.layout); err != nil {
		x.note("how old and how new its records are could not be told")
	}
	switch x.query.Kind {
	case grid.ByHost:
		return x.byHosts(ctx, append([]string{x.query.Host}, x.query.Aliases...))
	case grid.ByIP:
		return x.byHosts(ctx, append([]string{x.query.IP.String()}, x.query.Aliases...))
	case grid.ByBatch:
		return x.byBatch(ctx)
	case grid.ByUser:
		return x.byUser(ctx)
	case grid.ByPilotID:
	}
	return nil
}

// needed are the columns without which nobody can be placed.
var needed = []string{"pandaid", "produsername", "modificationtime", "modificationhost", "starttime", "endtime", "jobstatus"}

// places are the tables to be searched, with the column that dates their rows in an
// index; "" for the live ones, which are read whole.
func (x *search) places() (tables, dates []string) {
	add := func(table, date string, must bool) {
		if _, exists := x.layout.tables[table]; !exists && !must {
			return
		}
		if why := x.layout.lacks(table, append([]string{"batchid"}, needed...)...); why != "" {
			x.note("%s: its jobs are not searched", why)
			return
		}
		tables, dates = append(tables, table), append(dates, date)
	}
	add(activeJobs, "", true)
	add(archivedJobs, "modificationtime", true)
	for _, table := range x.layout.detachedFrom("jobsarchived4") {
		add(table, "modificationtime", false)
	}
	add(oldJobs, "statechangetime", false)
	return tables, dates
}

// statement asks all tables for rows at once, for a job that moves between two
// statements would be missed. It is "" when there are none.
func (x *search) statement(f filter, bounded bool) (statement string, args []any) {
	tables, dates := x.places()
	x.tables = tables
	if len(tables) == 0 {
		return "", nil
	}
	var parts []string
	for i, table := range tables {
		list, missing := x.layout.selection(table, recordColumns)
		for _, why := range missing {
			x.tell("not available here: %s", why)
		}
		more := "true"
		if dates[i] != "" && bounded {
			more = f.changed(dates[i], x.query.Window, x.store.config.Tail)
		}
		parts = append(parts, fmt.Sprintf("(SELECT %t, %s FROM %s WHERE %s)", table == activeJobs, list, quoted(table), f.where(more)))
	}
	limit := f.arg(x.most + 1)
	return strings.Join(parts, " UNION ALL ") + " LIMIT " + limit, f.args
}

// search reads the rows. What was read before an error counts.
func (x *search) search(ctx context.Context, f filter, bounded bool) error {
	statement, args := x.statement(f, bounded)
	if statement == "" {
		return nil
	}
	rows, err := x.store.query(ctx, statement, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		if n++; n > x.most {
			x.full = true
			break
		}
		r, err := scanRecord(rows)
		if err != nil {
			return err
		}
		x.add(r)
	}
	rows.Close()
	return rows.Err()
}

// add keeps one row of each job, the last written: a job that is archived while the
// archive is copied is in two tables.
func (x *search) add(r record) {
	if i, ok := x.seen[r.id]; ok {
		if old := x.records[i]; old.live && !r.live || old.live == r.live && r.modified.After(old.modified) {
			x.records[i] = r
		}
		return
	}
	x.seen[r.id] = len(x.records)
	x.records = append(x.records, r)
}

func (x *search) byHosts(ctx context.Context, hosts []string) error {
	return x.search(ctx, x.ofHosts(hosts), true)
}

func (x *search) ofHosts(hosts []string) filter {
	var f filter
	f.inTime(x.query.Window)
	f.at(x.query.Sites)
	f.onHosts(hosts, len(x.query.Sites) > 0)
	return f
}

// byBatch asks the index first, and then looks for the other spellings of the id in
// the rows of the time.
func (x *search) byBatch(ctx context.Context) error {
	var exact filter
	exact.and("batchid = ANY(" + exact.arg(batchSpellings(x.query.Batch)) + ")")
	if err := x.search(ctx, exact, false); err != nil {
		return err
	}
	var f filter
	f.inTime(x.query.Window)
	f.at(x.query.Sites)
	f.ofBatch(x.query.Batch)
	return x.search(ctx, f, true)
}

func (x *search) byUser(ctx context.Context) error {
	names, err := x.namesOfPerson(ctx)
	if err != nil {
		return err
	}
	var f filter
	f.inTime(x.query.Window)
	f.at(x.query.Sites)
	f.and("produsername = ANY(" + f.arg(names) + ")")
	return x.search(ctx, f, true)
}

// judge says how complete the answer is, and why not.
func (x *search) judge() {
	r, q := &x.found.Report, x.query
	var names []string
	for _, t := range x.tables {
		names = append(names, tableName(t))
	}
	r.Searched = "the rows of PanDA's tables " + strings.Join(names, ", ")
	if !q.Window.IsZero() {
		r.Searched += fmt.Sprintf(" that were written from %s, those of ended jobs until %s", wording.Minute(q.Window.From.Add(-contradiction)), wording.Minute(q.Window.To.Add(x.store.config.Tail)))
	}
	if len(q.Sites) > 0 {
		r.Searched += ", of jobs at " + wording.Some(q.Sites, mostNamed)
	}
	r.Newest = x.ages.newest
	x.judgeAges()
	if x.full {
		x.note("more than %d rows match and only so many were read: ask for a shorter window or name the site", x.most)
	}
	if q.Kind == grid.ByIP && len(q.Aliases) == 0 {
		x.note("PanDA records no addresses: only jobs whose worker node goes by the address itself can be found; trace HOST TIME finds them by its name")
	}
	if !x.missing {
		r.State = grid.Complete
	}
	x.tellBlindSpots()
	x.lookAgain()
}

func (x *search) judgeAges() {
	w := x.query.Window
	switch {
	case x.ages.newest.IsZero() && x.ages.oldest.IsZero():
		if len(x.tables) > 0 {
			x.note("its tables have no jobs")
		}
		return
	case !x.ages.oldest.IsZero() && !w.IsZero() && w.From.Before(x.ages.oldest):
		x.note("its oldest record of an ended job was written at %s: jobs that ended before are gone", wording.Minute(x.ages.oldest))
	}
	until := w.To
	if w.IsZero() || until.After(x.now) {
		until = x.now
	}
	if until.After(x.ages.newest.Add(quiet)) {
		x.note("its newest record was written at %s: nothing ran since, or the database is not kept up to date", wording.Minute(x.ages.newest))
	}
}
