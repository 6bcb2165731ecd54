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
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Bounds of what one user may have running.
const (
	maxLiveJobs  = 500_000
	maxLiveTasks = 20_000
)

// ended are the states of a job that is over. It may stay in the table of live
// jobs until it is archived.
var ended = []string{"finished", "failed", "cancelled", "closed"}

// liveTasks are the states of tasks that go on or may. They are named, and not
// those of tasks that are over, for tasks are found by their state: there is no
// index by the user.
var liveTasks = []string{
	"registered", "defined", "assigning", "topreprocess", "preprocessing", "ready", "pending", "scouting", "scouted", "running",
	"merging", "prepared", "paused", "throttled", "staging", "exhausted", "passed", "finishing", "aborting", "toabort", "toretry",
	"toincexec", "rerefine", "reassigning", "toreassign",
}

// waitingTask is the state of a task that was submitted and that JEDI has not
// taken yet: the server says of it that it does not exist.
const waitingTask = "waiting"

// LiveJobs gives the jobs and tasks of an account's name that have not ended, with
// tasks that wait to be taken. All is of one moment, for jobs move between the
// tables and tasks make new jobs.
func (s *Store) LiveJobs(ctx context.Context, a grid.Account) ([]grid.LiveJob, []grid.LiveTask, error) {
	var jobs []grid.LiveJob
	var tasks []grid.LiveTask
	err := pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var err error
		if tasks, err = s.tasksOf(ctx, tx, a.Name); err != nil {
			return err
		}
		jobs, err = s.jobsOf(ctx, tx, a.Name)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("panda: reading what a user has running: %w", s.explain(err))
	}
	return jobs, tasks, nil
}

func (s *Store) tasksOf(ctx context.Context, tx pgx.Tx, user string) ([]grid.LiveTask, error) {
	rows, err := tx.Query(ctx, s.sql(`SELECT jeditaskid, username, coalesce(taskname, ''), status FROM {panda}.jedi_tasks WHERE status = ANY($2) AND username = $1
		UNION ALL
		SELECT taskid, username, coalesce(taskname, ''), status FROM {deft}.t_task WHERE username = $1 AND status = $3
		LIMIT $4`), user, liveTasks, waitingTask, maxLiveTasks+1)
	if err != nil {
		return nil, err
	}
	tasks, err := collectTasks(rows)
	if err == nil && len(tasks) > maxLiveTasks {
		err = tooMany("tasks", maxLiveTasks)
	}
	return tasks, err
}

// collectTasks takes each task once, the one of the first row.
func collectTasks(rows pgx.Rows) ([]grid.LiveTask, error) {
	seen := map[int64]bool{}
	var tasks []grid.LiveTask
	var id int64
	var t grid.LiveTask
	_, err := pgx.ForEachRow(rows, []any{&id, &t.User, &t.Name, &t.Status}, func() error {
		if !seen[id] {
			seen[id] = true
			t.ID = strconv.FormatInt(id, 10)
			tasks = append(tasks, t)
		}
		return nil
	})
	return tasks, err
}

func tooMany(what string, most int) error {
	return trouble.Errorf(nil, "There are more than %d live %s, which is more than can be listed. Ask the experts of PanDA.", most, what)
}

// jobsOf reads the live jobs of a user.
func (s *Store) jobsOf(ctx context.Context, tx pgx.Tx, user string) ([]grid.LiveJob, error) {
	ask := func(ctx context.Context, statement string, args ...any) (pgx.Rows, error) {
		return tx.Query(ctx, s.sql(statement), args...)
	}
	return liveJobs(ctx, ask, "produsername = $4", user)
}

// liveJobs reads the live jobs for which a condition on $4 holds. Values that most
// jobs share are kept once. A job that stands in both tables is being killed if both
// say so.
func liveJobs(ctx context.Context, ask asking, condition string, arg any) ([]grid.LiveJob, error) {
	from := func(table string) string {
		return `SELECT '` + table + `', pandaid, coalesce(jeditaskid, 0), coalesce(produsername, ''), jobstatus, coalesce(prodsourcelabel, ''), coalesce(computingsite, ''),
			coalesce(modificationhost, ''), coalesce(batchid, ''), coalesce(actualcorecount, corecount, 0), creationtime, modificationtime, starttime, coalesce(commandtopilot, '') = $3
			FROM {panda}.` + table + ` WHERE jobstatus <> ALL($1) AND ` + condition
	}
	rows, err := ask(ctx, from("jobsdefined4")+" UNION ALL "+from("jobsactive4")+" LIMIT $2", ended, maxLiveJobs+1, toBeKilled, arg)
	if err != nil {
		return nil, err
	}
	var r liveRow
	known := shared{}
	const together = 4096
	var parts [][]grid.LiveJob // a slice that grows would be copied again and again
	at := map[int64]int{}
	_, err = pgx.ForEachRow(rows, r.fields(), func() error {
		if i, twice := at[r.id]; twice {
			have := &parts[i/together][i%together]
			have.Killing = have.Killing && r.killing
			return nil
		}
		at[r.id] = len(at)
		if last := len(parts) - 1; last < 0 || len(parts[last]) == together {
			parts = append(parts, make([]grid.LiveJob, 0, together))
		}
		parts[len(parts)-1] = append(parts[len(parts)-1], r.job(known))
		return nil
	})
	if err == nil && len(at) > maxLiveJobs {
		err = tooMany("jobs", maxLiveJobs)
	}
	return slices.Concat(parts...), err
}

// liveRow is a row of the tables of live jobs.
type liveRow struct {
	id, task                                      int64
	table, user, status, label, site, host, batch string
	cores                                         int
	created, modified                             time.Time
	started                                       *time.Time
	killing                                       bool
}

func (r *liveRow) fields() []any {
	return []any{&r.table, &r.id, &r.task, &r.user, &r.status, &r.label, &r.site, &r.host, &r.batch, &r.cores, &r.created, &r.modified, &r.started, &r.killing}
}

// job is the row for a plan. Before a job has started, its host is that of a
// server, and when it was changed last says nothing of a pilot.
func (r *liveRow) job(known shared) grid.LiveJob {
	j := grid.LiveJob{
		ID: strconv.FormatInt(r.id, 10), User: known.one(r.user), Status: known.one(r.status), Label: known.one(r.label), Table: known.one(r.table), Site: known.one(r.site),
		Cores: max(r.cores, 1), Submitted: r.created, Killing: r.killing,
	}
	if r.task != 0 {
		j.Task = known.one(strconv.FormatInt(r.task, 10))
	}
	if r.started != nil && r.started.Year() > 1970 {
		j.Host, j.Batch, j.Heartbeat = known.one(nodeOf(r.host)), r.batch, r.modified
	}
	return j
}

// nodeOf is the worker node of a modificationhost, which may have a slot in front.
func nodeOf(host string) string { return host[strings.LastIndex(host, "@")+1:] }

// shared has one copy of each text.
type shared map[string]string

func (k shared) one(s string) string {
	if have, ok := k[s]; ok {
		return have
	}
	k[s] = s
	return s
}
