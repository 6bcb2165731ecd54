package audit

import (
	"encoding/json"
	"fmt"
)

// Erasure is the body of a Record of kind Erased: which bodies were erased and
// why. It never holds what was in them and is never erased itself.
type Erasure struct {
	Records []string `json:"records"`
	Reason  string   `json:"reason"`
}

// erasures holds the records whose body is missing against those that an
// Erased record names.
type erasures struct {
	missing map[string]string // record id to where it is
	lawful  int64
}

func (m *erasures) lacks(id string, where place) {
	if m.missing == nil {
		m.missing = map[string]string{}
	}
	m.missing[id] = where.String()
}

// read takes a record of kind Erased. It comes after the records that it names.
func (m *erasures) read(r *Report, where place, b Body) {
	var p private
	var e Erasure
	err := json.Unmarshal(b.Data, &p)
	if err == nil {
		err = json.Unmarshal(p.Body, &e)
	}
	if err != nil {
		r.problem("%s tells of an erasure, but not which: %v.", where, err)
		return
	}
	for _, id := range e.Records {
		if _, ok := m.missing[id]; !ok {
			r.problem("%s says that the body of record %s was erased, but it is there or the record is not.", where, id)
			continue
		}
		delete(m.missing, id)
		m.lawful++
	}
}

func (m *erasures) finish(r *Report) {
	for _, where := range sorted(m.missing) {
		r.problem("%s has lost its body, and no record says that it was erased.", m.missing[where])
	}
	r.Erased = m.lawful
}

// place is where a record is, said to people only when something is wrong there.
type place struct {
	leaf  int64 // -1: it waits for one
	entry *Entry
}

func (p place) String() string {
	s := fmt.Sprintf("Leaf %d (record %s, %s", p.leaf, clip(p.entry.ID), clip(string(p.entry.Kind)))
	if p.leaf < 0 {
		s = fmt.Sprintf("The waiting record (record %s, %s", clip(p.entry.ID), clip(string(p.entry.Kind)))
	}
	if p.entry.Subject != "" {
		s += ", about " + clip(p.entry.Subject)
	}
	return s + ")"
}
