package grid

import "strings"

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
