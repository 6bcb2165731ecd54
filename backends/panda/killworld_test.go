package panda_test

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/kill"
)

// pandaKills is PanDA as the command needs it.
type pandaKills struct {
	*panda.Store
	*panda.Killer
}

// naughty fills a PanDA with a user whose tasks make their jobs again: 41 with jobs
// in all states, 42 waiting for JEDI. evading is the job whose payload survives its
// pilot's kill; others are jobs of somebody else.
func naughty(b *killBench) (w *pandatest.World, evading int64, others []int64) {
	b.Helper()
	w = pandatest.NewWorld(b.d, time.Now().Add(-12*time.Hour).Truncate(time.Second), pandatest.Real())
	b.d.AddUser(pandatest.User{Name: "Naughty User", DN: naughtyDN, Status: "disabled"})
	b.d.AddUser(pandatest.User{Name: "Good User", DN: "/DC=org/DC=example/CN=Good User"})
	b.d.AddTask(pandatest.Task{JediTaskID: 41, UserName: "Naughty User", TaskName: "user.nuser.one", ReqID: 1})
	b.d.AddTask(pandatest.Task{JediTaskID: 42, UserName: "Naughty User", TaskName: "user.nuser.two", Waiting: true, CreationDate: b.d.Now(), ModificationTime: b.d.Now()})
	b.d.AddTask(pandatest.Task{JediTaskID: 43, UserName: "Good User", TaskName: "user.good.one", ReqID: 2})
	add := func(user, status string, task int64) int64 {
		j := pandatest.Job{ProdUserName: user, ProdUserID: user, JobStatus: status, JediTaskID: task, ComputingSite: "EXAMPLE", CreationTime: b.d.Now().Add(-time.Hour), ModificationTime: b.d.Now().Add(-9 * time.Minute)}
		switch status {
		case "running":
			j.StartTime, j.ModificationHost, j.BatchID = b.d.Now().Add(-40*time.Minute), "slot1@wn7.example.org", "7.0"
		case "assigned":
			j.Table = pandatest.Defined
		}
		return b.d.AddJob(j)
	}
	for _, status := range []string{"running", "running", "running", "activated", "activated", "assigned"} {
		add("Naughty User", status, 41)
	}
	evading = add("Naughty User", "running", 41)
	others = []int64{add("Good User", "running", 43), add("Good User", "activated", 43)}
	w.Evade(evading)
	return w, evading, others
}

func planned(b *killBench) (bot.Command, action.Plan) {
	b.Helper()
	c := answertest.Command(b, kill.New(pandaKills{b.store, b.Killer}, nil), "kill user")
	p, err := c.Plan(b.Context(), answertest.Request(c, time.Now(), "Naughty User", "miner"))
	if err != nil {
		b.Fatal(err)
	}
	return c, p
}

// orderedJobs are the ids that a plan has frozen.
func orderedJobs(b *killBench, p action.Plan) map[string]bool {
	b.Helper()
	var o struct{ Jobs []string }
	if err := json.Unmarshal(p.Payload, &o); err != nil {
		b.Fatal(err)
	}
	out := map[string]bool{}
	for _, id := range o.Jobs {
		out[id] = true
	}
	return out
}

// TestNothingOfAUserRunsAfterAKill kills a user on a server that breaks off, refuses
// and is restarted, beside a JEDI that makes jobs again.
func TestNothingOfAUserRunsAfterAKill(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	w, evading, others := naughty(b)
	c, p := planned(b)
	ordered := orderedJobs(b, p)
	if len(ordered) != 7 {
		t.Fatalf("the plan has %d jobs", len(ordered))
	}
	// What comes after the plan is no part of it.
	late := b.d.AddJob(pandatest.Job{ProdUserName: "Naughty User", ProdUserID: naughtyDN, JobStatus: "activated", ComputingSite: "EXAMPLE", ModificationTime: b.d.Now()})
	for _, trouble := range []pandatest.Trouble{
		{Path: "task/kill", Lose: true},
		{Path: "job/kill", HalfDone: true},
		{Path: "job/kill", Lose: true, Skip: 1},
		{Path: "job/kill", Status: http.StatusInternalServerError},
		{Path: "job/kill", Refuse: true},
	} {
		b.fake.Trouble(trouble)
	}
	a := action.Action{ID: "k7m2qd", Command: "kill user", State: action.Running, Frozen: action.Frozen{Command: "kill user", Plan: p}}
	failed := 0
	for steps := 0; !a.Outcome.Done; steps++ {
		out, err := c.Apply(t.Context(), a)
		if err != nil {
			failed++ // the engine tries again
		} else {
			a.Outcome = out
		}
		if !out.NotBefore.IsZero() {
			w.Advance(2 * time.Minute)
		}
		if steps > 40 {
			t.Fatalf("it never ends: %+v, %v", a.Outcome, err)
		}
	}
	if failed < 3 {
		t.Errorf("only %d steps failed: the troubles were not met", failed)
	}
	a.State, a.AppliedAt = action.Applied, b.d.Now()
	for _, r := range b.fake.Requests() {
		for _, id := range r.Jobs {
			if !ordered[strconv.FormatInt(id, 10)] {
				t.Errorf("the job %d was killed and is no part of the order", id)
			}
		}
	}
	v, err := c.Verify(t.Context(), a)
	if err != nil || v.Counts["gone"] == 7 || v.Counts["refused"] != 0 {
		t.Errorf("right after: %+v %v", v, err)
	}
	w.Advance(2 * time.Hour)
	if v, err = c.Verify(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	if !v.Settled || v.Complete || v.Counts["gone"] != 6 || v.Counts["evading"] != 1 {
		t.Errorf("two hours later: %+v", v)
	}
	remains := strings.Join(v.Remains, "\n")
	for _, want := range []string{"job " + strconv.FormatInt(evading, 10) + ": evading, site EXAMPLE, host wn7.example.org, batch id 7.0", "To send to EXAMPLE: "} {
		if !strings.Contains(remains, want) {
			t.Errorf("%q is missing in:\n%s", want, remains)
		}
	}
	left := pandatest.All[int64](b.d, `SELECT pandaid FROM doma_panda.jobsactive4 WHERE produsername = 'Naughty User' AND jeditaskid IS NOT NULL
		UNION ALL SELECT pandaid FROM doma_panda.jobsdefined4 WHERE produsername = 'Naughty User' AND jeditaskid IS NOT NULL`)
	if len(left) != 1 || left[0] != evading {
		t.Errorf("still there: %v, want the evading payload %d", left, evading)
	}
	if got := pandatest.All[string](b.d, "SELECT status FROM doma_panda.jedi_tasks WHERE jeditaskid = 42"); len(got) != 1 || got[0] != "aborted" {
		t.Errorf("the task that was just submitted is %q", got)
	}
	if n := pandatest.One[int64](b.d, "SELECT count(*) FROM doma_panda.jobsactive4 WHERE pandaid = ANY($1) AND commandtopilot IS NULL", append(others, late)); n == 0 {
		t.Error("jobs of others, or that came later, were killed")
	}
}
