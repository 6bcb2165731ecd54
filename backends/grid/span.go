package grid

import "time"

// Span is when a job was, or may have been, where it was seen; UTC. A time that
// no record gives is zero.
type Span struct {
	From time.Time
	To   time.Time // when it ended, or was last seen while Open
	Open bool      // nothing says that it ended
}

// Span gives the run of a confirmed sighting. Of a possible one it gives the
// widest time that the record allows, for it may be an earlier run that was
// there.
func (s Sighting) Span() Span {
	j := s.Job
	from, _ := runStart(j)
	to := j.End
	if s.Confidence != Confirmed {
		if first := earliest(j.FirstStart, j.PreviousStart, j.Start); !first.IsZero() {
			from = first
		}
		if !from.IsZero() && !to.IsZero() && to.Before(from) || clockAhead(j) {
			from, to = extremes(j)
		}
	}
	if !to.IsZero() {
		return Span{From: from.UTC(), To: later(to, from).UTC()}
	}
	// A running job's snapshot may lie before its start when a clock was wrong.
	if !j.Recorded.IsZero() && from.After(j.Recorded) {
		from = j.Recorded
	}
	open := s.Running || j.Kind != Snapshot
	if !j.OverBy.IsZero() {
		open = false
		if s.Confidence != Confirmed {
			return Span{From: from.UTC(), To: later(j.OverBy, j.Recorded).UTC()}
		}
	}
	return Span{From: from.UTC(), To: later(j.Recorded, from).UTC(), Open: open}
}
