package panda

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// maxUsers bounds what is read of the users table. ATLAS has some ten thousand.
const maxUsers = 200_000

// disabled is the status of a banned user. Every other one, and none, may submit.
const disabled = "disabled"

// Accounts gives the whole users table, by id: whom a name could be mistaken for
// can only be told from all of it.
func (s *Store) Accounts(ctx context.Context) ([]grid.Account, error) {
	rows, err := s.query(ctx, `SELECT id::text, name, coalesce(dn, ''), coalesce(email, ''), coalesce(status, ''), latestjob FROM {meta}.users ORDER BY id LIMIT $1`, maxUsers+1)
	if err != nil {
		return nil, fmt.Errorf("panda: reading the users: %w", s.explain(err))
	}
	accounts, err := pgx.AppendRows(make([]grid.Account, 0, 1024), rows, s.account)
	if err != nil {
		return nil, fmt.Errorf("panda: reading the users: %w", s.explain(err))
	}
	if len(accounts) > maxUsers {
		return nil, trouble.Errorf(nil, "PanDA has more than %d users, which is more than can be searched for look-alikes. Is %s.schemas.meta the right schema?", maxUsers, Setting+".database")
	}
	s.keepKinds(accounts)
	return accounts, nil
}

func (s *Store) account(row pgx.CollectableRow) (grid.Account, error) {
	a := grid.Account{Experiment: s.Experiment()}
	var status string
	var latest *time.Time
	if err := row.Scan(&a.ID, &a.Name, &a.DN, &a.Email, &status, &latest); err != nil {
		return a, err
	}
	if latest != nil && latest.Year() > 1970 { // the default of old rows is the epoch
		a.LastSeen = *latest
	}
	a.Banned = status == disabled
	a.Kind = s.kindOf(identity{a.Name, a.DN})
	return a, nil
}

// identity is what the kind of an account is told from.
type identity struct{ name, dn string }

// kindOf tells the kind of an account. The site map is long, the users are many
// and seldom change, so what was told is kept.
func (s *Store) kindOf(i identity) grid.AccountKind {
	s.mu.Lock()
	kind, known := s.kinds[i]
	s.mu.Unlock()
	if !known {
		kind, _ = grid.KindOfUser(i.name, i.dn, s.sites)
	}
	return kind
}

func (s *Store) keepKinds(accounts []grid.Account) {
	kinds := make(map[identity]grid.AccountKind, len(accounts))
	for _, a := range accounts {
		kinds[identity{a.Name, a.DN}] = a.Kind
	}
	s.mu.Lock()
	s.kinds = kinds
	s.mu.Unlock()
}
