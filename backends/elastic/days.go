package elastic

import (
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// dayForm is the day at the end of an index's name.
var dayForm = regexp.MustCompile(`(\d{4})([-.]?)(\d{2})([-.]?)(\d{2})$`)

// dayOf gives the day that an index's name ends with.
func dayOf(index string) (time.Time, bool) {
	m := dayForm.FindStringSubmatch(index)
	if m == nil {
		return time.Time{}, false
	}
	t, err := time.Parse(time.DateOnly, m[1]+"-"+m[3]+"-"+m[5])
	return t, err == nil
}

// coverage is which indices there are for a question.
type coverage struct {
	indices []string // to search
	first   time.Time
	last    time.Time // days of the first and last of them; zero when names have none
	from    time.Time // day from which there should be some; zero: all of what there is
	missing []time.Time
	gone    bool // the first that is kept is later than from
}

// cover chooses, of the indices that there are, those that may hold jobs of a
// window. es-cms names them by the day of submission, so those of many days before
// are searched, too. None is too new: the day of submission is what the submitter's
// clock says, and a snapshot of a job's end tells of runs long before. An index whose name has no day is always searched.
func (s *Source) cover(all []string, w grid.Window, now time.Time) coverage {
	var c coverage
	to := now
	if !w.IsZero() {
		c.from = day(w.From.Add(-s.config.LookBack))
		if s.kind == Snapshots {
			c.from = day(w.From.Add(-widening))
			to = earlier(now, w.To.Add(widening))
		} else {
			to = earlier(now, w.To)
		}
	}
	there := map[time.Time]bool{}
	oldest := time.Time{}
	for _, name := range all {
		d, ok := dayOf(name)
		if !ok {
			c.indices = append(c.indices, name)
			continue
		}
		there[d] = true
		if oldest.IsZero() || d.Before(oldest) {
			oldest = d
		}
		if d.Before(c.from) {
			continue
		}
		c.indices = append(c.indices, name)
		if c.first.IsZero() || d.Before(c.first) {
			c.first = d
		}
		if d.After(c.last) {
			c.last = d
		}
	}
	slices.Sort(c.indices)
	if len(there) == 0 {
		return c
	}
	c.gone = !w.IsZero() && oldest.After(c.from)
	for d := later(c.from, oldest); !d.After(day(to)); d = d.Add(24 * time.Hour) {
		if !there[d] {
			c.missing = append(c.missing, d)
		}
	}
	return c
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// maxPath bounds the names of indices in an address, in bytes: servers refuse
// addresses of more than 4 kB.
const maxPath = 3000

// address names indices in an address, by months where there are many.
func address(indices []string, pattern string) string {
	if path := listing(indices); len(path) <= maxPath {
		return path
	}
	var months []string
	for _, name := range indices {
		if _, ok := dayOf(name); ok {
			name = name[:len(name)-2] + "*"
		}
		if !slices.Contains(months, name) {
			months = append(months, name)
		}
	}
	if path := listing(months); len(path) <= maxPath {
		return path
	}
	return "/" + pattern
}

func listing(names []string) string { return "/" + strings.Join(names, ",") }

// listed names days, the first few of many.
func listed(days []time.Time) string {
	const most = 5
	var names []string
	for _, d := range days[:min(most, len(days))] {
		names = append(names, d.Format(time.DateOnly))
	}
	out := strings.Join(names, ", ")
	if more := len(days) - most; more > 0 {
		out += " and " + wording.Count(more, "more day", "more days")
	}
	return out
}
