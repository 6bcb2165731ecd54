package whois

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/handlers/deadline"
)

// allowed is the time that every directory has for its answer.
const allowed = 20 * time.Second

// finding is what is known of a name or DN.
type finding struct {
	Query     string
	Kind      grid.AccountKind
	Why       string      // how the kind was told
	DN        string      // normalised; "" when the query is no DN
	PandaName string      // what PanDA makes of the DN; "" when the query is no DN
	Owner     string      // who runs the pilot factory; "" when unknown or none
	Holder    grid.Holder // the person whose it is by the alias table or a register
	Names     []string    // the person's other logins and DNs
	Notes     []string    // what people must know of the registers
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
	Name     string     `json:"name"`
	State    string     `json:"state"` // complete or failed
	Accounts int        `json:"accounts"`
	AsOf     *time.Time `json:"as_of,omitempty"` // of what time a register's answer is
	Notes    []string   `json:"notes,omitempty"`
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
	accounts, from, registers, sources := x.ask(ctx, query)
	f.Sources = sources
	known := &grid.Knowledge{Sites: x.sites, Registers: registers}
	f.Holder, _ = known.Holder("", query)
	if f.Names, _ = known.Names("", query); f.Holder.By == "" && len(f.Names) == 1 {
		f.Names = nil // the login that everybody can read in the DN
	}
	found := known.Accounts(query, accounts)
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
	case f.Holder.Login != "":
		f.Kind, f.Why = grid.PersonAccount, "it is a person's by "+f.Holder.By
	case f.DN == "" && !grid.IsTokenSubject(f.Query):
		f.Why = "no account has that very name"
		if slices.ContainsFunc(f.Sources, func(s source) bool { return s.State == "failed" }) {
			f.Why = "no account has that very name where that could be looked up, which is not everywhere"
		}
	}
}

// ask asks every directory and register at once, for all accounts or, where there is
// no list of them, for those that the query could mean. One that fails, hangs or breaks
// down is named in sources and its accounts are missing, all of them: an account
// that is not in half a list would be taken for one that does not exist.
func (x command) ask(ctx context.Context, query string) (all []grid.Account, from map[grid.Account]string, registers []*grid.Register, sources []source) {
	n := len(x.directories)
	lists := make([][]grid.Account, n+len(x.registers))
	registers = make([]*grid.Register, len(x.registers))
	sources = make([]source, len(lists))
	var wg sync.WaitGroup
	put := func(i int, name string, list []grid.Account, err error) {
		lists[i], sources[i] = list, source{Name: name, State: "complete", Accounts: len(list)}
		if err != nil {
			x.log.WarnContext(ctx, "a directory of accounts failed", "directory", name, "error", err)
			sources[i].State = "failed"
		}
	}
	for i, d := range x.directories {
		wg.Go(func() {
			ask, lookup := d.Accounts, Lookup(nil)
			if l, ok := d.(Lookup); ok {
				lookup = l
				ask = func(ctx context.Context) ([]grid.Account, error) { return l.AccountsOf(ctx, query) }
			}
			list, err := deadline.AskWhole(ctx, allowed, ask)
			put(i, d.Name(), list, err)
			if lookup != nil && err == nil {
				sources[i].Notes = lookup.Limits()
			}
		})
	}
	for i, r := range x.registers {
		wg.Go(func() {
			register, err := deadline.AskWhole(ctx, allowed, r.Register)
			put(n+i, r.Name(), register.Accounts(), err)
			if registers[i] = register; register != nil {
				sources[n+i].AsOf, sources[n+i].Notes = instant(register.AsOf), register.Notes
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
	return all, from, registers, sources
}
