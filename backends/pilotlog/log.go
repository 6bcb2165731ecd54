package pilotlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// slack is how far the clocks of a worker node and of a schedd may be apart.
const slack = 2 * time.Minute

// Log is what the files of one pilot tell.
type Log struct {
	Facts
	ads   []ad
	runs  []run
	flaws flaws    // what contradicts itself or looks forged
	short []string // what could not be read: whoever is in it is missing

	starters bool // the log of a starter was there
}

// Read reads the two files of a pilot; either may be nil. It fails only when ctx
// ends; whatever is wrong with the files is in the Log.
func Read(ctx context.Context, out, err []byte) (*Log, error) {
	l := &Log{}
	l.Facts = readOut(out, &l.flaws)
	switch {
	case !written(out):
		l.short = append(l.short, "its .out, with the pilot's life, is not there")
	case l.Started.IsZero():
		l.short = append(l.short, "its .out does not begin as a pilot's does: it is damaged, or was replaced")
	case l.Ended.IsZero():
		l.short = append(l.short, "its .out breaks off before the pilot's end")
	}
	u := unpacker{left: maxDecoded}
	var starters, startd []run
	history := false
	for _, b := range blocksOf(err, &l.flaws) {
		text, uerr := u.unpack(ctx, b)
		if cerr := ctx.Err(); cerr != nil {
			return nil, fmt.Errorf("pilotlog: reading a pilot's log: %w", cerr)
		}
		if uerr != nil {
			l.short = append(l.short, fmt.Sprintf("%s could be read in part only: %s", shown(b.name), reasonOf(uerr)))
		}
		switch b.name {
		case "StartdHistoryLog":
			history = true
			for _, a := range readAds(text, &l.flaws) {
				if len(l.ads) < maxAds {
					l.ads = append(l.ads, a)
				}
			}
		case "StartdLog":
			startd = append(startd, readStartd(text, &l.flaws)...)
		default:
			l.starters = true
			if len(starters) < maxRuns {
				starters = append(starters, readStarter(b.name, text, &l.flaws)...)
			}
		}
	}
	if !history && !l.CondorFrom.IsZero() {
		l.short = append(l.short, "it has no StartdHistoryLog, which names the owners of jobs")
	}
	l.runs = joinRuns(starters, startd)
	l.short = append(l.short, l.flaws.lost...)
	return l, nil
}

// reasonOf is an error without what only programmers understand.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "its end is missing"
	case errors.Is(err, errBomb), errors.Is(err, errTooLong):
		return err.Error()
	}
	return "it is damaged"
}

// told is one run of a job in the log, with what is doubtful about it.
type told struct {
	job    grid.Job
	doubts []string
}

// told gives the runs of the pilot as jobs. addresses are those that the records
// know of the pilot; what the log does not say of the pilot, p does.
func (l *Log) told(p grid.Pilot, addresses []netip.Addr) []told {
	var out []told
	add := func(attrs map[string]any, r grid.PilotRun, doubts []string) {
		r.Pilot, r.Site, r.Hosts, r.Addresses = p, l.Site, l.Hosts, addresses
		j, err := grid.JobFromPilotLog(attrs, r, Name)
		if err != nil {
			l.short = append(l.short, fmt.Sprintf("a run of job %d.%d cannot be told from those of other schedds", r.Cluster, r.Proc))
			return
		}
		if j.Start.IsZero() && j.End.IsZero() {
			doubts = append(doubts, "the log does not show the zone of its clock, so its times are unknown")
		}
		out = append(out, told{j, doubts})
	}
	for i := range l.runs {
		l.runs[i].taken = false
	}
	for i := range l.ads {
		a := &l.ads[i]
		r := l.runOf(a)
		g := grid.PilotRun{Schedd: a.schedd, Cluster: a.job.cluster, Proc: a.job.proc, Start: a.start, End: a.ended, EndField: "CurrentTime of StartdHistoryLog"}
		doubts := append(slices.Clone(a.doubts), l.contradictions(a)...)
		if r != nil {
			r.taken = true
			first, last := l.timesBeside(r, a)
			doubts = append(doubts, apart("start", a.start, first)...)
			doubts = append(doubts, apart("end", a.ended, last)...)
			// Of two times of a run the wider one: nobody is missed by it.
			if g.Start.IsZero() || !first.IsZero() && first.Before(g.Start) {
				g.Start = first
			}
			if last.After(g.End) {
				g.End, g.EndField = last, r.log
			}
		} else if l.starters {
			doubts = append(doubts, "no log of a starter tells of it")
		}
		l.bound(&g)
		add(a.attrs, g, doubts)
	}
	for i := range l.runs {
		r := &l.runs[i]
		if r.taken {
			continue
		}
		g := grid.PilotRun{Schedd: r.schedd, Cluster: r.cluster, Proc: r.proc, EndField: r.log}
		if g.Schedd == "" {
			g.Schedd = r.shadow
		}
		g.Start, g.End = l.times(r)
		l.bound(&g)
		add(nil, g, []string{"the log has no ad of the job, so it does not name the owner"})
	}
	return out
}

// times gives the widest times that a run may have had, UTC; zero when unknown.
func (l *Log) times(r *run) (first, last time.Time) {
	first, _ = l.clock.utc(r.began)
	_, last = l.clock.utc(r.ended)
	return first, last
}

// timesBeside is times, except that a local time which the clocks showed twice is
// the one that the job's ad, whose times are UTC, bears out. What the ad does not
// bear out stays as wide as it may have been.
func (l *Log) timesBeside(r *run, a *ad) (first, last time.Time) {
	first, other := l.clock.utc(r.began)
	if !other.IsZero() && other.Sub(a.start).Abs() <= slack {
		first = other
	}
	other, last = l.clock.utc(r.ended)
	if !other.IsZero() && other.Sub(a.ended).Abs() <= slack {
		last = other
	}
	return first, last
}

// bound ends a run of unknown end with the pilot: it kills what it leaves behind.
func (l *Log) bound(g *grid.PilotRun) {
	if end := latest(l.CondorTo, l.Ended); g.End.IsZero() && !g.Start.IsZero() && end.After(g.Start) {
		g.End, g.EndField = end, "end of the pilot"
	}
}

// runOf finds the run of an ad: of that number, from that schedd as far as the log
// names it, and nearest in time.
func (l *Log) runOf(a *ad) *run {
	var best *run
	var far time.Duration
	for i := range l.runs {
		r := &l.runs[i]
		if r.taken || r.cluster != a.job.cluster || r.proc != a.job.proc || r.schedd != "" && a.schedd != "" && !grid.SameHost(r.schedd, a.schedd) {
			continue
		}
		first, _ := l.times(r)
		d := time.Duration(0)
		if !first.IsZero() && !a.start.IsZero() {
			d = first.Sub(a.start).Abs()
		}
		if best == nil || d < far {
			best, far = r, d
		}
	}
	return best
}

func apart(what string, ad, log time.Time) []string {
	if ad.IsZero() || log.IsZero() || ad.Sub(log).Abs() <= slack {
		return nil
	}
	return []string{fmt.Sprintf("its %s is %s by the job ad and %s by the starter: one of them is false, or a clock was wrong", what, ad.Format(time.RFC3339), log.Format(time.RFC3339))}
}

// contradictions finds an ad's times that the pilot's life denies, and the host
// that it names when that is not the pilot's.
func (l *Log) contradictions(a *ad) []string {
	var out []string
	outside := func(t time.Time) bool {
		return !t.IsZero() && (!l.CondorFrom.IsZero() && t.Before(l.CondorFrom.Add(-slack)) || !l.CondorTo.IsZero() && t.After(l.CondorTo.Add(slack)))
	}
	if outside(a.start) || outside(a.ended) {
		out = append(out, "its times lie outside of those in which the pilot ran jobs")
	}
	if !a.start.IsZero() && !a.ended.IsZero() && a.ended.Before(a.start) {
		out = append(out, "it ended before it began")
	}
	if a.host != "" && len(l.Hosts) > 0 && !slices.ContainsFunc(l.Hosts, func(h string) bool { return grid.SameHost(h, a.host) }) {
		out = append(out, "its ad names another host, "+shown(a.host))
	}
	return out
}

// counted compares what was found with what the pilot counted.
func (l *Log) counted(found int) string {
	switch {
	case l.Activations > found:
		return fmt.Sprintf("the pilot counted %d runs of jobs and its log tells of %d: somebody may be missing", l.Activations, found)
	case l.Activations >= 0 && l.Activations < found:
		return fmt.Sprintf("the pilot counted %d runs of jobs and its log tells of %d: some may be invented", l.Activations, found)
	case l.CondorFrom.IsZero() && found > 0 && !l.Started.IsZero():
		return "the pilot never began to take jobs by its .out, and its .err tells of some: one of them is false"
	}
	return ""
}

// written reports whether a file has anything in it: the factory makes an empty
// one while the pilot runs.
func written(data []byte) bool { return len(bytes.TrimSpace(data)) > 0 }
