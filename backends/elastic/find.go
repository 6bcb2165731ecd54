package elastic

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// widening is how far outside of a window snapshots tell about it: two looks at
// the queue, of which MONIT makes one every 12 minutes. What ran in the window was
// seen in it or within one look of it; two allow one that is late.
const widening = 24 * time.Minute

// unplacedShare is the part of an answer that sightings may take which nothing
// ties to the place: they are as many as the pool is large.
const unplacedShare = 5

// jobsAtOnce bounds the names in one query.
const jobsAtOnce = 500

// Sightings implements the source of a trace: the jobs that match, those that
// shared a pilot with jobs on the host, and what of it could not be known.
func (s *Source) Sightings(ctx context.Context, q grid.Query) (grid.Found, error) {
	x := &search{
		source: s, query: q, now: time.Now().UTC(), counted: make([]int, s.walks), by: map[string]int{}, placed: map[string]bool{},
		found: grid.Found{Report: grid.Report{Name: s.Name(), Experiment: grid.CMS, State: grid.Partial}},
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Deadline)
	defer cancel()
	err := x.run(ctx)
	for _, n := range x.counted {
		x.found.Report.Records += n
	}
	x.found.Report.Matched = len(x.found.Sightings)
	if err != nil && x.found.Report.Records > 0 && cutShort(err) {
		x.note("the search was cut after %s, with %d records read: name the site, or ask for a shorter window", s.config.Deadline, x.found.Report.Records)
		err = nil
	}
	if err != nil {
		return x.found, fmt.Errorf("elastic: jobs by %s: %w", q.Kind, err)
	}
	x.judge()
	return x.found, nil
}

// search is the work for one query.
type search struct {
	source *Source
	query  grid.Query
	now    time.Time
	what   server
	plan   *plan
	cover  coverage
	ages   ages

	mu       sync.Mutex
	found    grid.Found
	counted  []int          // records that were looked at, by share
	by       map[string]int // sightings by the run that they show
	placed   map[string]bool
	full     bool
	missing  bool // something of the answer is
	bad      int  // documents that are no records
	noHost   int  // jobs that the record puts on no host
	unplaced int  // sightings that nothing ties to the place
	shadows  int  // jobs that started more than once, perhaps elsewhere
}

// note tells of something that is missing.
func (x *search) note(format string, args ...any) {
	x.missing = true
	x.found.Report.Notes = appendNew(x.found.Report.Notes, fmt.Sprintf(format, args...))
}

func (x *search) run(ctx context.Context) error {
	var err error
	if x.what, err = x.source.asked(ctx); err != nil {
		return err
	}
	names, err := x.source.names(ctx)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return x.source.noIndex()
	}
	x.cover = x.source.cover(names, x.query.Window, x.now)
	if len(x.cover.indices) == 0 {
		x.note("there is no index of the days that were asked about")
		return nil
	}
	if x.plan, err = x.source.plan(ctx, x.cover.indices); err != nil {
		return err
	}
	for _, n := range x.plan.notes {
		x.note("%s", n)
	}
	aged := make(chan error, 1)
	go func() {
		var err error
		x.ages, err = x.source.ages(ctx, x.plan, x.query.Window, x.now)
		aged <- err
	}()
	err = x.records(ctx)
	if aerr := <-aged; aerr != nil {
		x.note("how new its records are could not be told")
	}
	return err
}

// records finds them, in the order in which the rules need them.
func (x *search) records(ctx context.Context) error {
	latest := grid.NarrowLatest(x.query)
	if (x.query.Kind == grid.ByBatch || x.query.Kind == grid.ByPilotID) && x.plan.compares(latest) {
		// The few that it is about come first: the rest may be cut at the deadline.
		if err := x.matching(ctx, x.plan.filter(latest)); err != nil {
			return err
		}
	}
	if err := x.matching(ctx, x.plan.filter(grid.Narrow(x.query))); err != nil {
		return err
	}
	if err := x.bound(ctx); err != nil {
		return err
	}
	return x.onPilots(ctx)
}

// matching looks at the documents that a query finds, and adds what the rules accept.
func (x *search) matching(ctx context.Context, ask query) error {
	return x.walk(ctx, ask, &x.query, false, x.add)
}

// each looks at the jobs of all documents that a query finds, of which there are few.
func (x *search) each(ctx context.Context, ask query, look func(grid.Job)) error {
	return x.walk(ctx, ask, nil, true, func(s grid.Sighting) { look(s.Job) })
}

// walk looks at what a query finds, with the lock held: the sightings that the rules
// make of it for another one, or when there is none all jobs.
func (x *search) walk(ctx context.Context, ask query, only *grid.Query, few bool, look func(grid.Sighting)) error {
	if x.source.kind == Snapshots {
		ask = x.near(ask)
	}
	counted := make([]int, x.source.walks)
	w := &walk{source: x.source, plan: x.plan, ask: ask, parts: x.plan.source, few: few}
	for range x.source.walks {
		w.readers = append(w.readers, reader{source: x.source.Name(), only: only})
	}
	w.look = func(share int, p *page) {
		counted[share] += p.hits
		x.mu.Lock()
		defer x.mu.Unlock()
		x.bad += p.bad
		for _, s := range p.found {
			look(*s)
		}
	}
	w.again = func(share int) { counted[share] = 0 }
	err := w.run(ctx, x.what)
	for i, n := range counted {
		x.counted[i] += n
	}
	for _, t := range w.trouble {
		x.note("%s", t)
	}
	return err
}

// near keeps to snapshots of the time around the window, of jobs that ran then:
// those of a job that ended tell of its earlier runs whenever they were taken.
func (x *search) near(ask query) query {
	w := x.query.Window
	if w.IsZero() {
		return ask
	}
	a, _ := grid.AttributeNamed("RecordTime")
	dated := grid.Condition{Op: grid.Has, Attribute: a}
	status, _ := grid.AttributeNamed("JobStatus") // snapshots of running jobs do not have it
	around := grid.Condition{Op: grid.OnDate, Attribute: a, From: w.From.Add(-widening), To: w.To.Add(widening)}
	near := grid.Condition{Op: grid.AnyOf, Of: []grid.Condition{around, {Op: grid.Not, Of: []grid.Condition{dated}}, {Op: grid.Has, Attribute: status}}}
	return query{"bool": query{"filter": []query{ask, x.plan.filter(near)}}}
}

// add keeps one sighting of each run that a record shows: several documents show
// the same, for the spider sends a job again, and MONIT looks every 12 minutes.
func (x *search) add(s grid.Sighting) {
	key := runOf(&s.Job) + " " + s.Host
	if i, ok := x.by[key]; ok {
		if old := &x.found.Sightings[i]; better(s, *old) {
			*old = s
		}
		return
	}
	if s.Unplaced {
		if x.unplaced++; x.unplaced > x.source.most/unplacedShare {
			return
		}
	}
	if x.full = x.full || len(x.found.Sightings) >= x.source.most; x.full {
		return
	}
	x.by[key] = len(x.found.Sightings)
	if n := len(x.found.Sightings); n == cap(x.found.Sightings) {
		x.found.Sightings = slices.Grow(x.found.Sightings, max(n, 16)) // they are large: to copy them often costs much
	}
	x.found.Sightings = append(x.found.Sightings, s)
	x.placed[s.Job.ID] = true
}

// better prefers, of two documents of one run, a snapshot that is sure of it, and
// the newer one.
func better(s, old grid.Sighting) bool {
	if s.Job.Kind == grid.Snapshot && s.Confidence != old.Confidence {
		return s.Confidence == grid.Confirmed
	}
	return s.Job.Recorded.After(old.Job.Recorded)
}

// runOf names the run that a record shows. A finished job's record is of its
// latest; a snapshot of a job whose start is not known proves its moment only.
func runOf(j *grid.Job) string {
	out := string(j.Experiment) + " " + j.ID + " " + string(j.Kind)
	switch {
	case j.Kind == grid.Finished:
		return out
	case j.Start.IsZero():
		out += " seen " + strconv.FormatInt(j.Recorded.Unix(), 10)
	default:
		out += " " + strconv.FormatInt(j.Start.Unix(), 10)
	}
	if len(j.Hosts) > 0 {
		out += " " + j.Hosts[0].Host
	}
	return out
}

// bound tells the jobs that were seen running what other records know of them:
// that they ended, or ran elsewhere later.
func (x *search) bound(ctx context.Context) error {
	var jobs []*grid.Job
	for i := range x.found.Sightings {
		jobs = append(jobs, &x.found.Sightings[i].Job)
	}
	if err := x.boundedBy(ctx, jobs); err != nil {
		return err
	}
	if slices.ContainsFunc(jobs, func(j *grid.Job) bool { return !j.OverBy.IsZero() }) {
		x.rematch()
	}
	return nil
}

// boundedBy looks for all records of those of some jobs that were seen running.
func (x *search) boundedBy(ctx context.Context, jobs []*grid.Job) error {
	running := map[string][]*grid.Job{}
	var ids []string
	for _, j := range jobs {
		if j.Running() {
			if running[j.ID] == nil {
				ids = append(ids, j.ID)
			}
			running[j.ID] = append(running[j.ID], j)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	field, ok := x.plan.text("GlobalJobId")
	if !ok {
		x.note("the ids of jobs cannot be searched for: jobs that were seen running may have ended since")
		return nil
	}
	for some := range slices.Chunk(ids, jobsAtOnce) {
		err := x.each(ctx, query{"terms": query{field: some}}, func(other grid.Job) {
			for _, j := range running[other.ID] {
				*j = j.BoundedBy(other)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// rematch asks the rules again.
func (x *search) rematch() {
	all := x.found.Sightings
	x.found.Sightings, x.by, x.placed, x.unplaced = nil, map[string]int{}, map[string]bool{}, 0
	for _, s := range all {
		if s, ok := grid.Match(x.query, s.Job); ok {
			x.add(s)
		}
	}
}

// text gives a field by which texts can be compared.
func (p *plan) text(name string) (string, bool) {
	a, _ := grid.AttributeNamed(name)
	for _, f := range p.fields[a] {
		if f.kind == "keyword" && f.searchable && len(p.fields[a]) == 1 {
			return f.name, true
		}
	}
	return "", false
}

// judge says how complete the answer is, and why not.
func (x *search) judge() {
	r, q, c := &x.found.Report, x.query, x.cover
	r.Searched = c.sentence() + " on " + x.what.String()
	if len(q.Sites) > 0 {
		r.Searched += ", jobs that were or may have been at " + strings.Join(q.Sites, ", ")
	}
	r.Newest = x.ages.newest
	x.judgeIndices()
	x.judgeAges()
	if x.bad > 0 {
		x.note("%s could not be read as a job record", wording.Count(x.bad, "document", "documents"))
	}
	if most := x.source.most / unplacedShare; x.unplaced > most {
		x.note("%d jobs had an earlier run that no record places, of which only %d are given", x.unplaced, most)
	}
	if x.full {
		x.note("more than %d jobs match and only so many are given: ask for a shorter window or name the site", x.source.most)
	}
	if !x.missing {
		r.State = grid.Complete
	}
	x.tellBlindSpots()
}

func (x *search) judgeIndices() {
	c := x.cover
	switch {
	case c.first.IsZero():
		x.note("the names of the indices tell no days: whether one is missing cannot be seen")
	case len(c.missing) > 0:
		x.note("there is no index of %s", listed(c.missing))
	}
	if c.gone && x.source.kind == Finished {
		x.note("the indices begin with %s: jobs that were submitted before are not seen", c.first.Format(time.DateOnly))
	} else if c.gone {
		x.note("the indices begin with %s, after the window does", c.first.Format(time.DateOnly))
	}
}

func (x *search) judgeAges() {
	a, w := x.ages, x.query.Window
	switch {
	case a.silent:
		x.note("when its records were written cannot be asked: gaps in them cannot be seen")
	case a.newest.IsZero():
		x.note("no record says when it was written")
	case !w.IsZero() && earlier(w.To, x.now).After(a.newest.Add(late)):
		x.note("its newest record is of %s, before the window ends", wording.Minute(a.newest))
	}
	for i, g := range a.gaps {
		if i == 3 {
			x.note("and in %s more", wording.Count(len(a.gaps)-i, "gap", "gaps"))
			break
		}
		x.note("nothing was recorded from %s to %s: jobs of that time may be missing", wording.Minute(g.From), wording.Minute(g.To))
	}
}

// late is how old the newest record may be when all is well: three looks of the
// spider.
const late = 36 * time.Minute

// tellBlindSpots says what no record of this kind can tell, which is not missing.
func (x *search) tellBlindSpots() {
	tell := func(format string, args ...any) {
		x.found.Report.Notes = append(x.found.Report.Notes, fmt.Sprintf(format, args...))
	}
	for _, s := range x.found.Sightings {
		if !slices.ContainsFunc(s.Job.Hosts, func(h grid.HostClaim) bool { return h.Last }) {
			x.noHost++
		}
		if s.Job.ShadowStarts > 1 {
			x.shadows++
		}
	}
	if x.noHost > 0 {
		tell("%s no host", wording.Count(x.noHost, "record of these names", "records of these name"))
	}
	if x.shadows > 0 {
		tell("%s started more than once (NumShadowStarts), perhaps on other hosts", wording.Count(x.shadows, "job of these", "jobs of these"))
	}
	if x.plan != nil && !x.plan.ignored && x.query.Kind == grid.ByUser {
		tell("names of more letters than the server indexes, which are 256, cannot be searched for")
	}
	tell("jobs that were submitted with CMS_Type DONOTMONIT are in no monitoring of CMS")
}

func appendNew(all []string, s string) []string {
	if slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}
