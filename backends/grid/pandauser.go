package grid

import (
	"slices"
	"strings"
)

// nickname begins the login in the text by which PanDA knows the owner of a token:
// "Naughty User/CN=nickname:nuser", of the token's name and preferred_username.
const nickname = "/CN=nickname:"

// pandaToken reads that text.
func pandaToken(s string) (name, login string, ok bool) {
	name, login, ok = strings.Cut(s, nickname)
	if strings.HasPrefix(name, "/") || name == "" || login == "" || strings.ContainsAny(login, "/ ") {
		return "", "", false
	}
	return name, login, ok
}

// IsPandaToken tells whether s has that form.
func IsPandaToken(s string) bool {
	_, _, ok := pandaToken(s)
	return ok
}

// personKeys gives what two accounts of one person have in common: the DN; the CERN
// login, which a token's account carries as its nickname; or the e-mail address
// together with a name that becomes the same in a token.
func personKeys(a Account) []string {
	keys := credentialKeys(a.DN)
	if strings.Contains(a.Email, "@") && a.Name != "" {
		keys = append(keys, "mail "+foldName(a.Email)+" of "+tokenName(a.Name))
	}
	return keys
}

// credentialKeys are those of the DN or the token alone.
func credentialKeys(dn string) []string {
	if _, login, ok := pandaToken(dn); ok {
		return []string{"login " + login}
	}
	parsed, ok := NormalizeDN(dn)
	if !ok {
		return nil
	}
	keys := []string{parsed.Key()}
	if login := parsed.login(); login != "" {
		keys = append(keys, "login "+login)
	}
	return keys
}

// SamePerson tells whether something ties two accounts to one person. An equal
// name does not: PanDA makes the same name of different people's DNs.
func SamePerson(a, b Account) bool {
	keys := personKeys(b)
	return slices.ContainsFunc(personKeys(a), func(key string) bool { return slices.Contains(keys, key) })
}

// HasCredential tells whether an account's DN or token is the given one: an equal
// DN, or the same login.
func HasCredential(a Account, credential string) bool {
	keys := credentialKeys(credential)
	return slices.ContainsFunc(credentialKeys(a.DN), func(key string) bool { return slices.Contains(keys, key) })
}

// samePerson marks the accounts that share a key with the person, or with one that
// does: a token's account may lead to a DN, and that to a second name.
func samePerson(exact []bool, keys [][]string, person map[string]bool) []bool {
	same := make([]bool, len(keys))
	for found := true; found; {
		found = false
		for i := range keys {
			if exact[i] || same[i] || !slices.ContainsFunc(keys[i], func(key string) bool { return person[key] }) {
				continue
			}
			same[i], found = true, true
			note(person, keys[i])
		}
	}
	return same
}

func note(person map[string]bool, keys []string) {
	for _, key := range keys {
		person[key] = true
	}
}

// tokenName is the name that PanDA makes of the same person's token: every word
// begins with a capital and goes on in small letters.
func tokenName(name string) string {
	words := strings.Split(name, " ")
	for i, w := range words {
		if r := []rune(w); len(r) > 0 {
			words[i] = strings.ToUpper(string(r[:1])) + strings.ToLower(string(r[1:]))
		}
	}
	return strings.Join(words, " ")
}

// kindOfToken is KindOfDN for the text by which PanDA knows a token's owner. A
// client that speaks for itself is called "robot" and its role by PanDA.
func kindOfToken(name, login string) (AccountKind, string) {
	pilot := strings.Contains(strings.ToLower(name+"\n"+login), "pilot")
	robot := isRobot([]string{name})
	switch {
	case robot && pilot, pilot && !strings.Contains(name, " "):
		return PilotFactory, "a token with \"pilot\" in its name"
	case robot:
		return RobotAccount, "a token of a robot"
	case strings.Contains(name, " "):
		return PersonAccount, "a token with a name of several words and a login"
	}
	return UnknownAccount, "a token that names a login only"
}

// pandaRobots are users that work for many people, by the names that PanDA makes
// of their DNs: the pilot factories of ATLAS, and HammerCloud, which tests sites.
var pandaRobots = map[string]AccountKind{
	"atlpilo1": PilotFactory, "atlpilo2": PilotFactory, "pandasv1": PilotFactory,
	"gangarbt": RobotAccount,
}

// KindOfUser tells what a user of PanDA stands for, from the name and from the DN
// or token that PanDA has of it, and why in a sentence fragment.
func KindOfUser(name, dn string, sites *SiteMap) (AccountKind, string) {
	if owner, ok := sites.Factory(name); ok {
		return PilotFactory, "the site map lists it as a pilot factory of " + owner
	}
	kind, why := KindOfDN(dn, sites)
	if known, ok := pandaRobots[name]; ok && kind != PilotFactory {
		return known, "PanDA's robots have that name"
	}
	if dn == "" && isRobot([]string{name}) {
		return RobotAccount, "its name begins with Robot"
	}
	return kind, why
}
