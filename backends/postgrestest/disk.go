package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// SmallDisk is a disk of its own for one database.
type SmallDisk struct {
	dir     string
	ballast string
}

// NewSmallDisk moves the database, to which nobody is connected yet, to a disk
// of so many megabytes. Where none can be mounted the test is skipped.
func (d Database) NewSmallDisk(t testing.TB, megabytes int) SmallDisk {
	t.Helper()
	dir := filepath.Join(d.Server.Dir, d.Name+".disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	options := fmt.Sprintf("size=%dm,mode=700", megabytes)
	if d.Server.as != nil {
		options += fmt.Sprintf(",uid=%d,gid=%d", d.Server.as.Uid, d.Server.as.Gid)
	}
	if out, err := exec.CommandContext(context.Background(), "mount", "-t", "tmpfs", "-o", options, "tmpfs", dir).CombinedOutput(); err != nil { //nolint:gosec // nothing foreign
		t.Skipf("no disk could be mounted, which needs root with the right to: %v %s", err, out)
	}
	t.Cleanup(func() {
		d.Server.Exec(t, "postgres", "DROP DATABASE "+d.Name+" WITH (FORCE)", "DROP TABLESPACE "+d.Name)
		if out, err := exec.CommandContext(context.Background(), "umount", dir).CombinedOutput(); err != nil { //nolint:gosec // nothing foreign
			t.Errorf("%v %s", err, out)
		}
	})
	d.Server.Exec(t, "postgres", "CREATE TABLESPACE "+d.Name+" LOCATION '"+dir+"'", "ALTER DATABASE "+d.Name+" SET TABLESPACE "+d.Name)
	return SmallDisk{dir: dir, ballast: filepath.Join(dir, "ballast")}
}

// Fill leaves no room.
func (s SmallDisk) Fill(t testing.TB) {
	t.Helper()
	f, err := os.Create(s.ballast)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12} {
		block := make([]byte, size)
		for err = nil; err == nil; {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
	}
}

// Free makes room again.
func (s SmallDisk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(s.ballast); err != nil {
		t.Fatal(err)
	}
}
