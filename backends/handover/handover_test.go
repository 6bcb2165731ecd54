package handover_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gridwarden/gridwarden/backends/handover"
)

// another is an account that is not root.
const another = 65534

func asRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
}

func made(t *testing.T, path string, mode os.FileMode) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func standing(t *testing.T, f *os.File) (uid uint32, mode os.FileMode) {
	t.Helper()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Uid, info.Mode().Perm()
}

// TestLike gives a file the owner of its folder, or owner and mode of the file
// that it takes the place of, and never one that has a name elsewhere.
func TestLike(t *testing.T) {
	asRoot(t)
	dir := t.TempDir()
	old := made(t, filepath.Join(dir, "old"), 0o640)
	if err := old.Chown(another, another); err != nil {
		t.Fatal(err)
	}
	fresh := made(t, filepath.Join(dir, "new"), 0o600)
	handover.Like(fresh, old.Name(), dir)
	if uid, mode := standing(t, fresh); uid != another || mode != 0o640 {
		t.Errorf("like the old one: %d, %o", uid, mode)
	}

	if err := os.Chown(dir, another, another); err != nil {
		t.Fatal(err)
	}
	first := made(t, filepath.Join(dir, "first"), 0o600)
	handover.Like(first, filepath.Join(dir, "missing"), dir)
	if uid, mode := standing(t, first); uid != another || mode != 0o600 {
		t.Errorf("like the folder: %d, %o", uid, mode)
	}

	linked := made(t, filepath.Join(dir, "linked"), 0o600)
	if err := os.Link(linked.Name(), filepath.Join(dir, "second name")); err != nil {
		t.Fatal(err)
	}
	handover.Like(linked, dir)
	if uid, _ := standing(t, linked); uid != 0 {
		t.Errorf("a file with two names went to %d", uid)
	}
}

// TestForeign names who owns a file and what to do.
func TestForeign(t *testing.T) {
	asRoot(t)
	f := made(t, filepath.Join(t.TempDir(), "audit.checkpoint"), 0o600)
	if said := handover.Foreign(f.Name()); said != "" {
		t.Errorf("its own file: %s", said)
	}
	if err := f.Chown(another, another); err != nil {
		t.Fatal(err)
	}
	if said := handover.Foreign(f.Name()); !strings.HasSuffix(said, "chown root: "+f.Name()) {
		t.Errorf("said %q", said)
	}
}
