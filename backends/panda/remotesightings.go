package panda

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// Sightings implements the source of a trace: the jobs that match, and what of it
// could not be known.
func (r *Remote) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	x := &remoteSearch{Remote: r, answer: newAnswer(r.Name(), q, r.monitor.config.Tail, maxOfMonitor), jobs: map[int64]grid.PandaJob{}}
	if q.Kind == grid.ByPilotID {
		return x.noPilots(), nil
	}
	err := x.run(ctx)
	x.match(x.records(), nil)
	if err != nil {
		return x.found, fmt.Errorf("panda: jobs by %s: %w", q.Kind, err)
	}
	x.judge()
	return x.found, nil
}

// remoteSearch is the work for one query.
type remoteSearch struct {
	*Remote
	answer
	asked []string // how the monitor was asked, for people

	mu      sync.Mutex
	jobs    map[int64]grid.PandaJob
	newest  time.Time
	unknown bool // how new the records are
}

// record is the job's row as a trace reads it. The monitor does not say which table
// it is from.
func recordOf(j grid.PandaJob) record {
	return record{
		live: j.Live(), id: j.ID, userID: j.UserID, user: j.UserName, label: j.Label, submit: j.CreationHost, created: j.Created, modified: j.Modified,
		host: j.Node, start: j.Started, end: j.Ended, queue: j.Site, ce: j.CE, batch: j.BatchID, factory: j.Scheduler, status: j.Status, task: j.TaskID,
	}
}

func (x *remoteSearch) records() []record {
	out := make([]record, 0, len(x.jobs))
	for _, j := range x.jobs {
		out = append(out, recordOf(j))
	}
	slices.SortFunc(out, func(a, b record) int { return int(a.id - b.id) })
	return out
}

func (x *remoteSearch) run(ctx context.Context) error {
	if err := x.addQueues(ctx); err != nil {
		return err
	}
	var questions []url.Values
	switch x.query.Kind {
	case grid.ByHost:
		questions = x.byHosts(append([]string{x.query.Host}, x.query.Aliases...))
	case grid.ByIP:
		questions = x.byHosts(append([]string{x.query.IP.String()}, x.query.Aliases...))
	case grid.ByBatch:
		questions = x.byBatch()
	case grid.ByUser:
		questions = x.byUser()
	case grid.ByPilotID:
	}
	return x.ask(ctx, questions)
}

// addQueues adds the queues of the sites that are asked about: a job's record has its
// queue, not its site. The monitor's own condition of a site is not used: where it
// knows no such site it leaves the condition out and gives the jobs of all.
func (x *remoteSearch) addQueues(ctx context.Context) error {
	own := slices.Clone(x.query.Sites)
	for _, site := range x.query.Sites {
		queues, err := x.queues.of(ctx, x.monitor, site)
		if err != nil {
			return err
		}
		for _, queue := range queues {
			if !slices.ContainsFunc(own, func(s string) bool { return strings.EqualFold(s, queue) }) {
				own = append(own, queue)
			}
		}
	}
	x.query.Sites = own
	return nil
}

// ask asks all questions side by side, each for the rows of the time, and keeps every
// job once.
func (x *remoteSearch) ask(ctx context.Context, questions []url.Values) error {
	bounded := x.inTime(questions)
	errs := make([]error, len(bounded)+1)
	var asking sync.WaitGroup
	for i, q := range bounded {
		asking.Go(func() {
			list, err := x.monitor.jobs(ctx, q, traced)
			x.add(list)
			errs[i] = err
		})
	}
	asking.Go(func() {
		newest, err := x.monitor.Newest(ctx)
		x.mu.Lock()
		defer x.mu.Unlock()
		x.newest, x.unknown = newest, err != nil
	})
	asking.Wait()
	return firstCause(errs)
}

// traced are the fields of a job that a trace needs.
var traced = append([]string{"jobsubstatus"}, namesOf(recordColumns)...)

func namesOf(columns []column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

func (x *remoteSearch) add(list jobList) {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, j := range list.rows {
		if old, twice := x.jobs[j.ID]; !twice || j.Modified.After(old.Modified) {
			x.jobs[j.ID] = j
		}
	}
	for _, note := range list.notes(x.Name()) {
		x.note("%s", note)
	}
	if list.cut {
		x.note("%d rows and perhaps more match one of the questions, and the monitor was asked for no more: ask for a shorter window or name the site", len(list.rows)+list.unknown)
	}
}

// judge says how complete the answer is, and why not.
func (x *remoteSearch) judge() {
	r, w := &x.found.Report, x.query.Window
	r.Searched = "the jobs that " + x.Name() + " lists"
	if len(x.asked) > 0 {
		r.Searched += ", " + strings.Join(x.asked, ", and those ")
	}
	if !w.IsZero() {
		r.Searched += fmt.Sprintf(", written from %s, those of ended jobs until %s", wording.Minute(w.From.Add(-contradiction)), wording.Minute(w.To.Add(x.tail)))
	}
	if len(x.query.Sites) > 0 {
		r.Searched += ", at " + wording.Some(x.query.Sites, mostNamed)
	}
	x.judgeAge()
	if x.query.Kind == grid.ByIP && len(x.query.Aliases) == 0 {
		x.note("PanDA records no addresses: only jobs whose worker node goes by the address itself can be found; trace HOST TIME finds them by its name")
	}
	if !x.missing {
		r.State = grid.Complete
	}
	x.tell("%s", notFrom(x.Name(), "the DNs of people but for jobs that were submitted without JEDI, and how far back its records go"))
	x.tellBlindSpots()
	x.lookAgain()
}

func (x *remoteSearch) judgeAge() {
	r := &x.found.Report
	r.Newest = x.newest
	until := x.query.Window.To
	if until.IsZero() || until.After(x.now) {
		until = x.now
	}
	switch {
	case x.unknown:
		x.note("how new its records are could not be told")
	case x.newest.IsZero():
		x.note("it has no running job: nothing runs, or it is not kept up to date")
	case until.After(x.newest.Add(quiet)):
		x.note("the newest record of a running job was written at %s: nothing ran since, or the monitor is not kept up to date", wording.Minute(x.newest))
	}
}
