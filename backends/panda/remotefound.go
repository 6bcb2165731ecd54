package panda

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// JobsByID gives those of ids that the server describes, each once, living or ended
// within 90 days. They are not of one moment.
func (r *Remote) JobsByID(ctx context.Context, ids []string) ([]grid.FoundJob, error) {
	rows, err := r.killRows(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("panda: looking for %d jobs: %w", len(ids), err)
	}
	seen := map[int64]bool{}
	var out []grid.FoundJob
	for _, row := range rows {
		if row == nil || seen[row.id] {
			continue
		}
		seen[row.id] = true
		j := grid.FoundJob{LiveJob: row.job(), Over: row.over()}
		j.ID = strconv.FormatInt(row.id, 10)
		out = append(out, j)
	}
	return out, nil
}

// TasksByID gives those of ids that the monitor lists as tasks, each once. Those that
// wait for JEDI are not among them.
func (r *Remote) TasksByID(ctx context.Context, ids []string) ([]grid.FoundTask, error) {
	if _, err := numbersOf(ids); err != nil {
		return nil, err
	}
	var rows []map[string]any
	err := r.monitor.ask(ctx, "tasks/", url.Values{"jeditaskid": {strings.Join(ids, "|")}, "limit": {strconv.Itoa(2 * len(ids))}}, func(d *json.Decoder) error {
		rows = nil
		return objects(d, func(object map[string]any) { rows = append(rows, object) })
	})
	if err != nil {
		return nil, fmt.Errorf("panda: looking for %d tasks: %w", len(ids), err)
	}
	seen := map[string]bool{}
	var out []grid.FoundTask
	for _, object := range rows {
		f := fieldsOf(object)
		t := grid.FoundTask{LiveTask: grid.LiveTask{ID: f.text("jeditaskid"), User: f.text("username"), Name: f.text("taskname"), Status: f.text("status")}}
		if len(f.odd) > 0 || t.ID == "" || t.Status == "" {
			return nil, r.monitor.explain(errForm)
		}
		if !seen[t.ID] && slices.Contains(ids, t.ID) {
			seen[t.ID] = true
			t.Over = !slices.Contains(liveTasks, t.Status)
			out = append(out, t)
		}
	}
	return out, nil
}

// JobsOfTasks gives the jobs of tasks that have not ended, as the monitor lists them.
func (r *Remote) JobsOfTasks(ctx context.Context, tasks []string) ([]grid.LiveJob, error) {
	if _, err := numbersOf(tasks); err != nil {
		return nil, err
	}
	jobs, err := r.live(ctx, url.Values{"jeditaskid": {strings.Join(tasks, "|")}})
	if err != nil {
		return nil, fmt.Errorf("panda: reading the jobs of %d tasks: %w", len(tasks), err)
	}
	return slices.DeleteFunc(jobs, func(j grid.LiveJob) bool { return !slices.Contains(tasks, j.Task) }), nil
}
