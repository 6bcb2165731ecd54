package kill

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// group is what the jobs of one line have in common.
type group struct{ user, task, status, site, label, table string }

// groups lists every id that would be killed, by task, status, site, label and table,
// and by user where there are several.
func groups(l target.Live) []action.Fact {
	several := len(names(l)) > 1
	ids, cores := map[group][]string{}, map[group]int{}
	busy := map[string]bool{}
	for _, j := range l.Jobs {
		g := group{j.User, j.Task, j.Status, j.Site, j.Label, j.Table}
		ids[g] = append(ids[g], j.ID)
		cores[g] += j.Cores
		busy[j.Task] = true
	}
	waiting := map[string]bool{}
	for _, t := range l.Tasks {
		waiting[t.ID] = t.Status == "waiting"
		if !busy[t.ID] {
			ids[group{user: t.User, task: t.ID}] = nil
		}
	}
	sorted := make([]group, 0, len(ids))
	for g := range ids {
		sorted = append(sorted, g)
	}
	slices.SortFunc(sorted, func(a, b group) int {
		return cmp.Or(cmp.Compare(a.user, b.user), cmp.Compare(a.task, b.task), cmp.Compare(b.status, a.status), cmp.Compare(a.site, b.site),
			cmp.Compare(a.label, b.label), cmp.Compare(a.table, b.table))
	})
	facts := make([]action.Fact, len(sorted))
	for i, g := range sorted {
		facts[i] = action.Fact{Label: "kills, task " + g.task, Value: "the task; it has no live jobs"}
		if g.task == "" {
			facts[i].Label = "kills, of no task"
		}
		if several {
			facts[i].Label += fmt.Sprintf(" of %q", g.user)
		}
		if waiting[g.task] {
			facts[i].Value = "the task; it was just submitted, has no jobs yet, and can be killed only when JEDI has taken it: tried again until then"
		}
		if n := len(ids[g]); n > 0 {
			facts[i].Value = fmt.Sprintf("%d %s at %s, %d cores: %s", n, g.what(), g.site, cores[g], ranges(ids[g]))
		}
	}
	return facts
}

func (g group) what() string {
	kind := slices.DeleteFunc([]string{g.label, g.table}, func(s string) bool { return s == "" })
	if len(kind) == 0 {
		return g.status
	}
	return g.status + " (" + strings.Join(kind, ", ") + ")"
}

// ranges writes ids in full; those that follow each other as first–last.
func ranges(ids []string) string {
	var out strings.Builder
	for i := 0; i < len(ids); {
		j := i
		for j+1 < len(ids) && follows(ids[j], ids[j+1]) {
			j++
		}
		if i > 0 {
			out.WriteString(", ")
		}
		out.WriteString(ids[i])
		switch j - i {
		case 0:
		case 1:
			out.WriteString(", " + ids[j])
		default:
			out.WriteString("–" + ids[j])
		}
		i = j + 1
	}
	return out.String()
}

func follows(a, b string) bool {
	m, errA := strconv.ParseInt(a, 10, 64)
	n, errB := strconv.ParseInt(b, 10, 64)
	return errA == nil && errB == nil && n == m+1
}
