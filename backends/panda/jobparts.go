package panda

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// parts fills in what stands in other tables than the job's own.
type parts struct {
	store  *Store
	layout *layout
	job    grid.PandaJob

	mu sync.Mutex // of job.Notes, to which every part may add
}

// read reads some parts side by side, each of which fills in fields of its own. A
// part that fails is told of, and the others stand.
func (p *parts) read(ctx context.Context, some ...func(context.Context) error) {
	var running sync.WaitGroup
	for _, part := range some {
		running.Go(func() {
			if err := part(ctx); err != nil {
				p.note("a part of what is known could not be read: %s", sentence(p.store.explain(err)))
			}
		})
	}
	running.Wait()
}

// sentence is what an error says to people.
func sentence(err error) string {
	if told, ok := trouble.Told(err); ok {
		return told
	}
	return "the question was stopped"
}

func (p *parts) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.job.Notes = append(p.job.Notes, fmt.Sprintf(format, args...))
}

// has reports whether a table can give some columns, and notes why not.
func (p *parts) has(table string, columns ...string) bool {
	why := p.layout.lacks(table, columns...)
	if why != "" {
		p.note("not available here: %s", why)
	}
	return why == ""
}

// each reads rows of a statement, in which $1 is the job or what takes its place.
func (p *parts) each(ctx context.Context, statement string, args, places []any, row func()) error {
	rows, err := p.store.lookUp(ctx, statement, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, places, func() error { row(); return nil })
	return err
}

// union is a SELECT from those of some tables that have the columns, in their order.
func (p *parts) union(columns, condition string, must string, names []string, more ...string) string {
	var selects []string
	for _, table := range append([]string{must}, more...) {
		if _, exists := p.layout.tables[table]; table != must && !exists {
			continue
		}
		if p.has(table, names...) {
			selects = append(selects, fmt.Sprintf("(SELECT %s FROM %s WHERE %s)", columns, quoted(table), condition))
		}
	}
	return strings.Join(selects, " UNION ALL ")
}

// paramsOf gives the parameters of a job, "" when they are not kept any more.
func (p *parts) paramsOf(ctx context.Context, id int64) (string, error) {
	from := p.union("jobparameters", "pandaid = $1", "{panda}.jobparamstable", []string{"pandaid", "jobparameters"},
		append([]string{"{arch}.jobparamstable_arch"}, p.layout.detachedFrom("jobparamstable")...)...)
	if from == "" {
		return "", nil
	}
	var out, one string
	err := p.each(ctx, from+" LIMIT 4", []any{id}, []any{orEmpty(&one)}, func() {
		if out == "" {
			out = one
		}
	})
	return out, err
}

func (p *parts) parameters(ctx context.Context) (err error) {
	if p.job.Parameters, err = p.paramsOf(ctx, p.job.ID); err == nil && p.job.Parameters == "" {
		p.note("the job's parameters are not in the database: they are kept for some weeks after the job's end")
	}
	return err
}

func (p *parts) files(ctx context.Context) error {
	from := p.union("lfn, type, dataset, scope, status", "pandaid = $1", "{panda}.filestable4", []string{"pandaid", "lfn", "type", "dataset", "scope", "status"},
		append([]string{"{arch}.filestable_arch"}, p.layout.detachedFrom("filestable4")...)...)
	if from == "" {
		return nil
	}
	var f grid.PandaFile
	err := p.each(ctx, from+" LIMIT $2", []any{p.job.ID, maxFiles + 1}, []any{orEmpty(&f.LFN), orEmpty(&f.Type), orEmpty(&f.Dataset), orEmpty(&f.Scope), orEmpty(&f.Status)},
		func() { p.job.Files = append(p.job.Files, f) })
	if len(p.job.Files) > maxFiles {
		p.job.Files = p.job.Files[:maxFiles]
		p.note("the job has more files than the %d that were read", maxFiles)
	}
	return err
}

func (p *parts) task(ctx context.Context) error {
	if p.job.TaskID <= 0 {
		return nil
	}
	t := grid.PandaTask{}
	if p.has("{panda}.jedi_tasks", "jeditaskid", "taskname", "status", "username", "creationdate", "processingtype") {
		err := p.each(ctx, `SELECT jeditaskid, taskname, status, username, creationdate, processingtype FROM {panda}.jedi_tasks WHERE jeditaskid = $1`,
			[]any{p.job.TaskID}, []any{orZero(&t.ID), orEmpty(&t.Name), orEmpty(&t.Status), orEmpty(&t.UserName), dated(&t.Created), orEmpty(&t.Processing)}, func() {})
		if err != nil {
			return err
		}
	}
	for _, from := range []struct{ table, key, column string }{
		{"{panda}.jedi_taskparams", "jeditaskid", "taskparams"}, {"{deft}.t_task", "taskid", "jedi_task_parameters"},
	} {
		if t.Parameters != "" || !p.has(from.table, from.key, from.column) {
			continue
		}
		err := p.each(ctx, fmt.Sprintf("SELECT %s FROM %s WHERE %s = $1", from.column, from.table, from.key), []any{p.job.TaskID}, []any{orEmpty(&t.Parameters)}, func() {})
		if err != nil {
			return err
		}
	}
	if t.ID == 0 && t.Parameters != "" {
		t.ID = p.job.TaskID
	}
	p.job.Task = t
	return nil
}

// builds finds the job that made the library of this one: by the library's name,
// which is exact; else by the task and the site.
func (p *parts) builds(ctx context.Context) error {
	library := libraryOf(p.job)
	if library == "" {
		return nil
	}
	how, ids := grid.PandaBuildByLibrary, []int64(nil)
	var id int64
	if from := p.union("pandaid", "lfn = $1 AND type = 'output'", "{panda}.filestable4", []string{"pandaid", "lfn", "type"},
		append([]string{"{arch}.filestable_arch"}, p.layout.detachedFrom("filestable4")...)...); from != "" {
		if err := p.each(ctx, from+" LIMIT $2", []any{library, maxLinked}, []any{orZero(&id)}, func() { ids = append(ids, id) }); err != nil {
			return err
		}
	}
	var f filter
	of := condition{sql: "pandaid = ANY(" + f.arg(ids) + ")"}
	if len(ids) == 0 {
		if p.job.TaskID <= 0 {
			return nil
		}
		how, f = grid.PandaBuildByTask, filter{}
		of = condition{sql: "jeditaskid = " + f.arg(p.job.TaskID) + " AND prodsourcelabel = 'panda' AND computingsite = " + f.arg(p.job.Site)}
	}
	found, err := p.store.jobs(ctx, p.layout, p.store.lookUp, &f, of, maxLinked)
	if err != nil {
		return err
	}
	for _, j := range found.jobs {
		parameters, err := p.paramsOf(ctx, j.ID)
		if err != nil {
			return err
		}
		p.job.Builds = append(p.job.Builds, grid.PandaBuild{
			ID: j.ID, Source: j.Source, How: how, Label: j.Label, Transformation: j.Transformation, Site: j.Site, Created: j.Created, Parameters: parameters,
		})
	}
	return nil
}

// owner reads who has the job's name, and that person's other names.
func (p *parts) owner(ctx context.Context) error {
	if p.job.UserName == "" || !p.has(usersTable, "id", "name", "dn", "email", "status", "latestjob") {
		return nil
	}
	all, err := p.store.Accounts(ctx)
	if err != nil {
		return err
	}
	m := p.store.matcher.Owners(p.job.UserName, all)
	for _, a := range m.Exact {
		if a.Name == p.job.UserName {
			p.job.Owner.Accounts = append(p.job.Owner.Accounts, a)
		}
	}
	p.job.Owner.Others = m.SamePerson
	return nil
}

func (p *parts) history(ctx context.Context) error {
	const table = "{panda}.jobs_statuslog"
	if !p.has(table, "pandaid", "modificationtime", "jobstatus", "computingsite") {
		return nil
	}
	var c grid.PandaChange
	return p.each(ctx, `SELECT modificationtime, jobstatus, computingsite FROM `+table+` WHERE pandaid = $1 ORDER BY modificationtime LIMIT $2`,
		[]any{p.job.ID, maxHistory}, []any{dated(&c.At), orEmpty(&c.Status), orEmpty(&c.Site)}, func() { p.job.History = append(p.job.History, c) })
}

func (p *parts) retries(ctx context.Context) error {
	const table = "{panda}.jedi_job_retry_history"
	if !p.has(table, "jeditaskid", "oldpandaid", "newpandaid", "relationtype") || p.job.TaskID <= 0 {
		return nil
	}
	var r grid.PandaRetry
	return p.each(ctx, `SELECT oldpandaid, newpandaid, relationtype FROM `+table+` WHERE jeditaskid = $3 AND (oldpandaid = $1 OR newpandaid = $1) ORDER BY newpandaid LIMIT $2`,
		[]any{p.job.ID, maxLinked, p.job.TaskID}, []any{orZero(&r.Old), orZero(&r.New), orEmpty(&r.Relation)}, func() { p.job.Retries = append(p.job.Retries, r) })
}

func (p *parts) workers(ctx context.Context) error {
	const table = "{panda}.harvester_workers"
	columns := []column{
		{"harvesterid", "text"},
		{"workerid", "bigint"},
		{"status", "text"},
		{"computingsite", "text"},
		{"computingelement", "text"},
		{"batchid", "text"},
		{"nodeid", "text"},
		{"submissionhost", "text"},
		{"submittime", "timestamp"},
		{"starttime", "timestamp"},
		{"endtime", "timestamp"},
		{"stdout", "text"},
		{"stderr", "text"},
		{"batchlog", "text"},
	}
	if !p.has(table, "harvesterid", "workerid") || !p.has("{panda}.harvester_rel_jobs_workers", "harvesterid", "workerid", "pandaid") {
		return nil
	}
	list, missing := p.layout.selection(table, columns)
	for _, why := range missing {
		p.note("not available here: %s", why)
	}
	var w grid.PandaWorker
	return p.each(ctx, `SELECT `+list+` FROM `+table+` w WHERE (harvesterid, workerid) IN
		(SELECT harvesterid, workerid FROM {panda}.harvester_rel_jobs_workers WHERE pandaid = $1) ORDER BY workerid LIMIT $2`,
		[]any{p.job.ID, maxLinked},
		[]any{
			orEmpty(&w.Harvester), orZero(&w.ID), orEmpty(&w.Status), orEmpty(&w.Site), orEmpty(&w.CE), orEmpty(&w.BatchID),
			orEmpty(&w.Node), orEmpty(&w.Submitter), dated(&w.Submitted), dated(&w.Started), dated(&w.Ended),
			orEmpty(&w.Stdout), orEmpty(&w.Stderr), orEmpty(&w.BatchLog),
		}, func() { p.job.Workers = append(p.job.Workers, w) })
}

// uploads reads who put the payload's file onto the cache server: for jobs of JEDI
// it is what is left of the machine that submitted them.
func (p *parts) uploads(ctx context.Context) error {
	const table = "{meta}.usercacheusage"
	file := p.job.Payload().File
	if file == "" || !p.has(table, "username", "filename", "hostname", "creationtime", "filesize", "checksum") {
		return nil
	}
	var u grid.PandaUpload
	return p.each(ctx, `SELECT username, filename, hostname, creationtime, filesize, checksum FROM `+table+` WHERE filename = $1 ORDER BY creationtime DESC LIMIT $2`,
		[]any{file, maxLinked}, []any{orEmpty(&u.UserName), orEmpty(&u.File), orEmpty(&u.Host), dated(&u.At), orZero(&u.Size), orEmpty(&u.Checksum)},
		func() { p.job.Uploads = append(p.job.Uploads, u) })
}

// libraryOf is the library that a job was built with before, "" where it has none.
func libraryOf(j grid.PandaJob) string {
	library := grid.ParsePandaParams(j.Transformation, j.Parameters).Library
	for _, f := range j.Files {
		if library == "" && f.Type == "input" && strings.HasSuffix(f.LFN, ".lib.tgz") {
			library = f.LFN
		}
	}
	return library
}
