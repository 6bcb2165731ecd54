package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/history"
)

const records = "../../testdata/records/"

// initialised is the configuration that init writes, in a directory of its own.
func initialised(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "new")
	ok(t, "init", dir)
	return filepath.Join(dir, "gridwarden.yaml")
}

// TestImportedRecordsAreTraced goes the way of a new user: init, import, and the
// same question on the command line and in the conversation.
func TestImportedRecordsAreTraced(t *testing.T) {
	t.Parallel()
	cfg := initialised(t)
	contains(t, "before", gridwarden(t, "run", "--config", cfg, "trace", "wn042.example.org", "2026-06-24T12:00Z").out, "nothing was imported yet")
	contains(t, "import", ok(t, "import", "--config", cfg, records+"es_bulk.ndjson", records+"condor_history.json"),
		"6 records from 2 files", "6 new, 0 replaced an older copy, 0 were there already.")

	got := gridwarden(t, "run", "--config", cfg, "--json", "trace", "wn042.example.org", "2026-06-24T12:00Z")
	var a struct {
		Trace struct {
			People []struct{ Confidence, Username string }
		}
	}
	if err := json.Unmarshal([]byte(got.out), &a); err != nil || got.status != exitPartial {
		t.Fatalf("%v %+v", err, got)
	}
	var people []string
	for _, p := range a.Trace.People {
		people = append(people, p.Confidence+" "+p.Username)
	}
	slices.Sort(people)
	want := []string{"confirmed astrid", "confirmed jdoe", "confirmed mrossi", "confirmed pkumar", "possible boris"}
	if !slices.Equal(people, want) {
		t.Errorf("people %q, want %q", people, want)
	}

	talk := gridwardenRead(t, "trace wn042.example.org 2026-06-24T12:00Z\n", "serve", "--config", cfg)
	contains(t, "the conversation", talk.out, "4 people confirmed, 0 possible, and 1 with an earlier run", "astrid", "jdoe (John Doe)", "mrossi (Maria Rossi)", "pkumar", "boris")
	if strings.Contains(talk.out, "other") {
		t.Errorf("somebody who was on another host:\n%s", talk.out)
	}
}

func TestImportAgainChangesNothing(t *testing.T) {
	t.Parallel()
	cfg := initialised(t)
	ok(t, "import", "--config", cfg, records)
	contains(t, "again", ok(t, "import", "--config", cfg, records), "0 new, 0 replaced an older copy, 6 were there already.")
	contains(t, "check", ok(t, "check", "--config", cfg, "--probe"), "probe: cms-history: ok")
	contains(t, "status", gridwarden(t, "run", "--config", cfg, "status").out, "6 imported records of 2 schedds")
}

// TestImportListsWhatItCouldNotRead: a bad piece costs the exit status, not the rest.
func TestImportListsWhatItCouldNotRead(t *testing.T) {
	t.Parallel()
	cfg := initialised(t)
	good, err := os.ReadFile(records + "es_bulk.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	input := "this is no record \x1b[31m\n" + string(good)
	got := gridwardenRead(t, input, "import", "--config", cfg, "-")
	if got.status != exitPartial {
		t.Errorf("%+v", got)
	}
	contains(t, "the report", got.out, "4 records from 1 file", "1 piece was not understood", "standard input:1 (byte 0): ")
	if strings.Contains(got.out+got.err, "\x1b") {
		t.Errorf("something foreign is alive: %q %q", got.out, got.err)
	}
	var report imported
	got = gridwardenRead(t, input, "import", "--config", cfg, "--json", "-")
	if err := json.Unmarshal([]byte(got.out), &report); err != nil || got.status != exitPartial {
		t.Fatalf("%v %+v", err, got)
	}
	if report.Unchanged != 4 || report.Rejected != 1 || len(report.Problems) != 1 || report.Problems[0].Line != 1 {
		t.Errorf("%+v", report)
	}
}

func TestImportOfWhatIsNotThere(t *testing.T) {
	t.Parallel()
	cfg := initialised(t)
	got := gridwarden(t, "import", "--config", cfg, filepath.Join(t.TempDir(), "none.json"))
	if got.status != exitFailed || got.out != "" {
		t.Errorf("%+v", got)
	}
	contains(t, "the refusal", got.err, "none.json", "Nothing was imported.")

	got = gridwarden(t, "import", "--config", configured(t, testConfig), records)
	if got.status != exitUsage {
		t.Errorf("no store: %+v", got)
	}
	contains(t, "the refusal", got.err, "backends: {cms: {history: {sqlite: history.db}}}")
}

func TestProgressInALog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := newProgress(&out, false, time.Now())
		at := history.Progress{FilesDone: 1, FilesTotal: 3, BytesDone: 50, BytesTotal: 200, Records: 7200, Rejected: 2}
		p.update(at) // nothing: it has only begun
		time.Sleep(time.Hour)
		p.update(at)
		p.update(at) // not every time
		p.end()
		if got, want := out.String(), "importing: 7,200 records, 2/s, 2 rejected, file 2 of 3, 25 %\n"; got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

func TestThousands(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := thousands(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
