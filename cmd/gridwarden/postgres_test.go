package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

func TestMain(m *testing.M) {
	status := m.Run()
	postgrestest.End()
	os.Exit(status)
}

// TestJournalOnPostgres goes from a question to a verified log with the journal
// on a server, each command in a process of its own as far as the program can tell.
func TestJournalOnPostgres(t *testing.T) {
	t.Parallel()
	db := postgrestest.NewDatabase(t)
	dir := t.TempDir()
	for name, role := range map[string]string{"serving.dsn": db.Plain, "owner.dsn": db.Owner} {
		written(t, filepath.Join(dir, name), db.DSN(role))
	}
	yaml := strings.Replace(testConfig, "journal: {sqlite: gridwarden.db}", "journal: {postgres: {dsn_file: serving.dsn, owner_dsn_file: owner.dsn}}\naudit: {key_file: audit.key, checkpoint_file: audit.checkpoint}", 1)
	yaml = peopled(yaml)
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), yaml)
	contains(t, "check", ok(t, "check", "--config", cfg, "--probe"), "journal: on PostgreSQL", "owner of the journal's tables")

	serving := written(t, filepath.Join(dir, "serving.yaml"), strings.Replace(yaml, ", owner_dsn_file: owner.dsn", "", 1))
	asked(t, serving, "alice", "whois", "Naughty User")
	proposed, _ := machine(t, serving, "--as", "alice", "ban", "Naughty User", "cryptominer")
	if proposed.Action == nil || proposed.Action.State != "proposed" {
		t.Fatalf("%+v", proposed)
	}
	asked(t, serving, "bob", "approve", proposed.Action.ID)
	contains(t, "the log", ok(t, "audit", "verify", "--config", serving), "The audit log in PostgreSQL", "Sound:")
	contains(t, "its records", ok(t, "audit", "show", "--config", serving), "proposed", "cryptominer")

	db.Exec(t, "UPDATE vote SET person = 'mia'")
	got := gridwarden(t, "audit", "verify", "--config", serving)
	if got.status == exitOK {
		t.Errorf("a changed vote was not noticed: %+v", got)
	}
	contains(t, "the verification", got.out+got.err, "action/"+proposed.Action.ID)
	refusedVote, status := machine(t, serving, "--as", "carol", "approve", proposed.Action.ID)
	if status == exitOK {
		t.Errorf("a vote was counted on top of a forged one: %+v", refusedVote)
	}
}
