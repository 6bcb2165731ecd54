package pandatest

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"
)

// jobInfo is the page of one job (jobInfo, core/views.py); nil for one that is none.
func (m *Monitor) jobInfo(ctx context.Context, _ string, query map[string]string) (any, error) {
	id := query["pandaid"]
	if lfn := query["creator"]; lfn != "" {
		made, err := m.read(ctx, `SELECT pandaid FROM doma_panda.filestable4 WHERE lfn = $1 AND type = 'output' AND status <> 'failed'
			UNION ALL SELECT pandaid FROM doma_pandaarch.filestable_arch WHERE lfn = $1 AND type = 'output' AND status <> 'failed' LIMIT 1`, lfn)
		if err != nil || len(made) == 0 {
			return nil, err
		}
		id = fmt.Sprint(made[0]["pandaid"])
	}
	number, _ := strconv.ParseInt(id, 10, 64)
	var job map[string]any
	for _, table := range []Table{Defined, Active, Archived, OldArchived} {
		if job != nil {
			break
		}
		var c condition
		if query["batchid"] != "" {
			c.and("batchid = " + c.arg(query["batchid"]))
		} else {
			c.and("pandaid = " + c.arg(number))
		}
		if table != OldArchived {
			c.and("modificationtime BETWEEN " + c.arg(m.now().AddDate(-1, 0, 0)) + " AND " + c.arg(m.now()))
		}
		found, err := m.rows(ctx, table, c, 1)
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			job = found[0]
		}
	}
	if job == nil {
		return nil, nil //nolint:nilnil // a job that is nowhere
	}
	return m.pageOfJob(ctx, job)
}

func (m *Monitor) pageOfJob(ctx context.Context, job map[string]any) (any, error) {
	id := job["pandaid"]
	m.clean(job)
	job["harvesterInfo"] = map[string]any{}
	workers, err := m.read(ctx, `SELECT r.workerid, r.harvesterid, w.batchlog, w.computingelement, w.errorcode, w.diagmessage
		FROM doma_panda.harvester_rel_jobs_workers r JOIN doma_panda.harvester_workers w USING (harvesterid, workerid) WHERE r.pandaid = $1 ORDER BY workerid`, id)
	if err != nil {
		return nil, err
	}
	if len(workers) > 0 {
		job["harvesterInfo"] = workers[0]
	}
	files, err := m.read(ctx, `SELECT * FROM doma_panda.filestable4 WHERE pandaid = $1 ORDER BY type`, id)
	if err == nil && len(files) == 0 {
		files, err = m.read(ctx, `SELECT * FROM doma_pandaarch.filestable_arch WHERE pandaid = $1 ORDER BY type`, id)
	}
	if err != nil {
		return nil, err
	}
	for _, row := range append(slices.Clone(files), job) {
		for name, value := range row {
			if at, ok := value.(time.Time); ok {
				row[name] = at.Format(time.DateTime)
			}
		}
	}
	for _, file := range files {
		for name, value := range file {
			if value == nil {
				file[name] = ""
			}
		}
	}
	m.change("job", job)
	return map[string]any{"files": append([]map[string]any{}, files...), "job": job, "dsfiles": []any{}}, nil
}
