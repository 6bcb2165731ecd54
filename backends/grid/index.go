package grid

import (
	"slices"
	"strings"
	"unicode/utf8"

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
	return NewIndexer(func(key string) string { return key }).Keys(&j)
}

// Indexer gives the keys of many jobs, in the form in which a store keeps them. It
// remembers those of names and hosts, for they come again and again. It is not for
// concurrent use.
type Indexer[K comparable] struct {
	form  func(key string) K
	known map[named][]K
	list  []K
	words keys
}

// named is what has keys of its own: an identity, a host or an address.
type named struct{ what, kind, value string }

// maxKnown bounds what an Indexer remembers.
const maxKnown = 16_384

// NewIndexer gives one that keeps keys in a form.
func NewIndexer[K comparable](form func(key string) K) *Indexer[K] {
	return &Indexer[K]{form: form, known: map[named][]K{}}
}

// Keys gives those of Job.Keys, in their form, until it is called again.
func (x *Indexer[K]) Keys(j *Job) []K {
	x.list = x.list[:0]
	if !everRan(*j) {
		return nil
	}
	for _, c := range j.Hosts {
		x.addKnown(named{what: "host", value: c.Host})
	}
	for _, a := range j.Addresses {
		x.addKnown(named{what: "address", value: a.String()})
	}
	k := &x.words
	k.list = k.list[:0]
	k.add("batch", batchCluster(j.Pilot.Batch))
	if j.Pilot.ID != (PilotID{}) {
		k.add("pilot", PilotID{Cluster: j.Pilot.ID.Cluster, Proc: j.Pilot.ID.Proc}.String())
	}
	x.add(k.list)
	for i := range j.Identities {
		x.addKnown(named{"identity", j.Identities[i].Kind, j.Identities[i].Value})
	}
	k.list = k.list[:0]
	k.addUnplaced(*j)
	x.add(k.list)
	return x.list
}

func (x *Indexer[K]) add(keys []string) {
	for _, key := range keys {
		if f := x.form(key); !slices.Contains(x.list, f) {
			x.list = append(x.list, f)
		}
	}
}

func (x *Indexer[K]) addKnown(n named) {
	all, ok := x.known[n]
	if !ok {
		for _, key := range keysOf(n) {
			all = append(all, x.form(key))
		}
		if len(x.known) >= maxKnown {
			clear(x.known)
		}
		// Cloned, since it may be a piece of a text that is many times as long.
		x.known[named{n.what, strings.Clone(n.kind), strings.Clone(n.value)}] = all
	}
	for _, f := range all {
		if !slices.Contains(x.list, f) {
			x.list = append(x.list, f)
		}
	}
}

func keysOf(n named) []string {
	var k keys
	switch n.what {
	case "host":
		k.addHost(n.value)
		if isAddress(n.value) {
			k.add("address", n.value)
		}
	case "address":
		k.add("address", n.value)
	default:
		k.addIdentity(n.kind, n.value)
	}
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
		k.addAskedUnplaced(q.Sites)
	case ByIP:
		k.add("address", q.IP.String())
		k.addAskedUnplaced(q.Sites)
	case ByBatch:
		k.add("batch", batchCluster(q.Batch))
		k.addAskedUnplaced(q.Sites)
	case ByPilotID:
		k.list = q.MateKeys()
		k.addAskedUnplaced(q.Sites)
	case ByUser:
		for _, user := range append([]string{q.User}, q.Also...) {
			k.addAskedUser(strings.TrimSpace(user))
		}
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

func (k *keys) addAskedUser(user string) {
	if dn, ok := NormalizeDN(user); ok {
		k.add("dn", dn.Key())
		k.add("name", PandaName(user))
		return
	}
	k.add("name", user)
	k.add("folded name", foldName(user))
}

func (k *keys) addIdentity(kind, value string) {
	k.add("name", value)
	switch kind {
	case "accounting":
		k.add("name", accountingUser(value))
	case "request":
		k.add("name", requestor(value))
	}
	dn, ok := NormalizeDN(value)
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

// addUnplaced adds the keys of a job that a query for any host, address or pilot
// may accept.
func (k *keys) addUnplaced(j Job) {
	named := slices.ContainsFunc(j.Hosts, func(c HostClaim) bool { return c.Last })
	moved := hadEarlierRun(&j) != "" && j.Kind != Epoch
	if !named || moved {
		k.add("unplaced", anywhere)
	} else if !onlyContainers(&j) {
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

// addAskedUnplaced adds the keys of the jobs that may have been where nothing
// says that they were.
func (k *keys) addAskedUnplaced(sites []string) {
	if len(sites) == 0 {
		k.add("unplaced", anywhere)
		return
	}
	k.add("unplaced", somewhere)
	for _, s := range sites {
		k.add("unplaced at", foldCase(s))
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
func foldCase(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return cases.Fold().String(s)
	}
	return lowerASCII(s)
}

// Presence is the widest time in which a job may have been on a host, by what
// its record says and by what it leaves open: a query whose window lies outside
// never matches the job. A zero From or To is no bound.
func (j Job) Presence() Window {
	p := latestPresence(j)
	if !p.IsZero() && (hadEarlierRun(&j) != "" || slices.ContainsFunc(j.Hosts, func(c HostClaim) bool { return !c.Last || isAddress(c.Host) })) {
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

// earlierPresence is the time of the earlier runs, from the first start to the
// start of the latest run. What is not known of it is taken to be as wide as it
// can be: no bound, or, when the dates contradict each other, all of them.
func earlierPresence(j Job) Window {
	first := earliest(j.FirstStart, j.PreviousStart)
	if first.IsZero() {
		first = j.Submitted
	}
	last := j.Start
	if last.IsZero() || last.Before(first) {
		last = later(j.End, j.Recorded)
	}
	if !last.IsZero() && last.Before(first) {
		first, last = extremes(j)
		return Window{earliest(first, j.PreviousStart), later(last, j.PreviousStart)}
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
