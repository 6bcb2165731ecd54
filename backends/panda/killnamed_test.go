package panda_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/kill"
)

// commandOf is one of the commands that kill, over the bench.
func commandOf(b *killBench, name string) bot.Command {
	b.Helper()
	return answertest.Command(b, kill.New(pandaKills{b.store, b.Killer}, nil), name)
}

// done runs a plan that was approved to the end of its steps.
func done(b *killBench, c bot.Command, p action.Plan) action.Action {
	b.Helper()
	a := action.Action{ID: "k7m2qd", Command: c.Name, State: action.Running, Frozen: action.Frozen{Command: c.Name, Plan: p}}
	for !a.Outcome.Done {
		out, err := c.Apply(b.Context(), a)
		if err != nil {
			b.Fatal(err)
		}
		a.Outcome = out
	}
	a.State, a.AppliedAt = action.Applied, b.d.Now()
	return a
}

// TestTasksAndJobsAreKilledByTheirIDs kills jobs of two people, and a task, and looks
// that the server was asked for nothing else.
func TestTasksAndJobsAreKilledByTheirIDs(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	_, _, others := naughty(b)
	b.d.AddTask(pandatest.Task{JediTaskID: 44, UserName: "Old Hand", Status: "done"})
	mine := pandatest.All[int64](b.d, "SELECT pandaid FROM doma_panda.jobsactive4 WHERE produsername = 'Naughty User' AND jobstatus = 'running' ORDER BY pandaid")
	over := b.d.AddJob(pandatest.Job{Table: pandatest.Archived, ProdUserName: "Naughty User", JobStatus: "finished"})
	production := b.d.AddJob(pandatest.Job{ProdUserName: "prodsys", ProdSourceLabel: "managed", JobStatus: "running", StartTime: b.d.Now().Add(-time.Hour), ComputingSite: "EXAMPLE"})
	text := func(id int64) string { return strconv.FormatInt(id, 10) }
	job, task := commandOf(b, "kill job"), commandOf(b, "kill task")

	p, err := job.Plan(t.Context(), answertest.Request(job, time.Now(), text(mine[0]), text(others[0]), text(over), text(production), "they mine"))
	if err != nil {
		t.Fatal(err)
	}
	var facts strings.Builder
	for _, f := range p.Facts {
		facts.WriteString(f.Label + ": " + f.Value + "\n")
	}
	facts.WriteString(strings.Join(p.Warnings, "\n"))
	for _, want := range []string{
		`owner: "Naughty User"`, "DN " + naughtyDN, "banned", `owner: "Good User"`, `owner: "prodsys" (`, "whom the system does not know as a user",
		`kills, task 41 of "Naughty User": 1 running (user, jobsactive4) at EXAMPLE, 1 cores: ` + text(mine[0]),
		`kills, of no task of "prodsys": 1 running (managed, jobsactive4)`, "not part of this: 1 that have ended",
		`"Good User" is not banned`, "production or tests (managed 1)", "live tasks make new jobs in place of killed ones, unless their user is banned: 41, 43.",
	} {
		if !strings.Contains(facts.String(), want) {
			t.Errorf("%q is missing in:\n%s", want, facts.String())
		}
	}
	done(b, job, p)
	var asked []int64
	for _, r := range b.fake.Requests() {
		asked = append(asked, r.Jobs...)
	}
	slices.Sort(asked)
	want := []int64{mine[0], others[0], production}
	slices.Sort(want)
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("the server was asked for: %s", diff)
	}

	before := len(b.fake.Requests())
	p, err = task.Plan(t.Context(), answertest.Request(task, time.Now(), "41", "42", "they mine"))
	if err != nil {
		t.Fatal(err)
	}
	ordered := orderedJobs(b, p)
	if len(ordered) != 6 || ordered[text(mine[0])] { // that one is being killed already
		t.Errorf("the order has %v", ordered)
	}
	a := done(b, task, p) // 42 waits for JEDI and is tried again some times
	for _, r := range b.fake.Requests()[before:] {
		for _, id := range r.Jobs {
			if !ordered[text(id)] {
				t.Errorf("the job %d was killed and is no part of the order", id)
			}
		}
	}
	if v, err := task.Verify(t.Context(), a); err != nil || v.Counts["refused"] != 0 || v.Counts["gone"] != 3 {
		t.Errorf("%+v, %v", v, err)
	}
	if got := pandatest.All[string](b.d, "SELECT comm_task || ' ' || comm_cmd FROM doma_deft.prodsys_comm"); !slices.Equal(got, []string{"41 kill"}) {
		t.Errorf("commands: %q", got)
	}
	for _, c := range []struct {
		c    bot.Command
		id   string
		says string
	}{
		{job, "44", "There is something of that number for `kill task`"},
		{task, text(others[1]), "There is something of that number for `kill job`"},
		{job, text(over), "These jobs have ended"},
		{task, "44", "These tasks have ended"},
		{job, text(mine[0]), "is being killed already"},
	} {
		_, err := c.c.Plan(t.Context(), answertest.Request(c.c, time.Now(), c.id, "because"))
		var problem *bot.Problem
		if !errors.As(err, &problem) || !strings.Contains(problem.Sentence, c.says) {
			t.Errorf("%s %s: %v, want %q", c.c.Name, c.id, err, c.says)
		}
	}
}
