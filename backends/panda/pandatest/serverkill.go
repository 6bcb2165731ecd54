package pandatest

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The codes with which a caller in the production role may kill jobs of users;
// without one of them they are left alone.
var codesForUsers = []string{"2", "4", "7", "8", "9", "10", "50", "51", "52", "91", "99"}

// The codes that are written again over a kill that is registered already.
var codesAgain = []string{"2", "9", "10", "51", "52", "60", "99"}

// serverHost is the server's own host, which the status log has.
const serverHost = "panda-server.example.org"

func (s *Server) killJobs(ctx context.Context, c call) (object, error) {
	code := ""
	if _, given := integer(c.args["code"]); given {
		code = asText(c.args["code"])
	}
	data := []any{}
	begun := time.Now()
	for i, id := range c.args.jobs() {
		if c.trouble.HalfDone && i >= len(c.args.jobs())/2 {
			break
		}
		taken, err := false, error(nil)
		if !c.trouble.Refuse || i%2 == 0 {
			taken, err = s.killJob(ctx, c.caller, id, code)
		}
		if err != nil {
			return nil, err
		}
		data = append(data, taken)
		if left := time.Duration(i+1)*s.options.PerJob - time.Since(begun); left > 0 {
			time.Sleep(left) // the time that a real server needs
		}
	}
	return answer(true, "", data), nil
}

// killJob kills one job, in a transaction of its own for each table. The first
// table that has it decides.
func (s *Server) killJob(ctx context.Context, c caller, id int64, code string) (taken bool, err error) {
	for _, table := range []Table{Defined, Active} {
		var next bool
		err = pgx.BeginFunc(ctx, s.database.pool, func(tx pgx.Tx) error {
			taken, next, err = s.killIn(ctx, tx, table, c, id, code)
			return err
		})
		if err != nil || !next {
			return taken, err
		}
	}
	return taken, nil
}

// victim is what the server looks at before it kills.
type victim struct {
	UserID, Label, Group, Status string
	Ended                        bool
}

// killIn kills the job if it is in the table. next tells to look into the next one.
// A flag that was set stays set, whatever happens then.
func (s *Server) killIn(ctx context.Context, tx pgx.Tx, table Table, c caller, id int64, code string) (taken, next bool, err error) {
	v, err := collect(ctx, tx, pgx.RowToStructByPos[victim], `
		SELECT coalesce(produserid, ''), coalesce(prodsourcelabel, ''), coalesce(workinggroup, ''), jobstatus, endtime IS NOT NULL
		FROM `+string(table)+` WHERE pandaid = $1 FOR UPDATE SKIP LOCKED`, id)
	if err != nil || len(v) == 0 {
		return false, true, err
	}
	if !mayKill(c, v[0], code) {
		return false, false, nil
	}
	flag := `UPDATE ` + string(table) + ` SET commandtopilot = 'tobekilled', taskbuffererrordiag = left($2, 250) WHERE pandaid = $1`
	if !slices.Contains(codesAgain, code) && v[0].Status != "merging" {
		flag += ` AND (commandtopilot IS NULL OR commandtopilot <> 'tobekilled')`
	}
	tag, err := tx.Exec(ctx, flag, id, "killed by "+c.dn)
	if err != nil || tag.RowsAffected() == 0 {
		return false, true, err
	}
	if v[0].Status == "running" && !atOnce(c, v[0], code) {
		return true, true, nil
	}
	if table == Defined && !slices.Contains([]string{"assigned", "defined", "pending", "waiting"}, v[0].Status) {
		return true, true, nil
	}
	return true, false, s.archive(ctx, tx, table, c, id, code, v[0])
}

func mayKill(c caller, v victim, code string) bool {
	if c.production() {
		return v.Label != "user" && v.Label != "panda" || slices.Contains(codesForUsers, code)
	}
	if (v.Label == "managed" || v.Label == "test") && v.Group != "" {
		for _, g := range c.groups() {
			if regexp.MustCompile(`(?i)(^|_)` + regexp.QuoteMeta(g) + `$`).MatchString(v.Group) {
				return true
			}
		}
	}
	return c.owns(v.UserID)
}

// atOnce tells whether even a running job is ended in the database.
func atOnce(c caller, v victim, code string) bool {
	switch code {
	case "99":
		return c.production()
	case "9", "52":
		return v.Label == "" || v.Label == "managed" || strings.Contains(v.Label, "test")
	}
	return false
}

// archive moves a killed job into the archive.
func (s *Server) archive(ctx context.Context, tx pgx.Tx, table Table, c caller, id int64, code string, v victim) error {
	now := s.now().Truncate(time.Second)
	status, sub, number, diag := "cancelled", "", 100, "killed by "+c.dn
	switch code {
	case "2", "4":
		status, sub, number, diag = "closed", "toreassign", 102, "expired in "+v.Status
	case "3":
		number, diag = 103, "aborted by ExtIF"
	case "8":
		number, diag = 105, "reassigned to another site by rebrokerage. new "+c.dn
	case "10":
		status, number, diag = "closed", 130, "fast rebrokerage due to Nq/Nr overshoot"
	case "50", "52":
		diag = c.dn
	case "51":
		status, sub, diag = "closed", "toreassign", "reassigned by JEDI"
	case "55":
		status, sub, diag = "closed", "taskdone", "killed since task is (almost) done"
	case "60":
		status, diag = "closed", "closed by the pilot"
	}
	for _, st := range []struct {
		sql  string
		args []any
	}{
		{`INSERT INTO doma_panda.jobsarchived4 (` + s.columns + `) SELECT ` + s.columns + ` FROM ` + string(table) + ` WHERE pandaid = $1`, []any{id}},
		{`DELETE FROM ` + string(table) + ` WHERE pandaid = $1`, []any{id}},
		{`UPDATE doma_panda.jobsarchived4 SET jobstatus = $2, jobsubstatus = coalesce(nullif($3, ''), jobsubstatus), taskbuffererrorcode = $4, taskbuffererrordiag = left($5, 300),
			endtime = coalesce(endtime, $6), starttime = CASE WHEN jobstatus = 'starting' THEN coalesce(endtime, $6) ELSE starttime END,
			modificationtime = $6, statechangetime = $6 WHERE pandaid = $1`, []any{id, status, sub, number, diag, now}},
		{`UPDATE doma_panda.filestable4 SET status = 'failed' WHERE pandaid = $1 AND type IN ('output', 'log')`, []any{id}},
		{`UPDATE doma_panda.filestable4 SET modificationtime = $2 WHERE pandaid = $1`, []any{id, now}},
		{`UPDATE doma_panda.metatable SET modificationtime = $2 WHERE pandaid = $1`, []any{id, now}},
		{`UPDATE doma_panda.jobparamstable SET modificationtime = $2 WHERE pandaid = $1`, []any{id, now}},
		{`INSERT INTO doma_panda.jobs_statuslog (pandaid, modificationtime, jobstatus, prodsourcelabel, computingsite, modificationhost, modiftime_extended)
			SELECT pandaid, $2, jobstatus, prodsourcelabel, computingsite, $3, $2 FROM doma_panda.jobsarchived4 WHERE pandaid = $1`, []any{id, now, serverHost}},
	} {
		if _, err := tx.Exec(ctx, st.sql, st.args...); err != nil {
			return err
		}
	}
	return nil
}

// setCommand writes any command for the pilot.
func (s *Server) setCommand(ctx context.Context, c call) (object, error) {
	var before *string
	id := c.args.int("job_id")
	err := s.database.pool.QueryRow(ctx, `SELECT commandtopilot FROM doma_panda.jobsactive4 WHERE pandaid = $1`, id).Scan(&before)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return answer(false, "no active job with PandaID="+asText(id), nil), nil
	case err != nil:
		return nil, err
	case before != nil && *before == "tobekilled":
		return answer(false, "job is being killed", nil), nil
	}
	_, err = s.database.pool.Exec(ctx, `UPDATE doma_panda.jobsactive4 SET commandtopilot = $2 WHERE pandaid = $1`, id, c.args.str("command"))
	return answer(true, "command received", nil), err
}
