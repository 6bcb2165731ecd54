package panda

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// usersBack is how far back users are looked for among the jobs.
const usersBack = 30 * 24 * time.Hour

// Limits says what of users is not known without PanDA's database, a sentence each,
// for who decides about them.
func (r *Remote) Limits() []string {
	return []string{fmt.Sprintf("without PanDA's database there is no list of users: who is meant, and who looks alike, was looked for among the jobs of the last %d days and the banned names; other names of the person, and other people of the same name, may exist", int(usersBack/(24*time.Hour)))}
}

// WorkLimits says what of a user's jobs and tasks is not known, a sentence each.
func (r *Remote) WorkLimits() []string {
	return []string{"tasks that were only just submitted, and those not changed for 30 days, are not listed; `kill user` once more in some minutes finds the former"}
}

// Accounts gives the banned names: that is all the list there is. Those that a name
// could mean are found by AccountsOf.
func (r *Remote) Accounts(ctx context.Context) ([]grid.Account, error) {
	banned, err := r.BannedNames(ctx)
	if err != nil {
		return nil, err
	}
	var out []grid.Account
	for _, name := range slices.Sorted(maps.Keys(banned)) {
		out = append(out, r.account(name, "", true, time.Time{}))
	}
	return out, nil
}

// BannedNames are the names that the server reads as banned in PanDA's database.
func (r *Remote) BannedNames(ctx context.Context) (map[string]bool, error) {
	if r.server == nil {
		return nil, trouble.Errorf(nil, "Who is banned is not known: neither PanDA's database nor its server is configured (%s.database, %s.server).", Setting, Setting)
	}
	return r.server.BannedNames(ctx)
}

// account is one user as far as it is known. Users have no ids here but their names.
func (r *Remote) account(name, dn string, banned bool, last time.Time) grid.Account {
	a := grid.Account{ID: name, Experiment: r.Experiment(), Name: name, DN: dn, Banned: banned, LastSeen: last}
	a.Kind, _ = grid.KindOfUser(name, dn, r.sites)
	return a
}

// AccountsOf gives the users that a name or DN could mean, with look-alikes: by the
// jobs of that name, in any case, and of longer ones; and all that are banned. A name
// under which jobs show several DNs is several users'.
func (r *Remote) AccountsOf(ctx context.Context, query string) ([]grid.Account, error) {
	name := query
	if _, isDN := grid.NormalizeDN(query); isDN || grid.IsPandaToken(query) {
		name = grid.PandaName(query)
	}
	if why := unaskable("username", name); why != "" || strings.TrimSpace(name) == "" {
		return nil, trouble.Errorf(nil, "The name %q cannot be looked up: %s. PanDA makes no names with it; is it spelled as PanDA has it?", name, why)
	}
	banned, err := r.BannedNames(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]*userSeen{}
	since := monitorTime(time.Now().UTC().Add(-usersBack))
	for i, q := range []url.Values{byName(name), {"username": {name}}} {
		q.Set("date_from", since)
		q.Set("limit", strconv.Itoa(mostToKnow))
		list, err := r.monitor.jobs(ctx, q, userFields)
		switch {
		case err != nil && i == 0:
			return nil, fmt.Errorf("panda: looking for a user among the jobs: %w", err)
		case err != nil:
			continue // longer names are look-alikes at best
		case list.unknown > 0:
			return nil, r.monitor.explain(errForm)
		}
		for _, j := range list.rows {
			if j.UserName != "" {
				seenAs(found, j)
			}
		}
	}
	var out []grid.Account
	for _, n := range slices.Sorted(maps.Keys(found)) {
		u := found[n]
		if len(u.dns) <= 1 {
			out = append(out, r.account(n, strings.Join(u.dns, ""), banned[n], u.last))
			continue
		}
		for _, dn := range u.dns {
			a := r.account(n, dn, banned[n], u.last)
			a.ID = n + " " + dn
			out = append(out, a)
		}
	}
	for _, n := range slices.Sorted(maps.Keys(banned)) {
		if found[n] == nil {
			out = append(out, r.account(n, "", true, time.Time{}))
		}
	}
	return out, nil
}

// mostToKnow is how many jobs of each table are looked at for who has a name.
const mostToKnow = 5000

var userFields = []string{"pandaid", "produsername", "produserid", "creationtime"}

// userSeen is what jobs tell of a name.
type userSeen struct {
	dns  []string
	last time.Time
}

func seenAs(found map[string]*userSeen, j grid.PandaJob) {
	u := found[j.UserName]
	if u == nil {
		u = &userSeen{}
		found[j.UserName] = u
	}
	u.last = latest(u.last, j.Created)
	dn, isDN := grid.NormalizeDN(j.UserID)
	if !isDN {
		return
	}
	known := slices.ContainsFunc(u.dns, func(s string) bool {
		other, _ := grid.NormalizeDN(s)
		return dn.Equal(other)
	})
	if !known {
		u.dns = append(u.dns, dn.String())
	}
}

// LiveJobs gives the jobs and tasks of an account's name that have not ended, as far as
// WorkLimits says. They are not of one moment.
func (r *Remote) LiveJobs(ctx context.Context, a grid.Account) ([]grid.LiveJob, []grid.LiveTask, error) {
	tasks, err := r.liveTasks(ctx, a.Name)
	if err != nil {
		return nil, nil, err
	}
	jobs, err := r.live(ctx, byName(a.Name))
	if err != nil {
		return nil, nil, fmt.Errorf("panda: reading what a user has running: %w", err)
	}
	return slices.DeleteFunc(jobs, func(j grid.LiveJob) bool { return j.User != a.Name }), tasks, nil
}

// live lists the jobs that have not ended and for which conditions hold. A list that
// may not be whole is an error.
func (r *Remote) live(ctx context.Context, q url.Values) ([]grid.LiveJob, error) {
	q.Set("jobstatus", strings.Join(waitOrRun, "|"))
	list, err := r.monitor.jobs(ctx, q, liveFields)
	switch {
	case err != nil:
		return nil, err
	case list.cut:
		return nil, trouble.Errorf(nil, "There may be more than the %d live jobs that the PanDA monitor was asked for, so they cannot be listed in full, and nothing was proposed. Kill the tasks one by one (`kill task`), and ask again.", maxOfMonitor)
	case list.unknown > 0 || len(list.odd) > 0:
		return nil, r.monitor.explain(errForm)
	}
	var jobs []grid.LiveJob
	for _, j := range list.rows {
		if j.Live() {
			jobs = append(jobs, liveOf(j))
		}
	}
	return jobs, nil
}

// waitOrRun are the states of jobs that have not ended.
var waitOrRun = []string{"pending", "defined", "waiting", "assigned", "throttled", "activated", "sent", "starting", "running", "holding", "transferring", "merging"}

var liveFields = []string{
	"pandaid", "jeditaskid", "jobstatus", "jobsubstatus", "produsername", "produserid", "prodsourcelabel", "computingsite", "modificationhost", "batchid", "corecount",
	"creationtime", "modificationtime", "starttime", "endtime", "commandtopilot",
}

func liveOf(j grid.PandaJob) grid.LiveJob {
	row := liveRow{
		id: j.ID, task: j.TaskID, user: j.UserName, status: j.Status, label: j.Label, site: j.Site, host: j.Node, batch: j.BatchID, cores: j.Cores,
		created: j.Created, modified: j.Modified, killing: j.Command == toBeKilled,
	}
	if !j.Started.IsZero() {
		row.started = &j.Started
	}
	return row.job(shared{})
}

// taskLabels are those for which the server lists tasks, each on its own.
var taskLabels = []string{"user", "managed"}

// liveTasks asks the server, which lists those that were changed within 30 days, by
// the exact name.
func (r *Remote) liveTasks(ctx context.Context, name string) ([]grid.LiveTask, error) {
	if r.server == nil {
		return nil, trouble.Errorf(nil, "The tasks of a user are not known: neither PanDA's database nor its server is configured (%s.database, %s.server).", Setting, Setting)
	}
	var out []grid.LiveTask
	for _, label := range taskLabels {
		var byRequest map[string]json.RawMessage
		q := url.Values{"since": {time.Now().UTC().Add(-usersBack).Format(time.DateTime)}, "dn": {name}, "prod_source_label": {label}}
		if err := r.server.get(ctx, "task/get_tasks_modified_since", q, &byRequest); err != nil {
			return nil, fmt.Errorf("panda: asking for the tasks of a user: %w", err)
		}
		for _, key := range slices.Sorted(maps.Keys(byRequest)) {
			f, err := exactly(byRequest[key])
			if err != nil || f == nil {
				return nil, r.server.explain(errReply)
			}
			t := grid.LiveTask{ID: f.text("jeditaskid"), User: name, Name: f.text("taskname"), Status: f.text("status")}
			if t.ID == "" || len(f.odd) > 0 {
				return nil, r.server.explain(errReply)
			}
			if slices.Contains(liveTasks, t.Status) {
				out = append(out, t)
			}
		}
	}
	return out, nil
}
