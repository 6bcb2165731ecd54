package grid

import (
	"slices"
	"strings"
	"time"

	"golang.org/x/text/cases"
)

// Keys are the words by which a store of jobs can find those that Match may
// accept. Whenever Match accepts a job, Keys of the job and Query.Keys have one
// in common, and the window overlaps Presence; the reverse does not hold, so
// what was found by a key is still to be matched.
//
// A job that cannot be excluded, since a host is missing or an earlier run's is
// not known, has keys for that, too.
func (j Job) Keys() []string {
	k := keys{}
	if !everRan(j) {
		return nil
	}
	for _, c := range j.Hosts {
		k.addHost(c.Host)
		if isAddress(c.Host) {
			k.add("address", c.Host)
		}
	}
	for _, a := range j.Addresses {
		k.add("address", a.String())
	}
	k.add("batch", batchCluster(j.Pilot.Batch))
	if j.Pilot.ID != (PilotID{}) {
		k.add("pilot", PilotID{Cluster: j.Pilot.ID.Cluster, Proc: j.Pilot.ID.Proc}.String())
	}
	for _, id := range j.Identities {
		k.addIdentity(id)
	}
	k.addUnplaced(j)
	return k.list
}

// Keys are those of the jobs that Match may accept for the query.
func (q Query) Keys() []string {
	k := keys{}
	switch q.Kind {
	case ByHost:
		for _, h := range append([]string{q.Host}, q.Aliases...) {
			k.addAskedHost(h)
		}
		if q.IP.IsValid() {
			k.add("address", q.IP.String())
		}
		if len(q.Sites) == 0 {
			k.add("unplaced", anywhere)
			break
		}
		k.add("unplaced", somewhere)
		for _, s := range q.Sites {
			k.add("unplaced at", foldCase(s))
		}
	case ByIP:
		k.add("address", q.IP.String())
	case ByBatch:
		k.add("batch", batchCluster(q.Batch))
	case ByPilotID:
		k.add("pilot", PilotID{Cluster: q.Pilot.Cluster, Proc: q.Pilot.Proc}.String())
	case ByUser:
		user := strings.TrimSpace(q.User)
		if dn, ok := NormalizeDN(user); ok {
			k.add("dn", dn.Key())
			k.add("name", PandaName(user))
			break
		}
		k.add("name", user)
		k.add("folded name", foldName(user))
	}
	return k.list
}

// keys collects words, each once.
type keys struct{ list []string }

func (k *keys) add(kind, value string) {
	if key := kind + " " + value; value != "" && !slices.Contains(k.list, key) {
		k.list = append(k.list, key)
	}
}

// addHost adds what a job's host can be asked by: its whole name, its first label
// from somebody who knows no more, or, when the record knows no more, the whole
// name of any host that begins so. With the labels of whole names only, every
// site's wn042 would be looked at.
func (k *keys) addHost(host string) {
	short := shortName(host)
	k.add("label", short)
	if short == host {
		k.add("bare", host)
	} else {
		k.add("host", host)
	}
}

func (k *keys) addAskedHost(host string) {
	short := shortName(host)
	if short == host {
		k.add("label", host)
		return
	}
	k.add("host", host)
	k.add("bare", short)
}

func (k *keys) addIdentity(id Identity) {
	k.add("name", id.Value)
	switch id.Kind {
	case "accounting":
		k.add("name", accountingUser(id.Value))
	case "request":
		k.add("name", requestor(id.Value))
	}
	dn, ok := NormalizeDN(id.Value)
	if !ok {
		return
	}
	k.add("dn", dn.Key())
	k.add("name", dn.login())
	for _, cn := range dn.CommonNames() {
		k.add("folded name", foldName(cn))
	}
}

// The keys of unplaced jobs that were at no certain site.
const (
	anywhere  = "anywhere"  // every unplaced job
	somewhere = "somewhere" // those that may have been at any site
)

// addUnplaced adds the keys of a job that a query for any host may accept.
func (k *keys) addUnplaced(j Job) {
	named := slices.ContainsFunc(j.Hosts, func(c HostClaim) bool { return c.Last })
	moved := hadEarlierRun(j) != "" && j.Kind != Epoch
	if !named || moved {
		k.add("unplaced", anywhere)
	} else if !onlyContainers(j) {
		return
	}
	k.add("unplaced at", foldCase(j.Site))
	for _, s := range j.EarlierSites {
		k.add("unplaced at", foldCase(s))
	}
	if j.Site == "" || len(j.EarlierSites) == 0 && (j.Starts > 1 || !j.PreviousStart.IsZero()) {
		k.add("unplaced", somewhere)
	}
}

// shortName is the first label of a host's name, which SameHost compares; an
// address has none.
func shortName(host string) string {
	if isAddress(host) {
		return host
	}
	short, _, _ := strings.Cut(host, ".")
	return short
}

func batchCluster(id string) string {
	cluster, _, _ := strings.Cut(id, ".")
	return foldCase(cluster)
}

// foldCase gives equal text for what strings.EqualFold calls equal.
func foldCase(s string) string { return cases.Fold().String(s) }

// Presence is the widest time in which a job may have been on a host, by what
// its record says and by what it leaves open: a query whose window lies outside
// never matches the job. A zero From or To is no bound.
func (j Job) Presence() Window {
	p := latestPresence(j)
	if !p.IsZero() && (hadEarlierRun(j) != "" || slices.ContainsFunc(j.Hosts, func(c HostClaim) bool { return !c.Last || isAddress(c.Host) })) {
		p = p.join(earlierPresence(j))
	}
	return p
}

// latestPresence bounds what latestRun accepts.
func latestPresence(j Job) Window {
	if j.Kind == Snapshot && isRunning(j.Status) {
		return runningPresence(j)
	}
	start, _ := runStart(j)
	switch end := j.End; {
	case !start.IsZero() && !end.IsZero() && end.Before(start), clockAhead(j):
		first, last := extremes(j)
		return Window{first, last}
	case start.IsZero() && end.IsZero():
		return Window{}
	case end.IsZero():
		return Window{start, start.Add(maxRun)}
	case start.IsZero():
		return Window{end.Add(-maxRun), end}
	default:
		return Window{start, end}
	}
}

// runningPresence bounds what runningRun accepts.
func runningPresence(j Job) Window {
	start, _ := runStart(j)
	seen := j.Recorded
	switch {
	case start.IsZero() && seen.IsZero():
		return Window{}
	case start.IsZero():
		return Window{seen.Add(-maxRun), seen.Add(maxRun)}
	case seen.IsZero():
		return Window{start, start.Add(maxRun)}
	}
	return Window{earliest(start, seen), later(seen, start.Add(maxRun))}
}

// earlierPresence bounds what beforeLatest accepts.
func earlierPresence(j Job) Window {
	first := earliest(j.FirstStart, j.PreviousStart)
	if first.IsZero() {
		first = j.Submitted
	}
	last := j.Start
	if last.IsZero() || last.Before(first) {
		last = later(j.End, j.Recorded)
	}
	if last.Before(first) {
		last = time.Time{}
	}
	return Window{first, last}
}

// join gives the smallest window over both, in which zero is no bound.
func (w Window) join(o Window) Window {
	if o.From.IsZero() || !w.From.IsZero() && o.From.Before(w.From) {
		w.From = o.From
	}
	if o.To.IsZero() || !w.To.IsZero() && o.To.After(w.To) {
		w.To = o.To
	}
	return w
}
