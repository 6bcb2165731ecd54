package pandatest

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// column is one value of a job's row, as text.
func (c *contract) column(table Table, id int64, sql string) string {
	c.Helper()
	return One[string](c.Database, "SELECT ("+sql+")::text FROM "+string(table)+" WHERE pandaid = $1", id)
}

// where is the table that has a job.
func (c *contract) where(id int64) Table {
	c.Helper()
	for _, t := range []Table{Defined, Active, Archived} {
		if One[bool](c.Database, "SELECT EXISTS (SELECT FROM "+string(t)+" WHERE pandaid = $1)", id) {
			return t
		}
	}
	return ""
}

// rows is a table: a job before, a code, a caller; then the row.
func (c *contract) rows() {
	began := now().Add(-2 * time.Hour)
	beat := now().Add(-10 * time.Minute)
	running := Job{JobStatus: "running", StartTime: began, ModificationTime: beat, ModificationHost: "slot1@wn1.example.org", BatchID: "5.0"}
	label := func(j Job, label string) Job { j.ProdSourceLabel = label; return j }
	for _, k := range []struct {
		name    string
		job     Job
		code    int
		flagged bool // it stays where it is and is flagged; else it is archived, cancelled
		started string
	}{
		{"running user", running, 91, true, ""},
		{"running build", label(running, "panda"), 91, true, ""},
		{"running user by force", running, 9, true, ""},
		{"running user at once", running, 99, false, "kept"},
		{"running managed", label(running, "managed"), 91, true, ""},
		{"running managed by force", label(running, "managed"), 9, false, "kept"},
		{"running managed without a code", label(running, "managed"), -1, true, ""},
		{"running rc_test2 by force", label(running, "rc_test2"), 9, false, "kept"},
		{"activated", Job{JobStatus: "activated"}, 91, false, "NULL"},
		{"assigned", Job{Table: Defined, JobStatus: "assigned"}, 91, false, "NULL"},
		{"defined by JEDI's code", Job{Table: Defined, JobStatus: "defined"}, 50, false, "NULL"},
		{"holding", Job{JobStatus: "holding", StartTime: began, EndTime: beat}, 91, false, "kept"},
		{"starting", Job{JobStatus: "starting", StartTime: began}, 91, false, "ended"},
	} {
		id := c.job(k.job)
		before := k.job.complete()
		if got := c.kill(c.Production, k.code, id); got != "[true]" {
			c.Errorf("%s: %s", k.name, got)
			continue
		}
		diag := "killed by " + c.dn(c.Production)
		if k.code == 50 {
			diag = c.dn(c.Production)
		}
		at := c.where(id)
		if got := c.column(at, id, "commandtopilot || ' ' || taskbuffererrordiag"); got != "tobekilled "+diag {
			c.Errorf("%s: %s, want %s", k.name, got, diag)
		}
		if k.flagged {
			got := c.column(at, id, `jobstatus || ' ' || taskbuffererrorcode || ' ' || to_char(modificationtime, 'YYYY-MM-DD HH24:MI:SS') || ' ' || coalesce(modificationhost, '') || ' ' || (endtime IS NULL)`)
			if want := "running 0 " + beat.Format(time.DateTime) + " slot1@wn1.example.org true"; at != Active || got != want {
				c.Errorf("%s: in %s %s, want %s", k.name, at, got, want)
			}
			continue
		}
		if got := c.column(at, id, `jobstatus || ' ' || taskbuffererrorcode || ' ' || (modificationtime = statechangetime) || ' ' || (modificationtime > LOCALTIMESTAMP AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC' - interval '5 minutes')`); at != Archived || got != "cancelled 100 true true" {
			c.Errorf("%s: in %s %s", k.name, at, got)
		}
		started := map[string]string{"NULL": "NULL", "kept": began.Format(time.DateTime), "ended": c.column(at, id, `to_char(endtime, 'YYYY-MM-DD HH24:MI:SS')`)}[k.started]
		if got := c.column(at, id, `coalesce(to_char(starttime, 'YYYY-MM-DD HH24:MI:SS'), 'NULL')`); got != started {
			c.Errorf("%s: started %s, want %s", k.name, got, started)
		}
		wantEnd := c.column(at, id, `to_char(modificationtime, 'YYYY-MM-DD HH24:MI:SS')`)
		if !before.EndTime.IsZero() {
			wantEnd = before.EndTime.Format(time.DateTime)
		}
		if got := c.column(at, id, `to_char(endtime, 'YYYY-MM-DD HH24:MI:SS')`); got != wantEnd {
			c.Errorf("%s: ended %s, want %s", k.name, got, wantEnd)
		}
		if n := One[int64](c.Database, `SELECT count(*) FROM doma_panda.jobs_statuslog WHERE pandaid = $1 AND jobstatus = 'cancelled' AND modificationhost NOT LIKE '%wn1%'`, id); n != 1 {
			c.Errorf("%s: %d rows in the status log with the server's host", k.name, n)
		}
	}
	id := c.job(Job{JobStatus: "activated"})
	c.Database.AddFile(File{PandaID: id, LFN: "out.root", Type: "output", Status: "unknown"})
	c.kill(c.Production, 91, id)
	if got := One[string](c.Database, "SELECT status FROM doma_panda.filestable4 WHERE pandaid = $1", id); got != "failed" {
		c.Errorf("the output of a killed job is %s", got)
	}
}

func (c *contract) mayKill() {
	person := c.dn(c.Person)
	mine := func(j Job) Job { j.ProdUserID, j.ProdUserName = person, c.name(c.Person); return j }
	others := c.job(Job{JobStatus: "running", StartTime: now()})
	if got := c.kill(c.Person, 91, others); got != "[false]" || c.column(Active, others, "coalesce(commandtopilot, 'NULL')") != "NULL" {
		c.Errorf("another's job: %s", got)
	}
	if got := c.kill(c.Production, -1, others); got != "[false]" || c.column(Active, others, "coalesce(commandtopilot, 'NULL')") != "NULL" {
		c.Errorf("a user's job without a code: %s", got)
	}
	if got := c.kill(c.Production, 3, others); got != "[false]" {
		c.Errorf("a user's job with a code that does not count: %s", got)
	}
	running, waiting := c.job(mine(Job{JobStatus: "running", StartTime: now()})), c.job(mine(Job{JobStatus: "activated"}))
	if got := c.kill(c.Person, -1, running, waiting); got != "[true true]" || c.where(running) != Active || c.where(waiting) != Archived {
		c.Errorf("the own jobs: %s, in %s and %s", got, c.where(running), c.where(waiting))
	}
	archived := c.job(Job{Table: Archived})
	if got := c.kill(c.Production, 91, archived, c.next(), others); got != "[false false true]" {
		c.Errorf("archived, unknown, running: %s", got)
	}
	// Ownership goes by the clean name alone.
	evil := c.job(Job{JobStatus: "activated", ProdUserID: "/DC=org/DC=evil/CN=" + c.name(c.Person), ProdUserName: c.name(c.Person)})
	if got := c.kill(c.Person, -1, evil); got != "[true]" {
		c.Errorf("the job of another DN with the same name: %s", got)
	}
}

func (c *contract) again() {
	id := c.job(Job{JobStatus: "running", StartTime: now()})
	for i, k := range []struct {
		code int
		want string
	}{{91, "[true]"}, {91, "[false]"}, {50, "[false]"}, {9, "[true]"}, {9, "[true]"}, {99, "[true]"}, {99, "[false]"}} {
		if got := c.kill(c.Production, k.code, id); got != k.want {
			c.Errorf("step %d with code %d: %s", i, k.code, got)
		}
	}
	if got := c.where(id); got != Archived {
		c.Errorf("at last in %s", got)
	}
	id = c.job(Job{JobStatus: "running", StartTime: now(), CommandToPilot: "tobekilled"})
	for command, want := range map[int64]string{id: "job is being killed", c.next(): "no active job with PandaID="} {
		_, text := c.raw(ask{as: c.Production, path: "/api/v1/job/set_command", body: map[string]any{"job_id": command, "command": "debug"}})
		if !strings.Contains(text, want) {
			c.Errorf("another command: %s", text)
		}
	}
}

func (c *contract) locked() {
	id := c.job(Job{JobStatus: "running", StartTime: now()})
	ctx := context.WithoutCancel(c.Context())
	tx, err := c.Database.pool.Begin(ctx)
	if err != nil {
		c.Fatal(err)
	}
	if _, err = tx.Exec(ctx, "SELECT FROM doma_panda.jobsactive4 WHERE pandaid = $1 FOR UPDATE", id); err != nil {
		c.Fatal(err)
	}
	locked := c.kill(c.Production, 91, id)
	if err := tx.Rollback(ctx); err != nil {
		c.Fatal(err)
	}
	if free := c.kill(c.Production, 91, id); locked != "[false]" || free != "[true]" {
		c.Errorf("locked %s, free %s", locked, free)
	}
}

func (c *contract) heartbeats() {
	began := now().Add(-time.Hour)
	beat := func(id int64, status string, more map[string]any) string {
		body := map[string]any{"job_id": id, "job_status": status}
		for k, v := range more {
			body[k] = v
		}
		data, _ := c.post(c.Production, "/api/v1/pilot/update_job", body).(map[string]any)
		return fmt.Sprint(data["StatusCode"], " ", data["command"])
	}
	id := c.job(Job{JobStatus: "running", StartTime: began, ModificationTime: began})
	if got := beat(id, "running", nil); got != "0 NULL" {
		c.Errorf("not flagged: %s", got)
	}
	c.kill(c.Production, 91, id)
	if got := beat(id, "running", nil); got != "0 tobekilled" {
		c.Errorf("flagged: %s", got)
	}
	if got := c.column(Active, id, `modificationtime > LOCALTIMESTAMP AT TIME ZONE current_setting('TimeZone') AT TIME ZONE 'UTC' - interval '5 minutes'`); got != "true" {
		c.Errorf("the heartbeat is not noted")
	}
	if got := beat(id, "failed", map[string]any{"pilot_error_code": 1144, "pilot_error_diag": "This job was killed by panda server"}); !strings.HasPrefix(got, "0 ") {
		c.Errorf("failed: %s", got)
	}
	if got := c.column(Active, id, "jobstatus || ' ' || piloterrorcode"); got != "holding 1144" {
		c.Errorf("after the pilot has killed it: %s", got)
	}
	for _, id := range []int64{c.job(Job{Table: Archived}), c.next()} {
		if got := beat(id, "running", nil); got != "0 tobekilled" {
			c.Errorf("archived or unknown: %s", got)
		}
	}
	c.says(ask{as: c.Person, path: "/api/v1/pilot/update_job", body: map[string]any{"job_id": id, "job_status": "running"}},
		`{"success": false, "message": "production or pilot role required", "data": null}`)
}
