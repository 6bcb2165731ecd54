package grid

import "sync"

// AccountMatcher does the work of [MatchAccounts] for who asks again and again about
// the same accounts: what follows from their names and DNs alone it works out once, which is
// most of the work. It is safe for concurrent use; the zero value is ready.
type AccountMatcher struct {
	mu    sync.Mutex
	known map[accountText]traits // of the accounts of the last question
}

// accountText is all of an account on which its traits depend.
type accountText struct{ name, dn, email string }

// traits are what an account is compared by.
type traits struct {
	keys []string
	look []rune // its skeleton; nil when it was not needed yet
}

// Match is [MatchAccounts].
func (m *AccountMatcher) Match(query string, all []Account) AccountMatches {
	return m.match(query, all, true)
}

// Owners is [MatchAccounts] without the accounts that only look alike, which are most of
// the work for who has no use for them.
func (m *AccountMatcher) Owners(query string, all []Account) AccountMatches {
	return m.match(query, all, false)
}

func (m *AccountMatcher) match(query string, all []Account, looks bool) AccountMatches {
	var out AccountMatches
	dn, isDN := NormalizeDN(query)
	name := query
	switch {
	case isDN:
		name = PandaName(dn.String())
	case IsPandaToken(query):
		name = PandaName(query)
	}
	of := m.traits(all, looks)
	exact := make([]bool, len(all))
	keys := make([][]string, len(all))
	person := map[string]bool{}
	for i, a := range all {
		keys[i] = of[i].keys
		exact[i] = a.Name != "" && a.Name == name || isDN && dn.is(a.DN)
		if exact[i] {
			out.Exact = append(out.Exact, a)
			note(person, keys[i])
		}
	}
	same := samePerson(exact, keys, person)
	look := []rune(skeleton(name))
	for i, a := range all {
		switch {
		case exact[i]:
		case same[i]:
			out.SamePerson = append(out.SamePerson, a)
		case looks && a.Name != name && alike(of[i].look, look):
			out.LookAlike = append(out.LookAlike, a)
		}
	}
	return out
}

// is tells whether a text is this DN.
func (dn DN) is(text string) bool {
	own, ok := NormalizeDN(text)
	return ok && dn.Equal(own)
}

// traits gives those of each account. Those of accounts that are not among them any more
// are forgotten.
func (m *AccountMatcher) traits(all []Account, looks bool) []traits {
	m.mu.Lock()
	known := m.known
	m.mu.Unlock()
	out := make([]traits, len(all))
	fresh := make(map[accountText]traits, len(all))
	for i, a := range all {
		text := accountText{a.Name, a.DN, a.Email}
		t, ok := known[text]
		if !ok {
			t.keys = personKeys(a)
		}
		if looks && t.look == nil {
			t.look = append([]rune{}, []rune(skeleton(a.Name))...)
		}
		out[i], fresh[text] = t, t
	}
	m.mu.Lock()
	m.known = fresh
	m.mu.Unlock()
	return out
}
