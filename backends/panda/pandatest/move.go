package pandatest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// ServerHost is the machine that PanDA's server and daemons run on. It is what the
// status log has as host.
const ServerHost = "aipanda048.cern.ch"

// jobColumns are the columns of every table of jobs, in one order.
func (d *Database) jobColumns(ctx context.Context, q querier) (string, error) {
	d.columns.Lock()
	defer d.columns.Unlock()
	if d.columns.names == "" {
		names, err := collect(ctx, q, pgx.RowTo[string], `SELECT attname::text FROM pg_attribute
			WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname`, string(Active))
		if err != nil {
			return "", err
		}
		d.columns.names = strings.Join(names, ", ")
	}
	return d.columns.names, nil
}

// move takes jobs from one table to another, as they are. With the move to an archive
// the rows of their parameters, metadata and files get the time of the job, and the
// files the status that follows from the job's. The status log has a line of each.
func (d *Database) move(ctx context.Context, q querier, from, to Table, ids []int64) error {
	columns, err := d.jobColumns(ctx, q)
	if err != nil {
		return err
	}
	sql := fmt.Sprintf(`WITH moved AS (DELETE FROM %[1]s WHERE pandaid = ANY($1) RETURNING %[3]s),
		put AS (INSERT INTO %[2]s (%[3]s) SELECT %[3]s FROM moved)`, from, to, columns)
	if !to.live() {
		sql += `, parameters AS (UPDATE doma_panda.jobparamstable s SET modificationtime = m.modificationtime
				FROM moved m WHERE s.pandaid = m.pandaid AND s.modificationtime = TIMESTAMP '1970-01-01'),
			metadata AS (UPDATE doma_panda.metatable s SET modificationtime = m.modificationtime
				FROM moved m WHERE s.pandaid = m.pandaid AND s.modificationtime = TIMESTAMP '1970-01-01'),
			files AS (UPDATE doma_panda.filestable4 s SET modificationtime = m.modificationtime,
					status = CASE m.jobstatus WHEN 'finished' THEN 'ready' ELSE 'failed' END
				FROM moved m WHERE s.pandaid = m.pandaid AND s.modificationtime = TIMESTAMP '1970-01-01')`
	}
	_, err = collect(ctx, q, pgx.RowTo[int64], sql+`
		INSERT INTO doma_panda.jobs_statuslog
			(pandaid, modificationtime, jobstatus, prodsourcelabel, cloud, computingsite, modificationhost, modiftime_extended)
		SELECT pandaid, modificationtime, jobstatus, prodsourcelabel, cloud, computingsite, $2, modificationtime FROM moved
		RETURNING pandaid`, ids, ServerHost)
	return err
}

// cancel moves live jobs to the archive as cancelled by a command, which is what a
// kill does to a job that waits: a job that was starting gets its end for start, one
// that never started has none. Whoever asked for it is in the rows already.
func (d *Database) cancel(ctx context.Context, tx pgx.Tx, from Table, ids []int64, at time.Time) error {
	_, err := tx.Exec(ctx, `UPDATE `+string(from)+` SET jobstatus = 'cancelled', taskbuffererrorcode = 100,
			starttime = CASE WHEN jobstatus = 'starting' THEN COALESCE(endtime, $2) ELSE starttime END,
			endtime = COALESCE(endtime, $2), modificationtime = $2, statechangetime = $2
		WHERE pandaid = ANY($1)`, ids, at.UTC())
	if err != nil {
		return fmt.Errorf("cancelling jobs of %s: %w", from, err)
	}
	return d.move(ctx, tx, from, Archived, ids)
}
