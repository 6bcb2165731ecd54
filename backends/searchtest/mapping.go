package searchtest

import (
	"encoding/json"
	"maps"
)

// What the spider of CMS says about its fields: dmwm/cms-htcondor-es,
// src/htcondor_es/convert_to_json.py. Its longs and booleans are those that this
// program reads; a number that is not declared becomes a long by itself.
var (
	cmsDates = []string{
		"ChirpCMSSWLastUpdate", "CompletionDate", "CRAB_TaskCreationDate", "DataCollectionDate", "EnteredCurrentStatus", "GLIDEIN_ToDie",
		"GLIDEIN_ToRetire", "JobCurrentStartDate", "JobCurrentStartExecutingDate", "JobCurrentStartTransferOutputDate", "JobFinishedHookDone",
		"JobLastStartDate", "JobStartDate", "LastJobLeaseRenewal", "LastMatchTime", "LastRemoteStatusUpdate", "LastSuspensionTime",
		"LastVacateTime", "MATCH_GLIDEIN_ToDie", "MATCH_GLIDEIN_ToRetire", "QDate", "RecordTime", "ShadowBday", "StageInFinish", "StageInStart",
	}
	cmsLongs = []string{
		"ClusterId", "CommittedSlotTime", "CRAB_JobCount", "CRAB_Retry", "CumulativeSlotTime", "ExitStatus", "GLIDEIN_ProcId", "JobFailed",
		"JobPrio", "JobRunCount", "JobStatus", "JobUniverse", "LastJobStatus", "NumJobMatches", "NumJobStarts", "NumRestarts",
		"NumShadowStarts", "NumSystemHolds", "ProcId", "RemoteSysCpu", "RemoteUserCpu", "RemoteWallClockTime", "RequestCpus",
		"TotalSuspensions", "WMAgent_JobID",
	}
	cmsBooleans = []string{"CRAB_Publish", "CRAB_SaveLogsFlag", "CRAB_TransferOutputs", "CurrentStatusUnknown", "ExitBySignal", "HasSingularity"}
	// What the documents of any day have: were they met one by one, each would be a
	// change of the index's mapping, which takes longer than many documents.
	cmsKeywords = []string{
		"AccountingGroup", "AffiliationCountry", "AffiliationInstitute", "Campaign", "CMS_JobType", "CMS_Pool", "CMS_SubmissionTool", "Country",
		"CRAB_Id", "CRAB_SubmitterIpAddr", "CRAB_UserHN", "CRAB_Workflow", "GLIDECLIENT_Name", "GLIDEIN_ClusterId", "GLIDEIN_CMSSite",
		"GLIDEIN_Entry_Name", "GLIDEIN_Factory", "GLIDEIN_Name", "GLIDEIN_Schedd", "GLIDEIN_Site", "GLIDEIN_SiteWMS", "GLIDEIN_SiteWMS_JobId",
		"GLIDEIN_SiteWMS_Queue", "GLIDEIN_SiteWMS_Slot", "GlobalJobId", "MachineAttrCMSSubSiteName0", "MachineAttrGLIDEIN_CMSSite1",
		"MachineAttrGLIDEIN_CMSSite2", "Owner", "RemoveReason", "ScheddName", "Site", "Status", "Tier", "Type", "User", "VO",
		"WMAgent_AgentName", "WMAgent_RequestName", "Workflow", "x509UserProxyEmail", "x509UserProxyFirstFQAN", "x509UserProxyFQAN",
		"x509userproxysubject", "x509UserProxyVOName",
	}
	// Stored and not indexed: no query finds a job by these.
	cmsUnindexed = []string{"Args", "Cmd", "LastRemoteHost", "StartdIpAddr", "StartdPrincipal"}
)

// fields gives each name the same definition.
func fields(names []string, definition map[string]any) map[string]any {
	all := map[string]any{}
	for _, n := range names {
		all[n] = definition
	}
	return all
}

// cmsStrings is what a string becomes that is not declared: exact, case-sensitive
// and, past 256 letters, not searchable.
var cmsStrings = map[string]any{"type": "keyword", "norms": false, "ignore_above": 256}

// body is an index's settings and mappings, for a template or a new index. All
// strings that are not declared become what the definition says.
func body(strings, properties map[string]any) []byte {
	b, err := json.Marshal(map[string]any{
		// Nobody waits for the disk, and what is loaded is made visible by who loaded it.
		"settings": map[string]any{
			"number_of_shards": 1, "number_of_replicas": 0, "index.mapping.total_fields.limit": 2000,
			"refresh_interval": -1, "index.translog.durability": "async",
		},
		"mappings": map[string]any{
			"dynamic_templates": []any{map[string]any{"strings": map[string]any{"match_mapping_type": "string", "mapping": strings}}},
			"date_detection":    false,
			"properties":        properties,
		},
	})
	if err != nil {
		panic(err) // of maps and strings
	}
	return b
}

// CMSMapping is the mapping of an index of es-cms, whose dates are seconds since 1970.
func CMSMapping() []byte {
	properties := fields(cmsKeywords, cmsStrings)
	maps.Copy(properties, fields(cmsDates, map[string]any{"type": "date", "format": "epoch_second"}))
	maps.Copy(properties, fields(cmsLongs, map[string]any{"type": "long"}))
	maps.Copy(properties, fields(cmsBooleans, map[string]any{"type": "boolean"}))
	maps.Copy(properties, fields(cmsUnindexed, map[string]any{"type": "text", "index": false}))
	return body(cmsStrings, properties)
}

// What strings are in MONIT, whose mapping nobody publishes.
const (
	Keyword        = "keyword"      // exact
	TextAndKeyword = "text.keyword" // words, and exact below .keyword: what a server does by itself
	Text           = "text"         // words only: an exact search finds nothing or too much
)

// MONITMapping is a mapping that MONIT may have. Its strings are [Keyword],
// [TextAndKeyword] or [Text]; dates below data are plain numbers, milliseconds since 1970,
// and metadata.timestamp is a date of the same.
func MONITMapping(strings string) []byte {
	var definition map[string]any
	switch strings {
	case Keyword:
		definition = map[string]any{"type": "keyword", "ignore_above": 256}
	case TextAndKeyword:
		definition = map[string]any{"type": "text", "fields": map[string]any{"keyword": map[string]any{"type": "keyword", "ignore_above": 256}}}
	case Text:
		definition = map[string]any{"type": "text"}
	default:
		panic("searchtest: MONIT's strings are never " + strings)
	}
	data := fields(append([]string{"RemoteHost", "LastRemoteHost"}, cmsKeywords...), definition)
	maps.Copy(data, fields(cmsDates, map[string]any{"type": "long"}))
	return body(definition, map[string]any{
		"data":     map[string]any{"properties": data},
		"metadata": map[string]any{"properties": map[string]any{"timestamp": map[string]any{"type": "date", "format": "epoch_millis"}}},
	})
}
