package pandatest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

var began = time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)

// world is a world in which Naughty User has a task with a running and a waiting job.
func world(t *testing.T) (d *pandatest.Database, w *pandatest.World, running, waiting int64) {
	t.Helper()
	d = pandatest.NewDatabase(t)
	w = pandatest.NewWorld(d, began, pandatest.Real())
	d.Exec("SELECT setval('doma_panda.jobsdefined4_pandaid_seq', 6012345677)")
	d.AddUser(pandatest.User{Name: "Naughty User"})
	d.AddTask(pandatest.Task{JediTaskID: 40, UserName: "Naughty User", TaskName: "user.nuser.mine"})
	job := pandatest.Job{
		ProdUserName: "Naughty User", JediTaskID: 40, ComputingSite: "CERN-PROD_UCORE", Transformation: "http://x/trf/user/runGen-00-00-02",
		ModificationTime: began, Parameters: "-p \"./mine.sh\"", JobStatus: "running", StartTime: began, ModificationHost: "slot1_2@wn77.example.org",
	}
	running = d.AddJob(job)
	d.AddFile(pandatest.File{PandaID: running, LFN: "out", Type: "output"})
	job.JobStatus, job.StartTime, job.ModificationHost = "activated", time.Time{}, ""
	job.ModificationTime = began.Add(365 * 24 * time.Hour) // never dispatched
	waiting = d.AddJob(job)
	return d, w, running, waiting
}

// flag is what the kill of a running job with code 91 does.
func flag(d *pandatest.Database, id int64) {
	d.Exec("UPDATE doma_panda.jobsactive4 SET commandtopilot = 'tobekilled', taskbuffererrordiag = 'killed by /CN=Shifter' WHERE pandaid = $1", id)
}

// state is where a job is and what of it tells of a kill.
func state(d *pandatest.Database, id int64) string {
	var tables []string
	for _, table := range []pandatest.Table{pandatest.Defined, pandatest.Active, pandatest.Archived} {
		for _, row := range pandatest.All[string](d, `SELECT concat_ws(' ', jobstatus, commandtopilot, NULLIF(piloterrorcode, 0), NULLIF(taskbuffererrorcode, 0),
			to_char(modificationtime, 'HH24:MI')) FROM `+string(table)+` WHERE pandaid = $1`, id) {
			tables = append(tables, strings.TrimPrefix(string(table), "doma_panda.jobs")+" "+row)
		}
	}
	return strings.Join(tables, "; ")
}

func check(t *testing.T, d *pandatest.Database, when string, id int64, want string) {
	t.Helper()
	if got := state(d, id); got != want {
		t.Errorf("%s: job is %q, want %q", when, got, want)
	}
}

func TestPilotCallsEveryHalfHourAndHonoursTheKill(t *testing.T) {
	d, w, running, _ := world(t)
	w.Advance(29 * time.Minute)
	check(t, d, "before the first call", running, "active4 running 10:00")
	w.Advance(2 * time.Minute)
	check(t, d, "after the first call", running, "active4 running 10:30")
	flag(d, running)
	w.Advance(28 * time.Minute)
	check(t, d, "flagged, before the next call", running, "active4 running tobekilled 10:30")
	w.Advance(time.Minute)
	check(t, d, "told", running, "active4 running tobekilled 11:00")
	w.Advance(3 * time.Minute)
	check(t, d, "payload killed", running, "active4 holding tobekilled 1144 11:03")
	w.Advance(5 * time.Minute)
	check(t, d, "archived", running, "archived4 cancelled tobekilled 1144 11:08")
	if got := pandatest.One[string](d, `SELECT to_char(endtime, 'HH24:MI') || ' ' || modificationhost || ' ' || (SELECT to_char(modificationtime, 'HH24:MI') FROM doma_panda.jobparamstable p WHERE p.pandaid = a.pandaid)
		|| ' ' || (SELECT status FROM doma_panda.filestable4 f WHERE f.pandaid = a.pandaid) FROM doma_panda.jobsarchived4 a WHERE pandaid = $1`, running); got != "11:03 slot1_2@wn77.example.org 11:08 failed" {
		t.Errorf("end, host, time of the parameters and state of the file are %q", got)
	}
	if host := pandatest.One[string](d, "SELECT modificationhost FROM doma_panda.jobs_statuslog WHERE pandaid = $1 AND jobstatus = 'cancelled'", running); host != pandatest.ServerHost {
		t.Errorf("host of the status log is %q, want a server of PanDA", host)
	}
}

func TestKillThatComesTooLateLosesTheRace(t *testing.T) {
	d, w, running, _ := world(t)
	flag(d, running)
	w.Finish(running)
	w.Advance(10 * time.Minute)
	check(t, d, "payload ended first", running, "archived4 finished tobekilled 10:06")
}

func TestEvadingPayloadIsToldAndGoesOn(t *testing.T) {
	d, w, running, _ := world(t)
	w.Evade(running)
	flag(d, running)
	w.Advance(5 * time.Hour)
	check(t, d, "five hours later", running, "active4 running tobekilled 15:00")
}

func TestSilentPilotIsGivenUp(t *testing.T) {
	d, w, running, _ := world(t)
	w.Silence(running)
	w.Advance(119 * time.Minute)
	check(t, d, "for two hours", running, "active4 running 10:00")
	w.Advance(time.Minute)
	check(t, d, "then", running, "archived4 failed 12:00")
	if got := pandatest.One[string](d, "SELECT jobdispatchererrordiag FROM doma_panda.jobsarchived4 WHERE pandaid = $1", running); got != "lost heartbeat : 2026-08-20 10:00:00" {
		t.Errorf("it says %q", got)
	}
}

func TestJEDIReplacesKilledJobs(t *testing.T) {
	d, w, running, _ := world(t)
	flag(d, running)
	w.Advance(40 * time.Minute) // told at 10:30, archived and replaced at 10:38
	fresh := pandatest.One[int64](d, "SELECT newpandaid FROM doma_panda.jedi_job_retry_history WHERE oldpandaid = $1 AND originpandaid = $1", running)
	if fresh <= running {
		t.Fatalf("the new job is %d, the old one %d", fresh, running)
	}
	check(t, d, "the new job", fresh, "active4 activated 10:40")
	w.Advance(10 * time.Minute)
	check(t, d, "the new job later", fresh, "active4 running 10:50")
	if got := pandatest.One[string](d, "SELECT modificationhost FROM doma_panda.jobsactive4 WHERE pandaid = $1", fresh); !strings.HasSuffix(got, ".cern-prod-ucore.example.org") {
		t.Errorf("it runs on %q", got)
	}
	if got := pandatest.One[string](d, "SELECT jobparameters FROM doma_panda.jobparamstable WHERE pandaid = $1", fresh); got != "-p \"./mine.sh\"" {
		t.Errorf("it runs %q", got)
	}
	w.Advance(time.Hour)
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jedi_job_retry_history"); n != 1 {
		t.Errorf("one job was killed and %d were made for it", n)
	}
}

func TestTaskOfABannedUserIsHeldUntilTheUnban(t *testing.T) {
	d, w, running, _ := world(t)
	d.Exec("UPDATE doma_pandameta.users SET status = 'disabled'")
	flag(d, running)
	w.Advance(5 * time.Hour)
	check(t, d, "killed", running, "archived4 cancelled tobekilled 1144 10:38")
	task := func() string {
		return pandatest.One[string](d, "SELECT concat_ws(' ', status, errordialog) FROM doma_panda.jedi_tasks")
	}
	if got := task(); got != "pending submitted only 0/1" {
		t.Errorf("the task of a banned user is %q", got)
	}
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jedi_job_retry_history"); n != 0 {
		t.Errorf("%d jobs were made for a banned user", n)
	}
	d.Exec("UPDATE doma_pandameta.users SET status = NULL")
	w.Advance(time.Minute)
	if got := task(); got != "running" {
		t.Errorf("the task is %q after the unban", got)
	}
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jobsdefined4"); n != 1 {
		t.Errorf("%d jobs were made after the unban", n)
	}
}

func TestProductionIsNotHeldByABan(t *testing.T) {
	d, w, running, _ := world(t)
	d.Exec("UPDATE doma_pandameta.users SET status = 'disabled'")
	d.Exec("UPDATE doma_panda.jobsactive4 SET prodsourcelabel = 'managed' WHERE pandaid = $1", running)
	flag(d, running)
	w.Advance(40 * time.Minute)
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jedi_job_retry_history"); n != 1 {
		t.Errorf("%d jobs were made", n)
	}
}

func TestKillOfATask(t *testing.T) {
	d, w, running, waiting := world(t)
	d.Exec("INSERT INTO doma_deft.prodsys_comm (comm_task, comm_owner, comm_cmd, comm_comment) VALUES (40, 'DEFT', 'kill', 'kill by Robot Production')")
	task := func() string {
		return pandatest.One[string](d, `SELECT concat_ws(' ', t.status, d.status, comm_cmd, to_char(t.modificationtime, 'HH24:MI'))
			FROM doma_panda.jedi_tasks t JOIN doma_deft.t_task d ON taskid = jeditaskid JOIN doma_deft.prodsys_comm ON comm_task = taskid`)
	}
	w.Advance(time.Minute)
	if got := task(); got != "aborting aborting killing 10:01" {
		t.Errorf("the task is %q after a minute", got)
	}
	check(t, d, "the waiting job", waiting, "archived4 cancelled tobekilled 100 10:01")
	check(t, d, "the running job", running, "active4 running tobekilled 10:00")
	if got := pandatest.One[string](d, "SELECT taskbuffererrordiag || COALESCE(' ' || starttime::text, '') FROM doma_panda.jobsarchived4 WHERE pandaid = $1", waiting); got != "killed by kill by Robot Production" {
		t.Errorf("the job says %q", got)
	}
	w.Advance(37 * time.Minute) // the last job is archived at 10:38
	if got := task(); got != "toabort toabort killing 09:38" {
		t.Errorf("the task is %q without jobs, want it dated back", got)
	}
	w.Advance(time.Minute)
	if got := task(); got != "aborted aborted killing 10:39" {
		t.Errorf("at the end the task is %q", got)
	}
	w.Advance(5 * time.Hour)
	if n := pandatest.One[int](d, "SELECT (SELECT count(*) FROM doma_panda.jobsdefined4)::int + (SELECT count(*) FROM doma_panda.jobsactive4)::int"); n != 0 {
		t.Errorf("%d jobs are left", n)
	}
}

func TestKillOfATaskWithoutJobsAndOfOneThatIsOver(t *testing.T) {
	d := pandatest.NewDatabase(t)
	w := pandatest.NewWorld(d, began, pandatest.Real())
	for i, status := range []string{"paused", "done"} {
		d.AddTask(pandatest.Task{JediTaskID: int64(i), UserName: "U", Status: status, ModificationTime: began})
		d.Exec("INSERT INTO doma_deft.prodsys_comm (comm_task, comm_owner, comm_cmd) VALUES ($1, 'DEFT', 'kill')", i)
	}
	w.Advance(time.Minute)
	if got := pandatest.All[string](d, "SELECT status || ' ' || to_char(modificationtime, 'HH24:MI') FROM doma_panda.jedi_tasks ORDER BY jeditaskid"); fmt.Sprint(got) != "[toabort 09:01 done 10:00]" {
		t.Errorf("the tasks are %v", got)
	}
}

func TestNewTaskWaitsBeforeJEDIKnowsIt(t *testing.T) {
	d, w, _, _ := world(t)
	w.Submit(pandatest.Task{JediTaskID: 41, UserName: "Naughty User", TaskName: "user.nuser.fresh", Params: "{}"}, pandatest.Job{ComputingSite: "DESY-HH"}, pandatest.Job{ComputingSite: "DESY-HH"})
	known := func() int {
		return pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jedi_tasks WHERE jeditaskid = 41")
	}
	w.Advance(4 * time.Minute)
	if got := pandatest.One[string](d, "SELECT status FROM doma_deft.t_task WHERE taskid = 41"); got != "waiting" || known() != 0 {
		t.Errorf("after four minutes the task is %q, and JEDI knows %d", got, known())
	}
	w.Advance(time.Minute)
	if got := pandatest.One[string](d, "SELECT status FROM doma_deft.t_task WHERE taskid = 41"); got != "registered" || known() != 1 {
		t.Errorf("after five minutes the task is %q, and JEDI knows %d", got, known())
	}
	if got := pandatest.All[string](d, "SELECT jobstatus || ' ' || produsername || ' ' || prodsourcelabel FROM doma_panda.jobsdefined4 WHERE jeditaskid = 41"); fmt.Sprint(got) != "[assigned Naughty User user assigned Naughty User user]" {
		t.Errorf("its jobs are %q", got)
	}
}

func TestPlannedJobsOfABannedUserWaitForTheUnban(t *testing.T) {
	d, w, _, _ := world(t)
	d.Exec("UPDATE doma_pandameta.users SET status = 'disabled'")
	w.Plan(40, pandatest.Job{}, pandatest.Job{})
	w.Advance(time.Hour)
	if got := pandatest.One[string](d, "SELECT status || ' ' || errordialog FROM doma_panda.jedi_tasks"); got != "pending submitted only 0/2" {
		t.Errorf("the task is %q", got)
	}
	d.Exec("UPDATE doma_pandameta.users SET status = NULL")
	w.Advance(time.Minute)
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jobsdefined4"); n != 2 {
		t.Errorf("%d jobs were made after the unban, want 2", n)
	}
}

func TestWorldLivesInRealTime(t *testing.T) {
	d := pandatest.NewDatabase(t)
	start := time.Now().UTC()
	w := pandatest.NewWorld(d, start, pandatest.Real().Faster(36000)) // a call every 50 ms
	id := d.AddJob(pandatest.Job{JobStatus: "running", StartTime: start, ModificationTime: start})
	ctx, cancel := testContext(t)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- w.Live(ctx) }()
	for pandatest.One[bool](d, "SELECT modificationtime = starttime FROM doma_panda.jobsactive4 WHERE pandaid = $1", id) {
		select {
		case err := <-done:
			t.Fatalf("the world ended before the pilot called: %v", err)
		case <-time.After(10 * time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
