package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestInitWritesWhatCheckAccepts(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new")
	cfg := filepath.Join(dir, "gridwarden.yaml")
	contains(t, "init", ok(t, "init", dir), "wrote "+cfg, "Next:", "gridwarden check  --config "+cfg)
	contains(t, "check", ok(t, "check", "--config", cfg), "Policies", "Roles")
	// Whoever ran init is known to the program by the account of the operating system.
	contains(t, "help", ok(t, "run", "--config", cfg, "help"), "trace")

	before, err := os.ReadFile(cfg)
	if err != nil {
		t.Fatal(err)
	}
	got := gridwarden(t, "init", dir)
	if got.status != exitUsage || got.out != "" {
		t.Errorf("a second time: %+v", got)
	}
	contains(t, "the refusal", got.err, cfg, "is there already and was not touched")
	after, err := os.ReadFile(cfg)
	if err != nil || string(after) != string(before) {
		t.Errorf("the configuration was overwritten: %v", err)
	}
}

func TestInitWhereNothingCanBeMade(t *testing.T) {
	file := written(t, filepath.Join(t.TempDir(), "file"), "")
	if got := gridwarden(t, "init", filepath.Join(file, "dir")); got.status != exitUsage || got.err == "" {
		t.Errorf("%+v", got)
	}
}
