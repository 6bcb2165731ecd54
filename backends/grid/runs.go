package grid

import (
	"cmp"
	"slices"
	"time"
)

// EveryRunPlaced reports whether the records of one job name the host of each of
// its runs, so that none of them was anywhere else: then the epochs speak for
// the runs, and j for no more than its latest. It is false where anything is left
// open: a run without a host, times that overlap, a number of runs that is not
// counted.
func EveryRunPlaced(j Job, others []Job) bool {
	runs := []Job{}
	counted := max(j.Starts, j.ShadowStarts)
	for _, o := range others {
		if o.ID != j.ID || o.Experiment != j.Experiment {
			continue
		}
		counted = max(counted, o.Starts, o.ShadowStarts)
		if o.Kind != Epoch {
			continue
		}
		if !placesItself(o) || o.End.IsZero() || o.End.Before(o.Start) {
			return false
		}
		runs = append(runs, o)
	}
	if counted < 2 { // what betrays an earlier run is not its number
		return false
	}
	slices.SortFunc(runs, func(a, b Job) int { return cmp.Or(a.Start.Compare(b.Start), b.End.Compare(a.End)) })
	runs = slices.CompactFunc(runs, func(a, b Job) bool { return a.Start.Equal(b.Start) && latestHost(a) == latestHost(b) })
	var over time.Time
	for i, r := range runs {
		if r.Start.Before(over) || i > 0 && r.Start.Equal(runs[i-1].Start) {
			return false
		}
		over = r.End
	}
	known := len(runs)
	if last := known - 1; last < 0 || !runs[last].Start.Equal(j.Start) {
		if !placesItself(j) || j.Start.Before(over) {
			return false
		}
		known++
	}
	return known >= counted
}

// placesItself reports whether a record has the start of its run and a host that
// is a machine's.
func placesItself(j Job) bool {
	return !j.Start.IsZero() && latestHost(j) != "" && !onlyContainers(&j)
}
