package pandatest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// The states that a pilot may report.
var jobStates = []string{"running", "failed", "finished", "holding", "starting", "transferring"}

// updateJob is a pilot's heartbeat. A job that is not active is to be killed, for
// all the server knows.
func (s *Server) updateJob(ctx context.Context, c call) (object, error) {
	status := c.args.str("job_status")
	if !slices.Contains(jobStates, status) {
		return answer(false, "Invalid job status: "+status, nil), nil
	}
	ended := status == "failed" || status == "finished"
	if ended {
		status = "holding"
	}
	code, now := c.args.int("pilot_error_code"), s.now().Truncate(time.Second)
	found, err := collect(ctx, s.database.pool, pgx.RowTo[string], `
		UPDATE doma_panda.jobsactive4 SET modificationtime = $2, jobstatus = $3::varchar, statechangetime = CASE WHEN jobstatus = $3::varchar THEN statechangetime ELSE $2 END,
			piloterrorcode = CASE WHEN $4::int = 0 THEN piloterrorcode ELSE $4 END, piloterrordiag = coalesce(nullif($5, ''), piloterrordiag),
			modificationhost = coalesce(nullif($6, ''), modificationhost), batchid = coalesce(nullif($7, ''), batchid),
			endtime = CASE WHEN $8 THEN coalesce(endtime, $2) ELSE endtime END
		WHERE pandaid = $1 RETURNING coalesce(commandtopilot, 'NULL')`,
		c.args.int("job_id"), now, status, code, c.args.str("pilot_error_diag"), c.args.str("node"), c.args.str("batch_id"), ended)
	if err != nil {
		return nil, err
	}
	command := "tobekilled"
	if len(found) > 0 {
		command = found[0]
	}
	return answer(true, "", object{{"StatusCode", 0}, {"command", command}}), nil
}

// specColumns are the fields of a job as the server names them, by their columns.
var specColumns = []field{
	{"PandaID", "pandaid"},
	{"jobDefinitionID", "jobdefinitionid"},
	{"schedulerID", "schedulerid"},
	{"pilotID", "pilotid"},
	{"creationTime", "creationtime"},
	{"creationHost", "creationhost"},
	{"modificationTime", "modificationtime"},
	{"modificationHost", "modificationhost"},
	{"transformation", "transformation"},
	{"prodSourceLabel", "prodsourcelabel"},
	{"prodUserID", "produserid"},
	{"jobStatus", "jobstatus"},
	{"jobName", "jobname"},
	{"startTime", "starttime"},
	{"endTime", "endtime"},
	{"commandToPilot", "commandtopilot"},
	{"pilotErrorCode", "piloterrorcode"},
	{"pilotErrorDiag", "piloterrordiag"},
	{"exeErrorCode", "exeerrorcode"},
	{"exeErrorDiag", "exeerrordiag"},
	{"jobDispatcherErrorCode", "jobdispatchererrorcode"},
	{"jobDispatcherErrorDiag", "jobdispatchererrordiag"},
	{"taskBufferErrorCode", "taskbuffererrorcode"},
	{"taskBufferErrorDiag", "taskbuffererrordiag"},
	{"computingSite", "computingsite"},
	{"computingElement", "computingelement"},
	{"cloud", "cloud"},
	{"VO", "vo"},
	{"workingGroup", "workinggroup"},
	{"processingType", "processingtype"},
	{"prodUserName", "produsername"},
	{"batchID", "batchid"},
	{"parentID", "parentid"},
	{"specialHandling", "specialhandling"},
	{"jobsetID", "jobsetid"},
	{"coreCount", "corecount"},
	{"attemptNr", "attemptnr"},
	{"jediTaskID", "jeditaskid"},
	{"jobSubStatus", "jobsubstatus"},
	{"reqID", "reqid"},
	{"stateChangeTime", "statechangetime"},
	{"container_name", "container_name"},
	{"job_label", "job_label"},
}

func (s *Server) describeLive(ctx context.Context, c call) (object, error) {
	return s.describe(ctx, c, Defined, Active, Archived)
}

func (s *Server) describeAll(ctx context.Context, c call) (object, error) {
	return s.describe(ctx, c, Defined, Active, Archived, OldArchived)
}

// maxDescribed is how many jobs the server describes at once; it drops the rest
// without a word.
const maxDescribed = 5500

// describe gives jobs in the order in which they were asked for; null for one that
// no table has.
func (s *Server) describe(ctx context.Context, c call, tables ...Table) (object, error) {
	ids := c.args.jobs()
	ids = ids[:min(len(ids), maxDescribed)]
	data := []any{}
	for _, id := range ids {
		job, err := s.spec(ctx, id, tables)
		if err != nil {
			return nil, err
		}
		if job == nil {
			data = append(data, nil)
			continue
		}
		data = append(data, job)
	}
	return answer(true, "", data), nil
}

func (s *Server) spec(ctx context.Context, id int64, tables []Table) (object, error) {
	columns := ""
	for i, f := range specColumns {
		if i > 0 {
			columns += ", "
		}
		columns += fmt.Sprint(f.value)
	}
	for _, table := range tables {
		rows, err := s.database.pool.Query(ctx, `SELECT `+columns+` FROM `+string(table)+` WHERE pandaid = $1 LIMIT 1`, id)
		if err != nil {
			return nil, err
		}
		found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (object, error) {
			values, err := row.Values()
			job := make(object, len(values))
			for i, v := range values {
				if at, ok := v.(time.Time); ok {
					v = at.Format(time.DateTime)
				}
				job[i] = field{specColumns[i].name, v}
			}
			return job, err
		})
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		return s.withSides(ctx, id, found[0])
	}
	return nil, nil //nolint:nilnil // a job that is nowhere
}

// withSides adds what other tables have of a job.
func (s *Server) withSides(ctx context.Context, id int64, job object) (object, error) {
	params, err := collect(ctx, s.database.pool, pgx.RowTo[string], `
		SELECT coalesce(jobparameters, '') FROM doma_panda.jobparamstable WHERE pandaid = $1
		UNION ALL SELECT coalesce(jobparameters, '') FROM doma_pandaarch.jobparamstable_arch WHERE pandaid = $1 LIMIT 1`, id)
	if err != nil {
		return nil, err
	}
	metadata, err := collect(ctx, s.database.pool, pgx.RowTo[string], `SELECT coalesce(metadata, '') FROM doma_panda.metatable WHERE pandaid = $1 LIMIT 1`, id)
	if err != nil {
		return nil, err
	}
	rows, err := s.database.pool.Query(ctx, `
		SELECT lfn, type, dataset, status, scope, destinationdblock, fsize FROM doma_panda.filestable4 WHERE pandaid = $1
		UNION ALL SELECT lfn, type, dataset, status, scope, destinationdblock, fsize FROM doma_pandaarch.filestable_arch WHERE pandaid = $1`, id)
	if err != nil {
		return nil, err
	}
	files, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (any, error) {
		values, err := row.Values()
		out := object{}
		for i, name := range []string{"lfn", "type", "dataset", "status", "scope", "destinationDBlock", "fsize"} {
			if err == nil {
				out = append(out, field{name, values[i]})
			}
		}
		return out, err
	})
	if err != nil {
		return nil, err
	}
	return append(job, field{"jobParameters", first(params)}, field{"metadata", first(metadata)}, field{"Files", append([]any{}, files...)}), nil
}

func first(texts []string) any {
	if len(texts) == 0 {
		return nil
	}
	return texts[0]
}
