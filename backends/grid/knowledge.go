package grid

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Knowledge is what helps to tell who somebody is beside the job records: the
// alias table and the pilot factories of the site map, and registers of people.
// Nil knows nothing. It is safe for concurrent use, and what it was given must not
// change: it remembers what it was asked, for the records of one answer ask the
// same thousands of times.
type Knowledge struct {
	Sites     *SiteMap
	Registers []*Register

	mu      sync.Mutex
	holders map[heldID]held
	kinds   map[string]AccountKind
}

// heldID is a question for a holder, held its answer.
type (
	heldID struct {
		experiment Experiment
		id         string
	}
	held struct {
		Holder
		ok bool
	}
)

// aliasTable is how answers call the people of the site map.
const aliasTable = "the alias table"

// inTheDN is on whose word the login is that a CERN DN has in it.
const inTheDN = "the login in the DN"

// Holder is the person to whom a login or DN belongs, and on whose word.
type Holder struct {
	Key     string   // equal for what belongs to one person; "" when nobody is to be named
	Login   string   // the login that the person goes by; "" when nobody is to be named
	Name    string   // as a register has it
	Email   string   // as a register has it
	By      string   // who says so, such as "the alias table"
	Several []string // the people whom it is said to belong to, when they are several: none of them is taken
}

// Holder tells to whom a login of the experiment, or a DN, belongs; ok is false
// when nobody says. The alias table may name one of several people for whom a
// register has an entry; where it says somebody else than a register does, both
// are in Several. e may be "" for any experiment.
func (k *Knowledge) Holder(e Experiment, id string) (h Holder, ok bool) {
	if k == nil || id == "" {
		return Holder{}, false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	known, asked := k.holders[heldID{e, id}]
	if !asked {
		known.Holder, known.ok = k.holder(e, id)
		if k.holders == nil || len(k.holders) >= maxKnown {
			k.holders = map[heldID]held{}
		}
		k.holders[heldID{e, id}] = known
	}
	return known.Holder, known.ok
}

func (k *Knowledge) holder(e Experiment, id string) (h Holder, ok bool) {
	if login, known := k.Sites.PersonAlias(id); known {
		h, ok = Holder{Key: login, Login: login, By: aliasTable}, true
	}
	for _, r := range k.Registers {
		own, known := k.holderIn(r, e, id)
		switch {
		case !known:
		case !ok:
			h, ok = own, true
		default:
			h = h.and(own)
		}
	}
	return h, ok
}

// holderIn is Holder by one register, whose logins the alias table may know by
// another one.
func (k *Knowledge) holderIn(r *Register, e Experiment, id string) (Holder, bool) {
	at := r.find(e, id)
	if len(at) == 0 {
		return Holder{}, false
	}
	out := Holder{By: r.by()}
	var people []string
	byTable := 0
	for _, i := range at {
		name := r.people[i].title()
		if len(r.people[i].Logins) > 0 {
			if login, ok := k.Sites.PersonAlias(name); ok && login != name {
				name, byTable = login, byTable+1
			}
		}
		people = append(people, name)
	}
	slices.Sort(people)
	people = slices.Compact(people)
	if byTable > 0 {
		out.By += " and " + aliasTable
	}
	if len(people) > 1 || len(at) > 1 && byTable < len(at) {
		out.Several = people
		return out, true
	}
	p := r.people[at[0]]
	out.Name, out.Email = p.Name, p.Email
	if len(p.Logins) == 0 {
		return out, true
	}
	out.Key, out.Login = people[0], people[0]
	if len(r.byLogin[p.Logins[0]]) > 1 && byTable == 0 { // somebody else has the login, too
		out.Key = r.Name + " " + strconv.Itoa(at[0])
	}
	return out, true
}

// and joins what two say of one login or DN.
func (h Holder) and(o Holder) Holder {
	switch {
	case h.Login != "" && h.Login == o.Login:
		return Holder{Key: h.Key, Login: h.Login, Name: orElse(h.Name, o.Name), Email: orElse(h.Email, o.Email), By: h.By + " and " + o.By}
	case h.By == aliasTable && slices.Contains(o.Several, h.Login):
		h.By += ", one of those for whom " + o.By + " has it"
		return h
	case o.Login == "" && len(o.Several) == 0: // it has no more than a name
		return Holder{Key: h.Key, Login: h.Login, Name: orElse(h.Name, o.Name), Email: orElse(h.Email, o.Email), By: h.By, Several: h.Several}
	case h.Login == "" && len(h.Several) == 0:
		return Holder{Key: o.Key, Login: o.Login, Name: orElse(o.Name, h.Name), Email: orElse(o.Email, h.Email), By: o.By, Several: o.Several}
	}
	several := slices.Concat(h.people(), o.people())
	slices.Sort(several)
	return Holder{By: h.By + " and " + o.By, Several: slices.Compact(several)}
}

func (h Holder) people() []string {
	if h.Login != "" {
		return []string{h.Login}
	}
	return h.Several
}

// Names gives every other login of the experiment and every other DN of the
// person to whom a DN, or a login of any experiment, belongs, and who that is:
// a login of CMS leads to the person's DNs in ATLAS. There are none when
// nobody says to whom it belongs, or when several people are said to have it. A
// DN that is registered for several people is nobody's name.
func (k *Knowledge) Names(e Experiment, id string) ([]string, Holder) {
	id = strings.TrimSpace(id)
	dn, isDN := NormalizeDN(id)
	h, known := k.Holder("", id)
	if login := dn.login(); !known && isDN && login != "" {
		// CERN gives the logins, and CMS uses them.
		if h, known = k.Holder(CMS, login); !known {
			h, known = Holder{Key: login, Login: login, By: inTheDN}, true
		}
	}
	if !known || h.Login == "" {
		return nil, h
	}
	var all []string
	if e == "" || h.By == inTheDN && e == CMS || k.isLogin(e, h.Login) {
		all = append(all, h.Login)
	}
	if k != nil {
		known := append([]string{h.Login, id}, k.Sites.aliasesOf(h.Login)...)
		all = append(all, known[2:]...)
		for _, r := range k.Registers {
			all = append(all, r.namesOf(e, known)...)
		}
	}
	var out []string
	for _, name := range all {
		if name != id && !(isDN && sameDN(name, id)) && !slices.ContainsFunc(out, func(o string) bool { return o == name || sameDN(o, name) }) {
			out = append(out, name)
		}
	}
	return out, h
}

// aliasesOf gives what else the alias table calls the person of a login.
func (m *SiteMap) aliasesOf(login string) []string {
	if m == nil {
		return nil
	}
	var out []string
	for _, p := range m.People {
		if p.Name == login {
			out = append(out, p.Names...)
		}
	}
	return out
}

// namesOf gives the logins of the experiment and the DNs of everybody who is the
// only one to have one of some names.
func (r *Register) namesOf(e Experiment, names []string) []string {
	var out []string
	for _, name := range names {
		at := r.find("", name)
		if len(at) != 1 {
			continue
		}
		p := r.people[at[0]]
		if e == "" || e == r.Experiment {
			out = append(out, p.Logins...)
		}
		for _, dn := range p.DNs {
			if len(r.find("", dn)) == 1 {
				out = append(out, dn)
			}
		}
	}
	return out
}

// Accounts is MatchAccounts with the help of what is known of people: accounts
// under another login or DN of the same person are listed as such. What only a
// DN ties together that is registered for several people is not.
func (k *Knowledge) Accounts(query string, all []Account) AccountMatches {
	out := MatchAccounts(query, all)
	contested := func(id string) bool {
		return k != nil && slices.ContainsFunc(k.Registers, func(r *Register) bool { return len(r.find("", id)) > 1 })
	}
	out.SamePerson = slices.DeleteFunc(out.SamePerson, func(a Account) bool { return contested(a.DN) })
	if len(out.Exact) > 1 && contested(query) {
		out.SamePerson = nil // of whom? Each one's own accounts are found by the login
	}
	names, _ := k.Names("", query)
	mine := func(a Account) bool {
		return slices.ContainsFunc(names, func(name string) bool {
			if _, isDN := NormalizeDN(name); isDN {
				return sameDN(a.DN, name)
			}
			return a.Name == name && k.isLogin(a.Experiment, name)
		})
	}
	for _, a := range all {
		if mine(a) && !slices.Contains(out.Exact, a) && !slices.Contains(out.SamePerson, a) {
			out.SamePerson = append(out.SamePerson, a)
		}
	}
	out.LookAlike = slices.DeleteFunc(out.LookAlike, func(a Account) bool { return slices.Contains(out.SamePerson, a) })
	return out
}

// isLogin tells whether a name is known as a login of the experiment: an equal
// name in another one may be anybody's.
func (k *Knowledge) isLogin(e Experiment, name string) bool {
	if k == nil {
		return false
	}
	if _, ok := k.Sites.PersonAlias(name); ok {
		return true
	}
	return slices.ContainsFunc(k.Registers, func(r *Register) bool { return len(r.find(e, name)) == 1 })
}

// kindOf is KindOfDN with the listed factories.
func (k *Knowledge) kindOf(dn string) AccountKind {
	if k == nil {
		kind, _ := KindOfDN(dn, nil)
		return kind
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	kind, asked := k.kinds[dn]
	if !asked {
		kind, _ = KindOfDN(dn, k.Sites)
		if k.kinds == nil || len(k.kinds) >= maxKnown {
			k.kinds = map[string]AccountKind{}
		}
		k.kinds[dn] = kind
	}
	return kind
}
