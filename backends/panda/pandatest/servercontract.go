package pandatest

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Subject is a PanDA server with its database, for [ServerContract]. The files are
// proxies of people whom the server knows; tests that lack one are skipped.
type Subject struct {
	Database   *Database
	URL        string
	CA         string // a PEM file; "": the machine's
	Production string // of somebody in the production role
	Person     string // of somebody without a role
	Limited    string // a limited proxy
}

// Existing is a database that is there already, as the role of dsn, which must be
// able to write PanDA's tables.
func Existing(t testing.TB, dsn string) *Database {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &Database{t: t, pool: pool}
}

// ServerContract holds a server to what is known of panda-server 1.0.4: its
// answers to the letter, and what a kill does to the rows. Each part names the
// source of its rules: whether a running server was seen to keep it, and the
// file or function of panda-server. It adds jobs and tasks and removes them.
func ServerContract(t *testing.T, s Subject) {
	c := &contract{T: t, Subject: s, base: time.Now().UnixNano() / 1000 % 1_000_000_000 * 1000}
	for _, part := range []struct {
		name string
		run  func(*contract)
	}{
		{"alive and content types (seen on 1.0.4; server/panda.py application)", (*contract).alive},
		{"who is heard (seen on 1.0.4; api/v1/common.py is_secure)", (*contract).identity},
		{"arguments and their types (seen on 1.0.4; api/v1/common.py request_validation)", (*contract).arguments},
		{"bodies (notes 2.2; server/panda.py read_body)", (*contract).bodies},
		{"what is forbidden (seen on 1.0.4; server/panda.py validate_method)", (*contract).forbidden},
		{"status proves nothing (seen on 1.0.4; checkJobStatus)", (*contract).status},
		{"a kill's rows (seen on 1.0.4; killJob)", (*contract).rows},
		{"who may kill (seen on 1.0.4; killJob)", (*contract).mayKill},
		{"a kill again (seen on 1.0.4; killJob)", (*contract).again},
		{"a locked row (seen on 1.0.4; killJob)", (*contract).locked},
		{"tasks (seen on 1.0.4; sendCommandTaskPanda)", (*contract).tasks},
		{"reading tasks (source; getJediTasksInTimeRange)", (*contract).readTasks},
		{"heartbeats (seen on 1.0.4; pilot_api.py update_job)", (*contract).heartbeats},
		{"bans in the database (seen on 1.0.4; get_ban_users, checkBanUser)", (*contract).bans},
		{"descriptions (source; getFullJobStatus)", (*contract).descriptions},
	} {
		t.Run(part.name, func(t *testing.T) {
			inner := *c
			inner.T = t
			outer := s.Database.t
			s.Database.t = t
			t.Cleanup(func() { s.Database.t = outer }) // after the part's own
			part.run(&inner)
			c.made = inner.made
		})
	}
}

// contract is the suite at work.
type contract struct {
	*testing.T
	Subject
	base int64 // ids of this run begin here
	made int64
}

// job adds a job that goes when the part is over, wherever it is then.
func (c *contract) job(j Job) int64 {
	c.Helper()
	j.PandaID = c.next()
	if j.ProdUserName == "" {
		j.ProdUserName, j.ProdUserID = "Contract User", "/DC=org/DC=example/CN=Contract User"
	}
	id := c.Database.AddJob(j)
	c.Cleanup(func() {
		for _, table := range []string{string(Defined), string(Active), string(Archived), "doma_panda.filestable4", "doma_panda.jobs_statuslog", "doma_panda.jobparamstable"} {
			c.Database.Exec("DELETE FROM "+table+" WHERE pandaid = $1", id)
		}
	})
	return id
}

// task adds a task likewise.
func (c *contract) task(t Task) int64 {
	c.Helper()
	t.JediTaskID = c.next()
	if t.UserName == "" {
		t.UserName = "Contract User"
	}
	c.Database.AddTask(t)
	c.Cleanup(func() {
		c.Database.Exec("DELETE FROM doma_deft.t_task WHERE taskid = $1", t.JediTaskID)
		c.Database.Exec("DELETE FROM doma_deft.prodsys_comm WHERE comm_task = $1", t.JediTaskID)
		c.Database.Exec("DELETE FROM doma_panda.jedi_taskparams WHERE jeditaskid = $1", t.JediTaskID)
		c.Database.Exec("DELETE FROM doma_panda.jedi_tasks WHERE jeditaskid = $1", t.JediTaskID)
	})
	return t.JediTaskID
}

func (c *contract) next() int64 {
	c.made++
	return c.base + c.made
}

// dn is the name of who shows a proxy, as the server sees it.
func (c *contract) dn(proxy string) string {
	c.Helper()
	data, err := os.ReadFile(proxy)
	if err != nil {
		c.Fatal(err)
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			cert, err := x509.ParseCertificate(block.Bytes)
			if err != nil {
				c.Fatal(err)
			}
			return nameOf(cert)
		}
	}
	c.Fatalf("%s has no certificate", proxy)
	return ""
}

func (c *contract) name(proxy string) string { return grid.PandaName(c.dn(proxy)) }
