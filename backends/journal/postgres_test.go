package journal_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// refused is a sentence that people get, with all of its parts.
func refused(t *testing.T, err error, parts ...string) {
	t.Helper()
	var people bot.ForPeople
	if !errors.As(err, &people) {
		t.Fatalf("no sentence for people: %v", err)
	}
	for _, part := range parts {
		if !strings.Contains(people.ForPeople(), part) {
			t.Errorf("%q does not say %q", people.ForPeople(), part)
		}
	}
}

// TestServingRoleCannotRewrite tries as the role that serves what somebody with
// its password would try.
func TestServingRoleCannotRewrite(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	j := openAt(t, o)
	must(t, j.Write(t.Context(), note("said")))
	_, err := j.Sequence(t.Context())
	must(t, err)
	plain := o.database.Open(t, o.database.Plain)
	// PostgreSQL only warns that nothing was granted.
	if _, err := plain.ExecContext(t.Context(), "GRANT ALL ON audit_record, audit_body TO "+o.database.Plain); err != nil {
		t.Log(err)
	}
	for _, q := range []string{
		"UPDATE audit_record SET kind = 'x'", "DELETE FROM audit_record", "TRUNCATE audit_record CASCADE",
		"UPDATE audit_body SET data = ''", "DELETE FROM audit_body", "TRUNCATE audit_body",
		"UPDATE audit_leaf SET hash = ''", "DELETE FROM audit_leaf",
		"UPDATE audit_checkpoint SET note = ''", "DELETE FROM audit_checkpoint", "DELETE FROM audit_tile",
		"DELETE FROM action", "DELETE FROM incident", "DELETE FROM link",
		"SELECT 1 FROM audit_record FOR UPDATE",
		"ALTER TABLE audit_record OWNER TO " + o.database.Plain,
		"ALTER TABLE audit_record DISABLE TRIGGER ALL", "DROP TABLE audit_record CASCADE",
		"CREATE TABLE mine (x int)", "SET ROLE " + o.database.Owner, "SET ROLE " + postgrestest.Superuser,
		"UPDATE goose_db_version SET version_id = 99",
	} {
		if _, err := plain.ExecContext(t.Context(), q); err == nil {
			t.Errorf("%s: done", q)
		}
	}
	report, err := j.Verify(t.Context())
	if err != nil || !report.Sound() || report.Records != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

func TestRoleThatCouldRewriteIsRefused(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	must(t, openAt(t, o).Close())
	for _, c := range []struct {
		name       string
		role       string
		statements []string
		says       string
	}{
		{"the owner", o.database.Owner, nil, "owns it"},
		{"a superuser", postgrestest.Superuser, nil, "owns it"},
		{"who may change", o.database.Plain, []string{"GRANT UPDATE ON audit_record TO " + o.database.Plain}, "audit_record: may change it"},
		{"who may delete", o.database.Plain, []string{"REVOKE UPDATE ON audit_record FROM " + o.database.Plain, "GRANT DELETE ON audit_body TO " + o.database.Plain}, "audit_body: may delete from it"},
		{"a member of owner", o.database.Plain, []string{"GRANT " + o.database.Owner + " TO " + o.database.Plain}, "owns it"},
	} {
		t.Run(c.name, func(t *testing.T) {
			o.database.Exec(t, c.statements...)
			must(t, os.WriteFile(string(o.file("other.dsn")), []byte(o.database.DSN(c.role)), 0o600))
			_, err := journal.Open(t.Context(), journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("other.dsn")}}, o.options())
			refused(t, err, "could rewrite the audit log", c.says, "journal.postgres.owner_dsn_file")
		})
	}
}

func TestStartTakesBackRightsThatWereGiven(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	must(t, openAt(t, o).Close())
	o.database.Exec(t, "GRANT ALL ON ALL TABLES IN SCHEMA public TO "+o.database.Plain)
	must(t, openAt(t, o).Close()) // with the owner at hand
}

// noPostgres answers the question for TLS, and nothing else.
func noPostgres(t *testing.T, answer byte) string {
	t.Helper()
	return answering(t, func(c net.Conn) { _, _ = c.Write([]byte{answer}) })
}

// untrusted speaks TLS with a certificate of no CA that anybody knows.
func untrusted(t *testing.T) string {
	t.Helper()
	unknown := httptest.NewTLSServer(nil)
	t.Cleanup(unknown.Close)
	return answering(t, func(c net.Conn) {
		if _, err := c.Write([]byte{'S'}); err == nil {
			_ = tls.Server(c, unknown.TLS).HandshakeContext(t.Context())
		}
	})
}

// answering has whoever asks a server for TLS answered.
func answering(t *testing.T, answer func(net.Conn)) string {
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
			if _, err := io.ReadFull(c, make([]byte, 8)); err == nil {
				answer(c)
			}
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

func TestPostgresThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	plainOnly := journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("plain.dsn")}}
	open := func() error {
		j, err := journal.Open(t.Context(), plainOnly, o.options())
		if err == nil {
			must(t, j.Close())
		}
		return err
	}
	refused(t, open(), "tables of the journal are missing", "owner_dsn_file")
	must(t, openAt(t, o).Close())
	must(t, open())
	o.database.Exec(t, "UPDATE goose_db_version SET version_id = version_id + 100 WHERE version_id > 0")
	refused(t, open(), "newer gridwarden")
	o.database.Exec(t, "UPDATE goose_db_version SET version_id = version_id - 100 WHERE version_id > 0", "DELETE FROM goose_db_version WHERE version_id > 0")
	refused(t, open(), "older than this gridwarden", "owner_dsn_file")

	for text, says := range map[string]string{
		"host=" + o.dir + "/nowhere user=x password=secret:word dbname=y":          "bad.dsn: dial unix " + o.dir + "/nowhere",
		"host=" + o.database.Server.Dir + " user=nobody_known dbname=postgres":     `bad.dsn: FATAL: role "nobody_known" does not exist`,
		"postgres://secret:word@host:notaport/x":                                   "holds no connection string",
		"host=h password=secret:word sslmode=verify-all":                           "sslmode is invalid",
		"host=h password=secret:word sslmode=verify-full sslrootcert=/nowhere.crt": "/nowhere.crt: no such file",
		"postgres://secret:word@" + untrusted(t) + "/x?sslmode=verify-full":        "certificate signed by unknown authority. Nothing was started. If the certificate is from a CA",
		"postgres://secret:word@" + noPostgres(t, 'N') + "/x?sslmode=require":      "the server speaks no TLS",
	} {
		must(t, os.WriteFile(string(o.file("bad.dsn")), []byte(text), 0o600))
		_, err := journal.Open(t.Context(), journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("bad.dsn")}}, o.options())
		refused(t, err, says)
		if strings.Contains(err.Error(), "secret:word") || strings.Contains(err.Error(), "Ask again") {
			t.Errorf("the password is in the error: %v", err)
		}
	}
	must(t, os.Chmod(string(o.file("bad.dsn")), 0o604))
	for file, says := range map[string]string{"bad.dsn": "run chmod o-rwx", "none.dsn": "cannot be opened"} {
		_, err := journal.Open(t.Context(), journal.Config{Postgres: &journal.Postgres{DSNFile: o.file(file)}}, o.options())
		refused(t, err, string(o.file(file)), says)
	}
}

func TestEraseNeedsTheOwner(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	j := openAt(t, o)
	must(t, j.Write(t.Context(), note("said")))
	what := journal.Erasure{Records: recordsOf(t, j), By: "dana", Reason: "asked to"}
	serving, err := journal.Open(t.Context(), journal.Config{Postgres: &journal.Postgres{DSNFile: o.file("plain.dsn")}}, o.options())
	must(t, err)
	t.Cleanup(func() { must(t, serving.Close()) })
	_, err = serving.Erase(t.Context(), what, noon)
	refused(t, err, "owner_dsn_file", "Nothing was erased.")
	n, err := j.Erase(t.Context(), what, noon)
	if err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	report, err := serving.Verify(t.Context())
	if err != nil || !report.Sound() || report.Erased != 1 {
		t.Errorf("%+v, %v", report, err)
	}
}

// TestClocksApart has a database whose clock is an hour ahead.
func TestClocksApart(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	j := openAt(t, o)
	a := action.Action{ID: "a1", State: action.Proposed, Command: "ban", ProposedAt: noon}
	_, _, err := j.Create(t.Context(), a, action.Effects{})
	must(t, err)
	must(t, j.Close())
	o.database.Exec(t, "CREATE SCHEMA ahead", "GRANT USAGE ON SCHEMA ahead TO PUBLIC",
		"CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + interval ''1 hour'''")
	must(t, o.open(t).Close()) // nobody looks there yet
	o.database.Exec(t, "ALTER ROLE "+o.database.Plain+" SET search_path = ahead, pg_catalog, public")
	_, err = journal.Open(t.Context(), o.config(), o.options())
	refused(t, err, " apart", "nothing is decided") // an hour, less what the answer took
}

// TestClockMovesWhileServing: a decision is refused as soon as the clocks differ.
func TestClockMovesWhileServing(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	o.database.Exec(t, "CREATE SCHEMA ahead", "GRANT USAGE ON SCHEMA ahead TO PUBLIC",
		"CREATE TABLE ahead.by (by interval)", "INSERT INTO ahead.by VALUES ('0')", "GRANT SELECT ON ahead.by TO PUBLIC",
		"CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS 'SELECT pg_catalog.clock_timestamp() + by FROM ahead.by'",
		"ALTER ROLE "+o.database.Plain+" SET search_path = ahead, pg_catalog, public")
	j := openAt(t, o)
	a := action.Action{ID: "a1", State: action.Proposed, Command: "ban", ProposedAt: noon}
	_, _, err := j.Create(t.Context(), a, action.Effects{})
	must(t, err)
	deny := func(a *action.Action) (action.Effects, error) {
		a.State = action.Denied
		return action.Effects{}, nil
	}
	o.database.Exec(t, "UPDATE ahead.by SET by = '-3 seconds'")
	_, err = j.Update(t.Context(), "a1", deny)
	refused(t, err, "apart", "time synchronisation")
	o.database.Exec(t, "UPDATE ahead.by SET by = '1 second'")
	_, err = j.Update(t.Context(), "a1", deny)
	must(t, err)
}

// TestProcessesSideBySide has two processes that write and sequence at once:
// one log, nothing placed twice, and each goes on from where the other left.
func TestProcessesSideBySide(t *testing.T) {
	t.Parallel()
	o := onPostgres(t)
	processes := []*journal.Journal{openAt(t, o), openAt(t, o)}
	const each = 150
	var wg sync.WaitGroup
	for p, j := range processes {
		for w := range 3 {
			wg.Go(func() {
				for i := range each {
					if err := j.Write(t.Context(), note(fmt.Sprintf("%d of %d in %d", i, w, p))); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Go(func() {
			for range 30 {
				if _, err := j.Sequence(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for _, j := range processes {
		report, err := j.Verify(t.Context())
		if err != nil || !report.Sound() || report.Records != 6*each {
			t.Fatalf("%+v, %v", report, err)
		}
	}
}

// TestServerIsLost kills the server under load: what was told as stored is
// there afterwards, the rest was refused with a sentence, and nobody has to
// start gridwarden again.
func TestServerIsLost(t *testing.T) {
	t.Parallel()
	server, err := postgrestest.New("fsync = on", "full_page_writes = on")
	if err != nil {
		postgrestest.Missing(t, err)
	}
	t.Cleanup(func() { must(t, server.Remove()) })
	db := server.NewDatabase(t)
	o := opener{dir: t.TempDir(), database: &db}
	must(t, os.WriteFile(string(o.file("plain.dsn")), []byte(db.DSN(db.Plain)), 0o600))
	must(t, os.WriteFile(string(o.file("owner.dsn")), []byte(db.DSN(db.Owner)), 0o600))
	j := openAt(t, o)

	var mu sync.Mutex
	told := map[string]bool{}
	lost := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				fresh, err := j.Receive(t.Context(), "r"+id, bot.Event{ID: "e" + id, Kind: bot.Typed, Account: bot.Account{Platform: "slack"}}, noon)
				if err != nil {
					refused(t, err, "gridwarden cannot write its journal", "Ask again")
					return
				}
				if !fresh {
					t.Errorf("%s is not fresh", id)
				}
				mu.Lock()
				told["r"+id] = true
				if len(told) == 100 {
					close(lost)
				}
				mu.Unlock()
			}
		})
	}
	<-lost
	must(t, server.Kill())
	wg.Wait()
	if _, err := j.Unfinished(t.Context()); err == nil {
		t.Error("read from a server that is gone")
	} else {
		refused(t, err, "gridwarden cannot write its journal", "Ask again") // the last of its processes may still say that it stops
	}
	must(t, server.Start())
	var unfinished []bot.ReceivedEvent
	for range 100 { // a server that recovers refuses for a moment
		if unfinished, err = j.Unfinished(t.Context()); err == nil {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	must(t, err)
	for r := range told {
		if !slices.ContainsFunc(unfinished, func(e bot.ReceivedEvent) bool { return e.Request == r }) {
			t.Errorf("%s was told as received and is lost", r)
		}
	}
	must(t, j.Write(t.Context(), note("after")))
}
