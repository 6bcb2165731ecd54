package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// With servers named already none is started, and the command decides the status.
func TestCommandDecidesTheStatus(t *testing.T) {
	t.Setenv(searchtest.Variable, "es7=http://127.0.0.1:9200")
	out := filepath.Join(t.TempDir(), "out")
	if status := run([]string{"sh", "-c", `printf %s "$` + searchtest.Variable + `" >"$0"; exit 3`, out}); status != 3 {
		t.Errorf("status %d, want 3", status)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "es7=http://127.0.0.1:9200" {
		t.Errorf("the command sees %q, %v", got, err)
	}
	for want, args := range map[int][]string{0: {"true"}, 1: {"sh", "-c", "kill -9 $$"}, 2: nil} {
		if status := run(args); status != want {
			t.Errorf("%q: status %d, want %d", args, status, want)
		}
	}
	if status := run([]string{"/no/such/command"}); status == 0 {
		t.Error("a command that is not there passed")
	}
}
