package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestPeopleByCRIC goes from a saved answer of CRIC to whois, a trace and status.
func TestPeopleByCRIC(t *testing.T) {
	t.Parallel()
	cfg := configured(t, strings.Replace(testConfig, "sandbox: {speed: 300}", "cms: {history: {sqlite: history.db}, cric: {file: cric.json}}", 1)+
		"grid: {people: [{name: astrid, names: [astrid.long]}]}\n")
	snapshot := written(t, filepath.Join(filepath.Dir(cfg), "cric.json"), `{
	"astrid@example.org": {"dn": "/C=XX/O=Example/CN=Astrid Long", "email": "astrid@example.org", "name": "Astrid Long", "profiles": [{"login": "astrid.long"}]},
	"pkumar@example.org": {"dn": "/C=XX/O=Example/CN=Priya Kumar", "profiles": [{"login": "pkumar"}, {"login": "pkumar2"}]}}`)
	old := time.Now().Add(-24 * 24 * time.Hour)
	if err := os.Chtimes(snapshot, old, old); err != nil {
		t.Fatal(err)
	}
	ok(t, "import", "--config", cfg, records+"es_bulk.ndjson", records+"condor_history.json")

	contains(t, "whois", flowing(ok(t, "run", "--config", cfg, "--as", "alice", "whois", "/C=XX/O=Example/CN=Astrid Long")),
		"It is `astrid` by cric as of ", " and the alias table", "The person's name there is Astrid Long", "what it says is 24 days old")
	contains(t, "status", ok(t, "run", "--config", cfg, "--as", "alice", "--json", "status"), "cric", "2 people", "what it says is 24 days old")
	contains(t, "check", ok(t, "check", "--config", cfg), "cms: people and their DNs from the file "+snapshot)

	got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--json", "trace", "user", "pkumar2", "2026-06-24T00:00Z", "2026-06-26T00:00Z")
	var a struct {
		Trace struct {
			People  []struct{ Username string }
			Sources []struct {
				Name, State string
				Notes       []string
			}
			Asked struct{ Also []string }
		}
	}
	if err := json.Unmarshal([]byte(got.out), &a); err != nil {
		t.Fatalf("%v %+v", err, got)
	}
	if len(a.Trace.People) != 1 || a.Trace.People[0].Username != "pkumar" || !slices.Equal(a.Trace.Asked.Also, []string{"pkumar", "/C=XX/O=Example/CN=Priya Kumar"}) {
		t.Errorf("%+v", a.Trace)
	}
	last := a.Trace.Sources[len(a.Trace.Sources)-1]
	if last.Name != "cric" || last.State != "complete" || len(last.Notes) != 1 {
		t.Errorf("%+v", last)
	}

	if err := os.Remove(snapshot); err != nil {
		t.Fatal(err)
	}
	failed := gridwarden(t, "run", "--config", cfg, "--as", "alice", "trace", "wn042.example.org", "2026-06-24T12:00Z")
	if failed.status != exitPartial {
		t.Errorf("without the snapshot: %+v", failed)
	}
	contains(t, "a trace without the snapshot", flowing(failed.out), "cric (cms): failed", "is not there. Save an answer of CRIC there")
}

// flowing is text without the line ends by which it was fitted to the terminal.
func flowing(s string) string { return strings.Join(strings.Fields(s), " ") }
