package pandatest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// ownerOfTask is the name that JEDI knows; "" for a task that it does not know.
func (s *Server) ownerOfTask(ctx context.Context, id int64) (string, error) {
	found, err := collect(ctx, s.database.pool, pgx.RowTo[string], `SELECT username FROM doma_panda.jedi_tasks WHERE jeditaskid = $1`, id)
	if err != nil || len(found) == 0 {
		return "", err
	}
	return found[0], nil
}

// The states in which a task is over or takes no kill any more.
var overTasks = []string{"finished", "done", "prepared", "broken", "aborted", "toabort", "aborting", "failed"}

// The server's codes of a task command.
const (
	registered = json.Number("0")
	notFound   = json.Number("2")
	notAllowed = json.Number("4")
)

// killTask registers the kill for JEDI, which looks every minute. A task that was
// just submitted is not in jedi_tasks and so not found.
func (s *Server) killTask(ctx context.Context, c call) (object, error) {
	id := c.args.int("task_id")
	var out object
	err := pgx.BeginFunc(ctx, s.database.pool, func(tx pgx.Tx) error {
		status, err := collect(ctx, tx, pgx.RowTo[string], `SELECT status FROM doma_panda.jedi_tasks WHERE jeditaskid = $1 FOR UPDATE`, id)
		if err != nil {
			return err
		}
		switch {
		case len(status) == 0:
			out = answer(false, fmt.Sprintf("jediTaskID=%d not found", id), notFound)
			return nil
		case slices.Contains(overTasks, status[0]):
			out = answer(false, "Command rejected: the kill command is not accepted if the task is in "+status[0]+" status ", notAllowed)
			return nil
		}
		if _, err := tx.Exec(ctx, `DELETE FROM doma_deft.prodsys_comm WHERE comm_task = $1`, id); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `INSERT INTO doma_deft.prodsys_comm (comm_task, comm_owner, comm_cmd, comm_comment) VALUES ($1, 'DEFT', 'kill', left($2, 128))`, id, "kill by "+c.caller.name())
		out = answer(true, fmt.Sprintf("command=kill is registered for task ID %d. will be executed in a few minutes", id), registered)
		return err
	})
	return out, err
}

func (s *Server) jobsOfTask(ctx context.Context, c call) (object, error) {
	ids, err := collect(ctx, s.database.pool, pgx.RowTo[int64], `
		SELECT pandaid FROM doma_panda.jobsdefined4 WHERE jeditaskid = $1
		UNION SELECT pandaid FROM doma_panda.jobsactive4 WHERE jeditaskid = $1
		UNION SELECT pandaid FROM doma_panda.jobsarchived4 WHERE jeditaskid = $1 AND modificationtime > $2 ORDER BY 1`,
		c.args.int("task_id"), s.now().AddDate(0, 0, -90))
	if err != nil {
		return nil, err
	}
	data := []any{}
	for _, id := range ids {
		data = append(data, id)
	}
	return answer(true, "", data), nil
}

// taskParameters tells everybody with what a task was submitted.
func (s *Server) taskParameters(ctx context.Context, c call) (object, error) {
	found, err := collect(ctx, s.database.pool, pgx.RowTo[string], `SELECT coalesce(taskparams, '') FROM doma_panda.jedi_taskparams WHERE jeditaskid = $1`, c.args.int("task_id"))
	if err != nil {
		return nil, err
	}
	if len(found) == 0 || found[0] == "" {
		return answer(false, "Task not found", nil), nil
	}
	params, err := parseJSON([]byte(found[0]))
	if err != nil {
		return answer(false, "Error decoding the task parameters: "+err.Error(), nil), nil //nolint:nilerr // it is in the answer
	}
	return answer(true, "", params), nil
}

// submitTask takes a task. That the caller is banned is a success to it, without a
// task.
func (s *Server) submitTask(ctx context.Context, c call) (object, error) {
	banned, err := s.isBanned(ctx, c.caller)
	if err != nil {
		return nil, err
	}
	if banned {
		return answer(true, "The following DN is banned: DN="+c.caller.dn, nil), nil
	}
	params, _ := c.args["task_parameters"].(map[string]any)
	user := c.caller.name()
	if name, given := params["userName"].(string); given && c.caller.production() {
		user = name // of whom is not checked
	}
	name, _ := params["taskName"].(string)
	var id int64
	err = s.database.pool.QueryRow(ctx, `
		INSERT INTO doma_deft.t_task (taskid, status, submit_time, vo, prodsourcelabel, taskname, username, jedi_task_parameters)
		SELECT 1 + greatest((SELECT coalesce(max(taskid), 0) FROM doma_deft.t_task), (SELECT coalesce(max(jeditaskid), 0) FROM doma_panda.jedi_tasks)),
			'waiting', $1, 'atlas', 'user', $2, left($3, 128), $4 RETURNING taskid`, s.now(), name, user, asJSON(params)).Scan(&id)
	return answer(true, fmt.Sprintf("succeeded. new jediTaskID=%d", id), id), err
}

// submitJobs takes jobs of a caller who is not banned.
func (s *Server) submitJobs(ctx context.Context, c call) (object, error) {
	var jobs []struct {
		Label string `json:"prodSourceLabel"`
		Site  string `json:"computingSite"`
	}
	if err := json.Unmarshal([]byte(c.args.str("jobs")), &jobs); err != nil {
		return answer(false, "Failed to deserialize jobs: "+err.Error(), nil), nil //nolint:nilerr // it is in the answer
	}
	if len(jobs) == 0 {
		return answer(false, "No jobs were submitted", nil), nil
	}
	banned, err := s.isBanned(ctx, c.caller)
	if err != nil {
		return nil, err
	}
	if banned {
		return answer(false, "Failed to submit jobs", nil), nil
	}
	data := []any{}
	for _, j := range jobs {
		var id int64
		err := s.database.pool.QueryRow(ctx, `
			INSERT INTO doma_panda.jobsdefined4 (pandaid, jobstatus, prodsourcelabel, computingsite, produserid, produsername, creationtime, modificationtime, statechangetime, starttime, endtime)
			VALUES (nextval('doma_panda.jobsdefined4_pandaid_seq'), 'defined', coalesce(nullif($1, ''), 'user'), $2, $3, $4, $5, $5, $5, NULL, NULL) RETURNING pandaid`,
			j.Label, j.Site, c.caller.dn, c.caller.name(), s.now()).Scan(&id)
		if err != nil {
			return nil, err
		}
		data = append(data, []any{id, nil, nil})
	}
	return answer(true, "", data), nil
}
