package main

import (
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/config"
)

// TestTranscripts plays every conversation on the whole program, with its
// journal on SQLite and the simulated grid, in every mode of every platform: on
// the console each step is a line that somebody types, elsewhere it is what the
// fake server sends when people type, press and react. Where a mode lacks a
// surface the step is typed. The files say which answers they expect; any other
// message fails.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("../../testdata/transcripts/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	var mu sync.Mutex
	played := map[[2]string]bottest.Played{}
	t.Run("plays", func(t *testing.T) {
		for _, file := range files {
			name := strings.TrimSuffix(filepath.Base(file), ".txtar")
			for _, mode := range modes {
				t.Run(name+"/"+mode.name, func(t *testing.T) {
					t.Parallel()
					how := bottest.RunTranscript(t, file, mode.start)
					mu.Lock()
					defer mu.Unlock()
					played[[2]string{name, mode.name}] = how
				})
			}
		}
	})
	if t.Failed() || len(played) < len(files)*len(modes) { // only some were asked for
		return
	}
	pageMatches(t, "transcripts", playedTable(t, played))
}

// readConfig gives the configuration of a transcript, in a directory of its own.
func readConfig(t *testing.T, s bottest.Setup) *config.Config {
	t.Helper()
	dir := t.TempDir()
	cfg, err := config.Parse(filepath.Join(dir, "config.yaml"), s.Files["config.yaml"], dir)
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

// runOn builds the program on platforms and runs it until the test ends.
func runOn(t *testing.T, cfg *config.Config, platforms ...bot.Platform) *app {
	t.Helper()
	w := plug(t, cfg)
	w.on(platforms...)
	return w.app
}
