package grid

import (
	"slices"
	"strings"
)

// Aliases knows other names of people, as the site map and CRIC do.
// PersonAlias gives the login that belongs to a login or DN.
type Aliases interface {
	PersonAlias(id string) (login string, ok bool)
}

// The labels of people that are no plain person.
const (
	labelProduction = "central production, service credential"
	labelLocal      = "local account"
	labelPilotOnly  = "named by the worker node only"
)

// Resolve names the owner of one job. An analysis job's owner is the CRAB login,
// else the accounting group's user, else the DN's login, else the CMS Connect
// user, else the local account, labelled so. A production job's is the
// requestor, for its DN is a service's. A PanDA job's is the PanDA name.
// Disagreement is set when claims name different people; every claim is kept in
// Identities. A CMS Connect user is no login: it is one's only when people says
// whose. Where somebody else names the owner, a worker node's word names nobody:
// all that it can do is disagree. people may be nil.
//
// Only names are filled in: jobs, dates and places are for Merge to count.
func Resolve(j Job, people Aliases) Person {
	believed := j.Identities
	if vouched := vouchedFor(believed); len(vouched) > 0 {
		believed = vouched
	}
	c := claimsOf(believed, people)
	disputed := len(believed) < len(j.Identities) && c.disagreeWith(claimsOf(j.Identities, people))
	p := Person{
		Experiment:   j.Experiment,
		DN:           c.dn,
		Name:         c.name,
		Email:        c.value["email"],
		Disagreement: c.disagree() || disputed,
		Identities:   slices.Clone(j.Identities),
	}
	switch {
	case c.value["panda"] != "":
		p.Username = c.value["panda"]
	case c.value["request"] != "" && c.value["crab"] == "" && j.Type != "analysis":
		p.Username, p.Label, p.Disagreement = requestor(c.value["request"]), labelProduction, disputed
	case len(c.logins) > 0:
		p.Username = c.logins[0]
	case c.value["connect"] != "":
		p.Username = c.value["connect"]
	case c.dn != "":
	case c.value["owner"] != "":
		p.Username, p.Label = c.value["owner"], labelLocal
	}
	if len(j.Identities) > 0 && len(vouchedFor(j.Identities)) == 0 {
		p.Label = labelPilotOnly
	}
	return p
}

// vouchedFor leaves out what only a worker node says.
func vouchedFor(all []Identity) []Identity {
	var out []Identity
	for _, id := range all {
		if id.AssertedBy != ByPilot {
			out = append(out, id)
		}
	}
	return out
}

// claims are what the identities of one job say of its owner.
type claims struct {
	value    map[string]string // best value of each kind
	logins   []string          // the logins that are claimed, best first; more than one disagree
	owners   []string          // who the DNs are: logins, or keys of DNs without one
	dn, name string            // the best DN of a person; a service's is not taken
	pandaOff bool              // no DN of the job gives its PanDA name

	different map[string]bool // kinds of which there are several values
}

func claimsOf(identities []Identity, people Aliases) claims {
	c := claims{value: map[string]string{}, different: map[string]bool{}}
	claim := func(login string) {
		if other, ok := alias(people, login); ok {
			login = other
		}
		c.logins = appendNew(c.logins, login)
	}
	for _, kind := range []string{"crab", "accounting", "dn", "panda", "connect", "request", "owner", "email"} {
		for _, id := range byTrust(identities, kind) {
			if c.value[kind] == "" {
				c.value[kind] = id.Value
			}
			c.different[kind] = c.different[kind] || id.Value != c.value[kind]
			switch kind {
			case "crab":
				claim(id.Value)
			case "accounting":
				claim(accountingUser(id.Value))
			case "connect":
				if login, ok := alias(people, id.Value); ok {
					claim(login)
				}
			case "dn":
				if dn, ok := personDN(id.Value); ok {
					claim(c.addDN(dn, people))
				}
			}
		}
	}
	if panda := c.value["panda"]; panda != "" && c.dn != "" {
		c.pandaOff = !slices.ContainsFunc(byTrust(identities, "dn"), func(id Identity) bool {
			// A token's account differs in case from a certificate's.
			return foldName(PandaName(id.Value)) == foldName(panda)
		})
	}
	return c
}

// disagree reports whether the claims name different people. PanDA's name is
// no login, so there only the DN can contradict it.
func (c claims) disagree() bool {
	if c.value["panda"] != "" {
		return c.pandaOff || len(c.owners) > 1
	}
	return len(c.logins) > 1 || len(c.owners) > 1
}

// disagreeWith reports whether wider claims, which include these, name somebody
// else than these do. That they name what these leave open is no disagreement.
func (c claims) disagreeWith(wider claims) bool {
	other := func(mine, all []string) bool { return len(mine) > 0 && len(all) > len(mine) }
	for _, kind := range []string{"request", "connect", "owner"} {
		if c.value[kind] != "" && wider.different[kind] && !c.different[kind] {
			return true
		}
	}
	return other(c.logins, wider.logins) || other(c.owners, wider.owners) || len(c.owners) == 0 && len(wider.owners) > 1
}

// addDN takes a DN's claim and gives the login that it stands for, "" when only
// CRIC could know it: logins are never made from names.
func (c *claims) addDN(dn DN, people Aliases) string {
	login, ok := alias(people, dn.String())
	if !ok {
		login = dn.login()
	}
	if c.dn == "" {
		c.dn, c.name = dn.String(), dn.personName()
	}
	if login == "" {
		c.owners = appendNew(c.owners, dn.Key())
		return ""
	}
	c.owners = appendNew(c.owners, login)
	return login
}

// personDN reads a DN that is not known to be a service's, a robot's or a
// pilot's.
func personDN(s string) (DN, bool) {
	dn, ok := NormalizeDN(s)
	if !ok {
		return DN{}, false
	}
	kind, _ := KindOfDN(s, nil)
	return dn, kind == PersonAccount || kind == UnknownAccount
}

// personName gives the full name in a DN: not the login, the person id, nor
// what follows the name of some.
func (d DN) personName() string {
	name := ""
	for _, cn := range d.CommonNames() {
		if !isDigits(cn) && !strings.HasPrefix(strings.ToUpper(cn), "UID:") {
			name = cn
		}
	}
	words := strings.Fields(name)
	if n := len(words); n > 2 && strings.Contains(words[n-1], "@") {
		words = words[:n-1]
	}
	return strings.Join(words, " ")
}

// byTrust gives the identities of a kind, the most reliable first.
func byTrust(all []Identity, kind string) []Identity {
	var out []Identity
	for _, trust := range []Trust{BySchedd, BySubmitter, ByPilot} {
		for _, id := range all {
			if id.Kind == kind && id.AssertedBy == trust && id.Value != "" {
				out = append(out, id)
			}
		}
	}
	return out
}

// accountingUser gives the user of an accounting group such as analysis.jdoe,
// "" for the accounts that production shares.
func accountingUser(group string) string {
	user := group
	if _, after, ok := strings.Cut(group, "."); ok {
		user = after
	}
	switch lowerASCII(user) {
	case "cmsdataops", "cmst1", "cmsprod", "cmst0", "tier0", "cms", "crab3", "analysis", "production":
		return ""
	}
	return user
}

// requestor gives who asked for a production workflow, the first word of its
// name.
func requestor(request string) string {
	name, _, _ := strings.Cut(request, "_")
	return name
}

func alias(people Aliases, id string) (string, bool) {
	if people == nil || id == "" {
		return "", false
	}
	return people.PersonAlias(id)
}

func appendNew(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}
