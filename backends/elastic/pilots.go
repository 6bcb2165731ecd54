package elastic

import (
	"context"
	"slices"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// pilotsAtOnce bounds the pilots in one query.
const pilotsAtOnce = 50

// onPilots looks at the jobs of the pilots that surely were at the place. Of a host
// they tell who may have been there under a name that says nothing, and where else
// the pilots were; and they tell who came to the pilots after the window. It is one
// question for all of that, as each costs a server much before it finds anything.
// Without the second part nobody of the window is missing, which is said.
func (x *search) onPilots(ctx context.Context) error {
	after, later := grid.Afterwards(x.query, x.found.Sightings)
	if !after.Window.From.Before(x.now) {
		later = nil
	}
	host := x.query.Kind == grid.ByHost
	pilots := later
	y := &search{source: x.source, query: after, now: x.now, what: x.what, plan: x.plan, counted: x.counted}
	if host {
		pilots = grid.PilotsOf(x.found.Sightings)
		y.query.Window.From = x.query.Window.From
	}
	if len(pilots) == 0 {
		return nil
	}
	came := exposed{after: after, seen: map[cameTo]bool{}}
	var err error
	for some := range slices.Chunk(pilots, pilotsAtOnce) {
		if err = x.onSome(ctx, y, some, &came); err != nil {
			break
		}
	}
	x.found.Exposed = came.find(later, x.placed)
	if len(later) > 0 && (err != nil || y.missing) {
		x.found.Report.Notes = appendNew(x.found.Report.Notes, "whoever came to these pilots after the window, and was exposed there, could not all be looked for")
	}
	if !host {
		return nil
	}
	x.bad += y.bad
	for _, n := range y.found.Report.Notes {
		x.note("%s", n)
	}
	return err
}

// onSome looks at the jobs of some pilots, as y, whose time is wider. Neither time
// nor site is asked for: a server compares both in many fields of all documents,
// and those of a pilot are few. Where it cannot compare the pilots they are all that
// there is to ask for.
func (x *search) onSome(ctx context.Context, y *search, pilots []grid.PilotID, came *exposed) error {
	q := x.query
	q.Kind = grid.ByPilotID
	host := x.query.Kind == grid.ByHost
	var mates runs
	ask := grid.NarrowPilots(pilots)
	if !x.plan.compares(ask) {
		around := grid.Narrow(grid.Query{Window: y.query.Window, Sites: q.Sites})
		ask = grid.Condition{Op: grid.All, Of: []grid.Condition{ask, around}}
	}
	err := y.each(ctx, x.plan.filter(ask), func(j grid.Job) {
		if x.placed[j.ID] {
			return
		}
		if host && mayBeMate(q, pilots, j) {
			mates.add(j)
		}
		came.add(pilots, j)
	})
	if err != nil {
		return err
	}
	if err := x.boundedBy(ctx, mates.jobs); err != nil {
		return err
	}
	for _, id := range pilots {
		q.Pilot = id
		for _, j := range mates.jobs {
			x.mate(q, *j)
		}
	}
	return nil
}

// exposed are the jobs that may have come to some pilots after the window.
type exposed struct {
	after grid.Query // see grid.Afterwards
	jobs  []grid.Job
	seen  map[cameTo]bool // MONIT looks at a run every 12 minutes
}

// cameTo is one run of a job.
type cameTo struct {
	job string
	grid.Exposure
}

func (c *exposed) add(pilots []grid.PilotID, j grid.Job) {
	for _, e := range grid.Exposed(c.after, pilots, []grid.Job{j}) {
		if run := (cameTo{j.ID, e}); !c.seen[run] {
			c.seen[run] = true
			c.jobs = append(c.jobs, j)
		}
	}
}

// find gives who was exposed on some pilots by jobs that are not in the answer.
func (c *exposed) find(pilots []grid.PilotID, placed map[string]bool) []grid.Exposure {
	c.jobs = slices.DeleteFunc(c.jobs, func(j grid.Job) bool { return placed[j.ID] })
	return grid.Exposed(c.after, pilots, c.jobs)
}

// mayBeMate keeps what the rules may take for a mate of one of the pilots.
func mayBeMate(q grid.Query, pilots []grid.PilotID, j grid.Job) bool {
	return slices.ContainsFunc(pilots, func(id grid.PilotID) bool {
		q.Pilot = id
		_, follow, ok := grid.MatchMate(q, j)
		return ok || follow != (grid.FollowOn{})
	})
}

func (x *search) mate(q grid.Query, j grid.Job) {
	if x.placed[j.ID] {
		return
	}
	s, follow, ok := grid.MatchMate(q, j)
	if ok {
		x.add(s)
	}
	if follow != (grid.FollowOn{}) && !slices.Contains(x.found.FollowOn, follow) {
		x.found.FollowOn = append(x.found.FollowOn, follow)
	}
}

// runs keeps records, of the many that show one run going on the newest, which
// proves what each of them does.
type runs struct {
	jobs []*grid.Job
	by   map[string]*grid.Job
}

func (r *runs) add(j grid.Job) {
	if !j.Running() || j.Start.After(j.Recorded) {
		r.jobs = append(r.jobs, &j)
		return
	}
	key := runOf(&j)
	if old := r.by[key]; old != nil {
		if j.Recorded.After(old.Recorded) {
			*old = j
		}
		return
	}
	if r.by == nil {
		r.by = map[string]*grid.Job{}
	}
	r.by[key] = &j
	r.jobs = append(r.jobs, &j)
}
