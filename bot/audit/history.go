package audit

import (
	"maps"
	"slices"
	"strconv"
)

// history follows the stored rows that records bind: the latest record of each
// subject says what its row must be now.
type history struct {
	latest map[string]binding
}

type binding struct {
	version int
	hash    string
	where   string
}

// read takes the records in their order.
func (h *history) read(r *Report, where place, e Entry) {
	if e.Subject == "" || e.Hash == "" {
		return
	}
	if h.latest == nil {
		h.latest = map[string]binding{}
	}
	b, seen := h.latest[e.Subject]
	switch {
	case e.Version < b.version || e.Version > b.version+1:
		r.problem("%s is version %d and follows version %d of %s: the order of its changes is not right.", where, e.Version, b.version, clip(e.Subject))
	case seen && e.Version == b.version && e.Hash != b.hash:
		r.problem("%s says something else about version %d than %s.", where, e.Version, b.where)
	}
	h.latest[e.Subject] = binding{version: e.Version, hash: e.Hash, where: where.String()}
}

// row compares a stored row. Each subject comes once.
func (h *history) row(r *Report, row Row) {
	name := clip(row.Subject)
	b, ok := h.latest[row.Subject]
	switch {
	case !ok:
		r.problem("%s is stored, but no record accounts for it, or it is stored twice.", name)
		return
	case row.Version != b.version:
		r.problem("%s is stored at version %d, but %s is its latest change, version %d.", name, row.Version, b.where, b.version)
	case !same(HashRow(row.JSON), b.hash):
		r.problem("%s was changed after its latest record: %s, version %d.", name, b.where, b.version)
	default:
		r.Subjects++
	}
	delete(h.latest, row.Subject)
}

func (h *history) finish(r *Report) {
	for _, subject := range sorted(h.latest) {
		r.problem("%s is missing; its latest record is %s.", clip(subject), h.latest[subject].where)
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// clip makes text from a log that may be forged fit to print.
func clip(s string) string {
	const most = 120
	if len(s) > most {
		s = s[:most]
	}
	quoted := strconv.QuoteToASCII(s)
	if quoted == `"`+s+`"` {
		return s
	}
	return quoted
}
