package panda_test

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/handlers/ban"
	"github.com/gridwarden/gridwarden/handlers/kill"
	"github.com/gridwarden/gridwarden/handlers/target"
	"github.com/gridwarden/gridwarden/handlers/whois"
)

var (
	_ target.Lookup   = (*panda.Remote)(nil)
	_ target.Workload = (*panda.Remote)(nil)
	_ whois.Lookup    = (*panda.Remote)(nil)
	_ whois.Directory = (*panda.Remote)(nil)
	_ kill.Finder     = (*panda.Remote)(nil)
	_ ban.Server      = (*panda.Remote)(nil)
	_ ban.Gate        = (*panda.RemoteGate)(nil)
	_ ban.Registrar   = (*panda.RemoteGate)(nil)
	_ kill.Killer     = (*panda.RemoteKiller)(nil)
)

func accountNames(accounts []grid.Account) string {
	var out []string
	for _, a := range accounts {
		name := a.ID
		if a.Banned {
			name += " (banned)"
		}
		out = append(out, name)
	}
	return strings.Join(out, "; ")
}

// TestRemoteUsers looks for users where there is no list of them.
func TestRemoteUsers(t *testing.T) {
	d := pandatest.NewDatabase(t)
	b := newRemoteBench(t, d, pandatest.MonitorOptions{})
	d.AddUser(pandatest.User{Name: "Banned Before", Status: "disabled"})
	d.AddUser(pandatest.User{Name: "naughty user", Status: "disabled"})
	for _, j := range []pandatest.Job{
		{ProdUserName: "Naughty User", ProdUserID: "Naughty User"},
		{ProdUserName: "Naughty User", ProdUserID: naughtyDN + "/CN=proxy", Table: pandatest.Archived},
		{ProdUserName: "naughty user"},
		{ProdUserName: "Naughty Users"},
		{ProdUserName: "John Twice", ProdUserID: "/DC=org/DC=one/CN=John Twice"},
		{ProdUserName: "John Twice", ProdUserID: "/DC=org/DC=two/CN=John Twice"},
		{ProdUserName: "Percy 100% Percent"},
	} {
		d.AddJob(j)
	}
	const always = "Banned Before (banned); "
	for query, want := range map[string]string{
		"Naughty User":          always + "Naughty User; Naughty Users; naughty user (banned)",
		naughtyDN:               always + "Naughty User; Naughty Users; naughty user (banned)",
		"John Twice":            always + "John Twice /DC=org/DC=one/CN=John Twice; John Twice /DC=org/DC=two/CN=John Twice; naughty user (banned)",
		"Percy 100% Percent":    always + "Percy 100% Percent; naughty user (banned)",
		"Nobody At All":         always + "naughty user (banned)",
		"NAUGHTY USER":          always + "Naughty User; Naughty Users; naughty user (banned)",
		"Naughty User/CN=proxy": always + "naughty user (banned)",
	} {
		got, err := b.AccountsOf(t.Context(), query)
		must(t, err)
		slices.SortFunc(got, func(a, b grid.Account) int { return strings.Compare(a.ID, b.ID) })
		sorted := strings.Split(want, "; ")
		slices.Sort(sorted)
		if diff := cmp.Diff(strings.Join(sorted, "; "), accountNames(got)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	all, err := b.AccountsOf(t.Context(), "Naughty User")
	must(t, err)
	if at := slices.IndexFunc(all, func(a grid.Account) bool { return a.Name == "Naughty User" }); all[at].DN != naughtyDN || all[at].LastSeen.IsZero() {
		t.Errorf("%+v", all[at])
	}
	_, err = b.AccountsOf(t.Context(), "Sean O'Neill")
	says(t, err, `'\''`, "PanDA makes no names with it")
	b.server.Trouble(pandatest.Trouble{Status: 403})
	if _, err := b.AccountsOf(t.Context(), "Naughty User"); err == nil {
		t.Error("users are told though it is not known who is banned")
	}
	banned, err := b.Accounts(t.Context())
	must(t, err)
	if got := accountNames(banned); got != "Banned Before (banned); naughty user (banned)" {
		t.Error(got)
	}
}

// TestRemoteBan bans by a program, and reads back from the server.
func TestRemoteBan(t *testing.T) {
	d := pandatest.NewDatabase(t)
	b := newRemoteBench(t, d, pandatest.MonitorOptions{})
	d.AddUser(pandatest.User{Name: "Naughty User"})
	d.AddJob(pandatest.Job{ProdUserName: "Naughty User"})
	by := func(lines string) *panda.RemoteGate {
		g := panda.OpenRemoteGate(panda.BanConfig{Via: panda.ViaCommand, Command: []string{script(t, lines), "--user={name}"}}, b.Remote)
		must(t, g.Check(t.Context()))
		return g
	}
	g := by(strings.Replace(banUser, "DSN", d.DSN(pandatest.Banner), 1))
	must(t, g.Ban(t.Context(), "", "Naughty User"))
	if names, err := b.BannedNames(t.Context()); err != nil || !names["Naughty User"] {
		t.Errorf("%v, %v", names, err)
	}
	must(t, g.Unban(t.Context(), "", "Naughty User"))
	says(t, g.Ban(t.Context(), "", "NAUGHTY User"), "0 rows updated", `"Naughty User" (12 characters`, "none was picked")
	says(t, g.Ban(t.Context(), "", "Quite Another"), "0 rows updated", "Nobody with a similar name")
	says(t, by("echo 1 rows updated").Ban(t.Context(), "", "Naughty User"), "does not show it so", "another PanDA")
	says(t, g.CanBanUnseen(t.Context()), "never submitted cannot be banned")
	b.server.Trouble(pandatest.Trouble{Status: 403})
	says(t, g.Ban(t.Context(), "", "Naughty User"), "1 rows were updated", "could not be read back")
}

// TestRemoteKill holds what is told of a user's jobs and of kills against what the
// database says.
func TestRemoteKill(t *testing.T) {
	d := pandatest.NewDatabase(t)
	b := newRemoteBench(t, d, pandatest.MonitorOptions{})
	store := storeOf(t, d)
	d.AddTask(pandatest.Task{JediTaskID: 41, TaskName: "one", UserName: "Naughty User", ReqID: 1})
	d.AddTask(pandatest.Task{JediTaskID: 42, TaskName: "two", UserName: "Naughty User", ReqID: 2, Status: "done"})
	d.AddTask(pandatest.Task{JediTaskID: 43, TaskName: "three", UserName: "Naughty User", ReqID: 3, ProdSourceLabel: "managed"})
	d.AddTask(pandatest.Task{JediTaskID: 44, TaskName: "four", UserName: "naughty user", ReqID: 4})
	d.AddTask(pandatest.Task{JediTaskID: 45, TaskName: "five", UserName: "Naughty User", Waiting: true})
	now := d.Now()
	job := func(j pandatest.Job) string {
		j.ProdUserName, j.ComputingSite, j.JediTaskID, j.CoreCount = "Naughty User", "DESY-HH", 41, 8
		return strconv.FormatInt(d.AddJob(j), 10)
	}
	ids := []string{
		job(pandatest.Job{JobStatus: "running", StartTime: now.Add(-time.Hour), ModificationTime: now.Add(-20 * time.Minute), ModificationHost: "slot1@wn1.example.org", BatchID: "5.0"}),
		job(pandatest.Job{JobStatus: "activated"}),
		job(pandatest.Job{Table: pandatest.Defined, JobStatus: "assigned"}),
		job(pandatest.Job{JobStatus: "running", StartTime: now.Add(-time.Hour), CommandToPilot: "tobekilled"}),
		job(pandatest.Job{Table: pandatest.Archived, JobStatus: "finished", StartTime: now.Add(-time.Hour), EndTime: now.Add(-time.Minute)}),
	}
	d.AddJob(pandatest.Job{ProdUserName: "Naughty Users", JobStatus: "running"})
	a := grid.Account{Name: "Naughty User"}
	want, tasks, err := store.LiveJobs(t.Context(), a)
	must(t, err)
	got, gotTasks, err := b.LiveJobs(t.Context(), a)
	must(t, err)
	byID := func(a, b grid.LiveJob) int { return strings.Compare(a.ID, b.ID) }
	slices.SortFunc(want, byID)
	slices.SortFunc(got, byID)
	for i := range want {
		want[i].Table = "" // which the monitor does not say
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-database +monitor):\n%s", diff)
	}
	tasks = slices.DeleteFunc(tasks, func(t grid.LiveTask) bool { return t.Status == "waiting" }) // which it says that it cannot list
	slices.SortFunc(gotTasks, func(a, b grid.LiveTask) int { return strings.Compare(a.ID, b.ID) })
	slices.SortFunc(tasks, func(a, b grid.LiveTask) int { return strings.Compare(a.ID, b.ID) })
	if diff := cmp.Diff(tasks, gotTasks); diff != "" || len(tasks) != 2 {
		t.Errorf("(-database +server):\n%s", diff)
	}

	found, err := b.JobsByID(t.Context(), append(ids, "7"))
	must(t, err)
	if len(found) != len(ids) || found[0].ID != ids[0] || found[0].User != "Naughty User" || found[0].Over || !found[len(ids)-1].Over {
		t.Errorf("%+v", found)
	}
	byNumber, err := b.TasksByID(t.Context(), []string{"41", "42", "45"})
	must(t, err)
	if len(byNumber) != 2 || byNumber[0].Over || !byNumber[1].Over || byNumber[0].User != "Naughty User" {
		t.Errorf("%+v", byNumber)
	}
	ofTasks, err := b.JobsOfTasks(t.Context(), []string{"41"})
	must(t, err)
	if len(ofTasks) != 4 {
		t.Errorf("%+v", ofTasks)
	}

	killer, other := panda.NewRemoteKiller(b.client, b.Remote), panda.NewKiller(b.client, store)
	compare := func(since time.Time) {
		t.Helper()
		want, err := other.KillStatus(t.Context(), ids, since)
		must(t, err)
		for i := range want {
			want[i].Job.Table = ""
		}
		got, err := killer.KillStatus(t.Context(), ids, since)
		must(t, err)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-database +server):\n%s", diff)
		}
	}
	compare(time.Time{})
	taken, err := killer.KillJobs(t.Context(), ids)
	must(t, err)
	if diff := cmp.Diff([]bool{true, true, true, false, false}, taken); diff != "" {
		t.Error(diff)
	}
	compare(now)
	if _, err := killer.KillStatus(t.Context(), []string{"7"}, now); err == nil {
		t.Error("a job that is nowhere has a state")
	} else {
		says(t, err, "does not find job 7", "90 days")
	}
	for id, want := range map[string]bool{"41": true, "42": false} {
		if killed, err := killer.KillTask(t.Context(), id); err != nil || killed != want {
			t.Errorf("task %s: %t, %v", id, killed, err)
		}
	}
	if _, err := killer.KillTask(t.Context(), "45"); !errors.Is(err, grid.ErrNotYet) {
		t.Errorf("a task that waits for JEDI: %v", err)
	}
}

// TestWitnessed asks the database first, and the monitor for what it lacks.
func TestWitnessed(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	lie := ""
	b := newRemoteBench(t, d, pandatest.MonitorOptions{Change: func(page string, row map[string]any) {
		if page == "job" && lie != "" {
			row["produsername"] = lie
		}
	}})
	w := panda.NewWitnessed(storeOf(t, d), b.Remote)
	j, err := w.Job(t.Context(), 501)
	must(t, err)
	if j.Source != "panda-database" || len(j.Notes) != 0 || w.Name() != "panda-database" {
		t.Errorf("%s, %q", j.Source, j.Notes)
	}
	lie = "Somebody Else"
	j, err = w.Job(t.Context(), 501)
	must(t, err)
	if j.UserName != "Naughty User" || !noted(j.Notes, "panda-database and panda-monitor disagree on prodUserName") {
		t.Errorf("%s, %q", j.UserName, j.Notes)
	}
	lie = ""
	b.fake.Trouble(pandatest.Trouble{Path: "job", Status: 401})
	j, err = w.Job(t.Context(), 501)
	must(t, err)
	if !noted(j.Notes, "not compared with panda-monitor", "token") {
		t.Errorf("%q", j.Notes)
	}
	// A database that has nothing any more, beside a monitor and server that have.
	w = panda.NewWitnessed(storeOf(t, pandatest.NewDatabase(t)), b.Remote)
	j, err = w.Job(t.Context(), 501)
	must(t, err)
	if j.Source != "panda-server and panda-monitor" || !noted(j.Notes, "panda-database does not have the job") {
		t.Errorf("%s, %q", j.Source, j.Notes)
	}
	if _, err := w.Job(t.Context(), 7); !errors.Is(err, grid.ErrNoPandaJob) {
		t.Error(err)
	}
}
