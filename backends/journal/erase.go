package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// Erasure says which bodies of records to erase, by whom and why.
type Erasure struct {
	Before  time.Time // bodies of records before it; zero: only those of Records
	Records []string  // ids
	By      action.PersonID
	Account string
	Reason  string
}

// erasureSize is how many bodies one transaction erases at most.
const erasureSize = 500

// erasable picks bodies that may be erased: never those of an open action,
// which people still decide about, nor those that tell of an erasure.
const erasable = `FROM audit_record r JOIN audit_body b USING (num) JOIN audit_leaf l USING (num)
	WHERE r.kind <> 'erased' AND NOT EXISTS (SELECT 1 FROM action a WHERE ` + stillOpen + `
		AND (r.subject = 'action/' || a.id OR r.request <> '' AND r.request = a.request)) AND `

// Erase erases the persons, accounts and bodies of records and returns of how
// many; each erasure is itself a record. The log still verifies. What belongs
// to an open action stays.
func (j *Journal) Erase(ctx context.Context, e Erasure, at time.Time) (n int, err error) {
	if err := j.mayErase(e); err != nil {
		return 0, err
	}
	if _, err := j.Sequence(ctx); err != nil { // only what has its place can be erased
		return 0, err
	}
	defer j.wake()
	if !e.Before.IsZero() {
		for {
			k, err := j.eraseSome(ctx, e, at, `r.at < ?`, micros(e.Before))
			n += k
			if err != nil {
				return n, err
			}
			if k < erasureSize {
				break
			}
		}
	}
	for ids := range slices.Chunk(e.Records, erasureSize) {
		var args []any
		for _, id := range ids {
			args = append(args, id)
		}
		k, err := j.eraseSome(ctx, e, at, `r.id IN (?`+strings.Repeat(`, ?`, len(ids)-1)+`)`, args...)
		n += k
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// mayErase refuses an erasure that nobody answers for, or that this process has
// no right to.
func (j *Journal) mayErase(e Erasure) error {
	if strings.TrimSpace(e.Reason) == "" || e.By == "" && e.Account == "" {
		return trouble.Errorf(nil, "An erasure needs a reason and somebody who answers for it. Nothing was erased.")
	}
	if !j.MayErase() {
		return trouble.Errorf(nil, "Erasing needs the role that owns the tables: set journal.postgres.owner_dsn_file in the configuration. Nothing was erased.")
	}
	return nil
}

// eraseSome erases what a condition picks, with its record, in one transaction.
func (j *Journal) eraseSome(ctx context.Context, e Erasure, at time.Time, where string, args ...any) (n int, err error) {
	err = j.eraser.do(ctx, func(ctx context.Context, t *tx) error {
		n = 0
		if err := t.alone(ctx, "erasure"); err != nil { // else two records could tell of one body
			return err
		}
		var nums []int64
		body := audit.Erasure{Reason: e.Reason}
		err := each(ctx, t, func(scan func(...any) error) error {
			var num int64
			var id string
			err := scan(&num, &id)
			nums, body.Records = append(nums, num), append(body.Records, id)
			return err
		}, `SELECT r.num, r.id `+erasable+where+` ORDER BY r.num LIMIT ?`, append(slices.Clip(args), erasureSize)...)
		if err != nil || len(nums) == 0 {
			return err
		}
		if err := deleteBodies(ctx, t, nums); err != nil {
			return err
		}
		data, err := erasureBody(body)
		if err != nil {
			return err
		}
		n = len(nums)
		return j.record(ctx, t, audit.Record{
			ID: audit.NewID(), At: at, Kind: audit.Erased, Person: string(e.By), Account: e.Account, Body: data,
		})
	})
	if err != nil {
		return 0, fmt.Errorf("journal: erasing bodies: %w", err)
	}
	return n, nil
}

func deleteBodies(ctx context.Context, t *tx, nums []int64) error {
	if t.dialect == postgresDialect { // one trip
		return t.exec(ctx, `DELETE FROM audit_body WHERE num = ANY(?)`, nums)
	}
	for _, num := range nums {
		if err := t.exec(ctx, `DELETE FROM audit_body WHERE num = ?`, num); err != nil {
			return err
		}
	}
	return nil
}

func erasureBody(e audit.Erasure) (json.RawMessage, error) {
	data, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("encoding an erasure: %w", err)
	}
	return data, nil
}
