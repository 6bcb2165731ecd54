package grid

import (
	"slices"
	"strings"
	"testing"
)

const cernPerson = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=John Doe"

func TestNormalizeDN(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{cernPerson + "/CN=1234567890/CN=987654", cernPerson},
		{cernPerson + "/CN=proxy/CN=limited proxy", cernPerson},
		{cernPerson, cernPerson},
		{cernPerson + "/CN=anything a proxy may say", cernPerson},
		{"/DC=ch/DC=cern/OU=OrganicUnits/OU=Users/CN=jdoe/CN=123456/CN=John Doe/CN=99", "/DC=ch/DC=cern/OU=OrganicUnits/OU=Users/CN=jdoe/CN=123456/CN=John Doe"},
		{"/O=somegrid/O=users/O=site/CN=Naughty User/CN=proxy", "/O=somegrid/O=users/O=site/CN=Naughty User"},
		{"/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms0253.cern.ch", "/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms0253.cern.ch"},
		{"/C=XX/CN=42", "/C=XX/CN=42"},
		{"/C=XX/CN=proxy", "/C=XX/CN=proxy"},
		{"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456"},
		{"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=987", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456"},
		{"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456/CN=proxy", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456"},
		{`CN=Doe\, John,O=Ex,C=XX`, "/C=XX/O=Ex/CN=Doe, John"},
		{"CN=John Doe,CN=123456,CN=jdoe,OU=Users,OU=Organic Units,DC=cern,DC=ch", cernPerson},
		{"CN=1234567890, CN=John Doe, CN=123456, CN=jdoe, OU=Users, OU=Organic Units, DC=cern, DC=ch", cernPerson},
		{"DC=ch, DC=cern, OU=Organic Units, OU=Users, CN=jdoe, CN=123456, CN=John Doe", cernPerson},
		{`"` + cernPerson + `"`, cernPerson},
		{`/DC=ch/DC=cern/OU=Organic\ Units/OU=Users/CN=jdoe/CN=123456/CN=John\ Doe`, cernPerson},
		{"/C=IT/O=INFN/CN=Mario Rossi/Email=mario@example.it", "/C=IT/O=INFN/CN=Mario Rossi/EMAILADDRESS=mario@example.it"},
		{"/dc=org/0.9.2342.19200300.100.1.1=jdoe/cn=J", "/DC=org/UID=jdoe/CN=J"},
		{`/C=DE/CN=J\xC3\xBCrgen M\xC3\xBCller`, "/C=DE/CN=Jürgen Müller"},
		{`/C=DE/CN=J\xFCrgen`, `/C=DE/CN=J\xFCrgen`},
		{`CN="Doe, John",C=XX`, "/C=XX/CN=Doe, John"},
		{`CN=J\C3\BCrgen,C=DE`, "/C=DE/CN=Jürgen"},
		{"CN=John+UID=jd,O=Ex,C=XX", "/C=XX/O=Ex/CN=John/UID=jd"},
	} {
		dn, ok := NormalizeDN(c.in)
		if !ok || dn.String() != c.want {
			t.Errorf("NormalizeDN(%q) = %q, %v, want %q", c.in, dn, ok, c.want)
		}
	}
	for _, in := range []string{
		"", "jdoe", "John Doe", "Naughty User/CN=nickname:nuser", "CN=John Doe", "/", "/CN", "/CN=", "x/CN=y",
		`CN=evil/CN=John Doe,C=XX`,       // would read as two CNs in one-line form
		`CN=John\00Doe,C=XX`, "/CN=a\nb", // control characters
		`CN=J\FC,C=DE`, "/CN=\xff", // not UTF-8
		`CN="open,C=XX`, "CN=a,,C=XX", "=,=", // broken
		"/CN=" + strings.Repeat("a", maxDN), // too long
	} {
		if dn, ok := NormalizeDN(in); ok || !dn.IsZero() {
			t.Errorf("NormalizeDN(%q) = %q, want no DN", in, dn)
		}
	}
}

func TestDNEqual(t *testing.T) {
	t.Parallel()
	a, _ := NormalizeDN(cernPerson + "/CN=987654")
	b, _ := NormalizeDN("CN=JOHN  DOE,CN=123456,CN=jdoe,OU=users,OU=organic units,DC=CERN,DC=ch")
	if !a.Equal(b) || a.Key() != b.Key() {
		t.Errorf("%q and %q are not equal", a, b)
	}
	c, _ := NormalizeDN("/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123457/CN=John Doe")
	if a.Equal(c) || (DN{}).Equal(DN{}) {
		t.Error("different DNs, or none, are equal")
	}
	if got := a.CommonNames(); !slices.Equal(got, []string{"jdoe", "123456", "John Doe"}) {
		t.Errorf("CommonNames = %q", got)
	}
}

func FuzzNormalizeDN(f *testing.F) {
	for _, s := range []string{
		cernPerson + "/CN=1", `CN=Doe\, John,O=Ex,C=XX`, `CN="a,b"+UID=c;C=XX`, `/CN=a\ b\xC3\xBC`, "DC=ch,CN=proxy", "/CN=a/b/CN=1/CN=proxy",
		`CN=a\5c b,C=X`, `CN=\\xC3\\xBC,C=X`, "/CN=\u00a0a", `'/CN=a'`, `/CN=a/DC=b\xC2\x85`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		dn, ok := NormalizeDN(s)
		if ok == dn.IsZero() {
			t.Fatalf("NormalizeDN(%q) = %q, %v", s, dn, ok)
		}
		if !ok {
			return
		}
		again, ok := NormalizeDN(dn.String())
		if !ok || again.String() != dn.String() {
			t.Fatalf("NormalizeDN(%q) = %q, and of that %q, %v", s, dn, again, ok)
		}
		if strings.ContainsAny(dn.String(), "\n\r\x00\x1b") {
			t.Fatalf("NormalizeDN(%q) = %q has control characters", s, dn)
		}
	})
}

func TestKindOfDN(t *testing.T) {
	t.Parallel()
	sites := &SiteMap{Factories: []Factory{
		{DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=factory/CN=9/CN=Some Person", Owner: "CERN factory"},
		{DN: "https://cms-auth.example.org/,bad55f4e", Owner: "CMS"},
		{DN: "https://iam.example.org/,bad55f4e-602c-4e8d-a5c5-bd8ffb762113", Owner: "CMS"},
	}}
	for in, want := range map[string]AccountKind{
		cernPerson: PersonAccount,
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jdoe/CN=123456":                            PersonAccount,
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=cmscrab/CN=817881/CN=Robot: cms crab":      RobotAccount,
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1": PilotFactory,
		"/DC=ch/DC=cern/OU=computers/CN=vocms0253.cern.ch":                                      ServiceAccount,
		"/DC=ch/DC=cern/OU=computers/CN=wmagent/vocms0253.cern.ch":                              ServiceAccount,
		"/DC=ch/DC=cern/OU=computers/CN=tw/crab-prod-tw01.cern.ch":                              ServiceAccount,
		"/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch":                           PilotFactory,
		"/DC=org/DC=terena/DC=tcs/C=IT/O=Istituto/CN=Name Surname login@infn.it":                PersonAccount,
		"/DC=org/DC=cilogon/C=US/O=Example Laboratory/OU=People/CN=John Doe/CN=UID:jdoe":        PersonAccount,
		"/DC=org/DC=ugrid/O=people/O=KIPT/CN=Somebody":                                          PersonAccount,
		"/DC=com/DC=DigiCert-Grid/O=Open Science Grid/OU=Services/CN=host":                      ServiceAccount,
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=j.d.doe/CN=123456/CN=John Doe":             PersonAccount,
		"/C=XX/O=Grid/OU=People/CN=john.doe":                                                    PersonAccount,
		"/C=XX/O=Grid/CN=J. R. Doe":                                                             PersonAccount,
		"/C=XX/O=Grid/CN=host/wn1.example":                                                      ServiceAccount,
		"/C=XX/O=Grid/CN=Pontius Pilot":                                                         PersonAccount,
		"/C=XX/O=Grid/CN=cmspilot":                                                              PilotFactory,
		"/C=XX/CN=42":                                                                           UnknownAccount,
		"jdoe":                                                                                  UnknownAccount,
		"https://cms-auth.example.org/,bad55f4e":                                                PilotFactory,
		"https://cms-auth.example.org,bad55f4e":                                                 PilotFactory,
		"https://cms-auth.example.org/,bad55f4":                                                 ServiceAccount,
		"https://other.example.org/,1234":                                                       ServiceAccount,
		"https://iam.example.org, bad55f4e-602c-4e8d-a5c5-bd8ffb762113":                         PilotFactory,
		"https://other.example.org/,bad55f4e-602c-4e8d-a5c5-bd8ffb762113":                       ServiceAccount,
		"BAD55F4E-602c-4e8d-a5c5-bd8ffb762113":                                                  PilotFactory,
		"00000000-602c-4e8d-a5c5-bd8ffb762113":                                                  UnknownAccount,
		"":                                                                                      UnknownAccount,
		"CN=77,CN=Some Person,CN=9,CN=factory,OU=Users,OU=Organic Units,DC=cern,DC=ch":          PilotFactory,
	} {
		got, why := KindOfDN(in, sites)
		if got != want || why == "" {
			t.Errorf("KindOfDN(%q) = %s (%s), want %s", in, got, why, want)
		}
	}
	if kind, _ := KindOfDN(cernPerson, nil); kind != PersonAccount {
		t.Errorf("without a site map a person is %s", kind)
	}
}
