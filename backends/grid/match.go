package grid

import (
	"fmt"
	"slices"
	"strings"
)

// Match tells whether a job belongs in the answer to a query, and why. It is
// the one rule that every source asks, so that all mean the same by "ran there
// then". A job that cannot be excluded is Possible, never left out: that is the
// price of missing nobody.
func Match(q Query, j Job) (Sighting, bool) {
	s, ok := matchLatest(q, j)
	if ok || q.Kind == ByHost || q.Kind == ByUser {
		return s, ok
	}
	// The record's address, batch id and pilot are those of the latest run.
	if earlier, why := earlierRun(j, q.Window); earlier && everRan(j) && inSites(q, j) != never {
		what := "pilot"
		if q.Kind == ByIP {
			what = "address"
		}
		s = Sighting{Job: j, Confidence: Possible, Sources: []string{j.Source}, Why: what + " of an earlier run unknown: " + why, Unplaced: !earlierThere(q, j)}
	}
	return s, s.Confidence != ""
}

// matchLatest is Match but for what an earlier run leaves open when an address, a
// batch id or a pilot was asked for.
func matchLatest(q Query, j Job) (Sighting, bool) {
	at := inSites(q, j)
	if at == never || !everRan(j) {
		return Sighting{}, false
	}
	var p placed
	switch q.Kind {
	case ByHost:
		p = matchHost(q, j, at)
	case ByIP:
		p.sure, p.host, p.why = matchIP(q, j)
	case ByBatch:
		p.sure, p.why = matchPilot(q, j)(matchBatch(q, j))
	case ByPilotID:
		p.sure, p.why = matchPilot(q, j)(matchPilotID(q, j))
	case ByUser:
		p.sure, p.why = matchUser(q, j)
	}
	if p.sure == never {
		return Sighting{}, false
	}
	s := Sighting{Job: j, Sources: []string{j.Source}, Confidence: Possible, Host: p.host, Why: p.why, Unplaced: p.unplaced}
	if q.Kind != ByHost && q.Kind != ByIP {
		s.Host = latestHost(j)
	}
	switch {
	case p.sure == surely && at == surely:
		s.Confidence = Confirmed
	case p.sure == surely:
		s.Why += "; the record does not say that it ran at the site"
	}
	return s, true
}

// inSites applies the site filter. A job whose site is unknown, or that had an
// earlier run at a site unknown, may have been there.
func inSites(q Query, j Job) overlap {
	switch {
	case len(q.Sites) == 0 || containsFold(q.Sites, j.Site):
		return surely
	case j.Site == "":
		return maybe
	case slices.ContainsFunc(j.EarlierSites, func(s string) bool { return containsFold(q.Sites, s) }):
		return maybe
	case len(j.EarlierSites) == 0 && (j.Starts > 1 || !j.PreviousStart.IsZero()):
		return maybe
	}
	return never
}

// placed is how a record puts its job where it was asked for.
type placed struct {
	sure     overlap
	host     string
	why      string
	unplaced bool // see Sighting
}

// earlierThere reports whether an earlier run of the job was at a site that was
// asked about.
func earlierThere(q Query, j Job) bool {
	return slices.ContainsFunc(j.EarlierSites, func(site string) bool { return containsFold(q.Sites, site) })
}

// ties are what may tie a job to the host that was asked about, wherever and whenever
// it ran.
type ties struct {
	named     bool // a claim names it
	address   bool // the address is its
	hostless  bool // no host of the latest run is known
	contained bool // all that is known is a container's name
}

func tiesOf(q Query, j *Job) ties {
	t := ties{address: q.IP.IsValid() && slices.Contains(j.Addresses, q.IP), hostless: true, contained: onlyContainers(j)}
	for i := range j.Hosts {
		t.named = t.named || q.NamesHost(j.Hosts[i].Host)
		t.hostless = t.hostless && !j.Hosts[i].Last
	}
	return t
}

// offHost tells whether the hosts of a job and the number of its runs alone exclude
// it: matchHost would, whatever its times and sites are.
func offHost(q Query, j *Job) bool {
	return tiesOf(q, j) == ties{} && hadEarlierRun(j) == ""
}

// matchHost takes the best of what the record's host claims say; when they say
// nothing, it asks what cannot be excluded.
func matchHost(q Query, j Job, at overlap) placed {
	t := tiesOf(q, &j)
	if t != (ties{}) {
		latest, why := latestRun(j, q.Window)
		var best placed
		for _, c := range j.Hosts {
			if p := placeByClaim(q, j, c, latest, why); p.sure > best.sure {
				best = p
			}
		}
		switch {
		case best.sure != never:
			return best
		case latest == never:
		case t.address:
			return placed{sure: maybe, why: fmt.Sprintf("its address is %s, which several machines may share; %s", q.IP, why)}
		case t.hostless:
			return placed{sure: maybe, why: "no host in the record; " + why}
		case t.contained && len(q.Sites) > 0 && at == surely:
			return placed{sure: maybe, why: "only a container's name in the record, not the worker node's; " + why}
		}
	}
	if earlier, why := earlierRun(j, q.Window); earlier {
		return placed{sure: maybe, why: "host of an earlier run unknown: " + why, unplaced: !earlierThere(q, j)}
	}
	return placed{}
}

// placeByClaim applies the rules to one host that the record names.
func placeByClaim(q Query, j Job, c HostClaim, latest overlap, latestWhy string) placed {
	exact := c.Host == q.Host || slices.Contains(q.Aliases, c.Host)
	switch {
	case !q.NamesHost(c.Host):
		return placed{}
	case c.Last && !exact && len(q.Sites) == 0:
		return placed{sure: min(latest, maybe), host: c.Host, why: fmt.Sprintf("%s, %s; only the short names are equal: name the site to be sure", c.Field, latestWhy)}
	case c.Last:
		return placed{sure: latest, host: c.Host, why: c.Field + ", " + latestWhy}
	case beforeLatest(j, q.Window), latest != never && strings.HasSuffix(c.Field, "Reason"):
		return placed{sure: maybe, host: c.Host, why: c.Field + " names the host of an earlier run, whose times are unknown"}
	}
	return placed{}
}

// NamesHost tells whether a host, as HostOf gives it, may be the one that was
// asked about, by any of its names.
func (q Query) NamesHost(host string) bool {
	return SameHost(q.Host, host) || slices.ContainsFunc(q.Aliases, func(alias string) bool { return SameHost(alias, host) })
}

// onlyContainers reports that every host of the latest run is the id of a
// container, which stands for a worker node that is not named.
func onlyContainers(j *Job) bool {
	for i := range j.Hosts {
		if c := &j.Hosts[i]; c.Last && (len(c.Host) != 12 || strings.Trim(c.Host, "0123456789abcdef") != "") {
			return false
		}
	}
	return true
}

func matchIP(q Query, j Job) (overlap, string, string) {
	latest, why := latestRun(j, q.Window)
	if slices.Contains(j.Addresses, q.IP) && latest != never {
		text := fmt.Sprintf("address %s, %s; several machines may share an address (NAT)", q.IP, why)
		if q.IP.IsPrivate() && len(q.Sites) == 0 {
			return maybe, latestHost(j), text + "; a private address repeats at other sites"
		}
		return latest, latestHost(j), text
	}
	for _, c := range j.Hosts {
		if c.Host == q.IP.String() && (latest != never || beforeLatest(j, q.Window)) {
			return maybe, c.Host, c.Field + " names the address, perhaps of an earlier run"
		}
	}
	return never, "", ""
}

// matchPilot joins who the pilot of the latest run is with when and where that
// was.
func matchPilot(q Query, j Job) func(overlap, string) (overlap, string) {
	elsewhere := len(q.Sites) > 0 && j.Site != "" && !containsFold(q.Sites, j.Site)
	return func(who overlap, whoWhy string) (overlap, string) {
		if who == never || elsewhere {
			return never, ""
		}
		when, whenWhy := latestRun(j, q.Window)
		if when == never {
			return never, ""
		}
		return min(who, when), whoWhy + ", " + whenWhy
	}
}

// matchBatch compares the site batch's id. The ids of two sites, and of two
// queues of a site, repeat; a queue that the record does not know excludes
// nothing.
func matchBatch(q Query, j Job) (overlap, string) {
	if q.Batch == "" || j.Pilot.Batch == "" {
		return never, ""
	}
	if q.Queue != "" && j.Pilot.Queue != "" && !strings.EqualFold(q.Queue, j.Pilot.Queue) && !SameHost(lowerASCII(q.Queue), lowerASCII(j.Pilot.Queue)) {
		return never, ""
	}
	field, recorded := "GLIDEIN_SiteWMS_JobId", j.Pilot.Batch
	if j.Experiment == ATLAS {
		field = "batchID"
		if samePandaBatch(q.Batch, recorded) {
			return ofBatchAt(q, j, field)
		}
		recorded = withinSchedd(recorded)
	}
	cluster, rest, _ := strings.Cut(recorded, ".")
	switch {
	case strings.EqualFold(q.Batch, recorded), q.Batch == cluster && !isDigits(rest):
		return ofBatchAt(q, j, field)
	case q.Batch == cluster:
		return maybe, fmt.Sprintf("%s is %s, of the same cluster", field, j.Pilot.Batch)
	}
	return never, ""
}

// ofBatchAt tells how sure an equal id makes it that it is the same batch job.
func ofBatchAt(q Query, j Job, field string) (overlap, string) {
	if len(q.Sites) == 0 && (q.Queue == "" || j.Pilot.Queue == "") {
		return maybe, field + "; batch ids repeat among sites: name the site to be sure"
	}
	return surely, field
}

// pandaBatch is how many characters of a batch id PanDA's batchid keeps.
const pandaBatch = 80

// samePandaBatch compares ids as PanDA's pilots report them: whole, and cut.
func samePandaBatch(typed, recorded string) bool {
	return strings.EqualFold(typed, recorded) || len(recorded) == pandaBatch && len(typed) > pandaBatch && strings.EqualFold(typed[:pandaBatch], recorded)
}

// withinSchedd gives the cluster.proc of HTCondor's schedd#cluster.proc#epoch, which
// pilots report at sites with HTCondor; other ids are as they are.
func withinSchedd(id string) string {
	if parts := strings.Split(id, "#"); len(parts) > 1 {
		return parts[1]
	}
	return id
}

// matchPilotID compares cluster and proc. They repeat among the factories'
// schedds, so without one more fact the pilot is only a possible one.
func matchPilotID(q Query, j Job) (overlap, string) {
	p := j.Pilot
	if p.ID.Cluster != q.Pilot.Cluster || p.ID.Proc != q.Pilot.Proc || p.ID == (PilotID{}) {
		return never, ""
	}
	if q.Pilot.Schedd != "" && p.ID.Schedd != "" && !sameSchedd(q.Pilot.Schedd, p.ID.Schedd) ||
		q.Factory != "" && p.Factory != "" && !sameFactory(q.Factory, p) ||
		q.Entry != "" && p.Entry != "" && !strings.EqualFold(strings.TrimPrefix(q.Entry, "entry_"), p.Entry) {
		return never, ""
	}
	switch {
	case q.Pilot.Schedd != "" && p.ID.Schedd != "", q.Entry != "" && p.Entry != "", q.Factory != "" && p.Factory != "", len(q.Sites) > 0:
		return surely, "GLIDEIN_ClusterId and ProcId"
	}
	return maybe, "GLIDEIN_ClusterId and ProcId; these repeat among factories: name the schedd to be sure"
}

// sameSchedd accepts the host of a schedd for its whole name.
func sameSchedd(typed, recorded string) bool {
	if strings.EqualFold(typed, recorded) {
		return true
	}
	host, _ := HostOf(typed)
	other, _ := HostOf(recorded)
	return !strings.Contains(typed, "@") && SameHost(host, other)
}

// sameFactory accepts the factory's name, or the host of its schedd.
func sameFactory(typed string, p Pilot) bool {
	return strings.EqualFold(typed, p.Factory) || sameSchedd(typed, p.ID.Schedd)
}

// matchUser finds jobs of a login, a DN or a name. The job need not have a
// host; a run before the latest one was the same person's.
func matchUser(q Query, j Job) (overlap, string) {
	who, whoWhy := namesPerson(q, j)
	if who == never {
		return never, ""
	}
	when, whenWhy := latestRun(j, q.Window)
	if when == never {
		if earlier, why := earlierRun(j, q.Window); earlier {
			return maybe, whoWhy + ", an earlier run: " + why
		}
		return never, ""
	}
	return min(who, when), whoWhy + ", " + whenWhy
}

// namesPerson compares every name of the person who was asked about.
func namesPerson(q Query, j Job) (overlap, string) {
	best, why := namesUser(q.User, j)
	for _, name := range q.Also {
		if o, w := namesUser(name, j); o > best {
			best, why = o, w+", another name of the person"
		}
	}
	return best, why
}

// namesUser compares one identity after the other and gives the best.
func namesUser(user string, j Job) (overlap, string) {
	user = strings.TrimSpace(user)
	if user == "" {
		return never, ""
	}
	dn, isDN := NormalizeDN(user)
	best, why := never, ""
	better := func(o overlap, w string) {
		if o > best {
			best, why = o, w
		}
	}
	for _, id := range j.Identities {
		own, ownDN := NormalizeDN(id.Value)
		switch {
		case isDN && ownDN && dn.Equal(own):
			better(surely, "the DN is equal")
		case isDN && id.Kind == "panda" && id.Value == PandaName(user):
			better(maybe, "PanDA makes this name of the DN, and may make it of others")
		case isDN:
		case id.Kind == "owner" && id.Value == user:
			better(maybe, "Owner is a local account, which several people may share")
		case id.Kind == "accounting" && accountingUser(id.Value) == user, id.Kind == "request" && requestor(id.Value) == user:
			better(surely, id.Kind+" names "+user)
		case id.Kind != "fqan" && id.Value == user:
			better(surely, id.Kind+" is "+user)
		case ownDN && own.login() == user:
			better(surely, "the login in the DN is "+user)
		case ownDN && slices.ContainsFunc(own.CommonNames(), func(cn string) bool { return foldName(cn) == foldName(user) }):
			better(maybe, "the name in the DN is equal; names are not unique")
		}
	}
	return best, why
}

// latestHost gives the best name of the latest run's host: a full one before a
// short one.
func latestHost(j Job) string {
	host := ""
	for _, c := range j.Hosts {
		if c.Last && (host == "" || !strings.Contains(host, ".") && strings.Contains(c.Host, ".")) {
			host = c.Host
		}
	}
	return host
}

// PilotsOf gives the pilots that ran the jobs of some sightings, each once, to
// look for more jobs of theirs. Possible sightings do not count: their pilot
// need not have been on the host.
func PilotsOf(sightings []Sighting) []PilotID {
	var out []PilotID
	for _, s := range sightings {
		if id := s.Job.Pilot.ID; s.Confidence == Confirmed && id != (PilotID{}) && !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}
