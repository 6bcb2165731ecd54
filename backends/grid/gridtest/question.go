package gridtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Sources are kinds of records.
type Sources uint8

// The kinds of records that a Generator makes.
const (
	ESCMS Sources = 1 << iota
	MONIT
	History
	Epochs
	PilotLogs
)

// String gives their names, with a plus between them.
func (s Sources) String() string {
	var out []string
	for i, name := range []string{"es-cms", "MONIT", "condor_history", "epochs", "pilot logs"} {
		if s>>i&1 == 1 {
			out = append(out, name)
		}
	}
	return strings.Join(out, "+")
}

// Expected is a job that truly ran there then.
type Expected struct {
	Job      string  `json:"job"`            // GlobalJobId
	Person   string  `json:"person"`         // login, or who requested the production
	By       Sources `json:"by"`             // the records in which the job can be seen; none when nobody recorded it
	Pilot    string  `json:"pilot,omitzero"` // of a Question's After: SCHEDD#CLUSTER.PROC
	Disputed bool    `json:"disputed,omitzero"`
}

// Question is what a shifter would ask, with the truth.
type Question struct {
	Incident string     `json:"incident,omitzero"` // "a" to "r"; empty for one of the background
	About    string     `json:"about"`
	Typed    string     `json:"typed"` // host, address, batch id, pilot or login
	Query    grid.Query `json:"query"`
	Truth    []Expected `json:"truth"`
	Never    []string   `json:"never,omitzero"`  // jobs that must not be in the answer at all
	After    []Expected `json:"after,omitzero"`  // whose jobs came to the same pilots when the window was over
	Forged   []string   `json:"forged,omitzero"` // jobs that a worker node invented: possible at most, and only by its word
	Excuse   string     `json:"excuse,omitzero"` // a word that has to be among the notes of an answer that calls itself complete

	ran    func(*job, run) bool // the truth about where
	pilots map[string]bool      // that ran a job of the truth
}

// key names a pilot.
func (p *pilot) key() string { return fmt.Sprintf("%s#%d.%d", p.schedd, p.cluster, p.proc) }

// overlaps tells whether a run met the window.
func (q *Question) overlaps(r run) bool {
	return r.start <= q.Query.Window.To.Unix() && r.end >= q.Query.Window.From.Unix()
}

func (g *Generator) ask(kind grid.QueryKind, typed string, s *site, at int64) Question {
	q := Question{Typed: typed, Query: grid.Query{Kind: kind, Raw: typed, Asked: time.Unix(at, 0).UTC()}}
	if s != nil {
		q.Query.Sites = []string{s.name}
	}
	q.Query.Window, q.Query.Why, q.Query.OpenUntil = grid.NewWindow(q.Query.Asked, 0, time.Time{}, grid.DefaultMargin, g.Now())
	return q
}

func (g *Generator) askHost(s *site, node int, at int64) Question {
	return g.askHostAs(s.host(node), s, node, at)
}

func (g *Generator) askHostAs(typed string, s *site, node int, at int64) Question {
	q := g.ask(grid.ByHost, typed, s, at)
	host, err := grid.ParseHost(typed)
	if err != nil {
		panic(err) // every made up host is one that people can ask for
	}
	q.Query.Host = host
	q.ran = func(_ *job, r run) bool { return r.pilot.site == s && r.node == node }
	return q
}

func (g *Generator) askAddress(s *site, node int, at int64) Question {
	a := s.public(node)
	q := g.ask(grid.ByIP, a.String(), nil, at)
	q.Query.IP = a
	q.ran = func(_ *job, r run) bool { return r.pilot.site.public(r.node) == a }
	return q
}

func (g *Generator) askBatch(p *pilot, at int64) Question {
	q := g.ask(grid.ByBatch, p.batch, p.site, at)
	q.Query.Batch = p.batch
	s, batch := p.site, p.batch
	q.ran = func(_ *job, r run) bool { return r.pilot.site == s && r.pilot.batch == batch }
	return q
}

func (g *Generator) askPilot(p *pilot, at int64) Question {
	id := grid.PilotID{Schedd: p.schedd, Cluster: p.cluster, Proc: p.proc}
	q := g.ask(grid.ByPilotID, id.String(), p.site, at)
	q.Query.Pilot = id
	q.ran = func(_ *job, r run) bool {
		return r.pilot.cluster == id.Cluster && r.pilot.proc == id.Proc && r.pilot.schedd == id.Schedd
	}
	return q
}

func (g *Generator) askUser(u *user, at int64) Question {
	q := g.ask(grid.ByUser, u.login, nil, at)
	q.Query.User = u.login
	q.ran = func(j *job, _ run) bool { return j.login == u.login || j.owner == u }
	return q
}

// background is how many questions are about pilots that were not planted.
const background = 24

// Questions gives those about the planted incidents, in their order, and some
// about the background, with the truth. It walks through the world three times.
func (g *Generator) Questions() []Question {
	all := slices.Concat(g.planted.asked, g.random())
	for i := range all {
		all[i].Truth, all[i].After, all[i].pilots = nil, nil, map[string]bool{}
	}
	g.walk(visitor{job: func(j *job) bool {
		for i := range all {
			g.expect(&all[i], j)
		}
		return true
	}})
	g.walk(visitor{job: func(j *job) bool {
		for i := range all {
			g.expectAfter(&all[i], j)
		}
		return true
	}})
	for i := range all {
		slices.SortFunc(all[i].After, func(a, b Expected) int { return strings.Compare(a.Job, b.Job) })
		slices.SortFunc(all[i].Truth, func(a, b Expected) int { return strings.Compare(a.Job, b.Job) })
	}
	slices.SortStableFunc(all, func(a, b Question) int { return strings.Compare(order(a), order(b)) })
	return all
}

// order puts the background last.
func order(q Question) string {
	if q.Incident == "" {
		return "~"
	}
	return q.Incident
}

// expect adds a job to the truth of a question when it belongs there.
func (g *Generator) expect(q *Question, j *job) {
	var by Sources
	ran := false
	for _, r := range j.runs {
		if q.overlaps(r) && q.ran(j, r) {
			ran = true
			by |= g.seenBy(q, j, r)
			q.pilots[r.pilot.key()] = true
		}
	}
	if ran {
		q.Truth = append(q.Truth, Expected{Job: j.id(), Person: j.person(), By: by, Disputed: j.owner != nil && j.login != j.owner.login})
	}
}

// expectAfter adds a job that came to one of the pilots that were there when the
// window was over, and has not been there itself. Of a run before its last one only
// epochs tell for sure, and they are not looked for then.
func (g *Generator) expectAfter(q *Question, j *job) {
	asked := *q
	switch asked.Query.Kind {
	case grid.ByHost, grid.ByPilotID, grid.ByBatch:
		asked.Query.Kind = grid.ByPilotID
	default:
		return
	}
	for _, r := range j.runs {
		if !q.pilots[r.pilot.key()] || r.start <= q.Query.Window.To.Unix() || slices.ContainsFunc(q.Truth, func(e Expected) bool { return e.Job == j.id() }) {
			continue
		}
		e := Expected{Job: j.id(), Person: j.person(), Pilot: r.pilot.key()}
		if r == j.last() {
			e.By = g.seenBy(&asked, j, r)
		}
		q.After = append(q.After, e)
	}
}

// seenBy gives the records that show a run, or leave it open. A finished job's
// record leaves the earlier runs open; a snapshot of one run says nothing of
// others, nor does it have the site's batch id. The logs of pilots are looked for
// by worker node and pilot; a batch id or an address leads to one only through a
// record of another job in it, and a person's name to none.
func (g *Generator) seenBy(q *Question, j *job, r run) Sources {
	var by Sources
	if g.inESCMS(j) {
		by |= ESCMS
	}
	if g.inHistory(j) {
		by |= History
	}
	if g.hasEpochs(j) && r.end <= g.now {
		by |= Epochs
	}
	_, seen := g.endSeen(j)
	if at := g.firstSnapshot(r); !j.unmonitored && (seen || q.Query.Kind != grid.ByBatch && at < r.end && at <= g.now) {
		by |= MONIT
	}
	named := q.Query.Kind == grid.ByHost || q.Query.Kind == grid.ByPilotID
	if named && g.hasLogs(r.pilot) && r.pilot.hostile == "" && r.end <= g.now {
		by |= PilotLogs
	}
	return by
}

// random asks about pilots of the background: which is drawn from all of them.
func (g *Generator) random() []Question {
	r := stream(g.config.Seed, "questions", 0)
	type drawn struct {
		pilot *pilot
		user  *user
	}
	var sample []drawn
	n := 0
	g.walk(visitor{pilot: func(p *pilot, runs []placed) bool {
		if len(runs) == 0 || p.start < g.begin || p.end > g.now || p.batch == "Unknown" || slices.Contains(g.planted.pilots, p) {
			return true
		}
		d := drawn{pilot: p}
		if i := slices.IndexFunc(runs, func(x placed) bool { return x.job.kind == analysis }); i >= 0 {
			d.user = runs[i].job.owner
		}
		n++
		if len(sample) < background {
			sample = append(sample, d)
		} else if i := r.IntN(n); i < background {
			sample[i] = d
		}
		return true
	}})
	var out []Question
	for i, d := range sample {
		at := d.pilot.start + r.Int64N(d.pilot.end-d.pilot.start)
		var q Question
		switch i % 6 {
		case 3:
			q = g.askBatch(d.pilot, at)
		case 4:
			q = g.askPilot(d.pilot, at)
		case 5:
			if d.user != nil {
				q = g.askUser(d.user, at)
				break
			}
			fallthrough
		default:
			q = g.askHost(d.pilot.site, d.pilot.node, at)
		}
		q.About = fmt.Sprintf("a %s of the background", q.Query.Kind)
		out = append(out, q)
	}
	return out
}
