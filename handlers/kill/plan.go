package kill

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// maxJobs is how many jobs one action kills. Every id is frozen and shown, and
// there is a limit to what people can read.
const maxJobs = 50_000

// order is the payload of an action: the exact tasks and jobs.
type order struct {
	Accounts []account `json:"accounts"`
	Tasks    []string  `json:"tasks"`
	Jobs     []string  `json:"jobs"`
	Reason   string    `json:"reason"`
}

type account struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	DN         string          `json:"dn"`
	Experiment grid.Experiment `json:"experiment"`
}

func (o order) users() []grid.Account {
	var out []grid.Account
	for _, a := range o.Accounts {
		out = append(out, grid.Account{ID: a.ID, Name: a.Name, DN: a.DN, Experiment: a.Experiment})
	}
	return out
}

func orderOf(a action.Action) (order, error) {
	var o order
	if err := json.Unmarshal(a.Frozen.Plan.Payload, &o); err != nil {
		return o, fmt.Errorf("kill user: reading the order of %s: %w", a.ID, err)
	}
	return o, nil
}

// plan freezes what lives now and is not being killed already. What appears
// later needs an action of its own: the key of the target holds the list.
func (c command) plan(ctx context.Context, r *bot.Request) (action.Plan, error) {
	u, reason, err := target.Read(ctx, r, c.backend, c.sites)
	if err != nil {
		return action.Plan{}, err
	}
	if u.Forbidden != "" {
		return action.Plan{Target: u.Target()}, nil
	}
	live, err := target.ReadLive(ctx, c.backend, u.Accounts)
	if err != nil {
		return action.Plan{}, fmt.Errorf("kill user: %w", err)
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
	cut := max(0, len(todo.Jobs)-maxJobs)
	if cut > 0 {
		slices.SortStableFunc(todo.Jobs, func(a, b grid.LiveJob) int { return -cmp.Compare(runs(a), runs(b)) })
		todo.Jobs = todo.Jobs[:maxJobs]
	}
	o := orderFor(u, todo, reason)
	payload, err := json.Marshal(o)
	if err != nil {
		return action.Plan{}, fmt.Errorf("kill user: writing the order: %w", err)
	}
	plan := action.Plan{Target: u.Target(), ReadAt: live.ReadAt, Payload: payload}
	plan.Target.Key += " " + o.key()
	plan.Facts = c.facts(u, todo, reason, flagged)
	plan.Will = []string{
		fmt.Sprintf("request the kill of %d tasks: they make no more jobs, and what they have made until then is killed too", len(o.Tasks)),
		fmt.Sprintf("then request the kill of %d jobs: those that wait end at once, those that run when their pilot calls next, within 30 min", len(o.Jobs)),
		"look until each is seen gone, and name those that are not",
	}
	plan.WillNot = []string{
		"keep the user from submitting: that is a ban",
		"kill tasks, or jobs of other tasks, that appear after this plan: they are listed as new and need an action of their own",
		"stop a payload that has detached itself from its pilot",
	}
	plan.Warnings = warnings(u, reason, cut)
	return plan, nil
}

func orderFor(u target.User, todo target.Live, reason string) order {
	o := order{Reason: reason, Tasks: []string{}, Jobs: jobIDs(todo.Jobs)}
	for _, a := range u.Accounts {
		o.Accounts = append(o.Accounts, account{ID: a.ID, Name: a.Name, DN: a.DN, Experiment: a.Experiment})
	}
	for _, t := range todo.Tasks {
		o.Tasks = append(o.Tasks, t.ID)
	}
	return o
}

func (c command) facts(u target.User, todo target.Live, reason string, flagged int) []action.Fact {
	facts := append(c.clock.Facts(), action.Fact{Label: "reason", Value: reason})
	facts = append(facts, u.Facts()...)
	facts = append(facts, todo.Facts()...)
	facts = append(facts, groups(todo)...)
	if flagged > 0 {
		facts = append(facts, action.Fact{Label: "not part of this", Value: fmt.Sprintf("%d jobs and tasks that are being killed already", flagged)})
	}
	return facts
}

// warnings says what makes the kill less than it seems. cut is how many jobs
// are more than one action takes.
func warnings(u target.User, reason string, cut int) []string {
	var out []string
	for _, a := range u.Accounts {
		if !a.Banned {
			out = append(out, fmt.Sprintf("%q (id %s) is not banned: jobs and tasks can come back. First: `%s`", a.Name, a.ID, target.Command("ban", u.Accounts[0].Name, reason)))
		}
	}
	for _, a := range u.Namesakes {
		out = append(out, fmt.Sprintf("id %s with the DN %s has the same name, and PanDA's jobs carry the name only: some of these jobs may be that user's", a.ID, a.DN))
	}
	if cut > 0 {
		out = append(out, fmt.Sprintf("%d more jobs are not part of this: one action takes %d jobs, running ones first. The kill of their tasks ends them too; ask again afterwards.", cut, maxJobs))
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

// status asks for the kills of jobs that were registered by since, and makes sure that there is one for each.
func (c command) status(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	kills, err := c.backend.KillStatus(ctx, ids, since)
	if err != nil {
		return nil, fmt.Errorf("reading the state of %d kills: %w", len(ids), err)
	}
	if len(kills) != len(ids) {
		return nil, fmt.Errorf("reading the state of %d kills: the answer has %d", len(ids), len(kills))
	}
	return kills, nil
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

// key stands for the list: another list is another action.
func (o order) key() string {
	sum := sha256.Sum256([]byte(strings.Join(o.Tasks, " ") + "/" + strings.Join(o.Jobs, " ")))
	return hex.EncodeToString(sum[:8])
}

// groups lists every id that would be killed, by task, status and site.
func groups(l target.Live) []action.Fact {
	type group struct{ task, status, site, label string }
	ids, cores := map[group][]string{}, map[group]int{}
	for _, j := range l.Jobs {
		g := group{j.Task, j.Status, j.Site, j.Label}
		ids[g] = append(ids[g], j.ID)
		cores[g] += j.Cores
	}
	busy, waiting := map[string]bool{}, map[string]bool{}
	for _, j := range l.Jobs {
		busy[j.Task] = true
	}
	for _, t := range l.Tasks {
		waiting[t.ID] = t.Status == "waiting"
		if !busy[t.ID] {
			ids[group{task: t.ID}] = nil
		}
	}
	sorted := make([]group, 0, len(ids))
	for g := range ids {
		sorted = append(sorted, g)
	}
	slices.SortFunc(sorted, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.task, b.task), cmp.Compare(b.status, a.status), cmp.Compare(a.site, b.site), cmp.Compare(a.label, b.label))
	})
	facts := make([]action.Fact, len(sorted))
	for i, g := range sorted {
		facts[i] = action.Fact{Label: "kills, task " + g.task, Value: "the task; it has no live jobs"}
		if waiting[g.task] {
			facts[i].Value = "the task; it was just submitted, has no jobs yet, and can be killed only when JEDI has taken it: tried again until then"
		}
		if n := len(ids[g]); n > 0 {
			what := g.status
			if g.label != "" {
				what += " (" + g.label + ")"
			}
			facts[i].Value = fmt.Sprintf("%d %s at %s, %d cores: %s", n, what, g.site, cores[g], ranges(ids[g]))
		}
	}
	return facts
}

// ranges writes ids in full; those that follow each other as first–last.
func ranges(ids []string) string {
	var parts []string
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && follows(ids[j], ids[j+1]) {
			j++
		}
		switch j - i {
		case 0:
			parts = append(parts, ids[i])
		case 1:
			parts = append(parts, ids[i], ids[j])
		default:
			parts = append(parts, ids[i]+"–"+ids[j])
		}
		i = j + 1
	}
	return strings.Join(parts, ", ")
}

func follows(a, b string) bool {
	m, errA := strconv.ParseInt(a, 10, 64)
	n, errB := strconv.ParseInt(b, 10, 64)
	return errA == nil && errB == nil && n == m+1
}
