package history

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// maxSightings bounds one answer. A window in which more jobs match is too wide
// for people to read.
const maxSightings = 50_000

// unplacedShare is the part of an answer that sightings may take which nothing
// ties to the place.
const unplacedShare = 5

// Sightings implements the source of a trace: the jobs that match, those that
// shared a pilot with jobs on the host, and what of it the store cannot know.
func (s *Store) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	f := grid.Found{Report: grid.Report{Name: Name, Experiment: grid.CMS, State: grid.Partial}}
	c, err := s.coverage(ctx)
	if err != nil {
		return f, err
	}
	f.Report.Searched = c.sentence()
	f.Report.Newest = c.newest
	tx, err := s.readers.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return f, fmt.Errorf("history: reading: %w", explain(err))
	}
	defer tx.Rollback()
	x := &search{most: s.most, tx: tx, query: q, found: &f, looked: map[int64]bool{}, placed: map[string]bool{}, done: map[int64]bool{}}
	err = x.run(ctx)
	f.Report.Records, f.Report.Matched = len(x.looked), len(f.Sightings)
	s.judge(&f.Report, c, q, x)
	if err != nil {
		return f, fmt.Errorf("history: jobs by %s: %w", q.Kind, explain(err))
	}
	return f, nil
}

// judge says how complete an answer is, and why not.
func (s *Store) judge(r *grid.Report, c coverage, q grid.Query, x *search) {
	complete := s.config.Complete
	note := func(format string, args ...any) {
		complete = false
		r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
	}
	if !complete {
		note("only what was imported can be found: the store does not know what was not")
	}
	switch {
	case c.records == 0:
		note("nothing was imported yet")
	case c.oldest.IsZero():
		note("no imported record says when it was written")
	case q.Window.IsZero():
		note("what was written before the oldest imported record, %s, is not known", wording.Minute(c.oldest))
	case q.Window.From.Before(c.oldest):
		note("the window begins before the oldest imported record, %s", wording.Minute(c.oldest))
	}
	if !c.newest.IsZero() && q.Window.To.After(c.newest) {
		note("the window ends after the newest imported record, %s: import what was written since", wording.Minute(c.newest))
	}
	if c.rejected > 0 {
		note("%s", c.rejectedNote())
	}
	if c.unfinished > 0 {
		note("%s", c.unfinishedNote())
	}
	if most := x.most / unplacedShare; x.unplaced > most {
		note("%d jobs had an earlier run that no record places, of which only %d are given: import the epochs, which place it", x.unplaced, most)
	}
	if x.full {
		note("more than %d jobs match and only so many are given: ask for a shorter window or name the site", s.most)
	}
	if complete {
		r.State = grid.Complete
	}
}

// search is one reading for one query, of one moment of the store.
type search struct {
	most     int
	tx       *sql.Tx
	query    grid.Query
	found    *grid.Found
	postings *sql.Stmt
	record   *sql.Stmt
	looked   map[int64]bool  // records that were looked at
	placed   map[string]bool // jobs that were found
	done     map[int64]bool  // records that were found: their jobs' pilots lead to them again
	full     bool
	unplaced int // sightings that nothing ties to the place
}

func (x *search) run(ctx context.Context) error {
	for query, stmt := range map[string]**sql.Stmt{
		`SELECT first, more FROM posting WHERE bucket = ? AND key = ?`: &x.postings,
		`SELECT data FROM record WHERE num = ?`:                        &x.record,
	} {
		var err error
		if *stmt, err = x.tx.PrepareContext(ctx, query); err != nil { //nolint:sqlclosecheck // closed with its transaction
			return err
		}
	}
	buckets, err := x.buckets(ctx, x.query.Window)
	if err != nil {
		return err
	}
	if err := x.each(ctx, buckets, x.query.Keys(), x.match); err != nil {
		return err
	}
	if x.query.Kind == grid.ByHost {
		if err := x.mates(ctx, buckets); err != nil {
			return err
		}
	}
	return x.exposed(ctx)
}

// buckets are those of the store that may hold a match in a window.
func (x *search) buckets(ctx context.Context, w grid.Window) ([]bucket, error) {
	var out []bucket
	for _, span := range spansOf(w) {
		some, err := x.bucketsOf(ctx, span)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

func (x *search) bucketsOf(ctx context.Context, s span) ([]bucket, error) {
	rows, err := x.tx.QueryContext(ctx, `SELECT bucket FROM bucket WHERE bucket BETWEEN ? AND ?`, s.first, s.last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []bucket
	for rows.Next() {
		var b bucket
		if err := rows.Scan(&b); err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	return out, rows.Err()
}

// each looks at the records that keys lead to, each once.
func (x *search) each(ctx context.Context, buckets []bucket, keys []string, look func(context.Context, grid.Job) error) error {
	var nums []int64
	seen := map[int64]bool{}
	for _, key := range keys {
		k := keyOf(key)
		for _, b := range buckets {
			more, err := x.list(ctx, b, k)
			if err != nil {
				return err
			}
			for _, num := range more {
				if !seen[num] && !x.done[num] {
					seen[num], x.looked[num] = true, true
					nums = append(nums, num)
				}
			}
		}
	}
	slices.Sort(nums) // neighbours lie on one page
	for _, num := range nums {
		if x.full {
			return nil
		}
		var data []byte
		if err := x.record.QueryRowContext(ctx, num).Scan(&data); err != nil {
			return err
		}
		j, err := decodeJob(data)
		if err != nil {
			return err
		}
		if err := look(ctx, j); err != nil {
			return err
		}
		if x.placed[j.ID] {
			x.done[num] = true
		}
	}
	return nil
}

func (x *search) list(ctx context.Context, b bucket, key int64) ([]int64, error) {
	return listed(x.postings.QueryContext(ctx, b, key))
}

// listed reads the lists of numbers that a query of postings gives, and closes its rows.
func listed(rows *sql.Rows, err error) ([]int64, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []int64
	for rows.Next() {
		var first int64
		var more []byte
		if err := rows.Scan(&first, &more); err != nil {
			return nil, err
		}
		nums, err := numsOf(first, more)
		if err != nil {
			return nil, err
		}
		out = append(out, nums...)
	}
	return out, rows.Err()
}

func (x *search) match(ctx context.Context, j grid.Job) error {
	s, ok := grid.Match(x.query, j)
	if !ok {
		return nil
	}
	if j.Running() {
		var err error
		if j, err = x.bounded(ctx, j); err != nil {
			return err
		}
		s, ok = grid.Match(x.query, j)
	}
	if ok && s.Unplaced {
		others, err := x.others(ctx, j)
		if err != nil {
			return err
		}
		ok = !grid.EveryRunPlaced(j, others)
	}
	if ok {
		x.add(s)
	}
	return nil
}

// add keeps a sighting. Those that nothing ties to the place are as many as the
// pool is large, and must leave room for the others.
func (x *search) add(s grid.Sighting) {
	if s.Unplaced {
		if x.unplaced++; x.unplaced > x.most/unplacedShare {
			return
		}
	}
	if x.full = len(x.found.Sightings) == x.most; !x.full {
		x.found.Sightings = append(x.found.Sightings, s)
		x.placed[s.Job.ID] = true
	}
}

// bounded bounds a run that was last seen running by what other records of the
// job say.
func (x *search) bounded(ctx context.Context, j grid.Job) (grid.Job, error) {
	others, err := x.others(ctx, j)
	for _, other := range others {
		j = j.BoundedBy(other)
	}
	return j, err
}

// others gives every record of a job.
func (x *search) others(ctx context.Context, j grid.Job) ([]grid.Job, error) {
	var out []grid.Job
	prefix := jobPrefix(&j)
	last := append(prefix[:], strings.Repeat("\xff", 11)...)
	rows, err := x.tx.QueryContext(ctx, `SELECT data FROM record WHERE id BETWEEN ? AND ?`, prefix[:], last)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var data []byte
		if err := rows.Scan(&data); err != nil {
			return nil, err
		}
		other, err := decodeJob(data)
		if err != nil {
			return nil, err
		}
		out = append(out, other)
	}
	return out, rows.Err()
}

// mates looks at the other jobs of the pilots that were on the host: one of them
// may have been there under a name that says nothing, and one that was elsewhere
// shows where else the pilot was.
func (x *search) mates(ctx context.Context, buckets []bucket) error {
	for _, id := range grid.PilotsOf(x.found.Sightings) {
		q := x.query
		q.Kind, q.Pilot = grid.ByPilotID, id
		err := x.each(ctx, buckets, q.MateKeys(), func(ctx context.Context, j grid.Job) error {
			if x.placed[j.ID] {
				return nil
			}
			if j.Running() {
				var err error
				if j, err = x.bounded(ctx, j); err != nil {
					return err
				}
			}
			s, follow, ok := grid.MatchMate(q, j)
			if ok {
				x.add(s)
			}
			if follow != (grid.FollowOn{}) && !slices.Contains(x.found.FollowOn, follow) {
				x.found.FollowOn = append(x.found.FollowOn, follow)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// exposed looks for who came to the same pilots after the window.
func (x *search) exposed(ctx context.Context) error {
	after, pilots := grid.Afterwards(x.query, x.found.Sightings)
	if len(pilots) == 0 {
		return nil
	}
	buckets, err := x.buckets(ctx, after.Window)
	if err != nil {
		return err
	}
	var jobs []grid.Job
	var keys []string
	for _, after.Pilot = range pilots {
		keys = append(keys, after.MateKeys()...)
	}
	err = x.each(ctx, buckets, keys, func(_ context.Context, j grid.Job) error {
		if !x.placed[j.ID] && len(grid.Exposed(after, pilots, []grid.Job{j})) > 0 {
			jobs = append(jobs, j)
		}
		return nil
	})
	x.found.Exposed = grid.Exposed(after, pilots, jobs)
	return err
}
