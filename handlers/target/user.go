package target

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// Bounds of what is typed, in bytes.
const (
	maxName   = 4096 // a DN
	maxReason = 1000
)

// Users has the users of a workload system, such as PanDA's users table.
type Users interface {
	Accounts(ctx context.Context) ([]grid.Account, error)
}

// Lookup is Users without a list of everybody: Accounts gives only some.
type Lookup interface {
	// AccountsOf gives the accounts that a name or DN could mean, with those that
	// look alike, and those whose names begin with it.
	AccountsOf(ctx context.Context, query string) ([]grid.Account, error)
	// Limits says what is not known of users and their jobs for it, a sentence each.
	Limits() []string
}

// accountsFor are all users, or those that a query could mean where there is no list.
func accountsFor(ctx context.Context, users Users, query string) ([]grid.Account, error) {
	if l, ok := users.(Lookup); ok {
		return l.AccountsOf(ctx, query)
	}
	return users.Accounts(ctx)
}

// AccountsNamed are the users of exact names, with others: all of them, or where there
// is no list those that the names could mean. A name of which nothing is found there
// is a user's of whom nothing else is known.
func AccountsNamed(ctx context.Context, users Users, names []string) ([]grid.Account, error) {
	l, ok := users.(Lookup)
	if !ok {
		return users.Accounts(ctx)
	}
	var out []grid.Account
	for _, name := range names {
		some, err := l.AccountsOf(ctx, name)
		if err != nil {
			return nil, err
		}
		for _, a := range some {
			if !slices.ContainsFunc(out, func(o grid.Account) bool { return o.ID == a.ID }) {
				out = append(out, a)
			}
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(out, func(o grid.Account) bool { return o.Name == name }) {
			out = append(out, grid.Account{ID: name, Name: name})
		}
	}
	return out, nil
}

// User is the person that a command is about.
type User struct {
	// Accounts are all of that person, the one that was named first. They are
	// what is acted upon.
	Accounts []grid.Account
	// Namesakes are other people's accounts of the very same name. A system that
	// bars by name bars them too.
	Namesakes []grid.Account
	// LookAlikes are shown and never touched.
	LookAlikes []grid.Account
	// Limits is what is not known of the person, a sentence each.
	Limits []string

	Forbidden string // why nobody may act on it, "" when one may
	Protected string // why it needs the policy protected, "" when it does not
}

// Read takes the user and the reason from a request: `"User" reason...`. The
// user is an exact name or a DN. Its errors are for people, except for those of
// users.
func Read(ctx context.Context, r *bot.Request, users Users, sites *grid.SiteMap) (User, string, error) {
	if len(r.Words) == 0 || strings.TrimSpace(r.Words[0].Text) == "" {
		return User{}, "", bot.Problemf("usage", "The name of the user is missing.")
	}
	name, reason := r.Words[0].Text, strings.TrimSpace(strings.Join(r.Args()[1:], " "))
	switch {
	case len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl):
		return User{}, "", bot.Problemf("usage", "That is no name: it is too long or has control characters. Give the exact name, or the DN, in quotes.")
	case len(reason) > maxReason:
		return User{}, "", bot.Problemf("usage", "The reason is longer than %d bytes. Shorten it, and put the rest into a `note`.", maxReason)
	}
	all, err := accountsFor(ctx, users, name)
	if err != nil {
		return User{}, "", fmt.Errorf("%s: reading the users: %w", r.Command, err)
	}
	if !r.Words[0].Quoted {
		if err := endOfName(r, all, sites); err != nil {
			return User{}, "", err
		}
	}
	u, err := resolve(name, all, sites)
	if err != nil {
		return User{}, "", err
	}
	if l, ok := users.(Lookup); ok {
		u.Limits = l.Limits()
	}
	if reason == "" {
		return User{}, "", bot.Problemf("usage", "A reason is needed: those who approve must know why. Nothing was proposed.")
	}
	return u, reason, nil
}

// endOfName refuses an unquoted name unless there is one way to read it: its
// first word is a user's whole name and no longer one is.
func endOfName(r *bot.Request, all []grid.Account, sites *grid.SiteMap) error {
	for n := len(r.Words); n > 1; n-- {
		name := strings.Join(r.Args()[:n], " ")
		if len(grid.MatchAccounts(name, all).Exact) > 0 {
			words := append([]bot.Token{{Text: name, Quoted: true}}, r.Words[n:]...)
			if len(words) == 1 {
				words = append(words, bot.Token{Text: "REASON"})
			}
			return bot.Problemf("usage", "It is not clear where the name ends, so nothing was proposed. If you mean that user, type: `%s`", bot.Echo(r.Command, words, nil))
		}
	}
	first := r.Words[0].Text
	if kind, _ := grid.KindOfDN(first, sites); kind == grid.PilotFactory || len(grid.MatchAccounts(first, all).Exact) > 0 {
		return nil
	}
	return bot.Problemf("usage", "%q is no user, and it is not clear where the name ends, so nothing was proposed. Put the whole name in quotes: `%s \"FULL NAME\" REASON`", Clip(first), r.Command)
}

// resolve finds the one person that is meant.
func resolve(query string, all []grid.Account, sites *grid.SiteMap) (User, error) {
	if kind, _ := grid.KindOfDN(query, sites); kind == grid.PilotFactory {
		owner, _ := sites.Factory(query)
		return User{Accounts: []grid.Account{{ID: "factory", Name: query, Kind: kind}}, Forbidden: factory(owner)}, nil
	}
	known := &grid.Knowledge{Sites: sites}
	m := known.Accounts(query, all)
	if len(m.Exact) == 0 {
		return User{}, nobody(query, m.LookAlike)
	}
	var namesakes []grid.Account
	if isCredential(query) {
		var own []grid.Account
		own, namesakes = split(m.Exact, func(a grid.Account) bool { return grid.HasCredential(a, query) })
		if len(own) == 0 && !slices.ContainsFunc(namesakes, func(a grid.Account) bool { return a.DN != "" }) {
			return User{}, bot.Problemf("ambiguous", "PanDA makes the name %q of that DN, but which DN the user of that name has is not known here. Nothing was proposed. If you mean that user, give the exact name in quotes.", m.Exact[0].Name)
		}
		if len(own) == 0 {
			return User{}, bot.Problemf("ambiguous", "PanDA makes the name %q of that DN, but the user of that name has another DN: %s. Nothing was proposed. If you mean that user, give the exact name in quotes.", m.Exact[0].Name, list(namesakes))
		}
		_, namesakes = split(namesakes, func(a grid.Account) bool {
			return slices.ContainsFunc(own, func(o grid.Account) bool { return grid.SamePerson(o, a) })
		})
		if len(namesakes) > 0 {
			m = known.Accounts(query, slices.DeleteFunc(slices.Clone(all), func(a grid.Account) bool { return slices.Contains(namesakes, a) }))
		}
	} else if people(m.Exact) > 1 {
		return User{}, bot.Problemf("ambiguous", "The name %q belongs to %d users: %s. Nothing was proposed. Say which one you mean by giving the DN in quotes.", query, len(m.Exact), list(m.Exact))
	}
	u := User{Accounts: append(m.Exact, m.SamePerson...), Namesakes: namesakes, LookAlikes: m.LookAlike}
	for _, a := range append(slices.Clone(u.Accounts), namesakes...) {
		u.guard(a, sites)
	}
	return u, nil
}

// guard notes what forbids or protects an account.
func (u *User) guard(a grid.Account, sites *grid.SiteMap) {
	byDN, _ := grid.KindOfUser(a.Name, a.DN, sites)
	owner, listed := sites.Factory(a.Name)
	is := func(k grid.AccountKind) bool { return a.Kind == k || byDN == k }
	switch {
	case is(grid.PilotFactory) || listed:
		if owner == "" {
			owner, _ = sites.Factory(a.DN)
		}
		u.Forbidden = factory(owner)
	case is(grid.RobotAccount):
		u.Protected = fmt.Sprintf("%q is a robot, which works for many people", a.Name)
	case is(grid.ServiceAccount):
		u.Protected = fmt.Sprintf("%q is a service, not a person", a.Name)
	}
}

// factory is the trap of the PanDA security procedure: sites report the DN of
// whoever submits pilots.
func factory(owner string) string {
	s := "the DN you were given is the pilot factory's, not the payload owner's"
	if owner != "" {
		s += " (the factory is run by " + owner + ")"
	}
	return s + "; find the owner of the payload with `trace HOST TIME`"
}

// nobody says that there is no such user, and names those that could be mistaken for it.
func nobody(query string, lookAlikes []grid.Account) error {
	name := query
	if dn, ok := grid.NormalizeDN(query); ok {
		name = grid.PandaName(dn.String())
	} else if grid.IsPandaToken(query) {
		name = grid.PandaName(query)
	}
	s := fmt.Sprintf("There is no user %q (%s). Nothing was proposed.", Clip(name), grid.DescribeName(name))
	if len(lookAlikes) == 0 {
		return bot.Problemf("not-found", "%s Names are case-sensitive, and a user exists only after a first submission. Check the name with `whois`.", s)
	}
	return bot.Problemf("not-found", "%s These look alike and none was picked: %s. Names are case-sensitive: copy the exact one, in quotes.", s, list(lookAlikes))
}

// maxListed is how many accounts a sentence or a card names.
const maxListed = 20

// list names accounts so that look-alikes can be told apart.
func list(accounts []grid.Account) string {
	var parts []string
	for _, a := range accounts[:min(len(accounts), maxListed)] {
		parts = append(parts, fmt.Sprintf("%q (%s, %sDN %s)", a.Name, grid.DescribeName(a.Name), idOf(a), orNone(a.DN)))
	}
	if more := len(accounts) - maxListed; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, "; ")
}

// idOf names an account's id, where it has another one than its name.
func idOf(a grid.Account) string {
	if a.ID == a.Name {
		return ""
	}
	return "id " + a.ID + ", "
}

// isCredential tells whether a query says more than a name: a DN, or a token's
// owner with the login.
func isCredential(query string) bool {
	_, isDN := grid.NormalizeDN(query)
	return isDN || grid.IsPandaToken(query)
}

// people counts the owners of accounts. One that nothing ties to another is its own.
func people(accounts []grid.Account) int {
	n := 0
	for i, a := range accounts {
		if !slices.ContainsFunc(accounts[:i], func(o grid.Account) bool { return grid.SamePerson(o, a) }) {
			n++
		}
	}
	return n
}

func split(accounts []grid.Account, in func(grid.Account) bool) (yes, no []grid.Account) {
	for _, a := range accounts {
		if in(a) {
			yes = append(yes, a)
		} else {
			no = append(no, a)
		}
	}
	return yes, no
}

// Target is the user as a plan names it.
func (u User) Target() action.Target {
	a := u.Accounts[0]
	t := action.Target{Kind: "panda user", Name: a.Name, Key: a.ID + " " + a.Name, Forbidden: u.Forbidden, Protected: u.Protected}
	for _, other := range u.Accounts[1:] {
		if other.Name != a.Name && !slices.Contains(t.Aliases, other.Name) {
			t.Aliases = append(t.Aliases, other.Name)
		}
	}
	return t
}

// Command writes a command about a user so that it can be copied.
func Command(name, user, reason string) string {
	words := []bot.Token{{Text: user, Quoted: true}}
	for _, w := range strings.Fields(reason) {
		words = append(words, bot.Token{Text: w})
	}
	return bot.Echo(name, words, nil)
}

// Facts are the lines of a card that say who is meant, and who is not.
func (u User) Facts() []action.Fact {
	var facts []action.Fact
	for i, a := range u.Accounts {
		label := "user"
		if i > 0 {
			label = "same person"
		}
		facts = append(facts, action.Fact{Label: label, Value: describe(a)})
	}
	for _, a := range u.Namesakes {
		facts = append(facts, action.Fact{Label: "same name, other DN", Value: describe(a)})
	}
	for _, a := range u.LookAlikes[:min(len(u.LookAlikes), maxListed)] {
		facts = append(facts, action.Fact{Label: "look-alike, not touched", Value: describe(a)})
	}
	if more := len(u.LookAlikes) - maxListed; more > 0 {
		facts = append(facts, action.Fact{Label: "look-alike, not touched", Value: fmt.Sprintf("%d more", more)})
	}
	for _, limit := range u.Limits {
		facts = append(facts, action.Fact{Label: "not known", Value: limit})
	}
	return facts
}

func describe(a grid.Account) string {
	parts := []string{fmt.Sprintf("%q (%s)", a.Name, grid.DescribeName(a.Name)), idOf(a) + string(a.Experiment), "DN " + orNone(a.DN)}
	if a.Email != "" {
		parts = append(parts, a.Email)
	}
	return strings.Join(append(parts, Standing(a)), ", ")
}

// Standing says whether an account is banned now.
func Standing(a grid.Account) string {
	switch {
	case !a.Banned:
		return "not banned"
	case a.BannedAt.IsZero():
		return "banned"
	}
	return "banned since " + UTC(a.BannedAt)
}

func orNone(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// Clip bounds a foreign text for a sentence about it.
func Clip(s string) string {
	if r := []rune(s); len(r) > 120 {
		return string(r[:120]) + "…"
	}
	return s
}
