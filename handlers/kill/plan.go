package kill

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// maxJobs is how many jobs one action kills. Every id is frozen, with the plan that
// people approve, and stored with each step.
const maxJobs = 150_000

// planUser freezes what a user has now and is not being killed already. What
// appears later needs an action of its own: the key of the target holds the list.
func (c command) planUser(ctx context.Context, r *bot.Request) (action.Plan, error) {
	u, reason, err := target.Read(ctx, r, c.backend, c.sites)
	if err != nil {
		return action.Plan{}, err
	}
	if u.Forbidden != "" {
		return action.Plan{Target: u.Target()}, nil
	}
	live, err := target.ReadLive(ctx, c.backend, u.Accounts)
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
	}
	todo, flagged := untouched(live)
	name := u.Accounts[0].Name
	switch {
	case len(todo.Jobs)+len(todo.Tasks) > 0:
	case flagged > 0:
		return action.Plan{}, bot.Problemf("unneeded", "Everything that %q has is being killed already, so nothing was proposed. `pending` shows how far it is.", name)
	default:
		return action.Plan{}, bot.Problemf("unneeded", "%q has no live jobs or tasks, so nothing was proposed.", name)
	}
	d := draft{target: u.Target(), whose: u.Facts(), accounts: u.Accounts, todo: todo, reason: reason, flagged: flagged, warnings: userWarnings(u, reason)}
	return c.plan(d)
}

// draft is what a plan is made of.
type draft struct {
	target   action.Target // without the list in its key
	whose    []action.Fact
	accounts []grid.Account
	todo     target.Live
	reason   string
	flagged  int // jobs and tasks that are being killed already
	over     int // that were named and have ended
	warnings []string
}

// plan freezes a draft.
func (c command) plan(d draft) (action.Plan, error) {
	if cut := len(d.todo.Jobs) - maxJobs; cut > 0 {
		slices.SortStableFunc(d.todo.Jobs, func(a, b grid.LiveJob) int { return -cmp.Compare(runs(a), runs(b)) })
		d.todo.Jobs = d.todo.Jobs[:maxJobs]
		d.warnings = append(d.warnings, fmt.Sprintf("%d more jobs are not part of this: one action takes %d jobs, running ones first. The kill of their tasks ends them too; ask again afterwards.", cut, maxJobs))
	}
	o := orderFor(d.accounts, d.todo, d.reason)
	payload, err := json.Marshal(o)
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: writing the order: %w", c.name, err)
	}
	plan := action.Plan{Target: d.target, ReadAt: d.todo.ReadAt, Payload: payload, Warnings: d.warnings}
	plan.Target.Key += " " + o.key()
	plan.Facts = c.facts(d)
	then := ""
	if len(o.Tasks) > 0 {
		plan.Will = []string{fmt.Sprintf("request the kill of %d tasks: they make no more jobs, and what they have made until then is killed too", len(o.Tasks))}
		then = "then "
	}
	plan.Will = append(plan.Will,
		fmt.Sprintf("%srequest the kill of %d jobs: those that wait end at once, those that run when their pilot calls next, within 30 min", then, len(o.Jobs)),
		"look until each is seen gone, and name those that are not")
	plan.WillNot = c.willNot()
	return plan, nil
}

func (c command) willNot() []string {
	switch c.name {
	case killTask:
		return []string{
			"keep anybody from submitting: that is a ban",
			"kill other tasks, or jobs that appear after this plan: those of these tasks end with them, and are listed as new until then",
			"stop a payload that has detached itself from its pilot",
		}
	case killJob:
		return []string{
			"keep anybody from submitting: that is a ban",
			"end the tasks of these jobs, or kill any other job: a live task makes new jobs in place of killed ones",
			"stop a payload that has detached itself from its pilot",
		}
	}
	return []string{
		"keep the user from submitting: that is a ban",
		"kill tasks, or jobs of other tasks, that appear after this plan: they are listed as new and need an action of their own",
		"stop a payload that has detached itself from its pilot",
	}
}

// facts have the lists of ids at their end: they may be long.
func (c command) facts(d draft) []action.Fact {
	facts := append(c.clock.Facts(), action.Fact{Label: "reason", Value: d.reason})
	facts = append(facts, d.whose...)
	now := d.todo.Facts()
	if c.name == killJob { // the tasks of these jobs are no part of it
		now = slices.DeleteFunc(now, func(f action.Fact) bool { return f.Label == target.TasksNow })
	}
	facts = append(facts, now...)
	if d.flagged > 0 {
		facts = append(facts, action.Fact{Label: "not part of this", Value: fmt.Sprintf("%d jobs and tasks that are being killed already", d.flagged)})
	}
	if d.over > 0 {
		facts = append(facts, action.Fact{Label: "not part of this", Value: fmt.Sprintf("%d that have ended", d.over)})
	}
	return append(facts, groups(d.todo)...)
}

// userWarnings says what makes the kill of a user less than it seems.
func userWarnings(u target.User, reason string) []string {
	var out []string
	for _, a := range u.Accounts {
		if !a.Banned {
			out = append(out, fmt.Sprintf("%q (id %s) is not banned: jobs and tasks can come back. First: `%s`", a.Name, a.ID, target.Command("ban", u.Accounts[0].Name, reason)))
		}
	}
	for _, a := range u.Namesakes {
		out = append(out, fmt.Sprintf("id %s with the DN %s has the same name, and PanDA's jobs carry the name only: some of these jobs may be that user's", a.ID, a.DN))
	}
	return out
}

// untouched leaves out what is being killed already, and counts it. The jobs may be very
// many: what is left takes the place of what was read.
func untouched(live target.Live) (todo target.Live, flagged int) {
	before := len(live.Jobs) + len(live.Tasks)
	live.Jobs = slices.DeleteFunc(live.Jobs, func(j grid.LiveJob) bool { return j.Killing })
	live.Tasks = slices.DeleteFunc(live.Tasks, dying)
	return live, before - len(live.Jobs) - len(live.Tasks)
}

// dying knows PanDA's states of a task whose kill is being executed.
func dying(t grid.LiveTask) bool { return t.Status == "aborting" || t.Status == "toabort" }

// runs is 1 for a job that a pilot has taken: those are stopped first.
func runs(j grid.LiveJob) int {
	if j.Heartbeat.IsZero() {
		return 0
	}
	return 1
}

func jobIDs(jobs []grid.LiveJob) []string {
	ids := make([]string, len(jobs))
	for i, j := range jobs {
		ids[i] = j.ID
	}
	return ids
}
