package journal

import (
	"context"
	"database/sql"
	"errors"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// recordColumns are the columns of a record, in the order in which scanned
// takes them. The table is r.
const recordColumns = `r.id, r.at, r.kind, r.request, r.incident, r.subject, r.version, r.hash, r.body_hash, r.mac`

// latestOfRow is the latest record of a row.
const latestOfRow = `SELECT ` + recordColumns + ` FROM audit_record r
	WHERE r.subject = ? AND r.subject <> '' AND r.hash <> '' ORDER BY r.num DESC LIMIT 1`

// bound refuses a row that is not as its latest record says. A change of such a
// row would make a record of what somebody put there, and from then on no
// verification could tell; a forged vote would count.
func (j *Journal) bound(ctx context.Context, r reader, stored row) error {
	var s scanned
	err := r.QueryRowContext(ctx, latestOfRow, stored.subject).Scan(s.record()...)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	e := s.entry
	if err != nil || !j.key.Genuine(e) || e.Version != stored.version || e.Hash != audit.HashRow(stored.json) {
		return trouble.Errorf(errTampered, "What the journal holds of %s is not what was last recorded of it: somebody changed the database. Nothing was changed or run. Keep the file and run `gridwarden audit verify`.", stored.subject)
	}
	return nil
}

var errTampered = errors.New("the row is not as its record says")

func tampered(err error) bool { return errors.Is(err, errTampered) }
