package sandbox

import (
	"context"
	"slices"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// JobsByID gives those of ids that are jobs, living or not.
func (g *Grid) JobsByID(_ context.Context, ids []string) ([]grid.FoundJob, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	var out []grid.FoundJob
	g.eachJob(h, now, func(j job) bool {
		if slices.Contains(ids, j.id) {
			out = append(out, grid.FoundJob{LiveJob: g.liveJob(j, now), Over: !j.live(now)})
		}
		return true
	})
	return out, nil
}

// TasksByID gives those of ids that are tasks.
func (g *Grid) TasksByID(_ context.Context, ids []string) ([]grid.FoundTask, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	var out []grid.FoundTask
	for _, t := range g.allTasks(h) {
		if !slices.Contains(ids, t.id) {
			continue
		}
		hasJobs := slices.ContainsFunc(g.jobsOf(&t, h, now), func(j job) bool { return j.live(now) })
		status := h.taskStatus(t, hasJobs, now)
		out = append(out, grid.FoundTask{LiveTask: grid.LiveTask{ID: t.id, User: g.nameOf(t.account), Name: t.name, Status: status}, Over: status == taskOver})
	}
	return out, nil
}

// JobsOfTasks gives the jobs of tasks that have not ended.
func (g *Grid) JobsOfTasks(_ context.Context, tasks []string) ([]grid.LiveJob, error) {
	h, err := g.history()
	if err != nil {
		return nil, err
	}
	now := g.Now()
	var out []grid.LiveJob
	g.eachJob(h, now, func(j job) bool {
		if j.live(now) && slices.Contains(tasks, j.task.id) {
			out = append(out, g.liveJob(j, now))
		}
		return true
	})
	return out, nil
}
