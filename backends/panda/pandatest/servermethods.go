package pandatest

import (
	"context"
	"encoding/json"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// The arguments that several methods take.
var (
	taskID = param{name: "task_id", kind: intKind}
	jobIDs = param{name: "job_ids", kind: intsKind}
)

func optional(name string, k kind, fallback any) param {
	return param{name: name, kind: k, optional: true, fallback: fallback}
}

// methods are those of /api/v1 that the server knows, with the arguments that the
// real ones take.
var methods = map[string]method{
	"system/is_alive":             {verb: "GET", open: true, run: (*Server).isAlive},
	"system/get_user_attributes":  {verb: "GET", run: (*Server).userAttributes},
	"metaconfig/get_banned_users": {verb: "GET", run: (*Server).bannedUsers},
	"job/get_status":              {verb: "GET", params: []param{jobIDs, optional("timeout", intKind, json.Number("60"))}, run: (*Server).jobStatus},
	"job/get_description":         {verb: "GET", params: []param{jobIDs}, run: (*Server).describeLive},
	"job/get_description_incl_archive": {
		verb: "GET", params: []param{jobIDs}, run: (*Server).describeAll,
	},
	"job/kill": {
		verb: "POST",
		params: []param{
			jobIDs, optional("code", intKind, nil), optional("use_email_as_id", boolKind, false), optional("kill_options", stringsKind, []any{}),
		},
		run: (*Server).killJobs,
	},
	"job/set_command": {
		verb: "POST", production: true, params: []param{{name: "job_id", kind: intKind}, {name: "command", kind: strKind}}, run: (*Server).setCommand,
	},
	"job/submit":               {verb: "POST", params: []param{{name: "jobs", kind: strKind}}, run: (*Server).submitJobs},
	"task/kill":                {verb: "POST", owner: true, params: []param{taskID, optional("broadcast", boolKind, false)}, run: (*Server).killTask},
	"task/get_job_ids":         {verb: "GET", params: []param{taskID}, run: (*Server).jobsOfTask},
	"task/get_task_parameters": {verb: "GET", open: true, params: []param{taskID}, run: (*Server).taskParameters},
	"task/get_tasks_modified_since": {
		verb: "GET",
		params: []param{
			{name: "since", kind: strKind},
			optional("dn", strKind, nil), optional("full", boolKind, false),
			optional("min_task_id", intKind, nil), optional("prod_source_label", strKind, "user"),
		},
		run: (*Server).tasksSince,
	},
	"task/submit": {
		verb: "POST", params: []param{{name: "task_parameters", kind: dictKind}, optional("parent_tid", intKind, nil)}, run: (*Server).submitTask,
	},
	"pilot/update_job": {
		verb: "POST", production: true,
		params: []param{
			{name: "job_id", kind: intKind},
			{name: "job_status", kind: strKind},
			optional("node", strKind, nil), optional("batch_id", strKind, nil),
			optional("pilot_error_code", intKind, nil), optional("pilot_error_diag", strKind, nil), optional("job_sub_status", strKind, nil),
			optional("timeout", intKind, json.Number("60")),
		},
		run: (*Server).updateJob,
	},
}

func (s *Server) isAlive(context.Context, call) (object, error) { return answer(true, "", nil), nil }

func (s *Server) userAttributes(_ context.Context, c call) (object, error) {
	fqans, groups := []any{}, []any{}
	for _, f := range c.caller.fqans {
		fqans = append(fqans, f)
	}
	for _, g := range c.caller.groups() {
		groups = append(groups, g)
	}
	return answer(true, "User DN (raw): "+c.caller.dn+"\n", object{
		{"user_dn_raw", c.caller.dn},
		{"user_dn_clean", c.caller.name()},
		{"fqans", fqans},
		{"is_production_user", c.caller.production()},
		{"production_working_groups", groups},
		{"primary_working_group", nil},
	}), nil
}

// bannedUsers reads the database, not the gate.
func (s *Server) bannedUsers(ctx context.Context, _ call) (object, error) {
	names, err := s.bannedNames(ctx)
	if err != nil {
		return nil, err
	}
	data := object{}
	for _, n := range names {
		data = append(data, field{n, false})
	}
	return answer(true, "", data), nil
}

func (s *Server) bannedNames(ctx context.Context) ([]string, error) {
	return collect(ctx, s.database.pool, pgx.RowTo[string], `SELECT DISTINCT name FROM doma_pandameta.users WHERE status = 'disabled' ORDER BY name`)
}

// isBanned is the check at a submission: of the caller's name, in the database.
func (s *Server) isBanned(ctx context.Context, c caller) (bool, error) {
	found, err := collect(ctx, s.database.pool, pgx.RowTo[bool], `SELECT true FROM doma_pandameta.users WHERE status = 'disabled' AND name = $1 LIMIT 1`, c.name())
	return len(found) > 0, err
}

// jobStatus looks only at the active jobs and at the last hour of the archive.
// All else is unknown and tobekilled, so it proves nothing.
func (s *Server) jobStatus(ctx context.Context, c call) (object, error) {
	type state struct {
		ID              int64
		Status, Command *string
	}
	found, err := collect(ctx, s.database.pool, pgx.RowToStructByPos[state], `
		SELECT pandaid, jobstatus, commandtopilot FROM doma_panda.jobsactive4 WHERE pandaid = ANY($1)
		UNION ALL
		SELECT pandaid, jobstatus, commandtopilot FROM doma_panda.jobsarchived4 WHERE pandaid = ANY($1) AND modificationtime > $2`,
		c.args.jobs(), s.now().Add(-time.Hour))
	if err != nil {
		return nil, err
	}
	byID := map[int64]state{}
	for _, f := range found {
		byID[f.ID] = f
	}
	data := []any{}
	for _, id := range c.args.jobs() {
		f, known := byID[id]
		if !known {
			data = append(data, object{{"command", "tobekilled"}, {"status", "unknown"}})
			continue
		}
		data = append(data, object{{"command", orNone(f.Command)}, {"status", orNone(f.Status)}})
	}
	return answer(true, "", data), nil
}

func orNone(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

var wholeSeconds = regexp.MustCompile(`^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)$`)

// tasksSince gives the tasks of a name by their reqid; nothing for a time that it
// cannot read.
func (s *Server) tasksSince(ctx context.Context, c call) (object, error) {
	since, err := time.Parse(time.DateTime, c.args.str("since"))
	if !wholeSeconds.MatchString(c.args.str("since")) || err != nil {
		return answer(true, "", object{}), nil //nolint:nilerr // the server says nothing of it
	}
	name := grid.PandaName(c.args.str("dn"))
	if name == "" {
		name = c.caller.name()
	}
	type task struct {
		ID, ReqID              int64
		Modified, Created      time.Time
		Status, Name           string
		Processing, Site, Team *string
	}
	found, err := collect(ctx, s.database.pool, pgx.RowToStructByPos[task], `
		SELECT jeditaskid, coalesce(reqid, 0)::bigint, modificationtime, creationdate, status, coalesce(taskname, ''), processingtype, site, cloud
		FROM doma_panda.jedi_tasks WHERE username = $1 AND modificationtime >= $2 AND prodsourcelabel = $3 AND jeditaskid > $4 ORDER BY jeditaskid`,
		name, since, c.args.str("prod_source_label"), c.args.int("min_task_id"))
	if err != nil {
		return nil, err
	}
	at := func(t time.Time) object { return object{{"__datetime__", t.Format("2006-01-02T15:04:05")}} }
	data := object{}
	for _, t := range found {
		data = append(data, field{asText(t.ReqID), object{
			{"jediTaskID", t.ID},
			{"modificationTime", at(t.Modified)},
			{"status", t.Status},
			{"processingType", orNone(t.Processing)},
			{"transUses", nil},
			{"transHome", nil},
			{"architecture", nil},
			{"reqID", t.ReqID},
			{"creationDate", at(t.Created)},
			{"site", orNone(t.Site)},
			{"cloud", orNone(t.Team)},
			{"taskName", t.Name},
		}})
	}
	return answer(true, "", data), nil
}
