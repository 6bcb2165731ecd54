package sandbox

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// LiveJobs gives the jobs and tasks of an account that have not ended.
func (g *Grid) LiveJobs(_ context.Context, a grid.Account) ([]grid.LiveJob, []grid.LiveTask, error) {
	h, err := g.history()
	if err != nil {
		return nil, nil, err
	}
	now := g.Now()
	var jobs []grid.LiveJob
	var tasks []grid.LiveTask
	for _, t := range g.tasksOf(h, a.ID) {
		before := len(jobs)
		for _, j := range g.jobsOf(&t, h, now) {
			if j.live(now) {
				jobs = append(jobs, g.liveJob(j, now))
			}
		}
		if status := h.taskStatus(t, len(jobs) > before, now); status != taskOver {
			tasks = append(tasks, grid.LiveTask{ID: t.id, User: g.nameOf(t.account), Name: t.name, Status: status})
		}
	}
	return jobs, tasks, nil
}

// nameOf is the name of an account.
func (g *Grid) nameOf(account string) string {
	return g.accounts[slices.IndexFunc(g.accounts, func(a grid.Account) bool { return a.ID == account })].Name
}

func (g *Grid) liveJob(j job, now time.Time) grid.LiveJob {
	killing, _ := j.known(now)
	l := grid.LiveJob{
		ID: j.id, User: g.nameOf(j.task.account), Task: j.task.id, Status: j.status(now), Site: j.task.site, Cores: j.task.cores,
		Submitted: j.submitted, Heartbeat: j.contact(now), Killing: killing,
	}
	if j.ran(now) {
		l.Host, l.Batch = j.host, j.batch
	}
	return l
}

// taskOver is the status of a task that was killed and has no active jobs left.
const taskOver = "aborted"

func (h history) taskStatus(t task, hasJobs bool, now time.Time) string {
	killed, wasKilled := h.taskKills[t.id]
	_, held := h.bannedAt(t.account, now)
	switch executed := wasKilled && !now.Before(killed.Add(taskDelay)); {
	case executed && !hasJobs:
		return taskOver
	case executed:
		return "aborting"
	case held && !hasJobs:
		return "pending"
	}
	return "running"
}

// KillTask registers the kill of a task, which is executed a minute later: the
// task makes no more jobs and its jobs are killed. It reports false for a task
// that is unknown or over.
func (g *Grid) KillTask(_ context.Context, id string) (bool, error) {
	h, err := g.history()
	if err != nil {
		return false, err
	}
	i := slices.IndexFunc(g.allTasks(h), func(t task) bool { return t.id == id })
	if i < 0 {
		return false, nil
	}
	t, now := g.allTasks(h)[i], g.Now()
	hasJobs := slices.ContainsFunc(g.jobsOf(&t, h, now), func(j job) bool { return j.live(now) })
	if h.taskStatus(t, hasJobs, now) == taskOver {
		return false, nil
	}
	if _, killed := h.taskKills[id]; killed {
		return true, g.do(event{Do: again + doKillTask, IDs: []string{id}})
	}
	return true, g.do(event{Do: doKillTask, IDs: []string{id}})
}

// KillJobs registers kills, in the order of ids. As PanDA does with code 91, it
// reports false for a job that is unknown, over or flagged already.
func (g *Grid) KillJobs(_ context.Context, ids []string) ([]bool, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	jobs := g.byID(h, now)
	taken, accepted, flagged := make([]bool, len(ids)), []string{}, []string{}
	for i, id := range ids {
		j, known := jobs[id]
		killed, _ := j.known(now)
		if taken[i] = known && j.live(now) && !killed && !slices.Contains(accepted, id); taken[i] {
			accepted = append(accepted, id)
		} else if _, before := h.jobKills[id]; before {
			flagged = append(flagged, id)
		}
	}
	if len(flagged) > 0 {
		if err := g.do(event{Do: again + doKillJobs, IDs: flagged}); err != nil {
			return nil, err
		}
	}
	if len(accepted) == 0 {
		return taken, nil
	}
	return taken, g.do(event{Do: doKillJobs, IDs: accepted})
}

// byID gives all jobs that were made until now.
func (g *Grid) byID(h history, now time.Time) map[string]job {
	jobs := map[string]job{}
	for _, t := range g.allTasks(h) {
		for _, j := range g.jobsOf(&t, h, now) {
			jobs[j.id] = j
		}
	}
	return jobs
}

// KillStatus tells how far the kills of jobs have come, in the order of ids. A
// job whose kill was never registered and that has not ended has no State. Due is
// in simulated time. The grid knows itself when each was registered.
func (g *Grid) KillStatus(_ context.Context, ids []string, _ time.Time) ([]grid.JobKill, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	jobs := g.byID(h, now)
	out := make([]grid.JobKill, len(ids))
	for i, id := range ids {
		j, known := jobs[id]
		if !known {
			return nil, fmt.Errorf("sandbox: there is no job %q", id)
		}
		out[i] = j.kill(g.liveJob(j, now), now)
	}
	return out, nil
}

// kill words what PanDA's fields say of the kill.
func (j job) kill(as grid.LiveJob, now time.Time) grid.JobKill {
	k := grid.JobKill{Job: as}
	last := j.contact(now)
	modified := "modificationTime=" + last.Format("2006-01-02 15:04:05")
	killed, told := j.known(now)
	switch {
	case !j.live(now) && j.start.IsZero():
		k.State, k.Evidence = grid.KillGone, "jobStatus=cancelled, it never started"
	case !j.live(now) && j.final == "cancelled":
		k.State, k.Evidence = grid.KillGone, "jobStatus=cancelled, pilotErrorCode=1144: the pilot has ended it"
	case !j.live(now):
		k.State, k.Evidence = grid.KillGone, "jobStatus="+j.final+": it ended by itself"
	case !killed:
		k.Evidence = "commandToPilot is empty: no kill is registered"
	case !told:
		k.State, k.Due = grid.KillRequested, last.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot has not called since"
	case now.After(j.told.Add(heartbeat)):
		k.State, k.Due = grid.KillEvading, j.told.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot was told and calls on, but jobStatus=" + j.status(now)
	default:
		k.State, k.Due = grid.KillDelivered, j.told.Add(heartbeat)
		k.Evidence = "commandToPilot=tobekilled, " + modified + ": the pilot was told, jobStatus=" + j.status(now)
	}
	return k
}
