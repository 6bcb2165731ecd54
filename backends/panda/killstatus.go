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
	// toBeKilled is commandToPilot of a job whose kill is registered.
	toBeKilled = "tobekilled"
	// clockSkew is by how much our clock and PanDA's may differ.
	clockSkew = time.Minute
)

// KillStatus tells how far the kills of jobs have come, in the order of ids, by the
// rows of their tables, all of one moment. since is when all of them were
// registered; zero where that is not known. A job whose kill is not registered and
// that has not ended has no State; one that no table has is an error. Of a job that
// stands in two tables it says what the row says that is nearer to running: gone is
// only what nothing else speaks against.
//
// The server's get_status is not asked: of a job that it does not find it says
// that it is to be killed.
func (k *Killer) KillStatus(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	found, err := k.store.killRows(ctx, numbers)
	if err != nil {
		return nil, fmt.Errorf("panda: reading how far %d kills have come: %w", len(ids), k.store.explain(err))
	}
	out := make([]grid.JobKill, len(ids))
	for i, n := range numbers {
		row, known := found[n]
		if !known {
			return nil, fmt.Errorf("panda: there is no job %d in any table", n)
		}
		out[i] = row.kill(since)
		out[i].Job.ID = ids[i]
	}
	return out, nil
}

// killRow is what a job's row says of its kill.
type killRow struct {
	id, task                                      int64
	table, user, status, label, site, host, batch string
	cores                                         int
	created, modified                             time.Time
	started, ended                                *time.Time
	command, dispatcher                           string
	pilotError, bufferError                       int
	archived                                      bool
}

// recently is the time within which what is being killed has ended, for the most part:
// it is looked through first.
const recently = 7 * 24 * time.Hour

// killRows gives one row of each job, all of one moment, for jobs move between the
// tables. The archive has many partitions: it is asked only for jobs that do not live,
// and all of it only for those that did not end of late.
func (s *Store) killRows(ctx context.Context, ids []int64) (map[int64]*killRow, error) {
	of := func(table, from string) string {
		return `SELECT '` + table + `', pandaid, coalesce(jeditaskid, 0), coalesce(produsername, ''), jobstatus, coalesce(prodsourcelabel, ''), coalesce(computingsite, ''),
			coalesce(modificationhost, ''), coalesce(batchid, ''), coalesce(actualcorecount, corecount, 0), creationtime, modificationtime, starttime, endtime,
			coalesce(commandtopilot, ''), coalesce(jobdispatchererrordiag, ''), piloterrorcode, taskbuffererrorcode FROM ` + from
	}
	live := of("jobsdefined4", `unnest($1::bigint[]) AS id JOIN {panda}.jobsdefined4 ON pandaid = id`) +
		` UNION ALL ` + of("jobsactive4", `unnest($1::bigint[]) AS id JOIN {panda}.jobsactive4 ON pandaid = id`)
	archive := of("jobsarchived4", `{panda}.jobsarchived4 WHERE pandaid = ANY($1)`)
	recent := archive + ` AND modificationtime >= $2`
	archive += ` UNION ALL ` + of("jobsarchived", `{arch}.jobsarchived WHERE pandaid = ANY($1)`)
	out := make(map[int64]*killRow, len(ids))
	known := shared{}
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		read := func(statement string, archived bool, args ...any) error {
			rows, err := tx.Query(ctx, s.sql(statement), args...)
			if err != nil {
				return err
			}
			return keepRows(rows, archived, known, out)
		}
		if err := read(live, false, ids); err != nil {
			return err
		}
		rest := slices.DeleteFunc(slices.Clone(ids), func(id int64) bool { return out[id] != nil && !out[id].over() })
		if len(rest) == 0 {
			return nil
		}
		if err := read(recent, true, rest, time.Now().UTC().Add(-recently)); err != nil {
			return err
		}
		rest = slices.DeleteFunc(rest, func(id int64) bool { return out[id] != nil })
		if len(rest) == 0 {
			return nil
		}
		return read(archive, true, rest)
	})
	return out, err
}

// keepRows takes of each job the row that is nearer to running.
func keepRows(rows pgx.Rows, archived bool, known shared, out map[int64]*killRow) error {
	r := killRow{archived: archived}
	_, err := pgx.ForEachRow(rows, []any{
		&r.table, &r.id, &r.task, &r.user, &r.status, &r.label, &r.site, &r.host, &r.batch, &r.cores, &r.created, &r.modified, &r.started, &r.ended,
		&r.command, &r.dispatcher, &r.pilotError, &r.bufferError,
	}, func() error {
		if have := out[r.id]; have == nil || r.nearerToRunning(*have) {
			row := r
			row.status, row.label, row.site, row.host = known.one(r.status), known.one(r.label), known.one(r.site), known.one(r.host)
			row.table, row.user, row.command = known.one(r.table), known.one(r.user), known.one(r.command)
			out[r.id] = &row
		}
		return nil
	})
	return err
}

// nearerToRunning chooses between two rows of one job: one that lives without a kill,
// then one that lives, then one whose end was not seen; of two alike, the one that was
// changed later.
func (r killRow) nearerToRunning(o killRow) bool {
	rank := func(k killRow) int {
		switch {
		case !k.over() && k.command != toBeKilled:
			return 3
		case !k.over():
			return 2
		case !k.proven():
			return 1
		}
		return 0
	}
	if a, b := rank(r), rank(o); a != b {
		return a > b
	}
	return r.modified.After(o.modified)
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
	case r.command != toBeKilled:
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
	j := grid.LiveJob{User: r.user, Status: r.status, Label: r.label, Table: r.table, Site: r.site, Cores: max(r.cores, 1), Submitted: r.created, Killing: r.command == toBeKilled}
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
