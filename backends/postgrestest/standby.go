package postgrestest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Standby makes a second server that follows this one by streaming
// replication. From then on a commit on this one waits until the standby has it.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	b := &Server{bin: s.bin, as: s.as}
	fail := func(err error) {
		if err != nil {
			t.Fatal(errors.Join(err, os.RemoveAll(b.Dir)))
		}
	}
	fail(b.makeDir())
	fail(s.run("pg_basebackup", "--pgdata="+b.data(), "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast",
		"--dbname=host="+s.Dir+" user="+Superuser+" application_name=standby"))
	settings := filepath.Join(b.data(), "postgresql.auto.conf")
	text, err := os.ReadFile(settings)
	fail(err)
	fail(os.WriteFile(settings, []byte(strings.ReplaceAll(string(text), "unix_socket_directories = '"+s.Dir+"'", "unix_socket_directories = '"+b.Dir+"'")), 0o600)) //nolint:gosec // the file is the server's
	fail(b.Start())
	t.Cleanup(func() {
		if err := b.Remove(); err != nil {
			t.Error(err)
		}
	})
	s.Exec(t, "postgres", "ALTER SYSTEM SET synchronous_standby_names = 'standby'", "SELECT pg_reload_conf()")
	return b
}

// Promote makes a standby the primary.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	s.Exec(t, "postgres", "SELECT pg_promote()")
}

// DSNOfEither is the connection string of a role for whichever of the database's
// server and its standby is the primary.
func (d Database) DSNOfEither(standby *Server, role string) string {
	return fmt.Sprintf("host=%s,%s user=%s dbname=%s target_session_attrs=read-write connect_timeout=2", d.Server.Dir, standby.Dir, role, d.Name)
}
