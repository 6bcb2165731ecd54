package panda

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// jobRow is a row of a table of jobs with all that is told of a job, and where each
// column goes.
type jobRow struct {
	job    grid.PandaJob
	errors [len(errorSources)]grid.PandaError
}

// errorSources are the parts that may have put an error into a job's row, by the
// beginning of their columns' names.
var errorSources = [...]string{"pilot", "exe", "sup", "ddm", "brokerage", "jobDispatcher", "taskBuffer"}

// into pairs each column with its place.
func (r *jobRow) into() (columns []column, places []any) {
	j := &r.job
	text := func(name string, to *string) {
		columns, places = append(columns, column{name, "text"}), append(places, orEmpty(to))
	}
	number := func(name string, to *int64) {
		columns, places = append(columns, column{name, "bigint"}), append(places, orZero(to))
	}
	when := func(name string, to *time.Time) {
		columns, places = append(columns, column{name, "timestamp"}), append(places, dated(to))
	}
	count := func(name string, to *int) {
		columns, places = append(columns, column{name, "bigint"}), append(places, (*pgCount)(to))
	}
	number("pandaid", &j.ID)
	text("jobstatus", &j.Status)
	text("jobsubstatus", &j.Substatus)
	text("commandtopilot", &j.Command)
	text("prodsourcelabel", &j.Label)
	text("produserid", &j.UserID)
	text("produsername", &j.UserName)
	text("creationhost", &j.CreationHost)
	when("creationtime", &j.Created)
	when("starttime", &j.Started)
	when("endtime", &j.Ended)
	when("statechangetime", &j.Changed)
	when("modificationtime", &j.Modified)
	text("computingsite", &j.Site)
	text("computingelement", &j.CE)
	text("modificationhost", &j.Node)
	text("batchid", &j.BatchID)
	text("pilotid", &j.PilotID)
	text("schedulerid", &j.Scheduler)
	number("jeditaskid", &j.TaskID)
	number("jobsetid", &j.JobsetID)
	number("jobdefinitionid", &j.DefinitionID)
	number("parentid", &j.ParentID)
	count("attemptnr", &j.Attempt)
	text("processingtype", &j.Processing)
	text("transformation", &j.Transformation)
	text("workinggroup", &j.WorkingGroup)
	text("vo", &j.VO)
	text("specialhandling", &j.Special)
	text("container_name", &j.Container)
	count("corecount", &j.Cores)
	for i, from := range errorSources {
		e := &r.errors[i]
		e.From = from
		count(strings.ToLower(from)+"errorcode", &e.Code)
		text(strings.ToLower(from)+"errordiag", &e.Text)
	}
	return columns, places
}

// told is the row as everybody else reads it. A machine that is named before the
// job was started is none of a site: it is PanDA's own.
func (r *jobRow) told(source, table string) grid.PandaJob {
	j := r.job
	j.Source, j.Table = source, table
	if !j.Started.IsZero() {
		j.Host, _ = grid.HostOf(j.Node)
	}
	for _, e := range r.errors {
		if e.Code != 0 || e.Text != "" {
			j.Errors = append(j.Errors, e)
		}
	}
	return j
}

// jobTables are the tables that may have a job, in the order of its life.
func (l *layout) jobTables() []string {
	tables := []string{definedJobs, activeJobs, archivedJobs, oldJobs}
	return append(tables, l.detachedFrom("jobsarchived4")...)
}

// condition is what rows are chosen by, and the columns that it needs.
type condition struct {
	sql   string
	needs []string
}

// foundJobs are rows of the tables of jobs.
type foundJobs struct {
	jobs   []grid.PandaJob
	cut    bool
	notes  []string // what is not available, a sentence each
	unread []string // why tables could not be read
}

// asking is a way to run a statement.
type asking func(ctx context.Context, statement string, args ...any) (pgx.Rows, error)

// jobs reads the rows for which a condition holds, from all tables in one statement:
// a job that moves between two would be missed. notes names what is not there, and
// unread why tables could not be read at all: they lack what the condition needs.
// ask is lookUp or query.
func (s *Store) jobs(ctx context.Context, l *layout, ask asking, f *filter, c condition, most int) (found foundJobs, err error) {
	var probe jobRow
	columns, _ := probe.into()
	var parts []string
	for _, table := range l.jobTables() {
		if _, exists := l.tables[table]; !exists && table == oldJobs {
			continue // where nothing copies jobs into it
		}
		if why := l.lacks(table, append([]string{"pandaid", "modificationtime"}, c.needs...)...); why != "" {
			found.notes, found.unread = append(found.notes, "not available here: "+why), append(found.unread, why)
			continue
		}
		list, missing := l.selection(table, columns)
		for _, why := range missing {
			found.notes = append(found.notes, "not available here: "+why)
		}
		parts = append(parts, fmt.Sprintf("(SELECT '%s', %s FROM %s WHERE %s)", tableName(table), list, quoted(table), c.sql))
	}
	if len(parts) == 0 {
		return found, nil
	}
	rows, err := ask(ctx, strings.Join(parts, " UNION ALL ")+" LIMIT "+f.arg(most+1), f.args...)
	if err != nil {
		return found, s.explain(err)
	}
	var r jobRow
	var table string
	_, places := r.into()
	seen := map[int64]int{}
	var jobs []grid.PandaJob
	_, err = pgx.ForEachRow(rows, append([]any{&table}, places...), func() error {
		j := r.told(s.Name(), table)
		if i, twice := seen[j.ID]; twice { // it is archived while we look: the later row holds
			if j.Modified.After(jobs[i].Modified) || jobs[i].Live() && !j.Live() {
				jobs[i] = j
			}
			return nil
		}
		seen[j.ID] = len(jobs)
		jobs = append(jobs, j)
		return nil
	})
	if err != nil {
		return found, s.explain(err)
	}
	if found.cut = len(jobs) > most; found.cut {
		jobs = jobs[:most]
	}
	found.jobs = jobs
	return found, nil
}
