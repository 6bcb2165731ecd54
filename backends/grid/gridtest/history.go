package gridtest

import (
	"bytes"
	"iter"
	"strconv"
)

// Schedds are those whose condor_history was handed over.
func (g *Generator) Schedds() []string { return schedds() }

// History gives the ads that condor_history -json prints at each schedd, as JSON
// objects, with the schedd's name.
func (g *Generator) History() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var f fields
		g.walk(visitor{job: func(j *job) bool { return g.history(j, &f, yield) }})
	}
}

func (g *Generator) history(j *job, f *fields, yield func(string, []byte) bool) bool {
	if !g.inHistory(j) {
		return true
	}
	f.milli = false
	f.begin()
	state, completed, hook := int64(4), j.end(), j.end()+1
	if j.removed {
		state, completed = 3, 0
	}
	if j.noHook {
		hook = 0
	}
	g.ad(f, j, j.last(), state)
	f.text("LastRemoteHost", j.last().remote())
	g.starts(f, j)
	f.number("EnteredCurrentStatus", j.end())
	f.number("CompletionDate", completed)
	if hook > 0 {
		f.number("JobFinishedHookDone", hook)
	}
	f.number("ExitCode", int64(j.exit))
	return yield(j.schedd, bytes.Clone(f.end()))
}

// Epochs gives the ads that condor_history -epochs -json prints: one for each
// run of the jobs that had several.
func (g *Generator) Epochs() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var f fields
		g.walk(visitor{job: func(j *job) bool { return g.epochs(j, &f, yield) }})
	}
}

func (g *Generator) epochs(j *job, f *fields, yield func(string, []byte) bool) bool {
	if !g.hasEpochs(j) {
		return true
	}
	for n, r := range j.runs {
		if r.end > g.now {
			break
		}
		f.milli = false
		f.begin()
		g.ad(f, j, r, 2)
		f.text("RemoteHost", r.remote())
		f.number("RunInstanceId", int64(n))
		f.number("NumShadowStarts", int64(n+1))
		f.number("JobStartDate", j.runs[0].start)
		f.number("EnteredCurrentStatus", r.start)
		f.number("EpochWriteDate", r.end)
		if !yield(j.schedd, bytes.Clone(f.end())) {
			return false
		}
	}
	return true
}

// ad writes the attributes of a job's ad as HTCondor names them.
func (g *Generator) ad(f *fields, j *job, r run, state int64) {
	p := r.pilot
	f.text("MyType", "Job")
	f.text("TargetType", "Machine")
	f.text("GlobalJobId", j.id())
	f.number("ClusterId", j.cluster)
	f.number("ProcId", j.proc)
	f.number("JobUniverse", 5)
	f.number("JobStatus", state)
	f.number("QDate", j.submitted)
	f.number("JobCurrentStartDate", r.start)
	f.number("RequestCpus", int64(j.cpus))
	f.text("StartdPrincipal", "execute-side@matchsession/"+p.site.public(r.node).String())
	f.text("StartdIpAddr", contact(r))
	f.text("Requirements", "/Expr(stringListMember(GLIDEIN_CMSSite, DESIRED_Sites))/")
	const matched = "MATCH_EXP_JOB_"
	g.pilotFields(f, matched, r)
	f.text(matched+"GLIDEIN_Entry_Name", p.entry)
	f.text(matched+"GLIDEIN_Factory", p.factory)
	f.text(matched+"GLIDEIN_ClusterId", strconv.FormatInt(p.cluster, 10))
	f.text(matched+"GLIDEIN_ProcId", strconv.FormatInt(p.proc, 10))
	f.text(matched+"GLIDECLIENT_Name", p.client)
	kind := "production"
	if j.kind == analysis {
		kind = "Analysis"
	}
	if j.unmonitored {
		kind = "DONOTMONIT"
	}
	f.text("CMS_Type", kind)
	if j.kind == analysis {
		f.text("CRAB_UserHN", j.login)
		f.text("CRAB_Workflow", j.task)
		f.text("CRAB_Id", strconv.Itoa(j.number))
		f.number("CRAB_Retry", int64(j.retry))
		f.text("CRAB_SubmitterIpAddr", j.owner.address)
		f.text("AccountingGroup", "analysis."+j.login)
		if j.dn != "" {
			f.text("CRAB_UserDN", j.dn)
		}
	} else {
		f.text("WMAgent_RequestName", j.task)
		f.text("AccountingGroup", "production.cmsdataops")
	}
	f.text("Owner", g.account(j))
	f.text("User", g.account(j)+"@cms")
	if j.dn == "" {
		return
	}
	f.text("x509userproxysubject", j.dn)
	f.number("x509UserProxyExpiration", r.start+7*day)
	f.text("x509UserProxyVOName", "cms")
	f.text("x509UserProxyFQAN", fqanText(j.dn)+",/cms/Role=NULL/Capability=NULL")
}
