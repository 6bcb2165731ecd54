package pandatest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Token is an OIDC token that the server knows, with the claims that count.
type Token struct {
	Sub    string
	Name   string // "": the server takes Sub
	Login  string // preferred_username
	Groups []string
	Ends   time.Time // zero: never
}

// caller is who asks, as the server sees it.
type caller struct {
	dn    string // "": nobody
	fqans []string
}

// name is the user of PanDA that the server makes of the caller. Ownership goes by
// it alone.
func (c caller) name() string { return grid.PandaName(c.dn) }

// secure tells whether the server hears the caller where it wants a secure
// connection.
func (c caller) secure() bool { return c.dn != "" && !strings.Contains(c.dn, "/CN=limited proxy") }

// anyVO is a production role. The server takes that of any VO.
var anyVO = regexp.MustCompile(`^/[^/]+/Role=production`)

func (c caller) production() bool {
	return slices.ContainsFunc(c.fqans, func(f string) bool {
		return strings.HasPrefix(f, "/atlas/usatlas/Role=production") || strings.HasPrefix(f, "/atlas/Role=production") || anyVO.MatchString(f)
	})
}

var groupRole = regexp.MustCompile(`/atlas/([^/]+)/Role=production`)

// groups are the working groups whose production jobs the caller may kill.
func (c caller) groups() []string {
	var out []string
	for _, f := range c.fqans {
		if m := groupRole.FindStringSubmatch(f); m != nil && m[1] != "usatlas" {
			out = append(out, m[1], "gr_"+m[1])
		}
	}
	return out
}

// callerOf is who asks. refusal is why a token is not taken, in the server's words.
func (s *Server) callerOf(r *http.Request) (c caller, refusal string) {
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		c.dn = nameOf(r.TLS.PeerCertificates[0])
		var chain [][]byte
		for _, cert := range r.TLS.PeerCertificates {
			chain = append(chain, cert.Raw)
		}
		if person, err := s.Authority.person(chain); err == nil {
			c.fqans = slices.Clone(s.options.Roles[nameOf(person)])
		}
	}
	header := r.Header.Get("Authorization")
	if header == "" {
		return c, ""
	}
	words := strings.Fields(header)
	if len(words) < 2 {
		return c, "" // the server's own failure, after which it goes on without
	}
	return s.byToken(c, words[1], r.Header.Get("Origin"))
}

// byToken is the server's decision about a token. The DN of a certificate that is
// shown beside it stays.
func (s *Server) byToken(c caller, text, origin string) (caller, string) {
	if origin == "" {
		return c, "Token decode failure. 'NoneType' object has no attribute 'replace' Traceback (most recent call last):\n" +
			"  File \"/opt/panda/lib/python3.11/site-packages/pandaserver/srvcore/panda_request.py\", line 36, in decode_token\n" +
			"    vo_role = vo.replace(\":\", \".\")\n              ^^^^^^^^^^\nAttributeError: 'NoneType' object has no attribute 'replace'\n"
	}
	t, known := s.options.Tokens[text]
	if !known {
		return c, "Invalid token. Not enough segments"
	}
	if !t.Ends.IsZero() && s.now().After(t.Ends) {
		return c, "Invalid token. Signature has expired"
	}
	vo, role, _ := strings.Cut(strings.Replace(origin, ":", ".", 1), ".")
	if vo != "atlas" {
		return c, "Unknown vo : " + vo
	}
	group := vo
	if role != "" {
		group += "/" + role
	}
	if !slices.Contains(t.Groups, group) && !slices.Contains(t.Groups, "/"+group) {
		return c, "Not a member of the " + group + " group"
	}
	if c.dn != "" {
		return c, ""
	}
	c.dn = t.Sub
	if t.Name != "" {
		words := strings.Fields(t.Name)
		for i, w := range words {
			first := []rune(w)[:1]
			words[i] = strings.ToUpper(string(first)) + strings.ToLower(w[len(string(first)):])
		}
		c.dn = strings.Join(words, " ")
		if t.Login != "" {
			c.dn += "/CN=nickname:" + t.Login
		}
	}
	if role != "" {
		c.fqans = append(c.fqans, "/"+vo+"/Role="+role)
	}
	return c, ""
}
