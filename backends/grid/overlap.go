package grid

import (
	"fmt"
	"time"
)

// maxRun is how long a run of unknown end is taken to last at most. Pilots live
// for two days; batch systems kill what is older than a week.
const maxRun = 7 * 24 * time.Hour

// overlap tells how sure it is that something happened inside a window.
type overlap int

const (
	never overlap = iota
	maybe
	surely
)

// overlaps reports whether the closed interval from start to end meets w.
func (w Window) overlaps(start, end time.Time) bool {
	return !start.After(w.To) && !end.Before(w.From)
}

// IsZero reports whether there is no window, which every time is in.
func (w Window) IsZero() bool { return w.From.IsZero() && w.To.IsZero() }

// latestRun tells whether the job's latest run met the window, and by which
// rule. Dates that contradict each other, or are missing, never exclude a job:
// the answer is then maybe.
func latestRun(j Job, w Window) (overlap, string) {
	if w.IsZero() {
		return surely, "any time was asked for"
	}
	if j.Kind == Snapshot && isRunning(j.Status) {
		return runningRun(j, w)
	}
	start, startWhy := runStart(j)
	end := j.End
	switch {
	case !start.IsZero() && !end.IsZero() && end.Before(start), clockAhead(j):
		return contradiction(j, w)
	case end.IsZero():
		if start.IsZero() {
			return maybe, "the record has neither start nor end"
		}
		if w.overlaps(start, start.Add(maxRun)) {
			return maybe, "the record has no end of the run"
		}
		return never, ""
	case start.IsZero():
		if w.overlaps(end.Add(-maxRun), end) {
			return maybe, "the record has no start of the run"
		}
		return never, ""
	case !w.overlaps(start, end):
		return never, ""
	case startWhy != "":
		return maybe, startWhy
	}
	return surely, fmt.Sprintf("ran %s to %s (%s)", minute(start), minute(end), j.EndField)
}

// runStart gives the start of the latest run. why is not empty when it is only
// known that the run began no earlier.
func runStart(j Job) (start time.Time, why string) {
	switch {
	case !j.Start.IsZero():
		return j.Start, ""
	case !j.FirstStart.IsZero() && j.Starts <= 1:
		return j.FirstStart, ""
	case !j.FirstStart.IsZero():
		return j.FirstStart, "the start of its latest run is not in the record"
	case !j.Submitted.IsZero():
		return j.Submitted, "its start is not in the record, only when it was submitted"
	}
	return time.Time{}, ""
}

// clockAhead notices dates after the moment at which they were recorded, or an
// end before the job was submitted.
func clockAhead(j Job) bool {
	const skew = time.Hour
	if !j.Recorded.IsZero() && (j.Start.After(j.Recorded.Add(skew)) || j.End.After(j.Recorded.Add(skew))) {
		return true
	}
	return !j.End.IsZero() && !j.Submitted.IsZero() && j.End.Before(j.Submitted.Add(-skew))
}

// contradiction takes the widest interval that the job's dates allow.
func contradiction(j Job, w Window) (overlap, string) {
	if first, last := extremes(j); w.overlaps(first, last) {
		return maybe, "the dates of the record contradict each other: a clock was wrong"
	}
	return never, ""
}

// extremes are the first and the last of a job's dates.
func extremes(j Job) (first, last time.Time) {
	first = earliest(j.Submitted, j.FirstStart, j.Start, j.End, j.Recorded)
	for _, t := range []time.Time{j.Submitted, j.FirstStart, j.Start, j.End, j.Recorded} {
		last = later(last, t)
	}
	return first, last
}

// runningRun reads a snapshot of a running job: it was there from the start of
// this run until it was seen, and perhaps after.
func runningRun(j Job, w Window) (overlap, string) {
	start, startWhy := runStart(j)
	if !j.Recorded.IsZero() && start.After(j.Recorded) {
		start, startWhy = j.Recorded, "the record's start is after it was written: a clock was wrong"
	}
	switch {
	case j.Recorded.IsZero() && start.IsZero():
		return maybe, "the snapshot has no dates"
	case j.Recorded.IsZero():
		j.Recorded = start
	}
	seen := w.overlaps(j.Recorded, j.Recorded)
	switch {
	case seen:
		return surely, "seen running at " + minute(j.Recorded)
	case !start.IsZero() && startWhy == "" && w.overlaps(start, j.Recorded):
		return surely, fmt.Sprintf("ran from %s, still there at %s", minute(start), minute(j.Recorded))
	case start.IsZero() && w.overlaps(j.Recorded.Add(-maxRun), j.overBy(j.Recorded.Add(maxRun))):
		return maybe, "seen running at " + minute(j.Recorded) + "; its start is not in the record"
	case !start.IsZero() && w.overlaps(start, j.Recorded):
		return maybe, startWhy
	case !start.IsZero() && w.overlaps(start, j.overBy(later(j.Recorded, start.Add(maxRun)))):
		return maybe, "last seen running at " + minute(j.Recorded) + "; its end is not known"
	}
	return never, ""
}

// overBy gives the latest end of a run that was last seen running.
func (j Job) overBy(end time.Time) time.Time {
	if !j.OverBy.IsZero() && j.OverBy.Before(end) {
		return later(j.OverBy, j.Recorded)
	}
	return end
}

// earlierRun tells whether the job had a run before the latest one that may
// have met the window, and how that is known. The earlier runs of an epoch have
// epochs of their own.
func earlierRun(j Job, w Window) (bool, string) {
	why := hadEarlierRun(&j)
	if why == "" || j.Kind == Epoch {
		return false, ""
	}
	return beforeLatest(j, w), why
}

// beforeLatest reports whether the time of the earlier runs may meet the window.
func beforeLatest(j Job, w Window) bool {
	p := earlierPresence(j)
	if p.To.IsZero() {
		p.To = w.To
	}
	return w.IsZero() || w.overlaps(p.From, p.To)
}

// hadEarlierRun gives the field that betrays an earlier run, "" when there was
// none. NumShadowStarts counts refused matches too, so it proves nothing, but
// cannot be ignored either.
func hadEarlierRun(j *Job) string {
	lost := j.LostWall
	if !j.Start.IsZero() && j.End.After(j.Start) {
		// The time of a run that was removed is never committed: only what is lost
		// beyond it was lost by another run.
		lost -= j.End.Sub(j.Start)
	}
	switch {
	case j.Starts > 1:
		return fmt.Sprintf("NumJobStarts is %d", j.Starts)
	case !j.PreviousStart.IsZero():
		return "JobLastStartDate names a run before the latest"
	case j.ShadowStarts > 1:
		return fmt.Sprintf("NumShadowStarts is %d", j.ShadowStarts)
	case lost > 10*time.Minute:
		return fmt.Sprintf("%s of run time were lost", lost.Round(time.Minute))
	}
	return ""
}

// everRan reports whether anything in the record says that the job ran: one
// removed from the queue was on no host.
func everRan(j Job) bool {
	return !j.Start.IsZero() || !j.FirstStart.IsZero() || len(j.Hosts) > 0 || j.Starts > 0 || j.LostWall > 0 || isRunning(j.Status)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func minute(t time.Time) string { return t.Format("2006-01-02T15:04Z") }
