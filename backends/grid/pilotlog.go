package grid

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// logSlack is how far the start of a run in a pilot's log may be from the one in
// a record: the clocks of worker nodes are off by so much.
const logSlack = 2 * time.Minute

// PilotRun is one run of a job as the log of its pilot tells it.
type PilotRun struct {
	Pilot     Pilot
	Site      string
	Hosts     []string     // on which the pilot ran; several for one that spans machines
	Addresses []netip.Addr // that the records know of the pilot
	Schedd    string       // host of the schedd that sent the job, "" when the log does not say
	Cluster   int64
	Proc      int64
	Start     time.Time // zero when unknown
	End       time.Time // zero when unknown
	EndField  string    // which line gave End
	Field     string    // which log names Hosts; "" for the pilot's own
}

// JobFromPilotLog makes a job of a run. ad is the job's ad in the pilot's
// StartdHistoryLog; nil when the log has none, and then nobody is named. All of it
// is the worker node's word, also what a schedd would vouch for elsewhere.
func JobFromPilotLog(ad map[string]any, run PilotRun, source string) (Job, error) {
	j, err := jobOfRun(ad, run, source)
	if err != nil {
		return Job{}, err
	}
	if j.Type == "" && slices.ContainsFunc(j.Identities, func(id Identity) bool { return id.Kind == "crab" }) {
		j.Type = "analysis"
	}
	j.Kind, j.Status = Epoch, ""
	j.Pilot, j.Site, j.EarlierSites, j.Addresses = run.Pilot, run.Site, nil, slices.Clone(run.Addresses)
	if len(run.Hosts) > 0 {
		j.Hosts = nil
		for _, h := range run.Hosts {
			j.addHost(h, orElse(run.Field, "the pilot's log"), true)
		}
	}
	j.Start, j.End, j.EndField = run.Start, run.End, run.EndField
	j.FirstStart, j.PreviousStart, j.Starts, j.ShadowStarts, j.LostWall = time.Time{}, time.Time{}, 0, 0, 0
	j.Recorded = later(j.Start, j.End)
	j.Identities = onPilotsWord(j.Identities)
	return j, nil
}

func jobOfRun(ad map[string]any, run PilotRun, source string) (Job, error) {
	switch {
	case ad != nil:
		return JobFromRecord(ad, source)
	case run.Schedd == "":
		return Job{}, ErrNoJobID
	}
	return Job{ID: jobNumber(run.Schedd, run.Cluster, run.Proc), Experiment: CMS, Source: source, Schedd: run.Schedd, Cluster: run.Cluster, Proc: run.Proc}, nil
}

func onPilotsWord(all []Identity) []Identity {
	out := slices.Clone(all)
	for i := range out {
		out[i].AssertedBy = ByPilot
	}
	return out
}

// MatchPilotLog is Match for a job of a pilot's log. It is never more than
// possible: who had the worker node could have written it.
func MatchPilotLog(q Query, j Job) (Sighting, bool) {
	s, ok := Match(q, j)
	if !ok {
		return Sighting{}, false
	}
	s.Confidence = Possible
	s.Why += "; only a log says so, on the word of the worker node"
	return s, true
}

// PilotsToRead gives the pilots whose logs may say more about what was seen, each
// once, with the best that the records say of it: those that ran a confirmed job,
// then those of jobs whose record names no host, for the log does.
func PilotsToRead(seen []Sighting) []Pilot {
	var out []Pilot
	take := func(p Pilot) {
		if p.ID == (PilotID{}) {
			return
		}
		i := slices.IndexFunc(out, func(o Pilot) bool { return samePilot(o.ID, p.ID) })
		if i < 0 {
			out = append(out, p)
			return
		}
		for _, f := range []struct{ have, more *string }{
			{&out[i].ID.Schedd, &p.ID.Schedd},
			{&out[i].Factory, &p.Factory},
			{&out[i].Entry, &p.Entry},
			{&out[i].Name, &p.Name},
			{&out[i].Client, &p.Client},
			{&out[i].Batch, &p.Batch},
			{&out[i].Queue, &p.Queue},
		} {
			if *f.have == "" {
				*f.have = *f.more
			}
		}
	}
	for _, s := range seen {
		if s.Confidence == Confirmed {
			take(s.Job.Pilot)
		}
	}
	for _, s := range seen {
		if s.Confidence != Confirmed && (latestHost(s.Job) == "" || onlyContainers(&s.Job)) {
			take(s.Job.Pilot)
		}
	}
	return out
}

// samePilot leaves it open whether two pilots of equal number are one when one of
// them does not name its schedd.
func samePilot(a, b PilotID) bool {
	return a.Cluster == b.Cluster && a.Proc == b.Proc && (a.Schedd == "" || b.Schedd == "" || sameSchedd(a.Schedd, b.Schedd) || sameSchedd(b.Schedd, a.Schedd))
}

// LogAgainstRecords is how the log of one pilot and the job records agree. Jobs
// are named by their ids.
type LogAgainstRecords struct {
	Sightings   []Sighting // what the log adds
	Both        []string   // jobs of which both tell
	RecordsOnly []string   // of this pilot by their records, and not in its log
	LogOnly     []string   // that match, and that no record tells of
	Elsewhere   []string   // that match, and whose records place them elsewhere or nowhere
}

// CompareWithRecords compares the runs in the log of one pilot, which
// JobFromPilotLog made, with what the records say. A record is never replaced by
// what a worker node wrote: where both tell of a run, the log adds a source, and
// what it calls the owner.
func CompareWithRecords(q Query, pilot PilotID, seen []Sighting, runs []Job, source string) LogAgainstRecords {
	var out LogAgainstRecords
	both, listed := map[int]bool{}, map[string]bool{}
	list := func(part string, ids []string, id string) []string {
		if key := part + id; !listed[key] {
			listed[key] = true
			return append(ids, id)
		}
		return ids
	}
	near := recordsNear(seen, runs)
	for _, r := range runs {
		met, recorded, known := false, false, []Identity(nil)
		for _, i := range near[numberOf(r)] {
			s := seen[i]
			if !sameLoggedJob(s.Job, r) {
				continue
			}
			recorded, known = true, unionIdentities(known, s.Job.Identities)
			if s.Confidence != Confirmed || !sameRun(s.Job, r) || s.Job.Pilot.ID != (PilotID{}) && !samePilot(s.Job.Pilot.ID, pilot) {
				continue
			}
			met = true
			both[i] = true
			s.Job.Identities = unionIdentities(s.Job.Identities, r.Identities)
			s.Sources = []string{source}
			out.Sightings = append(out.Sightings, s)
			out.Both = list("both ", out.Both, s.Job.ID)
		}
		if met {
			continue
		}
		r.Identities = unionIdentities(known, r.Identities)
		s, ok := MatchPilotLog(q, r)
		if !ok {
			continue
		}
		out.Sightings = append(out.Sightings, s)
		if recorded {
			out.Elsewhere = list("elsewhere ", out.Elsewhere, r.ID)
		} else {
			out.LogOnly = list("logonly ", out.LogOnly, r.ID)
		}
	}
	for i, s := range seen {
		if s.Confidence == Confirmed && !both[i] && s.Job.Pilot.ID != (PilotID{}) && samePilot(s.Job.Pilot.ID, pilot) {
			out.RecordsOnly = list("recordsonly ", out.RecordsOnly, s.Job.ID)
		}
	}
	return out
}

// recordsNear gives the places of the records that can be of one of the runs, by
// the job's number: a forged log may have thousands of runs, and a site thousands
// of records.
func recordsNear(seen []Sighting, runs []Job) map[[2]int64][]int {
	near := make(map[[2]int64][]int, len(runs))
	for _, r := range runs {
		near[numberOf(r)] = nil
	}
	for i, s := range seen {
		n := numberOf(s.Job)
		if _, wanted := near[n]; wanted {
			near[n] = append(near[n], i)
		}
	}
	return near
}

func numberOf(j Job) [2]int64 { return [2]int64{j.Cluster, j.Proc} }

// sameLoggedJob tells whether a record is of the job that a run in a log is of. A
// run without an ad has no GlobalJobId: there the schedd's host and the job's
// number must do, and the time, since numbers repeat.
func sameLoggedJob(record, run Job) bool {
	if record.ID == run.ID {
		return true
	}
	if record.Cluster != run.Cluster || record.Proc != run.Proc || len(run.Identities) > 0 || run.Schedd == "" {
		return false
	}
	a, _ := HostOf(record.Schedd)
	b, _ := HostOf(run.Schedd)
	return SameHost(a, b) && sameRun(record, run)
}

// sameRun tells whether a record's latest run can be the run of a log: they began
// together, or, where a start is not known, nothing keeps them apart.
func sameRun(record, run Job) bool {
	start, _ := runStart(record)
	if record.Start.IsZero() {
		start = time.Time{}
	}
	if !start.IsZero() && !run.Start.IsZero() {
		return start.Sub(run.Start).Abs() <= logSlack
	}
	apart := func(a, b time.Time) bool { return !a.IsZero() && !b.IsZero() && a.Before(b.Add(-logSlack)) }
	return !apart(record.End, run.Start) && !apart(run.End, start)
}

// Summary says in a sentence what each part means, for people; empty parts are
// left out.
func (l LogAgainstRecords) Summary() []string {
	var out []string
	add := func(ids []string, one, many, means string) {
		if len(ids) > 0 {
			out = append(out, fmt.Sprintf("%s: %s", count(len(ids), one, many), means))
		}
	}
	add(l.Both, "job is in records and logs", "jobs are in records and logs", "two accounts of one run")
	add(l.RecordsOnly, "job is in the records only", "jobs are in the records only", "its pilot's log was cut or changed, or lost the lines")
	add(l.LogOnly, "job is in the logs only", "jobs are in the logs only", "the job was not monitored, its record was lost or is not there yet, or the worker node invented it")
	add(l.Elsewhere, "job ran here by the logs alone", "jobs ran here by the logs alone", "its records place it elsewhere, or do not say where an earlier run was")
	return out
}
