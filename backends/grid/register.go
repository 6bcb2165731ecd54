package grid

import (
	"slices"
	"strings"
	"time"
)

// Registered is one entry of a register of people.
type Registered struct {
	ID     string   // the register's own key of the person; "" when it gives none
	Logins []string // the one that the person goes by first
	DNs    []string
	Name   string
	Email  string
}

// Register is what a register of an experiment's people, such as CRIC, has said
// at one time. A nil one knows nobody.
type Register struct {
	Name       string
	Experiment Experiment
	AsOf       time.Time // when it was so
	Notes      []string  // what people must know of it, such as that it is old

	people  []Registered
	byLogin map[string][]int // into people
	byDN    map[string][]int // into people, by DN.Key
}

// NewRegister makes people of the entries of a register. Entries with one ID are
// one person; so are those with one login, unless their IDs, names or addresses
// contradict each other: then the login is several people's and names nobody.
// An equal DN makes no person of two, nor does an equal name.
func NewRegister(name string, e Experiment, asOf time.Time, entries []Registered) *Register {
	r := &Register{Name: name, Experiment: e, AsOf: asOf.UTC(), byLogin: map[string][]int{}, byDN: map[string][]int{}}
	contested := contestedLogins(entries)
	groups := newGroups()
	for i, x := range entries {
		var keys []string
		if x.ID != "" {
			keys = append(keys, "id "+x.ID)
		}
		for _, login := range x.Logins {
			if !contested[login] {
				keys = append(keys, "login "+login)
			}
		}
		groups.add(i, keys)
	}
	for _, members := range groups.all() {
		var p Registered
		for _, i := range members {
			p = p.join(entries[i])
		}
		at := len(r.people)
		r.people = append(r.people, p)
		for _, login := range p.Logins {
			r.byLogin[login] = append(r.byLogin[login], at)
		}
		for _, dn := range p.DNs {
			if parsed, ok := NormalizeDN(dn); ok {
				r.byDN[parsed.Key()] = append(r.byDN[parsed.Key()], at)
			}
		}
	}
	return r
}

// contestedLogins are those of entries that contradict each other.
func contestedLogins(entries []Registered) map[string]bool {
	first := map[string]Registered{}
	contested := map[string]bool{}
	for _, x := range entries {
		for _, login := range x.Logins {
			known := first[login]
			for _, pair := range [][2]string{{known.ID, x.ID}, {foldName(known.Name), foldName(x.Name)}, {foldName(known.Email), foldName(x.Email)}} {
				if pair[0] != "" && pair[1] != "" && pair[0] != pair[1] {
					contested[login] = true
				}
				if known.ID != "" && known.ID == x.ID {
					break // the register's own key decides
				}
			}
			known.ID, known.Name, known.Email = orElse(known.ID, x.ID), orElse(known.Name, x.Name), orElse(known.Email, x.Email)
			first[login] = known
		}
	}
	return contested
}

// join adds what another entry of the same person says.
func (p Registered) join(o Registered) Registered {
	p.ID, p.Name, p.Email = orElse(p.ID, o.ID), orElse(p.Name, o.Name), orElse(p.Email, o.Email)
	for _, login := range o.Logins {
		p.Logins = appendNew(p.Logins, login)
	}
	for _, dn := range o.DNs {
		if !slices.ContainsFunc(p.DNs, func(known string) bool { return sameDN(known, dn) }) {
			p.DNs = append(p.DNs, dn)
		}
	}
	return p
}

// title names a person of a register for people.
func (p Registered) title() string {
	if len(p.Logins) > 0 {
		return p.Logins[0]
	}
	return orElse(p.Name, "somebody without a login")
}

// People counts the people in the register.
func (r *Register) People() int {
	if r == nil {
		return 0
	}
	return len(r.people)
}

// Contested counts the logins and DNs that are registered for several people
// and so name nobody.
func (r *Register) Contested() (logins, dns int) {
	if r == nil {
		return 0, 0
	}
	for _, at := range r.byLogin {
		if len(at) > 1 {
			logins++
		}
	}
	for _, at := range r.byDN {
		if len(at) > 1 {
			dns++
		}
	}
	return logins, dns
}

// Accounts gives the register as accounts: one for every login with every DN of
// its person. The kind is told from the DN, for robots are registered, too.
func (r *Register) Accounts() []Account {
	if r == nil {
		return nil
	}
	var out []Account
	for _, p := range r.people {
		dns := p.DNs
		if len(dns) == 0 {
			dns = []string{""}
		}
		for _, login := range p.Logins {
			for _, dn := range dns {
				kind, _ := KindOfDN(dn, nil)
				if kind == UnknownAccount {
					kind = PersonAccount
				}
				out = append(out, Account{ID: p.ID, Experiment: r.Experiment, Name: login, DN: dn, Email: p.Email, Kind: kind})
			}
		}
	}
	return out
}

// find gives the people who have a DN, or a login of the experiment; any
// experiment's when e is "".
func (r *Register) find(e Experiment, id string) []int {
	if r == nil {
		return nil
	}
	if dn, ok := NormalizeDN(id); ok {
		return r.byDN[dn.Key()]
	}
	if e != "" && e != r.Experiment {
		return nil
	}
	return r.byLogin[id]
}

// by is on whose word something is that the register says.
func (r *Register) by() string { return r.Name + " as of " + minute(r.AsOf) }

func sameDN(a, b string) bool {
	x, okX := NormalizeDN(a)
	y, okY := NormalizeDN(b)
	return okX && okY && x.Equal(y)
}

func orElse(s, otherwise string) string {
	if strings.TrimSpace(s) != "" {
		return s
	}
	return otherwise
}
