package grid

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"slices"
	"strings"
)

// SiteMap is what an installation knows about the grid that no record says:
// the names of one site in each experiment, addresses that are not worker
// nodes, the owners of pilot factories, and other names of people and hosts.
// A nil map knows nothing.
type SiteMap struct {
	Sites     []Site    `yaml:"sites"`
	Factories []Factory `yaml:"factories"`
	People    []Alias   `yaml:"people"`
	Hosts     []Alias   `yaml:"hosts"`
}

// Site is one computing site and the names it goes by.
type Site struct {
	CMS    []string `yaml:"cms"`    // such as T2_US_UCSD
	WLCG   []string `yaml:"wlcg"`   // GOCDB or OSG names
	ATLAS  []string `yaml:"atlas"`  // site and queue names
	Squids []string `yaml:"squids"` // addresses or networks of the site's proxy caches
	NAT    []string `yaml:"nat"`    // addresses or networks that many worker nodes share
	// Contacts are mail addresses of who handles the site's incidents.
	Contacts []string `yaml:"contacts"`
}

// Factory is the identity under which somebody submits pilots.
type Factory struct {
	DN    string `yaml:"dn"`   // a DN, or issuer,subject of a token
	Name  string `yaml:"name"` // the factory's name in job records, such as CERN-Prod
	Owner string `yaml:"owner"`
}

// Alias is one person or host with all the names it goes by.
type Alias struct {
	Name  string   `yaml:"name"`  // a person's login, or a host's usual name
	Names []string `yaml:"names"` // logins and DNs of a person, names or addresses of a host
}

// maxNear is how many similar names of sites are told.
const maxNear = 5

// SitesFor translates a site's name, in any dialect and case, to the names that
// the experiment's records use. said tells people what was made of it. No
// names with a name given means that the search is not restricted, because
// nobody knows by what: better too wide than a site missed.
func (m *SiteMap) SitesFor(e Experiment, name string) (names []string, said string) {
	name = strings.TrimSpace(name)
	if name == "" {
		return nil, ""
	}
	for _, s := range m.sites() {
		if !containsFold(slices.Concat(s.CMS, s.WLCG, s.ATLAS), name) {
			continue
		}
		own := s.names(e)
		if len(own) == 0 {
			return nil, fmt.Sprintf("site %s has no %s name in the site map: all sites were searched", name, e)
		}
		if len(own) == 1 && own[0] == name {
			return own, ""
		}
		return slices.Clone(own), fmt.Sprintf("site %s is %s in the records of %s", name, strings.Join(own, ", "), e)
	}
	said = fmt.Sprintf("site %s is not in the site map: searched under that very name", name)
	if near := m.near(name); len(near) > 0 {
		said += "; similar names there, of which none was taken: " + strings.Join(near, ", ")
	}
	return []string{name}, said
}

// near gives a few names of sites that somebody may have meant by one that is
// not in the map: look-alikes, and those that it is a part of.
func (m *SiteMap) near(name string) []string {
	var out []string
	folded := foldCase(name)
	for _, s := range m.sites() {
		for _, n := range slices.Concat(s.CMS, s.WLCG, s.ATLAS) {
			if LookAlike(foldCase(n), folded) || len(folded) > 2 && strings.Contains(foldCase(n), folded) {
				out = appendNew(out, n)
			}
		}
	}
	slices.Sort(out)
	return out[:min(len(out), maxNear)]
}

// SameSite tells whether two names, in any dialect and case, are of one site.
// Names that are not in the map are compared as they are.
func (m *SiteMap) SameSite(a, b string) bool {
	if a, b = strings.TrimSpace(a), strings.TrimSpace(b); strings.EqualFold(a, b) {
		return a != ""
	}
	for _, s := range m.sites() {
		if all := slices.Concat(s.CMS, s.WLCG, s.ATLAS); containsFold(all, a) {
			return containsFold(all, b)
		}
	}
	return false
}

// Contacts gives the mail addresses of who handles incidents of a site, which is
// given by any of its names.
func (m *SiteMap) Contacts(name string) []string {
	for _, s := range m.sites() {
		if containsFold(slices.Concat(s.CMS, s.WLCG, s.ATLAS), strings.TrimSpace(name)) {
			return slices.Clone(s.Contacts)
		}
	}
	return nil
}

func (s Site) names(e Experiment) []string {
	switch e {
	case CMS:
		return s.CMS
	case ATLAS:
		return s.ATLAS
	}
	return s.WLCG
}

// label is the site's name for people.
func (s Site) label() string {
	for _, n := range slices.Concat(s.WLCG, s.CMS, s.ATLAS) {
		return n
	}
	return "a site without a name"
}

// Factory tells whether a DN, a token's issuer,subject or subject, or a factory's
// name is listed as a pilot factory, and who runs it.
func (m *SiteMap) Factory(id string) (owner string, ok bool) {
	if m == nil || id == "" {
		return "", false
	}
	dn, isDN := NormalizeDN(id)
	for _, f := range m.Factories {
		listed, listedDN := NormalizeDN(f.DN)
		if isDN && listedDN && dn.Equal(listed) || id == f.DN || sameToken(id, f.DN) || strings.EqualFold(id, f.Name) {
			return f.Owner, true
		}
	}
	return "", false
}

// Squid tells whether an address is a site's proxy cache, which speaks for
// every worker node behind it, and names the site.
func (m *SiteMap) Squid(a netip.Addr) (site string, ok bool) {
	return m.siteOf(a, func(s Site) []string { return s.Squids })
}

// NAT tells whether an address is shared by many worker nodes of a site, and
// names the site.
func (m *SiteMap) NAT(a netip.Addr) (site string, ok bool) {
	return m.siteOf(a, func(s Site) []string { return s.NAT })
}

func (m *SiteMap) siteOf(a netip.Addr, nets func(Site) []string) (string, bool) {
	a = a.Unmap()
	for _, s := range m.sites() {
		for _, text := range nets(s) {
			if p, err := parseNetwork(text); err == nil && p.Contains(a) {
				return s.label(), true
			}
		}
	}
	return "", false
}

// HostAliases gives the other names of a host, as HostOf writes them.
func (m *SiteMap) HostAliases(host string) []string {
	if m == nil || host == "" {
		return nil
	}
	var out []string
	for _, h := range m.Hosts {
		var all []string
		for _, n := range append([]string{h.Name}, h.Names...) {
			if name, _ := HostOf(n); name != "" {
				all = append(all, name)
			}
		}
		if slices.Contains(all, host) {
			out = append(out, all...)
		}
	}
	slices.Sort(out)
	out = slices.Compact(out)
	return slices.DeleteFunc(out, func(n string) bool { return n == host })
}

// PersonAlias gives the login under which a login or DN is known in the map.
// Logins are compared exactly, DNs by their keys.
func (m *SiteMap) PersonAlias(id string) (login string, ok bool) {
	if m == nil || id == "" {
		return "", false
	}
	dn, isDN := NormalizeDN(id)
	for _, p := range m.People {
		for _, n := range append([]string{p.Name}, p.Names...) {
			other, otherDN := NormalizeDN(n)
			if n == id || isDN && otherDN && dn.Equal(other) {
				return p.Name, true
			}
		}
	}
	return "", false
}

// Validate gives every problem of the map, each with its place.
func (m *SiteMap) Validate() []error {
	if m == nil {
		return nil
	}
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	owner := map[string]int{}
	for i, s := range m.Sites {
		names := slices.Concat(s.CMS, s.WLCG, s.ATLAS)
		if len(names) == 0 {
			problem("sites[%d]: has no name: give cms, wlcg or atlas", i)
		}
		for _, n := range names {
			if strings.TrimSpace(n) == "" {
				problem("sites[%d]: has an empty name", i)
			} else if first, taken := owner[lowerASCII(n)]; taken && first != i {
				problem("sites[%d]: the name %q is already that of sites[%d]", i, n, first)
			} else {
				owner[lowerASCII(n)] = i
			}
		}
		for _, n := range slices.Concat(s.Squids, s.NAT) {
			if _, err := parseNetwork(n); err != nil {
				problem("sites[%d]: %q is no address or network: %w", i, n, err)
			}
		}
		for _, n := range s.Contacts {
			if a, err := mail.ParseAddress(n); err != nil || a.Address != n {
				problem("sites[%d]: %q is no bare mail address", i, n)
			}
		}
	}
	for i, f := range m.Factories {
		if f.DN == "" && f.Name == "" {
			problem("factories[%d]: give its dn or its name", i)
		}
		if _, ok := NormalizeDN(f.DN); f.DN != "" && !ok && !strings.HasPrefix(f.DN, "https://") {
			problem("factories[%d]: %q is no DN and no issuer,subject of a token", i, f.DN)
		}
		if f.Owner == "" {
			problem("factories[%d]: has no owner to turn to", i)
		}
	}
	errs = append(errs, validateAliases("people", m.People, personKey)...)
	return append(errs, validateAliases("hosts", m.Hosts, func(n string) string { h, _ := HostOf(n); return h })...)
}

func personKey(n string) string {
	if dn, ok := NormalizeDN(n); ok {
		return dn.Key()
	}
	return strings.TrimSpace(n)
}

// validateAliases refuses a name that would belong to two entries: it would
// make one person or host of two.
func validateAliases(where string, all []Alias, key func(string) string) []error {
	var errs []error
	owner := map[string]int{}
	for i, a := range all {
		if len(a.Names) == 0 {
			errs = append(errs, fmt.Errorf("%s[%d]: %q has no other names", where, i, a.Name))
		}
		for _, n := range append([]string{a.Name}, a.Names...) {
			switch first, taken := owner[key(n)]; {
			case key(n) == "":
				errs = append(errs, fmt.Errorf("%s[%d]: %q is not a usable name", where, i, n))
			case taken && first != i:
				errs = append(errs, fmt.Errorf("%s[%d]: the name %q is already that of %s[%d]", where, i, n, where, first))
			default:
				owner[key(n)] = i
			}
		}
	}
	return errs
}

func (m *SiteMap) sites() []Site {
	if m == nil {
		return nil
	}
	return m.Sites
}

// parseNetwork reads a network, or an address as the network of itself.
func parseNetwork(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, err
	}
	if a.Zone() != "" {
		return netip.Prefix{}, errors.New("an address with a zone is of one machine only")
	}
	return netip.PrefixFrom(a.Unmap(), a.Unmap().BitLen()), nil
}

func containsFold(all []string, s string) bool {
	return slices.ContainsFunc(all, func(n string) bool { return strings.EqualFold(n, s) })
}
