package grid

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ErrNoJobID says that a record names no job: it has no GlobalJobId and no
// schedd with a cluster and proc.
var ErrNoJobID = errors.New("the record names no job: no GlobalJobId and no schedd with ClusterId and ProcId")

// JobFromRecord reads one job record in any of the shapes that the CMS tools
// write: documents and hits of es-cms, MONIT documents, and the ads of
// condor_history, condor_q and condor_history -epochs as JSON. source names
// where the record came from. Values may be decoded with or without UseNumber.
//
// It takes what is usable and leaves the rest: the only error is ErrNoJobID.
func JobFromRecord(rec map[string]any, source string) (Job, error) {
	return new(Reader).Job(mapObject{members: rec}, source)
}

// Reader reads records one after the other, which costs less than to read each
// alone.
type Reader struct{ attributes attributes }

// Job reads a record as JobFromRecord does.
func (r *Reader) Job(record Object, source string) (Job, error) {
	j, err := r.where(record, source)
	if err == nil {
		r.when(&j)
		r.whose(&j)
	}
	return j, err
}

// Match reads a record as Job does, and gives what Match says of its job. Of those
// that it does not accept, which are most of what a search by host or address meets,
// no more is read than it takes to know that.
func (r *Reader) Match(q Query, record Object, source string) (s Sighting, ok bool, err error) {
	j, err := r.where(record, source)
	if err != nil || q.Kind == ByHost && offHost(q, &j) {
		return Sighting{}, false, err
	}
	r.when(&j)
	if q.Kind != ByHost && q.Kind != ByIP {
		r.whose(&j)
		s, ok = Match(q, j)
		return s, ok, nil
	}
	if s, ok = Match(q, j); ok {
		r.whose(&j)
		s.Job = j
	}
	return s, ok, nil
}

// where reads which job it is, on which hosts it ran and how often: all that offHost
// asks for.
func (r *Reader) where(record Object, source string) (Job, error) {
	a := &r.attributes
	a.read(record)
	j := Job{Source: source, Experiment: CMS}
	if !identify(a, &j) {
		return Job{}, ErrNoJobID
	}
	j.Status = statusOf(a)
	j.Kind = kindOf(a, j.Status)
	j.PreviousStart = a.date(attrJobLastStartDate)
	j.Starts = smallCount(a, attrNumJobStarts)
	j.ShadowStarts = smallCount(a, attrNumShadowStarts)
	if wall, ok := a.seconds(attrRemoteWallClockTime); ok {
		if committed, ok := a.seconds(attrCommittedTime); ok && wall > committed {
			j.LostWall = wall - committed
		}
	}
	readHosts(a, &j)
	return j, nil
}

// when reads when and at which sites the job of where ran: then it has all that a host
// or an address is matched with.
func (r *Reader) when(j *Job) {
	j.Site = siteOf(&r.attributes)
	j.EarlierSites = earlierSites(&r.attributes)
	readTimes(&r.attributes, j)
}

// whose reads whose job it is, and what ran it, of the record that where read.
func (r *Reader) whose(j *Job) {
	a := &r.attributes
	if strings.EqualFold(a.firstText(attrProxyVO, attrVO), string(ATLAS)) {
		j.Experiment = ATLAS
	}
	j.Type = lowerASCII(a.firstText(attrType, attrCMSType))
	j.Task = a.firstText(attrCRABWorkflow, attrCRABReqName, attrWMAgentRequest, attrWorkflow)
	j.SubmitAddress = a.text(attrCRABSubmitter)
	j.Pilot = pilotOf(a)
	j.Identities = identitiesOf(a, j.Source)
}

// identify finds the job's id. A record without GlobalJobId gets the one that
// HTCondor would have made, so that it meets the other records of its job.
func identify(a *attributes, j *Job) bool {
	cluster, okC := a.count(attrClusterID)
	proc, okP := a.count(attrProcID)
	j.Schedd = a.text(attrScheddName)
	if id := a.text(attrGlobalJobID); id != "" {
		j.ID = id
		if schedd, rest, ok := strings.Cut(id, "#"); ok {
			j.Schedd = schedd
			number, _, _ := strings.Cut(rest, "#")
			if c, p, ok := parseClusterProc(number); ok {
				cluster, proc = c, p
			}
		}
		j.Cluster, j.Proc = cluster, proc
		return true
	}
	if !okC || !okP || j.Schedd == "" {
		return false
	}
	j.Cluster, j.Proc = cluster, proc
	j.ID = jobNumber(j.Schedd, cluster, proc)
	if q := a.date(attrQDate); !q.IsZero() {
		j.ID += "#" + strconv.FormatInt(q.Unix(), 10)
	}
	return true
}

// jobNumber is the beginning of a GlobalJobId, which also ends in the time of the
// submission.
func jobNumber(schedd string, cluster, proc int64) string {
	return PilotID{Schedd: schedd, Cluster: cluster, Proc: proc}.String()
}

func parseClusterProc(s string) (cluster, proc int64, ok bool) {
	c, p, found := strings.Cut(s, ".")
	cluster, errC := strconv.ParseInt(c, 10, 64)
	proc, errP := strconv.ParseInt(p, 10, 64)
	return cluster, proc, found && errC == nil && errP == nil && cluster >= 0 && proc >= 0
}

// The words for a job's state, as CMS's documents and HTCondor's numbers give
// them.
var jobStates = map[int64]string{1: "Idle", 2: "Running", 3: "Removed", 4: "Completed", 5: "Held", 6: "TransferringOutput", 7: "Suspended"}

// statusOf asks the schedd's own number first, which documents of running jobs
// lack.
func statusOf(a *attributes) string {
	n, _ := a.count(attrJobStatus)
	if s := jobStates[n]; s != "" {
		return s
	}
	return a.text(attrStatus)
}

// isRunning tells whether a job of this status occupies a slot.
func isRunning(status string) bool {
	switch lowerASCII(status) {
	case "running", "transferringoutput", "suspended", "starting":
		return true
	}
	return false
}

// kindOf decides how the record may be read. Only the words for an end, or a
// record from a history, make it one of a finished job. What the queue itself
// answered, with its ServerTime, is no epoch, whatever the job's owner named so.
func kindOf(a *attributes, status string) RecordKind {
	_, run := a.count(attrRunInstanceID)
	switch {
	case status == "Completed" || status == "Removed":
		return Finished
	case run && !a.has(attrServerTime):
		return Epoch
	case a.text(attrSpiderSource) == "condor_history":
		return Finished
	case isRunning(status) || status == "Idle" || status == "Held":
		return Snapshot
	}
	if end, _ := a.firstDate(attrCompletionDate, attrJobFinishedHookDone); !end.IsZero() || a.text(attrRemoteHost) == "" {
		return Finished
	}
	return Snapshot
}

// siteOf follows the order in which the CMS spider looks for the site.
func siteOf(a *attributes) string {
	return cleanSite(a.firstText(attrMatchedSite, attrSite, attrPilotSite, attrMatchedSiteToo, attrMatchSite, machineSites[0], machineProcessingSites[0]))
}

func cleanSite(s string) string { return strings.TrimSuffix(s, "_Disk") }

func earlierSites(a *attributes) []string {
	var out []string
	for i := 1; i <= 8 && a.there.meets(moved); i++ {
		s := cleanSite(a.firstText(machineSites[i], machineProcessingSites[i]))
		if s != "" && !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

func pilotOf(a *attributes) Pilot {
	p := Pilot{
		Factory: a.firstText(attrMatchedFactory, attrFactory),
		Entry:   a.firstText(attrMatchedEntry, attrEntry),
		Name:    a.firstText(attrMatchedPilotName, attrPilotName),
		Client:  a.firstText(attrMatchedClient, attrClient),
		Batch:   a.firstText(attrMatchedBatch, attrBatch),
		Queue:   a.firstText(attrMatchedQueue, attrQueue),
	}
	number := func(matched, own Attribute) (int64, bool) {
		if n, ok := a.count(matched); ok {
			return n, ok
		}
		return a.count(own)
	}
	cluster, okC := number(attrMatchedPilotCluster, attrPilotCluster)
	proc, okP := number(attrMatchedPilotProc, attrPilotProc)
	if okC && okP {
		p.ID = PilotID{Schedd: a.firstText(attrMatchedPilotSchedd, attrPilotSchedd), Cluster: cluster, Proc: proc}
	}
	return p
}

func readTimes(a *attributes, j *Job) {
	j.Submitted = a.date(attrQDate)
	j.FirstStart = a.date(attrJobStartDate)
	j.Start = a.date(attrJobCurrentStartDate)
	j.ProxyEnds = a.date(attrProxyExpiration)
	switch j.Kind {
	case Finished:
		// A job that was removed, as an attacker's is, has no CompletionDate.
		j.End, j.EndField = a.firstDate(attrCompletionDate, attrJobFinishedHookDone, attrEnteredCurrentStatus, attrRecordTime)
	case Epoch:
		// Not EnteredCurrentStatus: the ad is written while the status still dates
		// from the start, and an end at the start would hide the run.
		for _, field := range []Attribute{attrEpochWriteDate, attrFinishTransferOutputDate, attrLastVacateTime, attrCompletionDate} {
			if t := a.date(field); !t.IsZero() && !t.Before(j.Start) {
				j.End, j.EndField = t, fieldNames[field]
				break
			}
		}
	case Snapshot:
		if !isRunning(j.Status) && !j.Start.IsZero() {
			j.End, j.EndField = a.firstDate(attrEnteredCurrentStatus, attrLastVacateTime)
		}
	}
	j.Recorded, _ = a.firstDate(attrRecordTime, attrTimestamp, attrServerTime, attrDataCollectionDate, attrDataCollection)
	if j.Recorded.IsZero() {
		// An ad from a history does not say when it was read: the latest thing that
		// it knows of is the best there is.
		for _, field := range []Attribute{attrEnteredCurrentStatus, attrLastJobLeaseRenewal, attrLastRemoteStatusUpdate, attrJobCurrentStartDate} {
			j.Recorded = later(j.Recorded, a.date(field))
		}
		j.Recorded = later(j.Recorded, j.End)
	}
}

func smallCount(a *attributes, which Attribute) int {
	n, _ := a.count(which)
	return int(min(n, 1<<30))
}

// reasonHost finds the slot names, and reasonAddr the addresses, in the text of
// a hold or removal, which is often all that is left of an earlier run.
var (
	reasonHost = regexp.MustCompile(`[A-Za-z0-9_.-]+(?:@[A-Za-z0-9_.-]+)+`)
	reasonAddr = regexp.MustCompile(`\b(?i:starter|startd) at <?([0-9A-Fa-f.:\[\]]+)`)
)

// readHosts collects every place that names a host or an address. While a job
// runs, RemoteHost is its host and LastRemoteHost the one of the run before;
// at the end RemoteHost goes and LastRemoteHost is the host of the last run.
func readHosts(a *attributes, j *Job) {
	running := j.Kind == Epoch || j.Kind == Snapshot && isRunning(j.Status)
	remote, _ := HostOf(a.text(attrRemoteHost))
	last, _ := HostOf(a.text(attrLastRemoteHost))
	j.addHost(remote, "RemoteHost", running || last == "")
	j.addHost(last, "LastRemoteHost", !running || j.Kind == Epoch && remote == "")
	slot, _ := HostOf(a.firstText(attrMatchedSlot, attrPilotSlot))
	j.addHost(slot, "GLIDEIN_SiteWMS_Slot", true)
	for i := 0; i < 9 && a.there.meets(moved); i++ {
		n := strconv.Itoa(i)
		host, _ := HostOf(a.text(machineNames[i]))
		j.addHost(host, "MachineAttrName"+n, i == 0)
		if addr := sinfulAddr(a.text(machineStartdIPAddrs[i])); i > 0 && addr.IsValid() {
			j.addHost(addr.String(), "MachineAttrStartdIpAddr"+n, false)
		}
	}
	for _, reason := range []Attribute{attrHoldReason, attrLastHoldReason, attrRemoveReason} {
		text, field := a.text(reason), fieldNames[reason]
		if text == "" {
			continue
		}
		for _, name := range reasonHost.FindAllString(text, maxList) {
			if host, _ := HostOf(name); strings.HasPrefix(name, "slot") || strings.HasPrefix(name, "glidein_") {
				j.addHost(host, field, false)
			}
		}
		for _, m := range reasonAddr.FindAllStringSubmatch(text, maxList) {
			if addr := hostAddr(strings.TrimRight(m[1], ".:")); addr.IsValid() {
				j.addHost(addr.String(), field, false)
			}
		}
	}
	principal := a.text(attrStartdPrincipal)
	j.addAddress(hostAddr(principal[strings.LastIndexByte(principal, '/')+1:]))
	for _, contact := range []Attribute{attrStartdIPAddr, attrStarterIPAddr, machineStartdIPAddrs[0]} {
		j.addSinful(a.text(contact))
	}
	for _, h := range j.Hosts {
		if h.Last && isAddress(h.Host) {
			j.addAddress(netip.MustParseAddr(h.Host))
		}
	}
}

func (j *Job) addHost(host, field string, last bool) {
	claim := HostClaim{Host: host, Field: field, Last: last}
	if host == "" || len(j.Hosts) >= maxList || slices.Contains(j.Hosts, claim) {
		return
	}
	if j.Hosts == nil {
		j.Hosts = make([]HostClaim, 0, 2)
	}
	j.Hosts = append(j.Hosts, claim)
}

// addAddress leaves out addresses that every machine has.
func (j *Job) addAddress(a netip.Addr) {
	if a.IsValid() && !a.IsLoopback() && !a.IsUnspecified() && len(j.Addresses) < maxList && !slices.Contains(j.Addresses, a) {
		j.Addresses = append(j.Addresses, a)
	}
}

// addSinful adds the main address of a contact string and those in its addrs
// parameter, where "+" separates and "-" stands for ":".
func (j *Job) addSinful(s string) {
	j.addAddress(sinfulAddr(s))
	_, list, ok := strings.Cut(s, "addrs=")
	if !ok {
		return
	}
	if i := strings.IndexAny(list, "&>"); i >= 0 {
		list = list[:i]
	}
	read := 0
	for part := range strings.SplitSeq(list, "+") {
		if i := strings.LastIndexByte(part, '-'); i > 0 && read < maxList {
			read++
			j.addAddress(hostAddr(strings.ReplaceAll(strings.Trim(part[:i], "[]"), "-", ":")))
		}
	}
}

// crabTask reads the login out of a CRAB task's name, yymmdd_HHMMSS:LOGIN_crab_NAME.
var crabTask = regexp.MustCompile(`^\d{6}_\d{6}:([A-Za-z0-9.-]+)_crab_`)

// identitiesOf collects every name that the record gives the job's owner, with
// who vouches for it: only the proxy's attributes and the local account are set
// by the schedd, the rest by whoever submitted.
func identitiesOf(a *attributes, source string) []Identity {
	var out []Identity
	add := func(kind, value string, by Trust) {
		id := Identity{Kind: kind, Value: value, AssertedBy: by, Source: source}
		if value == "" || slices.Contains(out, id) {
			return
		}
		if out == nil {
			out = make([]Identity, 0, 8)
		}
		out = append(out, id)
	}
	add("crab", a.text(attrCRABUser), BySubmitter)
	if m := crabTask.FindStringSubmatch(a.firstText(attrCRABWorkflow, attrCRABReqName)); m != nil {
		add("crab", m[1], BySubmitter)
	}
	add("dn", a.text(attrProxySubject), BySchedd)
	for _, fqan := range append(a.texts(attrProxyFQAN), a.text(attrProxyFirstFQAN)) {
		fqan = strings.ReplaceAll(strings.ReplaceAll(fqan, "&comma;", ","), "&amp;", "&")
		switch {
		case !strings.Contains(fqan, "="):
		case strings.Contains(fqan, "/Role=") || strings.Contains(fqan, "/Capability="):
			add("fqan", fqan, BySchedd)
		default:
			add("dn", fqan, BySchedd)
		}
	}
	add("email", a.text(attrProxyEmail), BySchedd)
	add("dn", a.text(attrCRABUserDN), BySubmitter)
	add("accounting", a.text(attrAccountingGroup), BySubmitter)
	add("accounting", a.text(attrAcctGroupUser), BySubmitter)
	add("connect", a.text(attrConnectUser), BySubmitter)
	add("request", a.text(attrWMAgentRequest), BySubmitter)
	owner := a.text(attrOwner)
	if owner == "" {
		owner, _, _ = strings.Cut(a.text(attrUser), "@")
	}
	add("owner", owner, BySchedd)
	return out
}

// earliest gives the first of the times that there are.
func earliest(times ...time.Time) time.Time {
	var first time.Time
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
