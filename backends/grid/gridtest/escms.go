package gridtest

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// ESCMS gives the documents of finished jobs, as the spider writes them into the
// daily indices of es-cms, which are those of the day of submission, UTC. Some come
// twice, and those of one day are missing.
func (g *Generator) ESCMS() iter.Seq[Doc] {
	return func(yield func(Doc) bool) {
		var f fields
		g.walk(visitor{job: func(j *job) bool { return g.escms(j, &f, yield) }})
	}
}

// Lost gives the documents of the day that is missing: with them nothing is.
func (g *Generator) Lost() iter.Seq[Doc] {
	return func(yield func(Doc) bool) {
		var f fields
		g.walk(visitor{job: func(j *job) bool { return !g.finishedSeen(j) || !g.isLost(j) || g.documents(j, &f, yield) }})
	}
}

// MissingDay is the day, as in the name of an index, whose documents are missing.
func (g *Generator) MissingDay() string { return g.planted.missingDay }

// escms gives the documents of one job that are there.
func (g *Generator) escms(j *job, f *fields, yield func(Doc) bool) bool {
	return !g.inESCMS(j) || g.documents(j, f, yield)
}

// documents gives those that the spider wrote of one job.
func (g *Generator) documents(j *job, f *fields, yield func(Doc) bool) bool {
	at := j.recorded()
	for n := range 1 + j.again {
		recorded := at + int64(n)*spiderEvery
		if recorded > g.now {
			break
		}
		d := Doc{Index: "cms-" + indexDay(j.submitted), ID: j.id() + "#" + strconv.FormatInt(recorded, 10)}
		f.milli = false
		f.begin()
		g.finished(f, j, recorded, "condor_history")
		d.Source = bytes.Clone(f.end())
		if !yield(d) || j.twice && !yield(d) {
			return false
		}
	}
	return true
}

// finished writes the attributes of a job that is over.
func (g *Generator) finished(f *fields, j *job, recorded int64, by string) {
	r := j.last()
	g.common(f, j, r, recorded)
	status, state := "Completed", int64(4)
	if j.removed {
		status, state = "Removed", 3
	}
	f.text("Status", status)
	f.number("JobStatus", state)
	f.number("JobUniverse", 5)
	f.number("ClusterId", j.cluster)
	f.number("ProcId", j.proc)
	g.pilotFields(f, "", r)
	f.text("LastRemoteHost", r.remote())
	f.text("StartdPrincipal", "execute-side@matchsession/"+r.pilot.site.public(r.node).String())
	f.text("StartdIpAddr", contact(r))
	g.starts(f, j)
	f.date("EnteredCurrentStatus", j.end())
	completion, hook := j.end(), j.end()+1
	if j.removed {
		completion = 0
	}
	if j.noHook {
		hook = 0
	}
	f.date("CompletionDate", completion)
	f.date("JobFinishedHookDone", hook)
	f.number("DataCollection", recorded)
	f.date("DataCollectionDate", recorded)
	f.number("RequestCpus", int64(j.cpus))
	f.number("ExitCode", int64(j.exit))
	if j.removed {
		f.text("RemoveReason", "via condor_rm (by user "+g.account(j)+")")
	}
	g.proxy(f, j)
	if j.kind == analysis {
		f.text("CRAB_SubmitterIpAddr", j.owner.address)
	}
	f.raw("metadata", `{"spider_source": "`+by+`", "spider_runtime": `+strconv.FormatInt(spiderRun(recorded, 300)*1000, 10)+`, "spider_hostname": "spider.example"}`)
}

// common writes what every document has, also of running jobs.
func (g *Generator) common(f *fields, j *job, r run, recorded int64) {
	at := r.pilot.site
	f.text("GlobalJobId", j.id())
	f.text("ScheddName", j.schedd)
	f.text("CMS_Pool", "Global")
	f.text("Site", at.name)
	f.text("Tier", at.name[:2])
	f.text("Country", at.name[3:5])
	if at.sub != "" {
		f.text("MachineAttrCMSSubSiteName0", at.sub)
	}
	f.text("GLIDEIN_Entry_Name", r.pilot.entry)
	f.text("GLIDEIN_Factory", r.pilot.factory)
	f.text("GLIDEIN_ClusterId", strconv.FormatInt(r.pilot.cluster, 10))
	f.number("GLIDEIN_ProcId", r.pilot.proc)
	f.text("GLIDECLIENT_Name", r.pilot.client)
	f.date("QDate", j.submitted)
	f.date("JobCurrentStartDate", r.start)
	f.date("RecordTime", recorded)
	f.hoursOf("QueueHrs", j.runs[0].start-j.submitted)
	g.ownerFields(f, j)
}

// ownerFields writes what whoever submitted said of the job.
func (g *Generator) ownerFields(f *fields, j *job) {
	if j.kind != analysis {
		f.text("Type", "production")
		f.text("CMS_JobType", []string{"Production", "Merge"}[min(1, int(j.kind-production))])
		f.text("CMS_SubmissionTool", "WMAgent")
		f.text("AccountingGroup", "production.cmsdataops")
		f.text("WMAgent_RequestName", j.task)
		f.text("WMAgent_AgentName", j.schedd)
		f.text("Workflow", j.task)
		return
	}
	f.text("Type", "analysis")
	f.text("CMS_JobType", "Analysis")
	f.text("CMS_SubmissionTool", "CRAB")
	f.text("AccountingGroup", "analysis."+j.login)
	f.text("CRAB_UserHN", j.login)
	f.text("CRAB_Workflow", j.task)
	f.text("CRAB_Id", strconv.Itoa(j.number))
	f.number("CRAB_Retry", int64(j.retry))
	f.text("Campaign", "crab_"+j.login)
	f.text("AffiliationInstitute", j.owner.institute)
	f.text("AffiliationCountry", j.owner.country)
}

// pilotFields writes what the pilot said of itself. Ads have it with the prefix
// by which HTCondor marks a matched machine's attributes.
func (g *Generator) pilotFields(f *fields, prefix string, r run) {
	p := r.pilot
	f.text(prefix+"GLIDEIN_CMSSite", p.site.name)
	f.text(prefix+"GLIDEIN_Site", p.site.resource())
	f.text(prefix+"GLIDEIN_Name", "gfactory_instance")
	f.text(prefix+"GLIDEIN_Schedd", p.schedd)
	f.text(prefix+"GLIDEIN_SiteWMS", p.site.batch)
	f.text(prefix+"GLIDEIN_SiteWMS_JobId", p.batch)
	f.text(prefix+"GLIDEIN_SiteWMS_Queue", p.queue)
	f.text(prefix+"GLIDEIN_SiteWMS_Slot", p.wmsSlot(r))
}

// starts writes what is left of a job's runs once it is over: the first start
// and the latest ones, and how many there were.
func (g *Generator) starts(f *fields, j *job) {
	n := len(j.runs)
	f.date("JobStartDate", j.runs[0].start)
	before, vacated, wall := int64(0), int64(0), int64(0)
	if n > 1 {
		before, vacated = j.runs[n-2].start, j.runs[n-2].end
		if j.kind != analysis { // WMAgent asks for the sites of earlier runs
			for i := n - 2; i >= 0; i-- {
				f.text("MachineAttrGLIDEIN_CMSSite"+strconv.Itoa(n-1-i), j.runs[i].pilot.site.name)
			}
		}
	}
	for _, r := range j.runs {
		wall += r.end - r.start
	}
	committed := j.end() - j.last().start
	if j.removed {
		committed = 0
	}
	f.date("JobLastStartDate", before)
	if vacated > 0 {
		f.number("LastVacateTime", vacated)
	}
	f.number("NumJobStarts", int64(n))
	f.number("NumShadowStarts", int64(j.shadows))
	f.number("RemoteWallClockTime", wall)
	f.number("CommittedTime", committed)
}

// account is the local account on the schedd.
func (g *Generator) account(j *job) string {
	if j.kind != analysis {
		return "cmst1"
	}
	return j.owner.account
}

// proxy writes what the schedd itself saw of the owner.
func (g *Generator) proxy(f *fields, j *job) {
	f.text("Owner", g.account(j))
	f.text("User", g.account(j)+"@cms")
	if j.dn == "" {
		return
	}
	f.text("x509userproxysubject", j.dn)
	f.text("x509UserProxyVOName", "cms")
	f.text("VO", "cms")
	first := "/cms/Role=NULL/Capability=NULL"
	if j.kind != analysis {
		first = "/cms/Role=production/Capability=NULL"
	} else if j.owner.email != "" {
		f.text("x509UserProxyEmail", j.owner.email)
	}
	f.text("x509UserProxyFirstFQAN", first)
	f.list("x509UserProxyFQAN", fqanText(j.dn), first)
}

// fqanText writes a DN as HTCondor does in the list of FQANs.
func fqanText(dn string) string {
	return strings.ReplaceAll(strings.ReplaceAll(dn, "&", "&amp;"), ",", "&comma;")
}

// contact is the address at which the node's startd is reached.
func contact(r run) string {
	own := r.pilot.site.own(r.node).String()
	return "<" + own + ":33125?addrs=" + own + "-33125&noUDP&sock=startd_" + strconv.FormatInt(r.pilot.pid, 10) + ">"
}
