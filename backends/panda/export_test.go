package panda

import (
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Row is a record by the fields on which the rules decide.
type Row struct {
	Live                            bool
	User, Label, Host, Queue, Batch string
	Status                          string
	Created, Modified, Start, End   time.Time
}

// Rule is what the rules say of a row, whatever a statement would have left out.
func Rule(q grid.Query, id int64, r Row) (grid.Sighting, bool) {
	return match(q, record{
		live: r.Live, id: id, user: r.User, label: r.Label, host: r.Host, queue: r.Queue, batch: r.Batch, status: r.Status,
		created: r.Created, modified: r.Modified, start: r.Start, end: r.End,
	}.job("", nil))
}

// SetMost bounds the sightings of one answer.
func (s *Store) SetMost(n int) { s.most = n }
