package grid

import (
	"math"
	"strconv"
	"strings"
)

// PandaMention is one job that a text names.
type PandaMention struct {
	ID    int64    `json:"pandaid"`
	Forms []string `json:"forms"` // how the text names it, in the order in which that is met
	Count int      `json:"count"` // how often
	Task  int64    `json:"task,omitempty"`
}

// PandaMentions is what a text says of jobs, in the order in which it says it.
type PandaMentions struct {
	Jobs    []PandaMention
	More    int      // numbers of other jobs, beyond the most that are kept
	Batches []string // ids of batch jobs, looked for only where no job is named
	NoIDs   []string // numbers where an id should be, that can be none: 0, or too long
	Pilots  int      // directories of pilots, whose numbers are a process and a time
	Cut     bool     // the text is longer than is read
}

// The bounds of a text and of what is taken from it.
const (
	MaxPandaText     = 16 << 20
	maxPandaMentions = 100
	maxBatchMentions = 10
)

// PandaIDs finds the jobs that a text names: directories and logs of pilots,
// output of ps, addresses of the monitor, or nothing but numbers. It takes no
// number of which the text does not say that it is a job's: the numbers of a
// pilot's own directory are a process and a time, and ids of workers and
// seconds since 1970 have as many digits as jobs. It takes time proportional to
// the length of the text.
func PandaIDs(text string) PandaMentions {
	var m PandaMentions
	if len(text) > MaxPandaText {
		text, m.Cut = text[:MaxPandaText], true
	}
	r := reader{text: text, seen: map[int64]int{}, m: &m}
	if onlyNumbers(text) {
		r.every(formBare)
		return m
	}
	for i := 0; i < len(text); {
		if !isDigit(text[i]) {
			i++
			continue
		}
		end := i + 1
		for end < len(text) && isDigit(text[end]) {
			end++
		}
		r.number(i, end)
		i = end
	}
	if len(m.Jobs) == 0 {
		r.batches()
	}
	return m
}

// onlyNumbers reports whether a text is a list of numbers.
func onlyNumbers(text string) bool {
	digits := false
	for i := range len(text) {
		switch c := text[i]; {
		case isDigit(c):
			digits = true
		case c != ' ' && c != '\n' && c != '\r' && c != '\t' && c != ',' && c != ';':
			return false
		}
	}
	return digits
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isWord(c byte) bool {
	return isDigit(c) || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'
}

// reader finds the numbers of one text.
type reader struct {
	text string
	seen map[int64]int // index in m.Jobs; -1 of those that are not kept
	m    *PandaMentions

	list    string // form of the list that the last number belonged to, "" for none
	listEnd int    // where that number ended
}

// every takes all numbers.
func (r *reader) every(form string) {
	for _, w := range strings.FieldsFunc(r.text, func(c rune) bool { return c < '0' || c > '9' }) {
		r.take(w, form, 0)
	}
}

// number looks at the digits from start to end.
func (r *reader) number(start, end int) {
	form := r.form(start, end)
	if form == "" {
		return
	}
	r.take(r.text[start:end], form, r.task(form, end))
}

// take keeps the number.
func (r *reader) take(digits, form string, task int64) {
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id <= 0 || id == math.MaxInt64 {
		if len(r.m.NoIDs) < maxBatchMentions {
			r.m.NoIDs = appendNew(r.m.NoIDs, clipped(digits))
		}
		return
	}
	at, known := r.seen[id]
	switch {
	case known && at < 0:
		return
	case !known && len(r.m.Jobs) == maxPandaMentions:
		r.m.More++
		if r.m.More < 10*maxPandaMentions { // beyond, the same number may be counted again
			r.seen[id] = -1
		}
		return
	case !known:
		at = len(r.m.Jobs)
		r.seen[id] = at
		r.m.Jobs = append(r.m.Jobs, PandaMention{ID: id})
	}
	j := &r.m.Jobs[at]
	j.Count++
	j.Forms = appendNew(j.Forms, form)
	if j.Task == 0 {
		j.Task = task
	}
}

// before is up to n bytes before a place.
func (r *reader) before(at, n int) string { return r.text[max(0, at-n):at] }

// after is up to n bytes from a place on.
func (r *reader) after(at, n int) string { return r.text[at:min(len(r.text), at+n)] }

// task is the task that a line of the pilot's log names after the job.
func (r *reader) task(form string, end int) int64 {
	if form != formPandaJob {
		return 0
	}
	rest, found := strings.CutPrefix(r.after(end, 40), " from task ")
	n := 0
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	task, err := strconv.ParseInt(rest[:n], 10, 64)
	if !found || err != nil {
		return 0
	}
	return task
}
