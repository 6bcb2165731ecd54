package target

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
)

type table []grid.Account

func (t table) Accounts(context.Context) ([]grid.Account, error) {
	if t == nil {
		return nil, errors.New("no connection")
	}
	return t, nil
}

const (
	usersAt   = "/DC=ch/DC=cern/OU=Organic Units/OU=Users"
	naughtyDN = usersAt + "/CN=nuser/CN=123456/CN=Naughty User"
	factoryDN = usersAt + "/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1"
	listedDN  = usersAt + "/CN=jfactory/CN=111111/CN=Jane Factory"
)

var users = table{
	{ID: "1", Name: "Naughty User", DN: naughtyDN, Kind: grid.PersonAccount},
	{ID: "2", Name: "naughty user", DN: "/DC=org/DC=example/OU=People/CN=naughty user"},
	{ID: "3", Name: "Naughty Usеr", DN: "/DC=org/DC=example/OU=People/CN=Naughty Usеr"},
	{ID: "4", Name: "Mary McDonald", DN: usersAt + "/CN=mmcdonal/CN=345678/CN=Mary McDonald"},
	{ID: "5", Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal"},
	{ID: "6", Name: "John Twice", DN: "/DC=org/DC=one/OU=People/CN=John Twice"},
	{ID: "7", Name: "John Twice", DN: "/DC=org/DC=two/OU=People/CN=John Twice"},
	{ID: "8", Name: "atlpilo1", DN: factoryDN},
	{ID: "9", Name: "gangarbt", DN: usersAt + "/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot"},
	{ID: "10", Name: "ddmadmin", Kind: grid.ServiceAccount},
	{ID: "11", Name: "Jane Factory", DN: listedDN},
	{ID: "12", Name: "solo"},
	{ID: "13", Name: "duo"},
	{ID: "14", Name: "duo fast"},
	{ID: "15", Name: "Ann Mc Coy", DN: "/DC=org/DC=cilogon/C=US/O=Some Lab/CN=Ann Mc Coy A12", Email: "ann@lab.example"},
	{ID: "16", Name: "Ann Mc Coy", DN: "Ann Mc Coy/CN=nickname:annmc", Email: "Ann@lab.example"},
	{ID: "17", Name: "Lea Lee", DN: "/DC=org/DC=one/OU=People/CN=Lea Lee", Email: "lea@lab.example"},
	{ID: "18", Name: "lea lee", DN: "", Email: "lea@lab.example"},
	{ID: "19", Name: "Lea LEE", DN: "", Email: "other@lab.example"},
}

var sites = &grid.SiteMap{Factories: []grid.Factory{{DN: listedDN, Name: "EX-Factory", Owner: "the factory team"}}}

// request is one of `ban`: words with a leading quote are quoted ones.
func request(words ...string) *bot.Request {
	r := &bot.Request{Command: "ban"}
	for _, w := range words {
		text, quoted := strings.CutPrefix(w, `"`)
		r.Words = append(r.Words, bot.Token{Text: text, Quoted: quoted})
	}
	return r
}

func TestReadFindsTheExactUser(t *testing.T) {
	for _, c := range []struct {
		words               []string
		ids, same, lookLike string
		reason              string
	}{
		{[]string{`"Naughty User`, "bit", "coins"}, "1", "", "2 3", "bit coins"},
		{[]string{`"` + naughtyDN, "coins"}, "1", "", "2 3", "coins"},
		{[]string{`"` + naughtyDN + "/CN=proxy", "coins"}, "1", "", "2 3", "coins"},
		{[]string{`"naughty user`, "coins"}, "2", "", "1 3", "coins"},
		{[]string{`"Mary McDonald`, "coins"}, "4 5", "", "", "coins"},
		{[]string{`"Mary Mcdonald`, "coins"}, "5 4", "", "", "coins"},
		{[]string{`"/DC=org/DC=one/OU=People/CN=John Twice`, "coins"}, "6", "7", "", "coins"},
		{[]string{"solo", "mining", "coins"}, "12", "", "", "mining coins"},
		{[]string{`"Ann Mc Coy`, "coins"}, "15 16", "", "", "coins"},
		{[]string{`"Ann Mc Coy/CN=nickname:annmc`, "coins"}, "15 16", "", "", "coins"},
		{[]string{`"Lea Lee`, "coins"}, "17 18", "", "19", "coins"},
	} {
		u, reason, err := Read(t.Context(), request(c.words...), users, sites)
		if err != nil {
			t.Errorf("%q: %v", c.words, err)
			continue
		}
		got := []string{idsOf(u.Accounts), idsOf(u.Namesakes), idsOf(u.LookAlikes), reason, u.Forbidden, u.Protected}
		if diff := cmp.Diff([]string{c.ids, c.same, c.lookLike, c.reason, "", ""}, got); diff != "" {
			t.Errorf("%q: %s", c.words, diff)
		}
	}
}

func idsOf(accounts []grid.Account) string {
	var ids []string
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	return strings.Join(ids, " ")
}

func TestReadRefusesWhatItWouldHaveToGuess(t *testing.T) {
	for _, c := range []struct {
		words      []string
		code, says string
	}{
		{nil, "usage", "missing"},
		{[]string{`"`}, "usage", "missing"},
		{[]string{`"Naughty User`}, "usage", "reason is needed"},
		{[]string{`"Naughty User`, " "}, "usage", "reason is needed"},
		{[]string{`"Naughty User`, strings.Repeat("x", 1001)}, "usage", "longer than 1000"},
		{[]string{"\"Naughty\x00User", "coins"}, "usage", "control characters"},
		{[]string{`"Naughty USER`, "coins"}, "not-found", `"Naughty User" (12 characters, ASCII, id 1`},
		{[]string{`"Naughty USER`, "coins"}, "not-found", "Latin + Cyrillic"},
		{[]string{`"Nobody Here`, "coins"}, "not-found", "whois"},
		{[]string{"Naughty", "User", "malware"}, "usage", "`ban \"Naughty User\" malware`"},
		{[]string{"Naughty", "User"}, "usage", "`ban \"Naughty User\" REASON`"},
		{[]string{"Nauty", "User", "malware"}, "usage", `"FULL NAME" REASON`},
		{[]string{"duo", "fast", "coins"}, "usage", "`ban \"duo fast\" coins`"},
		{strings.Fields(naughtyDN + " coins"), "usage", "CN=Naughty User\" coins`"},
		{[]string{`"John Twice`, "coins"}, "ambiguous", "belongs to 2 users"},
		{[]string{`"/DC=org/DC=evil/CN=Naughty User`, "coins"}, "ambiguous", "another DN"},
		{[]string{`"Naughty User/CN=nickname:evil`, "coins"}, "ambiguous", "another DN"},
	} {
		u, _, err := Read(t.Context(), request(c.words...), users, sites)
		var p *bot.Problem
		if !errors.As(err, &p) {
			t.Errorf("%q: %v, found %s", c.words, err, idsOf(u.Accounts))
			continue
		}
		if p.Code != c.code || !strings.Contains(p.Sentence, c.says) {
			t.Errorf("%q: %s: %s\nwant %s: %s", c.words, p.Code, p.Sentence, c.code, c.says)
		}
	}
	if _, _, err := Read(t.Context(), request(`"Naughty User`, "coins"), table(nil), sites); err == nil {
		t.Error("a failing backend gives a user")
	}
}

func TestReadKnowsWhoMustNotBeHit(t *testing.T) {
	for _, c := range []struct{ name, forbidden, protected string }{
		{factoryDN, "pilot factory's, not the payload owner's; find", ""},
		{"atlpilo1", "pilot factory's", ""},
		{listedDN, "run by the factory team", ""},
		{"Jane Factory", "run by the factory team", ""},
		{"EX-Factory", "trace HOST TIME", ""},
		{"gangarbt", "", "robot"},
		{"ddmadmin", "", "service"},
	} {
		u, _, err := Read(t.Context(), request(`"`+c.name, "coins"), users, sites)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		target := u.Target()
		if !strings.Contains(target.Forbidden, c.forbidden) || (c.forbidden == "") != (target.Forbidden == "") {
			t.Errorf("%s: forbidden: %q", c.name, target.Forbidden)
		}
		if !strings.Contains(target.Protected, c.protected) || (c.protected == "") != (target.Protected == "") {
			t.Errorf("%s: protected: %q", c.name, target.Protected)
		}
		if target.Name == "" || target.Key == "" {
			t.Errorf("%s: the target has no name or key: %+v", c.name, target)
		}
	}
}

// TestATargetHasAllNames of its person: whoever of the configuration has one of them is protected.
func TestATargetHasAllNames(t *testing.T) {
	u := User{Accounts: []grid.Account{{ID: "1", Name: "Naughty User"}, {ID: "2", Name: "nuser"}, {ID: "3", Name: "Naughty User"}, {ID: "4", Name: "nuser"}}}
	if got := u.Target(); got.Name != "Naughty User" || !slices.Equal(got.Aliases, []string{"nuser"}) {
		t.Errorf("%q, also %q", got.Name, got.Aliases)
	}
}

// FuzzRead holds that a user is found only under the exact name or DN, whatever
// is typed.
func FuzzRead(f *testing.F) {
	for _, a := range users {
		f.Add(a.Name, true)
		f.Add(a.DN+"/CN=proxy", true)
		f.Add(a.Name, false)
	}
	f.Fuzz(func(t *testing.T, name string, quoted bool) {
		r := &bot.Request{Command: "ban", Words: []bot.Token{{Text: name, Quoted: quoted}, {Text: "coins", Quoted: true}}}
		u, _, err := Read(t.Context(), r, users, sites)
		if err != nil || u.Forbidden != "" {
			return
		}
		first := u.Accounts[0]
		if first.Name != name && !grid.HasCredential(first, name) {
			t.Errorf("%q gave %q", name, first.Name)
		}
	})
}
