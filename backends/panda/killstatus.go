package panda

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
)

const (
	// heartbeat is the time between two calls of a pilot (pilot3, default.cfg).
	heartbeat = 30 * time.Minute
	// pilotKilled is pilotErrorCode when the pilot has ended the payload because the
	// server told it to.
	pilotKilled = 1144
	// clockSkew is by how much our clock and PanDA's may differ.
	clockSkew = time.Minute
)

// KillStatus tells how far the kills of jobs have come, in the order of ids, by the
// rows of their tables, all of one moment. since is when all of them were
// registered; zero where that is not known. A job whose kill is not registered and
// that has not ended has no State; one that no table has is an error.
//
// The server's get_status is not asked: of a job that it does not find it says
// that it is to be killed.
func (k *Killer) KillStatus(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	first := make(map[int64]int, len(ids)) // of an id that is asked for twice, where it is answered
	for i, n := range numbers {
		if _, twice := first[n]; !twice {
			first[n] = i
		}
	}
	out := make([]grid.JobKill, len(ids))
	err = k.store.killRows(ctx, numbers, func(r killRow) {
		i := first[r.id]
		out[i] = r.kill(since)
		out[i].Job.ID = ids[i]
	})
	if err != nil {
		return nil, fmt.Errorf("panda: reading how far %d kills have come: %w", len(ids), k.store.explain(err))
	}
	for i, n := range numbers {
		if out[i] = out[first[n]]; out[i].Job.ID == "" {
			return nil, fmt.Errorf("panda: there is no job %d in any table", n)
		}
	}
	return out, nil
}

// killRow is what a job's row says of its kill.
type killRow struct {
	id, task                         int64
	status, label, site, host, batch string
	cores                            int
	created, modified                time.Time
	started, ended                   *time.Time
	command, dispatcher              string
	pilotError, bufferError          int
	archived                         bool
}

// killRows gives the rows of jobs, all of one moment, for jobs move between the tables. The
// archive has many partitions, and is asked only for those that the live tables do
// not have.
func (s *Store) killRows(ctx context.Context, ids []int64, each func(killRow)) error {
	const columns = `SELECT pandaid, coalesce(jeditaskid, 0), jobstatus, coalesce(prodsourcelabel, ''), coalesce(computingsite, ''), coalesce(modificationhost, ''), coalesce(batchid, ''),
		coalesce(actualcorecount, corecount, 0), creationtime, modificationtime, starttime, endtime,
		coalesce(commandtopilot, ''), coalesce(jobdispatchererrordiag, ''), piloterrorcode, taskbuffererrorcode FROM `
	return pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		seen := make(map[int64]bool, len(ids))
		known := shared{}
		read := func(statement string, ids []int64, archived bool) error {
			rows, err := tx.Query(ctx, s.sql(statement), ids)
			if err != nil {
				return err
			}
			r := killRow{archived: archived}
			_, err = pgx.ForEachRow(rows, []any{
				&r.id, &r.task, &r.status, &r.label, &r.site, &r.host, &r.batch, &r.cores, &r.created, &r.modified, &r.started, &r.ended,
				&r.command, &r.dispatcher, &r.pilotError, &r.bufferError,
			}, func() error {
				seen[r.id] = true
				r.status, r.label, r.site, r.host = known.one(r.status), known.one(r.label), known.one(r.site), known.one(r.host)
				each(r)
				return nil
			})
			return err
		}
		if err := read(columns+`unnest($1::bigint[]) AS id JOIN {panda}.jobsdefined4 ON pandaid = id
			UNION ALL `+columns+`unnest($1::bigint[]) AS id JOIN {panda}.jobsactive4 ON pandaid = id`, ids, false); err != nil {
			return err
		}
		var rest []int64
		for _, id := range ids {
			if !seen[id] {
				rest = append(rest, id)
			}
		}
		if len(rest) == 0 {
			return nil
		}
		return read(columns+`{panda}.jobsarchived4 WHERE pandaid = ANY($1)
			UNION ALL `+columns+`{arch}.jobsarchived WHERE pandaid = ANY($1)`, rest, true)
	})
}

// kill reads a row as the server writes it. A kill does not touch the modification
// time of a running job; a call of its pilot does.
func (r killRow) kill(since time.Time) grid.JobKill {
	k := grid.JobKill{Job: r.job()}
	modified := "modificationTime=" + r.modified.Format(time.DateTime)
	told := !since.IsZero() && r.modified.After(since.Add(clockSkew))
	switch {
	case r.over() && !r.proven():
		k.State, k.Due = grid.KillRequested, r.modified.Add(heartbeat)
		k.Evidence = r.end() + ", " + modified
	case r.over():
		k.State, k.Evidence = grid.KillGone, r.end()
	case r.command != "tobekilled":
		k.Evidence = "commandToPilot is empty: no kill is registered"
	case r.status == "holding" || r.status == "transferring":
		k.State, k.Due = grid.KillDelivered, r.modified.Add(heartbeat)
		k.Evidence = fmt.Sprintf("commandToPilot=tobekilled, jobStatus=%s, pilotErrorCode=%d, %s: the payload has ended, and the server winds it up", r.status, r.pilotError, modified)
	case told && r.modified.After(since.Add(heartbeat+clockSkew)):
		k.State, k.Due = grid.KillEvading, r.modified.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot was told and calls on, but jobStatus=" + r.status
	case told:
		k.State, k.Due = grid.KillDelivered, r.modified.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot was told, jobStatus=" + r.status
	default:
		k.State, k.Due = grid.KillRequested, r.modified.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot has not called since"
	}
	return k
}

// job is the row for people. Before a job has started its host is that of a
// server, and when it was changed last says nothing of a pilot.
func (r killRow) job() grid.LiveJob {
	j := grid.LiveJob{Status: r.status, Label: r.label, Site: r.site, Cores: max(r.cores, 1), Submitted: r.created}
	if r.task != 0 {
		j.Task = strconv.FormatInt(r.task, 10)
	}
	if r.ran() {
		j.Host, j.Batch, j.Heartbeat = nodeOf(r.host), r.batch, r.modified
	}
	return j
}

func (r killRow) over() bool {
	return r.archived || slices.Contains(ended, r.status)
}

// ran tells whether a pilot has had the job. One that was killed while it was
// starting has the same time for both ends.
func (r killRow) ran() bool {
	return r.started != nil && r.started.Year() > 1970 && (r.ended == nil || !r.started.Equal(*r.ended))
}

// proven tells whether the end of a job was seen, and not only written: a job that
// ran, was ended at the very moment of its archiving, and whose pilot has said
// nothing may go on as a process.
func (r killRow) proven() bool {
	inDatabaseOnly := (r.status == "cancelled" || r.status == "closed") && r.pilotError != pilotKilled && r.ended != nil && r.ended.Equal(r.modified)
	return !r.ran() || !inDatabaseOnly && !r.lost()
}

func (r killRow) lost() bool { return strings.HasPrefix(r.dispatcher, "lost heartbeat") }

// end words how a job ended.
func (r killRow) end() string {
	status := "jobStatus=" + r.status
	switch {
	case !r.ran():
		return status + ", it never started"
	case r.pilotError == pilotKilled:
		return fmt.Sprintf("%s, pilotErrorCode=%d: the pilot has ended it", status, r.pilotError)
	case r.lost():
		return status + ", lost heartbeat: the pilot has vanished, and whether the process has ended is not known"
	case !r.proven():
		return fmt.Sprintf("%s, pilotErrorCode=%d, taskBufferErrorCode=%d: ended in the database only, and whether the process has ended is not known", status, r.pilotError, r.bufferError)
	}
	return status + ": it ended by itself"
}
