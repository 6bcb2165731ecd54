package journal

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// stillOpen is the condition of the indexes action_open and action_unsettled.
const stillOpen = `state NOT IN ('settled', 'denied', 'withdrawn', 'expired', 'failed')`

// Create implements action.Store.
func (j *Journal) Create(ctx context.Context, a action.Action, fx action.Effects) (stored action.Action, created bool, err error) {
	err = j.write(ctx, func(ctx context.Context, t *tx) error {
		created = false
		if err := j.ours(ctx, t, a.Request); err != nil {
			return err
		}
		if err := t.alone(ctx, actionSubject(a.ID), "target/"+a.Command+"/"+a.Frozen.Plan.Target.Key); err != nil {
			return err
		}
		if _, err := loadAction(ctx, t, a.ID); err == nil {
			return action.ErrExists
		} else if !errors.Is(err, action.ErrNotFound) {
			return err
		}
		var id action.ID
		err := t.QueryRowContext(ctx, `SELECT id FROM action WHERE command = ? AND target = ? AND `+stillOpen+` ORDER BY proposed_at LIMIT 1`,
			a.Command, a.Frozen.Plan.Target.Key).Scan(&id)
		if err == nil {
			stored, err = loadAction(ctx, t, id)
			return err
		}
		if err := notFound(err); !errors.Is(err, action.ErrNotFound) {
			return err
		}
		a := a
		a.Version = 1
		stored, err = j.saveAction(ctx, t, a, nil, fx)
		created = err == nil
		return err
	})
	if err != nil {
		return action.Action{}, false, fmt.Errorf("journal: creating action %s: %w", a.ID, err)
	}
	return stored, created, nil
}

// Update implements action.Store.
func (j *Journal) Update(ctx context.Context, id action.ID, change func(*action.Action) (action.Effects, error)) (action.Action, error) {
	return j.UpdateFor(ctx, "", id, change)
}

// UpdateFor implements action.Store.
func (j *Journal) UpdateFor(ctx context.Context, request string, id action.ID, change func(*action.Action) (action.Effects, error)) (action.Action, error) {
	var changed action.Action
	var refused error
	err := j.write(ctx, func(ctx context.Context, t *tx) error {
		refused = nil
		if err := t.alone(ctx, actionSubject(id)); err != nil {
			return err
		}
		if request != "" {
			if err := j.once(ctx, t, request, actionSubject(id)); err != nil {
				return err
			}
		}
		a, stored, err := storedAction(ctx, t, id)
		if err != nil {
			return err
		}
		if err := j.bound(ctx, t, stored); err != nil {
			return err
		}
		version, before := a.Version, votesOf(a)
		fx, err := change(&a)
		if err != nil {
			refused = err
			return j.effects(ctx, t, fx, nil)
		}
		a.ID, a.Version = id, version+1
		changed, err = j.saveAction(ctx, t, a, before, fx)
		return err
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return action.Action{}, fmt.Errorf("journal: changing action %s: %w", id, err)
	}
	return changed, nil
}

// changedBefore says for itself that the request is none without a name: only then
// the index, which leaves those out, is used and not every record read.
const changedBefore = `SELECT EXISTS (SELECT 1 FROM audit_record WHERE request = ? AND request <> '' AND subject = ? AND version > 0)`

// once refuses a request that is not this process's, and one that has changed
// the row before: it is answered again after a crash, and what it decided may
// have been taken back since.
func (j *Journal) once(ctx context.Context, t *tx, request, subject string) error {
	if err := j.ours(ctx, t, request); err != nil {
		return err
	}
	var done bool
	err := t.QueryRowContext(ctx, changedBefore, request, subject).Scan(&done)
	if err == nil && done {
		return action.ErrRepeated
	}
	return err
}

// saveAction writes an action with its votes and effects, and returns it as it
// is read back. before are the votes that are stored now.
func (j *Journal) saveAction(ctx context.Context, t *tx, a action.Action, before []action.Vote, fx action.Effects) (action.Action, error) {
	w, err := rowOfAction(a)
	if err != nil {
		return action.Action{}, err
	}
	err = t.exec(ctx, `INSERT INTO action (id, data) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET data = excluded.data`, string(a.ID), string(w.data))
	if err != nil {
		return action.Action{}, err
	}
	if err := saveVotes(ctx, t, a.ID, before, w.votes); err != nil {
		return action.Action{}, err
	}
	if err := j.effects(ctx, t, fx, &row{subject: actionSubject(a.ID), version: a.Version, json: w.json}); err != nil {
		return action.Action{}, err
	}
	return parseAction(w.data, w.votes)
}

func saveVotes(ctx context.Context, t *tx, id action.ID, before, after []action.Vote) error {
	if equalVotes(before, after) {
		return nil
	}
	if err := t.exec(ctx, `DELETE FROM vote WHERE action = ?`, string(id)); err != nil {
		return err
	}
	for n, v := range after {
		err := t.exec(ctx, `INSERT INTO vote (action, n, person, account, surface, at, lost) VALUES (?, ?, ?, ?, ?, ?, ?)`,
			string(id), n, string(v.Person), v.Account, v.Surface, v.At.Format(time.RFC3339Nano), v.Lost)
		if err != nil {
			return fmt.Errorf("vote of %s: %w", v.Person, err)
		}
	}
	return nil
}

func loadAction(ctx context.Context, r reader, id action.ID) (action.Action, error) {
	a, _, err := storedAction(ctx, r, id)
	return a, err
}

// storedAction gives an action together with its row as it is stored.
func storedAction(ctx context.Context, r reader, id action.ID) (action.Action, row, error) {
	var data []byte
	if err := r.QueryRowContext(ctx, oneAction, string(id)).Scan(&data); err != nil {
		return action.Action{}, row{}, notFound(err)
	}
	votes, err := loadVotes(ctx, r, id)
	if err != nil {
		return action.Action{}, row{}, err
	}
	a, err := parseAction(data, votes)
	if err != nil {
		return action.Action{}, row{}, err
	}
	w, err := rowOfAction(a)
	return a, row{subject: actionSubject(id), version: a.Version, json: asStored(data, w, err)}, nil
}

const (
	voteColumns = `n, person, account, surface, at, lost`
	oneAction   = `SELECT data FROM action WHERE id = ?`
	votesOfOne  = `SELECT ` + voteColumns + ` FROM vote WHERE action = ? ORDER BY n`
)

func loadVotes(ctx context.Context, r reader, id action.ID) ([]action.Vote, error) {
	var votes []action.Vote
	err := each(ctx, r, func(scan func(...any) error) error {
		v, err := scanVote(scan, func() int { return len(votes) })
		votes = append(votes, v)
		return err
	}, votesOfOne, string(id))
	return votes, err
}

// scanVote reads the voteColumns of a row after others. number is the vote's place.
func scanVote(scan func(...any) error, number func() int, others ...any) (v action.Vote, err error) {
	var at string
	var n int
	if err := scan(append(others, &n, &v.Person, &v.Account, &v.Surface, &at, &v.Lost)...); err != nil {
		return v, err
	}
	if v.At, err = parsePart(n, number(), at); err != nil {
		return v, fmt.Errorf("vote of %s: %w", v.Person, err)
	}
	return v, nil
}

// Action implements action.Store.
func (j *Journal) Action(ctx context.Context, id action.ID) (action.Action, error) {
	a, err := snapshot(ctx, j, func(r reader) (action.Action, error) { return loadAction(ctx, r, id) })
	if err != nil {
		return action.Action{}, fmt.Errorf("journal: action %s: %w", id, err)
	}
	return a, nil
}

const allOpen = `WHERE ` + stillOpen + ` ORDER BY proposed_at, id`

// OpenActions implements action.Store.
func (j *Journal) OpenActions(ctx context.Context) ([]action.Action, error) {
	return j.actions(ctx, allOpen)
}

// Actions implements action.Store.
func (j *Journal) Actions(ctx context.Context, limit int, commands ...string) ([]action.Action, error) {
	which := ""
	var args []any
	if len(commands) > 0 {
		which = `WHERE command IN (?` + strings.Repeat(`, ?`, len(commands)-1) + `) `
		for _, c := range commands {
			args = append(args, c)
		}
	}
	return j.actions(ctx, which+`ORDER BY proposed_at DESC, id DESC LIMIT ?`, append(args, limit)...)
}

// actionsQueries ask for the votes on the actions that a condition picks, and for
// the actions.
func actionsQueries(which string) (votes, actions string) {
	return `SELECT action, ` + voteColumns + ` FROM vote WHERE action IN (SELECT id FROM action ` + which + `) ORDER BY action, n`, `SELECT id, data FROM action ` + which
}

// actions reads the actions that a condition picks, and all their votes at once.
func (j *Journal) actions(ctx context.Context, which string, args ...any) ([]action.Action, error) {
	theirVotes, them := actionsQueries(which)
	out, err := snapshot(ctx, j, func(r reader) ([]action.Action, error) {
		votes := map[action.ID][]action.Vote{}
		err := each(ctx, r, func(scan func(...any) error) error {
			var id action.ID
			v, err := scanVote(scan, func() int { return len(votes[id]) }, &id)
			votes[id] = append(votes[id], v)
			return err
		}, theirVotes, args...)
		if err != nil {
			return nil, err
		}
		var out []action.Action
		err = each(ctx, r, func(scan func(...any) error) error {
			var id action.ID
			var data []byte
			if err := scan(&id, &data); err != nil {
				return err
			}
			a, err := parseAction(data, votes[id])
			out = append(out, a)
			return err
		}, them, args...)
		return out, err
	})
	if err != nil {
		return nil, fmt.Errorf("journal: listing actions: %w", err)
	}
	return out, nil
}

// idsOf reads a query's only column.
func idsOf[T ~string](ctx context.Context, r reader, query string, args ...any) ([]T, error) {
	var ids []T
	err := each(ctx, r, func(scan func(...any) error) error {
		var id T
		if err := scan(&id); err != nil {
			return err
		}
		ids = append(ids, id)
		return nil
	}, query, args...)
	return ids, err
}
