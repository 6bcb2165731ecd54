package panda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"sync"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// remoteParts fills in what is not in a job's row.
type remoteParts struct {
	*Remote
	job  grid.PandaJob
	seen bool // by the monitor

	mu sync.Mutex // of job.Notes, to which every part may add
}

// read reads some parts side by side, each of which fills in fields of its own. A
// part that fails is told of, and the others stand.
func (p *remoteParts) read(ctx context.Context, some ...func(context.Context) error) {
	var running sync.WaitGroup
	for _, part := range some {
		running.Go(func() {
			if err := part(ctx); err != nil {
				p.note("a part of what is known could not be read: %s", sentence(err))
			}
		})
	}
	running.Wait()
}

func (p *remoteParts) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.job.Notes = append(p.job.Notes, fmt.Sprintf(format, args...))
}

// notes tells which fields have a form that is not known.
func (p *remoteParts) notes(source string, odd []string) {
	for _, name := range odd {
		p.note("%s", notFrom(source, name+" has a form that is not known there"))
	}
}

// lacking says what neither the monitor nor the server tells.
func (p *remoteParts) lacking() {
	if p.server == nil {
		p.note("%s", notFrom(p.Name(), "the job's parameters, and with them its payload and command; "+Setting+".server tells them"))
	} else if p.job.Parameters == "" {
		p.note("the job's parameters are not there: they are kept for some weeks after the job's end")
	}
	p.note("%s", notFrom(p.Name(), "the jobs before and after this one in a chain of retries"))
	p.note("%s", notFrom(p.Name(), "who uploaded the payload, and to which server"))
	if p.seen {
		p.note("%s", notFrom(p.Name(), "of workers of Harvester all but one, and of that one the batch id, node and times"))
	}
}

// task reads the row of the task from the monitor, and its parameters from the server.
func (p *remoteParts) task(ctx context.Context) error {
	if p.job.TaskID <= 0 {
		return nil
	}
	t := grid.PandaTask{}
	var rows []map[string]any
	err := p.monitor.ask(ctx, "tasks/", url.Values{"jeditaskid": {strconv.FormatInt(p.job.TaskID, 10)}, "limit": {"2"}}, func(d *json.Decoder) error {
		rows = nil
		return objects(d, func(object map[string]any) { rows = append(rows, object) })
	})
	for _, object := range rows {
		if f := fieldsOf(object); err == nil && f.number("jeditaskid") == p.job.TaskID {
			t = grid.PandaTask{
				ID: p.job.TaskID, Name: f.text("taskname"), Status: f.text("status"), UserName: f.text("username"),
				Created: f.when("creationdate"), Processing: f.text("processingtype"),
			}
			p.notes(p.Name(), f.odd)
		}
	}
	if p.server != nil {
		var own error
		if t.Parameters, own = p.server.taskParameters(ctx, p.job.TaskID); own != nil {
			err = errors.Join(err, own)
		}
		if t.ID == 0 && t.Parameters != "" {
			t.ID = p.job.TaskID
		}
	}
	p.job.Task = t
	return err
}

// history reads the log of the job's states. The host in it is a server's.
func (p *remoteParts) history(ctx context.Context) error {
	var list []grid.PandaChange
	var odd []string
	err := p.monitor.ask(ctx, "jobstatuslog/"+strconv.FormatInt(p.job.ID, 10)+"/", nil, func(d *json.Decoder) error {
		list, odd = nil, nil
		return objects(d, func(object map[string]any) {
			f := fieldsOf(object)
			c := grid.PandaChange{At: f.when("modificationtime"), Status: f.text("jobstatus"), Site: f.text("computingsite")}
			for _, name := range f.odd {
				odd = appendNew(odd, name+" of the history")
			}
			if len(list) < maxHistory {
				list = append(list, c)
			}
		})
	})
	if err != nil {
		return err
	}
	p.notes(p.Name(), odd)
	p.job.History = list
	return nil
}

// owner is the account of the job's name, as far as it is known: a DN stands only in
// jobs that were submitted without JEDI.
func (p *remoteParts) owner(ctx context.Context) error {
	p.note("%s", notFrom(p.Name(), "e-mail addresses and other names of the submitter; `whois` looks for those among the jobs"))
	if p.job.UserName == "" || p.server == nil {
		return nil // whether the account is banned is not known, and would be shown as not
	}
	banned, err := p.server.BannedNames(ctx)
	if err != nil {
		return err
	}
	a := grid.Account{ID: p.job.UserName, Experiment: p.Experiment(), Name: p.job.UserName, Banned: banned[p.job.UserName], LastSeen: p.job.Created}
	if _, isDN := grid.NormalizeDN(p.job.UserID); isDN {
		a.DN = p.job.UserID
	}
	a.Kind, _ = grid.KindOfUser(a.Name, a.DN, p.sites)
	p.job.Owner.Accounts = []grid.Account{a}
	return nil
}

// builds finds the job that made the library of this one: by the library's name,
// which is exact; else by the task and the site.
func (p *remoteParts) builds(ctx context.Context) error {
	library := libraryOf(p.job)
	if library == "" {
		return nil
	}
	how, jobs := grid.PandaBuildByLibrary, []grid.PandaJob(nil)
	made, err := p.monitor.one(ctx, url.Values{"creator": {library}})
	switch {
	case err == nil:
		jobs = []grid.PandaJob{made.job}
	case !errors.Is(err, grid.ErrNoPandaJob):
		return err
	case p.job.TaskID > 0:
		how = grid.PandaBuildByTask
		list, err := p.monitor.jobs(ctx, url.Values{
			"jeditaskid": {strconv.FormatInt(p.job.TaskID, 10)}, "prodsourcelabel": {"panda"}, "computingsite": {p.job.Site}, "limit": {strconv.Itoa(maxLinked)},
		}, everyField())
		if err != nil {
			return err
		}
		jobs = list.rows
	}
	for _, j := range jobs {
		p.job.Builds = append(p.job.Builds, grid.PandaBuild{
			ID: j.ID, Source: j.Source, How: how, Label: j.Label, Transformation: j.Transformation, Site: j.Site, Created: j.Created,
		})
	}
	return p.parametersOfBuilds(ctx)
}

func (p *remoteParts) parametersOfBuilds(ctx context.Context) error {
	if p.server == nil || len(p.job.Builds) == 0 {
		return nil
	}
	var ids []int64
	for _, b := range p.job.Builds {
		ids = append(ids, b.ID)
	}
	described, err := p.server.describe(ctx, ids)
	if err != nil {
		return err
	}
	for i, f := range described {
		if f != nil {
			b := &p.job.Builds[i]
			b.Parameters, b.Transformation = f.text("jobparameters"), f.text("transformation")
		}
	}
	return nil
}
