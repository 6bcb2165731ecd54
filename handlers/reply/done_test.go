package reply_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/facts"
	"github.com/gridwarden/gridwarden/handlers/reply"
)

// actions are what was done, newest first.
type actions struct {
	all []action.Action
	err error
}

func (a actions) Actions(_ context.Context, limit int, commands ...string) ([]action.Action, error) {
	if limit <= 0 || len(commands) == 0 {
		return nil, errors.New("without a bound")
	}
	return a.all, a.err
}

// acted is an action that took effect at a minute after noon.
func acted(command, target string, minute int, p action.Progress) action.Action {
	at := noon.Add(time.Duration(minute) * time.Minute)
	return action.Action{
		ID: "x", Command: command, State: action.Applied, StartedAt: at, AppliedAt: at, ChangedAt: at.Add(30 * time.Second), Progress: p,
		Frozen: action.Frozen{Plan: action.Plan{Target: action.Target{Kind: "panda user", Name: target}}},
	}
}

// lettersOf are what is told to a site and to the user when that was done.
func lettersOf(t *testing.T, a actions, incident string) (site, user, notes string) {
	t.Helper()
	commands := reply.New(reply.Parts{
		Facts: known{facts: story()}, Sites: sites, Actions: a,
		Page: func(id int64) string { return fmt.Sprintf("https://monitor.example.org/job?pandaid=%d", id) },
	})
	ask := func(name string, words ...string) bot.Message {
		c := answertest.Command(t, commands, name)
		r := answertest.Request(c, noon.Add(3*time.Hour), words...)
		r.Incident = incident
		return answertest.Run(t, c, r)
	}
	m := ask("reply site", "site=HERE")
	return string(m.Files[0].Data), string(ask("reply user", "Naughty User").Files[0].Data), m.Plain()
}

func TestWhatWasDoneIsTold(t *testing.T) {
	t.Parallel()
	home := answertest.Request(bot.Command{Name: "reply site"}, noon).Thread.String()
	inThread := func(a action.Action) action.Action {
		a.Home = home
		return a
	}
	all := []action.Action{ // newest first
		inThread(acted("ban", "Somebody Else", 5, action.Progress{})),
		inThread(action.Action{Command: "unban", State: action.Proposed, Frozen: acted("unban", "Naughty User", 0, action.Progress{}).Frozen}),
		inThread(func() action.Action {
			a := acted("ban", "Naughty User", 4, action.Progress{})
			a.State = action.Failed
			return a
		}()),
		acted("unban", "Naughty User", 3, action.Progress{}), // elsewhere
		inThread(acted("kill user", "Naughty User", 2, action.Progress{Counts: map[string]int{"requested": 1, "gone": 3, "evading": 0, "new": 7}})),
		inThread(acted("ban", "Naughty User", 1, action.Progress{DueBy: noon.Add(11 * time.Minute)})),
	}
	const want = `
What was done until now:
- 2026-06-24 12:01:00 UTC: the PanDA user "Naughty User" was banned from submitting. Every server knows of it from 2026-06-24 12:11:00 UTC on.
- 2026-06-24 12:02:00 UTC: the kill of the tasks and jobs of the PanDA user "Naughty User" was requested; of 4 jobs at all sites, as of 2026-06-24 12:02:30 UTC: 3 seen gone, 1 not told to the pilot yet.
`
	site, user, notes := lettersOf(t, actions{all: all}, "")
	for name, letter := range map[string]string{"site": site, "user": user} {
		if !strings.Contains(letter, want) || strings.Contains(letter, "Somebody Else") || strings.Contains(letter, "lifted") {
			t.Errorf("%s:\n%s", name, letter)
		}
		if !strings.Contains(letter, "You may see details of it here: https://monitor.example.org/job?pandaid=1073623690") || strings.Contains(letter, "pandaid=0") {
			t.Errorf("%s has not the page of the job:\n%s", name, letter)
		}
	}
	for _, note := range []string{"1 action of this thread not told: about nobody who is named in it.", "1 action of this thread not told: it is not over, or has failed."} {
		if !strings.Contains(notes, note) {
			t.Errorf("%q is missing in\n%s", note, notes)
		}
	}
	// A case has what was done in any of its threads.
	for i := range all {
		all[i].Home, all[i].Incident = "elsewhere", "case-1"
	}
	if site, _, _ = lettersOf(t, actions{all: all}, "case-1"); !strings.Contains(site, "12:03:00 UTC: the ban of the PanDA user \"Naughty User\" was lifted.") {
		t.Errorf("a case:\n%s", site)
	}
	if site, _, _ = lettersOf(t, actions{all: all}, ""); strings.Contains(site, "What was done") {
		t.Errorf("another thread:\n%s", site)
	}
	task := acted("kill task", "41, 42", 6, action.Progress{})
	task.Incident, task.Frozen.Plan.Target = "case-1", action.Target{Kind: "panda task", Name: "41, 42", Owners: []string{"Naughty User"}}
	mixed := task
	mixed.Frozen.Plan.Target.Name, mixed.Frozen.Plan.Target.Owners = "43", []string{"Naughty User", "Somebody Else"}
	if site, _, _ = lettersOf(t, actions{all: []action.Action{mixed, task}}, "case-1"); !strings.Contains(site, "12:06:00 UTC: the kill of the PanDA tasks 41, 42 was requested.") || strings.Contains(site, "43") {
		t.Errorf("a kill of tasks:\n%s", site)
	}
	gone := acted("ban", "Naughty User", 1, action.Progress{Settled: true})
	gone.Incident = "case-1"
	if site, _, _ = lettersOf(t, actions{all: []action.Action{gone}}, "case-1"); !strings.Contains(site, "That is not in force as it was written") {
		t.Errorf("a ban that vanished:\n%s", site)
	}
}

func TestWithoutKnowingWhatWasDoneNothingIsWritten(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk")
	for _, name := range []string{"reply site", "reply user"} {
		c := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: story()}, Sites: sites, Actions: actions{err: broken}}), name)
		words := map[string]string{"reply site": "site=HERE", "reply user": "jdoe"}
		if _, err := c.Run(t.Context(), answertest.Request(c, noon, words[name])); !errors.Is(err, broken) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestOwnersOfFactoriesAndSquids names whom to turn to where a site has given the DN
// of a factory, or an address is a squid's.
func TestOwnersOfFactoriesAndSquids(t *testing.T) {
	t.Parallel()
	const pilot = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1"
	owned := &grid.SiteMap{
		Sites:     append([]grid.Site{{WLCG: []string{"SQUID-SITE"}, Contacts: []string{"csirt@squid.example.org"}}}, sites.Sites...),
		Factories: []grid.Factory{{DN: pilot, Owner: "the pilot team"}, {Name: "harvester-x", Owner: "the Harvester team"}},
	}
	f := story()
	for i := range f.Trace.Sightings {
		if f.Trace.Sightings[i].Job.ID == "1073623690" {
			f.Trace.Sightings[i].Job.Pilot.Factory = "harvester-x"
		}
	}
	letter := func(f facts.Facts, m *grid.SiteMap, name string, words ...string) string {
		t.Helper()
		c := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: f}, Sites: m}), name)
		return string(answertest.Run(t, c, answertest.Request(c, noon.Add(3*time.Hour), words...)).Files[0].Data)
	}
	text := letter(f, owned, "reply site", "site=HERE", "dn="+pilot+"/CN=proxy")
	for _, want := range []string{
		"The DN you give, " + pilot + "/CN=proxy, is that of a pilot factory, which the pilot team runs. It is not that of the payload's owner.\n",
		"\nPilots pick up the payloads of many people", "its pilot is of the factory harvester-x, which the Harvester team runs",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing in\n%s", want, text)
		}
	}
	if text = letter(f, sites, "reply site", "site=HERE", "dn="+pilot); !strings.Contains(text, "is that of a pilot factory. It is not") || strings.Contains(text, "its pilot is of") {
		t.Errorf("a factory without an owner:\n%s", text)
	}
	if text = letter(f, owned, "reply ask", "batch", "dn="+pilot); !strings.Contains(text, "which the pilot team runs") {
		t.Errorf("a question:\n%s", text)
	}
	c := answertest.Command(t, reply.New(reply.Parts{Facts: known{facts: f}, Sites: owned}), "reply site")
	if code, said := answertest.Problem(t, c, answertest.Request(c, noon, "site=HERE", "dn="+jdoe)); code != "refused" || !strings.Contains(said, "is none that is known") {
		t.Errorf("a person's DN: %s %s", code, said)
	}
	squid := traced(func(f *facts.Facts, q *grid.Query) {
		f.Squid, f.Subject, q.Kind = "SQUID-SITE", "192.0.2.80", grid.ByIP
	}, nil)
	if text = letter(squid, owned, "reply site", "site=T2_XX_There"); !strings.Contains(text, "The address is a squid server of SQUID-SITE") || !strings.Contains(text, "Who runs it can be reached at csirt@squid.example.org.") {
		t.Errorf("a squid of another site:\n%s", text)
	}
	if text = letter(squid, owned, "reply site"); !strings.Contains(text, "The address is a squid server of yours") {
		t.Errorf("a squid of the site:\n%s", text)
	}
}
