package gridtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// What a pilot lives by: GLIDEIN_Max_Walltime, and how many pilots are looked
// back on for the earlier runs of jobs, which bounds what is held in memory.
const (
	maxWalltime = 171_000
	lookBack    = 1_000
)

// visitor is told of everything in the world. A function that is nil is not
// asked; one that returns false ends the walk.
type visitor struct {
	job   func(*job) bool
	pilot func(*pilot, []placed) bool // once no more jobs of it come
}

// placed is a run with its job.
type placed struct {
	job *job
	run run
}

// recent is a pilot of late, on which jobs had earlier runs.
type recent struct {
	pilot *pilot
	runs  []placed
}

// simulation is one walk through the world.
type simulation struct {
	g    *Generator
	v    visitor
	ring []*recent
	next int // in the ring
	jobs int // of the background
	made int // pilots of the background
}

// walk tells v of the planted incidents, then of the background, about in the
// order in which its pilots began.
func (g *Generator) walk(v visitor) {
	s := &simulation{g: g, v: v}
	for _, j := range g.planted.jobs {
		if v.job != nil && !v.job(j) {
			return
		}
	}
	if v.pilot != nil {
		for _, p := range g.planted.pilots {
			if !v.pilot(p, runsIn(p, g.planted.jobs)) {
				return
			}
		}
	}
	s.background()
}

// runsIn are the runs in one pilot.
func runsIn(p *pilot, jobs []*job) []placed {
	var out []placed
	for _, j := range jobs {
		for _, r := range j.runs {
			if r.pilot == p {
				out = append(out, placed{j, r})
			}
		}
	}
	return out
}

func (s *simulation) background() {
	for s.jobs < s.g.config.Jobs {
		p, r := s.pilot()
		cur := &recent{pilot: p}
		if !s.fill(cur, r) {
			return
		}
		if len(s.ring) < lookBack {
			s.ring = append(s.ring, cur)
			continue
		}
		if !s.leave(s.ring[s.next]) {
			return
		}
		s.ring[s.next] = cur
		s.next = (s.next + 1) % lookBack
	}
	for i := range s.ring {
		if !s.leave(s.ring[(s.next+i)%len(s.ring)]) {
			return
		}
	}
}

func (s *simulation) leave(r *recent) bool { return s.v.pilot == nil || s.v.pilot(r.pilot, r.runs) }

// pilot makes the next one. Pilots begin evenly through the days; none in the
// last hours, so that they, too, get jobs before the records end.
func (s *simulation) pilot() (*pilot, *rand.Rand) {
	g, n := s.g, s.made
	s.made++
	r := stream(g.config.Seed, "pilot", uint64(n))
	at := g.sites[pick(r, g.weights)]
	span := float64(g.now - 20*hours - g.begin)
	start := g.begin + int64(span*float64(s.jobs)/float64(g.config.Jobs)) + r.Int64N(2*hours)
	life := maxWalltime - r.Int64N(maxWalltime/10)
	p := newPilot(at, r.IntN(at.nodes), start, life, int64(n), r)
	switch x := r.IntN(100); {
	case x < 4:
		p.valid, p.end = false, p.start+30+r.Int64N(600)
	case x < 7:
		p.killed, p.end = true, p.start+hours+r.Int64N(life-hours)
	case x < 22:
		p.end = p.start + 20*minutes + r.Int64N(8*hours)
	}
	return p, r
}

// newPilot names a pilot. Each schedd of a factory numbers pilots by itself, as
// does each batch system.
func newPilot(at *site, node int, start, life, n int64, r *rand.Rand) *pilot {
	factory := int(n % 4)
	schedd := n % 36
	p := &pilot{
		site: at, node: node, nodes: 1, valid: true, start: start, end: start + life,
		schedd:  fmt.Sprintf("schedd_glideins%d@gfactory-%d.example", 1+schedd/4, 1+factory),
		cluster: 400_000*(schedd+1) + n/36/10, proc: n / 36 % 10,
		factory: []string{"OSG", "CERN-Prod", "UCSD", "FNAL"}[factory],
		client:  "CMSG-v1_0." + []string{"main", "main-token", "t1prod", "overflow"}[r.IntN(4)],
		pid:     1_000 + r.Int64N(4_000_000),
	}
	p.startd = fmt.Sprintf("glidein_%d_%d", p.pid, (r.Int64N(32768)+1000)*(r.Int64N(32768)+2000))
	ce := r.IntN(at.ces)
	p.entry = fmt.Sprintf("CMSHTPC_%s_ce-%d", at.name, ce+1)
	number := 1_000_000 + 37_000*int64(at.number) + n
	switch at.batch {
	case htCondor:
		p.batch, p.queue = fmt.Sprintf("%d.0", number), at.ce(ce)
	case slurm:
		p.batch, p.queue = fmt.Sprint(number), "Unknown"
	case pbs:
		p.batch, p.queue = fmt.Sprintf("%d.%s", number, at.ce(ce)), "cms"
	default:
		p.batch, p.queue = "Unknown", "Unknown"
	}
	return p
}

// fill runs jobs in a pilot's eight cores, one after the other as they come to
// the head of the queue.
func (s *simulation) fill(cur *recent, r *rand.Rand) bool {
	p := cur.pilot
	if !p.valid {
		return true
	}
	var busy [8]run // by slot, with no pilot when free
	var cpus [8]int
	free := 8
	last := max(p.closed(), p.ready()+hours)
	for at := p.ready() + seconds(exponential(r, 2*minutes)); at < min(last, p.end-minutes, s.g.now) && s.jobs < s.g.config.Jobs; {
		j, length := s.newJob(r)
		for free < j.cpus { // until the next one ends
			first := -1
			for k := range busy {
				if busy[k].pilot != nil && (first < 0 || busy[k].end < busy[first].end) {
					first = k
				}
			}
			if first < 0 { // no job has more cores than there are
				return true
			}
			at = max(at, busy[first].end+seconds(exponential(r, 40)))
			free += cpus[first]
			busy[first] = run{}
		}
		for k := range busy {
			if busy[k].pilot != nil && busy[k].end <= at {
				free += cpus[k]
				busy[k] = run{}
			}
		}
		if at >= min(last, p.end-minutes, s.g.now) {
			return true
		}
		k := slices.IndexFunc(busy[:], func(b run) bool { return b.pilot == nil })
		here := run{pilot: p, node: p.node, slot: k + 1, start: at, end: min(at+length, p.end)}
		busy[k], cpus[k] = here, j.cpus
		free -= j.cpus
		s.begin(j, here, r)
		s.jobs++
		if s.v.pilot != nil {
			cur.runs = append(cur.runs, placed{j, here})
		}
		if s.v.job != nil && !s.v.job(j) {
			return false
		}
		at += seconds(exponential(r, 20))
	}
	return true
}

// newJob draws what comes next in the queue, and how long it runs.
func (s *simulation) newJob(r *rand.Rand) (*job, int64) {
	j := &job{cpus: 1, shadows: 1}
	switch x := r.IntN(1000); {
	case x < 650:
		j.kind = analysis
		if r.IntN(100) >= 85 {
			j.cpus = 4 << r.IntN(2)
		}
		switch y := r.IntN(1000); {
		case y < 120:
			j.exit = 8001
			return j, min(20+seconds(exponential(r, 6*minutes)), 21*hours)
		case y < 123:
			return j, between(r, 21*hours, 47*hours)
		}
		return j, min(30+seconds(logNormal(r, 2*hours, 1)), 21*hours+1800)
	case x < 895:
		j.kind, j.cpus = production, 8
		if x >= 860 {
			j.cpus = 4
		}
		return j, min(60+seconds(logNormal(r, 5*hours, 0.7)), 47*hours)
	}
	j.kind = smallProduction
	return j, 20 + seconds(exponential(r, 12*minutes))
}

// begin gives a job that starts its past and its fate.
func (s *simulation) begin(j *job, here run, r *rand.Rand) {
	g := s.g
	j.runs = []run{here}
	if j.removed = r.IntN(1000) < 65; j.removed {
		j.noHook, j.exit = r.IntN(100) == 0, 50666
		j.killedTask = j.kind == analysis && r.IntN(10) < 3
	}
	switch x := r.IntN(100); {
	case x < 5:
		s.earlier(j, 1, r)
	case x < 7:
		s.earlier(j, 2, r)
	}
	j.shadows = len(j.runs)
	if r.IntN(100) < 2 {
		j.shadows++
	}
	j.submitted = j.runs[0].start - queued(r, j.kind)
	j.cluster, j.proc = 30_000_000+int64(s.jobs), int64(r.IntN(10))
	j.number = 1 + r.IntN(5000)
	j.leaves = 1 + seconds(exponential(r, minutes))
	if j.kind == analysis {
		g.crab(j, g.users[pick(r, g.zipf)], r)
		j.twice = r.IntN(100) == 0
		return
	}
	g.produce(j, r)
}

// earlier gives a job runs before its latest one, on pilots of late.
func (s *simulation) earlier(j *job, n int, r *rand.Rand) {
	for range n {
		next := j.runs[0].start
		for range 8 {
			if len(s.ring) == 0 {
				return
			}
			other := s.ring[r.IntN(len(s.ring))]
			p := other.pilot
			from, to := p.ready(), min(p.end, next-2*minutes)
			if !p.valid || to-from < 10*minutes {
				continue
			}
			start := between(r, from, to-5*minutes)
			end := min(start+minutes+seconds(exponential(r, hours)), to)
			before := run{pilot: p, node: p.node, slot: 1 + r.IntN(8), start: start, end: end}
			j.runs = append([]run{before}, j.runs...)
			if s.v.pilot != nil {
				other.runs = append(other.runs, placed{j, before})
			}
			break
		}
	}
}

// queued is how long a job waits: it decides on which day's index its record
// lies, which is that of its submission.
func queued(r *rand.Rand, k jobKind) int64 {
	switch x := r.IntN(100); {
	case x < 40:
		return 30 + r.Int64N(30*minutes)
	case x < 75:
		return min(seconds(logNormal(r, 4*hours, 1)), 3*day)
	case x < 95:
		return between(r, 12*hours, 3*day)
	case k == analysis:
		return between(r, 3*day, 7*day)
	}
	return between(r, 3*day, 30*day)
}

// crab makes a job one of a user's CRAB task.
func (g *Generator) crab(j *job, u *user, r *rand.Rand) {
	j.owner, j.login = u, u.login
	if len(u.dns) > 0 {
		j.dn = u.dns[r.IntN(len(u.dns))]
	}
	begun := u.taskOf(int(mix(uint64(u.address[len(u.address)-1]))%97)+len(u.login), j.submitted)
	j.task = time.Unix(begun, 0).UTC().Format("060102_150405") + ":" + u.login + "_crab_" + []string{"JetHT", "TTbar", "DYJets", "MuonEG", "ZeroBias"}[uint64(begun)%5]
	j.schedd = crabSchedd(int(uint64(begun) % 12))
	for r.IntN(100) >= 85 && j.retry < 3 {
		j.retry++
	}
	j.leaves = minutes + seconds(exponential(r, 8*minutes))
	if r.IntN(10) < 2 { // until CRAB's PostJob is done
		j.leaves = r.Int64N(30 * hours)
	}
}

func crabSchedd(n int) string { return fmt.Sprintf("crab3@vocms%04d.example", 100+n) }

// silentSchedd is one of an institute, whose history nobody was handed.
const silentSchedd = "submit.institute.example"

// produce makes a job one of central production.
func (g *Generator) produce(j *job, r *rand.Rand) {
	agent := r.IntN(30)
	j.schedd = fmt.Sprintf("vocms%04d.example", 200+agent)
	j.dn = "/DC=ch/DC=cern/OU=computers/CN=wmagent/" + j.schedd
	begun := j.submitted / (5 * day) * 5 * day
	j.task = []string{"pdmvserv", "pdmvserv", "cmsunified", "pdmvserv", "reprocessing"}[(begun/day+int64(agent))%5] +
		fmt.Sprintf("_task_HIG-RunIII25-%05d__v1_T_%s_%d", 100+agent, time.Unix(begun+int64(agent)*minutes, 0).UTC().Format("060102_150405"), 1000+agent)
}

// schedds are those whose history was handed over.
func schedds() []string {
	var out []string
	for n := range 12 {
		out = append(out, crabSchedd(n))
	}
	for n := range 30 {
		out = append(out, fmt.Sprintf("vocms%04d.example", 200+n))
	}
	return append(out, twinSchedd)
}

// twinSchedd is a second schedd on the host of a CRAB schedd. Both number their
// jobs alike.
var twinSchedd = strings.TrimPrefix(crabSchedd(1), "crab3@")
