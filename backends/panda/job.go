package panda

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// Bounds of what is told of one job, in rows.
const (
	maxListed  = 200 // jobs of a batch job
	maxHistory = 200
	maxFiles   = 500
	maxLinked  = 50 // retries, workers, uploads, build jobs
)

// Job gives all that the database knows of a job. The error wraps
// [grid.ErrNoPandaJob] when no table has it.
func (s *Store) Job(ctx context.Context, id int64) (grid.PandaJob, error) {
	l, err := s.layoutOf(ctx)
	if err != nil {
		return grid.PandaJob{}, err
	}
	var f filter
	found, err := s.jobs(ctx, l, s.lookUp, &f, condition{sql: "pandaid = " + f.arg(id)}, 10)
	switch {
	case err != nil:
		return grid.PandaJob{}, fmt.Errorf("panda: reading job %d: %w", id, err)
	case len(found.jobs) == 0 && len(found.unread) > 0: // it may be where we cannot look
		return grid.PandaJob{}, trouble.Errorf(nil, "%s. The job may be there. Look at backends.panda.database.schemas and at the grants in docs/panda.md.", strings.Join(found.unread, "; "))
	case len(found.jobs) == 0:
		return grid.PandaJob{Notes: found.notes}, fmt.Errorf("panda: job %d: %w", id, grid.ErrNoPandaJob)
	}
	p := &parts{store: s, layout: l, job: found.jobs[0]}
	p.job.Notes = found.notes
	// What builds and uploads are looked for by stands in the parts before them.
	p.read(ctx, p.parameters, p.files, p.task, p.owner, p.history, p.retries, p.workers)
	p.read(ctx, p.builds)
	p.read(ctx, p.uploads)
	if err := ctx.Err(); err != nil {
		return grid.PandaJob{}, fmt.Errorf("panda: reading job %d: %w", id, s.explain(err))
	}
	slices.Sort(p.job.Notes)
	p.job.Notes = slices.Compact(p.job.Notes)
	return p.job, nil
}

// Candidates gives those of ids that are jobs here.
func (s *Store) Candidates(ctx context.Context, ids []int64) (grid.PandaJobs, error) {
	l, err := s.layoutOf(ctx)
	if err != nil {
		return grid.PandaJobs{}, err
	}
	var f filter
	found, err := s.jobs(ctx, l, s.lookUp, &f, condition{sql: "pandaid = ANY(" + f.arg(ids) + ")"}, len(ids))
	if err != nil {
		return grid.PandaJobs{}, fmt.Errorf("panda: looking for %d jobs: %w", len(ids), err)
	}
	return grid.PandaJobs{Jobs: found.jobs, Cut: found.cut || len(found.unread) > 0, Notes: compact(found.notes)}, nil
}

// batchBack is how far back a batch id is looked for where no index helps.
const batchBack = 90 * 24 * time.Hour

// ByBatch gives the jobs that ran in a batch job, latest first. The id itself is
// found by an index, at any age; its other spellings among the rows of the last 90
// days, and among Harvester's workers.
func (s *Store) ByBatch(ctx context.Context, batch string) (grid.PandaJobs, error) {
	l, err := s.layoutOf(ctx)
	if err != nil {
		return grid.PandaJobs{}, err
	}
	var exact filter
	found, err := s.jobs(ctx, l, s.lookUp, &exact, condition{sql: "batchid = ANY(" + exact.arg(batchSpellings(batch)) + ")", needs: []string{"batchid"}}, maxListed)
	if err != nil {
		return grid.PandaJobs{}, fmt.Errorf("panda: looking for batch id: %w", err)
	}
	out := grid.PandaJobs{Jobs: found.jobs, Cut: found.cut || len(found.unread) > 0, Notes: found.notes}
	if len(found.jobs) == 0 {
		since := time.Now().UTC().Add(-batchBack)
		if err := s.byOtherSpelling(ctx, l, batch, since, &out); err != nil {
			return grid.PandaJobs{}, fmt.Errorf("panda: looking for batch id: %w", err)
		}
		out.Notes = append(out.Notes, fmt.Sprintf("no job has exactly this batch id; other spellings were looked for among the jobs and workers since %s", wording.Minute(since)))
	}
	slices.SortFunc(out.Jobs, func(a, b grid.PandaJob) int { return b.Created.Compare(a.Created) })
	out.Notes = compact(out.Notes)
	return out, nil
}

func (s *Store) byOtherSpelling(ctx context.Context, l *layout, batch string, since time.Time, out *grid.PandaJobs) error {
	var f filter
	f.ofBatch(batch)
	f.and("modificationtime >= " + f.arg(since))
	found, err := s.jobs(ctx, l, s.query, &f, condition{sql: f.where(), needs: []string{"batchid"}}, maxListed)
	if err != nil {
		return err
	}
	out.Notes, out.Cut = append(out.Notes, found.notes...), out.Cut || found.cut
	for _, j := range found.jobs {
		if sameBatch(batch, j) {
			out.Jobs = append(out.Jobs, j)
		}
	}
	if len(out.Jobs) > 0 {
		return nil
	}
	ids, err := s.jobsOfWorkers(ctx, l, batch, since, out)
	if err != nil || len(ids) == 0 {
		return err
	}
	var of filter
	found, err = s.jobs(ctx, l, s.lookUp, &of, condition{sql: "pandaid = ANY(" + of.arg(ids) + ")"}, maxListed)
	out.Jobs, out.Cut, out.Notes = found.jobs, out.Cut || found.cut, append(out.Notes, found.notes...)
	return err
}

// sameBatch asks the rules whether a job's batch id is one that was typed.
func sameBatch(typed string, j grid.PandaJob) bool {
	now := time.Now()
	_, ok := grid.Match(grid.Query{Kind: grid.ByBatch, Batch: typed}, grid.Job{
		Experiment: grid.ATLAS, Kind: grid.Finished, Starts: 1, Start: now, End: now, Pilot: grid.Pilot{Batch: j.BatchID},
	})
	return ok
}

// jobsOfWorkers gives the jobs of Harvester's workers with a batch id.
func (s *Store) jobsOfWorkers(ctx context.Context, l *layout, batch string, since time.Time, out *grid.PandaJobs) ([]int64, error) {
	for table, columns := range map[string][]string{
		"{panda}.harvester_workers":          {"harvesterid", "workerid", "batchid", "lastupdate"},
		"{panda}.harvester_rel_jobs_workers": {"harvesterid", "workerid", "pandaid"},
	} {
		if why := l.lacks(table, columns...); why != "" {
			out.Notes = append(out.Notes, "not available here: "+why)
			return nil, nil
		}
	}
	rows, err := s.query(ctx, `SELECT DISTINCT r.pandaid FROM {panda}.harvester_workers w JOIN {panda}.harvester_rel_jobs_workers r
		ON r.harvesterid = w.harvesterid AND r.workerid = w.workerid
		WHERE w.lastupdate >= $1 AND w.batchid = $2 LIMIT $3`, since, batch, maxListed)
	if err != nil {
		return nil, s.explain(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return ids, s.explain(err)
}

func compact(notes []string) []string {
	slices.Sort(notes)
	return slices.Compact(notes)
}
