package kill

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/sandbox"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// bench is a sandbox with the command over it.
type bench struct {
	*testing.T
	grid *sandbox.Grid
	cmd  bot.Command
}

func newBench(t *testing.T) *bench {
	t.Helper()
	g, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return &bench{T: t, grid: g, cmd: commandOver(t, g, g.SiteMap())}
}

func commandOver(t *testing.T, b Backend, sites *grid.SiteMap) bot.Command {
	return answertest.Command(t, New(b, sites), "kill user")
}

func (b *bench) plan(words ...string) (action.Plan, error) {
	return b.cmd.Plan(b.Context(), answertest.Request(b.cmd, time.Now(), words...))
}

func (b *bench) mustPlan(words ...string) action.Plan {
	b.Helper()
	p, err := b.plan(words...)
	if err != nil {
		b.Fatal(err)
	}
	return p
}

func (b *bench) ban(id, name string) {
	b.Helper()
	if err := b.grid.Ban(b.Context(), id, name); err != nil {
		b.Fatal(err)
	}
}

// approved is the action of a plan that people have approved.
func approved(p action.Plan) action.Action {
	return action.Action{ID: "k7m2qd", Command: "kill user", State: action.Running, Frozen: action.Frozen{Command: "kill user", Plan: p}}
}

// apply runs the action's steps to their end as the engine does.
func apply(t testing.TB, c bot.Command, a action.Action) action.Action {
	t.Helper()
	for !a.Outcome.Done {
		out, err := c.Apply(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		a.Outcome, a.Steps = out, append(a.Steps, action.Step{At: time.Now(), Said: out.Said})
		if len(a.Steps) > 100 {
			t.Fatal("it never ends")
		}
	}
	a.State, a.AppliedAt = action.Applied, time.Now()
	return a
}

func said(a action.Action) []string {
	var out []string
	for _, s := range a.Steps {
		out = append(out, s.Said)
	}
	return out
}

func verify(t testing.TB, c bot.Command, a action.Action) action.Progress {
	t.Helper()
	p, err := c.Verify(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func facts(p action.Plan) string {
	var b strings.Builder
	for _, f := range p.Facts {
		fmt.Fprintf(&b, "%s: %s\n", f.Label, f.Value)
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

func TestPlanListsEveryJobAndWarnsOfAFreeUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		p := b.mustPlan("Naughty User", "bit", "coins")
		contains(t, facts(p), "drill: ", "reason: bit coins", `user: "Naughty User"`, "look-alike, not touched",
			"kills, task 41000101: 4 running at EXAMPLE-LCG2, 32 cores: 6001000000, 6001010000, 6001020000, 6001030000",
			"kills, task 41000101: 3 activated at EXAMPLE-LCG2, 24 cores: 6001040000",
			"kills, task 41000102: 3 running at EXAMPLE-T3")
		contains(t, strings.Join(p.Warnings, "\n"), "is not banned", "`ban \"Naughty User\" bit coins`")
		var o order
		if err := json.Unmarshal(p.Payload, &o); err != nil || len(o.Tasks) != 2 || len(o.Jobs) != 11 || o.Accounts[0].ID != "1001" {
			t.Errorf("payload %s: %v", p.Payload, err)
		}
		for _, id := range o.Jobs {
			contains(t, facts(p), id)
		}
		b.ban("1001", "Naughty User")
		if p := b.mustPlan("Naughty User", "coins"); len(p.Warnings) != 0 {
			t.Errorf("warnings for a banned user: %q", p.Warnings)
		}
	})
}

func TestWhatIsNotProposed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for _, c := range []struct{ name, code, says string }{
			{"naughty User", "not-found", `"Naughty User"`},
			{"Naughty Usher", "unneeded", "no live jobs"},
		} {
			_, err := b.plan(c.name, "because")
			var p *bot.Problem
			if !errors.As(err, &p) || p.Code != c.code || !strings.Contains(p.Sentence, c.says) {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if p := b.mustPlan(b.grid.Incident().FactoryDN, "because"); !strings.Contains(p.Target.Forbidden, "pilot factory's") {
			t.Errorf("pilot factory: %+v", p.Target)
		}
	})
}

func TestKillTracksEachJobUntilOneIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.ban("1001", "Naughty User")
		a := apply(t, b.cmd, approved(b.mustPlan("Naughty User", "coins")))
		if diff := cmp.Diff([]string{"kill requested for 2 tasks", "kill requested for 11 jobs"}, said(a)); diff != "" {
			t.Error(diff)
		}
		p := verify(t, b.cmd, a)
		if diff := cmp.Diff(map[string]int{"requested": 7, "delivered": 0, "gone": 4, "evading": 0}, p.Counts); diff != "" || p.Settled {
			t.Errorf("right after: settled %t, %s", p.Settled, diff)
		}
		contains(t, p.Said, "4 gone, 7 requested (the pilot has not called yet)", "Of 2 tasks: 0 over", "due by 2000-01-01 00:00:")
		if due := p.DueBy.Sub(a.AppliedAt); due <= 0 || due > 31*time.Second {
			t.Errorf("due in %s; a pilot calls within 30 simulated minutes, 30 s here", due)
		}
		delivered, looks := 0, 0
		for !p.Settled {
			if !p.NextLook.After(time.Now()) || time.Until(p.NextLook) > 5*time.Second {
				t.Fatalf("next look in %s", time.Until(p.NextLook))
			}
			time.Sleep(time.Until(p.NextLook))
			p = verify(t, b.cmd, a)
			delivered = max(delivered, p.Counts["delivered"])
			if looks++; looks > 200 {
				t.Fatalf("never settles: %+v", p)
			}
			if p.Settled && p.Counts["gone"]+p.Counts["evading"] != 11 {
				t.Errorf("settled with %v", p.Counts)
			}
		}
		if delivered == 0 {
			t.Error("no pilot was ever seen to have been told")
		}
		if took := time.Since(a.AppliedAt); took < 30*time.Second || took > 75*time.Second {
			t.Errorf("settled after %s; the evading payload's pilot calls twice", took)
		}
		if diff := cmp.Diff(map[string]int{"requested": 0, "delivered": 0, "gone": 10, "evading": 1}, p.Counts); diff != "" || p.Complete {
			t.Errorf("at last: complete %t, %s", p.Complete, diff)
		}
		contains(t, strings.Join(p.Remains, "\n"), "job 6001000000: evading, site EXAMPLE-LCG2, host wn042.example.org, batch id 5", "commandToPilot=tobekilled",
			"task 41000101 is not over", "A malicious payload can evade the pilot's kill: ask the site to kill the batch jobs named here (by site: EXAMPLE-LCG2 1).",
			`To send to EXAMPLE-LCG2: A security incident concerns jobs of the PanDA user "Naughty User"`, "(PanDA job 6001000000).")
		if len(p.Remains) != 4 {
			t.Errorf("remains: %q", p.Remains)
		}
	})
}

func TestKillOfAnOrdinaryUserIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.ban("1008", "Li Wei")
		a := apply(t, b.cmd, approved(b.mustPlan("Li Wei", "stolen proxy")))
		var p action.Progress
		for range 200 {
			if p = verify(t, b.cmd, a); p.Settled {
				break
			}
			time.Sleep(time.Until(p.NextLook))
		}
		if !p.Complete || len(p.Remains) != 0 || p.Counts["gone"] != 3 {
			t.Errorf("%+v", p)
		}
		contains(t, p.Said, "Seen gone: 3 jobs. Over: 1 task.")
	})
}

func TestNewJobsAreListedAndNotSweptIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		first := b.mustPlan("Naughty User", "coins")
		a := apply(t, b.cmd, approved(first))
		time.Sleep(2 * time.Second) // the tasks' kill is executed
		if _, err := b.plan("Naughty User", "coins"); err == nil || !strings.Contains(err.Error(), "being killed already") {
			t.Errorf("planned again: %v", err)
		}
		if _, err := b.grid.Submit(t.Context(), "1001", "Naughty User"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		p := verify(t, b.cmd, a)
		if p.Counts["new"] != 3 {
			t.Errorf("counts %v", p.Counts)
		}
		contains(t, p.Said, "New since, and not part of this: 3 jobs.", "`kill user \"Naughty User\" coins`")
		second := b.mustPlan("Naughty User", "coins")
		var o order
		if err := json.Unmarshal(second.Payload, &o); err != nil || len(o.Jobs) != 3 || len(o.Tasks) != 1 {
			t.Errorf("the second plan has %s: %v", second.Payload, err)
		}
		if second.Target.Key == first.Target.Key {
			t.Error("the second plan would be taken for the first")
		}
		contains(t, facts(second), "not part of this: ")
	})
}

func TestApplyResumesAndRepeats(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.ban("1001", "Naughty User")
		a := approved(b.mustPlan("Naughty User", "coins"))
		for range 2 { // the first step is done, but its outcome is lost
			if _, err := b.cmd.Apply(t.Context(), a); err != nil {
				t.Fatal(err)
			}
		}
		out, err := b.cmd.Apply(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		a.Outcome = out
		for i, want := range []string{"kill requested for 11 jobs", "kill requested for 0 jobs; 11 had ended or were flagged already"} {
			out, err := b.cmd.Apply(t.Context(), a) // and so is the second's
			if err != nil {
				t.Fatal(err)
			}
			if out.Said != want || !out.Done {
				t.Errorf("try %d: %+v, want %q", i+1, out, want)
			}
		}
		time.Sleep(3 * time.Second)
		again := apply(t, b.cmd, approved(a.Frozen.Plan))
		if !again.Outcome.Unneeded {
			t.Errorf("applied again: %+v", again.Outcome)
		}
	})
}

// stub is a backend whose server refuses and whose states are given.
type stub struct {
	mu      sync.Mutex // of what kills change
	jobs    []grid.LiveJob
	states  map[string]grid.JobKill
	refuse  map[string]int // how often each job's kill is refused
	asked   [][]string
	slow    time.Duration // of each request
	look    time.Duration // of each look at kills
	atOnce  int           // requests now
	most    int           // and at any time
	tasks   []grid.LiveTask
	notYet  map[string]int // how often each task is not known yet
	killed  []string       // tasks
	shorten bool
	// The job of which a request fails, a request panics, and a look fails.
	failing, panicking, blind string
}

func (s *stub) Accounts(context.Context) ([]grid.Account, error) {
	return []grid.Account{{ID: "1", Name: "Solo User", Banned: true}}, nil
}

func (s *stub) JobsByID(_ context.Context, ids []string) (out []grid.FoundJob, err error) {
	for _, j := range s.jobs {
		if k := s.states[j.ID]; slices.Contains(ids, j.ID) {
			j.Killing = k.State != ""
			out = append(out, grid.FoundJob{LiveJob: j, Over: k.State == grid.KillGone})
		}
	}
	return out, nil
}

func (s *stub) TasksByID(_ context.Context, ids []string) (out []grid.FoundTask, err error) {
	for _, t := range s.tasks {
		if slices.Contains(ids, t.ID) {
			out = append(out, grid.FoundTask{LiveTask: t, Over: t.Status == "done"})
		}
	}
	return out, nil
}

func (s *stub) JobsOfTasks(_ context.Context, tasks []string) (out []grid.LiveJob, err error) {
	for _, j := range s.jobs {
		if slices.Contains(tasks, j.Task) {
			out = append(out, j)
		}
	}
	return out, nil
}

func (s *stub) LiveJobs(context.Context, grid.Account) ([]grid.LiveJob, []grid.LiveTask, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	jobs := slices.Clone(s.jobs)
	for i := range jobs {
		jobs[i].Killing = s.states[jobs[i].ID].State != ""
	}
	return jobs, s.tasks, nil
}

func (s *stub) KillTask(_ context.Context, id string) (bool, error) {
	if s.notYet[id]--; s.notYet[id] >= 0 {
		return false, fmt.Errorf("task %s: %w", id, grid.ErrNotYet)
	}
	s.killed = append(s.killed, id)
	return true, nil
}

func (s *stub) KillJobs(_ context.Context, ids []string) ([]bool, error) {
	if slices.Contains(ids, s.panicking) {
		panic("a mistake")
	}
	if slices.Contains(ids, s.failing) {
		return nil, errors.New("the server does not answer")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.slow > 0 {
		s.atOnce++
		s.most = max(s.most, s.atOnce)
		s.mu.Unlock()
		time.Sleep(s.slow)
		s.mu.Lock()
		s.atOnce--
	}
	s.asked = append(s.asked, slices.Clone(ids))
	taken := make([]bool, len(ids))
	for i, id := range ids {
		if s.refuse[id]--; s.refuse[id] < 0 {
			taken[i] = true
			s.states[id] = grid.JobKill{State: grid.KillRequested}
		}
	}
	if s.shorten {
		taken = taken[1:]
	}
	return taken, nil
}

func (s *stub) KillStatus(_ context.Context, ids []string, _ time.Time) ([]grid.JobKill, error) {
	if slices.Contains(ids, s.blind) {
		return nil, errors.New("the database does not answer")
	}
	time.Sleep(s.look)
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]grid.JobKill, len(ids))
	for i, id := range ids {
		out[i] = s.states[id]
		out[i].Job.ID = id
	}
	return out, nil
}

func newStub(jobs int) *stub {
	s := &stub{states: map[string]grid.JobKill{}, refuse: map[string]int{}}
	for i := range jobs {
		s.jobs = append(s.jobs, grid.LiveJob{ID: fmt.Sprint(600_000 + i), Task: "7", Status: "activated", Site: "A", Cores: 1})
	}
	return s
}

func planOver(t *testing.T, s *stub) (bot.Command, action.Plan) {
	t.Helper()
	c := commandOver(t, s, nil)
	p, err := c.Plan(t.Context(), answertest.Request(c, time.Now(), "Solo User", "coins"))
	if err != nil {
		t.Fatal(err)
	}
	return c, p
}

func TestApplyTakesJobsInChunksAndTriesRefusedOnesAgain(t *testing.T) {
	s := newStub(1250)
	s.refuse["600003"], s.refuse["600700"], s.refuse["600701"] = 1, 99, 2
	c, p := planOver(t, s)
	contains(t, facts(p), "1250 activated at A, 1250 cores: 600000–601249")
	a := apply(t, c, approved(p))
	var sizes []int
	for _, ids := range s.asked {
		sizes = append(sizes, len(ids))
	}
	slices.Sort(sizes)
	if diff := cmp.Diff(append([]int{1, 2, 3}, slices.Repeat([]int{jobsAtOnce}, 25)...), sizes); diff != "" {
		t.Errorf("jobs in each request: %s", diff)
	}
	if diff := cmp.Diff([]string{"kill requested for 1247 jobs; 3 refused by the server", "kill requested for 1 job; 2 refused by the server"}, said(a)[:2]); diff != "" {
		t.Error(diff)
	}
	if last := said(a)[len(a.Steps)-1]; last != "kill requested for 0 jobs; 1 refused by the server" {
		t.Errorf("said at last: %q", last)
	}
	for id, k := range s.states {
		if k.State == grid.KillRequested {
			s.states[id] = grid.JobKill{State: grid.KillGone}
		}
	}
	v := verify(t, c, a)
	if !v.Settled || v.Complete || v.Counts["refused"] != 1 || v.Counts["gone"] != 1249 {
		t.Errorf("%+v", v)
	}
	contains(t, strings.Join(v.Remains, "\n"), "job 600700: refused")
}

func TestATaskThatJustCameIsTriedUntilItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(2)
		s.tasks = []grid.LiveTask{{ID: "7", Status: "running"}, {ID: "8", Status: "waiting"}, {ID: "9", Status: "waiting"}}
		s.notYet = map[string]int{"8": 3, "9": 99}
		c, p := planOver(t, s)
		contains(t, facts(p), "kills, task 8: the task; it was just submitted", "kills, task 9: ")
		a := approved(p)
		var waits []time.Duration
		for !a.Outcome.Done {
			out, err := c.Apply(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			a.Outcome, a.Steps = out, append(a.Steps, action.Step{Said: out.Said})
			if wait := time.Until(out.NotBefore); !out.NotBefore.IsZero() {
				waits = append(waits, wait)
				time.Sleep(wait)
			}
		}
		if diff := cmp.Diff([]string{"7", "8"}, s.killed); diff != "" {
			t.Error(diff)
		}
		if len(waits) != maxLater || waits[0] != laterPause {
			t.Errorf("waited %v", waits)
		}
		contains(t, said(a)[0], "kill requested for 1 task; 2 so new that the server does not know them yet")
		a.AppliedAt = time.Now()
		time.Sleep(taskTime + grace + time.Second)
		s.states = map[string]grid.JobKill{"600000": {State: grid.KillGone}, "600001": {State: grid.KillGone}}
		s.jobs, s.tasks = nil, s.tasks[2:]
		v := verify(t, c, a)
		if !v.Settled || v.Complete || !slices.Contains(v.Remains, "task 9 is not over") {
			t.Errorf("%+v", v)
		}
	})
}

func TestManyJobsArePlannedAtOnce(t *testing.T) {
	s := newStub(220_000)
	for i := range s.jobs {
		s.jobs[i].ID = fmt.Sprint(6_000_000_000 + 3*i) // none follows another
	}
	began := time.Now()
	_, p := planOver(t, s)
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it takes %s", took)
	}
	contains(t, strings.Join(p.Warnings, "\n"), "70000 more jobs are not part of this")
}

func TestAPlanGroupsByLabelAndLeavesOutWhatIsBeingKilled(t *testing.T) {
	s := newStub(5)
	for i, label := range []string{"user", "user", "panda", "managed", "user"} {
		s.jobs[i].Label = label
	}
	s.states["600004"] = grid.JobKill{State: grid.KillRequested}
	_, p := planOver(t, s)
	contains(t, facts(p), "2 activated (user) at A, 2 cores: 600000, 600001", "1 activated (panda) at A, 1 cores: 600002",
		"1 activated (managed) at A, 1 cores: 600003", "not part of this: 1 jobs and tasks that are being killed already")
	var o order
	if err := json.Unmarshal(p.Payload, &o); err != nil || slices.Contains(o.Jobs, "600004") || len(o.Jobs) != 4 {
		t.Errorf("the order has %q: %v", o.Jobs, err)
	}
}

// TestAStepEndsInTimeAndKeepsTheServerBusy holds that a step begins no request when its
// time is over, that no look keeps the server waiting, and that each job is asked for
// once, over all steps.
func TestAStepEndsInTimeAndKeepsTheServerBusy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(5000)
		c, p := planOver(t, s)
		s.slow, s.look = 3100*time.Millisecond, 200*time.Millisecond
		a := approved(p)
		began := time.Now()
		out, err := c.Apply(t.Context(), a)
		if took := time.Since(began); err != nil || took > stepTime+s.slow {
			t.Errorf("a step took %s: %v", took, err)
		}
		var at position
		if err := json.Unmarshal(out.State, &at); err != nil || at.Jobs != 4*requestsAtOnce*jobsAtOnce || s.most != requestsAtOnce {
			t.Errorf("%d jobs, %d requests at once: %v", at.Jobs, s.most, err)
		}
		a.Outcome = out
		if a = apply(t, c, a); len(s.states) != 5000 {
			t.Errorf("%d of 5000 jobs after %q", len(s.states), said(a))
		}
		if asked := slices.Sorted(slices.Values(slices.Concat(s.asked...))); len(asked) != 5000 || len(slices.Compact(asked)) != 5000 {
			t.Errorf("%d kills were asked for", len(asked))
		}
		var last position
		if err := json.Unmarshal(a.Outcome.State, &last); err != nil || last.Requested != 5000 {
			t.Errorf("%d are said to be requested: %v", last.Requested, err)
		}
	})
}

// TestAStepKeepsWhatWasDoneBeforeAnError holds that a step tells what was done before the
// jobs that met an error, and that the next ones ask for nothing twice.
func TestAStepKeepsWhatWasDoneBeforeAnError(t *testing.T) {
	const broken = "600512"
	for name, trouble := range map[string]*stub{
		"a request that fails":   {failing: broken},
		"a request that panics":  {panicking: broken},
		"a look that fails":      {blind: broken},
		"the very first request": {failing: "600000"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newStub(1000)
				c, p := planOver(t, s)
				s.slow, s.failing, s.panicking, s.blind = time.Second, trouble.failing, trouble.panicking, trouble.blind
				a := approved(p)
				out, err := c.Apply(t.Context(), a)
				if trouble.failing == "600000" {
					if err == nil {
						t.Fatalf("no error, but %q", out.Said)
					}
				} else {
					var at position
					if uerr := json.Unmarshal(out.State, &at); err != nil || uerr != nil || at.Jobs != 500 || at.Requested != 500 {
						t.Fatalf("%q: %+v, %v, %v", out.Said, at, err, uerr)
					}
					a.Outcome = out
					if _, err := c.Apply(t.Context(), a); err == nil {
						t.Error("the next step does not meet the error")
					}
				}
				s.failing, s.panicking, s.blind = "", "", ""
				apply(t, c, a)
				if asked := slices.Sorted(slices.Values(slices.Concat(s.asked...))); len(s.states) != 1000 || len(asked) != 1000 || len(slices.Compact(asked)) != 1000 {
					t.Errorf("%d kills were asked for, for %d jobs", len(asked), len(s.states))
				}
			})
		})
	}
}

func TestAnAnswerOfAnotherLengthIsAnError(t *testing.T) {
	s := newStub(3)
	c, p := planOver(t, s)
	s.shorten = true
	if out, err := c.Apply(t.Context(), approved(p)); err == nil {
		t.Errorf("taken: %+v", out)
	}
}

func TestAPlanIsLimitedAndTakesRunningJobsFirst(t *testing.T) {
	s := newStub(maxJobs + 5)
	last := &s.jobs[maxJobs+4]
	last.Status, last.Heartbeat = "running", time.Now()
	_, p := planOver(t, s)
	var o order
	if err := json.Unmarshal(p.Payload, &o); err != nil {
		t.Fatal(err)
	}
	if len(o.Jobs) != maxJobs || !slices.Contains(o.Jobs, last.ID) {
		t.Errorf("%d jobs, the running one among them: %t", len(o.Jobs), slices.Contains(o.Jobs, last.ID))
	}
	contains(t, strings.Join(p.Warnings, "\n"), "5 more jobs are not part of this")
}

func TestALostPilotIsNamedWhenItsTimeIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStub(2)
		c, p := planOver(t, s)
		a := apply(t, c, approved(p))
		due := time.Now().Add(20 * time.Minute)
		lost := grid.JobKill{State: grid.KillRequested, Due: due, Evidence: "commandToPilot=tobekilled", Job: grid.LiveJob{Site: "A", Host: "wn1"}}
		s.states["600000"], s.states["600001"] = lost, grid.JobKill{State: grid.KillGone}
		v := verify(t, c, a)
		if v.Settled || !v.DueBy.Equal(due) || !v.NextLook.Equal(time.Now().Add(latest)) || len(v.Remains) != 0 {
			t.Errorf("before it is due: %+v", v)
		}
		time.Sleep(20*time.Minute + grace + time.Second)
		v = verify(t, c, a)
		if !v.Settled || v.Complete {
			t.Errorf("after: %+v", v)
		}
		contains(t, strings.Join(v.Remains, "\n"), "job 600000: requested, site A, host wn1, batch id unknown, was due", "ask the site to kill the batch jobs named here (by site: A 1)")
	})
}
