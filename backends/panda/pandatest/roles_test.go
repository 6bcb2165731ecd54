package pandatest_test

import (
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// Codes of PostgreSQL, https://www.postgresql.org/docs/current/errcodes-appendix.html
const (
	insufficientPrivilege = "42501"
	readOnlyTransaction   = "25006"
)

func TestRolesCanDoTheirWorkAndNothingElse(t *testing.T) {
	d := pandatest.NewDatabase(t)
	d.AddUser(pandatest.User{Name: "Naughty User", DN: "/CN=Naughty User"})
	id := d.AddJob(pandatest.Job{Table: pandatest.Archived, Parameters: "-j"})
	const ban = "UPDATE doma_pandameta.users SET status = 'disabled' WHERE id = 1 AND name = 'Naughty User'"
	const register = `INSERT INTO doma_pandameta.users (id, name, lastmod, firstjob, latestjob, cachetime, ncurrent, jobid, status)
		VALUES (nextval('doma_pandameta.users_id_seq'), 'Unseen User', now(), now(), now(), now(), 0, 1, 'disabled')`
	for _, c := range []struct {
		what, sql                 string
		reader, banner, registrar string // codes of the refusal; "" where it is allowed
	}{
		{"jobs", "SELECT pandaid FROM doma_panda.jobsarchived4", "", insufficientPrivilege, insufficientPrivilege},
		{"parameters", "SELECT jobparameters FROM doma_panda.jobparamstable", "", insufficientPrivilege, insufficientPrivilege},
		{"tasks that wait", "SELECT taskid FROM doma_deft.t_task", "", insufficientPrivilege, insufficientPrivilege},
		{"users", "SELECT id, name, dn, email, status, vo, firstjob, latestjob FROM doma_pandameta.users FOR UPDATE", readOnlyTransaction, "", ""},
		{"permissions of users", "SELECT gridpref FROM doma_pandameta.users", "", insufficientPrivilege, insufficientPrivilege},
		{"ban", ban, readOnlyTransaction, "", ""},
		{"ban of everybody who is there", "UPDATE doma_pandameta.users SET status = 'disabled'", readOnlyTransaction, "", ""},
		{"rename", "UPDATE doma_pandameta.users SET name = 'X'", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"new DN", "UPDATE doma_pandameta.users SET dn = 'X'", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"new permissions", "UPDATE doma_pandameta.users SET gridpref = 's'", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"registration", register, readOnlyTransaction, insufficientPrivilege, ""},
		{"registration with permissions", "INSERT INTO doma_pandameta.users (id, name, gridpref) VALUES (99, 'X', 's')", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"deletion of a user", "DELETE FROM doma_pandameta.users", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"emptying of users", "TRUNCATE doma_pandameta.users", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"change of a job", "UPDATE doma_panda.jobsactive4 SET commandtopilot = 'tobekilled'", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"command for JEDI", "INSERT INTO doma_deft.prodsys_comm (comm_task, comm_cmd) VALUES (1, 'kill')", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
		{"new table", "CREATE TABLE doma_pandameta.mine (id integer)", readOnlyTransaction, insufficientPrivilege, insufficientPrivilege},
	} {
		for role, want := range map[string]string{pandatest.Reader: c.reader, pandatest.Banner: c.banner, pandatest.Registrar: c.registrar} {
			if got := refusal(t, d, role, c.sql); got != want {
				t.Errorf("%s: %s: code %q, want %q", role, c.what, got, want)
			}
		}
	}

	// read only is how a reader's session begins; what holds it when that is taken back is that nothing was granted
	for _, sql := range []string{ban, "DELETE FROM doma_panda.jobsarchived4", "UPDATE doma_panda.jobsarchived4 SET jobstatus = 'x'"} {
		if got := refusal(t, d, pandatest.Reader, "SET LOCAL transaction_read_only = off", sql); got != insufficientPrivilege {
			t.Errorf("reader that writes all the same: %s: code %q, want %q", sql, got, insufficientPrivilege)
		}
	}
	if got := pandatest.One[string](d, "SELECT jobstatus FROM doma_panda.jobsarchived4 WHERE pandaid = $1", id); got != "finished" {
		t.Errorf("the job is %q", got)
	}
}

// refusal runs statements in a transaction that is undone, and gives the code with
// which the last is refused.
func refusal(t *testing.T, d *pandatest.Database, role string, statements ...string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), d.DSN(role))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context())
	for i, sql := range statements {
		if _, err = tx.Exec(t.Context(), sql); err != nil && i < len(statements)-1 {
			t.Fatal(err)
		}
	}
	if err == nil {
		return ""
	}
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		t.Fatal(err)
	}
	return refused.Code
}
