package pilotlogtest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
	"github.com/gridwarden/gridwarden/backends/pilotlog"
)

// World reads the logs that a world's pilots left. It is a gridtest.Enricher.
type World struct {
	t    *testing.T
	now  time.Time
	logs *pilotlog.Logs
}

// New writes the logs of a world and reads them.
func New(t *testing.T, g *gridtest.Generator) *World {
	t.Helper()
	return Open(t, Write(t, g), g.Now())
}

// Write writes the logs of a world into a folder that ends with the test.
func Write(t *testing.T, g *gridtest.Generator) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for l := range g.PilotLogs() {
		if err := l.Write(dir); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Open reads logs at a world's moment. Each factory's part of the folder is an
// archive.
func Open(t *testing.T, dir string, now time.Time) *World {
	t.Helper()
	factories, err := os.ReadDir(dir)
	if err != nil || len(factories) == 0 {
		t.Fatalf("%d factories: %v", len(factories), err)
	}
	var archives []pilotlog.Config
	for _, f := range factories {
		archives = append(archives, pilotlog.Config{Tree: filepath.Join(dir, f.Name()), Factories: []string{f.Name()}})
	}
	logs, err := pilotlog.New(archives)
	if err != nil {
		t.Fatal(err)
	}
	return &World{t: t, now: now, logs: logs}
}

// Enrich asks the logs at the world's moment, which says whether a log that is
// not there may still come.
func (w *World) Enrich(_ context.Context, q grid.Query, seen []grid.Sighting) (found grid.Found, err error) {
	synctest.Test(w.t, func(t *testing.T) {
		time.Sleep(time.Until(w.now))
		found, err = w.logs.Enrich(t.Context(), q, seen)
	})
	found.Report.Name, found.Report.Experiment = w.logs.Name(), w.logs.Experiment()
	return found, err
}
