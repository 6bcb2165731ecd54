package grid

import (
	"regexp"
	"strings"
)

// KindOfDN tells from the shape of a DN, and from the site map's list of
// factories, what sort of identity it is, and why in a sentence fragment. It
// also knows the issuer,subject form in which a computing element names a
// token, the subject alone, and the text by which PanDA knows a token's owner. sites may be nil. A DN of a shape nobody listed is
// UnknownAccount, never a person by default.
func KindOfDN(s string, sites *SiteMap) (AccountKind, string) {
	if owner, ok := sites.Factory(s); ok {
		return PilotFactory, "the site map lists it as a pilot factory of " + owner
	}
	if _, _, ok := tokenOf(s); ok {
		return ServiceAccount, "a token of a service client; it names no user"
	}
	if IsTokenSubject(s) {
		return UnknownAccount, "the subject of a token: only the experiment's IAM knows which pilot factory, service or person it stands for"
	}
	if name, login, ok := pandaToken(s); ok {
		return kindOfToken(name, login)
	}
	dn, ok := NormalizeDN(s)
	if !ok {
		return UnknownAccount, "not a DN"
	}
	cns := dn.CommonNames()
	pilot := strings.Contains(strings.ToLower(strings.Join(cns, "\n")), "pilot")
	robot := isRobot(cns)
	service := !isCERNUser(dn.rdns) && isService(dn, cns)
	switch {
	case (robot || service) && pilot:
		return PilotFactory, "a service DN with \"pilot\" in its name"
	case robot:
		return RobotAccount, "its CN begins with Robot"
	case service:
		return ServiceAccount, "a DN of a computer or service"
	}
	if why := personShape(dn, cns); why != "" {
		return PersonAccount, why
	}
	if pilot {
		return PilotFactory, "\"pilot\" in its name, and not the shape of a person's DN"
	}
	return UnknownAccount, "a DN of no known shape"
}

// tokenOf reads issuer,subject. Sites write the issuer with and without the
// slash at its end.
func tokenOf(s string) (issuer, subject string, ok bool) {
	issuer, subject, _ = strings.Cut(strings.TrimSpace(s), ",")
	return strings.TrimRight(issuer, "/"), strings.TrimSpace(subject), strings.HasPrefix(issuer, "https://")
}

var tokenSubject = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// IsTokenSubject tells whether s has the shape of a token's subject.
func IsTokenSubject(s string) bool { return tokenSubject.MatchString(strings.TrimSpace(s)) }

// sameToken tells whether id, whole or its subject alone, is the listed
// issuer,subject.
func sameToken(id, listed string) bool {
	issuer, subject, ok := tokenOf(listed)
	if !ok || subject == "" {
		return false
	}
	if IsTokenSubject(id) {
		return strings.EqualFold(strings.TrimSpace(id), subject)
	}
	i, s, ok := tokenOf(id)
	return ok && i == issuer && s == subject
}

func isRobot(cns []string) bool {
	for _, cn := range cns {
		word, _, _ := strings.Cut(strings.ToLower(cn), " ")
		if strings.TrimRight(word, ":-") == "robot" {
			return true
		}
	}
	return false
}

// isService knows the units of computers, service/host names and host names. One
// dot alone does not make a host: first.last is a login.
func isService(dn DN, cns []string) bool {
	if dn.has("OU", "computers") || dn.has("OU", "Services") || dn.has("OU", "Hosts") {
		return true
	}
	for _, cn := range cns {
		slash := strings.LastIndexByte(cn, '/')
		host, dots := cn[slash+1:], strings.Count(cn[slash+1:], ".")
		if (dots > 1 || dots == 1 && slash > 0) && !strings.ContainsFunc(host, func(r rune) bool { return !isHostRune(r) }) {
			return true
		}
	}
	return false
}

func personShape(dn DN, cns []string) string {
	if isCERNUser(dn.rdns) && len(cns) >= 2 && isDigits(cns[1]) {
		return "a CERN person's DN: login, person id, name"
	}
	for _, cn := range cns {
		if strings.HasPrefix(strings.ToUpper(cn), "UID:") {
			return "a CILogon person's DN"
		}
	}
	if n := len(cns); n > 0 && strings.Contains(cns[n-1], " ") {
		return "its CN is a name of several words"
	}
	if dn.has("OU", "People") || dn.has("O", "people") {
		return "a DN among people"
	}
	return ""
}
