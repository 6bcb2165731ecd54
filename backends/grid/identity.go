package grid

import (
	"slices"
	"strings"
)

// The labels of people that are no plain person.
const (
	labelProduction = "central production, service credential"
	labelLocal      = "local account"
	labelPilotOnly  = "named by the worker node only"
	labelService    = "service credential, names no user"
	labelRobot      = "robot's credential, works for many people"
	labelFactory    = "pilot factory's credential, not the payload owner's"
	labelTests      = "HammerCloud, a robot that tests the sites"
)

// Resolve names the owner of one job. An analysis job's owner is the CRAB login,
// else the accounting group's user, else the DN's login, else the CMS Connect
// user, else the local account, labelled so. A production job's is the
// requestor, for its DN is a service's; one with the DN of a person is that
// person's, whatever it says of itself. A PanDA job's is the PanDA name. A
// credential that is nobody's own is labelled as what it is. Where somebody else
// names the owner, a worker node's word names nobody: all that it can do is
// disagree.
//
// Disagreement is set when claims name different people, and Disputes says who
// says what; every claim is kept in Identities. Logins and DNs that k knows as
// those of one person are that person's, and Notes says on whose word. A CMS
// Connect user is no login: it is one's only when k says whose. k may be nil.
//
// Only names are filled in: jobs, dates and places are for Merge to count.
func Resolve(j Job, k *Knowledge) Person {
	all := claimsOf(j.Identities, j.Experiment, k)
	c, disputed := all, false
	vouched := vouchedFor(j.Identities)
	if n := len(vouched); n > 0 && n < len(j.Identities) {
		c = claimsOf(vouched, j.Experiment, k)
		disputed = c.disagreeWith(all)
	}
	p := Person{
		Experiment:   j.Experiment,
		DN:           c.dn,
		Name:         c.name,
		Email:        c.value["email"],
		Disagreement: c.disagree() || disputed,
		Identities:   slices.Clone(j.Identities),
		Notes:        c.notes,
		holder:       c.holder,
		vouched:      c.vouched,
	}
	production := c.value["request"] != "" && c.value["crab"] == "" && j.Type != "analysis"
	switch {
	case c.value["panda"] != "":
		p.Username = c.value["panda"]
		if !c.pandaOff && slices.ContainsFunc(j.Identities, isPandaRobot) {
			p.Label = map[AccountKind]string{RobotAccount: labelTests, PilotFactory: labelFactory}[pandaRobots[p.Username]]
		}
	case production && len(c.owners) == 0:
		p.Username, p.Label = requestor(c.value["request"]), labelProduction
		p.Disagreement = len(c.logins) > 0 || disputed
	case len(c.logins) > 0:
		p.Username = c.logins[0]
		p.Disagreement = p.Disagreement || production
	case c.value["connect"] != "":
		p.Username = c.value["connect"]
	case c.dn != "":
		p.Disagreement = p.Disagreement || production
	case c.value["owner"] != "":
		p.Username, p.Label = c.value["owner"], labelLocal
	}
	if p.Disagreement {
		p.Disputes = all.disputes(production)
	}
	if c.dn == "" && c.credential != "" && (p.Username == "" || p.Label == labelLocal) {
		p.DN, p.Label = c.credential, c.credentialLabel
	}
	if len(j.Identities) > 0 && len(vouched) == 0 {
		p.Label = labelPilotOnly
	}
	if p.Label == "" && p.Username != "" {
		p.fill(k.Holder(j.Experiment, p.Username))
	}
	return p
}

// isPandaRobot believes a robot's name only where the server has checked it: whoever
// may submit production tasks gives them any name.
func isPandaRobot(id Identity) bool {
	return id.Kind == "panda" && pandaRobots[id.Value] != "" && id.AssertedBy == BySchedd
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

// fill takes the name and address that a register has where no record has any.
func (p *Person) fill(h Holder, ok bool) {
	if ok && h.Login == p.Username {
		p.Name, p.Email = orElse(p.Name, h.Name), orElse(p.Email, h.Email)
	}
}

// claims are what the identities of one job say of its owner.
type claims struct {
	value    map[string]string // best value of each kind
	logins   []string          // the logins that are claimed, best first; more than one disagree
	owners   []string          // who the DNs are: logins, or keys of DNs without one
	dn, name string            // the best DN of a person; a service's is not taken
	pandaOff bool              // no DN of the job gives its PanDA name
	holder   string            // whose the best DN is: a login or another key, "" when nobody knows
	vouched  bool              // the site map or a register says so, and not the DN alone
	said     []claim           // in the order in which they count
	notes    []string          // a sentence fragment each
	unsure   []string          // the people one of whom the best DN is registered for

	credential, credentialLabel string          // the best DN that is nobody's own
	different                   map[string]bool // kinds of which there are several values
}

// claim is whom one identity names.
type claim struct {
	id   Identity
	whom string // a login; "" when it is not known
	by   string // on whose word, when it does not say so itself
}

func claimsOf(identities []Identity, e Experiment, k *Knowledge) claims {
	c := claims{value: map[string]string{}, different: map[string]bool{}}
	for _, pilots := range []bool{false, true} {
		for _, kind := range []string{"crab", "accounting", "dn", "panda", "connect", "request", "owner", "email"} {
			for _, id := range byTrust(identities, kind) {
				if pilots != (id.AssertedBy == ByPilot) {
					continue
				}
				if c.value[kind] == "" {
					c.value[kind] = id.Value
				}
				c.different[kind] = c.different[kind] || id.Value != c.value[kind]
				c.take(id, e, k)
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

func (c *claims) take(id Identity, e Experiment, k *Knowledge) {
	switch id.Kind {
	case "crab":
		c.takeLogin(id, id.Value, e, k)
	case "accounting":
		c.takeLogin(id, accountingUser(id.Value), e, k)
	case "connect":
		if h, ok := k.Holder(e, id.Value); ok && h.Login != "" {
			c.takeLogin(id, id.Value, e, k)
		}
	case "dn":
		c.takeDN(id, k)
	case "panda":
		c.said = append(c.said, claim{id: id, whom: id.Value})
	case "request":
		c.said = append(c.said, claim{id: id, whom: requestor(id.Value)})
	}
}

// takeLogin takes the claim that the job is a login's.
func (c *claims) takeLogin(id Identity, login string, e Experiment, k *Knowledge) {
	if login == "" {
		return
	}
	by := ""
	if h, ok := k.Holder(e, login); ok {
		c.known(login, h)
		if h.Login != "" && h.Login != login {
			login, by = h.Login, h.By
		}
	}
	c.said = append(c.said, claim{id: id, whom: login, by: by})
	c.logins = appendNew(c.logins, login)
}

// takeDN takes a DN's claim, and the login that it stands for: without one in
// it only the alias table or a register could know it, for logins are never made
// from names.
func (c *claims) takeDN(id Identity, k *Knowledge) {
	dn, isDN := NormalizeDN(id.Value)
	if !isDN {
		return
	}
	if label := credentialLabel(k.kindOf(id.Value)); label != "" {
		if c.credential == "" {
			c.credential, c.credentialLabel = dn.String(), label
		}
		return
	}
	login, by, asked := dn.login(), "", dn.String()
	h, ok := k.Holder("", asked)
	if !ok && login != "" {
		asked = login
		h, ok = k.Holder(CMS, asked)
	}
	if ok && h.Login != login || len(h.Several) > 0 {
		c.known(asked, h)
	}
	if h.Login != "" {
		login, by = h.Login, h.By
	}
	if c.dn == "" {
		c.dn, c.name = dn.String(), orElse(dn.personName(), h.Name)
		c.holder, c.vouched, c.unsure = orElse(h.Key, login), h.Key != "", h.Several
	}
	c.said = append(c.said, claim{id: id, whom: login, by: by})
	if login == "" {
		c.owners = appendNew(c.owners, dn.Key())
		return
	}
	c.owners, c.logins = appendNew(c.owners, login), appendNew(c.logins, login)
}

// known notes what is known of a login or DN beyond the record.
func (c *claims) known(id string, h Holder) {
	switch {
	case len(h.Several) > 0:
		whom := ""
		if len(h.Several) > 1 {
			whom = ": " + strings.Join(h.Several, " and ")
		}
		c.notes = appendNew(c.notes, id+" belongs to several people by "+h.By+whom+"; none of them was taken")
	case h.Login != "" && h.Login != id:
		c.notes = appendNew(c.notes, id+" is "+h.Login+" by "+h.By)
	}
}

// credentialLabel labels a DN that is nobody's own; "" for all others.
func credentialLabel(k AccountKind) string {
	switch k {
	case ServiceAccount:
		return labelService
	case RobotAccount:
		return labelRobot
	case PilotFactory:
		return labelFactory
	}
	return ""
}

// disagree reports whether the claims name different people. PanDA's name is
// no login, so there only the DN can contradict it. A login contradicts a DN
// that is registered for several people when it is none of theirs.
func (c claims) disagree() bool {
	if c.value["panda"] != "" {
		return c.pandaOff || len(c.owners) > 1
	}
	stranger := len(c.unsure) > 0 && slices.ContainsFunc(c.logins, func(login string) bool { return !slices.Contains(c.unsure, login) })
	return len(c.logins) > 1 || len(c.owners) > 1 || stranger
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

// claimWords names the kinds of identity for people.
var claimWords = map[string]string{
	"crab": "the CRAB login", "accounting": "the accounting group", "connect": "the CMS Connect user", "dn": "the DN",
	"panda": "the PanDA name", "request": "the production request",
}

// disputes says who says what. A production request counts only for a job that
// claims to be production.
func (c claims) disputes(production bool) []string {
	var out []string
	for _, s := range c.said {
		if s.id.Kind == "request" && !production {
			continue
		}
		whom := s.whom
		switch {
		case whom == "" && len(c.unsure) > 0:
			whom = "one of " + strings.Join(c.unsure, ", ")
		case whom == "":
			whom = "somebody whose login is not known"
		}
		if s.by != "" {
			whom += " by " + s.by
		}
		subject := claimWords[s.id.Kind] + " " + s.id.Value
		if s.id.Value == s.whom {
			subject = claimWords[s.id.Kind]
		}
		out = appendNew(out, subject+" says "+whom+" (word of the "+string(s.id.AssertedBy)+", in "+s.id.Source+")")
	}
	return out
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

func appendNew(all []string, s string) []string {
	if s == "" || slices.Contains(all, s) {
		return all
	}
	return append(all, s)
}
