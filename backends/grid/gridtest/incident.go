package gridtest

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// planted are the incidents: pilots and jobs in them, and what would be asked.
type planted struct {
	missingDay string // whose index of es-cms is missing
	pilots     []*pilot
	jobs       []*job
	asked      []Question
	forged     *job // that a forged log claims
}

// planter puts incidents into a world. Their hosts are ones of the background,
// too, so that there are always others to mix people up with.
type planter struct {
	g       *Generator
	r       *rand.Rand
	out     planted
	numbers int64
	people  []*user // with a DN of CERN, of which the login can be read
	next    int
}

func (g *Generator) plant() *planted {
	b := &planter{g: g, r: stream(g.config.Seed, "planted", 0)}
	for _, u := range g.users[50:] {
		if len(u.dns) == 1 && strings.Contains(u.dns[0], "/OU=Users/") {
			b.people = append(b.people, u)
		}
	}
	noon := (g.begin+2*day)/day*day + 12*hours
	b.out.missingDay = indexDay(noon)
	b.lateStart(b.at(23))
	b.lastSecond(b.at(0))
	b.removed(b.at(1))
	b.evicted(b.at(2))
	b.spellings(b.at(3))
	b.sameBatch(b.at(4))
	b.neighbours(b.at(5))
	b.acrossPilot(b.at(6))
	b.clockChange()
	b.missingIndex(b.at(8), noon)
	b.repeated(b.at(9))
	b.running(g.now - 5*hours)
	b.twinSchedds(b.at(10))
	b.unmonitored(b.at(11))
	b.impostor(b.at(12))
	b.killedTask(b.at(13))
	b.manyNodes(b.at(14))
	b.hostileLogs(b.at(15))
	return &b.out
}

// at gives the times of incidents, three hours apart from the fifth day on.
func (b *planter) at(n int64) int64 { return b.g.begin + 4*day + n*3*hours }

func (b *planter) person() *user {
	u := b.people[b.next%len(b.people)]
	b.next++
	return u
}

// pilot plants one, 47 h long. Its numbers are beyond those of the background.
func (b *planter) pilot(site string, node int, start int64) *pilot {
	p := newPilot(b.g.site(site), node, start, 47*hours, 3_600_000+b.numbers, b.r)
	b.numbers++
	b.out.pilots = append(b.out.pilots, p)
	return p
}

// job plants one of a person's CRAB jobs, submitted 20 minutes before it began.
func (b *planter) job(u *user, p *pilot, start, length int64) *job {
	j := &job{cpus: 1, shadows: 1, submitted: start - 20*minutes}
	j.runs = []run{{pilot: p, node: p.node, slot: 1 + int(b.numbers%7), start: start, end: start + length}}
	b.g.crab(j, u, b.r)
	b.numbers++
	j.cluster, j.leaves, j.retry = 20_000_000+b.numbers, 10*minutes, 0
	b.out.jobs = append(b.out.jobs, j)
	return j
}

func (b *planter) ask(incident, about string, q Question) {
	q.Incident, q.About = incident, about
	b.out.asked = append(b.out.asked, q)
}

func (b *planter) lateStart(at int64) {
	p := b.pilot(siteDESY, 1, at-2*hours)
	j := b.job(b.person(), p, at+hours, 3*hours)
	j.submitted = at - 6*day
	b.ask("a", "the job was submitted 6 days before it ran: its document lies in that day's index", b.g.askHost(p.site, 1, at))
}

func (b *planter) lastSecond(at int64) {
	end := at + 48*hours
	p := b.pilot(siteDESY, 2, end-2*hours)
	b.job(b.person(), p, end-1, 40*hours)
	b.ask("b", "the job began one second before the window's end and ended 40 h after it", b.g.askHost(p.site, 2, at))
}

func (b *planter) removed(at int64) {
	p := b.pilot("T2_US_Florida", 3, at-hours)
	j := b.job(b.person(), p, at+10*minutes, 50*minutes)
	j.removed, j.exit = true, 50666
	j = b.job(b.person(), p, at+20*minutes, 70*minutes)
	j.removed, j.noHook, j.exit = true, true, 50666
	b.ask("c", "the attackers' jobs were removed: no CompletionDate, one without any note of its end", b.g.askHost(p.site, 3, at))
}

func (b *planter) evicted(at int64) {
	first, second := b.pilot(siteUCSD, 4, at-hours), b.pilot(siteDESY, 4, at+4*hours)
	j := b.job(b.person(), first, at+hours, 2*hours)
	j.runs = append(j.runs, run{pilot: second, node: 4, slot: 3, start: at + 5*hours, end: at + 9*hours})
	j.shadows = 2
	b.ask("d", "the attacker's job was evicted and ran again at another site, whose host its record has", b.g.askHost(first.site, 4, at))
}

func (b *planter) spellings(at int64) {
	p := b.pilot(siteUCSD, 7, at-hours)
	b.job(b.person(), p, at+hours, 2*hours)
	host := p.site.host(7)
	short, _, _ := strings.Cut(host, ".")
	for _, typed := range []string{short, strings.ToUpper(host)} {
		b.ask("e", "the host was given as "+typed, b.g.askHostAs(typed, p.site, 7, at))
	}
	b.ask("e", "only the host's address was given", b.g.askAddress(p.site, 7, at))
}

func (b *planter) sameBatch(at int64) {
	const batch = "1924637"
	p, other := b.pilot(siteLisbon, 5, at-hours), b.pilot(siteRWTH, 5, at-hours)
	p.batch, other.batch = batch, batch
	b.job(b.person(), p, at+hours, 2*hours)
	innocent := b.job(b.person(), other, at+hours, 2*hours)
	q := b.g.askBatch(p, at)
	q.Never = []string{innocent.id()}
	b.ask("f", "SLURM gave the same job id at two sites", q)
}

func (b *planter) neighbours(at int64) {
	p, ten := b.pilot(siteUCSD, 1, at-hours), b.pilot(siteUCSD, 10, at-hours)
	b.job(b.person(), p, at+hours, 2*hours)
	innocent := b.job(b.person(), ten, at+hours, 2*hours)
	q := b.g.askHost(p.site, 1, at)
	q.Never = []string{innocent.id()}
	b.ask("g", "a node whose name is the beginning of another's", q)
}

func (b *planter) acrossPilot(at int64) {
	p := b.pilot("T2_US_Wisconsin", 6, at-10*hours)
	before := b.job(b.person(), p, at-8*hours, 7*hours)
	shortly := b.job(b.person(), p, at-5*hours, 5*hours-20*minutes)
	b.job(b.person(), p, at-hours, 3*hours)
	b.job(b.person(), p, at+5*hours, hours)
	// A pilot of another factory's schedd has the same number, elsewhere.
	twin := b.pilot(siteDESY, 6, at-10*hours)
	twin.cluster, twin.proc = p.cluster, p.proc
	other := b.job(b.person(), twin, at+hours, hours)
	for _, q := range []Question{b.g.askHost(p.site, 6, at), b.g.askPilot(p, at)} {
		q.Never = []string{before.id(), shortly.id(), other.id()}
		b.ask("h", "the pilot ran from before the time asked about: who was done by then is innocent", q)
	}
}

// clockChange plants two jobs in the hour that Europe's clocks show twice.
func (b *planter) clockChange() {
	at := b.at(7)
	for d := b.at(0) / day * day; d+3*day < b.g.now; d += day {
		if t := time.Unix(d, 0).UTC(); t.Weekday() == time.Sunday && t.Month() == time.October && t.AddDate(0, 0, 7).Month() == time.November {
			at = d + hours + 30*minutes
		}
	}
	p := b.pilot(siteDESY, 8, at-3*hours)
	summer := b.job(b.person(), p, at-70*minutes, 30*minutes)
	b.job(b.person(), p, at-20*minutes, 40*minutes)
	q := b.g.askHost(p.site, 8, at)
	q.Never = []string{summer.id()}
	b.ask("i", "02:30 CET in the night in which the clocks went back: an hour before it was 02:30 CEST", q)
}

func (b *planter) missingIndex(at, submitted int64) {
	p := b.pilot("T2_US_Nebraska", 7, at-hours)
	j := b.job(b.person(), p, at+hours, 3*hours)
	j.submitted = submitted
	b.ask("j", "the index of the day on which the job was submitted is missing", b.g.askHost(p.site, 7, at))
}

func (b *planter) repeated(at int64) {
	p := b.pilot("T2_US_Purdue", 8, at-hours)
	j := b.job(b.person(), p, at+hours, 2*hours)
	j.twice = true
	j = b.job(b.person(), p, at+hours, 3*hours)
	j.removed, j.noHook, j.exit, j.again = true, true, 50666, 3
	b.ask("k", "one document came twice, and a removed job has four", b.g.askHost(p.site, 8, at))
}

func (b *planter) running(at int64) {
	p := b.pilot("T2_US_MIT", 9, at-5*hours)
	b.job(b.person(), p, at+hours, 10*hours)
	b.ask("l", "the job still runs: only MONIT knows it", b.g.askHost(p.site, 9, at))
}

func (b *planter) twinSchedds(at int64) {
	p := b.pilot("T2_US_Vanderbilt", 10, at-hours)
	one, two := b.job(b.person(), p, at+hours, 2*hours), b.job(b.person(), p, at+hours+minutes, 2*hours)
	one.schedd, two.schedd = crabSchedd(1), twinSchedd
	two.cluster, two.proc = one.cluster, one.proc
	b.ask("m", "two schedds on one machine gave their jobs the same number", b.g.askHost(p.site, 10, at))
}

func (b *planter) unmonitored(at int64) {
	p := b.pilot("T2_US_Caltech", 11, at-hours)
	b.job(b.person(), p, at+hours, 2*hours)
	j := b.job(b.person(), p, at+2*hours, 2*hours)
	j.unmonitored, j.schedd = true, silentSchedd
	q := b.g.askHost(p.site, 11, at)
	q.Excuse = "DONOTMONIT"
	b.ask("n", "the job asked not to be monitored: only the pilot's log has it", q)
}

func (b *planter) impostor(at int64) {
	p := b.pilot("T2_IT_Legnaro", 5, at-hours)
	thief, victim := b.person(), b.person()
	j := b.job(thief, p, at+hours, 2*hours)
	j.login = victim.login
	j.task = strings.Replace(j.task, ":"+thief.login+"_", ":"+victim.login+"_", 1)
	b.ask("o", "the job claims one login and carries another person's proxy", b.g.askHost(p.site, 5, at))
}

func (b *planter) killedTask(at int64) {
	p := b.pilot("T2_UK_London_IC", 6, at-hours)
	j := b.job(b.person(), p, at+hours, 3*hours)
	j.removed, j.killedTask, j.exit, j.leaves = true, true, 50666, 30*hours
	b.ask("p", "the attacker's task was killed: MONIT has its job as removed, es-cms never got it", b.g.askHost(p.site, 6, at))
}

func (b *planter) manyNodes(at int64) {
	p := b.pilot(siteNERSC, 3, at-hours)
	p.nodes = 4
	for n := range 4 {
		j := b.job(b.person(), p, at+hours+int64(n)*minutes, 2*hours)
		j.runs[0].node = p.node + n
	}
	b.ask("q", "the pilot had four nodes, one log for all", b.g.askPilot(p, at))
	b.ask("q", "one of the pilot's four nodes", b.g.askHost(p.site, 4, at))
}

func (b *planter) hostileLogs(at int64) {
	elsewhere := b.job(b.person(), b.pilot("T2_FR_GRIF", 3, at-hours), at+hours, 2*hours)
	for n, how := range []string{forgedLog, garbageLog, bombLog} {
		p := b.pilot("T2_ES_CIEMAT", 1+n, at-hours)
		p.hostile = how
		b.job(b.person(), p, at+hours, 2*hours)
		q := b.g.askPilot(p, at)
		if q.Never = []string{elsewhere.id()}; how == forgedLog {
			q.Forged, q.Never = q.Never, nil
		}
		b.ask("r", fmt.Sprintf("the pilot's log is %s: what the records say stands", how), q)
	}
	b.out.forged = elsewhere
}

// What hostile machines make of pilot logs.
const (
	forgedLog  = "forged"
	garbageLog = "garbage"
	bombLog    = "a gzip bomb"
)
