package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// machineAnswer is what the tests read of a machine answer.
type machineAnswer struct {
	Request, Command, State, Text string
	Error                         *struct{ Code, Message string }
	Action                        *struct{ ID, State, Result string }
	Incident                      *struct{ ID string }
}

// machine runs a command with --json and holds the answer against the schema.
func machine(t *testing.T, cfg string, args ...string) (machineAnswer, int) {
	t.Helper()
	got := gridwarden(t, append([]string{"run", "--config", cfg, "--json"}, args...)...)
	answertest.ValidJSON(t, []byte(got.out))
	var a machineAnswer
	if err := json.Unmarshal([]byte(got.out), &a); err != nil {
		t.Fatal(err)
	}
	if (a.State == "refused" || a.State == "failed") != (a.Error != nil) {
		t.Errorf("%q: state %s with error %v", args, a.State, a.Error)
	}
	return a, got.status
}

// TestRunStatusAndMachineForm has a command for each exit status, in both forms.
func TestRunStatusAndMachineForm(t *testing.T) {
	cfg := configured(t, testConfig)
	garbage := configured(t, testConfig)
	written(t, filepath.Join(filepath.Dir(garbage), "gridwarden.db"), strings.Repeat("this is no database\n", 100))
	future := time.Now().UTC().Add(-time.Hour).Format(time.RFC3339) // of the simulated clock
	for _, c := range []struct {
		name   string
		cfg    string
		args   []string
		status int
		state  string
		code   string
	}{
		{"answered", cfg, []string{"--as", "alice", "whois", "Naughty User"}, exitOK, "answered", ""},
		{"a whole line", cfg, []string{"--as", "alice", `whois "Naughty User"`}, exitOK, "answered", ""},
		{"help", cfg, []string{"--as", "alice", "help"}, exitOK, "answered", ""},
		{"status", cfg, []string{"--as", "alice", "status"}, exitOK, "answered", ""},
		{"bans", cfg, []string{"--as", "alice", "bans"}, exitOK, "answered", ""},
		{"proposed", cfg, []string{"--as", "alice", "ban", "Naughty User", "cryptominer"}, exitOK, "proposed", ""},
		{"pending", cfg, []string{"--as", "bob", "pending"}, exitOK, "answered", ""},
		{"journal is no database", garbage, []string{"--as", "alice", "help"}, exitFailed, "failed", "failed"},
		{"unknown command", cfg, []string{"--as", "alice", "frobnicate"}, exitUsage, "refused", "unknown-command"},
		{"wrongly asked", cfg, []string{"--as", "alice", "whois"}, exitUsage, "refused", "usage"},
		{"no configuration", filepath.Join(t.TempDir(), "none.yaml"), []string{"help"}, exitUsage, "failed", "configuration"},
		{"without the role", cfg, []string{"--as", "gus", "ban", "Naughty User", "x"}, exitRefused, "refused", "role"},
		{"nobody known", cfg, []string{"--as", "zoe", "help"}, exitRefused, "refused", "refused"},
		{"no such action", cfg, []string{"--as", "bob", "approve", "zzzzzz"}, exitRefused, "refused", "not-found"},
		{"in part", cfg, []string{"--as", "alice", "trace", "wn042.example.org", future}, exitPartial, "partial", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, status := machine(t, c.cfg, c.args...)
			if status != c.status || a.State != c.state {
				t.Errorf("status %d, state %q, want %d %q: %s", status, a.State, c.status, c.state, a.Text)
			}
			if c.code != "" && (a.Error == nil || a.Error.Code != c.code || a.Error.Message == "") {
				t.Errorf("error %+v, want %s", a.Error, c.code)
			}
			text := gridwarden(t, append([]string{"run", "--config", c.cfg}, c.args...)...)
			if text.status != c.status {
				t.Errorf("as text the status is %d", text.status)
			}
			if answered := c.code == ""; (text.out != "") != answered || (text.err != "") == answered {
				t.Errorf("answers go to standard output, errors to standard error: %+v", text)
			}
		})
	}
}

// TestRunSavesFiles holds that the picture of a trace is saved where
// console.files says, in both forms, and that without it nothing is.
func TestRunSavesFiles(t *testing.T) {
	dir := t.TempDir()
	simulated := time.Now().UTC().AddDate(0, 0, -7) // the sandbox's clock at its start
	ask := []string{"--as", "alice", "trace", "wn042.example.org", simulated.Add(-time.Hour).Format(time.RFC3339), "plot"}
	files := func(got said) []answerFile {
		t.Helper()
		answertest.ValidJSON(t, []byte(got.out))
		var a struct{ Files []answerFile }
		if err := json.Unmarshal([]byte(got.out), &a); err != nil {
			t.Fatal(err)
		}
		return a.Files
	}
	without := configured(t, testConfig)
	if got := files(gridwarden(t, append([]string{"run", "--config", without, "--json"}, ask...)...)); len(got) != 1 || got[0].Name != "trace.png" || got[0].Saved != "" {
		t.Errorf("without console.files: %+v", got)
	}
	contains(t, "as text", gridwarden(t, append([]string{"run", "--config", without}, ask...)...).out, "file trace.png (", "not text: it is saved where console.files names a folder")

	cfg := configured(t, strings.Replace(testConfig, "console: {trusted: true}", "console: {trusted: true, files: '"+dir+"'}", 1))
	got := files(gridwarden(t, append([]string{"run", "--config", cfg, "--json"}, ask...)...))
	if len(got) != 1 || filepath.Dir(got[0].Saved) != dir || !strings.HasSuffix(got[0].Saved, "-trace.png") {
		t.Fatalf("files %+v, want one in %s", got, dir)
	}
	data, err := os.ReadFile(got[0].Saved)
	if err != nil || len(data) != got[0].Bytes || !strings.HasPrefix(string(data), "\x89PNG") {
		t.Errorf("%d bytes of %d, %v", len(data), got[0].Bytes, err)
	}
	contains(t, "as text", gridwarden(t, append([]string{"run", "--config", cfg}, ask...)...).out, "saved as")
	if all, err := os.ReadDir(dir); err != nil || len(all) != 2 {
		t.Errorf("%d files, want one for each answer: %v", len(all), err)
	}

	gone := configured(t, strings.Replace(testConfig, "console: {trusted: true}", "console: {trusted: true, files: '"+filepath.Join(dir, "none")+"'}", 1))
	lost := gridwarden(t, append([]string{"run", "--config", gone}, ask...)...)
	contains(t, "the answer", lost.out, "file trace.png (")
	contains(t, "the complaint", lost.err, "the file was not saved")
}

func TestRunAsNeedsATrustedConsole(t *testing.T) {
	cfg := configured(t, strings.Replace(testConfig, "console: {trusted: true}\n", "", 1))
	a, status := machine(t, cfg, "--as", "alice", "help")
	if status != exitRefused || a.Error == nil || !strings.Contains(a.Error.Message, "console: {trusted: true}") {
		t.Errorf("status %d, %+v", status, a)
	}
	// Without --as it is the account of whoever runs it, whom this configuration does not know.
	a, status = machine(t, cfg, "help")
	if status != exitRefused || a.Error == nil || a.Error.Code != "unknown-person" {
		t.Errorf("status %d, %+v", status, a)
	}
}

func TestRunIncident(t *testing.T) {
	cfg := configured(t, testConfig)
	opened, status := machine(t, cfg, "--as", "alice", "incident", "open", "odd node")
	if status != exitOK || opened.Incident == nil {
		t.Fatalf("status %d, %+v", status, opened)
	}
	if a, status := machine(t, cfg, "--as", "alice", "--incident", opened.Incident.ID, "whois", "Naughty User"); status != exitOK {
		t.Errorf("status %d, %+v", status, a)
	}
	contains(t, "the case", ok(t, "audit", "show", "--config", cfg, "--incident", opened.Incident.ID), `whois "Naughty User"`)
	if a, status := machine(t, cfg, "--as", "alice", "--incident", "none", "help"); status != exitRefused || a.Error.Code != "not-found" {
		t.Errorf("status %d, %+v", status, a)
	}
}

// TestRunWaitsUntilSettled has the last approval wait for the end of a ban, each
// command in a process of its own as far as the program can tell.
func TestRunWaitsUntilSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := configured(t, strings.Replace(testConfig, "sandbox: {speed: 300}", "sandbox: {speed: 300, file: sandbox.json}", 1))
		proposed, _ := machine(t, cfg, "--as", "alice", "ban", "Naughty User", "cryptominer")
		if proposed.Action == nil || proposed.Action.State != "proposed" {
			t.Fatalf("%+v", proposed)
		}
		if a, status := machine(t, cfg, "--as", "bob", "approve", proposed.Action.ID); status != exitOK {
			t.Fatalf("%+v", a)
		}
		got := gridwarden(t, "run", "--config", cfg, "--json", "--wait", "--as", "tara", "approve", proposed.Action.ID)
		if got.status != exitRefused {
			t.Errorf("the target approved: %+v", got)
		}
		got = gridwarden(t, "run", "--config", cfg, "--json", "--wait", "--as", "carol", "approve", proposed.Action.ID)
		answertest.ValidJSON(t, []byte(got.out))
		var a machineAnswer
		if err := json.Unmarshal([]byte(got.out), &a); err != nil {
			t.Fatal(err)
		}
		if got.status != exitOK || a.Action == nil || a.Action.State != "settled" || a.Action.Result != "complete" {
			t.Errorf("%+v %+v\n%s", a, a.Action, got.err)
		}
		contains(t, "the progress", got.err, " UTC "+proposed.Action.ID+" applied", proposed.Action.ID+" settled")
		contains(t, "the log", ok(t, "audit", "verify", "--config", cfg), "Sound:")
	})
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{`ban "Naughty User" x`}, `ban "Naughty User" x`},
		{[]string{"ban", "Naughty User", "x"}, `ban "Naughty User" x`},
		{[]string{"note", ""}, `note ""`},
		{[]string{"note", `say "hi" \now`}, `note "say \"hi\" \\now"`},
		{[]string{"note", "it’s"}, `note "it’s"`},
		{[]string{"trace", "wn1", "site=X"}, "trace wn1 site=X"},
	} {
		if got := line(c.args); got != c.want {
			t.Errorf("%q: %s, want %s", c.args, got, c.want)
		}
	}
}
