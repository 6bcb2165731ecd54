package grid

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// mergePeople gives the people of the sightings, confirmed ones first, those
// whom nothing ties to the place last, and of each those with the most jobs first.
func mergePeople(sightings []Sighting, ended map[string]bool, k *Knowledge) []Person {
	groups := newGroups()
	var owners []Person
	for i, s := range sightings {
		owners = append(owners, Resolve(s.Job, k))
		groups.add(i, personKeysOf(owners[i]))
	}
	var out []Person
	for _, members := range groups.all() {
		p := owners[members[0]]
		jobs, claimed := map[string]bool{}, map[Identity]bool{}
		p.Identities, p.Seen = nil, members
		running := false
		p.Unplaced = true
		for _, i := range members {
			s := sightings[i]
			p = joinNames(p, owners[i])
			for _, id := range owners[i].Identities {
				if !claimed[id] {
					claimed[id] = true
					p.Identities = append(p.Identities, id)
				}
			}
			if p.Confidence != Confirmed {
				p.Confidence = s.Confidence
			}
			p.Unplaced = p.Unplaced && s.Unplaced
			p.Why = appendNew(p.Why, s.Why)
			jobs[jobKey(s.Job)] = true
			p.First = earliest(p.First, began(s.Job))
			p.Last = later(p.Last, later(s.Job.End, began(s.Job)))
			running = running || stillRunning(s.Job, ended)
			p.Sites = append(p.Sites, s.Job.Site)
			p.Hosts = append(p.Hosts, s.Host)
			p.SubmitFrom = append(p.SubmitFrom, s.Job.SubmitAddress)
			if id := s.Job.Pilot.ID; id != (PilotID{}) {
				p.Pilots = append(p.Pilots, id.String())
			}
		}
		p.Jobs = len(jobs)
		if p.Confidence == Confirmed {
			p.Why = nil
		}
		if running {
			p.Last = time.Time{}
		}
		for _, list := range []*[]string{&p.Sites, &p.Hosts, &p.Pilots, &p.SubmitFrom} {
			*list = sortedNames(*list)
		}
		out = append(out, p)
	}
	slices.SortStableFunc(out, func(a, b Person) int {
		return cmp.Or(compareConfidence(a.Confidence, b.Confidence), compareBool(a.Unplaced, b.Unplaced), cmp.Compare(b.Jobs, a.Jobs), cmp.Compare(a.Username, b.Username), cmp.Compare(a.DN, b.DN))
	})
	return out
}

// In reports whether the person has jobs in an experiment: somebody may be found
// in several.
func (p Person) In(e Experiment) bool {
	return slices.Contains(strings.Split(string(p.Experiment), ", "), string(e))
}

// SightingsOf gives the sightings of one of a trace's people.
func SightingsOf(t Trace, p Person) []Sighting {
	var out []Sighting
	for _, i := range p.Seen {
		out = append(out, t.Sightings[i])
	}
	return out
}

// sortedNames sorts, and removes repeats and empty names.
func sortedNames(names []string) []string {
	names = slices.DeleteFunc(names, func(n string) bool { return n == "" })
	slices.Sort(names)
	return slices.Compact(names)
}

// personKeysOf gives the keys of which one in common makes two owners one
// person. When the claims of a job disagree, no single one of them may tie it to
// anybody: whoever submitted could so hide behind another's login. Nor may the
// word of a worker node alone tie a job to the person of the records.
func personKeysOf(p Person) []string {
	dn, _ := NormalizeDN(p.DN)
	if p.Disagreement {
		return []string{string(p.Experiment) + " disputed " + p.Username + " " + dn.Key()}
	}
	switch p.Label {
	case labelService, labelRobot, labelFactory:
		// Many people's jobs run under one, so that the local account counts, too.
		return []string{string(p.Experiment) + " " + p.Label + " " + p.Username + " " + dn.Key()}
	}
	var keys []string
	if p.Username != "" {
		keys = append(keys, string(p.Experiment)+" "+p.Label+" "+p.Username)
	}
	switch {
	case dn.IsZero() || p.Label == labelProduction:
	case p.Label == labelPilotOnly:
		keys = append(keys, string(p.Experiment)+" "+p.Label+" dn "+dn.Key())
	default:
		keys = append(keys, "dn "+dn.Key())
		if p.vouched {
			keys = append(keys, "holder "+p.holder)
		}
	}
	if len(keys) == 0 {
		keys = append(keys, string(p.Experiment)+" without a name")
	}
	return keys
}

// joinNames adds the names of b to a. One login with two DNs that nobody knows
// as one person's, or one DN with two logins, may be one person or may be an
// impostor: that is a disagreement.
func joinNames(a, b Person) Person {
	differ := func(x, y string) bool { return x != "" && y != "" && x != y }
	da, _ := NormalizeDN(a.DN)
	db, _ := NormalizeDN(b.DN)
	one := a.holder != "" && a.holder == b.holder && (a.vouched || b.vouched)
	if differ(da.Key(), db.Key()) && !one {
		a.Disagreement = true
		a.Disputes = appendNew(a.Disputes, "different DNs were used: "+a.DN+" and "+b.DN)
	}
	if a.Experiment == b.Experiment && differ(foldName(a.Username), foldName(b.Username)) {
		a.Disagreement = true
		a.Disputes = appendNew(a.Disputes, "different names were used: "+a.Username+" and "+b.Username)
	}
	a.Disagreement = a.Disagreement || b.Disagreement
	for _, s := range b.Disputes {
		a.Disputes = appendNew(a.Disputes, s)
	}
	for _, s := range b.Notes {
		a.Notes = appendNew(a.Notes, s)
	}
	if a.Label != b.Label {
		a.Label = ""
	}
	a.Experiment = joinExperiments(a.Experiment, b.Experiment)
	a.Username = cmp.Or(a.Username, b.Username)
	a.Name = cmp.Or(a.Name, b.Name)
	a.DN = cmp.Or(a.DN, b.DN)
	a.Email = cmp.Or(a.Email, b.Email)
	a.holder, a.vouched = cmp.Or(a.holder, b.holder), a.vouched || b.vouched
	return a
}

// groups joins members that have a key in common, directly or by way of others.
type groups struct {
	parent []int
	byKey  map[string]int
}

func newGroups() *groups { return &groups{byKey: map[string]int{}} }

func (g *groups) add(i int, keys []string) {
	g.parent = append(g.parent, i)
	for _, k := range keys {
		if other, ok := g.byKey[k]; ok {
			g.parent[g.root(i)] = g.root(other)
		} else {
			g.byKey[k] = i
		}
	}
}

func (g *groups) root(i int) int {
	for g.parent[i] != i {
		g.parent[i] = g.parent[g.parent[i]]
		i = g.parent[i]
	}
	return i
}

// all gives the groups in the order of their first members.
func (g *groups) all() [][]int {
	var out [][]int
	place := map[int]int{}
	for i := range g.parent {
		root := g.root(i)
		at, ok := place[root]
		if !ok {
			at = len(out)
			place[root] = at
			out = append(out, nil)
		}
		out[at] = append(out[at], i)
	}
	return out
}
