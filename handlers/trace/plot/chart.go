package plot

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// maxRows bounds the rows; the people beyond share one more.
const maxRows = 30

// Chart is what to draw.
type Chart struct {
	Subject string // what was asked about, such as the host's name
	Trace   grid.Trace
	Name    func(grid.Person) string // what a person is called; bounded and made harmless here
	Now     time.Time
}

// Picture is a drawn Chart.
type Picture struct {
	PNG []byte
	// Caption says in words what the picture shows, for those who do not see it.
	// It has no names.
	Caption string
}

// Draw draws the chart. ok is false when the trace has no jobs to be shown.
func (c Chart) Draw() (p Picture, ok bool, err error) {
	all := c.rows()
	if len(all) == 0 {
		return Picture{}, false, nil
	}
	times, sum := c.times(), c.tally(all)
	p.PNG, err = render(c, times, folded(all), sum)
	p.Caption = caption(times, sum)
	return p, true, err
}

// row is what one line of the chart stands for.
type row struct {
	name     string
	possible bool // nothing in it is confirmed
	jobs     int
	spans    []span
}

// span is one sighting's time.
type span struct {
	grid.Span
	possible bool
}

// rows gives a row for each person. Where one person was asked about, the rows
// are the hosts.
func (c Chart) rows() []row {
	t := c.Trace
	if t.Query.Kind == grid.ByUser && len(t.People) == 1 {
		return c.hosts(t.People[0])
	}
	var out []row
	for _, p := range t.People {
		if len(p.Seen) > 0 {
			out = append(out, c.row(c.Name(p), p.Seen))
		}
	}
	return out
}

// hosts gives a row for each host of a person, in the order of the sightings:
// those with confirmed jobs first, then by the first job.
func (c Chart) hosts(p grid.Person) []row {
	on := map[string][]int{}
	var names []string
	for _, i := range p.Seen {
		h := c.Trace.Sightings[i].Host
		if on[h] == nil {
			names = append(names, h)
		}
		on[h] = append(on[h], i)
	}
	var out []row
	for _, h := range names {
		name := h
		if h == "" {
			name = "no host in the records"
		}
		out = append(out, c.row(name, on[h]))
	}
	return out
}

func (c Chart) row(name string, seen []int) row {
	r := row{name: name, possible: true}
	jobs := map[string]bool{}
	for _, i := range seen {
		s := c.Trace.Sightings[i]
		r.spans = append(r.spans, span{s.Span(), s.Confidence != grid.Confirmed})
		jobs[string(s.Job.Experiment)+" "+s.Job.ID] = true
		r.possible = r.possible && s.Confidence != grid.Confirmed
	}
	r.jobs = len(jobs)
	return r
}

// folded sums up the rows beyond maxRows in one.
func folded(rows []row) []row {
	if len(rows) <= maxRows {
		return rows
	}
	rest := row{name: fmt.Sprintf("… and %d more", len(rows)-maxRows), possible: true}
	for _, r := range rows[maxRows:] {
		rest.jobs += r.jobs
		rest.spans = append(rest.spans, r.spans...)
		rest.possible = rest.possible && r.possible
	}
	return append(slices.Clone(rows[:maxRows]), rest)
}

// tally counts what a chart has.
type tally struct {
	one, many           string // what a row is called
	confirmed, possible int    // rows
	jobs                int
	open                int // jobs whose end is not known
}

func (c Chart) tally(rows []row) tally {
	t := tally{one: "person", many: "people"}
	if c.Trace.Query.Kind == grid.ByUser && len(c.Trace.People) == 1 {
		t.one, t.many = "host", "hosts"
	}
	for _, r := range rows {
		t.jobs += r.jobs
		if r.possible {
			t.possible++
		} else {
			t.confirmed++
		}
		for _, s := range r.spans {
			if s.Open {
				t.open++
			}
		}
	}
	return t
}

func (t tally) String() string {
	return fmt.Sprintf("%s confirmed, %d possible, %s", count(t.confirmed, t.one, t.many), t.possible, count(t.jobs, "job", "jobs"))
}

func caption(t times, sum tally) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, from %s to %s UTC. Solid bars are confirmed, hatched ones possible", sum, minute(t.from), minute(t.to))
	if sum.open > 0 {
		fmt.Fprintf(&b, "; an arrow with dashes means that the end is not known (%s)", count(sum.open, "job", "jobs"))
	}
	b.WriteString("; the time that was searched is shaded.")
	if more := sum.confirmed + sum.possible - maxRows; more > 0 {
		fmt.Fprintf(&b, " The last row sums up %d more %s.", more, sum.many)
	}
	return b.String()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
