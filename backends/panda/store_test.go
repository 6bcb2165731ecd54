package panda_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

func TestAccounts(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	seen := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	d.AddUser(pandatest.User{ID: 7, Name: "Naughty User", DN: "/DC=org/OU=People/CN=Naughty User", Email: "n@example.org", Status: "disabled", LatestJob: seen})
	d.AddUser(pandatest.User{ID: 3, Name: "atlpilo1", DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1", LatestJob: seen})
	d.AddUser(pandatest.User{ID: 5, Name: "Disabled User", Status: "DISABLED", LatestJob: time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)})
	d.AddUser(pandatest.User{ID: 9, Name: "FNAL", DN: "/DC=org/CN=FNAL", LatestJob: seen})
	sites := &grid.SiteMap{Factories: []grid.Factory{{DN: "/DC=org/CN=FNAL", Owner: "FNAL"}}}
	s := openStore(t, reads(t, d.DSN(pandatest.Reader)), sites)
	must(t, s.Check(t.Context()))
	for range 2 { // the kinds are kept from the first time
		got, err := s.Accounts(t.Context())
		must(t, err)
		want := []grid.Account{
			{ID: "3", Experiment: grid.ATLAS, Name: "atlpilo1", DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1", Kind: grid.PilotFactory, LastSeen: seen},
			{ID: "5", Experiment: grid.ATLAS, Name: "Disabled User", Kind: grid.UnknownAccount}, // the server bans for exactly "disabled"
			{ID: "7", Experiment: grid.ATLAS, Name: "Naughty User", DN: "/DC=org/OU=People/CN=Naughty User", Email: "n@example.org", Kind: grid.PersonAccount, Banned: true, LastSeen: seen},
			{ID: "9", Experiment: grid.ATLAS, Name: "FNAL", DN: "/DC=org/CN=FNAL", Kind: grid.PilotFactory, LastSeen: seen},
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestLiveJobs(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	const user = "Naughty User"
	at := time.Date(2026, 11, 2, 3, 4, 5, 0, time.UTC)
	d.AddJob(pandatest.Job{Table: pandatest.Defined, PandaID: 6000000001, ProdUserName: user, JediTaskID: 41, ComputingSite: "CERN", CreationTime: at, ModificationTime: at})
	d.AddJob(pandatest.Job{
		Table: pandatest.Active, PandaID: 6000000002, ProdUserName: user, JediTaskID: 41, JobStatus: "running", CommandToPilot: "tobekilled", ComputingSite: "DESY", ModificationHost: "slot1_12@wn77.example.org",
		BatchID: "schedd#1.0#2", CoreCount: 8, CreationTime: at, StartTime: at.Add(time.Minute), ModificationTime: at.Add(time.Hour),
	})
	d.AddJob(pandatest.Job{Table: pandatest.Active, PandaID: 6000000003, ProdUserName: user, ModificationHost: "aipanda001.cern.ch", CreationTime: at, ModificationTime: at})
	d.AddJob(pandatest.Job{Table: pandatest.Active, PandaID: 6000000004, ProdUserName: user, JobStatus: "finished"})
	d.AddJob(pandatest.Job{Table: pandatest.Active, PandaID: 6000000005, ProdUserName: "naughty user"})
	d.AddJob(pandatest.Job{Table: pandatest.Archived, PandaID: 6000000006, ProdUserName: user, JobStatus: "finished"})
	// In both tables: a plan must not have it twice, and must not leave it out while one of them knows of no kill.
	d.AddJob(pandatest.Job{Table: pandatest.Defined, PandaID: 6000000003, ProdUserName: user, CommandToPilot: "tobekilled", CreationTime: at, ModificationTime: at})
	d.AddTask(pandatest.Task{JediTaskID: 41, TaskName: "user.n.one/", UserName: user})
	d.AddTask(pandatest.Task{JediTaskID: 42, TaskName: "user.n.two/", UserName: user, Waiting: true})
	d.AddTask(pandatest.Task{JediTaskID: 43, TaskName: "user.n.done/", UserName: user, Status: "done"})
	d.AddTask(pandatest.Task{JediTaskID: 44, TaskName: "user.n.paused/", UserName: user, Status: "paused"})
	d.AddTask(pandatest.Task{JediTaskID: 45, TaskName: "user.o/", UserName: "Other User", Waiting: true})
	jobs, tasks, err := storeOf(t, d).LiveJobs(t.Context(), grid.Account{ID: "1", Name: user})
	must(t, err)
	byID := map[string]grid.LiveJob{}
	for _, j := range jobs {
		byID[j.ID] = j
	}
	want := map[string]grid.LiveJob{
		"6000000001": {ID: "6000000001", User: user, Task: "41", Status: "defined", Label: "user", Table: "jobsdefined4", Site: "CERN", Cores: 1, Submitted: at},
		"6000000002": {ID: "6000000002", User: user, Task: "41", Status: "running", Label: "user", Table: "jobsactive4", Killing: true, Site: "DESY", Host: "wn77.example.org", Batch: "schedd#1.0#2", Cores: 8, Submitted: at, Heartbeat: at.Add(time.Hour)},
		"6000000003": {ID: "6000000003", User: user, Status: "defined", Label: "user", Table: "jobsdefined4", Cores: 1, Submitted: at},
	}
	if diff := cmp.Diff(want, byID); diff != "" || len(jobs) != len(want) {
		t.Error(diff)
	}
	found := map[string]string{}
	for _, task := range tasks {
		found[task.ID] = task.Status
	}
	if diff := cmp.Diff(map[string]string{"41": "running", "42": "waiting", "44": "paused"}, found); diff != "" {
		t.Error(diff)
	}
}

// The plan of a user with very many jobs: the bounds are 2 s and 150 MB.
func TestLiveJobsOfVeryMany(t *testing.T) {
	if testing.Short() {
		t.Skip("a table of 120,000 jobs")
	}
	d := pandatest.NewDatabase(t)
	const n = 120_000
	d.Exec(fmt.Sprintf(`INSERT INTO doma_panda.jobsactive4 (pandaid, produsername, jobstatus, jeditaskid, computingsite, modificationhost, batchid, corecount, creationtime, modificationtime, starttime)
		SELECT 6000000000 + i, 'Naughty User', 'running', 40000000 + i / 1000, 'SITE_' || i %% 150, 'slot1_' || i %% 64 || '@wn' || i %% 5000 || '.example.org', 'schedd.example.org#' || i || '.0#1790000000', 1, now(), now(), now() FROM generate_series(1, %d) i`, n))
	d.Exec("ANALYZE doma_panda.jobsactive4")
	s := storeOf(t, d)
	_, _, err := s.LiveJobs(t.Context(), grid.Account{Name: "Nobody"}) // the connection is there
	must(t, err)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	jobs, _, err := s.LiveJobs(t.Context(), grid.Account{Name: "Naughty User"})
	took := time.Since(began)
	must(t, err)
	runtime.ReadMemStats(&after)
	grown := (after.HeapSys + after.StackSys - before.HeapSys - before.StackSys) >> 20
	t.Logf("%d jobs in %v, %d MB allocated altogether, the heap grew by %d MB", len(jobs), took, (after.TotalAlloc-before.TotalAlloc)>>20, grown)
	if len(jobs) != n {
		t.Errorf("%d jobs", len(jobs))
	}
	if grown > 150 {
		t.Errorf("the heap grew by %d MB", grown)
	}
	if took > 10*time.Second { // 2 s on a machine that does nothing else
		t.Errorf("it took %v", took)
	}
}

func TestDatabaseThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	d.Exec("CREATE ROLE no_grants LOGIN")
	wrong := panda.DefaultSchemas
	wrong.Meta = `no"such%s`
	for _, c := range []struct {
		what    string
		dsn     string
		schemas panda.Schemas
		says    []string
	}{
		{"down", "host=127.0.0.1 port=1 user=x dbname=y", panda.DefaultSchemas, []string{"cannot be reached", "backends.panda.database.dsn_file"}},
		{"without the role", d.DSN("nobody_known"), panda.DefaultSchemas, []string{"refuses the role", "pg_hba.conf"}},
		{"without the database", strings.Replace(d.DSN(pandatest.Reader), "dbname=", "dbname=no_", 1), panda.DefaultSchemas, []string{"refuses the role"}},
		{"wrong schema", d.DSN(pandatest.Reader), wrong, []string{"no such table", `no"such%s`, "database.schemas"}},
		{"without grants", d.DSN("no_grants"), panda.DefaultSchemas, []string{"lacks a grant", "permission denied for schema doma_pandameta", "docs/panda.md"}},
		{"the role that bans", d.DSN(pandatest.Banner), panda.DefaultSchemas, []string{"lacks a grant", "permission denied for schema doma_panda"}},
		{"no PostgreSQL", "host=127.0.0.1 port=" + silent(t) + " user=x dbname=y sslmode=disable", panda.DefaultSchemas, []string{"did not answer in time"}},
	} {
		t.Run(c.what, func(t *testing.T) {
			config := reads(t, c.dsn)
			config.Schemas = c.schemas
			s := openStore(t, config, nil)
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			says(t, s.Check(ctx), append(c.says, "panda-database")...)
			if _, err := s.Newest(ctx); err == nil && c.what != "wrong schema" {
				t.Error("there is a newest job")
			}
		})
	}
	for text, want := range map[string]string{"": "is empty", "postgres://secret:word@host:notaport/x": "no usable connection string"} {
		_, err := panda.Open(reads(t, text), nil)
		says(t, err, want)
		if strings.Contains(err.Error(), "secret:word") {
			t.Errorf("the password is in %v", err)
		}
	}
}

// silent is the port of somebody who takes connections and says nothing.
func silent(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(io.Discard, c); _ = c.Close() }()
		}
	}()
	_, port, err := net.SplitHostPort(l.Addr().String())
	must(t, err)
	return port
}

func TestSlowDatabase(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	c := reads(t, d.DSN(pandatest.Reader))
	c.Deadline = time.Second
	s := openStore(t, c, nil)
	must(t, s.Check(t.Context()))
	tx, err := d.Pool().Begin(t.Context())
	must(t, err)
	_, err = tx.Exec(t.Context(), "LOCK doma_pandameta.users")
	must(t, err)
	_, err = s.Accounts(t.Context())
	says(t, err, "panda-database")
	must(t, tx.Rollback(t.Context()))
	_, err = s.Accounts(t.Context())
	must(t, err)
}

func TestSessionsOnlyRead(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	s := openStore(t, reads(t, d.DSN(pandatest.Panda)), nil) // whatever the role may do
	if err := panda.ExecForTest(t.Context(), s, "UPDATE {meta}.users SET status = NULL"); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("%v", err)
	}
}

// The password may be changed while the program runs.
func TestConnectionStringIsReadAgain(t *testing.T) {
	t.Parallel()
	d := pandatest.NewDatabase(t)
	c := reads(t, d.DSN("nobody_known"))
	s := openStore(t, c, nil)
	says(t, s.Check(t.Context()), "refuses the role")
	rewrite(t, c.DSNFile, d.DSN(pandatest.Reader))
	must(t, s.Check(t.Context()))
}
