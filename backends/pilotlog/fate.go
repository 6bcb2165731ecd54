package pilotlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Bounds on the factory's own logs.
const (
	maxActivity   = 16 << 20 // bytes of one file
	maxActivities = 40       // files of one entry, newest first
)

// event is one event of a condor_activity log. Its time is the factory's local one
// as if UTC, unless the log gives a zone.
type event struct {
	number int
	id     grid.PilotID
	at     time.Time
	zoned  bool
	detail string // GridJobId of a submission to a CE
}

// The numbers of the events that are read.
const (
	eventAborted    = 9
	eventTerminated = 5
	eventGridSubmit = 17
)

var eventLine = regexp.MustCompile(`^(\d{3}) \((\d{1,18})\.(\d{1,9})\.\d{1,9}\) (?:(\d{4})-)?(\d\d)[/-](\d\d)[ T](\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(Z|[+-]\d\d:?\d\d)? `)

// readActivity reads a condor_activity log. Old ones do not write the year: it is
// that of the day in the file's name, or the one after for a date before it.
func readActivity(data []byte, day time.Time) []event {
	var out []event
	open := -1
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		if bytes.Equal(line, []byte("...")) {
			open = -1
			continue
		}
		if s := string(line[:min(len(line), 1000)]); open >= 0 {
			if id, ok := strings.CutPrefix(strings.TrimSpace(s), "GridJobId: "); ok && out[open].number == eventGridSubmit {
				out[open].detail = id
			}
			continue
		}
		m := eventLine.FindStringSubmatch(string(line[:min(len(line), 200)]))
		if m == nil || len(out) == maxRuns {
			continue
		}
		number := func(i int) int { n, _ := strconv.Atoi(m[i]); return n }
		id, ok := numberOf(m[2], m[3])
		if !ok {
			continue
		}
		year := number(4)
		if year == 0 && !day.IsZero() {
			year = day.Year()
			if number(5) < int(day.Month()) || number(5) == int(day.Month()) && number(6) < day.Day() {
				year++
			}
		}
		e := event{number: number(1), id: id}
		if at, ok := civil(year, number(5), number(6), number(7), number(8), number(9)); ok {
			e.at = at
			if m[10] != "" {
				e.at, e.zoned = at.Add(-offsetOf(m[10])), true
			}
		}
		out = append(out, e)
		open = len(out) - 1
	}
	return out
}

// offsetOf reads +02:00, +0200 or Z.
func offsetOf(s string) time.Duration {
	digits := strings.Trim(strings.ReplaceAll(s, ":", ""), "+-Z")
	if len(digits) != 4 {
		return 0
	}
	h, _ := strconv.Atoi(digits[:2])
	m, _ := strconv.Atoi(digits[2:])
	d := time.Duration(h)*time.Hour + time.Duration(m)*time.Minute
	if s[0] == '-' {
		return -d
	}
	return d
}

// completed is one line of a completed_jobs log.
type completed struct {
	id    grid.PilotID
	ended time.Time
	life  time.Duration
	took  bool // HTCondor was started in it: it could take jobs
}

var (
	completedLine = regexp.MustCompile(`^<job terminated="([^"]{1,40})" [^<>]*\bid="(\d{1,18})\.(\d{1,9})"`)
	completedLife = regexp.MustCompile(` duration="(\d{1,9})"`)
)

// readCompleted reads a completed_jobs log, which has one pilot a line.
func readCompleted(data []byte) []completed {
	var out []completed
	for len(data) > 0 && len(out) < 1_000_000 {
		var line []byte
		line, data = nextLine(data)
		line = line[:min(len(line), 1000)]
		m := completedLine.FindSubmatch(line)
		if m == nil {
			continue
		}
		at, err := time.Parse(time.RFC3339, string(m[1]))
		id, ok := numberOf(string(m[2]), string(m[3]))
		if err != nil || !ok {
			continue
		}
		c := completed{id: id, ended: at.UTC(), took: bytes.Contains(line, []byte(`condor_started="True"`))}
		if d := completedLife.FindSubmatch(line); d != nil {
			n, _ := strconv.Atoi(string(d[1]))
			c.life = time.Duration(n) * time.Second
		}
		out = append(out, c)
	}
	return out
}

// fate looks into the factory's own logs of the pilot's entry, first into those
// whose times have a zone.
func (t tree) fate(ctx context.Context, p grid.Pilot) (fate, error) {
	entry := safeName(strings.TrimPrefix(p.Entry, "entry_"))
	if entry == "" {
		return fate{}, nil
	}
	same := func(id grid.PilotID) bool { return id.Cluster == p.ID.Cluster && id.Proc == p.ID.Proc }
	var out fate
	if t.server != "" {
		err := t.each(ctx, t.server, safeName(p.Name), entry, "completed_jobs_", nil, func(_, _ string, data []byte) bool {
			for _, c := range readCompleted(data) {
				if same(c.id) {
					out = fate{known: true, over: true, ended: c.ended}
				}
			}
			return !out.over
		})
		if err != nil || out.over {
			return out, err
		}
	}
	err := t.each(ctx, t.dir, safeName(p.Name), entry, activityPrefix, nil, func(_, name string, data []byte) bool {
		day, _ := activityDay(name)
		for _, e := range readActivity(data, day) {
			if !same(e.id) {
				continue
			}
			out.known = true
			if e.number == eventTerminated || e.number == eventAborted {
				out.over, out.ended = true, t.instant(e)
			}
		}
		return !out.known
	})
	return out, err
}

// instant is the time of an event; zero when the zone of the factory is not known,
// or the clocks showed that time twice or never.
func (t tree) instant(e event) time.Time {
	if e.zoned || e.at.IsZero() {
		return e.at
	}
	if t.zone == nil {
		return time.Time{}
	}
	at := time.Date(e.at.Year(), e.at.Month(), e.at.Day(), e.at.Hour(), e.at.Minute(), e.at.Second(), 0, t.zone)
	for _, other := range []time.Duration{-time.Hour, time.Hour} {
		if at.Add(other).Format(time.DateTime) == at.Format(time.DateTime) {
			return time.Time{}
		}
	}
	if at.Format(time.DateTime) != e.at.Format(time.DateTime) {
		return time.Time{}
	}
	return at.UTC()
}

// activityPrefix begins the names of the factory's logs of what became of pilots.
const activityPrefix = "condor_activity_"

// activityDay is the day of submission in the name of such a log.
func activityDay(name string) (time.Time, bool) {
	day := strings.TrimPrefix(name, activityPrefix)
	t, err := time.Parse("20060102", day[:min(8, len(day))])
	return t, err == nil
}

// each reads the files of an entry, or of all where it is "", whose names begin so
// and that keep, unless it is nil, wants; the newest first, until use returns false.
func (t tree) each(ctx context.Context, dir, name, entry, prefix string, keep func(name string) bool, use func(dir, name string, data []byte) bool) error {
	root, err := t.open(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	dirs, err := t.entries(ctx, root, name, entry)
	if err != nil {
		return err
	}
	for _, d := range dirs {
		list, err := fs.ReadDir(root.FS(), d)
		if err != nil {
			return fmt.Errorf("pilotlog: listing %s: %w", d, err)
		}
		list = slices.DeleteFunc(list, func(e fs.DirEntry) bool {
			return !strings.HasPrefix(e.Name(), prefix) || !e.Type().IsRegular() || keep != nil && !keep(e.Name())
		})
		slices.Reverse(list) // their names end in the day
		for _, e := range list[:min(len(list), maxActivities)] {
			if err := ctx.Err(); err != nil {
				return err
			}
			data, err := readFile(root, path.Join(d, e.Name()), maxActivity)
			if err != nil && !absent(err) && !errors.Is(err, errNotFile) {
				return fmt.Errorf("pilotlog: reading %s: %w", e.Name(), err)
			}
			if !use(d, e.Name(), data) {
				return nil
			}
		}
	}
	return nil
}
