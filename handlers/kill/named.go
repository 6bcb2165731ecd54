package kill

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// Bounds of what is typed.
const (
	maxIDs    = 50
	maxReason = 1000 // bytes
	longID    = 7    // digits, from which on a number in the reason may be meant as an id
)

// planTasks freezes tasks, and the jobs that they have now.
func (c command) planTasks(ctx context.Context, r *bot.Request) (action.Plan, error) {
	ids, reason, err := c.ids(r, "task")
	if err != nil {
		return action.Plan{}, err
	}
	found, err := c.backend.TasksByID(ctx, ids)
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if missing := without(ids, len(found), func(i int) string { return found[i].ID }); len(missing) > 0 {
		jobs, err := c.backend.JobsByID(ctx, missing)
		if err != nil {
			return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
		}
		return action.Plan{}, unknown("task", killJob, missing, len(jobs))
	}
	todo, err := c.liveTasks(ctx, ids)
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
	}
	d := draft{over: len(ids) - len(todo.Tasks), reason: reason}
	d.todo, d.flagged = untouched(todo)
	if len(d.todo.Tasks)+len(d.todo.Jobs) == 0 {
		return action.Plan{}, nothingLeft("tasks", d)
	}
	return c.planNamed(ctx, d, ids, "panda task")
}

// planJobs freezes single jobs.
func (c command) planJobs(ctx context.Context, r *bot.Request) (action.Plan, error) {
	ids, reason, err := c.ids(r, "job")
	if err != nil {
		return action.Plan{}, err
	}
	read := time.Now().UTC()
	found, err := c.backend.JobsByID(ctx, ids)
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
	}
	if missing := without(ids, len(found), func(i int) string { return found[i].ID }); len(missing) > 0 {
		tasks, err := c.backend.TasksByID(ctx, missing)
		if err != nil {
			return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
		}
		return action.Plan{}, unknown("job", killTask, missing, len(tasks))
	}
	slices.SortFunc(found, func(a, b grid.FoundJob) int { return strings.Compare(a.ID, b.ID) })
	d := draft{reason: reason}
	live := target.Live{ReadAt: read}
	for _, j := range found {
		if j.Over {
			d.over++
			continue
		}
		live.Jobs = append(live.Jobs, j.LiveJob)
	}
	d.todo, d.flagged = untouched(live)
	if len(d.todo.Jobs) == 0 {
		return action.Plan{}, nothingLeft("jobs", d)
	}
	if d.warnings, err = c.regenerated(ctx, d.todo.Jobs, reason); err != nil {
		return action.Plan{}, fmt.Errorf("%s: %w", c.name, err)
	}
	return c.planNamed(ctx, d, ids, "panda job")
}

// planNamed says whose the tasks and jobs are. What ids name is the target.
func (c command) planNamed(ctx context.Context, d draft, ids []string, kind string) (action.Plan, error) {
	all, err := target.AccountsNamed(ctx, c.backend, names(d.todo))
	if err != nil {
		return action.Plan{}, fmt.Errorf("%s: reading the users: %w", c.name, err)
	}
	owners := target.Owners(names(d.todo), all, c.sites)
	d.target = action.Target{
		Kind: kind, Name: strings.Join(ids, ", "), Key: kind, Owners: owners.Names(),
		Forbidden: owners.Forbidden, Protected: owners.Protected,
	}
	if d.target.Forbidden != "" {
		return action.Plan{Target: d.target}, nil
	}
	d.accounts, d.whose = owners.Accounts, owners.Facts()
	d.warnings = slices.Concat(owners.Warnings(d.reason), production(d.todo.Jobs), d.warnings)
	return c.plan(d)
}

// liveTasks gives those of tasks that are not over, and their jobs.
func (c command) liveTasks(ctx context.Context, ids []string) (target.Live, error) {
	l := target.Live{ReadAt: time.Now().UTC()}
	found, err := c.backend.TasksByID(ctx, ids)
	if err != nil {
		return l, err
	}
	for _, t := range found {
		if !t.Over {
			l.Tasks = append(l.Tasks, t.LiveTask)
		}
	}
	if l.Jobs, err = c.backend.JobsOfTasks(ctx, ids); err != nil {
		return l, err
	}
	slices.SortFunc(l.Jobs, func(a, b grid.LiveJob) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(l.Tasks, func(a, b grid.LiveTask) int { return strings.Compare(a.ID, b.ID) })
	return l, nil
}

// ids takes the numbers at the beginning of what was typed, each once, and the reason
// behind them.
func (c command) ids(r *bot.Request, what string) (ids []string, reason string, err error) {
	words := r.Words
	for len(words) > 0 && !words[0].Quoted {
		word := strings.TrimRight(words[0].Text, ",;")
		if !digits(word) {
			break
		}
		n, err := strconv.ParseInt(word, 10, 64)
		if err != nil || n == 0 || word[0] == '0' {
			return nil, "", bot.Problemf("usage", "%q is no %s: ids are whole numbers from 1 to 9223372036854775807. Nothing was proposed.", target.Clip(word), what)
		}
		if !slices.Contains(ids, word) {
			ids = append(ids, word)
		}
		words = words[1:]
	}
	for _, w := range words {
		if word := strings.TrimRight(w.Text, ",;"); !w.Quoted && len(word) >= longID && digits(word) && len(ids) > 0 {
			return nil, "", bot.Problemf("ambiguous", "It is not clear whether %s is a %s to kill or part of the reason, so nothing was proposed. Give all ids first, or put the reason in quotes: `%s %s \"REASON\"`", target.Clip(word), what, c.name, strings.Join(ids[:min(len(ids), 3)], " "))
		}
	}
	var text []string
	for _, w := range words {
		text = append(text, w.Text)
	}
	reason = strings.TrimSpace(strings.Join(text, " "))
	switch {
	case len(ids) == 0 && len(words) > 0:
		return nil, "", bot.Problemf("usage", "%q is no number of a %s. Type `%s NUMBER REASON`; for everything that a user has, `kill user \"NAME\" REASON`. Nothing was proposed.", target.Clip(words[0].Text), what, c.name)
	case len(ids) == 0:
		return nil, "", bot.Problemf("usage", "The number of the %s is missing.", what)
	case len(ids) > maxIDs:
		return nil, "", bot.Problemf("usage", "These are %d, and one command takes %d. Kill the task or what the user has, or ask in parts.", len(ids), maxIDs)
	case reason == "":
		return nil, "", bot.Problemf("usage", "A reason is needed: those who approve must know why. Nothing was proposed.")
	case len(reason) > maxReason:
		return nil, "", bot.Problemf("usage", "The reason is longer than %d bytes. Shorten it, and put the rest into a `note`.", maxReason)
	}
	return ids, reason, nil
}

func digits(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

// without gives those of ids that were not found.
func without(ids []string, n int, found func(int) string) []string {
	known := map[string]bool{}
	for i := range n {
		known[found(i)] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return known[id] })
}

// unknown says that ids are not what they were taken for. others of them are what
// the other command takes.
func unknown(what, other string, missing []string, others int) error {
	s := fmt.Sprintf("There is no %s %s. Nothing was proposed.", what, strings.Join(missing, ", "))
	switch {
	case others > 0 && len(missing) == 1:
		s += fmt.Sprintf(" There is something of that number for `%s`.", other)
	case others > 0:
		s += fmt.Sprintf(" %d of them are something for `%s`.", others, other)
	default:
		s += " If a number is part of the reason, put the whole reason in quotes."
	}
	return bot.Problemf("not-found", "%s", s)
}

func nothingLeft(what string, d draft) error {
	if d.flagged > 0 {
		return bot.Problemf("unneeded", "Of these %s, what has not ended is being killed already, so nothing was proposed. `pending` shows how far it is.", what)
	}
	return bot.Problemf("unneeded", "These %s have ended, so nothing was proposed.", what)
}

// names gives each user once, in order.
func names(l target.Live) []string {
	seen := map[string]bool{}
	for _, j := range l.Jobs {
		seen[j.User] = true
	}
	for _, t := range l.Tasks {
		seen[t.User] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// production warns of jobs that are not of an analysis. By their label PanDA takes the
// name from the submission, and does not put that of the submitter in its place.
func production(jobs []grid.LiveJob) []string {
	labels := map[string]int{}
	for _, j := range jobs {
		if j.Label != "" && j.Label != "user" && j.Label != "panda" {
			labels[j.Label]++
		}
	}
	if len(labels) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("some of these are no user's analysis but production or tests (%s): the kill takes the experiment's own work, and the name that they carry is what the submission said", target.Counts(labels))}
}

// regenerated warns of live tasks, which make new jobs in place of killed ones.
func (c command) regenerated(ctx context.Context, jobs []grid.LiveJob, reason string) ([]string, error) {
	var ids []string
	for _, j := range jobs {
		if j.Task != "" && !slices.Contains(ids, j.Task) {
			ids = append(ids, j.Task)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	tasks, err := c.backend.TasksByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	var live []string
	for _, t := range tasks {
		if !t.Over && !dying(t.LiveTask) {
			live = append(live, t.ID)
		}
	}
	if len(live) == 0 {
		return nil, nil
	}
	slices.Sort(live)
	return []string{fmt.Sprintf("live tasks make new jobs in place of killed ones, unless their user is banned: %s. To end them: `%s`", strings.Join(live, ", "), byID(killTask, live, reason))}, nil
}
