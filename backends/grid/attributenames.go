package grid

import "strconv"

// attribute gives the attribute of a name in lower case, which is one of those that
// the rules ask for.
func attribute(name string) Attribute {
	a, ok := wanted[name]
	if !ok {
		panic("grid: no rule asks for " + name)
	}
	return a
}

// The attributes of most records: to look each up for each record would be a tenth
// of the time that reading it takes.
var (
	attrGlobalJobID   = attribute("globaljobid")
	attrScheddName    = attribute("scheddname")
	attrClusterID     = attribute("clusterid")
	attrProcID        = attribute("procid")
	attrJobStatus     = attribute("jobstatus")
	attrStatus        = attribute("status")
	attrRunInstanceID = attribute("runinstanceid")
	attrServerTime    = attribute("servertime")
	attrSpiderSource  = attribute("metadata.spider_source")
	attrTimestamp     = attribute("metadata.timestamp")

	attrMatchedSite    = attribute("match_exp_job_glidein_cmssite")
	attrSite           = attribute("site")
	attrPilotSite      = attribute("glidein_cmssite")
	attrMatchedSiteToo = attribute("match_exp_jobglidein_cmssite")
	attrMatchSite      = attribute("match_glidein_cmssite")

	attrRemoteHost      = attribute("remotehost")
	attrLastRemoteHost  = attribute("lastremotehost")
	attrMatchedSlot     = attribute("match_exp_job_glidein_sitewms_slot")
	attrPilotSlot       = attribute("glidein_sitewms_slot")
	attrHoldReason      = attribute("holdreason")
	attrLastHoldReason  = attribute("lastholdreason")
	attrRemoveReason    = attribute("removereason")
	attrStartdPrincipal = attribute("startdprincipal")
	attrStartdIPAddr    = attribute("startdipaddr")
	attrStarterIPAddr   = attribute("starteripaddr")

	attrQDate                    = attribute("qdate")
	attrJobStartDate             = attribute("jobstartdate")
	attrJobCurrentStartDate      = attribute("jobcurrentstartdate")
	attrJobLastStartDate         = attribute("joblaststartdate")
	attrCompletionDate           = attribute("completiondate")
	attrJobFinishedHookDone      = attribute("jobfinishedhookdone")
	attrEnteredCurrentStatus     = attribute("enteredcurrentstatus")
	attrRecordTime               = attribute("recordtime")
	attrEpochWriteDate           = attribute("epochwritedate")
	attrFinishTransferOutputDate = attribute("jobcurrentfinishtransferoutputdate")
	attrLastVacateTime           = attribute("lastvacatetime")
	attrDataCollectionDate       = attribute("datacollectiondate")
	attrDataCollection           = attribute("datacollection")
	attrLastJobLeaseRenewal      = attribute("lastjobleaserenewal")
	attrLastRemoteStatusUpdate   = attribute("lastremotestatusupdate")
	attrProxyExpiration          = attribute("x509userproxyexpiration")

	attrNumJobStarts        = attribute("numjobstarts")
	attrNumShadowStarts     = attribute("numshadowstarts")
	attrRemoteWallClockTime = attribute("remotewallclocktime")
	attrCommittedTime       = attribute("committedtime")

	attrProxyVO         = attribute("x509userproxyvoname")
	attrVO              = attribute("vo")
	attrType            = attribute("type")
	attrCMSType         = attribute("cms_type")
	attrCRABWorkflow    = attribute("crab_workflow")
	attrCRABReqName     = attribute("crab_reqname")
	attrWMAgentRequest  = attribute("wmagent_requestname")
	attrWorkflow        = attribute("workflow")
	attrCRABSubmitter   = attribute("crab_submitteripaddr")
	attrCRABUser        = attribute("crab_userhn")
	attrProxySubject    = attribute("x509userproxysubject")
	attrProxyFQAN       = attribute("x509userproxyfqan")
	attrProxyFirstFQAN  = attribute("x509userproxyfirstfqan")
	attrProxyEmail      = attribute("x509userproxyemail")
	attrCRABUserDN      = attribute("crab_userdn")
	attrAccountingGroup = attribute("accountinggroup")
	attrAcctGroupUser   = attribute("acctgroupuser")
	attrConnectUser     = attribute("connectclientuser")
	attrOwner           = attribute("owner")
	attrUser            = attribute("user")

	attrMatchedFactory      = attribute("match_exp_job_glidein_factory")
	attrMatchedEntry        = attribute("match_exp_job_glidein_entry_name")
	attrMatchedPilotName    = attribute("match_exp_job_glidein_name")
	attrMatchedClient       = attribute("match_exp_job_glideclient_name")
	attrMatchedBatch        = attribute("match_exp_job_glidein_sitewms_jobid")
	attrMatchedQueue        = attribute("match_exp_job_glidein_sitewms_queue")
	attrMatchedPilotCluster = attribute("match_exp_job_glidein_clusterid")
	attrMatchedPilotProc    = attribute("match_exp_job_glidein_procid")
	attrMatchedPilotSchedd  = attribute("match_exp_job_glidein_schedd")
	attrFactory             = attribute("glidein_factory")
	attrEntry               = attribute("glidein_entry_name")
	attrPilotName           = attribute("glidein_name")
	attrClient              = attribute("glideclient_name")
	attrBatch               = attribute("glidein_sitewms_jobid")
	attrQueue               = attribute("glidein_sitewms_queue")
	attrPilotCluster        = attribute("glidein_clusterid")
	attrPilotProc           = attribute("glidein_procid")
	attrPilotSchedd         = attribute("glidein_schedd")
)

// The attributes of the runs of a job, by their number: 0 is the latest.
var (
	machineNames           = byRun("machineattrname")
	machineSites           = byRun("machineattrglidein_cmssite")
	machineProcessingSites = byRun("machineattrcmsprocessingsitename")
	machineStartdIPAddrs   = byRun("machineattrstartdipaddr")
)

func byRun(stem string) (of [9]Attribute) {
	for i := range of {
		of[i] = attribute(stem + strconv.Itoa(i))
	}
	return of
}

// moved are the attributes of runs, which few records have.
var moved = func() (b bits) {
	for _, of := range [][9]Attribute{machineNames, machineSites, machineProcessingSites, machineStartdIPAddrs} {
		for _, a := range of {
			b.add(a)
		}
	}
	return b
}()

// fieldNames are the names by which answers tell where a date or a host was found.
var fieldNames = map[Attribute]string{
	attrCompletionDate:           "CompletionDate",
	attrJobFinishedHookDone:      "JobFinishedHookDone",
	attrEnteredCurrentStatus:     "EnteredCurrentStatus",
	attrRecordTime:               "RecordTime",
	attrEpochWriteDate:           "EpochWriteDate",
	attrFinishTransferOutputDate: "JobCurrentFinishTransferOutputDate",
	attrLastVacateTime:           "LastVacateTime",
	attrHoldReason:               "HoldReason",
	attrLastHoldReason:           "LastHoldReason",
	attrRemoveReason:             "RemoveReason",
}
