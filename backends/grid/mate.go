package grid

import (
	"fmt"
	"strings"
)

// Running reports whether the record shows the job while it ran.
func (j Job) Running() bool { return j.Kind == Snapshot && isRunning(j.Status) }

// BoundedBy tells a running job's snapshot what another record knows: that its
// run was over when the next run began, or when the job ended.
func (j Job) BoundedBy(other Job) Job {
	if !j.Running() || other.ID != j.ID || other.Experiment != j.Experiment {
		return j
	}
	var by Job
	switch {
	case !j.Start.IsZero() && other.Start.After(j.Start):
		by.OverBy = other.Start
	case other.Kind == Finished, other.Kind == Epoch && other.Start.Equal(j.Start) && !j.Start.IsZero():
		by.OverBy = other.End
	}
	j.OverBy = earliest(j.OverBy, by.OverBy)
	return j
}

// MatchMate tells whether a job that shared a pilot with jobs on the host of a
// query may have been there, too, though its own record does not place it: it
// names no host, or one that says nothing, such as a container's. A job that
// names another machine was there: the pilot had several, and that one is a
// place to look at next. q asks by the pilot, with the host of the query that
// found it.
func MatchMate(q Query, j Job) (Sighting, FollowOn, bool) {
	s, ok := matchLatest(q, j)
	if !ok {
		return Sighting{}, FollowOn{}, false
	}
	host := latestHost(j)
	if strings.Contains(host, ".") && !SameHost(host, q.Host) {
		p := Resolve(j, nil)
		return Sighting{}, FollowOn{Person: personWord(p), Host: host, Why: fmt.Sprintf("the pilot %s ran there, too", q.Pilot)}, false
	}
	s.Confidence, s.Host = Possible, ""
	s.Why = fmt.Sprintf("its pilot %s ran jobs on the host; its own record names no host", q.Pilot)
	if host != "" {
		s.Why = fmt.Sprintf("its pilot %s ran jobs on the host; its own record names %q", q.Pilot, host)
	}
	return s, FollowOn{}, true
}

// MateKeys are those of the jobs that MatchMate may accept.
func (q Query) MateKeys() []string {
	var k keys
	k.add("pilot", PilotID{Cluster: q.Pilot.Cluster, Proc: q.Pilot.Proc}.String())
	return k.list
}

// personWord is the shortest name of a person.
func personWord(p Person) string {
	if p.Username != "" {
		return p.Username
	}
	return p.DN
}
