package panda

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// answer is what a source of PanDA's records says to one query.
type answer struct {
	query   grid.Query // with the queues of its sites, and all names of its person
	now     time.Time
	tail    time.Duration
	most    int // sightings
	found   grid.Found
	missing bool // something of the answer is
}

func newAnswer(source string, q grid.Query, tail time.Duration, most int) answer {
	return answer{
		query: q, now: time.Now().UTC(), tail: tail, most: most,
		found: grid.Found{Report: grid.Report{Name: source, Experiment: grid.ATLAS, State: grid.Partial}},
	}
}

// note tells of something that is missing.
func (x *answer) note(format string, args ...any) {
	x.missing = true
	x.tell(format, args...)
}

// tell tells of something that is as it is.
func (x *answer) tell(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); !slices.Contains(x.found.Report.Notes, text) {
		x.found.Report.Notes = append(x.found.Report.Notes, text)
	}
}

// noPilots is the answer to who asks by the pilot of a factory.
func (x *answer) noPilots() grid.Found {
	x.found.Report.State = grid.NotAsked
	x.found.Report.Notes = []string{"PanDA's records name no pilots of glidein factories: ask by the worker node or the site's batch id"}
	return x.found
}

// match asks the rules about every record. names are the users' rows by name.
func (x *answer) match(records []record, names map[string]user) {
	x.found.Report.Records = len(records)
	hostless := 0
	for _, r := range records {
		j := r.job(x.found.Report.Name, names)
		s, ok := match(x.query, j)
		if !ok {
			continue
		}
		if len(j.Hosts) == 0 && (x.query.Kind == grid.ByHost || x.query.Kind == grid.ByIP) {
			if hostless++; hostless > x.most/hostlessShare {
				continue
			}
		}
		x.found.Sightings = append(x.found.Sightings, s)
	}
	if most := x.most / hostlessShare; hostless > most {
		x.note("%d jobs of that time name no worker node, of which only %d are given", hostless, most)
	}
	x.found.Report.Matched = len(x.found.Sightings)
}

// match is [grid.Match] for a job of PanDA's. One without a start was never given to a
// worker node, whatever its status: PanDA sets it when it hands the job out. PanDA's
// records have no addresses: an address finds what runs on the hosts that the site
// map names for it.
func match(q grid.Query, j grid.Job) (grid.Sighting, bool) {
	if j.Start.IsZero() {
		return grid.Sighting{}, false
	}
	s, ok := grid.Match(q, j)
	if ok || q.Kind != grid.ByIP || len(q.Aliases) == 0 || len(j.Hosts) == 0 {
		return s, ok
	}
	q.Kind, q.Host, q.Aliases, q.IP = grid.ByHost, q.Aliases[0], q.Aliases[1:], netip.Addr{}
	s, ok = grid.Match(q, j)
	s.Why = "the site map gives this host the address; " + s.Why
	return s, ok
}

// quiet is how old the newest record may be when all is well: pilots call every
// 30 minutes at the latest, and jobs are made all the time.
const quiet = 2 * time.Hour

// tellBlindSpots says what no record of PanDA can tell, which is not missing.
func (x *answer) tellBlindSpots() {
	if x.query.Kind != grid.ByHost && x.query.Kind != grid.ByIP {
		return
	}
	if !x.query.Window.IsZero() {
		x.tell("jobs that were archived later than %d days after the window, which is longer than jobs last, are not looked for", int(x.tail/(24*time.Hour)))
	}
	x.tell("jobs of Kubernetes queues name their pod, not the worker node: they are not found by it")
}

// lookAgain says when running jobs will have told more: at their pilots' next calls.
func (x *answer) lookAgain() {
	running := 0
	for _, s := range x.found.Sightings {
		if s.Job.Running() && s.Confidence == grid.Possible {
			running++
		}
	}
	if running == 0 {
		return
	}
	x.found.Report.LookAgain = x.now.Add(heartbeat)
	x.found.Report.WouldChange = append(x.found.Report.WouldChange, fmt.Sprintf("%s still to call after the window began; pilots call every %d minutes.", wording.Count(running, "running job's pilot has", "running jobs' pilots have"), int(heartbeat/time.Minute)))
}
