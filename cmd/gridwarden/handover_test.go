package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestRootLeavesTheServiceItsFiles has root run commands in the folder of the
// service's account, first on nothing, then on what is there: every file stays
// that account's.
func TestRootLeavesTheServiceItsFiles(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root makes files that the service cannot read")
	}
	const service = 65534
	data := t.TempDir()
	if err := os.Chown(data, service, service); err != nil {
		t.Fatal(err)
	}
	cfg := written(t, filepath.Join(t.TempDir(), "gridwarden.yaml"), `
journal: {sqlite: `+data+`/gridwarden.db}
audit: {key_file: `+data+`/audit.key, checkpoint_file: `+data+`/audit.checkpoint}
people: [{id: alice, roles: [shifter], accounts: [console/0]}]
backends: {cms: {history: {sqlite: `+data+`/history.db}}}
`)
	for range 2 {
		ok(t, "run", "--config", cfg, "status")
		found := map[string]bool{}
		err := filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			found[e.Name()] = true
			if owner := info.Sys().(*syscall.Stat_t).Uid; owner != service {
				t.Errorf("%s is owned by %d", path, owner)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"gridwarden.db", "history.db", "audit.key", "audit.key.pub", "audit.checkpoint"} {
			if !found[name] {
				t.Errorf("%s was not made", name)
			}
		}
	}
}

// TestRootIsToldWhoElse names the service's account to a root that the
// configuration does not know.
func TestRootIsToldWhoElse(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("whoever is not root has no other account")
	}
	got := gridwarden(t, "run", "--config", configured(t, testConfig), "status")
	if got.status != exitRefused || !strings.Contains(got.err, "belongs to nobody that gridwarden knows") || !strings.Contains(got.err, "runuser -u gridwarden") {
		t.Errorf("%+v", got)
	}
}
