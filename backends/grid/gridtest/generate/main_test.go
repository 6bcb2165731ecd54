package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid/gridtest"
)

func TestRunWritesTheFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	if err := run([]string{"-jobs", "300", "-out", dir}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{gridtest.ESCMSFile, gridtest.MONITFile, gridtest.HistoryFolder, gridtest.EpochsFolder, gridtest.LogsFolder, gridtest.TruthFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Error(err)
		}
	}
	file := filepath.Join(dir, gridtest.TruthFile)
	for _, args := range [][]string{{"-jobs", "10"}, {"-out", dir, "-jobs", "0"}, {"-out", file, "-jobs", "1"}} {
		if err := run(args); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
