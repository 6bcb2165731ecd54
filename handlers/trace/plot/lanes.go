package plot

import (
	"cmp"
	"slices"
)

// maxLanes is how many bars of one kind are drawn over each other in a row.
// Where more overlap, they are drawn as one.
const maxLanes = 3

// bar is what is drawn: one job, or several that cannot be told apart. Its
// edges are in pixels.
type bar struct {
	from, to int
	before   bool // it began before what is shown, or nobody knows when
	after    bool // it went on after what is shown
	open     bool // its end is not known: it may go on after to
	possible bool
}

// lanes gives the bars of a row, above each other where they overlap: first the
// confirmed ones, then the possible. Bars less than gap apart are one. peak is
// how many of one kind overlapped where they were too many to be told apart; 0
// for nowhere.
func lanes(bars []bar, gap int) (out [][]bar, peak int) {
	for _, possible := range []bool{false, true} {
		var own []bar
		for _, b := range bars {
			if b.possible == possible {
				own = append(own, b)
			}
		}
		slices.SortFunc(own, func(a, b bar) int {
			return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), compareBool(a.open, b.open))
		})
		l, ok := apart(own, gap)
		if !ok {
			l = [][]bar{together(own, gap)}
			peak = max(peak, overlapping(own))
		}
		out = append(out, l...)
	}
	return out, peak
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// apart puts bars that overlap into different lanes; false when it needs too
// many. What comes after an open bar is put elsewhere: it may still run then.
func apart(sorted []bar, gap int) ([][]bar, bool) {
	var out [][]bar
next:
	for _, b := range sorted {
		for i, lane := range out {
			last := &lane[len(lane)-1]
			switch {
			case last.open || b.from < last.to:
				continue
			case b.from < last.to+gap:
				last.to, last.after, last.open = b.to, b.after, b.open
			default:
				out[i] = append(lane, b)
			}
			continue next
		}
		if len(out) == maxLanes {
			return nil, false
		}
		out = append(out, []bar{b})
	}
	return out, true
}

// together makes one lane of all bars.
func together(sorted []bar, gap int) []bar {
	var out []bar
	for _, b := range sorted {
		if len(out) > 0 {
			if last := &out[len(out)-1]; b.from < last.to+gap {
				last.to = max(last.to, b.to)
				last.before, last.after, last.open = last.before || b.before, last.after || b.after, last.open || b.open
				continue
			}
		}
		out = append(out, b)
	}
	return out
}

// overlapping gives how many bars there are at once at most.
func overlapping(bars []bar) int {
	type edge struct{ at, step int }
	edges := make([]edge, 0, 2*len(bars))
	for _, b := range bars {
		edges = append(edges, edge{b.from, 1}, edge{b.to, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.step, b.step)) })
	now, most := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}
