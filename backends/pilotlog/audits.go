package pilotlog

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// maxAudits bounds the files of one site that are read for one question.
const maxAudits = 200

// audit is what the HTCondor-CEs of a site noted of jobs in pilots: a file, or a
// folder of them, which the site handed over.
type audit struct {
	path string
	site string
	zone *time.Location
}

func (a audit) check() error {
	dir, names, err := a.files(time.Time{})
	if err == nil && len(names) == 0 {
		err = trouble.Errorf(nil, "There is no %s… in %s. Put what the site sent there, under the names that it has on the CE.", payloadLog, a.path)
	}
	if dir != nil {
		dir.Close()
	}
	return err
}

// files gives the names of the files that were written since, newest first, below
// their folder. A file is never older than what is in it.
func (a audit) files(since time.Time) (*os.Root, []string, error) {
	folder, only := a.path, ""
	info, err := os.Stat(a.path)
	if err == nil && !info.IsDir() {
		folder, only = filepath.Dir(a.path), filepath.Base(a.path)
	}
	var root *os.Root
	if err == nil {
		root, err = os.OpenRoot(folder)
	}
	if err != nil {
		return nil, nil, trouble.Errorf(err, "The audit logs in %s cannot be opened. Look whether gridwarden may read them.", a.path)
	}
	list, err := fs.ReadDir(root.FS(), ".")
	if err != nil {
		return root, nil, trouble.Errorf(err, "The folder of audit logs %s cannot be listed. Look whether gridwarden may read it.", folder)
	}
	type file struct {
		name    string
		written time.Time
	}
	var all []file
	for _, e := range list {
		if only != "" && e.Name() != only || only == "" && !strings.HasPrefix(e.Name(), payloadLog) || !e.Type().IsRegular() {
			continue
		}
		if info, err := e.Info(); err == nil && !info.ModTime().Before(since) {
			all = append(all, file{e.Name(), info.ModTime()})
		}
	}
	slices.SortFunc(all, func(a, b file) int { return b.written.Compare(a.written) })
	var names []string
	for _, f := range all {
		names = append(names, f.name)
	}
	return root, names, nil
}

// readAudits looks into what sites handed over.
func (x *look) readAudits(ctx context.Context) {
	for _, a := range x.logs.audits {
		if len(x.q.Sites) > 0 && a.site != "" && !slices.ContainsFunc(x.q.Sites, func(s string) bool { return strings.EqualFold(s, a.site) }) {
			continue
		}
		if err := x.readAudit(ctx, a); err != nil {
			x.fail(part{config: Config{Audit: a.path}}, err)
		}
	}
}

func (x *look) readAudit(ctx context.Context, a audit) error {
	root, names, err := a.files(x.q.Window.From.Add(-slack))
	if root != nil {
		defer root.Close()
	}
	if err != nil {
		return err
	}
	if n := len(names) - maxAudits; n > 0 {
		x.lack("%d more audit logs of a CE were not read: ask for a later time, or take old ones out of the folder", n)
		names = names[:maxAudits]
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		data, err := readPacked(ctx, root, name)
		if err != nil {
			x.lack("an audit log of a CE could be read in part only: %s", shown(name))
		}
		var f flaws
		x.payloads(a, readPayloads(data, &f))
		x.audits++
		for _, s := range f.lost {
			x.lack("audit log %s: %s", shown(name), s)
		}
	}
	return nil
}

// readPacked reads a file that may be packed; with an error, what could be read.
func readPacked(ctx context.Context, root *os.Root, name string) ([]byte, error) {
	f, err := openFile(root, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, done, err := unpacked(bufio.NewReaderSize(patient{ctx, f}, 64<<10))
	if err != nil {
		return nil, err
	}
	defer done()
	data, err := io.ReadAll(io.LimitReader(patient{ctx, r}, maxPayload+1))
	if err != nil {
		return data, fmt.Errorf("pilotlog: reading an audit log: %w", err)
	}
	return data, nil
}

// payloads compares the runs of an audit log with what is known. The log names no
// pilot: that of the job's record counts where there is one.
func (x *look) payloads(a audit, all []payload) {
	pilots := map[string]grid.PilotID{}
	for _, s := range x.seen {
		if s.Confidence == grid.Confirmed {
			pilots[s.Job.ID] = s.Job.Pilot.ID
		}
	}
	byPilot := map[grid.PilotID][]grid.Job{}
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, r := range all {
		j, err := r.asJob(a.site, a.zone)
		if err != nil {
			x.lacks("an audit log of a CE has jobs without an id")
			continue
		}
		if w := x.q.Window; !w.IsZero() && (j.Start.After(w.To) || j.End.Before(w.From)) {
			continue
		}
		x.found.Report.Records++
		id := pilots[j.ID]
		byPilot[id] = append(byPilot[id], j)
		for _, d := range r.doubts {
			x.note("job %s in an audit log: %s", shown(j.ID), d)
		}
	}
	for id, jobs := range byPilot {
		got := grid.CompareWithRecords(x.q, id, x.seen, jobs, Name)
		x.found.Sightings = append(x.found.Sightings, got.Sightings...)
		for _, l := range []struct{ have, more *[]string }{{&x.all.Both, &got.Both}, {&x.all.LogOnly, &got.LogOnly}, {&x.all.Elsewhere, &got.Elsewhere}} {
			for _, job := range *l.more {
				if !slices.Contains(*l.have, job) {
					*l.have = append(*l.have, job)
				}
			}
		}
	}
}
