package whois_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/whois"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

const (
	janeDN  = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=jane/CN=123456/CN=Jane Doe"
	pilotDN = "/DC=ch/DC=cern/OU=computers/CN=cmspilotjob/vocms157.cern.ch"
)

// directory answers from a list, or by ask.
type directory struct {
	name     string
	accounts []grid.Account
	ask      func(context.Context) ([]grid.Account, error)
}

func (d directory) Name() string { return d.name }

func (d directory) Accounts(ctx context.Context) ([]grid.Account, error) {
	if d.ask != nil {
		return d.ask(ctx)
	}
	return d.accounts, nil
}

var panda = directory{name: "panda", accounts: []grid.Account{
	{ID: "1", Experiment: grid.ATLAS, Name: "Jane Doe", DN: janeDN, Kind: grid.PersonAccount, Banned: true, BannedAt: at.Add(-time.Hour), LastSeen: at},
	{ID: "2", Experiment: grid.ATLAS, Name: "jane doe", DN: "/DC=org/O=x/CN=jane doe", Kind: grid.PersonAccount},
	{ID: "3", Experiment: grid.ATLAS, Name: "Jаne Doe", Kind: grid.PersonAccount}, // a Cyrillic а
	{ID: "4", Experiment: grid.ATLAS, Name: "John Roe", Kind: grid.PersonAccount},
}}

var cric = directory{name: "cric", accounts: []grid.Account{
	{ID: "9", Experiment: grid.CMS, Name: "jane", DN: janeDN + "/CN=proxy", Kind: grid.PersonAccount},
}}

var sites = &grid.SiteMap{
	Factories: []grid.Factory{
		{DN: pilotDN, Name: "CERN-Prod", Owner: "the CMS factory operators"},
		{DN: "https://iam.example.org/,bad55f4e-602c-4e8d-a5c5-bd8ffb762113", Owner: "the CMS pilots"},
	},
	People: []grid.Alias{{Name: "jane", Names: []string{"jdoe2"}}},
}

func command(t *testing.T, sites *grid.SiteMap, directories ...whois.Directory) bot.Command {
	t.Helper()
	return answertest.Command(t, whois.New(directories, sites, slog.New(slog.DiscardHandler)), "whois")
}

// machine is what the tests read of the machine form.
type machine struct {
	Kind, Owner, Login, DN, Query string
	PandaName                     string `json:"panda_name"`
	Complete, Withheld            bool
	Count                         int
	Matches                       []struct{ Match, Name, Source string }
}

func ask(t *testing.T, c bot.Command, r *bot.Request) (bot.Message, machine) {
	t.Helper()
	m := answertest.Run(t, c, r)
	raw, err := json.Marshal(m.Answer["whois"])
	if err != nil {
		t.Fatal(err)
	}
	var got machine
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	return m, got
}

func (m machine) matches() []string {
	var out []string
	for _, a := range m.Matches {
		out = append(out, a.Match+": "+a.Name+" in "+a.Source)
	}
	return out
}

func TestAPersonWithLookAlikes(t *testing.T) {
	c := command(t, sites, panda, cric)
	m, got := ask(t, c, answertest.Request(c, at, "Jane", "Doe"))
	want := []string{"exact: Jane Doe in panda", "same person: jane in cric", "look-alike: jane doe in panda", "look-alike: Jаne Doe in panda"}
	if !slices.Equal(got.matches(), want) || got.Kind != "person" || !got.Complete {
		t.Errorf("kind %s, complete=%v, matches %q, want %q", got.Kind, got.Complete, got.matches(), want)
	}
	for _, want := range []string{
		"This is a person: Jane Doe\nTold by: the account of that very name.",
		"Accounts: 1 exact, 1 more of the same person, 2 look-alikes.",
		"yes, since 2026-06-24 13:05", "mixed scripts",
		`Next: trace user "Jane Doe" 7d ago`,
	} {
		if !strings.Contains(m.Plain(), want) {
			t.Errorf("%q is missing in\n%s", want, m.Plain())
		}
	}
}

func TestALookAlikeIsNeverPicked(t *testing.T) {
	c := command(t, nil, panda)
	m, got := ask(t, c, answertest.Request(c, at, "JANE DOE"))
	if slices.ContainsFunc(got.Matches, func(a struct{ Match, Name, Source string }) bool { return a.Match != "look-alike" }) || len(got.Matches) != 3 || got.Kind != "unknown" {
		t.Errorf("kind %s, matches %q", got.Kind, got.matches())
	}
	if !strings.Contains(m.Plain(), "No account has that very name.") {
		t.Errorf("said\n%s", m.Plain())
	}
}

func TestADNWithoutAnyDirectory(t *testing.T) {
	c := command(t, nil)
	m, got := ask(t, c, answertest.Request(c, at, janeDN+"/CN=1234567890"))
	if got.Kind != "person" || got.PandaName != "Jane Doe" || got.DN != janeDN {
		t.Errorf("got %+v", got)
	}
	if !strings.Contains(m.Plain(), "No directory of accounts is configured") || m.Partial {
		t.Errorf("partial=%v, said\n%s", m.Partial, m.Plain())
	}
}

func TestKinds(t *testing.T) {
	for query, want := range map[string]struct{ kind, says string }{
		pilotDN:     {"pilot factory", "The DN you were given is the pilot factory's, not the payload owner's."},
		"CERN-Prod": {"pilot factory", "run by the CMS factory operators"},
		"/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=cmscrab/CN=817881/CN=Robot: cms crab": {"robot", "works for many people"},
		"/DC=ch/DC=cern/OU=computers/CN=vocms0253.cern.ch":                                 {"service", "names a machine or client"},
		"https://iam.example.org,bad55f4e-602c-4e8d-a5c5-bd8ffb762113":                     {"pilot factory", "run by the CMS pilots"},
		"bad55f4e-602c-4e8d-a5c5-bd8ffb762113":                                             {"pilot factory", "run by the CMS pilots"},
		"11111111-602c-4e8d-a5c5-bd8ffb762113":                                             {"unknown", "the subject of a token: only the experiment's IAM knows"},
		"https://iam.example.org/,11111111":                                                {"service", "it names no user"},
		"jdoe2":                                                                            {"person", "It is jane by the alias table."},
		"nobody":                                                                           {"unknown", "no account has that very name"},
	} {
		c := command(t, sites, cric)
		m, got := ask(t, c, answertest.Request(c, at, query))
		if got.Kind != want.kind || !strings.Contains(m.Plain(), want.says) {
			t.Errorf("%s is %q, said\n%s", query, got.Kind, m.Plain())
		}
		if want.kind == "pilot factory" && !strings.Contains(m.Plain(), "Next: trace HOST TIME") {
			t.Errorf("%s: no way on to the owner in\n%s", query, m.Plain())
		}
	}
}

// TestNamesAreOnlyText holds that a name that was chosen to look like a mention
// or markup stays one foreign piece of text.
func TestNamesAreOnlyText(t *testing.T) {
	const name = "<!channel> @here *b* _i_ `rm` %s"
	c := command(t, nil, directory{name: "panda", accounts: []grid.Account{{ID: "1", Name: name, DN: "/CN=" + name, Kind: grid.PersonAccount}}})
	m, _ := ask(t, c, answertest.Request(c, at, "/CN="+name))
	seen := 0
	for _, text := range append(slices.Concat(m.Lines, m.After), m.Title) {
		for _, span := range text {
			if strings.Contains(span.Text, "@here") {
				seen++
				if !strings.Contains(span.Text, name) {
					t.Errorf("torn apart: %q", text)
				}
			}
		}
	}
	if seen < 4 || m.Table.Rows[0][2] != name || len(m.Notify) != 0 {
		t.Errorf("seen %d times, in the table %q, notifies %q", seen, m.Table.Rows, m.Notify)
	}
}

func TestOneNameOfSeveralDNs(t *testing.T) {
	c := command(t, nil, directory{name: "panda", accounts: []grid.Account{
		{ID: "1", Name: "Jane Doe", DN: janeDN}, {ID: "2", Name: "Jane Doe", DN: "/C=DE/O=x/CN=Jane Doe"},
	}})
	m, _ := ask(t, c, answertest.Request(c, at, "Jane Doe"))
	if !strings.Contains(m.Plain(), "The name belongs to 2 different DNs.") {
		t.Errorf("said\n%s", m.Plain())
	}
}

func TestADirectoryThatFailsIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := command(t, nil, panda,
			directory{name: "broken", ask: func(context.Context) ([]grid.Account, error) {
				return []grid.Account{{Name: "Jane Doe"}}, errors.New("password=hunter2")
			}},
			directory{name: "hanging", ask: func(context.Context) ([]grid.Account, error) { <-release; return nil, nil }},
			directory{name: "panicking", ask: func(context.Context) ([]grid.Account, error) { panic("x") }})
		m, got := ask(t, c, answertest.Request(c, at, "Jane Doe"))
		close(release)
		for _, name := range []string{"broken", "hanging", "panicking"} {
			if !strings.Contains(m.Plain(), name+" could not be read") {
				t.Errorf("%s is not named in\n%s", name, m.Plain())
			}
		}
		if got.Complete || !m.Partial || len(got.Matches) != 3 || strings.Contains(m.Plain(), "hunter2") {
			t.Errorf("complete=%v, partial=%v, matches %q", got.Complete, m.Partial, got.matches())
		}
	})
}

func TestPersonalDataIsWithheld(t *testing.T) {
	c := command(t, sites, panda, cric)
	r := answertest.Request(c, at, janeDN)
	r.Personal = false
	m, got := ask(t, c, r)
	raw, _ := json.Marshal(m.Answer)
	if all := m.Plain() + string(raw); strings.Contains(all, "Jane") || strings.Contains(all, "jane") || strings.Contains(all, "123456") {
		t.Errorf("personal data in %s", all)
	}
	if !got.Withheld || got.Count == 0 || !strings.Contains(m.Plain(), "This is a person") || !strings.Contains(m.Plain(), "withheld") {
		t.Errorf("%+v, said\n%s", got, m.Plain())
	}
}

func TestRefusals(t *testing.T) {
	c := command(t, nil)
	for _, words := range [][]string{nil, {" "}, {strings.Repeat("x", 4097)}, {"a\xff"}} {
		if code, _ := answertest.Problem(t, c, answertest.Request(c, at, words...)); code != "usage" {
			t.Errorf("%.20q: code %q, want usage", words, code)
		}
	}
}

// register has who of CMS has which login and DN.
type register struct{ err error }

func (r register) Name() string { return "register" }

func (r register) Register(context.Context) (*grid.Register, error) {
	if r.err != nil {
		return nil, r.err
	}
	known := grid.NewRegister("register", grid.CMS, at.Add(-25*time.Hour), []grid.Registered{
		{ID: "1", Logins: []string{"jane", "jane2"}, DNs: []string{janeDN, "/C=DE/O=x/CN=Jane"}, Name: "Jane D. Doe", Email: "jane@example.org"},
		{ID: "2", Logins: []string{"john"}, DNs: []string{"/C=DE/O=x/CN=Both"}},
		{ID: "3", Logins: []string{"roe"}, DNs: []string{"/C=DE/O=x/CN=Both"}},
	})
	known.Notes = []string{"what it says is 1 days old"}
	return known, nil
}

func TestARegister(t *testing.T) {
	c := answertest.Command(t, whois.New([]whois.Directory{panda}, nil, slog.New(slog.DiscardHandler), register{}), "whois")
	m, got := ask(t, c, answertest.Request(c, at, "jane2"))
	if got.Kind != "person" || got.Login != "jane" || !got.Complete || !slices.Contains(got.matches(), "same person: Jane Doe in panda") || !slices.Contains(got.matches(), "exact: jane2 in register") {
		t.Errorf("%+v", got)
	}
	for _, want := range []string{
		"It is jane by register as of 2026-06-23T13:05Z.", "The person's name there is Jane D. Doe.",
		"Other logins and DNs of the same person: jane; " + janeDN + "; /C=DE/O=x/CN=Jane.",
		"register as of 2026-06-23 13:05 UTC.", "register: what it says is 1 days old.",
	} {
		if !strings.Contains(m.Plain(), want) {
			t.Errorf("%q is missing in\n%s", want, m.Plain())
		}
	}
	m, got = ask(t, c, answertest.Request(c, at, "/C=DE/O=x/CN=Both"))
	if got.Login != "" || !strings.Contains(m.Plain(), "It belongs to several people by register as of 2026-06-23T13:05Z: john, roe. None of them was taken.") {
		t.Errorf("%+v, said\n%s", got, m.Plain())
	}
	private := answertest.Request(c, at, "jane2")
	private.Personal = false
	if m, _ = ask(t, c, private); strings.Contains(m.Plain(), "Jane") || strings.Contains(m.Plain(), janeDN) {
		t.Errorf("where nobody may be named, said\n%s", m.Plain())
	}
	c = answertest.Command(t, whois.New(nil, nil, slog.New(slog.DiscardHandler), register{errors.New("hunter2")}), "whois")
	if m, got = ask(t, c, answertest.Request(c, at, janeDN)); got.Complete || got.Kind != "person" || !strings.Contains(m.Plain(), "register could not be read") || strings.Contains(m.Plain(), "hunter2") {
		t.Errorf("a register that fails: %+v, said\n%s", got, m.Plain())
	}
}
