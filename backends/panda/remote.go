package panda

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// Remote is PanDA as it is known without its database: by its monitor, and by its
// server where one is configured. It is safe for concurrent use.
type Remote struct {
	monitor *Monitor
	server  *Server // nil: not configured
	sites   *grid.SiteMap
	queues  queueList
}

// NewRemote asks a monitor, and a server that may be nil. sites may be nil.
func NewRemote(m *Monitor, s *Server, sites *grid.SiteMap) *Remote {
	return &Remote{monitor: m, server: s, sites: sites}
}

// Name is the word for the monitor in answers and for source=. What came from the
// server is said where it is told.
func (r *Remote) Name() string { return r.monitor.Name() }

// Experiment is whose jobs and users these are.
func (r *Remote) Experiment() grid.Experiment { return grid.ATLAS }

// everyField are the columns that are told of a job.
func everyField() []string {
	var probe jobRow
	columns, _ := probe.into()
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

// Job gives all that the server and the monitor know of a job. The error wraps
// [grid.ErrNoPandaJob] when there is none.
func (r *Remote) Job(ctx context.Context, id int64) (grid.PandaJob, error) {
	if id <= 0 {
		return grid.PandaJob{}, fmt.Errorf("panda: job %d: %w", id, grid.ErrNoPandaJob)
	}
	var seen seenJob
	var described *fields
	var seenErr, describedErr error
	var asking sync.WaitGroup
	asking.Go(func() { seen, seenErr = r.monitor.one(ctx, url.Values{"pandaid": {strconv.FormatInt(id, 10)}}) })
	if r.server != nil {
		asking.Go(func() {
			var all []*fields
			if all, describedErr = r.server.describe(ctx, []int64{id}); describedErr == nil {
				described = all[0]
			}
		})
	}
	asking.Wait()
	p := &remoteParts{Remote: r}
	if err := p.begin(id, seen, seenErr, described, describedErr); err != nil {
		return grid.PandaJob{Notes: p.job.Notes}, fmt.Errorf("panda: job %d: %w", id, err)
	}
	p.read(ctx, p.task, p.history, p.owner)
	p.read(ctx, p.builds)
	p.lacking()
	slices.Sort(p.job.Notes)
	p.job.Notes = slices.Compact(p.job.Notes)
	if err := ctx.Err(); err != nil {
		return grid.PandaJob{}, fmt.Errorf("panda: job %d: %w", id, r.monitor.explain(err))
	}
	return p.job, nil
}

// Candidates gives those of ids that are jobs. The server is asked first, which
// reads the tables; the monitor for those that it does not find.
func (r *Remote) Candidates(ctx context.Context, ids []int64) (grid.PandaJobs, error) {
	var out grid.PandaJobs
	missing := slices.Clone(ids)
	if r.server != nil {
		described, err := r.server.describe(ctx, ids)
		if err != nil {
			out.Notes = append(out.Notes, r.server.Name()+" could not be asked: "+sentence(err))
		}
		for _, f := range described {
			if f == nil {
				continue
			}
			j, _, err := f.job(r.server.Name())
			if err != nil {
				out.Notes = append(out.Notes, "a row of "+r.server.Name()+" has a form that is not known and was left out")
				continue
			}
			out.Jobs = append(out.Jobs, j)
			missing = slices.DeleteFunc(missing, func(id int64) bool { return id == j.ID })
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	var words []string
	for _, id := range missing {
		words = append(words, strconv.FormatInt(id, 10))
	}
	list, err := r.monitor.jobs(ctx, url.Values{"pandaid": {strings.Join(words, ",")}}, everyField())
	if err != nil {
		return grid.PandaJobs{}, fmt.Errorf("panda: looking for %d jobs: %w", len(ids), err)
	}
	out.Jobs = append(out.Jobs, list.rows...)
	out.Notes = append(out.Notes, list.notes(r.Name())...)
	out.Notes = append(out.Notes, fmt.Sprintf("%s looks back 180 days for several jobs at once; `job ID` has no such bound", r.Name()))
	out.Notes = compact(out.Notes)
	return out, nil
}

// ByBatch gives the jobs that ran in a batch job, latest first: by the id itself in
// the last 90 days, and by its other spellings in the last 4.
func (r *Remote) ByBatch(ctx context.Context, batch string) (grid.PandaJobs, error) {
	batch = batchSpellings(batch)[0]
	if why := unaskable("batchid", batch); why != "" {
		return grid.PandaJobs{}, trouble.Errorf(nil, "The batch id %q cannot be looked up: %s. Look for the job by its PandaID.", batch, why)
	}
	since := time.Now().UTC().Add(-batchBack)
	list, err := r.monitor.jobs(ctx, url.Values{"batchid": {batch}, "date_from": {monitorTime(since)}}, everyField())
	if err != nil {
		return grid.PandaJobs{}, fmt.Errorf("panda: looking for batch id: %w", err)
	}
	out := grid.PandaJobs{Jobs: list.rows, Cut: list.cut, Notes: append(list.notes(r.Name()), fmt.Sprintf("looked for among the jobs since %s", wording.Minute(since)))}
	if len(out.Jobs) == 0 {
		if list, err = r.monitor.jobs(ctx, url.Values{"batchid": {"*" + batchCore(batch) + "*"}}, everyField()); err != nil {
			return grid.PandaJobs{}, fmt.Errorf("panda: looking for batch id: %w", err)
		}
		out.Cut = list.cut
		for _, j := range list.rows {
			if sameBatch(batch, j) {
				out.Jobs = append(out.Jobs, j)
			}
		}
		out.Notes = append(append(out.Notes, list.notes(r.Name())...), "no job has exactly this batch id; other spellings were looked for among the jobs of the last 4 days",
			notFrom(r.Name(), "jobs by the batch id of their worker of Harvester"))
	}
	if len(out.Jobs) > maxListed {
		out.Jobs, out.Cut = out.Jobs[:maxListed], true
	}
	slices.SortFunc(out.Jobs, func(a, b grid.PandaJob) int { return b.Created.Compare(a.Created) })
	out.Notes = compact(out.Notes)
	return out, nil
}

// monitorTime is a time as the monitor takes it, which is UTC.
func monitorTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05") }

// begin takes the row of a job: the server's, which is that of the tables, or else
// the monitor's. Where both have one, they are compared.
func (p *remoteParts) begin(id int64, seen seenJob, seenErr error, described *fields, describedErr error) error {
	monitor, server := p.monitor.Name(), ""
	if p.server != nil {
		server = p.server.Name()
	}
	var own grid.PandaJob
	var odd []string
	if described != nil {
		if own, odd, describedErr = described.job(server); describedErr != nil {
			describedErr = p.server.explain(errors.Join(errReply, describedErr))
			described = nil
		}
	}
	if seenErr == nil && seen.job.ID != id || described != nil && own.ID != id {
		return trouble.Errorf(nil, "Asked for job %d, the PanDA monitor or server told of another one, so nothing was taken. Ask again.", id)
	}
	switch {
	case described == nil && seenErr != nil:
		return seenErr
	case described == nil:
		p.job = seen.job
		p.notes(monitor, seen.odd)
		if describedErr != nil {
			p.note("%s could not be asked: %s", server, sentence(describedErr))
		} else if p.server != nil {
			p.note("%s does not find the job: it looks back %s", server, lookedBack)
		}
	default:
		p.job = own
		p.job.Parameters, p.job.Files = described.text("jobparameters"), filesOf(described)
		p.notes(server, odd)
		switch {
		case errors.Is(seenErr, grid.ErrNoPandaJob):
			p.note("%s says that there is no such job, and %s has it", monitor, server)
		case seenErr != nil:
			p.note("%s could not be asked: %s", monitor, sentence(seenErr))
		default:
			p.job.Source = server + " and " + monitor
			if differ := disagreements(own, seen.job); len(differ) > 0 {
				p.note("%s and %s disagree on %s: what is shown is %s's", server, monitor, strings.Join(differ, ", "), server)
			}
		}
	}
	if seenErr == nil {
		p.seen = true
		if len(seen.files) > 0 {
			p.job.Files = seen.files
		}
		if seen.worker != nil {
			p.job.Workers = []grid.PandaWorker{*seen.worker}
		}
	}
	return nil
}

// disagreements are the fields in which two rows of one job differ that should not.
// While a job runs, the rest changes between two questions.
func disagreements(a, b grid.PandaJob) []string {
	var out []string
	differ := func(name string, one, other any) {
		if one != other {
			out = append(out, name)
		}
	}
	second := func(t time.Time) int64 { return t.Unix() }
	differ("prodUserName", a.UserName, b.UserName)
	differ("prodUserID", a.UserID, b.UserID)
	differ("prodSourceLabel", a.Label, b.Label)
	differ("jediTaskID", a.TaskID, b.TaskID)
	differ("creationTime", second(a.Created), second(b.Created))
	if a.Live() || b.Live() {
		return out
	}
	differ("jobStatus", a.Status, b.Status)
	differ("computingSite", a.Site, b.Site)
	differ("modificationHost", a.Node, b.Node)
	differ("batchID", a.BatchID, b.BatchID)
	differ("startTime", second(a.Started), second(b.Started))
	differ("endTime", second(a.Ended), second(b.Ended))
	return out
}
