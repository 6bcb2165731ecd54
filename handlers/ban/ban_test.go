package ban

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// past is a journal's list of actions, the latest first.
type past struct{ actions []action.Action }

func (p *past) Actions(_ context.Context, limit int, commands ...string) ([]action.Action, error) {
	var out []action.Action
	for _, a := range p.actions {
		if slices.Contains(commands, a.Command) && len(out) < limit {
			out = append(out, a)
		}
	}
	return out, nil
}

// bench is a sandbox with the commands over it.
type bench struct {
	*testing.T
	grid    *sandbox.Grid
	backend Backend
	past    *past
}

func newBench(t *testing.T) *bench {
	t.Helper()
	g, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{T: t, grid: g, backend: g, past: &past{}}
}

func (b *bench) command(name string) bot.Command {
	b.Helper()
	return answertest.Command(b, New(b.backend, b.past, b.grid.SiteMap()), name)
}

func (b *bench) plan(name string, words ...string) (action.Plan, error) {
	b.Helper()
	c := b.command(name)
	return c.Plan(b.Context(), answertest.Request(c, time.Now(), words...))
}

func (b *bench) mustPlan(name string, words ...string) action.Plan {
	b.Helper()
	p, err := b.plan(name, words...)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// approved is the action of a plan that people have approved and that begins now.
func approved(name string, p action.Plan) action.Action {
	return action.Action{
		ID: "k7m2qd", Command: name, State: action.Running, StartedAt: time.Now(),
		Frozen: action.Frozen{Command: name, Proposer: "alice", Plan: p},
		Votes:  []action.Vote{{Person: "bob"}, {Person: "carol"}, {Person: "dave", Lost: "left"}},
	}
}

// apply runs the action to its end as the engine does and files it.
func (b *bench) apply(a action.Action) action.Action {
	b.Helper()
	out, err := b.command(a.Command).Apply(b.Context(), a)
	if err != nil {
		b.Fatal(err)
	}
	if !out.Done {
		b.Fatalf("not done after one step: %+v", out)
	}
	a.Outcome, a.State, a.AppliedAt = out, action.Applied, time.Now()
	b.past.actions = append([]action.Action{a}, b.past.actions...)
	return a
}

func (b *bench) verify(a action.Action) action.Progress {
	b.Helper()
	p, err := b.command(a.Command).Verify(b.Context(), a)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) banned() []string {
	b.Helper()
	accounts, err := b.grid.Accounts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, a := range accounts {
		if a.Banned {
			names = append(names, a.Name)
		}
	}
	return names
}

// card is everything that people would read of a plan.
func card(p action.Plan) string {
	var b strings.Builder
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
	}
	for label, lines := range map[string][]string{"will": p.Will, "will not": p.WillNot, "warning": p.Warnings, "undo": {p.Undo}, "next": p.Next} {
		for _, l := range lines {
			fmt.Fprintf(&b, "%s: %s\n", label, l)
		}
	}
	return b.String()
}

func contains(t testing.TB, text string, wants ...string) {
	t.Helper()
	for _, w := range wants {
		if !strings.Contains(text, w) {
			t.Errorf("%q is missing in:\n%s", w, text)
		}
	}
}

func TestPlanOfABanShowsWhoAndHowMuch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := b.mustPlan("ban", "Naughty User", "bit", "coins")
		contains(t, card(p),
			"drill: the grid is simulated",
			"reason: bit coins",
			`user: "Naughty User" (12 characters, ASCII), id 1001, atlas, DN /DC=ch/`,
			`look-alike, not touched: "naughty user" (12 characters, ASCII), id 1002`,
			`look-alike, not touched: "Naughty Usеr" (12 characters, mixed scripts`,
			"jobs now: 7 on worker nodes with 44 cores, 4 waiting",
			"sites: EXAMPLE-LCG2 7, EXAMPLE-T3 4",
			"tasks now: 2: 41000101",
			`will: ban "Naughty User" (id 1001)`,
			"every front end 10 s after",
			"will not: stop what runs",
			`undo: unban "Naughty User" REASON`,
			`next: kill user "Naughty User" bit coins`)
		if p.Target.Name != "Naughty User" || p.Target.Kind != "panda user" || p.Target.Key != "1001 Naughty User" || p.Target.Forbidden+p.Target.Protected != "" {
			t.Errorf("target %+v", p.Target)
		}
		if want := `{"accounts":[{"id":"1001","name":"Naughty User","banned":false}],"reason":"bit coins"}`; string(p.Payload) != want {
			t.Errorf("payload %s\nwant    %s", p.Payload, want)
		}
		if !p.ReadAt.Equal(time.Now()) {
			t.Errorf("read at %s", p.ReadAt)
		}
		if got := b.banned(); !slices.Equal(got, []string{"Ivan Petrov"}) {
			t.Errorf("the plan has changed something: %q", got)
		}
	})
}

func TestBanOfAPersonWithTwoAccountsBansBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := b.mustPlan("ban", "Mary McDonald", "coins")
		contains(t, card(p), `same person: "Mary Mcdonald"`, `will: ban "Mary Mcdonald" (id 1006)`)
		b.apply(approved("ban", p))
		if got := b.banned(); !slices.Equal(got, []string{"Mary McDonald", "Mary Mcdonald", "Ivan Petrov"}) {
			t.Errorf("banned: %q", got)
		}
	})
}

func TestWhatIsNotProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, c := range []struct {
			command, name, code, says string
		}{
			{"ban", "Naughty user", "not-found", `"Naughty User"`},
			{"ban", "Ivan Petrov", "unneeded", "already banned since"},
			{"unban", "Naughty User", "unneeded", "not banned"},
			{"unban", "ivan petrov", "not-found", `"Ivan Petrov"`},
		} {
			_, err := b.plan(c.command, c.name, "because")
			var p *bot.Problem
			if !errors.As(err, &p) || p.Code != c.code || !strings.Contains(p.Sentence, c.says) {
				t.Errorf("%s %s: %v", c.command, c.name, err)
			}
		}
		factory := b.grid.Incident().FactoryDN
		for _, c := range []string{"ban", "unban"} {
			p := b.mustPlan(c, factory, "because")
			contains(t, p.Target.Forbidden, "the pilot factory's, not the payload owner's", "run by the ATLAS pilot factory team", "trace HOST TIME")
			f := action.Frozen{Command: c, Plan: p}
			if _, _, err := action.Propose("k1", "r", "h", "", f, time.Now()); err == nil {
				t.Errorf("%s of a pilot factory was proposed", c)
			}
		}
		if p := b.mustPlan("ban", "gangarbt", "because"); p.Target.Protected == "" {
			t.Error("a robot is not protected")
		}
	})
}

func TestBanIsWrittenOnceAndSettlesWhenTheGateIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		a := b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "coins")))
		if a.Outcome.Unneeded || a.Outcome.Said != `wrote the ban of "Naughty User"` {
			t.Errorf("outcome %+v", a.Outcome)
		}
		p := b.verify(a)
		if p.Settled || !p.NextLook.Equal(a.AppliedAt.Add(10*time.Second)) || p.Counts["written"] != 1 {
			t.Errorf("right after: %+v", p)
		}
		contains(t, p.Said, "Closed at every front end from 2000-01-01 00:00:10 UTC")
		time.Sleep(time.Until(p.NextLook))
		if p = b.verify(a); !p.Settled || !p.Complete || len(p.Remains) != 0 {
			t.Errorf("at the time it named: %+v", p)
		}
		again := b.apply(approved("ban", a.Frozen.Plan))
		if !again.Outcome.Unneeded {
			t.Errorf("applied again: %+v", again.Outcome)
		}
	})
}

func TestDriftIsSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		a := b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "coins")))
		if err := b.grid.Unban(t.Context(), "1001", "Naughty User"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		p := b.verify(a)
		if !p.Settled || p.Complete || len(p.Remains) != 1 {
			t.Errorf("%+v", p)
		}
		contains(t, p.Said+strings.Join(p.Remains, ""), "not in force", `"Naughty User" (id 1001) is not banned any more, which this action did not do`)
	})
}

// renamed is a backend in which a row's name has changed since the plan.
type renamed struct{ *sandbox.Grid }

func (r renamed) Accounts(ctx context.Context) ([]grid.Account, error) {
	all, err := r.Grid.Accounts(ctx)
	for i := range all {
		if all[i].ID == "1001" {
			all[i].Name = "Someone Else"
		}
	}
	return all, err
}

func (r renamed) Ban(ctx context.Context, id, name string) error {
	return r.Grid.Ban(ctx, id, name+" as it was")
}

func TestARowThatChangedIsNotTouched(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		a := approved("ban", b.mustPlan("ban", "Naughty User", "coins"))
		b.backend = renamed{b.grid}
		_, err := b.command("ban").Apply(t.Context(), a)
		var f bot.ForPeople
		if !errors.As(err, &f) || !strings.Contains(f.ForPeople(), "nothing was changed") {
			t.Errorf("apply: %v", err)
		}
		a.AppliedAt = time.Now().Add(-time.Hour)
		if p := b.verify(a); p.Complete || !strings.Contains(strings.Join(p.Remains, ""), "not in the users table") {
			t.Errorf("verify: %+v", p)
		}
	})
}

func TestUnban(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "bit", "coins")))
		p := b.mustPlan("unban", "Naughty User", "false", "alarm")
		contains(t, card(p), "banned by: alice, approved by bob and carol at 2000-01-01 00:00:00 UTC: bit coins",
			`will: lift the ban of "Naughty User" (id 1001)`, "will not: bring back jobs or tasks", `undo: ban "Naughty User" REASON`)
		if len(p.Warnings) > 0 {
			t.Errorf("warnings: %q", p.Warnings)
		}
		a := b.apply(approved("unban", p))
		time.Sleep(time.Minute)
		if p := b.verify(a); !p.Complete || !strings.Contains(p.Said, "Open at every front end") {
			t.Errorf("%+v", p)
		}
		contains(t, card(b.mustPlan("unban", "Ivan Petrov", "he", "asked")), "warning: gridwarden did not ban")
	})
}

func TestBansTellsOursFromOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.apply(approved("ban", b.mustPlan("ban", "Naughty User", "bit", "coins")))
		b.apply(approved("ban", b.mustPlan("ban", "Li Wei", "by mistake")))
		b.apply(approved("unban", b.mustPlan("unban", "Li Wei", "false alarm")))
		if err := b.grid.Ban(t.Context(), "1008", "Li Wei"); err != nil { // by somebody else
			t.Fatal(err)
		}
		c := b.command("bans")
		m := answertest.Run(t, c, answertest.Request(c, time.Now()))
		raw, err := json.Marshal(m.Answer["bans"])
		if err != nil {
			t.Fatal(err)
		}
		var got []listed
		if err := json.Unmarshal(raw, &got); err != nil {
			t.Fatal(err)
		}
		ours := map[string]bool{}
		for _, l := range got {
			ours[l.Name] = l.Ours
			if l.Since.IsZero() {
				t.Errorf("%s has no time", l.Name)
			}
		}
		if len(ours) != 3 || !ours["Naughty User"] || ours["Li Wei"] || ours["Ivan Petrov"] {
			t.Errorf("ours: %v", ours)
		}
		contains(t, m.Plain(), "3 banned, 2 of them not by gridwarden", "alice, approved by bob and carol", "bit coins")

		r := answertest.Request(c, time.Now())
		r.Personal = false
		if m := answertest.Run(t, c, r); strings.Contains(m.Plain(), "Naughty") || m.Answer != nil {
			t.Errorf("in a public channel: %s", m.Plain())
		}
		if code, _ := answertest.Problem(t, c, answertest.Request(c, time.Now(), "all")); code != "usage" {
			t.Errorf("with an argument: %s", code)
		}
	})
}

func TestABanThatWasUnneededIsNotOurs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		a := approved("ban", b.mustPlan("ban", "Li Wei", "coins"))
		if err := b.grid.Ban(t.Context(), "1008", "Li Wei"); err != nil { // somebody was faster
			t.Fatal(err)
		}
		b.apply(a)
		origins, all, err := commands{backend: b.grid, past: b.past}.origins(t.Context(), nil)
		if err != nil || !all || len(origins) != 0 {
			t.Errorf("%v, %t, %v", origins, all, err)
		}
	})
}

func TestNobodyBanned(t *testing.T) {
	b := newBench(t)
	if err := b.grid.Unban(t.Context(), "1011", "Ivan Petrov"); err != nil {
		t.Fatal(err)
	}
	c := b.command("bans")
	m := answertest.Run(t, c, answertest.Request(c, time.Now()))
	contains(t, m.Plain(), "Nobody is banned")
}
