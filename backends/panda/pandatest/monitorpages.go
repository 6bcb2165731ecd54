package pandatest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

var errBroken = errors.New("not enough arguments for format string")

// endStates are the states of jobs that are not active (is_job_active, core/libs/job.py).
var endStates = []string{"finished", "failed", "cancelled", "closed"}

// window is the time of a list, and how far back it goes without one being asked for
// (setupView, core/views.py).
func (m *Monitor) window(query map[string]string) (from, to time.Time) {
	hours := 12
	if query["batchid"] != "" {
		hours = 4 * 24
	}
	_, inHours := query["hours"]
	_, inDays := query["days"]
	if inHours {
		hours, _ = strconv.Atoi(query["hours"])
	}
	if inDays {
		days, _ := strconv.Atoi(query["days"])
		hours = days * 24
	}
	if (query["pandaid"] != "" || query["jeditaskid"] != "") && !inHours && !inDays {
		hours = 24 * 180
	}
	to, from = m.now(), m.now().Add(-time.Duration(hours)*time.Hour)
	if at, given := monitorTime(query["date_from"]); given {
		from = at
	}
	if at, given := monitorTime(query["date_to"]); given {
		to = at
	}
	return from, to
}

// jobList is the list of jobs (jobList, core/views.py).
func (m *Monitor) jobList(ctx context.Context, _ string, query map[string]string) (any, error) {
	limit := 20000
	if query["limit"] != "" {
		limit, _ = strconv.Atoi(query["limit"])
	}
	if breaks(query) {
		return nil, errBroken
	}
	from, to := m.window(query)
	_, toGiven := query["date_to"]
	_, inHours := query["hours"]
	status := query["jobstatus"]
	liveInTime := (toGiven || inHours) && (status == "" || slices.Contains(endStates, status))
	var rows []map[string]any
	for _, table := range []Table{Defined, Active, Archived, OldArchived} {
		var c condition
		c.ofJobs(query)
		date := "modificationtime"
		switch {
		case table.live() && !liveInTime:
			date = ""
		case table == OldArchived:
			days := func(t time.Time) int { return int(m.now().Sub(t) / (24 * time.Hour)) }
			ended := status == "" || slices.ContainsFunc(strings.Split(status, "|"), func(s string) bool { return s == "merging" || slices.Contains(endStates, s) })
			if query["noarchjobs"] == "1" || !ended || days(from) <= 2 && days(to) <= 2 {
				continue
			}
			if date = "statechangetime"; query["jeditaskid"] != "" {
				date = ""
			}
		}
		if date != "" {
			c.and(date + " BETWEEN " + c.arg(from) + " AND " + c.arg(to))
		}
		found, err := m.rows(ctx, table, c, limit)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortStableFunc(rows, func(a, b map[string]any) int {
		at, _ := a["modificationtime"].(time.Time)
		other, _ := b["modificationtime"].(time.Time)
		return other.Compare(at)
	})
	seen := map[any]bool{}
	jobs := []map[string]any{}
	fields := strings.Split(query["fields"], ",")
	for _, row := range rows {
		if seen[row["pandaid"]] {
			continue
		}
		seen[row["pandaid"]] = true
		m.clean(row)
		for name, value := range row {
			if at, ok := value.(time.Time); ok {
				row[name] = at.Format("2006-01-02T15:04:05")
			}
			if query["fields"] != "" && !slices.Contains(fields, name) {
				delete(row, name)
			}
		}
		m.change("jobs/", row)
		jobs = append(jobs, row)
	}
	return map[string]any{"selectionsummary": []any{}, "jobs": jobs, "errsByCount": []any{}}, nil
}

func (m *Monitor) change(page string, row map[string]any) {
	if m.options.Change != nil {
		m.options.Change(page, row)
	}
}

// rows reads whole rows of a table of jobs, the last changed first.
func (m *Monitor) rows(ctx context.Context, table Table, c condition, limit int) ([]map[string]any, error) {
	sql := "SELECT " + strings.Join(m.columns, ", ") + " FROM " + string(table) + " WHERE " + c.where() + " ORDER BY modificationtime DESC LIMIT " + c.arg(limit)
	return m.read(ctx, sql, c.args...)
}

// read gives rows by the names of their columns, with values that JSON knows.
func (m *Monitor) read(ctx context.Context, sql string, args ...any) ([]map[string]any, error) {
	rows, err := m.database.pool.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", sql, err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (map[string]any, error) {
		values, err := row.Values()
		out := map[string]any{}
		for i, v := range values {
			if n, ok := v.(pgtype.Numeric); ok {
				v = nil
				if n.Valid && n.Int != nil {
					v = json.Number(new(big.Rat).SetInt(n.Int).FloatString(0))
				}
			}
			out[row.FieldDescriptions()[i].Name] = v
		}
		return out, err
	})
}

// clean does what the monitor does to every row (clean_job_list, core/libs/job.py;
// jobList and jobInfo, core/views.py).
func (m *Monitor) clean(row map[string]any) {
	text := func(name string) string { s, _ := row[name].(string); return s }
	if text("produsername") == "" {
		row["produsername"] = "Unknown"
		if text("produserid") != "" {
			row["produsername"] = text("produserid")
		}
	}
	if t := text("transformation"); t != "" {
		row["transformation"] = path.Base(t)
	}
	row["wn"] = "Unknown"
	if host := text("modificationhost"); host != "" {
		_, row["wn"], _ = strings.Cut(host, "@")
		if !strings.Contains(host, "@") {
			row["wn"] = host
		}
	}
	if row["corecount"] == nil {
		row["corecount"] = 1
	}
	switch text("jobsubstatus") {
	case "fg_partial":
		row["jobstatus"] = "subfinished"
	case "fg_stumble":
		row["jobstatus"] = "failed"
	}
	row["eventservice"], row["category"], row["jobinfo"] = "ordinary", "run", ""
	if resource, ok := row["resource_type"]; ok {
		row["resourcetype"] = resource
		delete(row, "resource_type")
	}
}

// statusLog is the history of a job (getJobStatusLog, core/views.py).
func (m *Monitor) statusLog(ctx context.Context, rest string, _ map[string]string) (any, error) {
	id, err := strconv.ParseInt(rest, 10, 64)
	if err != nil {
		return nil, err
	}
	return m.list(ctx, "jobstatuslog/", `SELECT * FROM doma_panda.jobs_statuslog WHERE pandaid = $1 ORDER BY modiftime_extended`, id)
}

// taskList is the list of tasks, without a bound of time for those that are named
// (taskList, core/views.py).
func (m *Monitor) taskList(ctx context.Context, _ string, query map[string]string) (any, error) {
	return m.list(ctx, "tasks/", `SELECT jeditaskid, taskname, status, username, creationdate, modificationtime, processingtype, reqid, prodsourcelabel FROM doma_panda.jedi_tasks WHERE jeditaskid::text = ANY($1)`, strings.Split(query["jeditaskid"], "|"))
}

// siteList are the queues with all their settings (siteList, core/schedresource/views.py).
func (m *Monitor) siteList(ctx context.Context, _ string, _ map[string]string) (any, error) {
	rows, err := m.read(ctx, `SELECT panda_queue, data::json AS data FROM doma_panda.schedconfig_json ORDER BY panda_queue`)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, row := range rows {
		settings, _ := row["data"].(map[string]any)
		if settings == nil {
			settings = map[string]any{}
		}
		settings["nickname"] = row["panda_queue"]
		out = append(out, settings)
	}
	return out, nil
}

// list gives rows with times as Django writes them.
func (m *Monitor) list(ctx context.Context, page, sql string, args ...any) (any, error) {
	rows, err := m.read(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		for name, value := range row {
			if at, ok := value.(time.Time); ok {
				row[name] = at.Format("2006-01-02T15:04:05.999")
			}
		}
		m.change(page, row)
	}
	return append([]map[string]any{}, rows...), nil
}
