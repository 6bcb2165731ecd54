package grid

import (
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxHost is the longest host name that DNS allows, in bytes.
const maxHost = 253

// HostOf finds the host in what a record calls a host: a slot name
// ("slot1_7@glidein_134357_279@wn.example.org" has two "@"), a plain name, or
// the raw contact string "<192.0.2.1:9618?…>" that HTCondor stores when the
// machine gave no name. The host is in lower case without a trailing dot. For
// an address host is its text and addr is set. Text that cannot be a host name
// gives "", so that a garbled name reads as "no host" and never hides a job.
func HostOf(s string) (host string, addr netip.Addr) {
	s = strings.TrimSpace(s)
	if isUnknown(s) {
		return "", netip.Addr{}
	}
	if i := strings.IndexByte(s, '<'); i >= 0 {
		a := sinfulAddr(s[i:])
		if !a.IsValid() {
			return "", netip.Addr{}
		}
		return a.String(), a
	}
	s = s[strings.LastIndexByte(s, '@')+1:]
	if a := hostAddr(s); a.IsValid() {
		return a.String(), a
	}
	s = strings.TrimRight(withoutPort(s), ".")
	if s == "" || len(s) > maxHost {
		return "", netip.Addr{}
	}
	for i := range len(s) { // by bytes: those of other letters are none of a host's
		if !isHostRune(rune(s[i])) {
			return "", netip.Addr{}
		}
	}
	s = lowerASCII(s)
	if isUnknown(s) {
		return "", netip.Addr{}
	}
	if a := hostAddr(s); a.IsValid() {
		return a.String(), a
	}
	return s, netip.Addr{}
}

// SameHost tells whether two names, as HostOf gives them, mean one host: equal
// names, or equal first labels when only one of them has a domain. It never
// looks for one name inside another: wn1 is not wn10.
func SameHost(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	if a == b {
		return true
	}
	same := 0 // letters of the first label
	for same < min(len(a), len(b)) && a[same] == b[same] && a[same] != '.' {
		same++
	}
	dotA, dotB := same < len(a), same < len(b)
	if dotA && a[same] != '.' || dotB && b[same] != '.' {
		return false
	}
	return dotA != dotB && same+1 < max(len(a), len(b)) && !isAddress(a) && !isAddress(b)
}

// ParseHost reads the host name that a person typed and gives it as HostOf
// would. A slot name is accepted, for people paste them. Every refusal is an
// *InputError; an address has the code CodeIsAddress.
func ParseHost(typed string) (string, error) {
	s := strings.TrimSpace(typed)
	switch {
	case s == "":
		return "", refuse(CodeEmpty, "No host name was given. Give the worker node's full name, such as wn042.example.org.")
	case strings.Contains(s, "://"):
		return "", refuse(CodeInvalid, "That is a URL. Give only the host name, such as wn042.example.org.")
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf }):
		return "", refuse(CodeInvalid, "The host name has letters outside ASCII, which may only look like the real ones. Type it by hand.")
	}
	if a := typedAddr(s); a != "" {
		return "", refuse(CodeIsAddress, "That is an IP address, not a host name. Use: trace ip "+a+" TIME")
	}
	if strings.ContainsAny(s, "*?[]{}") {
		return "", refuse(CodeInvalid, "Wildcards are not searched. Give one whole host name, such as wn042.example.org.")
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r != '@' && r != ':' && !isHostRune(r) }) {
		return "", refuse(CodeInvalid, "That is not a host name: it may only have letters, digits, dots, hyphens and underscores.")
	}
	host, _ := HostOf(s)
	if len(s[strings.LastIndexByte(s, '@')+1:]) > maxHost {
		return "", refuse(CodeInvalid, "That is too long for a host name, which has 253 characters at most. Give one host name.")
	}
	if host == "" || strings.ContainsRune(host, ':') {
		return "", refuse(CodeInvalid, "That is not a host name. Give the worker node's full name, such as wn042.example.org.")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return "", refuse(CodeInvalid, "That is not a host name: between its dots are 1 to 63 letters, digits and inner hyphens. Check the spelling.")
		}
	}
	if last := host[strings.LastIndexByte(host, '.')+1:]; isDigits(last) && !isContainerID(host) {
		return "", refuse(CodeInvalid, "That looks like the number of a batch job or pilot, not a host name. Use: trace batch ID site=SITE, or: trace pilot CLUSTER.PROC")
	}
	return host, nil
}

// isContainerID accepts the 12 hexadecimal digits that a container has as host
// name; such a name may by chance be of decimal digits only.
func isContainerID(host string) bool { return len(host) == 12 && !strings.Contains(host, ".") }

func refuse(code, sentence string) error { return &InputError{Code: code, Sentence: sentence} }

// typedAddr gives the text of the address or network that s is, or "".
func typedAddr(s string) string {
	if a := hostAddr(s); a.IsValid() {
		return a.String()
	}
	if strings.HasPrefix(s, "<") {
		if a := sinfulAddr(s); a.IsValid() {
			return a.String()
		}
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Addr().String()
	}
	return ""
}

// sinfulAddr reads HTCondor's "<ip:port?parameters>".
func sinfulAddr(s string) netip.Addr {
	s = strings.TrimPrefix(s, "<")
	if i := strings.IndexAny(s, "?>"); i >= 0 {
		s = s[:i]
	}
	return hostAddr(s)
}

// hostAddr reads an address that may have brackets and a port. IPv4 in IPv6 and
// zones are removed, so that one address has one text.
func hostAddr(s string) netip.Addr {
	if s == "" || strings.IndexByte(s, ':') < 0 && (s[0] < '0' || s[0] > '9') {
		return netip.Addr{} // most are names, and an error costs more than this
	}
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Unmap().WithZone("")
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone("")
	}
	if inner, ok := strings.CutPrefix(s, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			if a, err := netip.ParseAddr(inner); err == nil {
				return a.Unmap().WithZone("")
			}
		}
	}
	return netip.Addr{}
}

// withoutPort removes ":9618" from a name.
func withoutPort(s string) string {
	name, port, ok := strings.Cut(s, ":")
	if !ok {
		return s
	}
	if _, err := strconv.ParseUint(port, 10, 16); err == nil {
		return name
	}
	return s
}

func isAddress(s string) bool {
	if s == "" || strings.IndexByte(s, ':') < 0 && (s[0] < '0' || s[0] > '9') {
		return false
	}
	_, err := netip.ParseAddr(s)
	return err == nil
}

func isHostRune(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return true
	}
	return r == '.' || r == '-' || r == '_'
}

// lowerASCII leaves other letters alone: Unicode's lower case would turn the
// Kelvin sign into "k" and so one host into another.
func lowerASCII(s string) string {
	isUpper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for i := range len(s) {
		if !isUpper(s[i]) {
			continue
		}
		b := []byte(s)
		for ; i < len(b); i++ {
			if isUpper(b[i]) {
				b[i] += 'a' - 'A'
			}
		}
		return string(b)
	}
	return s
}

func isDigits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// isUnknown knows the spellings of "no value" in job records: the literal that
// $$(ATTR:Unknown) leaves behind, and those of the tools on the way.
func isUnknown(s string) bool {
	if s == "" {
		return true
	}
	if first := s[0] | 0x20; len(s) > len("undefined") || first != 'u' && first != 'n' && first != 'e' {
		return false
	}
	switch lowerASCII(s) {
	case "unknown", "undefined", "null", "none", "n/a", "error":
		return true
	}
	return false
}
