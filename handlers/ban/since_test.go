package ban

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/sandbox"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// office is a backend with more users than the sandbox has, that can make users and
// whose server can be asked.
type office struct {
	*sandbox.Grid
	more   []grid.Account
	server []string // whom the server takes for banned
	down   bool     // the server cannot be asked
	may    error    // why no users can be made
	made   int
}

func (o *office) Accounts(ctx context.Context) ([]grid.Account, error) {
	all, err := o.Grid.Accounts(ctx)
	return append(all, o.more...), err
}

func (o *office) BannedNames(context.Context) (map[string]bool, error) {
	if o.down {
		return nil, errors.New("no connection")
	}
	names := map[string]bool{}
	for _, name := range o.server {
		names[name] = true
	}
	return names, nil
}

func (o *office) CanBanUnseen(context.Context) error { return o.may }

func (o *office) BanUnseen(_ context.Context, name, dn string) error {
	o.made++
	o.more = append(o.more, grid.Account{ID: "9001", Name: name, DN: dn, Banned: true})
	return nil
}

func newOffice(t *testing.T) (*bench, *office) {
	b := newBench(t)
	o := &office{Grid: b.grid}
	b.backend = o
	return b, o
}

func wantProblem(t *testing.T, err error, code string, parts ...string) {
	t.Helper()
	var p *bot.Problem
	if !errors.As(err, &p) || p.Code != code {
		t.Fatalf("%v, want a problem %s", err, code)
	}
	contains(t, p.Sentence, parts...)
}

func TestAUserWhoAppearedSinceThePlanStopsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const mary = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=mmcdonal/CN=1/CN=Mary McDonald"
		for _, c := range []struct {
			what  string
			after grid.Account
			stops bool
		}{
			{"the same name", grid.Account{ID: "9", Name: "Mary McDonald", DN: "/DC=evil/CN=Mary McDonald"}, true},
			{"the same login", grid.Account{ID: "9", Name: "M McDonald", DN: "M Mcdonald/CN=nickname:mmcdonal"}, true},
			{"a similar name", grid.Account{ID: "9", Name: "mary mcdonald"}, false},
			{"somebody else", grid.Account{ID: "9", Name: "Otto", DN: strings.Replace(mary, "mmcdonal", "otto", 1)}, false},
		} {
			b, o := newOffice(t)
			for _, command := range []string{"ban", "unban"} {
				a := approved(command, b.mustPlan(command, "Mary McDonald", "coins"))
				o.more = []grid.Account{c.after}
				_, err := b.command(command).Apply(t.Context(), a)
				o.more = nil
				switch {
				case c.stops:
					wantProblem(t, err, "changed", "appeared", c.after.Name, "id 9", "Nothing was written now")
				case err != nil:
					t.Errorf("%s: %v", c.what, err)
				}
				b.apply(approved("ban", b.planAgain("Mary McDonald")))
			}
		}
	})
}

// planAgain is a ban that was planned while nobody was banned.
func (b *bench) planAgain(name string) action.Plan {
	b.Helper()
	p, err := b.plan("ban", name, "coins")
	if err != nil { // banned already
		return b.mustPlan("unban", name, "coins")
	}
	return p
}

func TestANamesakeOnTheCardDoesNotStopIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newOffice(t)
		o.more = []grid.Account{{ID: "9", Name: "Naughty User", DN: "/DC=evil/CN=Naughty User"}}
		naughty, err := b.grid.Accounts(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		p := b.mustPlan("ban", naughty[0].DN, "coins")
		contains(t, card(p), "same name, other DN", "the gate knows names only: id 9")
		if a := b.apply(approved("ban", p)); a.Outcome.Said != `wrote the ban of "Naughty User"` {
			t.Errorf("%+v", a.Outcome)
		}
	})
}

func TestAUserWhoAppearsAfterTheBanIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newOffice(t)
		o.server = []string{"Mary McDonald", "Mary Mcdonald"}
		a := b.apply(approved("ban", b.mustPlan("ban", "Mary McDonald", "coins")))
		o.more = []grid.Account{{ID: "9", Name: "Mmcdonal", DN: "Mmcdonal/CN=nickname:mmcdonal"}}
		time.Sleep(time.Minute)
		p := b.verify(a)
		if !p.Settled || p.Complete {
			t.Errorf("%+v", p)
		}
		contains(t, p.Said+strings.Join(p.Remains, ""), "not in force", `"Mmcdonal"`, "has appeared since")
	})
}

func TestWhatTheServerSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newOffice(t)
		a := b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "coins")))
		o.server = []string{"Ivan Petrov"}
		p := b.verify(a)
		if p.Complete || len(p.Remains) != 1 {
			t.Errorf("%+v", p)
		}
		contains(t, p.Said+p.Remains[0], "Not seen by the server", `does not take "Naughty User" for banned`)
		o.server = []string{"Naughty User"}
		time.Sleep(time.Minute)
		if p = b.verify(a); !p.Complete {
			t.Errorf("%+v", p)
		}
		// in this order
		at := []int{strings.Index(p.Said, "Written"), strings.Index(p.Said, "Seen by the server"), strings.Index(p.Said, "Closed at every front end from")}
		if at[0] < 0 || !slices.IsSorted(at) {
			t.Errorf("%q", p.Said)
		}
		o.down = true
		if p = b.verify(a); !p.Complete || !strings.Contains(p.Said, "could not be asked") {
			t.Errorf("%+v", p)
		}
		o.down = false
		u := b.apply(approved("unban", b.mustPlan("unban", "Naughty User", "false alarm")))
		time.Sleep(time.Minute)
		if p = b.verify(u); p.Complete || !strings.Contains(p.Remains[0], `does not take "Naughty User" for not banned`) {
			t.Errorf("%+v", p)
		}
	})
}

func TestBanNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newOffice(t)
		const dn = "/DC=org/DC=example/OU=People/CN=Naughty Userr"
		p := b.mustPlan("ban new", dn+"/CN=proxy", "named in the report")
		contains(t, card(p), `user: "Naughty Userr" (13 characters, ASCII): never seen`, "DN: "+dn, "look-alike, not touched: \"Naughty User\"", "will: make a user", "warning: users with a similar name", `undo: unban "Naughty Userr" REASON`)
		if o.made != 0 || p.Target.Key != "new Naughty Userr" {
			t.Errorf("made %d, %+v", o.made, p.Target)
		}
		a := b.apply(approved("ban new", p))
		if o.made != 1 || a.Outcome.Unneeded || o.more[0].DN != dn {
			t.Errorf("%+v, %+v", a.Outcome, o.more)
		}
		if again := b.apply(approved("ban new", p)); o.made != 1 || !again.Outcome.Unneeded {
			t.Errorf("applied again: %+v", again.Outcome)
		}
		o.server = []string{"Naughty Userr"}
		if p := b.verify(a); p.Settled || !strings.Contains(p.Said, "Seen by the server. Closed at every front end from") {
			t.Errorf("%+v", p)
		}
		time.Sleep(time.Minute)
		if p := b.verify(a); !p.Complete {
			t.Errorf("%+v", p)
		}
		c := b.command("bans")
		contains(t, answertest.Run(t, c, answertest.Request(c, time.Now())).Plain(), "Naughty Userr", "alice, approved by bob and carol", "named in the report")
		o.more = nil
		if p := b.verify(a); p.Complete || !strings.Contains(p.Remains[0], "not in the users table") {
			t.Errorf("%+v", p)
		}
	})
}

func TestWhatIsNoNewUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := newOffice(t)
		for _, c := range []struct{ name, code, says string }{
			{"Naughty User", "unneeded", "`ban \"Naughty User\" because`"},
			{"Sean O'Neill", "usage", `it makes "Sean ONeill"`},
			{"Trailing Blank ", "usage", `it makes "Trailing Blank"`},
			{strings.Repeat("n", 61), "usage", "61 characters"},
			{"Na\x00me", "usage", "control character"},
			{"", "usage", "0 characters"},
			{b.grid.Incident().FactoryDN, "forbidden", "pilot factory"},
			{"atlpilo2", "forbidden", "pilot factory"},
			{"/DC=ch/DC=cern/OU=computers/CN=host.cern.ch", "forbidden", "service"},
		} {
			command := b.command("ban new")
			r := answertest.Request(command, time.Now(), c.name, "because")
			r.Words[0].Quoted = true
			_, err := command.Plan(t.Context(), r)
			wantProblem(t, err, c.code, c.says)
		}
		_, err := b.plan("ban new", "Unseen User")
		wantProblem(t, err, "usage", "reason is needed")
		_, err = b.plan("ban new", "unseen", "because")
		wantProblem(t, err, "usage", "in quotes")
		p := b.mustPlan("ban new", "Unseen User", "because")
		o.more = []grid.Account{{ID: "9", Name: "Unseen User"}}
		_, err = b.command("ban new").Apply(t.Context(), approved("ban new", p))
		wantProblem(t, err, "changed", "appeared", "Use `ban`")
		o.may = errors.New("no grant")
		if _, err := b.plan("ban new", "Unseen User Two", "because"); !errors.Is(err, o.may) {
			t.Errorf("%v", err)
		}
		b.backend = b.grid
		_, err = b.plan("ban new", "Unseen User Two", "because")
		wantProblem(t, err, "not-configured", "Nothing was proposed")
	})
}

func TestBansThatVanishedAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "bit coins")))
		if err := b.grid.Unban(t.Context(), "1001", "Naughty User"); err != nil {
			t.Fatal(err)
		}
		c := b.command("bans")
		contains(t, answertest.Run(t, c, answertest.Request(c, time.Now())).Plain(), "Gone, and not by gridwarden", "Naughty User", "find out who lifted it")
		r := answertest.Request(c, time.Now())
		r.Personal = false
		if got := answertest.Run(t, c, r).Plain(); strings.Contains(got, "Naughty") || !strings.Contains(got, "do not hold any more, and not by gridwarden: 1") {
			t.Errorf("in a public channel: %s", got)
		}
	})
}

func TestBansAreWatched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c := b.command("bans watch")
		r := answertest.Request(c, time.Now())
		m := answertest.Run(t, c, r)
		contains(t, m.Plain(), "Looked at every 10 minutes until 2000-01-31 00:00 UTC")
		look := func(wants ...string) {
			t.Helper()
			if m.Again == nil {
				t.Fatal("it does not look again")
			}
			time.Sleep(time.Until(m.Again.At))
			var err error
			if m, err = c.Again(t.Context(), r, m.Again.State); err != nil {
				t.Fatal(err)
			}
			if len(wants) == 0 && !m.Empty() {
				t.Errorf("it says %q", m.Plain())
			}
			contains(t, m.Plain(), wants...)
		}
		look()
		b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "bit coins")))
		if err := b.grid.Ban(t.Context(), "1008", "Li Wei"); err != nil {
			t.Fatal(err)
		}
		look("Bans have changed", "Banned: Naughty User (id 1001), by action k7m2qd of alice", "Banned: Li Wei (id 1008), not by gridwarden")
		look()
		if err := b.grid.Unban(t.Context(), "1001", "Naughty User"); err != nil {
			t.Fatal(err)
		}
		b.apply(approved("unban", b.mustPlan("unban", "Li Wei", "false alarm")))
		look("Not banned any more: Naughty User (id 1001), not by gridwarden", "Not banned any more: Li Wei (id 1008), by an unban")
		if err := b.grid.Ban(t.Context(), "1008", "Li Wei"); err != nil {
			t.Fatal(err)
		}
		r.Personal = false
		look("Banned: withheld")
		if strings.Contains(m.Plain(), "Li Wei") {
			t.Errorf("in a public channel: %s", m.Plain())
		}
		time.Sleep(31 * 24 * time.Hour)
		look("not looked at any more")
		if m.Again != nil {
			t.Error("it never ends")
		}
	})
}
