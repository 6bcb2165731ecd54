package grid

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var (
	daemonPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*(@[A-Za-z0-9][A-Za-z0-9._-]*)?$`)
	numberOfJob   = regexp.MustCompile(`^[0-9]+\.[0-9]+$`)
	crabLogin     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)
)

// daemonName reports whether s can be the name of a schedd: nothing that a tool
// could take for an option.
func daemonName(s string) bool { return len(s) <= maxHost && daemonPattern.MatchString(s) }

func (d *draft) add(l Lever) {
	if l.Lines == nil {
		l.Lines = []string{}
	}
	d.Levers = append(d.Levers, l)
}

// where the commands of HTCondor are typed.
const onSchedd = "as an operator of the schedd, on it or on a machine of its pool"

func (d *draft) hold(lines, left []string) {
	d.add(Lever{
		Name: "hold", Title: "hold everything, before anything is removed", Where: onSchedd, Shell: true, Lines: lines, Left: left,
		Effect: "DAGs stop submitting, then nothing of it runs or starts there. Ads, sandboxes and logs stay on the schedd as evidence.",
		Limits: []string{
			"What runs is killed hard on the worker node, and its files there go: where the site wants to see it alive, the node is isolated first.",
			"Only these schedds: others may have jobs that no record shows yet. Undo: condor_release with the same words.",
		},
	})
}

func (d *draft) copies(lines []string) {
	d.add(Lever{
		Name: "copy", Title: "copy the ads", Where: onSchedd, Shell: true, Lines: lines,
		Effect: "Prints the whole ads: keep each output in a file. They name sites, hosts, pilots and the address that submitted.",
		Limits: []string{"It does not copy sandboxes; they are in the spool of the schedd. Killed CRAB jobs may never come to the records of finished jobs, so this comes before the kill."},
	})
}

// tasks drafts the kill of the CRAB tasks that were seen where the trace
// looked, by the two constraints of CRAB's own DagmanKiller.
func (d *draft) tasks() {
	l := Lever{
		Name: "tasks", Title: "kill only the CRAB tasks that were seen here, as CRAB itself does", Where: onSchedd, Shell: true,
		Effect: "Removes each task's DAGs, then its jobs. In this order: a DAG that lives submits its jobs again.",
		Limits: []string{"The user's other tasks go on, and new ones can be submitted."},
	}
	for _, s := range d.here {
		schedd, _ := scheddJob(s.Job)
		if s.Job.Task == "" || s.Confidence != Confirmed || !daemonName(schedd) {
			continue
		}
		m := crabTask.FindStringSubmatch(s.Job.Task)
		if m == nil || !hasClaim(s.Job, "crab", m[1]) {
			continue // production, or a task of another login: its job is held by its owner above
		}
		task, err := ClassAdString(s.Job.Task)
		if err != nil {
			l.Left = appendNew(l.Left, fmt.Sprintf("No line for the task %q: %v.", clipped(s.Job.Task), err))
			continue
		}
		for _, constraint := range []string{
			`stringListMember(CRAB_DAGType, "BASE PROCESSING TAIL", " ") && CRAB_ReqName =?= ` + task,
			`CRAB_ReqName =?= ` + task + ` && CRAB_DAGType =?= "Job"`,
		} {
			l.Lines = appendNew(l.Lines, d.shell(&l.Left, "condor_rm", "-name", schedd, "-constraint", constraint))
		}
	}
	if len(l.Lines)+len(l.Left) > 0 {
		d.add(l)
	}
}

func hasClaim(j Job, kind, value string) bool {
	return slices.ContainsFunc(j.Identities, func(id Identity) bool { return id.Kind == kind && id.Value == value })
}

func (d *draft) kill(lines, left []string) {
	d.add(Lever{
		Name: "kill", Title: "kill everything, when the evidence is copied", Where: onSchedd, Shell: true, Lines: lines, Left: left,
		Effect: "Removes DAGs, then jobs.",
		Limits: []string{
			"Before the ban: CRAB answers KILL of a banned user with KILLFAILED.",
			"A malicious payload can survive the end of its job: only the site sees what is left on the node.",
		},
	})
}

func (d *draft) ban() {
	l := Lever{
		Name: "ban", Title: "ban in CRAB, after the kill", Where: "in the configuration of every CRAB TaskWorker, which then must read it again",
		Effect: "New tasks of that login fail (SUBMITFAILED, RESUBMITFAILED), and so do its kills (KILLFAILED).",
		Limits: []string{
			"Nothing happens to tasks that run. The login is compared exactly. The line sets the whole list: add to the names that stand there.",
		},
	}
	var logins []string
	for _, id := range d.Person.Identities {
		switch {
		case id.Kind != "crab":
		case !crabLogin.MatchString(id.Value):
			l.Left = appendNew(l.Left, fmt.Sprintf("%q cannot be a login of CRAB: the job wrote it itself.", clipped(id.Value)))
		default:
			logins = appendNew(logins, "'"+id.Value+"'")
		}
	}
	if len(logins) > 0 {
		l.Lines = []string{"config.TaskWorker.bannedUsernames = [" + strings.Join(logins, ", ") + "]"}
	} else {
		l.Left = append(l.Left, "No record has a CRAB login of this person.")
	}
	d.add(l)
}

func (d *draft) block() {
	l := Lever{
		Name: "block", Title: "block submission at the schedds", Where: onSchedd, Shell: true,
		Effect: "The local account can submit nothing more there.",
		Limits: []string{"It goes by the local account. Where that is a service's, which submits for everybody, it stops everybody: then leave it."},
	}
	for _, id := range d.Person.Identities {
		if id.Kind != "owner" {
			continue
		}
		if id.Value != d.Person.Username || !crabLogin.MatchString(id.Value) {
			l.Left = appendNew(l.Left, fmt.Sprintf("The local account is %q, which is not the person's by its name: it may be shared.", clipped(id.Value)))
			continue
		}
		for _, schedd := range d.schedds {
			l.Lines = appendNew(l.Lines, d.shell(&l.Left, "condor_qusers", "-name", schedd, "-disable", id.Value, "-reason", "security incident"))
		}
	}
	if len(l.Lines)+len(l.Left) == 0 {
		l.Left = []string{"No record names the local account."}
	}
	d.add(l)
}

func (d *draft) pilots() {
	l := Lever{
		Name: "pilots", Title: "stop the pilots, only after the site has agreed", Where: "as an operator of the pilot factory, on it", Shell: true,
		Effect: "The pilot ends, with every job in it.",
		Limits: []string{"It destroys what is on the worker node: not before the site has looked at it. The logs of a killed pilot may never come back."},
	}
	mine := map[string]bool{}
	for _, s := range d.here {
		id := s.Job.Pilot.ID
		switch {
		case id == (PilotID{}):
		case s.Confidence != Confirmed:
		case !daemonName(id.Schedd) || id.Cluster <= 0 || id.Proc < 0:
			l.Left = appendNew(l.Left, fmt.Sprintf("The pilot %q has no schedd of a factory in the records.", clipped(id.String())))
		default:
			mine[id.String()] = true
			l.Lines = appendNew(l.Lines, d.shell(&l.Left, "condor_rm", "-name", id.Schedd, fmt.Sprintf("%d.%d", id.Cluster, id.Proc)))
		}
	}
	others := 0
	for _, p := range d.trace.People {
		shared := func(s Sighting) bool { return mine[s.Job.Pilot.ID.String()] }
		if !sameOwner(d.Person, p) && slices.ContainsFunc(SightingsOf(d.trace, p), shared) {
			others++
		}
	}
	if others > 0 {
		l.Limits = append(l.Limits, fmt.Sprintf("Jobs of %d others were seen in these pilots.", others))
	}
	if len(l.Lines)+len(l.Left) == 0 {
		l.Left = []string{"No record names a pilot."}
	}
	d.add(l)
}

func (d *draft) nodes() {
	l := Lever{
		Name: "nodes", Title: "keep new pilots off the worker nodes", Where: "in nodes.blacklist of the frontend or factory; each line with its single quotes",
		Effect: "A pilot that starts there ends at once.",
		Limits: []string{
			"It is looked at only when a pilot starts: pilots that run go on, and a node that is not its owner's any more can ignore it.",
			"The name must be written as the node's own uname -n prints it; here it is in small letters.",
		},
	}
	for _, s := range d.here {
		if s.Confidence != Confirmed || s.Host == "" {
			continue
		}
		host, err := ParseHost(s.Host)
		if err != nil || isContainerID(s.Host) {
			l.Left = appendNew(l.Left, fmt.Sprintf("%q is no name by which a worker node can be kept off.", clipped(s.Host)))
			continue
		}
		l.Lines = appendNew(l.Lines, "'"+host+"'")
	}
	if len(l.Lines)+len(l.Left) == 0 {
		l.Left = []string{"No record names a worker node."}
	}
	d.add(l)
}

// site drafts what sites write. The DNs are those of a person that a schedd or
// the submission named, never one that only a worker node did.
func (d *draft) site() {
	argus := Lever{
		Name: "site", Title: "ban at a site, with Argus", Where: "as the administrator of the site's Argus", Shell: true,
		Effect: "The site refuses the DN once the PDP has read its policy again (reloadpolicy) and the PEP daemon's cache is empty (clearcache).",
		Limits: []string{
			"It stops what comes with that DN. Jobs of pilots come with the pilot's, which must never be banned for this: it stops all of CMS.",
			"Argus compares exactly: hold the DN against the site's own logs. A central list reaches a site hours later. Undo: pap-admin un-ban subject with the same DN.",
		},
	}
	lcmaps := Lever{
		Name: "site", Title: "ban at a site, with LCMAPS", Where: "in /etc/grid-security/ban-mapfile",
		Effect: "The site refuses the DN.",
		Limits: []string{"The file must exist: without it everybody is refused. XRootD may want a restart, and keeps what it knows for up to 12 hours."},
	}
	var names []string
	for _, id := range d.Person.Identities {
		if id.Kind != "dn" || id.AssertedBy == ByPilot {
			continue
		}
		dn, ok := NormalizeDN(id.Value)
		if kind, why := KindOfDN(id.Value, d.sites); !ok || !d.person(id.Value) {
			argus.Left = appendNew(argus.Left, fmt.Sprintf("%q is not banned: %s, %s.", clipped(id.Value), kind, why))
			continue
		}
		names = appendNew(names, dn.String())
	}
	for _, dn := range names {
		argus.Lines = slices.DeleteFunc(append(argus.Lines, d.shell(&argus.Left, "pap-admin", "ban", "subject", dn)), isEmpty)
		line, err := fileString(dn)
		if err != nil {
			lcmaps.Left = append(lcmaps.Left, fmt.Sprintf("No line with %q: %v.", clipped(dn), err))
			continue
		}
		lcmaps.Lines = append(lcmaps.Lines, line)
	}
	if len(names) == 0 {
		argus.Left = append(argus.Left, "No record has a DN of this person.")
		d.add(argus)
		return
	}
	d.add(argus)
	d.add(lcmaps)
}

func (d *draft) membership() {
	l := Lever{
		Name: "membership", Title: "suspend the membership", Where: "those who manage CMS's members: IAM or VOMS, and CRIC",
		Effect: "No new proxy or token of CMS.",
		Limits: []string{"Those that exist stay good until they end, and CRAB renews proxies from MyProxy."},
	}
	if end := latestProxy(d.jobs); !end.IsZero() {
		l.Limits = append(l.Limits, "A proxy in these records is good until "+end.UTC().Format("2006-01-02T15:04Z")+".")
	}
	d.add(l)
}
