package postgrestest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
)

// Database is a new, empty database with two roles of its own: one that owns
// it and one that may only connect.
type Database struct {
	Server             *Server
	Name, Owner, Plain string
}

// NewDatabase makes a database on the test binary's server. It is left to the server's end.
func NewDatabase(t testing.TB) Database {
	t.Helper()
	return Get(t).NewDatabase(t)
}

// NewDatabase makes a database on this server.
func (s *Server) NewDatabase(t testing.TB) Database {
	t.Helper()
	random := make([]byte, 6)
	_, _ = rand.Read(random) // never fails, see crypto/rand
	name := "t" + hex.EncodeToString(random)
	d := Database{Server: s, Name: name, Owner: name + "_owner", Plain: name + "_plain"}
	s.Exec(t, "postgres", "CREATE ROLE "+d.Owner+" LOGIN", "CREATE ROLE "+d.Plain+" LOGIN", "CREATE DATABASE "+name+" OWNER "+d.Owner)
	// PostgreSQL 15 and later have this from the start.
	s.Exec(t, name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT ALL ON SCHEMA public TO "+d.Owner)
	return d
}

// DSN is the connection string of a role.
func (d Database) DSN(role string) string {
	return fmt.Sprintf("host=%s user=%s dbname=%s", d.Server.Dir, role, d.Name)
}

// Open connects as a role.
func (d Database) Open(t testing.TB, role string) *sql.DB {
	t.Helper()
	return open(t, d.DSN(role))
}

// Exec runs statements as the superuser, each in a transaction of its own.
func (d Database) Exec(t testing.TB, statements ...string) {
	t.Helper()
	d.Server.Exec(t, d.Name, statements...)
}

// Exec runs statements in a database as the superuser.
func (s *Server) Exec(t testing.TB, database string, statements ...string) {
	t.Helper()
	db, err := sql.Open("pgx", fmt.Sprintf("host=%s user=%s dbname=%s", s.Dir, Superuser, database))
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}()
	for _, q := range statements {
		if _, err := db.ExecContext(context.WithoutCancel(t.Context()), q); err != nil { // also at the test's end
			t.Fatalf("%s: %v", q, err)
		}
	}
}

func open(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// Dump writes what a database holds now to a file, as an administrator does.
func (d Database) Dump(t testing.TB) (file string) {
	t.Helper()
	file = filepath.Join(d.Server.Dir, d.Name+".dump")
	if err := d.Server.run("pg_dump", "--host="+d.Server.Dir, "--username="+Superuser, "--format=custom", "--file="+file, d.Name); err != nil {
		t.Fatal(err)
	}
	return file
}

// Restore makes a new database of a dump of this one, with the same roles.
func (d Database) Restore(t testing.TB, file string) Database {
	t.Helper()
	d.Name += "_restored"
	d.Server.Exec(t, "postgres", "CREATE DATABASE "+d.Name+" OWNER "+d.Owner)
	if err := d.Server.run("pg_restore", "--host="+d.Server.Dir, "--username="+Superuser, "--exit-on-error", "--dbname="+d.Name, file); err != nil {
		t.Fatal(err)
	}
	return d
}
