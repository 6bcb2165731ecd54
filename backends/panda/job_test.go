package panda_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/handlers/job"
)

var _ job.Finder = (*panda.Store)(nil)

const (
	library = "panda.0812143015.482913.lib._40123457.7012345678.lib.tgz"
	sandbox = "sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz"
)

// prun adds a task of prun with its build job 500 and a run job, 501, of which all
// tables tell something.
func prun(d *pandatest.Database) {
	const base = "https://aipanda048.example.org:25443/trf/user/"
	d.AddUser(pandatest.User{Name: "Naughty User", DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User", Email: "n@example.org"})
	d.AddUser(pandatest.User{Name: "naughty user", DN: "/DC=ch/CN=other"})
	d.AddTask(pandatest.Task{JediTaskID: 40123457, TaskName: "user.nuser.hist", UserName: "Naughty User", Params: `{"cliParams":"--exec ./mine.sh"}`})
	d.AddJob(pandatest.Job{
		PandaID: 500, Table: pandatest.Archived, ProdUserName: "Naughty User", ProdSourceLabel: "panda", JediTaskID: 40123457, ComputingSite: "CERN",
		Transformation: base + "buildGen-00-00-01", SpecialHandling: "bj", StartTime: at(-2), EndTime: at(-1), ModificationTime: at(-1),
		Parameters: `-i ` + sandbox + ` -o ` + library + ` --sourceURL https://aipanda048.example.org:25443 -r work/ --bexec "make" --useCMake `,
	})
	d.AddFile(pandatest.File{PandaID: 500, LFN: library, Type: "output"})
	d.AddJob(pandatest.Job{
		PandaID: 501, JobStatus: "running", ProdUserID: "Naughty User", ProdUserName: "Naughty User", JediTaskID: 40123457, ComputingSite: "CERN",
		ModificationHost: "slot1_2@wn42.example.org", BatchID: "schedd#123.0#1786000000", StartTime: at(0), ModificationTime: at(1), CoreCount: 8,
		Transformation: base + "runGen-00-00-02", PilotErrorCode: 1144, PilotErrorDiag: "This job was killed by panda server",
		Parameters: `-j "" --sourceURL https://aipanda048.example.org:25443 -r work/ -l ` + library + ` -p "cpptest%20%25IN" --useCMake`,
	})
	d.AddFile(pandatest.File{PandaID: 501, LFN: library, Type: "input"})
	d.AddStatus(pandatest.Status{PandaID: 501, At: at(0), Status: "running", Site: "CERN", Host: "aipanda048.example.org"})
	d.AddRetry(pandatest.Retry{JediTaskID: 40123457, OldPandaID: 499, NewPandaID: 501})
	d.AddWorker(pandatest.Worker{WorkerID: 7, BatchID: "9708243.svr016.example.org", SubmissionHost: "ce01.example.org", Jobs: []int64{501}})
	d.AddUpload(pandatest.Upload{UserName: "Naughty User", FileName: sandbox, HostName: "aipanda048.example.org", CreationTime: at(-3), FileSize: 4711})
}

func TestJobTellsAllThatIsKnown(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	j, err := reading(t, d.DSN(pandatest.Reader)).Job(t.Context(), 501)
	if err != nil {
		t.Fatal(err)
	}
	if j.Table != "jobsactive4" || j.Host != "wn42.example.org" || j.Status != "running" || !j.Ended.IsZero() || !j.Started.Equal(at(0)) || j.Cores != 8 || j.CreationHost != "" {
		t.Errorf("%+v", j)
	}
	if diff := cmp.Diff([]grid.PandaError{{From: "pilot", Code: 1144, Text: "This job was killed by panda server"}}, j.Errors); diff != "" {
		t.Error(diff)
	}
	if p := j.Payload(); p.URL != "https://aipanda048.example.org:25443/cache/"+sandbox || p.Build != 500 {
		t.Errorf("%+v", p)
	}
	if len(j.Builds) != 1 || j.Builds[0].How != grid.PandaBuildByLibrary {
		t.Errorf("%+v", j.Builds)
	}
	if len(j.Owner.Accounts) != 1 || j.Owner.Accounts[0].Email != "n@example.org" || len(j.Owner.Others) != 0 {
		t.Errorf("%+v", j.Owner)
	}
	if j.Task.Name != "user.nuser.hist" || !strings.Contains(j.Task.Parameters, "mine.sh") {
		t.Errorf("%+v", j.Task)
	}
	if len(j.History) != 1 || len(j.Retries) != 1 || j.Retries[0].Old != 499 || len(j.Workers) != 1 || j.Workers[0].Submitter != "ce01.example.org" || len(j.Files) != 1 {
		t.Errorf("%+v %+v %+v %+v", j.History, j.Retries, j.Workers, j.Files)
	}
	if len(j.Uploads) != 1 || j.Uploads[0].Host != "aipanda048.example.org" || j.Uploads[0].Size != 4711 {
		t.Errorf("%+v", j.Uploads)
	}
	if len(j.Notes) != 0 {
		t.Errorf("%q", j.Notes)
	}
}

func TestJobThatIsNone(t *testing.T) {
	d := pandatest.NewDatabase(t)
	s := reading(t, d.DSN(pandatest.Reader))
	for _, id := range []int64{1, 0, -7} {
		if j, err := s.Job(t.Context(), id); !errors.Is(err, grid.ErrNoPandaJob) || j.ID != 0 {
			t.Errorf("%d: %+v, %v", id, j, err)
		}
	}
}

// TestOlderSchemas takes columns and tables away one by one: what they had is told
// as not available, and the rest is there.
func TestOlderSchemas(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	for _, c := range []struct {
		without, note string
		left          func(grid.PandaJob) bool
	}{
		{`ALTER TABLE doma_panda.jobsactive4 DROP COLUMN container_name`, "jobsactive4 has no column container_name here", func(j grid.PandaJob) bool { return j.UserName == "Naughty User" }},
		{`REVOKE SELECT ON doma_panda.jobs_statuslog FROM gridwarden_reader`, "the role may not read pandaid of jobs_statuslog", func(j grid.PandaJob) bool { return len(j.History) == 0 && len(j.Workers) == 1 }},
		{`DROP TABLE doma_panda.harvester_workers`, "harvester_workers does not exist here", func(j grid.PandaJob) bool { return len(j.Workers) == 0 && len(j.Uploads) == 1 }},
		{`DROP TABLE doma_pandameta.usercacheusage`, "usercacheusage does not exist here", func(j grid.PandaJob) bool { return len(j.Uploads) == 0 && j.Parameters != "" }},
		{`DROP TABLE doma_panda.filestable4`, "filestable4 does not exist here", func(j grid.PandaJob) bool {
			return len(j.Files) == 0 && len(j.Builds) == 1 && j.Builds[0].How == grid.PandaBuildByTask
		}},
		{`DROP TABLE doma_panda.jobparamstable`, "jobparamstable does not exist here", func(j grid.PandaJob) bool { return j.Parameters == "" && j.ID == 501 }},
	} {
		d.Exec(c.without)
		j, err := reading(t, d.DSN(pandatest.Reader)).Job(t.Context(), 501)
		if err != nil || !slices.Contains(j.Notes, "not available here: "+c.note) || !c.left(j) {
			t.Errorf("%s: %v, %q\n%+v", c.without, err, j.Notes, j)
		}
	}
}

func TestCandidatesAreJobsHere(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	d.AddJob(pandatest.Job{PandaID: 502, Table: pandatest.OldArchived, ProdUserName: "Naughty User"})
	found, err := reading(t, d.DSN(pandatest.Reader)).Candidates(t.Context(), []int64{501, 7, 500, 502, 1786000000})
	if err != nil {
		t.Fatal(err)
	}
	if got := ids(found); !slices.Equal(got, []int64{500, 501, 502}) || found.Cut {
		t.Errorf("%v, %t", got, found.Cut)
	}
}

func ids(found grid.PandaJobs) []int64 {
	var out []int64
	for _, j := range found.Jobs {
		out = append(out, j.ID)
	}
	slices.Sort(out)
	return out
}

func TestJobsOfABatchJob(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	d.AddJob(pandatest.Job{PandaID: 601, Table: pandatest.Archived, BatchID: "112.0", ModificationTime: at(0)})
	d.AddJob(pandatest.Job{PandaID: 602, Table: pandatest.Archived, BatchID: "other#123.0#1", ModificationTime: at(0)})
	s := reading(t, d.DSN(pandatest.Reader))
	for batch, want := range map[string][]int64{
		"schedd#123.0#1786000000":    {501},
		"123.0":                      {501, 602},
		"112.0":                      {601},
		"12.0":                       nil,
		"9708243.svr016.example.org": {501}, // only Harvester's worker has it
		"%":                          nil,
		"_23.0":                      nil,
	} {
		found, err := s.ByBatch(t.Context(), batch)
		if err != nil {
			t.Fatal(err)
		}
		if got := ids(found); !slices.Equal(got, want) {
			t.Errorf("%q: %v, want %v", batch, got, want)
		}
	}
}

// TestAJobThatMayBeWhereNobodyCanLook is not said to be none, whatever the tables
// that can be read have.
func TestAJobThatMayBeWhereNobodyCanLook(t *testing.T) {
	d, s := world(t)
	d.AddJob(pandatest.Job{PandaID: 7, ProdUserName: "Naughty User", BatchID: "77.0"})
	d.AddJob(pandatest.Job{PandaID: 8, ProdUserName: "Naughty User", Table: pandatest.Archived})
	d.Exec("REVOKE SELECT ON doma_panda.jobsactive4 FROM gridwarden_reader")
	_, err := s.Job(t.Context(), 7)
	if err == nil || errors.Is(err, grid.ErrNoPandaJob) || !strings.Contains(people(t, err), "the role may not read pandaid of jobsactive4. The job may be there.") {
		t.Errorf("%v", err)
	}
	if j, err := s.Job(t.Context(), 8); err != nil || !strings.Contains(strings.Join(j.Notes, "\n"), "not available here: the role may not read pandaid of jobsactive4") {
		t.Errorf("a job that can be read: %v, %v", j.Notes, err)
	}
	if found, err := s.Candidates(t.Context(), []int64{7, 8}); err != nil || len(found.Jobs) != 1 || !found.Cut {
		t.Errorf("candidates: %+v, %v", found, err)
	}
	if found, err := s.ByBatch(t.Context(), "77.0"); err != nil || len(found.Jobs) != 0 || !found.Cut {
		t.Errorf("by batch id: %+v, %v", found, err)
	}
}

// TestAnOlderSchemaWithoutBatchIDs has all else of a job.
func TestAnOlderSchemaWithoutBatchIDs(t *testing.T) {
	d, s := world(t)
	d.AddJob(pandatest.Job{PandaID: 7, ProdUserName: "Naughty User", ComputingSite: "HERE"})
	d.Exec("ALTER TABLE doma_panda.jobsactive4 DROP COLUMN batchid")
	j, err := s.Job(t.Context(), 7)
	if err != nil || j.Site != "HERE" || !strings.Contains(strings.Join(j.Notes, "\n"), "not available here: jobsactive4 has no column batchid here") {
		t.Errorf("%+v, %v", j, err)
	}
}
