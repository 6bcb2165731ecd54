package pilotlog

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// maxHead is how much of a .out file tells where and when its pilot began.
const maxHead = 8 << 10

// tree is a folder in the layout of a glideinWMS factory:
// user_U/glidein_NAME/entry_E/job.CLUSTER.PROC.{out,err}. Upper levels that are
// not there are done without.
type tree struct {
	dir    string
	server string // the factory's folder of completed_jobs; "" for none
	zone   *time.Location
}

func (t tree) check(ctx context.Context) error {
	root, err := t.open(t.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	dirs, err := t.entries(ctx, root, "", "")
	if err != nil {
		return err
	}
	if len(dirs) == 1 && dirs[0] == "." {
		list, lerr := fs.ReadDir(root.FS(), ".")
		if lerr != nil {
			return fmt.Errorf("pilotlog: listing %s: %w", t.dir, lerr)
		}
		if !slices.ContainsFunc(list, func(e fs.DirEntry) bool { return jobFile.MatchString(e.Name()) }) {
			dirs = nil
		}
	}
	if len(dirs) == 0 {
		return trouble.Errorf(nil, "There are no pilot logs below %s. Name the folder that has user_… or entry_… in it.", t.dir)
	}
	return nil
}

func (t tree) open(dir string) (*os.Root, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, trouble.Errorf(err, "The folder of pilot logs %s cannot be opened. Look whether it is mounted and whether gridwarden may read it.", dir)
	}
	return root, nil
}

// entries gives the folders that have logs. name and entry are "" for any.
func (t tree) entries(ctx context.Context, root *os.Root, name, entry string) ([]string, error) {
	dirs := []string{"."}
	for _, level := range []struct{ prefix, name string }{{"user_", ""}, {"glidein_", name}, {"entry_", entry}} {
		var below []string
		for _, dir := range dirs {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			more, err := step(root, dir, level.prefix, level.name)
			if err != nil {
				return nil, err
			}
			below = append(below, more...)
		}
		dirs = below
	}
	return dirs, nil
}

// step goes down by one level; dir itself when it does not have that level.
func step(root *os.Root, dir, prefix, name string) ([]string, error) {
	if strings.HasPrefix(path.Base(dir), "entry_") {
		return []string{dir}, nil
	}
	if name != "" {
		at := path.Join(dir, prefix+name)
		if info, err := root.Stat(at); err == nil && info.IsDir() {
			return []string{at}, nil
		}
	}
	list, err := fs.ReadDir(root.FS(), dir)
	if err != nil {
		if absent(err) {
			return nil, nil
		}
		return nil, fmt.Errorf("pilotlog: listing %s: %w", dir, err)
	}
	var out []string
	level := false
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		level = true
		// A link is followed as long as it stays below the root, which root sees to.
		if at := path.Join(dir, e.Name()); name == "" || e.Name() == prefix+name {
			if info, err := root.Stat(at); err == nil && info.IsDir() {
				out = append(out, at)
			}
		}
	}
	if !level {
		return []string{dir}, nil
	}
	return out, nil
}

func (t tree) find(ctx context.Context, p grid.Pilot) ([]place, error) {
	root, err := t.open(t.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	name, entry := safeName(p.Name), safeName(strings.TrimPrefix(p.Entry, "entry_"))
	dirs, err := t.entries(ctx, root, name, entry)
	if err != nil {
		return nil, err
	}
	var out []place
	for _, dir := range dirs {
		var written time.Time
		for _, kind := range []string{"out", "err"} {
			info, err := root.Lstat(path.Join(dir, jobName(p.ID, kind)))
			if err == nil {
				written = latest(written, info.ModTime().UTC())
			} else if !absent(err) {
				return out, fmt.Errorf("pilotlog: looking for %s: %w", jobName(p.ID, kind), err)
			}
		}
		if !written.IsZero() {
			out = append(out, t.place(dir, p.ID, written))
		}
	}
	return out, nil
}

func (t tree) place(dir string, id grid.PilotID, written time.Time) place {
	pl := place{where: path.Join(dir, jobName(id, "")), pilot: grid.Pilot{ID: grid.PilotID{Cluster: id.Cluster, Proc: id.Proc}}, written: written}
	pl.where = strings.TrimSuffix(pl.where, ".")
	for part := range strings.SplitSeq(dir, "/") {
		if s, ok := strings.CutPrefix(part, "entry_"); ok {
			pl.pilot.Entry = s
		} else if s, ok := strings.CutPrefix(part, "glidein_"); ok {
			pl.pilot.Name = s
		}
	}
	read := func(kind string, limit int) ([]byte, error) {
		root, err := t.open(t.dir)
		if err != nil {
			return nil, err
		}
		defer root.Close()
		data, err := readFile(root, path.Join(dir, jobName(id, kind)), limit)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("pilotlog: reading %s: %w", jobName(id, kind), err)
		}
		return data, nil
	}
	pl.head = func(context.Context) ([]byte, error) { return read("out", maxHead) }
	pl.load = func(context.Context) (out, errs []byte, err error) {
		out, errO := read("out", maxOut)
		errs, errE := read("err", maxErr)
		return out, errs, errors.Join(errO, errE)
	}
	return pl
}

func (t tree) list(ctx context.Context, since time.Time, hint func(string) bool, yield func(place) bool) error {
	root, err := t.open(t.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	dirs, err := t.entries(ctx, root, "", "")
	if err != nil {
		return err
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return liked(hint(path.Base(b))) - liked(hint(path.Base(a))) })
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return err
		}
		names, err := fs.ReadDir(root.FS(), dir)
		if err != nil {
			return fmt.Errorf("pilotlog: listing %s: %w", dir, err)
		}
		for _, e := range names {
			m := jobFile.FindStringSubmatch(e.Name())
			if m == nil || m[3] != "out" || !e.Type().IsRegular() {
				continue
			}
			info, err := e.Info()
			id, ok := numberOf(m[1], m[2])
			if err != nil || !ok || info.ModTime().Before(since) {
				continue
			}
			if !yield(t.place(dir, id, info.ModTime().UTC())) {
				return nil
			}
		}
	}
	return nil
}

func liked(yes bool) int {
	if yes {
		return 1
	}
	return 0
}
