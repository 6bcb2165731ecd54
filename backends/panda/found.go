package panda

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// JobsByID gives those of ids that are jobs, living or archived, each once, all of
// one moment.
func (s *Store) JobsByID(ctx context.Context, ids []string) ([]grid.FoundJob, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	rows, err := s.killRows(ctx, numbers)
	if err != nil {
		return nil, fmt.Errorf("panda: looking for %d jobs: %w", len(ids), s.explain(err))
	}
	out := make([]grid.FoundJob, 0, len(rows))
	for _, r := range rows {
		j := grid.FoundJob{LiveJob: r.job(), Over: r.over()}
		j.ID = strconv.FormatInt(r.id, 10)
		out = append(out, j)
	}
	return out, nil
}

// TasksByID gives those of ids that are tasks, each once, with those that wait for
// JEDI. What JEDI has is what it says.
func (s *Store) TasksByID(ctx context.Context, ids []string) ([]grid.FoundTask, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	rows, err := s.query(ctx, `SELECT id, name, task, status FROM (
			SELECT 1 AS place, jeditaskid AS id, coalesce(username, '') AS name, coalesce(taskname, '') AS task, status FROM {panda}.jedi_tasks WHERE jeditaskid = ANY($1)
			UNION ALL
			SELECT 2, taskid, coalesce(username, ''), coalesce(taskname, ''), status FROM {deft}.t_task WHERE taskid = ANY($1) AND status = $2
		) AS t ORDER BY place, id`, numbers, waitingTask)
	if err != nil {
		return nil, fmt.Errorf("panda: looking for %d tasks: %w", len(ids), s.explain(err))
	}
	tasks, err := collectTasks(rows)
	if err != nil {
		return nil, fmt.Errorf("panda: looking for %d tasks: %w", len(ids), s.explain(err))
	}
	out := make([]grid.FoundTask, len(tasks))
	for i, t := range tasks {
		out[i] = grid.FoundTask{LiveTask: t, Over: t.Status != waitingTask && !slices.Contains(liveTasks, t.Status)}
	}
	return out, nil
}

// JobsOfTasks gives the jobs of tasks that have not ended, whoever has them.
func (s *Store) JobsOfTasks(ctx context.Context, tasks []string) ([]grid.LiveJob, error) {
	numbers, err := numbersOf(tasks)
	if err != nil {
		return nil, err
	}
	jobs, err := liveJobs(ctx, s.query, "jeditaskid = ANY($4)", numbers)
	if err != nil {
		return nil, fmt.Errorf("panda: reading the jobs of %d tasks: %w", len(tasks), s.explain(err))
	}
	return jobs, nil
}
