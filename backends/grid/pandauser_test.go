package grid

import "testing"

func TestKindOfUser(t *testing.T) {
	t.Parallel()
	sites := &SiteMap{Factories: []Factory{{Name: "EX-Factory", Owner: "the factory team"}, {DN: cernPerson, Owner: "the other team"}}}
	const at = "/DC=ch/DC=cern/OU=Organic Units/OU=Users"
	for _, c := range []struct {
		name, dn string
		want     AccountKind
	}{
		{"Naughty User", at + "/CN=nuser/CN=123456/CN=Naughty User", PersonAccount},
		{"Naughty User", "Naughty User/CN=nickname:nuser", PersonAccount},
		{"Naughty User", "", UnknownAccount},
		{"atlpilo1", at + "/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1", PilotFactory},
		{"atlpilo2", "", PilotFactory},
		{"pandasv1", at + "/CN=pandasv1/CN=531497/CN=Robot: ATLAS Panda Server1", PilotFactory},
		{"gangarbt", at + "/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot", RobotAccount},
		{"gangarbt", "", RobotAccount},
		{"Robot Production", "Robot Production/CN=nickname:9f1c", RobotAccount},
		{"Robot Production", "", RobotAccount},
		{"Robot Pilot", "Robot Pilot/CN=nickname:9f1c", PilotFactory},
		{"pilot", "pilot/CN=nickname:atlpilot", PilotFactory},
		{"Anna Pilot", "Anna Pilot/CN=nickname:apilot", PersonAccount},
		{"nuser", "nuser/CN=nickname:nuser", UnknownAccount},
		{"ex-factory", "", PilotFactory},
		{"Anybody", cernPerson + "/CN=proxy", PilotFactory},
		{"ddmadmin", "/DC=ch/DC=cern/OU=computers/CN=ddm.cern.ch", ServiceAccount},
	} {
		got, why := KindOfUser(c.name, c.dn, sites)
		if got != c.want || why == "" {
			t.Errorf("KindOfUser(%q, %q) = %q (%s), want %q", c.name, c.dn, got, why, c.want)
		}
	}
}

func TestSamePerson(t *testing.T) {
	t.Parallel()
	mary := Account{ID: "1", Name: "Mary McDonald", DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=mmcdonal/CN=7/CN=Mary McDonald", Email: "mary@cern.ch"}
	for _, c := range []struct {
		what  string
		other Account
		want  bool
	}{
		{"the same DN of a proxy", Account{Name: "X", DN: mary.DN + "/CN=proxy"}, true},
		{"the login of a token", Account{Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal"}, true},
		{"the e-mail address and the name of a token", Account{Name: "Mary Mcdonald", Email: "Mary@CERN.ch"}, true},
		{"the e-mail address alone", Account{Name: "Mary Moore", Email: "mary@cern.ch"}, false},
		{"the name alone", Account{Name: "Mary McDonald", DN: "/DC=org/DC=evil/CN=Mary McDonald"}, false},
		{"the name of a token alone", Account{Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:other"}, false},
		{"a text that is no address", Account{Name: "Mary McDonald", Email: "notsend"}, false},
		{"nothing", Account{}, false},
	} {
		if SamePerson(mary, c.other) != c.want || SamePerson(c.other, mary) != c.want {
			t.Errorf("%s: SamePerson is not %v both ways", c.what, c.want)
		}
	}
	if SamePerson(Account{Name: "Mary McDonald", Email: "notsend"}, Account{Name: "Mary McDonald", Email: "notsend"}) {
		t.Error("what stands in place of an address ties people together")
	}
}

// A second name is found over what the first has in common with a third.
func TestMatchAccountsFollowsThePerson(t *testing.T) {
	t.Parallel()
	const dn = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=mmcdonal/CN=7/CN=Mary McDonald"
	all := []Account{
		{ID: "1", Name: "Mary McDonald", DN: dn},
		{ID: "2", Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal", Email: "mary@lab.example"},
		{ID: "3", Name: "mary mcdonald", DN: "/DC=org/DC=lab/CN=mary mcdonald", Email: "mary@lab.example"},
		{ID: "4", Name: "Mary Macdonald", DN: "/DC=org/DC=lab/CN=Mary Macdonald"},
	}
	got := MatchAccounts(dn, all)
	if len(got.Exact) != 1 || len(got.SamePerson) != 2 || len(got.LookAlike) != 1 || got.LookAlike[0].ID != "4" {
		t.Errorf("%+v", got)
	}
}

func TestTokenName(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Mary McDonald": "Mary Mcdonald", "MARY": "Mary", "": "", "a  b": "A  B", "Sean ONeill IT": "Sean Oneill It", "éva ÖRN": "Éva Örn",
	} {
		if got := tokenName(in); got != want {
			t.Errorf("tokenName(%q) = %q, want %q", in, got, want)
		}
	}
}
