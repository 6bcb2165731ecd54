package pandatest

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// refine takes in tasks that were submitted a while ago. Before, they are in t_task
// only and cannot be killed.
func (w *World) refine(ctx context.Context, at time.Time) error {
	return w.exec(ctx, `WITH ripe AS (
			UPDATE doma_deft.t_task SET status = 'registered', "timestamp" = $1
			WHERE status = 'waiting' AND submit_time <= $1::timestamp - $2::interval RETURNING *),
		parameters AS (
			INSERT INTO doma_panda.jedi_taskparams (jeditaskid, taskparams)
			SELECT taskid, jedi_task_parameters FROM ripe WHERE jedi_task_parameters IS NOT NULL)
		INSERT INTO doma_panda.jedi_tasks (jeditaskid, taskname, status, username, creationdate, modificationtime, reqid,
			prodsourcelabel, vo, statechangetime, realmodificationtime)
		SELECT taskid, taskname, 'ready', username, submit_time, $1, taskid % 2147483647, prodsourcelabel, vo, $1, $1 FROM ripe`, at, w.pace.Refine)
}

// command carries out the kills of tasks: those of before first, so that every step
// takes a pass.
func (w *World) command(ctx context.Context, at time.Time) error {
	const jobsLeft = `EXISTS (SELECT FROM doma_panda.jobsactive4 j WHERE j.jeditaskid = t.jeditaskid)
		OR EXISTS (SELECT FROM doma_panda.jobsdefined4 j WHERE j.jeditaskid = t.jeditaskid)`
	for _, sql := range []string{
		`UPDATE doma_panda.jedi_tasks SET oldstatus = status, status = 'aborted', modificationtime = $1, statechangetime = $1, endtime = $1
			WHERE status = 'toabort'`,
		// A task that is to be aborted is dated back an hour.
		`UPDATE doma_panda.jedi_tasks t SET oldstatus = status, status = 'toabort', modificationtime = $1::timestamp - interval '1 hour', statechangetime = $1
			WHERE status = 'aborting' AND NOT (` + jobsLeft + `)`,
		`WITH told AS (UPDATE doma_deft.prodsys_comm SET comm_cmd = 'killing' WHERE comm_owner = 'DEFT' AND comm_cmd = 'kill' RETURNING comm_task),
			known AS (SELECT t.jeditaskid, ` + jobsLeft + ` AS busy FROM doma_panda.jedi_tasks t JOIN told ON comm_task = jeditaskid)
		UPDATE doma_panda.jedi_tasks t SET oldstatus = status, status = CASE WHEN busy THEN 'aborting' ELSE 'toabort' END,
			modificationtime = $1::timestamp - CASE WHEN busy THEN interval '0' ELSE interval '1 hour' END, statechangetime = $1
		FROM known k WHERE k.jeditaskid = t.jeditaskid
			AND t.status NOT IN ('finished', 'done', 'prepared', 'broken', 'aborted', 'toabort', 'aborting', 'failed')`,
		`UPDATE doma_deft.t_task d SET status = t.status, "timestamp" = $1 FROM doma_panda.jedi_tasks t
			WHERE t.jeditaskid = d.taskid AND t.statechangetime = $1 AND t.status IN ('aborting', 'toabort', 'aborted')`,
	} {
		if err := w.exec(ctx, sql, at); err != nil {
			return err
		}
	}
	for _, table := range []Table{Defined, Active} {
		if err := w.killOfTasks(ctx, table, at); err != nil {
			return err
		}
	}
	return nil
}

// killOfTasks kills what an aborting task has in a table, as JEDI does with code 50:
// what runs is told by its pilot, all else is cancelled at once.
func (w *World) killOfTasks(ctx context.Context, table Table, at time.Time) error {
	return pgx.BeginFunc(ctx, w.pool, func(tx pgx.Tx) error {
		waiting, err := collect(ctx, tx, pgx.RowTo[*int64], `UPDATE `+string(table)+` j
			SET commandtopilot = 'tobekilled', taskbuffererrordiag = left('killed by ' || COALESCE(
				(SELECT comm_comment FROM doma_deft.prodsys_comm WHERE comm_task = j.jeditaskid AND comm_cmd = 'killing' LIMIT 1), 'kill'), 250)
			FROM doma_panda.jedi_tasks t
			WHERE t.jeditaskid = j.jeditaskid AND t.status = 'aborting' AND j.commandtopilot IS DISTINCT FROM 'tobekilled'
			RETURNING CASE WHEN j.jobstatus = 'running' THEN NULL ELSE j.pandaid END`)
		if err != nil {
			return err
		}
		var ids []int64
		for _, id := range waiting {
			if id != nil {
				ids = append(ids, *id)
			}
		}
		if len(ids) == 0 {
			return nil
		}
		return w.d.cancel(ctx, tx, table, ids, at)
	})
}

// banned tells of a name, a label and a kind of processing whether such jobs are
// refused now. Those of production are not.
const banned = `(%[2]s IN ('user', 'panda', 'ptest', 'rc_test', 'rc_test2', 'rc_alrb') AND COALESCE(%[3]s, '') NOT IN ('merge', 'unmerge')
	AND EXISTS (SELECT FROM doma_pandameta.users u WHERE u.name = %[1]s AND u.status = 'disabled'))`

// heldDialog is how a task begins to say that none of its jobs were taken.
const heldDialog = "submitted only 0/"

// release lets tasks go on whose user is not banned any more.
func (w *World) release(ctx context.Context, at time.Time) error {
	return w.exec(ctx, `UPDATE doma_panda.jedi_tasks t SET oldstatus = status, status = 'running', errordialog = NULL, modificationtime = $1, statechangetime = $1
		WHERE status = 'pending' AND errordialog LIKE $2 || '%' AND NOT `+fmt.Sprintf(banned, "t.username", "t.prodsourcelabel", "t.processingtype"), at, heldDialog)
}

// generate makes the jobs that were planned for tasks, and others in place of those that were
// lost. A task of somebody who is banned is held.
func (w *World) generate(ctx context.Context, at time.Time) error {
	if err := w.generatePlanned(ctx, at); err != nil {
		return err
	}
	const lost = `FROM doma_panda.jobsarchived4 a JOIN doma_panda.jedi_tasks t USING (jeditaskid)
		WHERE a.modificationtime >= $2 AND a.jobstatus IN ('cancelled', 'failed', 'closed') AND t.status IN ('ready', 'scouting', 'running')
			AND NOT EXISTS (SELECT FROM doma_panda.jedi_job_retry_history h WHERE h.oldpandaid = a.pandaid)`
	isBanned := fmt.Sprintf(banned, "a.produsername", "a.prodsourcelabel", "a.processingtype")
	if err := w.exec(ctx, `WITH held AS (SELECT a.jeditaskid, count(*) AS n `+lost+` AND `+isBanned+` GROUP BY a.jeditaskid)
		UPDATE doma_panda.jedi_tasks t SET oldstatus = status, status = 'pending', errordialog = $3::text || n, modificationtime = $1, statechangetime = $1
		FROM held WHERE held.jeditaskid = t.jeditaskid`, at, w.born, heldDialog); err != nil {
		return err
	}
	const same = `jobdefinitionid, produserid, produsername, computingsite, computingelement, cloud, schedulerid, prodsourcelabel, job_label,
		processingtype, transformation, workinggroup, vo, specialhandling, container_name, jobsetid, reqid, jeditaskid, jobname, corecount, currentpriority`
	return w.exec(ctx, `WITH lost AS (SELECT nextval('doma_panda.jobsdefined4_pandaid_seq') AS fresh, a.* `+lost+` AND NOT `+isBanned+`),
		made AS (INSERT INTO doma_panda.jobsdefined4 (pandaid, parentid, attemptnr, jobstatus, creationtime, modificationtime, statechangetime, starttime, endtime, `+same+`)
			SELECT fresh, pandaid, attemptnr + 1, 'assigned', $1, $1, $1, NULL, NULL, `+same+` FROM lost),
		parameters AS (INSERT INTO doma_panda.jobparamstable (pandaid, jobparameters)
			SELECT fresh, jobparameters FROM (SELECT fresh, pandaid FROM lost) l JOIN doma_panda.jobparamstable USING (pandaid))
		INSERT INTO doma_panda.jedi_job_retry_history (jeditaskid, oldpandaid, newpandaid, originpandaid, relationtype, ins_utc_tstamp)
		SELECT jeditaskid, pandaid, fresh, COALESCE((SELECT h.originpandaid FROM doma_panda.jedi_job_retry_history h WHERE h.newpandaid = lost.pandaid LIMIT 1), pandaid),
			'retry', $1 FROM lost`, at, w.born)
}

// generatePlanned makes the planned jobs of tasks that go on.
func (w *World) generatePlanned(ctx context.Context, at time.Time) error {
	for id, jobs := range w.planned {
		tasks, err := collect(ctx, w.pool, pgx.RowToStructByPos[going], `SELECT username, COALESCE(prodsourcelabel, ''), COALESCE(vo, ''),
				COALESCE(processingtype, ''), COALESCE(reqid, 0)::bigint, `+fmt.Sprintf(banned, "username", "prodsourcelabel", "processingtype")+`
			FROM doma_panda.jedi_tasks WHERE jeditaskid = $1 AND status IN ('ready', 'scouting', 'running')`, id)
		if err != nil {
			return err
		}
		if len(tasks) == 0 {
			continue
		}
		status, dialog := "running", any(nil)
		if tasks[0].Banned {
			status, dialog = "pending", fmt.Sprint(heldDialog, len(jobs))
		}
		if err := w.exec(ctx, `UPDATE doma_panda.jedi_tasks SET oldstatus = status, status = $3, errordialog = $4, modificationtime = $1, statechangetime = $1
			WHERE jeditaskid = $2`, at, id, status, dialog); err != nil {
			return err
		}
		if tasks[0].Banned {
			continue
		}
		delete(w.planned, id)
		for _, j := range jobs {
			if _, err := w.d.addJob(ctx, tasks[0].job(j, id, at)); err != nil {
				return err
			}
		}
	}
	return nil
}

// going is what a job has of its task.
type going struct {
	User, Label, VO, Processing string
	ReqID                       int64
	Banned                      bool // the user, so that no jobs are taken
}

func (t going) job(j Job, id int64, at time.Time) Job {
	j.Table, j.JobStatus, j.JediTaskID = Defined, "assigned", id
	j.CreationTime, j.ModificationTime, j.StateChangeTime = at, at, at
	j.ProdUserID, j.ProdUserName, j.ReqID, j.JobsetID = t.User, t.User, t.ReqID, t.ReqID // a job of JEDI knows no DN
	j.ProdSourceLabel = cmp.Or(j.ProdSourceLabel, t.Label)
	j.ProcessingType = cmp.Or(j.ProcessingType, t.Processing)
	j.VO = cmp.Or(j.VO, t.VO)
	return j
}
