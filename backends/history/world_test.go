package history

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// t0 is when the world of the tests begins.
var t0 = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// A world writes documents of es-cms, as its _bulk files have them: jobs of 600
// users on 45 sites in the order of their ends, eight to a pilot.
type world struct {
	rand *rand.Rand
	n    int
	fill bool // with the attributes that nothing asks for, as real documents are
	doc  []byte
}

func newWorld(fill bool) *world {
	return &world{rand: rand.New(rand.NewPCG(1, 2)), fill: fill}
}

// perDay is how many jobs of the world end in a day.
const perDay = 100_000

func (w *world) end(n int) int64 { return t0.Unix() + int64(n)*86400/perDay }

func (w *world) host(site, node int) string {
	return fmt.Sprintf("wn%03d.site%02d.example", node, site)
}

// next gives the action line and the document of the next job.
func (w *world) next() []byte {
	n, r := w.n, w.rand
	w.n++
	end := w.end(n)
	start := end - 60 - r.Int64N(6*3600)
	queued := start - r.Int64N(3*86400)
	site, node, user := int(r.ExpFloat64()*8)%45, r.IntN(400), int(r.ExpFloat64()*60)%600
	schedd := fmt.Sprintf("crab3@vocms%04d.example", 100+n%12)
	pilot := 10_000_000 + n/8
	id := fmt.Sprintf("%s#%d.%d#%d", schedd, 30_000_000+n/12/50, n/12%50, queued)
	d := fmt.Appendf(w.doc[:0], `{"index": {"_index": "cms-%s", "_id": "%s#%d"}}`+"\n", time.Unix(queued, 0).UTC().Format(time.DateOnly), id, end)
	d = fmt.Appendf(d, `{"GlobalJobId": "%s", "ScheddName": "%s", "ClusterId": %d, "ProcId": %d, "CMS_Pool": "Global", "Type": "analysis", "Status": "Completed", "JobStatus": 4, "JobUniverse": 5, "Site": "T2_XX_Site%02d", "Tier": "T2", "Country": "XX", "GLIDEIN_CMSSite": "T2_XX_Site%02d", `, id, schedd, 30_000_000+n/12/50, n/12%50, site, site)
	d = fmt.Appendf(d, `"GLIDEIN_ClusterId": "%d", "GLIDEIN_ProcId": "%d", "GLIDEIN_Factory": "OSG", "GLIDEIN_Name": "gfactory_instance", "GLIDEIN_Entry_Name": "CMSHTPC_T2_XX_Site%02d_ce-1", "GLIDEIN_Schedd": "schedd_glideins9@gfactory.example.org", "GLIDECLIENT_Name": "CMSG-v1_0.main-token", "GLIDEIN_SiteWMS": "HTCondor", "GLIDEIN_SiteWMS_JobId": "%d.0", "GLIDEIN_SiteWMS_Queue": "ce-1.site%02d.example", `, pilot, n%10, site, 1_300_000+n/8, site)
	host := w.host(site, node)
	d = fmt.Appendf(d, `"GLIDEIN_SiteWMS_Slot": "slot1_%d@%s", "LastRemoteHost": "slot1_%d@glidein_%d_%d@%s", "StartdPrincipal": "execute-side@matchsession/198.51.%d.%d", "NumJobStarts": 1, "NumShadowStarts": 1, `, n%8, host, n%8, r.IntN(1<<20), r.IntN(1<<29), host, site, node%250)
	d = fmt.Appendf(d, `"QDate": %d, "JobStartDate": %d, "JobCurrentStartDate": %d, "JobLastStartDate": null, "EnteredCurrentStatus": %d, "JobFinishedHookDone": %d, "RecordTime": %d, "DataCollection": %d, "CompletionDate": %d, "RemoteWallClockTime": %d, "CommittedTime": %d, "RequestCpus": 1, `, queued, start, start, end, end+1, end, end, end, end-start, end-start)
	dn := fmt.Sprintf("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=user%03d/CN=%d/CN=Person %03d", user, 700000+user, user)
	d = fmt.Appendf(d, `"Owner": "cms%04d", "User": "cms%04d@cms", "AccountingGroup": "analysis.user%03d", "x509userproxysubject": "%s", "x509UserProxyVOName": "cms", "x509UserProxyFQAN": ["%s", "/cms/Role=NULL/Capability=NULL"], "VO": "cms", `, user, user, user, dn, dn)
	d = fmt.Appendf(d, `"CRAB_UserHN": "user%03d", "CRAB_Workflow": "260301_080000:user%03d_crab_task%d", "CRAB_Id": "%d", "CRAB_Retry": 0, "CRAB_SubmitterIpAddr": "203.0.113.%d", "CMS_SubmissionTool": "CRAB", "CMS_WMTool": "User", "TaskType": "Analysis"`, user, user, n/500, n%500, user%250)
	if w.fill {
		for i := range 110 {
			switch i % 4 {
			case 0:
				d = fmt.Appendf(d, `, "ChirpCMSSW_Metric%d": %d`, i, r.IntN(1<<30))
			case 1:
				d = fmt.Appendf(d, `, "ReadTimeMins_%d": %f`, i, r.Float64()*1000)
			case 2:
				d = fmt.Appendf(d, `, "DESIRED_Attribute%d": "T2_XX_Site%02d,T2_YY_Site%02d, with \"quotes\""`, i, i%45, r.IntN(45))
			default:
				d = fmt.Appendf(d, `, "HasFlag%d": %t`, i, r.IntN(2) == 0)
			}
		}
	}
	w.doc = append(d, "}\n"...)
	return w.doc
}

// write writes n documents.
func (w *world) write(out io.Writer, n int) error {
	for range n {
		if _, err := out.Write(w.next()); err != nil {
			return err
		}
	}
	return nil
}

// file makes a file of n documents.
func (w *world) file(t testing.TB, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bulk.ndjson")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.write(f, n); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}
