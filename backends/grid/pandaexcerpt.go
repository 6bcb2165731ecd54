package grid

import (
	"slices"
	"strconv"
	"strings"
)

// Bounds of an excerpt, in bytes.
const (
	wholeLine  = 600 // lines up to here are kept whole
	aroundName = 200 // kept before and after a number in a longer one
)

// PandaExcerpt gives the lines of a text that name jobs, each job by the first line
// that does, so that PandaIDs finds the same jobs in it, in the same order, and that
// there are more than the most that are kept. Where no job is named it gives the
// lines that PandaIDs goes by instead: ids of batch jobs, what can be no id, and
// directories of pilots. It is "" for a text that names nothing.
func PandaExcerpt(text string) string {
	all := PandaIDs(text)
	var lines []string
	switch {
	case len(all.Jobs) > 0:
		lines = jobLines(text, all)
	case len(all.Batches) > 0:
		for _, b := range all.Batches {
			lines = append(lines, "BatchID="+b)
		}
	case len(all.NoIDs) > 0:
		for _, n := range all.NoIDs {
			lines = append(lines, "PandaID="+n)
		}
	case all.Pilots > 0:
		at := strings.Index(strings.ToLower(text), "panda_pilot")
		lines = append(lines, text[at:min(len(text), at+aroundName)])
	}
	return strings.ToValidUTF8(strings.Join(lines, "\n"), "\uFFFD")
}

// jobLines are the lines that name the jobs, and one that names another where there
// are more.
func jobLines(text string, all PandaMentions) []string {
	var lines []string
	places, shown := placesOf(text), 0 // up to where the text was kept
	for _, at := range places {
		if at < shown {
			continue
		}
		line, end := lineAround(text, at)
		lines, shown = append(lines, line), end
	}
	// What only a longer line made an id of is named in the plainest way.
	kept := PandaIDs(strings.Join(lines, "\n"))
	if sameJobs(kept.Jobs, all.Jobs) && (kept.More > 0) == (all.More > 0) {
		return lines
	}
	lines = nil
	for _, j := range all.Jobs {
		lines = append(lines, "PandaID="+strconv.FormatInt(j.ID, 10))
	}
	if all.More > 0 {
		rest := text[places[len(places)-1]:]
		if end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' }); end > 0 {
			rest = rest[:end]
		}
		lines = append(lines, "PandaID="+rest)
	}
	return lines
}

func sameJobs(a, b []PandaMention) bool {
	return slices.EqualFunc(a, b, func(x, y PandaMention) bool { return x.ID == y.ID })
}

// placesOf gives where the text names each job first, and where the first one stands
// that is not kept.
func placesOf(text string) []int {
	var m PandaMentions
	r := reader{text: text[:min(len(text), MaxPandaText)], seen: map[int64]int{}, m: &m}
	var places []int
	bare := onlyNumbers(r.text)
	for i := 0; i < len(r.text); {
		if !isDigit(r.text[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(r.text) && isDigit(r.text[end]) {
			end++
		}
		before, more := len(m.Jobs), m.More
		if bare {
			r.take(r.text[i:end], formBare, 0)
		} else {
			r.number(i, end)
		}
		if len(m.Jobs) > before || more == 0 && m.More > 0 {
			places = append(places, i)
		}
		i = end
	}
	return places
}

// lineAround is the line that has a place, or the part around it, and where that ends.
func lineAround(text string, at int) (line string, end int) {
	from := strings.LastIndexByte(text[:at], '\n') + 1
	end = len(text)
	if n := strings.IndexByte(text[at:], '\n'); n >= 0 {
		end = at + n
	}
	if end-from > wholeLine {
		from, end = max(from, at-aroundName), min(end, at+aroundName)
	}
	return strings.TrimRight(text[from:end], "\r"), end
}
