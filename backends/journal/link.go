package journal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Links implements bot.Journal.
func (j *Journal) Links(ctx context.Context) (map[string]action.PersonID, error) {
	out := map[string]action.PersonID{}
	err := each(ctx, j.readers, func(scan func(...any) error) error {
		var account string
		var person action.PersonID
		if err := scan(&account, &person); err != nil {
			return err
		}
		out[account] = person
		return nil
	}, `SELECT account, person FROM link`)
	if err != nil {
		return nil, fmt.Errorf("journal: reading linked accounts: %w", explain(err))
	}
	return out, nil
}

// Link implements bot.Journal. Tying an account again to the same person
// stores fx and changes nothing else.
func (j *Journal) Link(ctx context.Context, account string, person action.PersonID, fx action.Effects) error {
	err := j.write(ctx, func(ctx context.Context, t *tx) error {
		l := linkRow{Account: account, Person: person, Version: 1}
		if err := t.alone(ctx, linkSubject(account)); err != nil {
			return err
		}
		var owner action.PersonID
		err := notFound(t.QueryRowContext(ctx, `SELECT person FROM link WHERE account = ?`, account).Scan(&owner))
		switch {
		case errors.Is(err, bot.ErrNotFound):
			err = t.exec(ctx, `INSERT INTO link (account, person, version) VALUES (?, ?, ?)`, l.Account, string(l.Person), l.Version)
		case err == nil && owner != person:
			err = bot.ErrExists
		}
		if err != nil {
			return err
		}
		data, err := json.Marshal(l)
		if err != nil {
			return err
		}
		return j.effects(ctx, t, fx, &row{subject: linkSubject(account), version: l.Version, json: data})
	})
	if err != nil {
		return fmt.Errorf("journal: linking account %s: %w", account, err)
	}
	return nil
}
