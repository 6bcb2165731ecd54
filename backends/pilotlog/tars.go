package pilotlog

import (
	"archive/tar"
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// Bounds on archives.
const (
	maxSingle = 256 << 20 // decoded bytes of an archive of one pilot
	maxWhole  = 64 << 30  // decoded bytes of one of many; time bounds it, too
	maxInTar  = 500_000
	maxTars   = 500_000
	maxZstd   = 64 << 20 // memory of the decoder
)

// tars is a folder of tar archives, or one archive: those of GlideinMonitor, one
// for each pilot and named for it, or ones of many pilots in the layout of tree.
// Nothing is ever unpacked to disk.
type tars struct {
	path string

	mu    sync.Mutex
	known map[string]contents // of archives of many pilots, by name
}

// contents are the pilots in an archive, as long as it does not change.
type contents struct {
	size    int64
	written time.Time
	pilots  []inTar
}

// inTar is a pilot in an archive, with the head of its .out when the archive was
// read for it.
type inTar struct {
	grid.Pilot
	heading *heading
}

var (
	tarName = regexp.MustCompile(`\.(?:tar|tar\.gz|tgz|tar\.zst|tzst)$`)
	// GlideinMonitor names an archive INSTANCE_ENTRY_JOB.tar.gz.
	tarOfOne = regexp.MustCompile(`^(?:(?:glidein_)?(.*?)_entry_(.*)_)?job\.(\d{1,18})\.(\d{1,18})\.(?:tar|tar\.gz|tgz|tar\.zst|tzst)$`)
)

func newTars(path string) *tars { return &tars{path: path, known: map[string]contents{}} }

// root opens the folder; only is the one archive in it when the path is a file.
func (t *tars) root() (root *os.Root, only string, err error) {
	dir := t.path
	if info, serr := os.Stat(t.path); serr == nil && !info.IsDir() {
		dir, only = filepath.Split(t.path)
	}
	if root, err = os.OpenRoot(cmp.Or(dir, ".")); err != nil {
		return nil, "", trouble.Errorf(err, "The archives of pilot logs at %s cannot be opened. Look whether they are mounted and whether gridwarden may read them.", t.path)
	}
	return root, only, nil
}

func (t *tars) check(ctx context.Context) error {
	found := false
	err := t.each(ctx, func(*os.Root, string, fs.FileInfo) (bool, error) { found = true; return false, nil })
	if err != nil {
		return err
	}
	if !found {
		return trouble.Errorf(nil, "There are no tar archives of pilot logs at %s. They must be named .tar, .tar.gz, .tgz, .tar.zst or .tzst.", t.path)
	}
	return nil
}

// each gives every archive until use returns false.
func (t *tars) each(ctx context.Context, use func(root *os.Root, name string, info fs.FileInfo) (bool, error)) error {
	root, only, err := t.root()
	if err != nil {
		return err
	}
	defer root.Close()
	if only != "" {
		info, err := root.Stat(only)
		if err != nil {
			return fmt.Errorf("pilotlog: looking at %s: %w", only, err)
		}
		_, err = use(root, only, info)
		return err
	}
	n := 0
	return fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return fmt.Errorf("pilotlog: listing the archives: %w", err)
		case ctx.Err() != nil:
			return ctx.Err()
		case !d.Type().IsRegular() || !tarName.MatchString(name):
			return nil
		}
		if n++; n > maxTars {
			return trouble.Errorf(nil, "There are more than %d archives of pilot logs in one folder. Configure its folders one by one.", maxTars)
		}
		info, err := d.Info()
		if err != nil {
			return nil //nolint:nilerr // it went away while the folder was read
		}
		more, err := use(root, name, info)
		if err == nil && !more {
			return fs.SkipAll
		}
		return err
	})
}

func (t *tars) find(ctx context.Context, p grid.Pilot) ([]place, error) {
	var out []place
	var damaged error
	err := t.each(ctx, func(root *os.Root, name string, info fs.FileInfo) (bool, error) {
		pilots, err := t.pilots(ctx, root, name, info)
		if err != nil {
			damaged = errors.Join(damaged, err)
		}
		for _, in := range pilots {
			if in.ID == (grid.PilotID{Cluster: p.ID.Cluster, Proc: p.ID.Proc}) && fitsName(in.Entry, strings.TrimPrefix(p.Entry, "entry_")) && fitsName(in.Name, p.Name) {
				out = append(out, t.place(name, in.Pilot, info.ModTime().UTC()))
			}
		}
		return true, ctx.Err()
	})
	return out, errors.Join(err, damaged)
}

func fitsName(have, want string) bool { return have == "" || want == "" || have == want }

func (t *tars) list(ctx context.Context, since time.Time, hint func(string) bool, yield func(place) bool) error {
	var all []place
	var damaged error
	err := t.each(ctx, func(root *os.Root, name string, info fs.FileInfo) (bool, error) {
		if info.ModTime().Before(since) {
			return true, nil
		}
		pilots, err := t.pilots(ctx, root, name, info)
		if err != nil {
			damaged = errors.Join(damaged, err)
		}
		for _, in := range pilots {
			pl := t.place(name, in.Pilot, info.ModTime().UTC())
			pl.heading = in.heading
			all = append(all, pl)
		}
		return true, ctx.Err()
	})
	slices.SortStableFunc(all, func(a, b place) int { return liked(hint(b.pilot.Entry)) - liked(hint(a.pilot.Entry)) })
	for _, p := range all {
		if !yield(p) {
			break
		}
	}
	return errors.Join(err, damaged)
}

// pilots gives those in an archive: by its name, or by reading it once.
func (t *tars) pilots(ctx context.Context, root *os.Root, name string, info fs.FileInfo) ([]inTar, error) {
	if m := tarOfOne.FindStringSubmatch(path.Base(name)); m != nil {
		id, ok := numberOf(m[3], m[4])
		if !ok {
			return nil, nil
		}
		return []inTar{{Pilot: grid.Pilot{ID: id, Name: strings.TrimPrefix(m[1], "glidein_"), Entry: m[2]}}}, nil
	}
	t.mu.Lock()
	defer t.mu.Unlock() // two that ask at once would both read it
	if c, ok := t.known[name]; ok && c.size == info.Size() && c.written.Equal(info.ModTime()) {
		return c.pilots, nil
	}
	c := contents{size: info.Size(), written: info.ModTime()}
	place := map[grid.Pilot]int{}
	err := walkTar(ctx, root, name, maxWhole, func(h *tar.Header, r io.Reader) (bool, error) {
		p, kind, ok := memberOf(h)
		if !ok {
			return true, nil
		}
		i, known := place[p]
		if !known {
			i = len(c.pilots)
			place[p] = i
			c.pilots = append(c.pilots, inTar{Pilot: p, heading: &heading{written: info.ModTime().UTC(), empty: true}})
		}
		if kind == "out" {
			head, err := io.ReadAll(io.LimitReader(r, maxHead))
			if err != nil {
				return false, err
			}
			h := headingOf(head, info.ModTime().UTC())
			c.pilots[i].heading = &h
		}
		if len(c.pilots) == maxInTar {
			return false, trouble.Errorf(nil, "The archive %s has more than %d pilots; the others were not looked at. Split it.", name, maxInTar)
		}
		return true, nil
	})
	if err == nil {
		t.known[name] = c
	}
	return c.pilots, err
}

// memberOf tells which pilot's file a member is. Links, devices and paths that
// lead upwards are none.
func memberOf(h *tar.Header) (p grid.Pilot, kind string, ok bool) {
	if h.Typeflag != tar.TypeReg || len(h.Name) > 1000 || !filepath.IsLocal(h.Name) || strings.Contains(h.Name, "..") {
		return grid.Pilot{}, "", false
	}
	m := jobFile.FindStringSubmatch(path.Base(h.Name))
	if m == nil {
		return grid.Pilot{}, "", false
	}
	if p.ID, ok = numberOf(m[1], m[2]); !ok {
		return grid.Pilot{}, "", false
	}
	for part := range strings.SplitSeq(path.Dir(h.Name), "/") {
		if s, is := strings.CutPrefix(part, "entry_"); is {
			p.Entry = safeName(s)
		} else if s, is := strings.CutPrefix(part, "glidein_"); is {
			p.Name = safeName(s)
		}
	}
	return p, m[3], true
}

func (t *tars) place(name string, p grid.Pilot, written time.Time) place {
	pl := place{where: name + ": " + strings.TrimSuffix(jobName(p.ID, ""), "."), pilot: p, written: written}
	pl.load = func(ctx context.Context) (out, errs []byte, err error) {
		root, _, err := t.root()
		if err != nil {
			return nil, nil, err
		}
		defer root.Close()
		single, limit := tarOfOne.MatchString(path.Base(name)), int64(maxWhole)
		if single {
			limit = maxSingle
		}
		err = walkTar(ctx, root, name, limit, func(h *tar.Header, r io.Reader) (bool, error) {
			is, kind, ok := memberOf(h)
			if !ok || is.ID != p.ID || !single && (is.Entry != p.Entry || is.Name != p.Name) {
				return true, nil
			}
			into, most := &out, maxOut
			if kind == "err" {
				into, most = &errs, maxErr
			}
			if *into != nil {
				return false, trouble.Errorf(nil, "The archive %s has %s twice: somebody added to it.", name, jobName(p.ID, kind))
			}
			data, err := io.ReadAll(io.LimitReader(r, int64(most)+1))
			*into = append(make([]byte, 0, len(data)), data...)
			return single || out == nil || errs == nil, err
		})
		return out, errs, err
	}
	return pl
}

// walkTar gives the members of an archive until use returns false. It reads at
// most limit decoded bytes.
func walkTar(ctx context.Context, root *os.Root, name string, limit int64, use func(*tar.Header, io.Reader) (bool, error)) error {
	f, err := openFile(root, name)
	if err != nil {
		return fmt.Errorf("pilotlog: opening the archive %s: %w", name, err)
	}
	defer f.Close()
	return readTar(ctx, name, f, limit, use)
}

func readTar(ctx context.Context, name string, r io.Reader, limit int64, use func(*tar.Header, io.Reader) (bool, error)) error {
	damaged := func(err error) error {
		if ctx.Err() != nil {
			return fmt.Errorf("pilotlog: reading the archive %s: %w", name, ctx.Err())
		}
		return trouble.Errorf(err, "The archive of pilot logs %s is damaged or larger than its bound; what is behind the damage is missing.", name)
	}
	plain, done, err := unpacked(bufio.NewReaderSize(patient{ctx, r}, 64<<10))
	if err != nil {
		return damaged(err)
	}
	defer done()
	bounded := &io.LimitedReader{R: patient{ctx, plain}, N: limit}
	all := tar.NewReader(bounded)
	for {
		h, err := all.Next()
		if errors.Is(err, io.EOF) && bounded.N > 0 {
			return nil
		}
		if err != nil {
			return damaged(err)
		}
		more, err := use(h, all)
		if err != nil {
			if _, ok := errors.AsType[*trouble.Error](err); ok {
				return err
			}
			return damaged(err)
		}
		if !more {
			return nil
		}
	}
}

// unpacked decompresses what is compressed, by its first bytes.
func unpacked(r *bufio.Reader) (io.Reader, func(), error) {
	head, err := r.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, err
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		z, err := gzip.NewReader(r)
		return z, func() {}, err
	case bytes.Equal(head, []byte{0x28, 0xb5, 0x2f, 0xfd}):
		z, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxZstd), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, nil, err
		}
		return z, z.Close, nil
	}
	return r, func() {}, nil
}

// fate is not in archives.
func (t *tars) fate(context.Context, grid.Pilot) (fate, error) { return fate{}, nil }
