package grid

import (
	"bufio"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// parseRecord reads one record, with numbers kept as text as the stores do.
func parseRecord(t testing.TB, text string) map[string]any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var rec map[string]any
	if err := d.Decode(&rec); err != nil {
		t.Fatalf("the record %s: %v", text, err)
	}
	return rec
}

func jobOf(t testing.TB, text string) Job {
	t.Helper()
	j, err := JobFromRecord(parseRecord(t, text), "test")
	if err != nil {
		t.Fatalf("JobFromRecord(%s): %v", text, err)
	}
	return j
}

func unix(sec int64) time.Time { return time.Unix(sec, 0).UTC() }

// bulkJobs gives the jobs of an Elasticsearch bulk dump.
func bulkJobs(t testing.TB) []Job {
	t.Helper()
	f, err := os.Open("testdata/es_bulk.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var jobs []Job
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), `{"index"`) {
			jobs = append(jobs, jobOf(t, lines.Text()))
		}
	}
	return jobs
}

func TestJobFromElasticDocument(t *testing.T) {
	t.Parallel()
	jobs := bulkJobs(t)
	if len(jobs) != 3 {
		t.Fatalf("%d jobs, want 3", len(jobs))
	}
	want := Job{
		ID: "crab3@vocms0120.cern.ch#31860911.0#1750746511", Experiment: CMS, Source: "test", Kind: Finished,
		Schedd: "crab3@vocms0120.cern.ch", Cluster: 31860911, Site: "T2_XX_Example", Status: "Removed", Type: "analysis", Task: "250624_080000:mrossi_crab_test",
		Hosts: []HostClaim{
			{Host: "wn042.example-t2.org", Field: "LastRemoteHost", Last: true},
			{Host: "wn042.example-t2.org", Field: "GLIDEIN_SiteWMS_Slot", Last: true},
		},
		Addresses: jobs[1].Addresses,
		Pilot: Pilot{
			ID:      PilotID{Schedd: "schedd_glideins9@gfactory.example.org", Cluster: 10176593},
			Factory: "OSG", Entry: "CMSHTPC_T2_XX_Example_ce-1", Name: "gfactory_instance", Client: "CMSG-v1_0.main-token",
			Batch: "1301810.0", Queue: "ce-1.example-t2.org",
		},
		Submitted: unix(1750746511), FirstStart: unix(1750759955), Start: unix(1750759955),
		End: unix(1750760435), EndField: "JobFinishedHookDone", Recorded: unix(1750760435),
		Starts: 1, ShadowStarts: 1, LostWall: 479 * time.Second, SubmitAddress: "203.0.113.7",
		Identities: []Identity{
			{"crab", "mrossi", BySubmitter, "test"},
			{"dn", "/DC=org/DC=terena/DC=tcs/C=IT/O=Example Institute/CN=Maria Rossi mrossi@example.it", BySchedd, "test"},
			{"fqan", "/cms/Role=NULL/Capability=NULL", BySchedd, "test"},
			{"accounting", "analysis.mrossi", BySubmitter, "test"},
			{"owner", "cms1727", BySchedd, "test"},
		},
	}
	if diff := cmp.Diff(want, jobs[1], cmpopts.IgnoreFields(Job{}, "Addresses")); diff != "" {
		t.Errorf("the removed job (-want +got):\n%s", diff)
	}
	if a := jobs[1].Addresses; len(a) != 1 || a[0].String() != "198.51.100.42" {
		t.Errorf("addresses %v, want that of StartdPrincipal", a)
	}
	if j := jobs[0]; j.EndField != "CompletionDate" || !j.End.Equal(unix(1750764554)) {
		t.Errorf("the completed job ends %v by %s", j.End, j.EndField)
	}
}

// The same finished job as a hit, as a MONIT document, flattened, and as an ad
// of condor_history gives the same host, dates and names.
func TestJobFromRecordShapes(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"hit": `{"_index":"cms-2025-06-24","_source":{"GlobalJobId":"s@h#7.1#1750746501","Site":"T2_XX_Disk","Status":"Completed","LastRemoteHost":"slot1@WN1.example.org",
			"JobCurrentStartDate":1750759945,"CompletionDate":1750764554,"CRAB_UserHN":"jdoe","QDate":1750746501,"GLIDEIN_ClusterId":"5","GLIDEIN_ProcId":2}}`,
		"monit": `{"data":{"GlobalJobId":"s@h#7.1#1750746501","Site":"T2_XX","Status":"Completed","LastRemoteHost":"slot1@wn1.example.org",
			"JobCurrentStartDate":1750759945000,"CompletionDate":1750764554000,"CRAB_UserHN":"jdoe","QDate":1750746501000,"GLIDEIN_ClusterId":"5","GLIDEIN_ProcId":2},
			"metadata":{"timestamp":1750764554000,"spider_source":"condor_queue"}}`,
		"flat": `{"data.GlobalJobId":"s@h#7.1#1750746501","data.Site":"T2_XX","data.Status":"Completed","data.LastRemoteHost":"slot1@wn1.example.org",
			"data.JobCurrentStartDate":1750759945000,"data.CompletionDate":1750764554000,"data.CRAB_UserHN":"jdoe","data.QDate":1750746501000,
			"data.GLIDEIN_ClusterId":"5","data.GLIDEIN_ProcId":2}`,
		"history": `{"globaljobid":"s@h#7.1#1750746501","MATCH_EXP_JOB_GLIDEIN_CMSSite":"T2_XX","JobStatus":4,"LASTREMOTEHOST":"slot1@wn1.example.org",
			"JobCurrentStartDate":1750759945,"CompletionDate":1750764554.0,"CRAB_UserHN":"jdoe","QDate":"1750746501","Requirements":"/Expr(true)/",
			"MATCH_EXP_JOB_GLIDEIN_ClusterId":"5","MATCH_EXP_JOB_GLIDEIN_ProcId":"2","ScheddName":null}`,
		"without an id": `{"ScheddName":"s@h","ClusterId":7,"ProcId":1,"MATCH_EXP_JOBGLIDEIN_CMSSite":"T2_XX","JobStatus":4,"LastRemoteHost":"slot1@wn1.example.org",
			"Site":"Unknown","JobCurrentStartDate":1750759945,"CompletionDate":1750764554,"CRAB_UserHN":"jdoe","QDate":1750746501,
			"MATCH_EXP_JOB_GLIDEIN_ClusterId":"5","MATCH_EXP_JOB_GLIDEIN_ProcId":"2"}`,
	} {
		j := jobOf(t, text)
		want := Job{
			ID: "s@h#7.1#1750746501", Experiment: CMS, Source: "test", Kind: Finished, Schedd: "s@h", Cluster: 7, Proc: 1, Site: "T2_XX", Status: "Completed",
			Hosts: []HostClaim{{"wn1.example.org", "LastRemoteHost", true}}, Pilot: Pilot{ID: PilotID{Cluster: 5, Proc: 2}},
			Submitted: unix(1750746501), Start: unix(1750759945), End: unix(1750764554), EndField: "CompletionDate", Recorded: unix(1750764554),
			Identities: []Identity{{"crab", "jdoe", BySubmitter, "test"}},
		}
		if diff := cmp.Diff(want, j); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestJobFromRecordInQueue(t *testing.T) {
	t.Parallel()
	running := jobOf(t, `{"GlobalJobId":"s@h#7.0#1750746501","JobStatus":2,"RemoteHost":"slot1@now.example.org","LastRemoteHost":"slot1@before.example.org",
		"JobCurrentStartDate":1750759945,"JobLastStartDate":1750750000,"CompletionDate":0,"ServerTime":1750760000,"NumJobStarts":2,"EnteredCurrentStatus":1750759945,
		"StartdIpAddr":"<188.185.133.107:33125?CCBID=1&addrs=188.185.133.107-33125+[2001-db8--1]-33125+[--1]-33125&noUDP>"}`)
	if running.Kind != Snapshot || !running.End.IsZero() || !running.Recorded.Equal(unix(1750760000)) || !running.PreviousStart.Equal(unix(1750750000)) {
		t.Errorf("running: %+v", running)
	}
	want := []HostClaim{{"now.example.org", "RemoteHost", true}, {"before.example.org", "LastRemoteHost", false}}
	if diff := cmp.Diff(want, running.Hosts); diff != "" {
		t.Errorf("hosts of a running job (-want +got):\n%s", diff)
	}
	if a := running.Addresses; len(a) != 2 || a[0].String() != "188.185.133.107" || a[1].String() != "2001:db8::1" {
		t.Errorf("addresses %v", a)
	}

	held := jobOf(t, `{"GlobalJobId":"s@h#8.0#1750746501","JobStatus":5,"LastRemoteHost":"slot1@wn1.example.org","JobCurrentStartDate":1750759945,
		"EnteredCurrentStatus":1750760000,"HoldReason":"Error from slot1_3@glidein_8908_208368910@cmsrm-wn141.example.it: STARTER at 192.0.2.159 failed to send to <192.0.2.7:1>; ask jdoe@example.org"}`)
	wantHeld := []HostClaim{
		{"wn1.example.org", "LastRemoteHost", true},
		{"cmsrm-wn141.example.it", "HoldReason", false},
		{"192.0.2.159", "HoldReason", false},
	}
	if diff := cmp.Diff(wantHeld, held.Hosts); held.Kind != Snapshot || held.EndField != "EnteredCurrentStatus" || diff != "" {
		t.Errorf("held: kind %s, end by %s, hosts (-want +got):\n%s", held.Kind, held.EndField, diff)
	}

	epoch := jobOf(t, `{"GlobalJobId":"s@h#9.0#1750746501","RunInstanceId":0,"JobStatus":2,"RemoteHost":"slot1@wn2.example.org","JobCurrentStartDate":1750759945,
		"EpochWriteDate":1750760500,"EnteredCurrentStatus":1750759945,"LastRemoteHost":"slot1@wn1.example.org"}`)
	if epoch.Kind != Epoch || !epoch.End.Equal(unix(1750760500)) || epoch.Hosts[0] != (HostClaim{"wn2.example.org", "RemoteHost", true}) || epoch.Hosts[1].Last {
		t.Errorf("epoch: %+v", epoch)
	}

	moved := jobOf(t, `{"GlobalJobId":"s@h#9.1#1","JobStatus":4,"MachineAttrName0":"slot1@a.example.org","MachineAttrName1":"slot1@b.example.org",
		"MachineAttrGLIDEIN_CMSSite0":"T2_A","MachineAttrGLIDEIN_CMSSite1":"T2_B","MachineAttrStartdIpAddr1":"<192.0.2.9:1?x>"}`)
	if moved.Site != "T2_A" || !slices.Equal(moved.EarlierSites, []string{"T2_B"}) || len(moved.Hosts) != 3 || moved.Hosts[1] != (HostClaim{"b.example.org", "MachineAttrName1", false}) {
		t.Errorf("moved: %+v", moved)
	}
}

func TestJobFromRecordHostile(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{}`, `{"GlobalJobId":null}`, `{"GlobalJobId":"Unknown"}`, `{"GlobalJobId":{}}`, `{"ClusterId":1,"ProcId":2}`, `{"ScheddName":"s","ClusterId":-1,"ProcId":2}`,
		`{"ScheddName":"s","ClusterId":1.5,"ProcId":2}`, `{"data":[1],"metadata":3}`, `{"_source":{"_source":{"GlobalJobId":"a"}}}`,
	} {
		if j, err := JobFromRecord(parseRecord(t, text), "test"); !errors.Is(err, ErrNoJobID) {
			t.Errorf("JobFromRecord(%s) = %+v, %v, want ErrNoJobID", text, j, err)
		}
	}
	j := jobOf(t, `{"GlobalJobId":"x","JobStartDate":-5,"JobCurrentStartDate":1e30,"CompletionDate":"never","QDate":1,"RecordTime":99999999999,
		"NumJobStarts":1e300,"RemoteWallClockTime":-1,"CommittedTime":1e99,"LastRemoteHost":["a"],"Owner":{"a":1},"Site":7,"CRAB_UserHN":"`+strings.Repeat("é", 4000)+`"}`)
	if !j.FirstStart.IsZero() || !j.Start.IsZero() || !j.End.IsZero() || !j.Submitted.IsZero() || !j.Recorded.IsZero() || j.LostWall != 0 || len(j.Hosts) != 0 || j.Starts < 0 {
		t.Errorf("absurd values were taken over: %+v", j)
	}
	if v := j.Identities[0].Value; len(v) > maxText+4 || !strings.HasSuffix(v, "…") {
		t.Errorf("a long name was not cut and marked: %d bytes", len(v))
	}
}

// A job's owner can give the job attributes with the names of what surrounds
// records.
func TestJobFromRecordInsideRecord(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"GlobalJobId":"s@h#7.1#1750746501","Owner":"mallory","_source":{"GlobalJobId":"s@h#8.1#1750746502","Owner":"alice"}}`,
		`{"GlobalJobId":"s@h#7.1#1750746501","Owner":"mallory","data":{"GlobalJobId":"s@h#8.1#1750746502","CRAB_UserHN":"alice"}}`,
		`{"ScheddName":"s@h","ClusterId":7,"ProcId":1,"QDate":1750746501,"Owner":"mallory","_source":{"GlobalJobId":"s@h#8.1#1750746502","Owner":"alice"}}`,
	} {
		if j := jobOf(t, text); j.ID != "s@h#7.1#1750746501" || j.Identities[0].Value != "mallory" {
			t.Errorf("%s is taken for %s of %v", text, j.ID, j.Identities)
		}
	}
}

// The order in which a map is walked must not decide what a record says.
func TestJobFromRecordSameNameTwice(t *testing.T) {
	t.Parallel()
	rec := parseRecord(t, `{"GlobalJobId":"x","owner":"b","Owner":"a","OWNER":null,"GLIDEIN_Factory":"plain","MATCH_EXP_JOB_GLIDEIN_Factory":"match"}`)
	for range 50 {
		j, err := JobFromRecord(rec, "test")
		if err != nil || j.Identities[0].Value != "a" || j.Pilot.Factory != "match" {
			t.Fatalf("owner %v, factory %s, %v", j.Identities, j.Pilot.Factory, err)
		}
	}
}

// TestWhoSaidIt: in an ad of HTCondor the job's owner may have set any attribute
// but those of the schedd, and with the names that the CMS spider has for what it
// found out could hide a running job or date it elsewhere.
func TestWhoSaidIt(t *testing.T) {
	t.Parallel()
	const schedd = `"MyType":"Job","GlobalJobId":"s@h#7.1#1750746501","QDate":1750746501,"JobCurrentStartDate":1750759945,"EnteredCurrentStatus":1750759945,
		"MATCH_EXP_JOB_GLIDEIN_CMSSite":"T2_XX","MATCH_EXP_JOB_GLIDEIN_ClusterId":"5","MATCH_EXP_JOB_GLIDEIN_ProcId":"2","MATCH_EXP_JOB_GLIDEIN_Schedd":"s@factory",
		"MATCH_EXP_JOB_GLIDEIN_SiteWMS_JobId":"17.0","MATCH_EXP_JOB_GLIDEIN_SiteWMS_Slot":"slot1@wn1.example.org","x509UserProxyVOName":"cms","RemoteHost":"slot1@wn1.example.org"`
	const running = schedd + `,"JobStatus":2,"ServerTime":1750760000`
	const finished = schedd + `,"JobStatus":3,"LastRemoteHost":"slot1@wn1.example.org"`
	for name, text := range map[string]string{
		"status":            `"Status":"Completed"`,
		"status, shouted":   `"STATUS":"Completed","SITE":"T2_YY"`,
		"idle":              `"Status":"Idle"`,
		"site":              `"Site":"T2_YY"`,
		"site of the pilot": `"GLIDEIN_CMSSite":"T2_YY","MachineAttrGLIDEIN_CMSSite0":"T2_YY","match_exp_job_glidein_cmssite":"T2_YY","MATCH_EXP_JOB_Site":"T2_YY"`,
		"pilot":             `"GLIDEIN_ClusterId":6,"GLIDEIN_ProcId":1,"GLIDEIN_Schedd":"s@other","GLIDEIN_SiteWMS_JobId":"18.0","GLIDEIN_Factory":"X","GLIDEIN_Entry_Name":"X","GLIDEIN_Name":"X","GLIDECLIENT_Name":"X","GLIDEIN_SiteWMS_Queue":"X","GLIDEIN_SiteWMS_Slot":"slot1@wn2.example.org"`,
		"recorded":          `"RecordTime":1650760000,"DataCollection":1650760000,"DataCollectionDate":1650760000`,
		"recorded later":    `"RecordTime":1950760000,"DataCollection":1950760000,"DataCollectionDate":1950760000`,
		"metadata":          `"metadata":{"timestamp":1650760000000,"spider_source":"condor_history"},"metadata.timestamp":1650760000000,"data.metadata.timestamp":1650760000000`,
		"experiment":        `"VO":"atlas"`,
		"type":              `"Type":"production"`,
		"source":            `"_source":{"GlobalJobId":"s@h#7.1#1750746501","Status":"Completed"}`,
		"data":              `"data":{"GlobalJobId":"s@h#7.1#1750746501","Status":"Completed","metadata":{"timestamp":1650760000000}},"data.GlobalJobId":"s@h#7.1#1750746501","data.Status":"Completed"`,
	} {
		for _, ad := range []string{running, finished} {
			want := jobOf(t, "{"+ad+"}")
			if diff := cmp.Diff(want, jobOf(t, "{"+ad+","+text+"}")); diff != "" {
				t.Errorf("%s: the owner is believed (-want +got):\n%s", name, diff)
			}
			// Somebody's own index of ads is no more to be believed than they are.
			if diff := cmp.Diff(want, jobOf(t, `{"_index":"x","_source":{`+ad+","+text+"}}")); diff != "" {
				t.Errorf("%s, indexed: the owner is believed (-want +got):\n%s", name, diff)
			}
		}
	}
	for name, ad := range map[string]string{"running": running, "finished": finished} {
		forged := jobOf(t, "{"+ad+`,"RunInstanceId":0,"EpochWriteDate":1750759946}`)
		if diff := cmp.Diff(jobOf(t, "{"+ad+"}"), forged); diff != "" {
			t.Errorf("a %s job is taken for an epoch (-want +got):\n%s", name, diff)
		}
	}
}

// TestWhatTheSpiderSaid: of its documents the spider's names are believed, in its
// own spelling, but for what the schedd says of the status; an attribute that the
// owner added to them makes the document no ad.
func TestWhatTheSpiderSaid(t *testing.T) {
	t.Parallel()
	const document = `"GlobalJobId":"s@h#7.1#1750746501","Site":"T2_XX","RecordTime":1750764554,"LastRemoteHost":"slot1@wn1.example.org","GLIDEIN_ClusterId":"5","GLIDEIN_ProcId":2,
		"JobCurrentStartDate":1750759945,"CompletionDate":1750764554,"Type":"analysis","VO":"cms"`
	want := jobOf(t, "{"+document+`,"Status":"Completed"}`)
	if want.Site != "T2_XX" || want.Status != "Completed" || want.Pilot.ID != (PilotID{Cluster: 5, Proc: 2}) || want.Type != "analysis" || !want.Recorded.Equal(unix(1750764554)) {
		t.Errorf("the document: %+v", want)
	}
	for name, text := range map[string]string{
		"the same":      `"JobStatus":4`,
		"other status":  `"JobStatus":4,"Status":"Running"`,
		"spelled":       `"Status":"Completed","STATUS":"Running","SITE":"T2_YY","RECORDTIME":1650764554,"TYPE":"production","vo":"atlas","DATACOLLECTION":1650764554`,
		"an ad's marks": `"Status":"Completed","mytype":"Job","IWD":"/","servertime":1,"match_exp_job_glidein_cmssite":"T2_YY"`,
		"an epoch":      `"Status":"Completed","RunInstanceId":0,"EpochWriteDate":1750759946`,
		"still there":   `"Status":"Completed","MATCH_GLIDEIN_CMSSite":"T2_YY","match_exp_jobglidein_cmssite":"T2_YY"`,
	} {
		if diff := cmp.Diff(want, jobOf(t, "{"+document+","+text+"}")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	snapshot := jobOf(t, `{"data":{"GlobalJobId":"s@h#7.1#1750746501","Status":"Running","RemoteHost":"slot1@wn1.example.org","RecordTime":1750764554000,"RunInstanceId":1}}`)
	if snapshot.Kind != Snapshot || snapshot.Status != "Running" {
		t.Errorf("a document of a running job: %+v", snapshot)
	}
}

func FuzzJobFromRecord(f *testing.F) {
	for _, s := range []string{
		`{"GlobalJobId":"s@h#7.1#1750746501","Status":"Completed","LastRemoteHost":"slot1@<1.2.3.4:5?addrs=1.2.3.4-5+[--1]-6>","CompletionDate":1750764554}`,
		`{"data":{"GlobalJobId":7,"RemoteHost":"@","RunInstanceId":0},"metadata":{"timestamp":1750764554000}}`,
		`{"ScheddName":"s","ClusterId":"1","ProcId":0,"x509UserProxyFQAN":["/CN=a&comma;b",null,{}],"HoldReason":"STARTER at ]:1 slot1@a@b"}`,
		`{"GlobalJobId":"#.#","CRAB_Workflow":"250624_080000:a_crab_b","AccountingGroup":".","JobStatus":2,"RecordTime":-0.0}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		var rec map[string]any
		if d.Decode(&rec) != nil {
			return
		}
		j, err := JobFromRecord(rec, "fuzz")
		if err != nil {
			return
		}
		if j.ID == "" || j.Kind == "" || len(j.Hosts) > maxList || len(j.Addresses) > maxList {
			t.Fatalf("%s gives %+v", s, j)
		}
		for _, tm := range []time.Time{j.Submitted, j.FirstStart, j.Start, j.End, j.Recorded, j.ProxyEnds} {
			if !tm.IsZero() && (tm.Before(oldestDate) || !tm.Before(newestDate)) {
				t.Fatalf("%s gives the date %v", s, tm)
			}
		}
		q := Query{Kind: ByHost, Host: "wn1.example.org", Window: Window{From: unix(1750000000), To: unix(1751000000)}}
		if sight, ok := Match(q, j); ok {
			Merge(q, []Found{{Sightings: []Sighting{sight}}}, noon)
		}
	})
}
