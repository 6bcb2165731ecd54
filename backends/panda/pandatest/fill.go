package pandatest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/jackc/pgx/v5"
)

// large is from how many jobs on a database is filled without its indexes, which are made
// afterwards, and its side tables are partitioned by days, as PanDA's.
const large = 100_000

// Fill makes users, tasks and jobs with all that belongs to them, by COPY, and gives the truth about
// them. Nothing may be in the database yet. Of jobs that ended longer ago than 30 days
// only their own row is left, as in PanDA.
func (d *Database) Fill(size Size) *Truth {
	d.t.Helper()
	t := newTruth(size)
	load := func(ctx context.Context, conn *pgx.Conn) error { return d.load(ctx, conn, t) }
	if t.Size.Archived >= large {
		for _, table := range []string{"jobparamstable", "metatable", "filestable4", "jobs_statuslog"} {
			day := t.Size.Until.AddDate(0, 0, -keptDays)
			for range keptDays + 5 {
				d.Exec(partition("doma_panda."+table, day, day.AddDate(0, 0, 1)))
				day = day.AddDate(0, 0, 1)
			}
		}
		load = withoutIndexes(load)
	}
	conn, err := d.pool.Acquire(d.context())
	if err == nil {
		err = load(d.context(), conn.Conn())
		conn.Release()
	}
	if err != nil {
		d.t.Fatal(err)
	}
	d.Exec("SELECT setval('doma_panda.jobsdefined4_pandaid_seq', $1)", firstID+int64(t.Size.Archived+t.Size.Active))
	d.Exec("SELECT setval('doma_pandameta.users_id_seq', $1)", len(t.Users))
	d.Exec("ANALYZE")
	return t
}

func (d *Database) load(ctx context.Context, conn *pgx.Conn, t *Truth) error {
	// Jobs whose rows in other tables are there still are at the end.
	recent := t.from(min(t.Size.Archived, max(0, t.Size.Days-keptDays-5)*4*t.slots))
	rowID := int64(0)
	return errors.Join(
		copyInto(ctx, conn, "doma_pandameta.users", func(put func(row) bool) {
			for i, u := range t.Users {
				u.ID, u.LatestJob, u.FirstJob = int64(i+1), t.Size.Until, t.Size.Until.AddDate(0, 0, -t.Size.Days)
				u.Email = fmt.Sprintf("user%d@example.org", i+1)
				if !put(u.row()) {
					return
				}
			}
		}),
		copyTasks(ctx, conn, t),
		copyJobs(ctx, conn, t.All(), Archived), copyJobs(ctx, conn, t.from(t.Size.Archived), Defined), copyJobs(ctx, conn, t.from(t.Size.Archived), Active),
		copySides(ctx, conn, recent, "doma_panda.jobparamstable", func(g Generated) []row { return []row{g.sides()["doma_panda.jobparamstable"]} }),
		copySides(ctx, conn, recent, "doma_panda.filestable4", func(g Generated) (out []row) {
			for _, f := range g.files() {
				rowID++
				f.RowID = rowID
				out = append(out, f.row())
			}
			return out
		}),
		copySides(ctx, conn, recent, "doma_panda.jobs_statuslog", func(g Generated) (out []row) {
			for _, s := range g.history() {
				out = append(out, s.row())
			}
			return out
		}),
		copySides(ctx, conn, ran(recent), "doma_panda.harvester_workers", func(g Generated) []row { return []row{g.worker().row()} }),
		copySides(ctx, conn, ran(recent), "doma_panda.harvester_rel_jobs_workers", func(g Generated) []row { return []row{g.worker().link(g.PandaID)} }),
	)
}

func ran(all iter.Seq[Generated]) iter.Seq[Generated] {
	return func(yield func(Generated) bool) {
		for g := range all {
			if g.Node != "" && !yield(g) {
				return
			}
		}
	}
}

func copyTasks(ctx context.Context, conn *pgx.Conn, t *Truth) error {
	each := func(do func(m made) bool) {
		last := -1
		for i := range t.Size.Archived + t.Size.Active {
			number, first := t.taskOf(i)
			if number != last && !do(t.task(first)) {
				return
			}
			last = number
		}
	}
	return errors.Join(
		copyInto(ctx, conn, "doma_panda.jedi_tasks", func(put func(row) bool) {
			each(func(m made) bool { return put(m.task.complete().row()) })
		}),
		copyInto(ctx, conn, "doma_panda.jedi_taskparams", func(put func(row) bool) {
			each(func(m made) bool { return put(m.task.params()) })
		}),
		copyInto(ctx, conn, "doma_deft.t_task", func(put func(row) bool) {
			each(func(m made) bool { return put(m.task.complete().deft()) })
		}),
		copyInto(ctx, conn, "doma_pandameta.usercacheusage", func(put func(row) bool) {
			each(func(m made) bool {
				u := m.payload.upload
				u.CreationTime = m.task.CreationDate
				return u.FileName == "" || put(u.row())
			})
		}),
	)
}

func copyJobs(ctx context.Context, conn *pgx.Conn, jobs iter.Seq[Generated], table Table) error {
	return copyInto(ctx, conn, string(table), func(put func(row) bool) {
		for g := range jobs {
			if g.Table != table {
				if g.Table.live() && table == Archived {
					return
				}
				continue
			}
			if !put(g.row()) {
				return
			}
		}
	})
}

func copySides(ctx context.Context, conn *pgx.Conn, jobs iter.Seq[Generated], table string, of func(Generated) []row) error {
	return copyInto(ctx, conn, table, func(put func(row) bool) {
		for g := range jobs {
			if !g.stored {
				continue
			}
			for _, r := range of(g) {
				if !put(r) {
					return
				}
			}
		}
	})
}

// copyInto copies rows, all of the same columns, into a table.
func copyInto(ctx context.Context, conn *pgx.Conn, table string, rows iter.Seq[row]) error {
	next, stop := iter.Pull(rows)
	defer stop()
	first, some := next()
	if !some {
		return nil
	}
	pending := &first
	_, err := conn.CopyFrom(ctx, strings.Split(table, "."), first.names(), pgx.CopyFromFunc(func() ([]any, error) {
		if pending != nil {
			values := pending.values()
			pending = nil
			return values, nil
		}
		r, more := next()
		if !more {
			return nil, nil
		}
		return r.values(), nil
	}))
	if err != nil {
		return fmt.Errorf("copying into %s: %w", table, err)
	}
	return nil
}

// withoutIndexes does something while no table has an index but its key, and makes the
// indexes again.
func withoutIndexes(do func(context.Context, *pgx.Conn) error) func(context.Context, *pgx.Conn) error {
	return func(ctx context.Context, conn *pgx.Conn) error {
		type index struct{ Name, Definition string }
		all, err := collect(ctx, conn, pgx.RowToStructByPos[index], `SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
			FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
			WHERE n.nspname LIKE 'doma%' AND NOT i.indisprimary AND NOT c.relispartition`)
		if err != nil {
			return err
		}
		for _, x := range all {
			if _, err := conn.Exec(ctx, "DROP INDEX "+x.Name); err != nil {
				return err
			}
		}
		if err := do(ctx, conn); err != nil {
			return err
		}
		for _, x := range all {
			// An index of a partitioned table is written as of the parent alone, which would leave its partitions without.
			if _, err := conn.Exec(ctx, strings.Replace(x.Definition, " ON ONLY ", " ON ", 1)); err != nil {
				return err
			}
		}
		return nil
	}
}
