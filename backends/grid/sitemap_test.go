package grid

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var testMap = &SiteMap{
	Sites: []Site{
		{CMS: []string{"T2_XX_Example"}, WLCG: []string{"EXAMPLE-T2"}, ATLAS: []string{"EXAMPLE", "EXAMPLE_UCORE"}, Squids: []string{"192.0.2.80"}, NAT: []string{"198.51.100.0/28", "2001:db8::/64"}},
		{CMS: []string{"T3_YY_Other"}},
	},
	Factories: []Factory{{Name: "CERN-Prod", Owner: "CERN factory operators"}},
	People:    []Alias{{Name: "jdoe", Names: []string{"jdoe2", cernPerson}}},
	Hosts:     []Alias{{Name: "wn1.example.org", Names: []string{"Node7", "192.0.2.1"}}},
}

func TestSiteMap(t *testing.T) {
	t.Parallel()
	if errs := testMap.Validate(); len(errs) != 0 {
		t.Fatalf("Validate: %v", errs)
	}
	for _, c := range []struct {
		e    Experiment
		name string
		want []string
		said string
	}{
		{CMS, "T2_XX_Example", []string{"T2_XX_Example"}, ""},
		{CMS, "example-t2", []string{"T2_XX_Example"}, "site example-t2 is T2_XX_Example"},
		{ATLAS, "T2_XX_Example", []string{"EXAMPLE", "EXAMPLE_UCORE"}, "EXAMPLE, EXAMPLE_UCORE"},
		{ATLAS, "T3_YY_Other", nil, "all sites were searched"},
		{CMS, "T2_ZZ", []string{"T2_ZZ"}, "not in the site map"},
		{CMS, "T2_XX_Exampel", []string{"T2_XX_Exampel"}, "similar names there, of which none was taken: T2_XX_Example"},
		{ATLAS, "example-t", []string{"example-t"}, "none was taken: EXAMPLE, EXAMPLE-T2"},
		{CMS, "", nil, ""},
	} {
		got, said := testMap.SitesFor(c.e, c.name)
		if !slices.Equal(got, c.want) || !strings.Contains(said, c.said) || c.said == "" && said != "" {
			t.Errorf("SitesFor(%s, %q) = %q, %q", c.e, c.name, got, said)
		}
	}
	if owner, ok := testMap.Factory("cern-prod"); !ok || owner != "CERN factory operators" {
		t.Errorf("Factory = %q, %v", owner, ok)
	}
	if _, ok := testMap.Factory("OSG"); ok {
		t.Error("an unlisted factory is listed")
	}
	if site, ok := testMap.Squid(netip.MustParseAddr("::ffff:192.0.2.80")); !ok || site != "EXAMPLE-T2" {
		t.Errorf("Squid = %q, %v", site, ok)
	}
	for addr, want := range map[string]bool{"198.51.100.3": true, "198.51.100.16": false, "2001:db8::5": true, "192.0.2.80": false} {
		if _, ok := testMap.NAT(netip.MustParseAddr(addr)); ok != want {
			t.Errorf("NAT(%s) = %v", addr, ok)
		}
	}
	if got := testMap.HostAliases("node7"); !slices.Equal(got, []string{"192.0.2.1", "wn1.example.org"}) {
		t.Errorf("HostAliases = %q", got)
	}
	if got := testMap.HostAliases("wn2.example.org"); len(got) != 0 {
		t.Errorf("HostAliases of an unknown host = %q", got)
	}
	for _, id := range []string{"jdoe", "jdoe2", cernPerson + "/CN=99"} {
		if login, ok := testMap.PersonAlias(id); !ok || login != "jdoe" {
			t.Errorf("PersonAlias(%q) = %q, %v", id, login, ok)
		}
	}
	if _, ok := testMap.PersonAlias("JDOE"); ok {
		t.Error("logins are compared without case")
	}
}

func TestNoSiteMap(t *testing.T) {
	t.Parallel()
	var m *SiteMap
	if names, said := m.SitesFor(CMS, "T2"); !slices.Equal(names, []string{"T2"}) || said == "" {
		t.Errorf("SitesFor = %q, %q", names, said)
	}
	_, factory := m.Factory("x")
	_, squid := m.Squid(netip.Addr{})
	_, person := m.PersonAlias("x")
	if factory || squid || person || m.HostAliases("x") != nil || m.Validate() != nil {
		t.Error("no site map knows something")
	}
}

func TestSiteMapValidate(t *testing.T) {
	t.Parallel()
	for want, m := range map[string]*SiteMap{
		"sites[0]: has no name":                         {Sites: []Site{{}}},
		"sites[0]: has an empty name":                   {Sites: []Site{{CMS: []string{" "}}}},
		"sites[1]: the name \"t2\" is already that":     {Sites: []Site{{CMS: []string{"T2"}}, {WLCG: []string{"t2"}}}},
		"sites[0]: \"squid.example.org\" is no":         {Sites: []Site{{CMS: []string{"T2"}, Squids: []string{"squid.example.org"}}}},
		"sites[0]: \"fe80::1%eth0\" is no":              {Sites: []Site{{CMS: []string{"T2"}, NAT: []string{"fe80::1%eth0"}}}},
		"factories[0]: give its dn or its name":         {Factories: []Factory{{Owner: "x"}}},
		"factories[0]: \"x\" is no DN":                  {Factories: []Factory{{DN: "x", Owner: "x"}}},
		"factories[0]: has no owner":                    {Factories: []Factory{{Name: "x"}}},
		"people[0]: \"x\" has no other names":           {People: []Alias{{Name: "x"}}},
		"people[1]: the name \"b\" is already that":     {People: []Alias{{"a", []string{"b"}}, {"b", []string{"c"}}}},
		"people[0]: \"\" is not a usable name":          {People: []Alias{{"", []string{"b"}}}},
		"hosts[1]: the name \"WN1\" is already that":    {Hosts: []Alias{{"wn1", []string{"b"}}, {"c", []string{"WN1"}}}},
		"hosts[0]: \"not a host\" is not a usable name": {Hosts: []Alias{{"not a host", []string{"b"}}}},
	} {
		errs := m.Validate()
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), want) {
			t.Errorf("%v, want one that says %q", errs, want)
		}
	}
}
