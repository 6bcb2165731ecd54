package grid

import (
	"encoding/hex"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxDN bounds what is read as a DN, in bytes.
const maxDN = 4096

// DN is a distinguished name without proxy parts, in the order of OpenSSL's
// one-line form (country or domain first). The zero DN is no DN.
type DN struct {
	rdns []rdn
}

type rdn struct{ kind, value string }

// NormalizeDN reads a DN in OpenSSL's one-line form, in RFC 2253 or 4514 form
// (which runs backwards), or in the comma form of tools that do not reverse
// it, and removes what proxies appended. It reports false for text that is no
// DN, that has control characters, or whose values would read as another DN in
// one-line form.
//
// The one-line form cannot tell "/CN=a/CN=b" from a CN with the value
// "a/CN=b"; that is a limit of the form in which records carry DNs.
func NormalizeDN(s string) (DN, bool) {
	if len(s) > maxDN || !utf8.ValidString(s) {
		return DN{}, false
	}
	s = strings.TrimSpace(s)
	for _, q := range []string{`"`, `'`} {
		if len(s) >= 2 && strings.HasPrefix(s, q) && strings.HasSuffix(s, q) {
			s = strings.TrimSpace(s[1 : len(s)-1])
		}
	}
	var rdns []rdn
	var ok bool
	switch {
	case strings.HasPrefix(s, "/"):
		rdns, ok = parseOneline(s)
	case strings.Contains(s, "=") && strings.Contains(s, ","):
		rdns, ok = parseCommas(s)
	}
	if !ok {
		return DN{}, false
	}
	for i, r := range rdns {
		rdns[i].value = cleanValue(r.value)
		if rdns[i].value == "" || strings.ContainsFunc(rdns[i].value, unicode.IsControl) || len(onelineStarts(r.value)) > 0 {
			return DN{}, false
		}
	}
	return DN{rdns: withoutProxies(rdns)}, true
}

// IsZero reports whether d is no DN.
func (d DN) IsZero() bool { return len(d.rdns) == 0 }

// String gives the one-line form in the original case, as bans need it.
func (d DN) String() string {
	var b strings.Builder
	for _, r := range d.rdns {
		b.WriteByte('/')
		b.WriteString(r.kind)
		b.WriteByte('=')
		b.WriteString(r.value)
	}
	return b.String()
}

// Key gives the text by which DNs are compared: case and the width of blanks
// do not matter, nor which of its two spellings the unit of CERN's people has. It
// is "" for no DN.
func (d DN) Key() string {
	if isCERNUser(d.rdns) {
		d.rdns = slices.Concat(cernUsers, d.rdns[len(cernUsers):])
	}
	return foldName(d.String())
}

// Equal reports whether both are DNs and have the same key.
func (d DN) Equal(o DN) bool { return !d.IsZero() && d.Key() == o.Key() }

// CommonNames gives the values of the CNs, in order.
func (d DN) CommonNames() []string { return d.values("CN") }

func (d DN) values(kind string) []string {
	var out []string
	for _, r := range d.rdns {
		if r.kind == kind {
			out = append(out, r.value)
		}
	}
	return out
}

func (d DN) has(kind, value string) bool {
	for _, r := range d.rdns {
		if r.kind == kind && strings.EqualFold(r.value, value) {
			return true
		}
	}
	return false
}

// foldName is the form in which names of people are compared.
func foldName(s string) string {
	return strings.Join(strings.Fields(strings.ToLower(norm.NFC.String(s))), " ")
}

// parseOneline splits at "/TYPE=" only, so that a service name such as
// CN=wmagent/vocms0253.cern.ch stays whole.
func parseOneline(s string) ([]rdn, bool) {
	starts := onelineStarts(s)
	if len(starts) == 0 || starts[0] != 0 {
		return nil, false
	}
	rdns := make([]rdn, 0, len(starts))
	for i, from := range starts {
		to := len(s)
		if i+1 < len(starts) {
			to = starts[i+1]
		}
		kind, value, _ := strings.Cut(s[from+1:to], "=")
		rdns = append(rdns, rdn{kind: canonicalKind(kind), value: value})
	}
	return rdns, true
}

// onelineStarts gives the places of every "/" that begins "/TYPE=".
func onelineStarts(s string) []int {
	var starts []int
	for i := range len(s) {
		if s[i] != '/' {
			continue
		}
		if eq := strings.IndexByte(s[i:], '='); eq > 1 && isKind(s[i+1:i+eq]) {
			starts = append(starts, i)
		}
	}
	return starts
}

// isKind accepts a short name such as CN, or an object identifier.
func isKind(s string) bool {
	letters, dots := false, false
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			letters = true
		case c == '.':
			dots = true
		case '0' <= c && c <= '9':
		default:
			return false
		}
	}
	first := s != "" && (s[0] < '0' || s[0] > '9') && s[0] != '.'
	if letters {
		return first
	}
	return dots && s[0] != '.'
}

// cleanValue undoes the escapes of one-line form and trims.
func cleanValue(s string) string {
	for strings.Contains(s, `\ `) {
		s = strings.ReplaceAll(s, `\ `, " ")
	}
	return strings.TrimSpace(unescapeHex(s))
}

// unescapeHex undoes OpenSSL's \xC3\xBC for letters outside ASCII. Runs that
// are not UTF-8 stay as they are.
func unescapeHex(s string) string {
	if !strings.Contains(s, `\x`) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		j, run := i, []byte(nil)
		for j+4 <= len(s) && s[j] == '\\' && s[j+1] == 'x' {
			raw, err := hex.DecodeString(s[j+2 : j+4])
			if err != nil || raw[0] < utf8.RuneSelf {
				break
			}
			run, j = append(run, raw[0]), j+4
		}
		switch {
		case len(run) == 0:
			b.WriteByte(s[i])
			i++
		case utf8.Valid(run):
			b.Write(run)
			i = j
		default:
			b.WriteString(s[i:j])
			i = j
		}
	}
	return b.String()
}

// parseCommas reads the RFC form; parts joined by "+" keep their order.
func parseCommas(s string) ([]rdn, bool) {
	groups, ok := splitCommas(s)
	if !ok {
		return nil, false
	}
	switch groups[0][0].kind {
	case "DC", "C", "O": // some tools print commas without reversing
	default:
		for i, j := 0, len(groups)-1; i < j; i, j = i+1, j-1 {
			groups[i], groups[j] = groups[j], groups[i]
		}
	}
	var rdns []rdn
	for _, g := range groups {
		rdns = append(rdns, g...)
	}
	return rdns, true
}

// splitCommas gives the parts in the order in which they are written.
func splitCommas(s string) ([][]rdn, bool) {
	var groups [][]rdn
	var group []rdn
	for rest := s; ; {
		kind, after, ok := strings.Cut(rest, "=")
		kind = strings.TrimSpace(kind)
		if !ok || !isKind(kind) {
			return nil, false
		}
		value, left, end, ok := cutValue(after)
		if !ok {
			return nil, false
		}
		group = append(group, rdn{kind: canonicalKind(kind), value: value})
		if end != '+' {
			groups, group = append(groups, group), nil
		}
		if end == 0 {
			return groups, true
		}
		rest = left
	}
}

// cutValue reads one value up to an unescaped "," "+" or ";" or the end (0).
func cutValue(s string) (value, rest string, end byte, ok bool) {
	s = strings.TrimLeft(s, " ")
	var b strings.Builder
	quoted := strings.HasPrefix(s, `"`)
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			if raw, err := hex.DecodeString(s[i+1 : min(i+3, len(s))]); err == nil && len(raw) == 1 {
				b.WriteByte(raw[0])
				i += 2
				continue
			}
			i++
			b.WriteByte(s[i])
		case quoted && c == '"':
			quoted = false
		case !quoted && (c == ',' || c == '+' || c == ';'):
			return b.String(), s[i+1:], c, utf8.ValidString(b.String())
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), "", 0, !quoted && utf8.ValidString(b.String())
}

func canonicalKind(k string) string {
	k = strings.ToUpper(k)
	switch k {
	case "E", "EMAIL", "1.2.840.113549.1.9.1":
		return "EMAILADDRESS"
	case "USERID", "0.9.2342.19200300.100.1.1":
		return "UID"
	case "S":
		return "ST"
	}
	return k
}

// withoutProxies removes the CNs that delegation appended, as long as a CN that
// is not a number remains.
func withoutProxies(rdns []rdn) []rdn {
	if isCERNUser(rdns) {
		return withoutCERNProxies(rdns)
	}
	for len(rdns) > 1 {
		last := rdns[len(rdns)-1]
		if !isProxyCN(last) && (last.kind != "CN" || !isDigits(last.value)) || !hasName(rdns[:len(rdns)-1]) {
			return rdns
		}
		rdns = rdns[:len(rdns)-1]
	}
	return rdns
}

// cernUsers begins the DN of a person at CERN; the login, the person id and
// the full name follow. The person id is a number, as a proxy's serial is, so
// here it is the place that tells them apart.
var cernUsers = []rdn{{"DC", "ch"}, {"DC", "cern"}, {"OU", "Organic Units"}, {"OU", "Users"}}

func isCERNUser(rdns []rdn) bool {
	if len(rdns) <= len(cernUsers) {
		return false
	}
	for i, want := range cernUsers {
		got := strings.ReplaceAll(rdns[i].value, "OrganicUnits", "Organic Units")
		if rdns[i].kind != want.kind || !strings.EqualFold(got, want.value) {
			return false
		}
	}
	return rdns[len(cernUsers)].kind == "CN"
}

func withoutCERNProxies(rdns []rdn) []rdn {
	login, name := len(cernUsers), len(cernUsers)+2
	n := login + 1
	for n < len(rdns) && n <= name && rdns[n].kind == "CN" {
		n++
	}
	for n > login+1 && (isProxyCN(rdns[n-1]) || n-1 == name && isDigits(rdns[n-1].value)) {
		n--
	}
	return rdns[:n]
}

// login gives the CERN login in the DN of a person at CERN, else "". For other
// DNs only CRIC knows the login: it is never guessed from a name.
func (d DN) login() string {
	if !isCERNUser(d.rdns) {
		return ""
	}
	return d.rdns[len(cernUsers)].value
}

func isProxyCN(r rdn) bool {
	return r.kind == "CN" && (strings.EqualFold(r.value, "proxy") || strings.EqualFold(r.value, "limited proxy"))
}

func hasName(rdns []rdn) bool {
	for _, r := range rdns {
		if r.kind == "CN" && !isDigits(r.value) {
			return true
		}
	}
	return false
}
