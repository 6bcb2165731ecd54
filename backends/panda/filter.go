package panda

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// filter is a condition on a table's rows, with its arguments. What it holds for is
// more than what [grid.Match] accepts: that is asked of each row.
type filter struct {
	conditions []string
	args       []any
}

// arg adds an argument and gives its place.
func (f *filter) arg(v any) string {
	f.args = append(f.args, v)
	return "$" + strconv.Itoa(len(f.args))
}

func (f *filter) and(condition string) { f.conditions = append(f.conditions, condition) }

func (f *filter) where(more ...string) string {
	all := append(append([]string{}, f.conditions...), more...)
	if len(all) == 0 {
		return "true"
	}
	return strings.Join(all, " AND ")
}

// contradiction is how far the dates of a record may contradict each other before the
// rules take it for one of a clock that was wrong.
const contradiction = time.Hour

// inTime holds for the rows of jobs that were started, by the window's end. Dates that
// contradict each other exclude nothing.
func (f *filter) inTime(w grid.Window) {
	f.and("starttime IS NOT NULL")
	if w.IsZero() {
		return
	}
	f.and("(least(starttime, modificationtime) <= " + f.arg(w.To.UTC()) +
		" OR coalesce(endtime, modificationtime) < starttime OR greatest(starttime, endtime) > modificationtime + interval '1 hour'" +
		" OR coalesce(endtime, modificationtime) < creationtime - interval '1 hour')")
}

// changed bounds what was written last to the time from a window's begin until tail
// after its end: a row that was archived has been written after its job's end.
func (f *filter) changed(column string, w grid.Window, tail time.Duration) string {
	if w.IsZero() {
		return "true"
	}
	return column + " BETWEEN " + f.arg(w.From.Add(-contradiction).UTC()) + " AND " + f.arg(w.To.Add(tail).UTC())
}

// at holds for rows of some queues, and of those that name none.
func (f *filter) at(queues []string) {
	if len(queues) == 0 {
		return
	}
	var lower []string
	for _, q := range queues {
		lower = append(lower, strings.ToLower(q))
	}
	f.and("(computingsite IS NULL OR lower(computingsite) = ANY(" + f.arg(lower) + "))")
}

// foldedHost is the row's host in lower case, of ASCII only as the rules have it.
const foldedHost = `lower(modificationhost COLLATE "C")`

// onHosts holds for rows that name one of some hosts in one of the forms that pilots
// report, whole or short and perhaps with a slot in front; for those that name
// none, and, where containers may stand for a worker node, for theirs.
func (f *filter) onHosts(names []string, containers bool) {
	any := []string{"modificationhost IS NULL", "modificationhost = ''"}
	for _, name := range names {
		label, _, _ := strings.Cut(name, ".")
		if isAddress(name) {
			any = append(any, foldedHost+" LIKE "+f.arg("%"+likeEscape(name)+"%"))
			continue
		}
		// The first sorts out nearly all and costs little.
		any = append(any, "("+foldedHost+" LIKE "+f.arg("%"+likeEscape(label)+"%")+
			" AND "+foldedHost+" ~ "+f.arg(`(^|[^a-z0-9_-])`+regexp.QuoteMeta(label)+`($|[^a-z0-9_-])`)+")")
	}
	if containers {
		any = append(any, foldedHost+` ~ '(^|@)[0-9a-f]{12}$'`)
	}
	f.and("(" + strings.Join(any, " OR ") + ")")
}

// ofBatch holds for rows whose batch id may be one, by any of its forms.
func (f *filter) ofBatch(id string) {
	core := strings.ToLower(batchCore(id))
	f.and(`lower(batchid COLLATE "C") LIKE ` + f.arg("%"+likeEscape(core)+"%"))
}

// batchCore is the part of a batch id that all its forms have.
func batchCore(id string) string {
	if parts := strings.Split(id, "#"); len(parts) > 1 && parts[1] != "" {
		return parts[1]
	}
	return id
}

// maxBatch is how many characters of an id PanDA keeps.
const maxBatch = 80

// batchSpellings are those by which the index finds a batch id.
func batchSpellings(id string) []string {
	if len(id) > maxBatch {
		return []string{id[:maxBatch]}
	}
	return []string{id}
}

var likeSpecial = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// likeEscape makes a text one that LIKE takes for itself.
func likeEscape(s string) string { return likeSpecial.Replace(s) }

func isAddress(name string) bool {
	_, a := grid.HostOf(name)
	return a.IsValid()
}
