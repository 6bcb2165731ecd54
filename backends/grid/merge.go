package grid

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// crabLag is how long a CRAB job may stay in its queue after its end before the
// finished-job records know it (LeaveJobInQueue in CRAB's DagmanCreator.py).
const crabLag = 30 * time.Hour

// String gives SCHEDD#CLUSTER.PROC, without the schedd when it is unknown.
func (p PilotID) String() string {
	number := strconv.FormatInt(p.Cluster, 10) + "." + strconv.FormatInt(p.Proc, 10)
	if p.Schedd == "" {
		return number
	}
	return p.Schedd + "#" + number
}

// Merge makes one answer of what every source found. A job on a host appears
// once, by its newest record, with every source that saw it; a confirmed
// sighting beats the possible ones that it explains. Jobs of one login or one DN
// are one person's, within an experiment; across experiments only an equal DN
// makes one person of two. The answer is complete only if every source that was
// asked was. now is the present, for what may still change.
func Merge(q Query, found []Found, now time.Time) Trace {
	return MergeKnowing(q, found, now, nil)
}

// MergeKnowing is Merge with the help of what is known of people. DNs of one
// person, by the alias table or a register, count as equal.
func MergeKnowing(q Query, found []Found, now time.Time, k *Knowledge) Trace {
	t := Trace{Query: q}
	var all []Sighting
	var exposed []Exposure
	for _, f := range found {
		all = append(all, f.Sightings...)
		t.Reports = append(t.Reports, f.Report)
		for _, x := range f.FollowOn {
			if !slices.Contains(t.FollowOn, x) {
				t.FollowOn = append(t.FollowOn, x)
			}
		}
		exposed = append(exposed, f.Exposed...)
	}
	for _, e := range joinExposures(exposed) {
		t.FollowOn = append(t.FollowOn, e.followOn())
	}
	ended := endedJobs(all)
	t.Sightings = mergeSightings(all)
	for i, s := range t.Sightings {
		t.Sightings[i].Running = stillRunning(s.Job, ended)
	}
	t.People = mergePeople(t.Sightings, ended, k)
	t.Complete = isComplete(t.Reports)
	t.OpenUntil = openUntil(q, now)
	t.WouldChange = wouldChange(t, ended, now)
	return t
}

func isComplete(reports []Report) bool {
	asked := 0
	for _, r := range reports {
		switch r.State {
		case NotAsked:
		case Complete:
			asked++
		default:
			return false
		}
	}
	return asked > 0
}

func openUntil(q Query, now time.Time) time.Time {
	end := later(q.OpenUntil, q.Window.To)
	if !end.After(now) {
		return time.Time{}
	}
	return end.UTC()
}

// endedJobs gives the jobs that some record says have ended, so that an older
// snapshot does not make them run for ever.
func endedJobs(all []Sighting) map[string]bool {
	ended := map[string]bool{}
	for _, s := range all {
		if s.Job.Kind == Finished {
			ended[jobKey(s.Job)] = true
		}
	}
	return ended
}

func jobKey(j Job) string { return string(j.Experiment) + " " + j.ID }

// stillRunning reports whether the job was running by its newest record.
func stillRunning(j Job, ended map[string]bool) bool {
	return j.Kind == Snapshot && isRunning(j.Status) && !ended[jobKey(j)]
}

// mergeSightings gives each job on each host once, confirmed first, then by
// time.
func mergeSightings(all []Sighting) []Sighting {
	type place struct{ job, host string }
	byPlace := map[place]*Sighting{}
	confirmed := map[string]bool{}
	var order []place
	for _, s := range all {
		at := place{jobKey(s.Job), s.Host}
		if s.Confidence == Confirmed {
			confirmed[at.job] = true
		}
		if old, ok := byPlace[at]; ok {
			*old = joinSightings(*old, s)
			continue
		}
		s.Sources = slices.Clone(s.Sources)
		byPlace[at] = &s
		order = append(order, at)
	}
	var out []Sighting
	for _, at := range order {
		s := *byPlace[at]
		// What could not be excluded for want of a host is settled once another
		// record has seen the job on one.
		if s.Confidence == Possible && s.Host == "" && confirmed[at.job] {
			continue
		}
		slices.Sort(s.Sources)
		s.Sources = slices.Compact(s.Sources)
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b Sighting) int {
		return cmp.Or(compareConfidence(a.Confidence, b.Confidence), began(a.Job).Compare(began(b.Job)), cmp.Compare(a.Job.ID, b.Job.ID), cmp.Compare(a.Host, b.Host))
	})
	return out
}

// joinSightings keeps the newer record, the better confidence with its reason,
// and what only one of the two knows of the owner.
func joinSightings(a, b Sighting) Sighting {
	older, newer := a, b
	if newerRecord(a.Job, b.Job) {
		older, newer = b, a
	}
	out := newer
	out.Job.Identities = unionIdentities(newer.Job.Identities, older.Job.Identities)
	out.Sources = slices.Concat(a.Sources, b.Sources)
	if older.Confidence == Confirmed && newer.Confidence != Confirmed {
		out.Confidence, out.Why = older.Confidence, older.Why
	}
	out.Unplaced = a.Unplaced && b.Unplaced
	// Two runs on one host are one sighting, from the start of the first.
	if first := earliest(older.Job.Start, newer.Job.Start); newer.Job.Kind == Epoch && older.Job.Kind == Epoch && !first.IsZero() {
		out.Job.Start = first
	}
	return out
}

// newerRecord reports whether a's record is newer than b's; of two of the same
// time the one of the finished job is.
func newerRecord(a, b Job) bool {
	if !a.Recorded.Equal(b.Recorded) {
		return a.Recorded.After(b.Recorded)
	}
	return a.Kind == Finished && b.Kind != Finished
}

func unionIdentities(a, b []Identity) []Identity {
	out := slices.Clone(a)
	for _, id := range b {
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

func compareConfidence(a, b Confidence) int {
	rank := func(c Confidence) int {
		if c == Confirmed {
			return 0
		}
		return 1
	}
	return cmp.Compare(rank(a), rank(b))
}

// compareBool puts what is so behind what is not.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// began gives the best date for when the job was there.
func began(j Job) time.Time {
	for _, t := range []time.Time{j.Start, j.FirstStart, j.Submitted, j.Recorded} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// wouldChange gives what may change the answer later, a sentence each.
func wouldChange(t Trace, ended map[string]bool, now time.Time) []string {
	var out []string
	running := map[string]bool{}
	for _, s := range t.Sightings {
		if stillRunning(s.Job, ended) {
			running[jobKey(s.Job)] = true
		}
	}
	if n := len(running); n > 0 {
		out = append(out, fmt.Sprintf("%s still running when last seen.", count(n, "job was", "jobs were")))
	}
	cms := len(t.Reports) == 0
	for _, r := range t.Reports {
		cms = cms || r.Experiment == CMS && r.State != NotAsked
		switch r.State {
		case Failed:
			out = append(out, fmt.Sprintf("%s did not answer: what it knows is missing.", r.Name))
		case Partial:
			out = append(out, fmt.Sprintf("%s answered in part: more may be found there.", r.Name))
		}
		for _, w := range r.WouldChange {
			out = appendNew(out, w)
		}
	}
	if !t.OpenUntil.IsZero() {
		out = append(out, fmt.Sprintf("The window is open until %s.", minute(t.OpenUntil)))
	}
	if end := later(t.Query.Window.To, t.OpenUntil); cms && !t.Query.Window.IsZero() && end.After(now.Add(-crabLag)) {
		out = append(out, fmt.Sprintf("CRAB jobs enter the records of finished jobs up to 30 h after their end: ask again after %s.", minute(end.Add(crabLag).UTC())))
	}
	return out
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// joinExperiments names several experiments at once, in order.
func joinExperiments(a, b Experiment) Experiment {
	names := append(strings.Split(string(a), ", "), strings.Split(string(b), ", ")...)
	slices.Sort(names)
	return Experiment(strings.Join(slices.Compact(names), ", "))
}
