package whois

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// deadline is what every directory has for its answer.
const deadline = 20 * time.Second

// finding is what is known of a name or DN.
type finding struct {
	Query     string
	Kind      grid.AccountKind
	Why       string // how the kind was told
	DN        string // normalised; "" when the query is no DN
	PandaName string // what PanDA makes of the DN; "" when the query is no DN
	Owner     string // who runs the pilot factory; "" when unknown or none
	Login     string // the login under which the site map knows it
	Matches   []match
	Sources   []source
}

// match is one account that has to do with the query.
type match struct {
	grid.Account
	How    how
	Source string
}

// how says why an account is listed. Only an exact one may be acted upon.
type how string

const (
	exact      how = "exact"
	samePerson how = "same person"
	lookAlike  how = "look-alike"
)

// source is how one directory did.
type source struct {
	Name     string `json:"name"`
	State    string `json:"state"` // complete or failed
	Accounts int    `json:"accounts"`
}

// complete reports whether every directory answered.
func (f finding) complete() bool {
	return !slices.ContainsFunc(f.Sources, func(s source) bool { return s.State != "complete" })
}

// look resolves the query.
func (x command) look(ctx context.Context, query string) finding {
	f := finding{Query: query}
	f.Kind, f.Why = grid.KindOfDN(query, x.sites)
	f.Owner, _ = x.sites.Factory(query)
	if dn, ok := grid.NormalizeDN(query); ok {
		f.DN, f.PandaName = dn.String(), grid.PandaName(query)
	}
	f.Login, _ = x.sites.PersonAlias(query)

	accounts, from, sources := x.accounts(ctx)
	f.Sources = sources
	found := grid.MatchAccounts(query, accounts)
	if f.Login != "" && f.Login != query {
		found.SamePerson = append(found.SamePerson, grid.MatchAccounts(f.Login, accounts).Exact...)
	}
	listed := map[grid.Account]bool{}
	add := func(how how, accounts []grid.Account) {
		for _, a := range accounts {
			if !listed[a] {
				listed[a] = true
				f.Matches = append(f.Matches, match{Account: a, How: how, Source: from[a]})
			}
		}
	}
	add(exact, found.Exact)
	add(samePerson, found.SamePerson)
	add(lookAlike, found.LookAlike)
	if f.Kind == grid.UnknownAccount {
		f.kindFromAccounts()
	}
	return f
}

// kindFromAccounts takes the kind of the exact matches when they agree.
func (f *finding) kindFromAccounts() {
	kinds := map[grid.AccountKind]bool{}
	for _, m := range f.Matches {
		if m.How == exact && m.Kind != "" {
			kinds[m.Kind] = true
			f.Kind = m.Kind
		}
	}
	switch {
	case len(kinds) > 1:
		f.Kind, f.Why = grid.UnknownAccount, "its accounts are of several kinds"
	case len(kinds) == 1:
		f.Why = "the account of that very name"
	case f.Login != "":
		f.Kind, f.Why = grid.PersonAccount, "the site map lists it among people"
	case f.DN == "" && !grid.IsTokenSubject(f.Query):
		f.Why = "no account has that very name"
	}
}

// accounts asks every directory at once. A directory that fails, hangs or
// breaks down is named in sources and its accounts are missing.
func (x command) accounts(ctx context.Context) (all []grid.Account, from map[grid.Account]string, sources []source) {
	lists := make([][]grid.Account, len(x.directories))
	sources = make([]source, len(x.directories))
	var wg sync.WaitGroup
	for i, d := range x.directories {
		wg.Go(func() {
			list, err := ask(ctx, d)
			lists[i], sources[i] = list, source{Name: d.Name(), State: "complete", Accounts: len(list)}
			if err != nil {
				x.log.WarnContext(ctx, "a directory of accounts failed", "directory", d.Name(), "error", err)
				sources[i].State = "failed"
			}
		})
	}
	wg.Wait()
	from = map[grid.Account]string{}
	for i, list := range lists {
		for _, a := range list {
			from[a] = sources[i].Name
		}
		all = append(all, list...)
	}
	return all, from, sources
}

// ask asks one directory within the deadline, even one that ignores it, and
// survives its panic. What came with an error is dropped: an account missing
// from half a list would be taken for one that does not exist.
func ask(ctx context.Context, d Directory) ([]grid.Account, error) {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	type reply struct {
		accounts []grid.Account
		err      error
	}
	done := make(chan reply, 1)
	go func() {
		var out reply
		defer func() {
			if v := recover(); v != nil {
				out = reply{err: fmt.Errorf("whois: directory panicked: %v", v)}
			}
			done <- out
		}()
		out.accounts, out.err = d.Accounts(ctx)
	}()
	select {
	case out := <-done:
		if out.err != nil {
			return nil, out.err
		}
		return out.accounts, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
