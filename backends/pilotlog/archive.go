package pilotlog

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// place is where an archive may have the log of a pilot.
type place struct {
	where   string // for people, below the archive
	pilot   grid.Pilot
	written time.Time // by the clock of the archive; zero when unknown
	// load gives the two files; nil for one that is not there.
	load func(ctx context.Context) (out, err []byte, _ error)
	// head gives the beginning of the .out file; nil when only load can.
	head    func(ctx context.Context) ([]byte, error)
	heading *heading // when the archive remembers it
}

// archive has pilot logs.
type archive interface {
	// find gives every place for a pilot. Of what is not known of it, all are given.
	find(ctx context.Context, p grid.Pilot) ([]place, error)
	// list gives the places written since then, first those that the hint likes,
	// until yield returns false. It returns errNoList when that cannot be asked.
	list(ctx context.Context, since time.Time, hint func(entry string) bool, yield func(place) bool) error
	// fate tells what the factory noted of a pilot.
	fate(ctx context.Context, p grid.Pilot) (fate, error)
	check(ctx context.Context) error
}

// fate is what the factory itself knows of a pilot: unlike the log it does not
// come from the worker node.
type fate struct {
	known bool
	over  bool
	ended time.Time // zero when the zone of the factory's clock is not known
}

// errNoList says that an archive gives only what is asked for by name.
var errNoList = errors.New("pilotlog: the archive cannot be listed")

// jobFile is the name of a pilot's file.
var jobFile = regexp.MustCompile(`^job\.(\d{1,18})\.(\d{1,18})\.(out|err)$`)

// numberOf reads the numbers of a pilot in the parts of a name.
func numberOf(cluster, proc string) (grid.PilotID, bool) {
	c, errC := strconv.ParseInt(cluster, 10, 64)
	p, errP := strconv.ParseInt(proc, 10, 64)
	return grid.PilotID{Cluster: c, Proc: p}, errC == nil && errP == nil
}

func jobName(id grid.PilotID, kind string) string {
	return fmt.Sprintf("job.%d.%d.%s", id.Cluster, id.Proc, kind)
}

// component are names that can stand in a path; what a record says of a pilot is
// foreign. Others are as good as unknown.
var component = regexp.MustCompile(`^[A-Za-z0-9_@+][A-Za-z0-9._@+-]{0,199}$`)

func safeName(s string) string {
	if !component.MatchString(s) || strings.Contains(s, "..") {
		return ""
	}
	return s
}

// errNotFile says that a name leads to something that is no plain file. Neither
// the factory nor GlideinMonitor makes such.
var errNotFile = errors.New("it is a link or a device, not a file")

// readFile reads a plain file below root, at most limit bytes and one more, which
// tells that there is more. A link is not followed, and a named pipe not waited
// for.
func readFile(root *os.Root, name string, limit int) ([]byte, error) {
	f, err := openFile(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, int64(limit)+1))
}

func openFile(root *os.Root, name string) (*os.File, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errNotFile
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
		err = errNotFile
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// absent reports that a file is not there, which is no failure.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// patient ends a reading when its context does.
type patient struct {
	ctx context.Context //nolint:containedctx // a reader of one call, which has no other way to hear of its end
	r   io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}
