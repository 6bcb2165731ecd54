package grid

import (
	"regexp"
	"strings"
	"unicode"
)

// The patterns of clean_user_id. Python's \w knows all letters and numbers,
// RE2's only ASCII.
var (
	pandaUnits   = regexp.MustCompile(`/(DC|O|OU|C|L)=[^/]+`)
	pandaSerial  = regexp.MustCompile(`/CN=[0-9]+`)
	pandaNumber  = regexp.MustCompile(` [0-9]+`)
	pandaSuffix  = regexp.MustCompile(`_[0-9]+`)
	pandaRobot   = regexp.MustCompile(`/CN=Robot:[^/]+`)
	pandaNick    = regexp.MustCompile(`/CN=nickname:[^/]+`)
	pandaTwoCNs  = regexp.MustCompile(`^.*/CN=([^/]+)/CN=([^/]+)`)
	pandaLimited = regexp.MustCompile(`^.*(limited.*proxy).*`)
	pandaEmail   = regexp.MustCompile(` [a-z][\p{L}\p{N}_.-]+@[\p{L}\p{N}_.-]+(?:\.[\p{L}\p{N}_]+)+`)
)

// PandaName gives the prodUserName that PanDA makes of a DN, or of the text by
// which it knows a token's owner. It follows clean_user_id of PanDA's
// srvcore/CoreUtils.py step by step, with its quirks (ST is not removed), for
// a ban must name the very text that PanDA stores.
//
// The name is no identity: different DNs give the same name.
func PandaName(dn string) string {
	s := pandaUnits.ReplaceAllString(dn, "")
	s = pandaSerial.ReplaceAllString(s, "")
	s = pandaNumber.ReplaceAllString(s, "")
	s = pandaSuffix.ReplaceAllString(s, "")
	for _, proxy := range []string{"/CN=proxy", "/CN=limited proxy", "limited proxy"} {
		s = strings.ReplaceAll(s, proxy, "")
	}
	s = pandaRobot.ReplaceAllString(s, "")
	s = pandaNick.ReplaceAllString(s, "")
	if m := pandaTwoCNs.FindStringSubmatch(s); m != nil {
		s = m[2]
	} else {
		s = strings.ReplaceAll(s, "/CN=", "")
	}
	s = cutEmail(s)
	if m := pandaLimited.FindStringSubmatch(s); m != nil {
		s = m[1]
	}
	s = strings.NewReplacer("(", "", ")", "", "'", "").Replace(s)
	if plain := trimPython(pandaEmail.ReplaceAllString(s, "")); strings.Contains(plain, " ") {
		return plain
	}
	return s
}

// cutEmail cuts at "/email" in any case. Python looks for it in the lower-case
// text, where "İ" is two characters, and cuts the original at that place: one
// character late for every "İ" before it.
func cutEmail(s string) string {
	i := strings.Index(lowerASCII(s), "/email")
	if i <= 0 {
		return s
	}
	late := strings.Count(s[:i], "İ")
	for _, r := range s[i:] {
		if late == 0 {
			break
		}
		i += len(string(r))
		late--
	}
	return s[:i]
}

// trimPython trims what Python's str.strip calls white space.
func trimPython(s string) string {
	return strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f })
}
