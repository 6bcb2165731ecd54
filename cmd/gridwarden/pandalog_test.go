package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// pilotLog is a log of almost 5 MB that names 40 jobs.
func pilotLog() string {
	var log strings.Builder
	for i := range 56_000 {
		fmt.Fprintf(&log, "2026-08-20 10:00:00,%03d | INFO     | pilot.control.job | heartbeat %d of 1786000000\n", i%1000, i)
		if i%1400 == 700 {
			fmt.Fprintf(&log, "2026-08-20 10:00:00,%03d | INFO     | pilot.control.job | processing PanDA job %d from task 41\n", i%1000, 6012345000+i/1400)
		}
	}
	return log.String()
}

// TestALogOfFiveMegabytes gives a log with 40 ids in a file, to run and at the
// console: those that are jobs are shown, none is picked, and a longer one is refused.
func TestALogOfFiveMegabytes(t *testing.T) {
	t.Parallel()
	d, dir := pandatest.NewDatabase(t), t.TempDir()
	for i := range 3 {
		now := d.Now()
		d.AddJob(pandatest.Job{PandaID: 6012345000 + int64(i)*10, Table: pandatest.Archived, JobStatus: "finished", ProdUserName: "Naughty User", StartTime: now.Add(-time.Hour), EndTime: now})
	}
	written(t, filepath.Join(dir, "reader.dsn"), d.DSN(pandatest.Reader))
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), strings.Replace(testConfig, "sandbox: {speed: 300}", "panda: {database: {dsn_file: reader.dsn}}", 1))
	log := pilotLog()
	if len(log) < 4_500_000 || len(log) > 5<<20 {
		t.Fatalf("%d bytes", len(log))
	}
	file := written(t, filepath.Join(dir, "pilotlog.txt"), log)
	size := fmt.Sprintf("%d bytes", len(log))
	shown := []string{"3 of the 40 jobs that the text names are in PanDA", "6012345000", "6012345010", "6012345020", "Naughty User", "Not found as jobs: 6012345001", "and 27 more"}

	for name, got := range map[string]said{
		"by a pipe":   gridwardenRead(t, log, "run", "--config", cfg, "--as", "alice", "job"),
		"by --file":   gridwarden(t, "run", "--config", cfg, "--as", "alice", "--file", file, "job"),
		"by --file -": gridwardenRead(t, log, "run", "--config", cfg, "--as", "alice", "--file", "-", "job"),
	} {
		if got.status != exitOK {
			t.Errorf("%s: %d %s", name, got.status, got.err)
		}
		contains(t, name, got.out, append(shown, size)...)
		if strings.Contains(got.out, "×") {
			t.Errorf("%s: counts of an excerpt are shown:\n%s", name, got.out)
		}
	}
	got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--json", "--file", file, "job")
	var a struct {
		Job struct {
			File       string
			Candidates []struct {
				PandaID int64
				Forms   []string
				Count   int
			}
			Unknown []int64
		}
	}
	if err := json.Unmarshal([]byte(got.out), &a); err != nil || a.Job.File != "pilotlog.txt, "+size || len(a.Job.Candidates) != 3 || len(a.Job.Unknown) != 37 {
		t.Errorf("%v: %+v", err, a)
	}
	for _, c := range a.Job.Candidates {
		if c.Count != 0 || len(c.Forms) != 1 {
			t.Errorf("%+v", c)
		}
	}
	talk := gridwardenRead(t, "alice> job < "+file+"\nalice> job < "+dir+"/none\nalice> job < "+dir+"\nalice> whois < "+file+"\n", "serve", "--config", cfg)
	contains(t, "the console", strings.Join(strings.Fields(talk.out), " "), append(shown, size, `none" is not there. Nothing was run.`, "is no file. Nothing was run.")...)

	j := journalOf(t, cfg)
	defer j.Close()
	records, err := j.Records(t.Context(), bot.RecordFilter{Kinds: []audit.Kind{audit.Received}, Limit: 100})
	if err != nil || len(records) != 6 {
		t.Fatalf("%d records, %v", len(records), err)
	}
	records = records[:5] // the last is of whois, which takes no file
	for _, r := range records {
		if body := string(r.Body); !strings.Contains(body, ", "+size+"]") || !strings.Contains(body, "processing PanDA job 6012345039 from task 41") || strings.Contains(body, "heartbeat") {
			t.Errorf("not the lines that were read, and only those: %.300s", body)
		}
	}

	for name, test := range map[string]struct{ text, want string }{
		"more than 5 MB": {log + strings.Repeat("\n", 5<<20+1-len(log)), "has more than 5242880 bytes (5 MB)"},
		"no log":         {strings.Repeat("nothing ", 10_000), "names a job"},
	} {
		got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--file", written(t, filepath.Join(dir, "other.txt"), test.text), "job")
		if got.status != exitUsage || got.out != "" || !strings.Contains(got.err, test.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--file", file, "whois", "x"); got.status != exitUsage || !strings.Contains(got.err, `"whois x" does not`) {
		t.Errorf("another command: %+v", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--file", file, "job"); got.status != exitUsage || !strings.Contains(got.err, "is not there") {
		t.Errorf("no file: %+v", got)
	}
	if got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "job"); got.status != exitUsage {
		t.Errorf("nothing at all: %+v", got)
	}
}
