package pilotlog

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Name is how answers and source= call the pilot logs.
const Name = "cms-pilotlog"

// How logs come to an archive.
const (
	// arrival is how long after its end a pilot's log is there at the latest, by
	// the CMS traceability procedure, with a margin.
	arrival = 45*time.Minute + 15*time.Minute
	// maxLife is how long a pilot lives at most.
	maxLife = 49 * time.Hour
	// runningStep is how long is waited for a pilot that may still run.
	runningStep = 6 * time.Hour
)

// Bounds on one question.
const (
	maxPilots = 300
	maxHeads  = 50_000
	maxKnown  = 100_000 // heads that are remembered
	readers   = 2       // logs read at once; each may need 100 MB at worst
	maxNotes  = 12      // notes about single logs
)

// Logs are all archives. They are safe for concurrent use.
type Logs struct {
	parts  []part
	audits []audit

	mu    sync.Mutex
	heads map[string]heading
}

type part struct {
	config  Config
	archive archive
}

// heading is what the head of a .out says, as long as the file is the same.
type heading struct {
	written time.Time
	hosts   []string
	pilot   grid.Pilot
	started time.Time
	empty   bool
}

// New makes the enricher over archives.
func New(configs []Config) (*Logs, error) {
	l := &Logs{heads: map[string]heading{}}
	for _, c := range configs {
		if c.Audit != "" {
			zone, err := time.LoadLocation(c.Zone)
			if err != nil {
				return nil, trouble.Errorf(err, "There is no time zone %s.", c.Zone)
			}
			l.audits = append(l.audits, audit{c.Audit, c.Site, zone})
			continue
		}
		a, err := c.open()
		if err != nil {
			return nil, err
		}
		l.parts = append(l.parts, part{c, a})
	}
	return l, nil
}

// Name returns Name.
func (l *Logs) Name() string { return Name }

// Experiment returns CMS.
func (l *Logs) Experiment() grid.Experiment { return grid.CMS }

// Check looks whether every archive is there.
func (l *Logs) Check(ctx context.Context) error {
	var all error
	for _, p := range l.parts {
		all = errors.Join(all, p.archive.check(ctx))
	}
	for _, a := range l.audits {
		all = errors.Join(all, a.check())
	}
	return all
}

// Enrich reads the logs of the pilots that were seen. When a worker node or a
// pilot was asked about, it also looks for logs of pilots that no record tells of.
// Jobs that are in a log only are possible sightings; the report says how logs and
// records agree. An error is about an archive; what the others have is given.
func (l *Logs) Enrich(ctx context.Context, q grid.Query, seen []grid.Sighting) (grid.Found, error) {
	if q.Kind == grid.ByUser {
		return grid.Found{Report: grid.Report{State: grid.NotAsked, Notes: []string{"pilot logs are looked through by worker node, pilot, batch id and address, not by a person's name"}}}, nil
	}
	x := &look{logs: l, q: q, seen: seen, now: time.Now().UTC(), addresses: map[grid.PilotID][]netip.Addr{}}
	pilots := grid.PilotsToRead(seen)
	if q.Kind == grid.ByPilotID && len(pilots) == 0 {
		pilots = append(pilots, grid.Pilot{ID: q.Pilot, Entry: strings.TrimPrefix(q.Entry, "entry_")})
	}
	x.remember(seen)
	if len(l.parts) > 0 {
		x.readAll(ctx, pilots)
		if q.Kind == grid.ByHost {
			x.readMore(ctx)
		}
	}
	if q.Kind == grid.ByBatch && !slices.ContainsFunc(seen, func(s grid.Sighting) bool { return s.Confidence == grid.Confirmed }) {
		x.explainBatch(ctx)
	}
	x.readAudits(ctx)
	x.report()
	if x.read+x.lookedAt+x.audits == 0 {
		return x.found, x.failed
	}
	return x.found, nil // what failed is in the report, beside what did not
}

// look is one question being answered.
type look struct {
	logs      *Logs
	q         grid.Query
	seen      []grid.Sighting
	now       time.Time
	addresses map[grid.PilotID][]netip.Addr
	last      map[grid.PilotID]time.Time // when records last saw a pilot

	mu       sync.Mutex
	found    grid.Found
	all      grid.LogAgainstRecords
	notes    []string
	omitted  int      // notes beyond the bound
	lacking  []string // what makes the answer partial
	failed   error
	read     int
	none     int // pilots whose log is not there and will not come
	coming   int // pilots whose log may come
	pilots   int
	places   map[string]bool // that were read
	lookedAt int
	audits   int // audit logs of CEs that were read
}

func (x *look) remember(seen []grid.Sighting) {
	x.last, x.places = map[grid.PilotID]time.Time{}, map[string]bool{}
	for _, s := range seen {
		id := s.Job.Pilot.ID
		for _, t := range []time.Time{s.Job.Start, s.Job.End, s.Job.Recorded} {
			if t.After(x.last[id]) && t.Before(x.now.Add(time.Hour)) {
				x.last[id] = t
			}
		}
		for _, a := range s.Job.Addresses {
			if len(x.addresses[id]) < maxList && !slices.Contains(x.addresses[id], a) {
				x.addresses[id] = append(x.addresses[id], a)
			}
		}
	}
}

// readAll reads the logs of pilots, some at once.
func (x *look) readAll(ctx context.Context, pilots []grid.Pilot) {
	if n := len(pilots) - maxPilots; n > 0 {
		x.lack("the logs of %d more pilots were not looked for: ask for a shorter window", n)
		pilots = pilots[:maxPilots]
	}
	x.pilots += len(pilots)
	work := make(chan grid.Pilot)
	var wg sync.WaitGroup
	for range readers {
		wg.Go(func() {
			for p := range work {
				x.readPilot(ctx, p)
			}
		})
	}
	left := 0
	for _, p := range pilots {
		if ctx.Err() != nil {
			left++
			continue
		}
		work <- p
	}
	close(work)
	wg.Wait()
	if left > 0 {
		x.lack("the time was over before the logs of %d pilots were read", left)
	}
}

// readPilot looks for the log of one pilot in every archive of its factory.
func (x *look) readPilot(ctx context.Context, p grid.Pilot) {
	var places []place
	for _, part := range x.logs.parts {
		if !part.serves(p) {
			continue
		}
		some, err := part.archive.find(ctx, p)
		if err != nil {
			x.fail(part, err)
		}
		places = append(places, some...)
	}
	var logs []candidate
	for _, pl := range places {
		log, err := x.load(ctx, pl)
		if err != nil {
			x.fail(part{}, err)
		}
		if log != nil {
			logs = append(logs, candidate{pl, log})
		}
	}
	// The numbers of pilots repeat among factories. What a log says of its own
	// schedd only chooses among several: else a worker node could hide its log.
	own := slices.DeleteFunc(slices.Clone(logs), func(c candidate) bool { return !c.is(p.ID) })
	if len(own) == 0 {
		own = logs
		for i := range own {
			own[i].log.flaws.add("its .out names another pilot, %s", shown(own[i].log.Pilot.ID.String()))
		}
	}
	if len(own) == 0 {
		x.missing(ctx, p)
		return
	}
	for _, c := range own {
		x.compare(p, c)
	}
}

type candidate struct {
	at  place
	log *Log
}

// is tells whether the log says that it is the pilot's; a log that says nothing may be.
func (c candidate) is(id grid.PilotID) bool {
	said := c.log.Pilot.ID
	if said == (grid.PilotID{}) {
		return true
	}
	host, _ := grid.HostOf(id.Schedd)
	own, _ := grid.HostOf(said.Schedd)
	return said.Cluster == id.Cluster && said.Proc == id.Proc && (id.Schedd == "" || said.Schedd == "" || strings.EqualFold(id.Schedd, said.Schedd) || !strings.Contains(id.Schedd, "@") && grid.SameHost(host, own))
}

// serves tells whether the archive has the logs of the pilot's factory.
func (p part) serves(pilot grid.Pilot) bool {
	host, _ := grid.HostOf(pilot.ID.Schedd)
	return len(p.config.Factories) == 0 || host == "" || slices.ContainsFunc(p.config.Factories, func(f string) bool { return grid.SameHost(strings.ToLower(f), host) })
}

// load reads a place; nil when there is no log yet.
func (x *look) load(ctx context.Context, pl place) (*Log, error) {
	out, errs, err := pl.load(ctx)
	if !written(out) && !written(errs) {
		if errors.Is(err, errNotFile) {
			x.lack("where the log of a pilot should be is a link or a device, which was not read: somebody put it there")
			return nil, nil
		}
		return nil, err
	}
	log, rerr := Read(ctx, out, errs)
	if rerr != nil {
		return nil, rerr
	}
	if err != nil {
		log.short = append(log.short, "one of its two files could not be read")
		if errors.Is(err, errNotFile) {
			log.flaws.add("one of its files is a link or a device, which was not read: somebody put it there")
			err = nil
		}
	}
	if errs == nil {
		log.short = append(log.short, "its .err, with the logs of jobs, is not there")
	}
	return log, err
}

// compare adds what a log says to the answer.
func (x *look) compare(p grid.Pilot, c candidate) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.places[c.at.where] {
		return
	}
	x.places[c.at.where] = true
	x.read++
	x.found.Report.Newest = latest(x.found.Report.Newest, c.at.written)
	if p.Entry == "" {
		p.Entry = c.at.pilot.Entry
	}
	runs := c.log.told(p, x.addresses[p.ID])
	jobs := make([]grid.Job, 0, len(runs))
	doubts := map[string][]string{}
	for _, r := range runs {
		jobs = append(jobs, r.job)
		if key := runKey(r.job); len(r.doubts) > 0 {
			doubts[key] = append(doubts[key], r.doubts...)
		}
		if !c.at.written.IsZero() && r.job.Start.After(c.at.written.Add(slack)) {
			doubts[runKey(r.job)] = append(doubts[runKey(r.job)], "it began after its log was written")
		}
	}
	x.found.Report.Records += len(runs)
	got := grid.CompareWithRecords(x.q, p.ID, x.seen, jobs, Name)
	for _, s := range got.Sightings {
		if d := doubts[runKey(s.Job)]; len(d) > 0 && s.Confidence == grid.Possible {
			s.Why += "; " + strings.Join(d[:min(len(d), 3)], "; ")
		}
		x.found.Sightings = append(x.found.Sightings, s)
	}
	x.all.Both = append(x.all.Both, got.Both...)
	x.all.RecordsOnly = append(x.all.RecordsOnly, got.RecordsOnly...)
	x.all.LogOnly = append(x.all.LogOnly, got.LogOnly...)
	x.all.Elsewhere = append(x.all.Elsewhere, got.Elsewhere...)

	if len(got.Sightings)+len(got.RecordsOnly) > 0 {
		x.exposed(p, c.log, jobs)
	}

	about := func(format string, args ...any) {
		x.note("pilot %s: %s", p.ID, fmt.Sprintf(format, args...))
	}
	for _, s := range c.log.short {
		x.lacks("the logs of some pilots could not be read whole")
		about("%s", s)
	}
	if s := c.log.counted(len(runs)); s != "" {
		x.lacks("the logs of some pilots tell of other numbers of jobs than the pilots counted")
		about("%s", s)
	}
	for _, f := range c.log.flaws.list {
		about("%s", f)
	}
	x.omitted += c.log.flaws.more
	for _, r := range runs {
		// What only lacks an ad is told of the job itself.
		if r.job.Identities == nil {
			continue
		}
		for _, d := range r.doubts {
			about("job %s: %s", shown(r.job.ID), d)
		}
	}
}

// exposed adds who came to a pilot after the window, by its log; mu is held.
func (x *look) exposed(p grid.Pilot, log *Log, jobs []grid.Job) {
	after, _ := grid.Afterwards(x.q, x.seen)
	if after.Window.IsZero() {
		return
	}
	others := slices.DeleteFunc(slices.Clone(jobs), func(j grid.Job) bool {
		return slices.ContainsFunc(x.seen, func(s grid.Sighting) bool { return s.Job.ID == j.ID })
	})
	for _, e := range grid.Exposed(after, []grid.PilotID{p.ID}, others) {
		e.Said = true
		x.found.Exposed = append(x.found.Exposed, e)
	}
	if log.Ended.After(after.Window.From) {
		x.note("pilot %s ended at %s by its log, after the window: whoever was in it until then was exposed", p.ID, log.Ended.Format("2006-01-02T15:04Z"))
	}
}

func runKey(j grid.Job) string { return j.ID + " " + j.Start.String() }

// missing says of a pilot without a log whether it may come.
func (x *look) missing(ctx context.Context, p grid.Pilot) {
	var f fate
	for _, part := range x.logs.parts {
		if !part.serves(p) {
			continue
		}
		g, err := part.archive.fate(ctx, p)
		if err != nil {
			x.fail(part, err)
		}
		if g.known && (!f.known || g.over) {
			f = g
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	last := x.last[p.ID]
	var again time.Time
	switch {
	case !f.ended.IsZero():
		again = f.ended.Add(arrival)
	case f.known && !f.over, !last.IsZero() && last.Add(maxLife+arrival).After(x.now):
		again = x.now.Add(runningStep)
		if f.over { // it ended, nobody knows when: its log is due
			again = x.now.Add(arrival)
		}
		if end := last.Add(maxLife + arrival); !last.IsZero() && end.After(x.now) && end.Before(again) {
			again = end
		}
		if last.Add(maxLife + arrival).Before(x.now) {
			again = time.Time{}
		}
	}
	if !again.After(x.now) {
		x.none++
		return
	}
	x.coming++
	if r := &x.found.Report; r.LookAgain.IsZero() || again.Before(r.LookAgain) {
		r.LookAgain = again
	}
}

// readMore looks for logs of pilots on the host that no record tells of.
func (x *look) readMore(ctx context.Context) {
	until := time.Now().Add(8 * time.Second)
	if end, ok := ctx.Deadline(); ok {
		until = time.Now().Add(time.Until(end) * 6 / 10)
	}
	hint := func(entry string) bool {
		return slices.ContainsFunc(x.q.Sites, func(site string) bool {
			return site != "" && strings.Contains(strings.ToLower(entry), strings.ToLower(site))
		})
	}
	unlisted, empty, unfinished := false, 0, false
	for _, part := range x.logs.parts {
		var found []place
		err := part.archive.list(ctx, x.q.Window.From.Add(-slack), hint, func(pl place) bool {
			x.lookedAt++
			if x.lookedAt > maxHeads || time.Now().After(until) {
				unfinished = true
				return false
			}
			h, herr := x.logs.heading(ctx, part.config.where(), pl)
			switch {
			case herr != nil:
				x.fail(part, herr)
			case h.empty:
				if !pl.written.After(x.q.Window.To) {
					empty++
				}
			case slices.ContainsFunc(h.hosts, x.q.NamesHost) && !h.started.After(x.q.Window.To):
				pl.pilot = merged(pl.pilot, h.pilot)
				found = append(found, pl)
			}
			return ctx.Err() == nil
		})
		switch {
		case errors.Is(err, errNoList):
			unlisted = true
		case err != nil && ctx.Err() == nil:
			x.fail(part, err)
		case ctx.Err() != nil:
			unfinished = true
		}
		x.readPlaces(ctx, found)
	}
	if unfinished {
		x.lack("the time was enough for %d logs only, the others were not searched for this worker node", x.lookedAt)
	}
	if unlisted {
		x.lack("an archive on the web cannot be searched for a worker node: pilots there of which no record tells are not found")
	}
	if empty > 0 && x.q.Window.To.After(x.now.Add(-maxLife-arrival)) {
		x.lack("%d logs are still empty: their pilots run, or ended without a log, and may be on this worker node", empty)
		x.found.Report.WouldChange = append(x.found.Report.WouldChange, "The logs of pilots that still run come up to an hour after the pilot's end.")
	}
}

// merged fills in what the path of a log does not say.
func merged(p, said grid.Pilot) grid.Pilot {
	p.ID.Schedd = said.ID.Schedd
	if p.Entry == "" {
		p.Entry = said.Entry
	}
	if p.Name == "" {
		p.Name = said.Name
	}
	p.Factory, p.Client = said.Factory, said.Client
	return p
}

// readPlaces reads logs that were found by their host.
func (x *look) readPlaces(ctx context.Context, places []place) {
	for i, pl := range places {
		x.mu.Lock()
		known := x.places[pl.where]
		x.mu.Unlock()
		if known {
			continue
		}
		if x.pilots++; x.pilots > maxPilots || ctx.Err() != nil {
			x.lack("%d more logs of pilots on this worker node were not read", len(places)-i)
			return
		}
		log, err := x.load(ctx, pl)
		if err != nil {
			x.fail(part{}, err)
		}
		if log != nil {
			x.compare(pl.pilot, candidate{pl, log})
		}
	}
}

// heading gives what the head of a log says, from memory when it did not change.
func (l *Logs) heading(ctx context.Context, archive string, pl place) (heading, error) {
	key := archive + " " + pl.where
	l.mu.Lock()
	h, ok := l.heads[key]
	l.mu.Unlock()
	if ok && h.written.Equal(pl.written) {
		return h, nil
	}
	if pl.heading != nil {
		return *pl.heading, nil
	}
	var out []byte
	var err error
	if pl.head != nil {
		out, err = pl.head(ctx)
	} else {
		out, _, err = pl.load(ctx)
	}
	if errors.Is(err, errNotFile) {
		return heading{written: pl.written, empty: true}, nil
	}
	if err != nil {
		return heading{}, err
	}
	h = headingOf(out, pl.written)
	if !h.empty {
		l.mu.Lock()
		if len(l.heads) >= maxKnown {
			clear(l.heads)
		}
		l.heads[key] = h
		l.mu.Unlock()
	}
	return h, nil
}

// headingOf reads the beginning of a .out file.
func headingOf(out []byte, at time.Time) heading {
	f := readOut(out[:min(len(out), maxHead)], &flaws{})
	return heading{written: at, hosts: f.Hosts, pilot: f.Pilot, started: f.Started, empty: !written(out)}
}

// fail notes that an archive did not do what it should.
func (x *look) fail(p part, err error) {
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		x.lack("the time was over before every log was read")
		return
	}
	if _, ok := errors.AsType[*trouble.Error](err); !ok {
		err = trouble.Errorf(err, "A log, or a folder of logs, in %s cannot be read. Look whether gridwarden may read it.", p.where())
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.failed = err
	if t, ok := errors.AsType[*trouble.Error](err); ok && len(x.lacking) < maxNotes {
		x.lacks("%s", strings.TrimSuffix(t.Sentence, "."))
	}
}

// lack notes why the answer is partial.
func (x *look) lack(format string, args ...any) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.lacks(format, args...)
}

// lacks is lack for who holds mu.
func (x *look) lacks(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(x.lacking, s) {
		x.lacking = append(x.lacking, s)
	}
}

// note tells something of one log; mu is held.
func (x *look) note(format string, args ...any) {
	s := fmt.Sprintf(format, args...)
	switch {
	case slices.Contains(x.notes, s):
	case len(x.notes) == maxNotes:
		x.omitted++
	default:
		x.notes = append(x.notes, s)
	}
}

// report says how complete the answer is.
func (x *look) report() {
	r := &x.found.Report
	r.Searched = fmt.Sprintf("logs of %s", count(x.read, "pilot", "pilots"))
	if x.lookedAt > 0 {
		r.Searched += fmt.Sprintf(", and %s for the worker node", count(x.lookedAt, "more log", "more logs"))
	}
	if len(x.logs.audits) > 0 {
		r.Searched += fmt.Sprintf(", and %s of CEs", count(x.audits, "audit log", "audit logs"))
	}
	r.Matched = len(x.found.Sightings)
	if x.none > 0 {
		x.lacks("the logs of %s are not there: they were removed, or never came back, as of a pilot that was killed", count(x.none, "pilot", "pilots"))
	}
	if x.coming > 0 {
		x.lacks("the logs of %s are not there yet", count(x.coming, "pilot", "pilots"))
		r.WouldChange = append(r.WouldChange, fmt.Sprintf("The logs of %s are still to come, up to an hour after the pilot's end: ask again after %s.", count(x.coming, "pilot", "pilots"), r.LookAgain.Format("2006-01-02T15:04Z")))
	}
	if len(x.logs.parts) > 0 && x.pilots == 0 && x.q.Kind != grid.ByHost {
		x.lacks("no record names a pilot, so no log was looked for")
	}
	r.State = grid.Complete
	if len(x.lacking) > 0 {
		r.State = grid.Partial
	}
	r.Notes = slices.Concat(x.lacking, x.all.Summary(), x.notes)
	if x.omitted > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("and %s like these", count(x.omitted, "remark", "remarks")))
	}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// where is the archive for people.
func (p part) where() string {
	if p.archive == nil {
		return "an archive of pilot logs"
	}
	return p.config.where()
}
