package grid_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// said makes comparable what a text names: "id×count form; form".
func said(m grid.PandaMentions) []string {
	var out []string
	for _, j := range m.Jobs {
		out = append(out, fmt.Sprintf("%d×%d %s", j.ID, j.Count, strings.Join(j.Forms, "; ")))
	}
	return out
}

func TestPandaIDs(t *testing.T) {
	const (
		first  = "a job's directory, PandaJob_N_…"
		dir    = "a job's directory, PanDA_Pilot-N"
		key    = "PandaID=N"
		jobLog = "a line of the pilot's log, job N"
		named  = "a line of the pilot's log, PanDA job N"
		link   = "an address of the monitor"
	)
	for text, want := range map[string][]string{
		"/tmp/condorg_hLI26201/pilot3/Panda_Pilot_26241_1274389488/PandaJob_1073623690_1274389590": {"1073623690×1 " + first},
		"PandaJob_1073623690_1274389590":                                             {"1073623690×1 " + first},
		"PandaJob_6012345678_data":                                                   {"6012345678×1 " + first},
		"PandaJob_6012345678/":                                                       {"6012345678×1 " + first},
		"PandaJob_6012345678_x":                                                      nil,
		"PanDA_Pilot2_3908_1537173670/PanDA_Pilot-6012345678":                        {"6012345678×1 " + dir},
		"PanDA_Pilot3_3908_1787173670/PanDA_Pilot-6012345678/pilotlog.txt":           {"6012345678×1 " + dir},
		"PanDA_Pilot3_3908_1787173670":                                               nil,
		"Panda_Pilot_26241_1274389488":                                               nil,
		"tarball_PandaJob_6012345678_CERN-PROD_UCORE":                                {"6012345678×1 the directory of a job's log, tarball_PandaJob_N_…"},
		"curl_updateJob_6012345678.config":                                           {"6012345678×1 a file of the pilot, curl_updateJob_N.config"},
		"curl_updateJob_6012345678.json":                                             nil,
		"PandaID=6012345678":                                                         {"6012345678×1 " + key},
		"Wrote PandaID=6012345678 to file":                                           {"6012345678×1 " + key},
		"PandaID=6012345678 had outbound connections":                                {"6012345678×1 " + key},
		"  export PandaID=6012345678;":                                               {"6012345678×1 " + key},
		`PandaID = "6012345678"` + "\n" + `PandaPilotId = "777"`:                     {"6012345678×1 " + key},
		`PandaID                      = "6012345678"`:                                {"6012345678×1 " + key},
		`request2 response: {'PandaID': 6012345678, 'taskID': '40123456'}`:           {"6012345678×1 " + key},
		`data={'jobId': '6012345678', 'state': 'running', 'timestamp': 1787173670}`:  {"6012345678×1 jobId=N"},
		`{"PandaID": "6012345678"}`:                                                  {"6012345678×1 " + key},
		`{\"PandaID\": \"6012345678\"}`:                                              {"6012345678×1 " + key},
		"processing PanDA job 6012345678 from task 40123456":                         {"6012345678×1 " + named},
		"PanDA job id: 6012345678\ntask id: 40123456":                                {"6012345678×1 " + named},
		"received job: 6012345678 (sleep until 1787173670)":                          {"6012345678×1 " + jobLog},
		"job 6012345678 has start time=2026-08-20":                                   {"6012345678×1 " + jobLog},
		"job 6012345678 has state 'running' - sending heartbeat":                     {"6012345678×1 " + jobLog},
		"aborting job 6012345678":                                                    {"6012345678×1 " + jobLog},
		"server updateJob request completed in 1s for job 6012345678":                {"6012345678×1 " + jobLog},
		"preparing for final server update for job 6012345678 in state='finished'":   {"6012345678×1 " + jobLog},
		"pilot received a panda server signal to kill job 6012345678 at 1787173670":  {"6012345678×1 " + jobLog},
		"batch job 6012345678 started, worker 7012345678":                            nil,
		"Condor job 601234567.0 has 1787173670":                                      nil,
		"job 12345678 has too few digits":                                            nil,
		"pandaids: 6012345678 6012345679\nexit 1787173670":                           {"6012345678×1 a line of the wrapper's log, pandaids: N", "6012345679×1 a line of the wrapper's log, pandaids: N"},
		"$ cat pandaIDs.out\n6012345678\n6012345679\nnext":                           {"6012345678×1 the file pandaIDs.out", "6012345679×1 the file pandaIDs.out"},
		"PANDAID=6012345678 PanDA_TaskID=40123456":                                   {"6012345678×1 " + key},
		"HTCondor_Job_ID=wn77.example.org_12_6012345678":                             {"6012345678×1 HTCondor_Job_ID"},
		"HTCondor_Job_ID: 'e.org_12_6012345678'":                                     {"6012345678×1 HTCondor_Job_ID"},
		"https://bigpanda.cern.ch/job?pandaid=6012345678":                            {"6012345678×1 " + link},
		"https://bigpanda.cern.ch/job/6012345678/":                                   {"6012345678×1 " + link},
		"http://panda.cern.ch/server/pandamon/query?job=1073623690":                  {"1073623690×1 " + link},
		"https://bigpanda.cern.ch/jobs/?pandaid=6012345678,6012345679&json":          {"6012345678×1 " + link, "6012345679×1 " + link},
		"<https://bigpanda.cern.ch/job?pandaid=6012345678|https://bigpanda.cern.ch>": {"6012345678×1 " + link},
		"6012345678":                             {"6012345678×1 a number"},
		"6012345679\n6012345678, 6012345679":     {"6012345679×2 a number", "6012345678×1 a number"},
		"1787173670 was the time of it":          nil,
		"workerID=6012345678 batchID=9708243":    nil,
		"PandaID=-5":                             nil,
		"PandaID=6012345678abc":                  nil,
		"MyPandaID=6012345678":                   nil,
		"PandaID=0 PandaID=10000000000000000000": nil,
		"PandaID=6012345678 then PandaJob_6012345678_1274389590 then job 6012345679 has finished": {"6012345678×2 " + key + "; " + first, "6012345679×1 " + jobLog},
	} {
		if got := said(grid.PandaIDs(text)); !slices.Equal(got, want) {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestPandaIDsTellsWhatItDidNotTake(t *testing.T) {
	m := grid.PandaIDs("PandaID=0 PandaID=10000000000000000000 in PanDA_Pilot3_3908_1787173670")
	if !slices.Equal(m.NoIDs, []string{"0", "10000000000000000000"}) || m.Pilots != 1 || len(m.Jobs) != 0 {
		t.Errorf("%+v", m)
	}
	if m := grid.PandaIDs("processing PanDA job 6012345678 from task 40123456"); m.Jobs[0].Task != 40123456 {
		t.Errorf("%+v", m)
	}
}

func TestBatchIDsInText(t *testing.T) {
	for text, want := range map[string][]string{
		"PBS_JOBID=9708243.svr016.gla.example.org":                               {"9708243.svr016.gla.example.org"},
		"export SLURM_JOB_ID=123456; SLURM_JOBID=123456":                         {"123456"},
		`GlobalJobId = "schedd1.example.org#123.0#1786000000"`:                   {"schedd1.example.org#123.0#1786000000"},
		"https://bigpanda.cern.ch/job?batchid=schedd1%23123.0%231786000000&json": {"schedd1#123.0#1786000000"},
		"PandaID=6012345678 SLURM_JOB_ID=123456":                                 nil, // the job is named
		"nothing here":                                                           nil,
	} {
		if got := grid.PandaIDs(text).Batches; !slices.Equal(got, want) {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

// TestALongLog reads 5 MB with 40 jobs, and 1 MB that try to make it slow. What is not
// linear in it would run into the time that all tests have.
func TestALongLog(t *testing.T) {
	var b strings.Builder
	for i := 0; b.Len() < 5<<20; i++ {
		fmt.Fprintf(&b, "2026-08-20 10:00:00,123 | INFO | pilot.util.https | send_update | worker 7%09d, PanDA_Pilot3_%d_1787173670, pid 12345\n", i, i)
		if i%1000 == 0 && i/1000 < 40 {
			fmt.Fprintf(&b, "processing PanDA job 60123456%02d from task 40123456\n", i/1000)
		}
	}
	m := grid.PandaIDs(b.String())
	if len(m.Jobs) != 40 || m.Jobs[39].ID != 6012345639 || m.More != 0 || m.Cut {
		t.Errorf("%d jobs, more %d", len(m.Jobs), m.More)
	}
	for _, hard := range []string{"1 ", "pandaids: 1 ", "_1", "HTCondor_Job_ID=_1", `PandaID="`, "PandaID=1", "batchid="} {
		grid.PandaIDs(strings.Repeat(hard, 1<<20/len(hard)))
	}
}

func TestMoreJobsThanAreKept(t *testing.T) {
	var b strings.Builder
	for i := range 5000 {
		b.WriteString("PandaID=" + strconv.Itoa(6_000_000_000+i) + "\n")
	}
	if m := grid.PandaIDs(b.String()); len(m.Jobs) != 100 || m.More == 0 || m.Jobs[0].ID != 6_000_000_000 {
		t.Errorf("%d jobs, more %d", len(m.Jobs), m.More)
	}
}

func FuzzPandaIDs(f *testing.F) {
	f.Add("PanDA_Pilot3_3908_1787173670/PanDA_Pilot-6012345678 pandaids: 1 2 3 job 6012345678 PandaID='9'")
	f.Add("https://x/job?batchid=%23&pandaid=1,2 HTCondor_Job_ID=a_1_6012345678 pandaIDs.out\n6012345678")
	f.Fuzz(func(t *testing.T, text string) {
		m := grid.PandaIDs(text)
		for _, j := range m.Jobs {
			if j.ID <= 0 || j.Count <= 0 || len(j.Forms) == 0 || !strings.Contains(text, strconv.FormatInt(j.ID, 10)) {
				t.Errorf("%q gives %+v", text, j)
			}
		}
		if len(m.Jobs) > 100 || len(m.Batches) > 10 || len(m.NoIDs) > 10 {
			t.Errorf("%q gives %d jobs, %d batches", text, len(m.Jobs), len(m.Batches))
		}
	})
}

func BenchmarkPandaIDs(b *testing.B) {
	text := strings.Repeat("2026-08-20 10:00:00,123 | INFO     | pilot.util.https                 | send_update               | job 6012345678 has state 'running' - sending heartbeat, pid 12345\n", 5<<20/170)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		grid.PandaIDs(text)
	}
}
