package journal

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/backends/trouble"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Links implements bot.Journal. An account that somebody wrote into the
// database is left out: no record ties it to anybody.
func (j *Journal) Links(ctx context.Context) (map[string]action.PersonID, error) {
	out, err := snapshot(ctx, j, func(r reader) (map[string]action.PersonID, error) {
		rows, err := loadLinks(ctx, r)
		if err != nil {
			return nil, err
		}
		out := map[string]action.PersonID{}
		for _, l := range rows {
			stored, err := l.row()
			if err != nil {
				return nil, err
			}
			err = j.bound(ctx, r, stored)
			if forged := (*trouble.Error)(nil); errors.As(err, &forged) {
				j.log.ErrorContext(ctx, "a linked account does not count", "account", l.Account, "person", l.Person, "error", err)
				continue
			}
			if err != nil {
				return nil, err
			}
			out[l.Account] = l.Person
		}
		return out, nil
	})
	if err != nil {
		return nil, fmt.Errorf("journal: reading linked accounts: %w", err)
	}
	return out, nil
}

const allLinks = `SELECT account, person, version FROM link ORDER BY account`

func loadLinks(ctx context.Context, r reader) ([]linkRow, error) {
	var rows []linkRow
	err := each(ctx, r, func(scan func(...any) error) error {
		var l linkRow
		err := scan(&l.Account, &l.Person, &l.Version)
		rows = append(rows, l)
		return err
	}, allLinks)
	return rows, err
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
		stored, err := l.row()
		if err != nil {
			return err
		}
		return j.effects(ctx, t, fx, &stored)
	})
	if err != nil {
		return fmt.Errorf("journal: linking account %s: %w", account, err)
	}
	return nil
}
