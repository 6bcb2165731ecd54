//go:build crash

package survival

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestOutage stops PostgreSQL under load. A command is refused with a sentence
// or answered late, and none is lost.
func TestOutage(t *testing.T) {
	alongside(t)
	server := durableServer(t)
	p := newPlace(t, settings{database: onPostgres, server: server, speed: 300})
	withdrawn(t, p, server.Stop, server.Start)
}

// TestDiskFull fills the disk of a journal on SQLite under load.
func TestDiskFull(t *testing.T) {
	alongside(t)
	disk := smallDisk(t)
	p := newPlace(t, settings{database: onSQLite, journal: disk, speed: 300})
	filler := filepath.Join(disk, "filler")
	withdrawn(t, p, func() error { return fill(filler) }, func() error { return os.Remove(filler) })
}

// withdrawn takes the database away from a serve under load, and gives it back.
func withdrawn(t *testing.T, p *place, take, give func() error) {
	t.Helper()
	serve, err := p.start("")
	if err != nil {
		t.Fatal(err)
	}
	defer serve.kill()
	if err := serve.listening(p); err != nil {
		t.Fatal(err)
	}
	away := lasts(5 * time.Second)
	c := newCrowd(p, away+3*time.Minute)
	l := newLoad(c, *rate)
	l.begin()
	// The load before.
	if err := errors.Join(serve.lives(3*time.Second), take()); err != nil {
		t.Fatal(err)
	}
	began := c.counts.soFar()
	err = serve.lives(away)
	during := c.counts.soFar() - began
	if err = errors.Join(err, give(), serve.lives(5*time.Second)); err != nil { // and after
		t.Fatalf("%v\n%s", err, p.logs())
	}
	want := l.end(t)
	sentences := 0
	for _, s := range p.room.Said() {
		if s.Key == "" {
			sentences++
		}
	}
	err = errors.Join(p.quiet(3*time.Minute), serve.stop())
	err = errors.Join(err, p.checkRoom(c, true), p.checkGrid(want), p.checkLog())
	if err != nil {
		t.Errorf("%v\n%s", err, p.logs())
	}
	say("%s: %d events, %d of them in %s without the database; %d sentences that it could not be written; %d times people asked again, slowest answer %s",
		t.Name(), c.counts.soFar(), during, away, sentences, c.counts.askedAgain(), c.counts.slowest().Round(time.Millisecond))
}

// smallDisk is a file system of a few megabytes, which only root may mount.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("a small disk to fill cannot be mounted here, which needs root and the right to mount: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full.
func fill(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, size := range []int{1 << 20, 1 << 12, 1} {
		block := make([]byte, size)
		for err == nil {
			_, err = f.Write(block)
		}
		if !errors.Is(err, syscall.ENOSPC) {
			return err
		}
		err = nil
	}
	return nil
}
