package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestDemoTellsTheWholeStory plays the demo with nobody at a terminal and looks
// for each step of the story, in order. The clock is the bubble's: no waiting.
func TestDemoTellsTheWholeStory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC))) // the bubble begins before the grid
		var out, err bytes.Buffer
		status := run(t.Context(), []string{"demo"}, terminal{in: strings.NewReader(""), out: &out, err: &err})
		if status != exitOK {
			t.Fatalf("status %d\n%s", status, err.String())
		}
		rest := out.String()
		for _, step := range []struct{ what, text string }{
			{"the site's report", "══ A site reports: something odd on wn042.example.org"},
			{"the DN is the factory's", "This is a pilot factory: "},
			{"the trace", "Who ran on wn042.example.org"},
			{"the owner of the payload", "Naughty User    "},
			{"the look-alikes", "look-alike"},
			{"the proposed ban", "BAN Naughty User — waits for approval"},
			{"the refused self-approval", "yourself; another person must approve it"},
			{"the first approval", "bob approved"},
			{"the second approval", "carol approved"},
			{"the ban holds", "BAN Naughty User — settled, complete"},
			{"the proposed kill", "KILL USER Naughty User — waits for approval"},
			{"the kill is approved", "bob approved"},
			{"the kill is requested", "kill requested for 11 jobs"},
			{"it waits for the pilots", "requested (the pilot has not called yet)"},
			{"the pilots were told", "delivered (the pilot was told)"},
			{"one payload evades", "1 evading (told, and still there)"},
			{"what the site can do", "ask the site to kill the batch job"},
			{"the kill has settled", "is settled: incomplete"},
			{"the audit trail", "Audit records of"},
			{"the audit log is verified", "Sound: every signed record is there"},
		} {
			_, after, found := strings.Cut(rest, step.text)
			if !found {
				t.Fatalf("%s is missing: no %q in what is left:\n%s", step.what, step.text, rest)
			}
			rest = after
		}
		for i, line := range strings.Split(out.String(), "\n") {
			if n := len([]rune(line)); n > 120 {
				t.Errorf("line %d is %d characters wide: %s", i+1, n, line)
			}
		}
	})
}

func TestDemoKeepsWhatCanBeVerifiedLater(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "kept")
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)))
		contains(t, "the demo", ok(t, "demo", "--keep", dir), "gridwarden audit show --config "+filepath.Join(dir, "demo.yaml"))
	})
	contains(t, "the kept log", ok(t, "audit", "verify", "--config", filepath.Join(dir, "demo.yaml")), "Sound:")
}
