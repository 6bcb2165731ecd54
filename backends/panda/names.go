package panda

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

const usersTable = "{meta}.users"

// user is a row of users.
type user struct{ name, dn, email string }

// nameRows reads who has the names of the records. Of a name that several people have,
// none is taken: nobody could tell whose job it was.
func (x *search) nameRows(ctx context.Context) {
	x.names = map[string]user{}
	if len(x.records) == 0 {
		return
	}
	if why := x.layout.lacks(usersTable, "name", "dn", "email"); why != "" {
		x.tell("the DNs of the people are not available here: %s", why)
		return
	}
	asked := map[string]bool{}
	var names []string
	for _, r := range x.records {
		if r.user != "" && !asked[r.user] {
			asked[r.user] = true
			names = append(names, r.user)
		}
	}
	rows, err := x.store.query(ctx, `SELECT name, dn, email FROM `+usersTable+` WHERE name = ANY($1) LIMIT $2`, names, maxUsers)
	if err != nil {
		x.tell("the DNs of the people could not be read")
		return
	}
	var u user
	_, err = pgx.ForEachRow(rows, []any{orEmpty(&u.name), orEmpty(&u.dn), orEmpty(&u.email)}, func() error {
		if old, ok := x.names[u.name]; ok && old != u {
			u = user{name: u.name}
			x.tell("several rows of the users' table have the name %q: the DN of none was taken", u.name)
		}
		x.names[u.name] = u
		return nil
	})
	if err != nil {
		x.tell("the DNs of the people could not be read")
	}
}

// namesOfPerson gives every PanDA name that jobs of the person may have, and adds to
// the query those that are the same person's.
func (x *search) namesOfPerson(ctx context.Context) ([]string, error) {
	asked := append([]string{x.query.User}, x.query.Also...)
	var names, alike []string
	for _, name := range asked {
		if _, isDN := grid.NormalizeDN(name); isDN {
			name = grid.PandaName(name)
		}
		names = appendNew(names, name)
	}
	if why := x.layout.lacks(usersTable, "id", "name", "dn", "email", "status", "latestjob"); why != "" {
		x.note("other names of the person are not available here: %s", why)
		return names, nil
	}
	all, err := x.store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	take := func(a grid.Account) {
		names = appendNew(names, a.Name)
		x.query.Also = appendNew(appendNew(x.query.Also, a.Name), a.DN)
	}
	leads := slices.Clone(asked)
	for _, a := range all {
		for _, name := range asked {
			s, ok := grid.Match(grid.Query{Kind: grid.ByUser, User: name}, ownJob(a))
			if !ok {
				continue
			}
			names = appendNew(names, a.Name)
			if s.Confidence == grid.Confirmed {
				take(a)
				leads = appendNew(leads, a.DN)
			}
		}
	}
	for _, name := range leads {
		m := x.store.matcher.Match(name, all)
		for _, a := range m.SamePerson {
			take(a)
		}
		for _, a := range m.LookAlike {
			alike = appendNew(alike, a.Name)
		}
	}
	alike = slices.DeleteFunc(alike, func(name string) bool { return slices.Contains(names, name) })
	x.tell("searched under the PanDA names %s", wording.Some(inQuotes(names), mostNamed))
	if len(alike) > 0 {
		x.tell("names that look alike, of which none was searched: %s", wording.Some(inQuotes(alike), mostNamed))
	}
	return names, nil
}

// ownJob is a job that the owner of an account could have had, for the rules to say
// whose it is.
func ownJob(a grid.Account) grid.Job {
	j := grid.Job{Experiment: grid.ATLAS, Kind: grid.Finished, Starts: 1}
	j.Identities = grid.PandaIdentities("", "user", "", a.Name, a)
	return j
}

func inQuotes(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = fmt.Sprintf("%q", name)
	}
	return out
}

func appendNew(all []string, s string) []string {
	if strings.TrimSpace(s) == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}
