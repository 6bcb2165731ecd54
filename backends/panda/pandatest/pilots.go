package pandatest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// KilledByServer is the pilot's error code of a job whose payload it has killed
// because PanDA said so.
const KilledByServer = 1144

// end is the last call of pilots whose payload has ended by itself.
func (w *World) end(ctx context.Context, at time.Time) error {
	ids := slices.Collect(maps.Keys(w.ended))
	clear(w.ended)
	return w.lastCall(ctx, ids, at, 0, nil)
}

// stop is the last call of pilots that have killed their payload.
func (w *World) stop(ctx context.Context, at time.Time) error {
	var ids []int64
	for id, due := range w.stopped {
		if !due.After(at) {
			ids = append(ids, id)
			delete(w.stopped, id)
		}
	}
	return w.lastCall(ctx, ids, at, KilledByServer, "This job was killed by panda server")
}

func (w *World) lastCall(ctx context.Context, ids []int64, at time.Time, code int, diag any) error {
	if len(ids) == 0 {
		return nil
	}
	return w.exec(ctx, `UPDATE doma_panda.jobsactive4 SET jobstatus = 'holding', endtime = $2, modificationtime = $2, statechangetime = $2,
			piloterrorcode = $3, piloterrordiag = $4
		WHERE pandaid = ANY($1) AND jobstatus IN ('running', 'starting')`, ids, at, code, diag)
}

// call is what pilots do every half hour. The answer tells them of a kill.
func (w *World) call(ctx context.Context, at time.Time) error {
	type called struct {
		ID     int64
		At     time.Time
		Killed bool
	}
	// Calls keep their rhythm, whenever the world looks.
	all, err := collect(ctx, w.pool, pgx.RowToStructByPos[called], `UPDATE doma_panda.jobsactive4
		SET modificationtime = modificationtime + floor(extract(epoch FROM $1::timestamp - modificationtime) / extract(epoch FROM $2::interval)) * $2::interval
		WHERE jobstatus IN ('running', 'starting') AND modificationtime <= $1::timestamp - $2::interval AND pandaid <> ALL($3)
		RETURNING pandaid, modificationtime, commandtopilot IS NOT DISTINCT FROM 'tobekilled'`,
		at, w.pace.Heartbeat, slices.AppendSeq([]int64{}, maps.Keys(w.silent)))
	for _, c := range all {
		if _, known := w.stopped[c.ID]; c.Killed && !known && !w.evading[c.ID] {
			w.stopped[c.ID] = c.At.Add(w.pace.Stop)
		}
	}
	return err
}

// add archives jobs after their last call. A kill that the payload did not survive
// makes them cancelled, one that came too late changes nothing.
func (w *World) add(ctx context.Context, at time.Time) error {
	return w.archive(ctx, `UPDATE doma_panda.jobsactive4 SET modificationtime = $1, statechangetime = $1,
			jobstatus = CASE WHEN piloterrorcode = 0 AND exeerrorcode = 0 THEN 'finished'
				WHEN commandtopilot = 'tobekilled' THEN 'cancelled' ELSE 'failed' END
		WHERE jobstatus = 'holding' AND modificationtime <= $1::timestamp - $2::interval RETURNING pandaid`, at, w.pace.Add)
}

// giveUp archives jobs whose pilot does not call any more.
func (w *World) giveUp(ctx context.Context, at time.Time) error {
	return w.archive(ctx, `UPDATE doma_panda.jobsactive4 SET jobstatus = 'failed', endtime = modificationtime,
			jobdispatchererrorcode = 100, jobdispatchererrordiag = 'lost heartbeat : ' || date_trunc('second', modificationtime),
			modificationtime = $1, statechangetime = $1
		WHERE jobstatus IN ('running', 'starting', 'sent') AND modificationtime <= $1::timestamp - $2::interval RETURNING pandaid`, at, w.pace.Lost)
}

// archive moves the jobs of a statement.
func (w *World) archive(ctx context.Context, sql string, args ...any) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		ids, err := collect(ctx, tx, pgx.RowTo[int64], sql, args...)
		if err != nil || len(ids) == 0 {
			return err
		}
		return w.d.move(ctx, tx, Active, Archived, ids)
	})
}

// dispatch gives activated jobs to pilots, on hosts of their site.
func (w *World) dispatch(ctx context.Context, at time.Time) error {
	return w.exec(ctx, `UPDATE doma_panda.jobsactive4 SET jobstatus = 'running', starttime = $1, modificationtime = $1, statechangetime = $1,
			modificationhost = format('slot1_%s@wn%s.%s.example.org', pandaid % 8 + 1, lpad((pandaid % 60 + 1)::text, 3, '0'),
				trim(both '-' FROM regexp_replace(lower(COALESCE(computingsite, 'site')), '[^a-z0-9]+', '-', 'g'))),
			batchid = format('schedd01.example.org#%s.0#%s', pandaid % 1000000, extract(epoch FROM $1::timestamp)::bigint),
			pilotid = format('https://pilots.example.org/%s.out|HTCONDOR|PR|3.11.5.1', pandaid)
		WHERE jobstatus = 'activated' AND modificationtime <= $1::timestamp - $2::interval`, at, w.pace.Dispatch)
}

// activate offers new jobs to pilots.
func (w *World) activate(ctx context.Context, at time.Time) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		ids, err := collect(ctx, tx, pgx.RowTo[int64], `UPDATE doma_panda.jobsdefined4 SET jobstatus = 'activated', modificationtime = $1, statechangetime = $1
			WHERE jobstatus IN ('defined', 'assigned') AND modificationtime <= $1::timestamp - $2::interval RETURNING pandaid`, at, w.pace.Activate)
		if err != nil || len(ids) == 0 {
			return err
		}
		return w.d.move(ctx, tx, Defined, Active, ids)
	})
}

func (w *World) exec(ctx context.Context, sql string, args ...any) error {
	if _, err := w.pool.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("%s: %w", sql, err)
	}
	return nil
}
