package config_test

import (
	"net/netip"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/config"
)

// TestTheExampleOfTheGridMap holds that docs/examples/grid.yaml has every setting of
// the map, each with a value that is understood, and a comment on every part.
func TestTheExampleOfTheGridMap(t *testing.T) {
	const path = "../docs/examples/grid.yaml"
	c, err := config.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(text), "\ngrid:\n")
	for _, of := range []any{grid.SiteMap{}, grid.Site{}, grid.Factory{}, grid.Alias{}} {
		for f := range reflect.TypeOf(of).Fields() {
			name := f.Tag.Get("yaml")
			if !regexp.MustCompile(`(?m)^[^#\n]*\b` + name + `:`).MatchString(section) {
				t.Errorf("%T: %s is not in the example", of, name)
			}
		}
	}
	for _, part := range []string{"sites", "factories", "people", "hosts"} {
		if !regexp.MustCompile(`(?m)^  #.*\n  ` + part + `:`).MatchString(section) {
			t.Errorf("nothing is said of %s", part)
		}
	}
	m := c.Sites()
	if owner, ok := m.Factory("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1/CN=proxy"); !ok || !strings.HasPrefix(owner, "ATLAS pilot factory") {
		t.Errorf("a factory by its DN: %q", owner)
	}
	if owner, ok := m.Factory("harvester-EXAMPLE_1"); !ok || !strings.Contains(owner, "Harvester") {
		t.Errorf("a factory by its name: %q", owner)
	}
	for address, squid := range map[string]bool{"192.0.2.10": true, "2001:db8:10::7": true, "198.51.100.7": false} {
		site, is := m.Squid(netip.MustParseAddr(address))
		if nat, shared := m.NAT(netip.MustParseAddr(address)); is != squid || shared == squid || site+nat != "EXAMPLE-LCG2" {
			t.Errorf("%s: squid of %q, shared by %q", address, site, nat)
		}
	}
	if got := m.Contacts("example_ucore"); len(got) != 1 || got[0] != "csirt@example.org" {
		t.Errorf("contacts: %q", got)
	}
	if login, ok := m.PersonAlias("/DC=org/DC=incommon/C=US/O=Example University/CN=John Doe jdoe"); !ok || login != "jdoe" {
		t.Errorf("a person: %q", login)
	}
	if got := m.HostAliases("wn042.internal.example.org"); len(got) != 2 {
		t.Errorf("a host: %q", got)
	}
}
