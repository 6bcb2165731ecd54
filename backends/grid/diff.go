package grid

import (
	"cmp"
	"fmt"
	"slices"
)

// Diff says in sentences how a later trace differs from an earlier one of the
// same query: people who are new, confirmed now, or gone; more jobs; who was exposed
// afterwards; sources that recovered or failed. It is empty when nothing changed
// that a person must know.
func Diff(before, after Trace) []string {
	var out []string
	known := map[string]Person{}
	for _, p := range before.People {
		for _, k := range diffKeys(p) {
			known[k] = p
		}
	}
	met := map[string]bool{}
	leftOpen, excluded := 0, 0
	for _, p := range after.People {
		var old Person
		found := false
		for _, k := range diffKeys(p) {
			if o, ok := known[k]; ok && !found {
				old, found = o, true
			}
			met[k] = true
		}
		switch {
		case !found && p.Unplaced:
			leftOpen++
			continue
		case !found:
			out = append(out, fmt.Sprintf("New: %s (%s), %s.", p.title(), p.Confidence, count(p.Jobs, "job", "jobs")))
			continue
		case old.Confidence != Confirmed && p.Confidence == Confirmed:
			out = append(out, fmt.Sprintf("Confirmed now: %s was only possible before.", p.title()))
		case old.Confidence == Confirmed && p.Confidence != Confirmed:
			out = append(out, fmt.Sprintf("Only possible now: %s was confirmed before.", p.title()))
		case old.Unplaced && !p.Unplaced:
			out = append(out, fmt.Sprintf("Possible at the place now: only an unrecorded run of %s was possible before.", p.title()))
		}
		if p.Jobs > old.Jobs && !p.Unplaced {
			out = append(out, fmt.Sprintf("More jobs of %s: %d, were %d.", p.title(), p.Jobs, old.Jobs))
		}
	}
	for _, p := range before.People {
		gone := true
		for _, k := range diffKeys(p) {
			gone = gone && !met[k]
		}
		switch {
		case gone && p.Unplaced:
			excluded++
		case gone:
			out = append(out, fmt.Sprintf("Not found any more: %s, who was %s before.", p.title(), p.Confidence))
		}
	}
	if leftOpen > 0 {
		out = append(out, fmt.Sprintf("%s more cannot be excluded: an earlier run of a job of theirs is in no record.", count(leftOpen, "person", "people")))
	}
	if excluded > 0 {
		out = append(out, fmt.Sprintf("%s excluded now: only an earlier run in no record had left them open.", count(excluded, "person is", "people are")))
	}
	out = append(out, diffFollowOn(before.FollowOn, after.FollowOn)...)
	return append(out, diffReports(before.Reports, after.Reports)...)
}

// diffFollowOn names who is exposed on a host where they were not, the first of many.
func diffFollowOn(before, after []FollowOn) []string {
	const most = 15
	var out []string
	more := 0
	for i, f := range after {
		if slices.ContainsFunc(before, f.Same) || slices.ContainsFunc(after[:i], f.Same) {
			continue
		}
		if len(out) == most {
			more++
			continue
		}
		out = append(out, fmt.Sprintf("Exposed afterwards, not suspected: %s on %s.", f.Person, f.Host))
	}
	if more > 0 {
		out = append(out, fmt.Sprintf("Exposed afterwards: %s.", count(more, "more entry", "more entries")))
	}
	return out
}

// diffKeys finds a person again in another trace, also when a dispute about the
// names came up in between.
func diffKeys(p Person) []string {
	dn, _ := NormalizeDN(p.DN)
	return append(personKeysOf(p), "login "+p.Username+" and dn "+dn.Key())
}

func diffReports(before, after []Report) []string {
	var out []string
	states := map[string]SourceState{}
	for _, r := range before {
		states[r.Name] = r.State
	}
	for _, r := range after {
		switch old, known := states[r.Name]; {
		case !known || old == r.State:
		case r.State == Complete:
			out = append(out, fmt.Sprintf("%s is complete now: it was %s before.", r.Name, old))
		default:
			out = append(out, fmt.Sprintf("%s is %s now: it was %s before.", r.Name, r.State, old))
		}
	}
	return out
}

// title names a person in a sentence about a trace.
func (p Person) title() string { return p.Title("a person without a name in the records") }

// Title is how sentences name a person: the login with the name beside it, else
// what the records have, else nameless.
func (p Person) Title(nameless string) string {
	if p.Username != "" && p.Name != "" && p.Name != p.Username {
		return p.Username + " (" + p.Name + ")"
	}
	return cmp.Or(p.Username, p.Name, p.DN, nameless)
}
