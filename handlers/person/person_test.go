package person_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/person"
)

var at = time.Date(2026, 6, 24, 14, 5, 0, 0, time.UTC)

// office links accounts, and says which policies are in force.
type office struct {
	linked []string
	err    error
}

func (o *office) Link(_ context.Context, _ *bot.Request, account string, p action.PersonID) error {
	if o.err == nil {
		o.linked = append(o.linked, account+" "+string(p))
	}
	return o.err
}

func (o *office) LinkCode(context.Context, *bot.Request) (string, time.Time, error) {
	return "bob-code", at.Add(10 * time.Minute), o.err
}

func (o *office) UseLinkCode(_ context.Context, req *bot.Request, code string) (action.PersonID, error) {
	if o.err == nil {
		o.linked = append(o.linked, code+" "+req.Account.Key())
	}
	return "bob", o.err
}

func (o *office) Rules() bot.Rules {
	return bot.Rules{Policies: map[string]action.Policy{
		"ban":       {Approvals: []action.Need{{Role: "cms-security", Count: 1}, {Role: "atlas-security", Count: 2}}},
		"protected": {Approvals: []action.Need{{Role: "cms-security", Count: 1}}},
	}}
}

func TestWhoami(t *testing.T) {
	c := answertest.Command(t, person.New(&office{}, &office{}), "whoami")
	for name, test := range map[string]struct {
		who  bot.Person
		want string
	}{
		"approver": {
			bot.Person{ID: "bob", Name: "Bob Baker", Institute: "KIT", Roles: []bot.Role{bot.Shifter, "atlas-security"}, Accounts: []string{"mattermost/grid/u1", "console/bob"}},
			"You are Bob Baker (bob), speaking as the account mattermost/grid/u1.\nRoles: shifter, atlas-security. Institute: KIT.\n" +
				"Your accounts: mattermost/grid/u1, console/bob. One person is one vote, whichever account it comes from.\nYou may approve ban when others propose it.",
		},
		"shifter": {
			bot.Person{ID: "mia", Roles: []bot.Role{bot.Shifter}},
			"You are mia (mia), speaking as the account mattermost/grid/u1.\nRoles: shifter. Institute: none.\nYour accounts: none. One person is one vote, whichever account it comes from.",
		},
		"without a role": {
			bot.Person{ID: "gus", Name: "Gus Grant"},
			"You are Gus Grant (gus), speaking as the account mattermost/grid/u1.\nYou hold no role, so you may ask only help, status, whoami and link code.",
		},
	} {
		r := answertest.Request(c, at)
		r.Person = test.who
		if got := answertest.Run(t, c, r).Plain(); got != test.want {
			t.Errorf("%s: said\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestLink(t *testing.T) {
	o := &office{}
	c := answertest.Command(t, person.New(o, o), "link")
	if c.Role != bot.Admin {
		t.Errorf("link needs the role %q", c.Role)
	}
	m := answertest.Run(t, c, answertest.Request(c, at, "console/1002", "bob"))
	if got := strings.Join(o.linked, "; "); got != "console/1002 bob" || !strings.Contains(m.Plain(), "The account console/1002 is bob's from now on. It counts for no vote on what was proposed before.") {
		t.Errorf("linked %q, said %s", got, m.Plain())
	}
	for _, words := range []string{"", "console/1002", "1002 bob", "console/1002 bob carol", "console/" + strings.Repeat("x", 300) + " bob"} {
		if code, _ := answertest.Problem(t, c, answertest.Request(c, at, strings.Fields(words)...)); code != "usage" || len(o.linked) != 1 {
			t.Errorf("link %.40s: code %q, linked %q", words, code, o.linked)
		}
	}
	o.err = bot.Problemf("not-found", "There is nobody %q.", "zoe")
	if code, _ := answertest.Problem(t, c, answertest.Request(c, at, "console/1002", "zoe")); code != "not-found" {
		t.Errorf("a person who is not there: code %q", code)
	}
}

func TestLinkByCode(t *testing.T) {
	o := &office{}
	ask, use := answertest.Command(t, person.New(o, o), "link code"), answertest.Command(t, person.New(o, o), "link use")
	m := answertest.Run(t, ask, answertest.Request(ask, at))
	if !m.Private || !strings.Contains(m.Plain(), "link use bob-code") || !strings.Contains(m.Plain(), "until 14:15 UTC") {
		t.Errorf("private %t: %s", m.Private, m.Plain())
	}
	r := answertest.Request(use, at, "bob-code")
	if m := answertest.Run(t, use, r); !strings.Contains(m.Plain(), r.Account.Key()+" is bob's") || len(o.linked) != 1 {
		t.Errorf("linked %q: %s", o.linked, m.Plain())
	}
	for c, words := range map[*bot.Command]string{&ask: "now", &use: ""} {
		if code, _ := answertest.Problem(t, *c, answertest.Request(*c, at, strings.Fields(words)...)); code != "usage" {
			t.Errorf("%s %s: code %q", c.Name, words, code)
		}
	}
	o.err = bot.Problemf("not-found", "That code is not good.")
	if code, _ := answertest.Problem(t, use, answertest.Request(use, at, "x")); code != "not-found" || len(o.linked) != 1 {
		t.Errorf("a bad code: %q, linked %q", code, o.linked)
	}
}
