package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// keptAction and keptCase pick what is open or ended too short a time ago to
// have its names removed. The tables are a and i; the arguments are moments.
func keptAction(d dialect) string {
	return `(a.` + stillOpen + ` OR rtrim(` + d.field("a.data", "ended_at") + `, 'Z') >= ?)`
}

const keptCase = `(i.closed_at IS NULL OR rtrim(i.closed_at, 'Z') >= ?)`

// moment is a time as it is compared with those in JSON.
func moment(t time.Time) string {
	return strings.TrimRight(t.UTC().Format(time.RFC3339Nano), "Z")
}

// dueBody is the condition for a body to be erased: it is not of an action or
// a case that is kept, and does not tell who held which role when actions were
// decided that are kept: of what says that, the latest before then was still
// true. What tells of a removal stays for ever.
func dueBody(d dialect) (where string, args func(r Retention, at time.Time) []any) {
	where = `r.at < ? AND r.kind NOT IN ('erased', 'removed') AND (r.kind NOT IN ('policy changed', 'account linked')
			OR r.at < ? AND EXISTS (SELECT 1 FROM audit_record n WHERE n.kind = r.kind AND n.subject = r.subject AND n.at > r.at AND n.at < ?))
		AND NOT (r.subject LIKE 'action/%' AND EXISTS (SELECT 1 FROM action a WHERE a.id = substr(r.subject, 8) AND ` + keptAction(d) + `))
		AND NOT (r.request <> '' AND EXISTS (SELECT 1 FROM action a WHERE a.request = r.request AND ` + keptAction(d) + `))
		AND NOT (r.subject LIKE 'incident/%' AND EXISTS (SELECT 1 FROM incident i WHERE i.id = substr(r.subject, 10) AND ` + keptCase + `))
		AND NOT (r.incident <> '' AND EXISTS (SELECT 1 FROM incident i WHERE i.id = r.incident AND ` + keptCase + `))`
	return where, func(r Retention, at time.Time) []any {
		asked, evidence := at.Add(-r.PersonalData), at.Add(-r.evidence())
		m := moment(evidence)
		return []any{micros(asked), micros(evidence), micros(evidence), m, m, m, m}
	}
}

// EraseDue erases the bodies of records whose time is over and returns how many
// they were; e says who answers for it and why.
func (j *Journal) EraseDue(ctx context.Context, r Retention, e Erasure, at time.Time) (n int, err error) {
	if err := j.mayErase(e); err != nil {
		return 0, err
	}
	if _, err := j.Sequence(ctx); err != nil { // only what has its place can be erased
		return 0, err
	}
	defer j.wake()
	asked := at.Add(-r.PersonalData)
	e.Reason += ": older than " + asked.UTC().Format(time.RFC3339)
	where, argsOf := dueBody(j.readers.dialect)
	args := argsOf(r, at)
	err = j.eachPage(ctx, func(due []int64) error {
		k, err := j.eraseSome(ctx, e, at, where+` AND r.num >= ? AND r.num <= ?`, append(slices.Clip(args), due[0], due[len(due)-1])...)
		n += k
		return err
	}, `SELECT r.num, r.at < ?, `+where+` FROM (SELECT num FROM audit_body WHERE num > ? ORDER BY num LIMIT ?) b JOIN audit_record r ON r.num = b.num ORDER BY r.num`,
		append([]any{micros(asked)}, args...)...)
	return n, err
}

// emptyRows takes the people out of actions and cases that are over since long.
// What was done, when, and by how many votes stays.
func (j *Journal) emptyRows(ctx context.Context, r Retention, at time.Time, n *Removed) error {
	m := moment(at.Add(-r.evidence()))
	notYet := func(subject string) string {
		return `NOT EXISTS (SELECT 1 FROM audit_record r WHERE r.subject = ` + subject + ` AND r.subject <> '' AND r.kind = 'erased')`
	}
	actions, err := idsOf[action.ID](ctx, j.readers, `SELECT a.id FROM action a WHERE NOT `+keptAction(j.readers.dialect)+` AND `+notYet(`'action/' || a.id`)+` ORDER BY a.proposed_at, a.id`, m)
	if err != nil {
		return explain(err)
	}
	cases, err := idsOf[string](ctx, j.readers, `SELECT i.id FROM incident i WHERE NOT `+keptCase+` AND `+notYet(`'incident/' || i.id`)+` ORDER BY i.opened_at, i.id`, m)
	if err != nil {
		return explain(err)
	}
	for _, id := range actions {
		if err := j.empty(ctx, actionSubject(id), n, func(ctx context.Context, t *tx) (bool, error) { return j.emptyAction(ctx, t, id, m, at) }); err != nil {
			return err
		}
	}
	for _, id := range cases {
		if err := j.empty(ctx, incidentSubject(id), n, func(ctx context.Context, t *tx) (bool, error) { return true, j.emptyCase(ctx, t, id, at) }); err != nil {
			return err
		}
	}
	return nil
}

// empty runs a change of one row. A row that is not as its record says stays
// as it is: it is evidence of another kind.
func (j *Journal) empty(ctx context.Context, subject string, n *Removed, c func(context.Context, *tx) (bool, error)) error {
	var done bool
	err := j.write(ctx, func(ctx context.Context, t *tx) (err error) {
		if err := t.alone(ctx, subject); err != nil {
			return err
		}
		done, err = c(ctx, t)
		return err
	})
	if tampered(err) {
		j.log.ErrorContext(ctx, "a row that somebody changed is kept beyond its time", "row", subject, "error", err)
		return nil
	}
	if err == nil && done {
		n.Rows++
	}
	return err
}

func (j *Journal) emptyAction(ctx context.Context, t *tx, id action.ID, m string, at time.Time) (done bool, err error) {
	a, stored, err := storedAction(ctx, t, id)
	if err != nil {
		return false, err
	}
	if err := j.bound(ctx, t, stored); err != nil {
		return false, err
	}
	var kept bool // together with its case
	if err := t.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM incident i WHERE i.id = ? AND `+keptCase+`)`, a.Incident, m).Scan(&kept); err != nil || kept {
		return false, err
	}
	emptied := emptiedAction(a)
	emptied.Version++
	fx, err := ofErasure(actionSubject(id), a.Incident, at)
	if err != nil {
		return false, err
	}
	if _, err := j.saveAction(ctx, t, emptied, votesOf(a), fx); err != nil {
		return false, err
	}
	return true, t.exec(ctx, `DELETE FROM card_message WHERE action = ?`, string(id))
}

func (j *Journal) emptyCase(ctx context.Context, t *tx, id string, at time.Time) error {
	i, stored, err := storedIncident(ctx, t, id)
	if err != nil {
		return err
	}
	if err := j.bound(ctx, t, stored); err != nil {
		return err
	}
	emptied := emptiedCase(i)
	emptied.Version++
	fx, err := ofErasure(incidentSubject(id), id, at)
	if err != nil {
		return err
	}
	if _, err = j.saveIncident(ctx, t, emptied, i.Notes, fx); err != nil {
		return err
	}
	return t.exec(ctx, `DELETE FROM card_message WHERE action = ?`, id)
}

// ofErasure is the record of the change of a row that takes the people out of it.
func ofErasure(subject, incident string, at time.Time) (action.Effects, error) {
	body, err := erasureBody(audit.Erasure{Records: []string{}, Reason: fmt.Sprintf("the retention: the people in %s", subject)})
	return action.Effects{Records: []audit.Record{{
		ID: audit.NewID(), At: at, Kind: audit.Erased, Account: retentionAccount, Incident: incident, Subject: subject, Body: body,
	}}}, err
}
