package sandbox

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestTheFileTellsWhatWasDoneTwice does everything twice: the grid is the same
// as after the first time, and the file shows the second.
func TestTheFileTellsWhatWasDoneTwice(t *testing.T) {
	file := filepath.Join(t.TempDir(), "grid.json")
	synctest.Test(t, func(t *testing.T) {
		g := open(t, Config{File: file})
		jobs, tasks := live(t, g, liWei)
		before := status(t, g, jobs[0].ID)
		for range 2 {
			if err := g.Ban(t.Context(), naughty, "Naughty User"); err != nil {
				t.Fatal(err)
			}
			must[[]bool](t)(g.KillJobs(t.Context(), []string{jobs[0].ID}))
			must[bool](t)(g.KillTask(t.Context(), tasks[0].ID))
			time.Sleep(time.Millisecond)
		}
		if k := status(t, g, jobs[0].ID); k.State == before.State {
			t.Errorf("no kill is registered: %+v", k)
		}
		if err := g.Unban(t.Context(), naughty, "Naughty User"); err != nil {
			t.Fatal(err)
		}
		if got := bannedNames(t, g); slices.Contains(got, "Naughty User") {
			t.Errorf("one end of a ban that was written twice leaves %q", got)
		}
	})
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var did []string
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n")[1:] {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		did = append(did, e.Do)
	}
	if want := []string{doBan, doKillJobs, doKillTask, again + doBan, again + doKillJobs, again + doKillTask, doUnban}; !slices.Equal(did, want) {
		t.Errorf("%q, want %q", did, want)
	}
}
