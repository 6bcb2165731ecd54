package kill

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// planOf plans by a line as it is typed, with words in quotes marked by a blank.
func planOf(t *testing.T, b Backend, sites *grid.SiteMap, name string, words ...string) (bot.Command, action.Plan, error) {
	t.Helper()
	c := answertest.Command(t, New(b, sites), name)
	p, err := c.Plan(t.Context(), answertest.Request(c, time.Now(), words...))
	return c, p, err
}

func orderIn(t *testing.T, p action.Plan) order {
	t.Helper()
	var o order
	if err := json.Unmarshal(p.Payload, &o); err != nil {
		t.Fatal(err)
	}
	return o
}

func TestIDsAreNeverGuessed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, c := range []struct {
			name  string
			words []string
			code  string
			says  string
		}{
			{killJob, nil, "usage", "number of the job is missing"},
			{killJob, []string{"6001000000"}, "usage", "A reason is needed"},
			{killJob, []string{"0", "coins"}, "usage", `"0" is no job`},
			{killJob, []string{"06001000000", "coins"}, "usage", `"06001000000" is no job`},
			{killJob, []string{"10000000000000000000", "coins"}, "usage", "whole numbers from 1 to"},
			{killJob, []string{"-5", "coins"}, "usage", `"-5" is no number of a job`},
			{killJob, []string{"Naughty User", "coins"}, "usage", "`kill user \"NAME\" REASON`"},
			{killJob, []string{"6001000000", "and", "6001010000", "coins"}, "ambiguous", "whether 6001010000 is a job to kill or part of the reason"},
			{killJob, []string{"6001000000", "3", "jobs", "of", "a", "miner"}, "not-found", "There is no job 3. Nothing was proposed. If a number is part of the reason"},
			{killJob, []string{"41000101", "coins"}, "not-found", "There is something of that number for `kill task`"},
			{killTask, []string{"6001000000", "coins"}, "not-found", "There is something of that number for `kill job`"},
			{killTask, []string{"41000101", "99", "coins"}, "not-found", "There is no task 99."},
			{killTask, append(slices.Repeat([]string{"1"}, 2), "coins"), "not-found", "There is no task 1."},
		} {
			_, p, err := planOf(t, b.grid, b.grid.SiteMap(), c.name, c.words...)
			var problem *bot.Problem
			if !errors.As(err, &problem) || problem.Code != c.code || !strings.Contains(problem.Sentence, c.says) {
				t.Errorf("%s %v: %v, want %s: %s\n%+v", c.name, c.words, err, c.code, c.says, p)
			}
		}
		many := []string{}
		for i := range maxIDs + 1 {
			many = append(many, fmt.Sprint(6_000_000_000+i))
		}
		if _, _, err := planOf(t, b.grid, nil, killJob, append(many, "coins")...); err == nil || !strings.Contains(err.Error(), "one command takes 50") {
			t.Errorf("of very many: %v", err)
		}
	})
}

func TestSingleJobsAreKilledAndNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c, p, err := planOf(t, b.grid, b.grid.SiteMap(), killJob, "6001010000,", "6001040000", "6001010000", "3 jobs of a miner")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"6001010000", "6001040000"}, orderIn(t, p).Jobs); diff != "" || len(orderIn(t, p).Tasks) != 0 {
			t.Error(diff)
		}
		if p.Target.Kind != "panda job" || p.Target.Name != "6001010000, 6001040000" || !slices.Equal(p.Target.Owners, []string{"Naughty User"}) {
			t.Errorf("target: %+v", p.Target)
		}
		contains(t, facts(p), `owner: "Naughty User"`, "reason: 3 jobs of a miner", "kills, task 41000101: 1 running at EXAMPLE-LCG2, 8 cores: 6001010000", "1 activated at EXAMPLE-LCG2")
		contains(t, strings.Join(p.Warnings, "\n"), `"Naughty User" is not banned`, "live tasks make new jobs in place of killed ones, unless their user is banned: 41000101. To end them: `kill task 41000101 \"3 jobs of a miner\"`")
		if strings.Contains(facts(p), target.TasksNow) {
			t.Errorf("it speaks of tasks:\n%s", facts(p))
		}
		if len(p.Will) != 2 || strings.Contains(strings.Join(p.Will, "\n"), "task") {
			t.Errorf("will: %q", p.Will)
		}
		a := apply(t, c, approved(p))
		if diff := cmp.Diff([]string{"kill requested for 2 jobs"}, said(a)); diff != "" {
			t.Error(diff)
		}
		v := verify(t, c, a)
		if strings.Contains(v.Said, "task") || v.Counts["new"] != 0 {
			t.Errorf("said: %q, %v", v.Said, v.Counts)
		}
		for range 200 {
			if v = verify(t, c, a); v.Settled {
				break
			}
			time.Sleep(time.Until(v.NextLook))
		}
		if !v.Complete || v.Said != "Seen gone: 2 jobs." {
			t.Errorf("%+v", v)
		}
		live, _, err := b.grid.LiveJobs(t.Context(), grid.Account{ID: "1001"})
		if err != nil || !slices.ContainsFunc(live, func(j grid.LiveJob) bool { return j.ID == "6001000000" && !j.Killing }) {
			t.Errorf("another job of the user was killed: %v", err)
		}
		if _, _, err := planOf(t, b.grid, nil, killJob, "6001010000", "again"); err == nil || !strings.Contains(err.Error(), "These jobs have ended") {
			t.Errorf("again: %v", err)
		}
	})
}

func TestATaskIsKilledWithTheJobsItHas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		c, p, err := planOf(t, b.grid, b.grid.SiteMap(), killTask, "41000102", "coins", "on", "wn042")
		if err != nil {
			t.Fatal(err)
		}
		o := orderIn(t, p)
		if diff := cmp.Diff([]string{"41000102"}, o.Tasks); diff != "" || len(o.Jobs) == 0 {
			t.Errorf("%s, jobs %q", diff, o.Jobs)
		}
		contains(t, facts(p), `owner: "Naughty User"`, "kills, task 41000102: 3 running at EXAMPLE-T3", "reason: coins on wn042")
		a := apply(t, c, approved(p))
		var v action.Progress
		for range 200 {
			if v = verify(t, c, a); v.Settled {
				break
			}
			time.Sleep(time.Until(v.NextLook))
		}
		if !v.Complete || !strings.Contains(v.Said, "Over: 1 task.") {
			t.Errorf("%+v", v)
		}
		tasks, err := b.grid.TasksByID(t.Context(), []string{"41000101", "41000102"})
		if err != nil || len(tasks) != 2 || tasks[0].Over || !tasks[1].Over {
			t.Errorf("tasks %+v: %v", tasks, err)
		}
	})
}

func TestWhoseJobsTheyAreIsSaid(t *testing.T) {
	s := newStub(4)
	s.tasks = []grid.LiveTask{{ID: "7", User: "Solo User", Status: "running"}}
	for i, user := range []string{"Solo User", "gangarbt", "Nobody Known", "Solo User"} {
		s.jobs[i].User = user
	}
	s.jobs[2].Label, s.jobs[2].Table = "managed", "jobsactive4"
	_, p, err := planOf(t, s, nil, killJob, "600000", "600002", "coins")
	if err != nil {
		t.Fatal(err)
	}
	if p.Target.Protected != "" || !slices.Equal(p.Target.Owners, []string{"Nobody Known", "Solo User"}) {
		t.Errorf("target: %+v", p.Target)
	}
	contains(t, facts(p), `owner: "Nobody Known" (`, "whom the system does not know as a user", `kills, task 7 of "Nobody Known": 1 activated (managed, jobsactive4) at A`, `kills, task 7 of "Solo User": `)
	contains(t, strings.Join(p.Warnings, "\n"), "production or tests (managed 1)", "To end them: `kill task 7 \"coins\"`")
	if _, p, err = planOf(t, s, nil, killJob, "600001", "coins"); err != nil || !strings.Contains(p.Target.Protected, `"gangarbt" is a robot`) {
		t.Errorf("a robot's job: %+v, %v", p.Target, err)
	}
	s.jobs[3].User = "atlpilo1"
	if _, p, err = planOf(t, s, nil, killJob, "600000", "600003", "coins"); err != nil || !strings.Contains(p.Target.Forbidden, `"atlpilo1", which is a pilot factory`) || p.Payload != nil {
		t.Errorf("a pilot factory's job: %+v, %v", p.Target, err)
	}
}
