package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// TestPanDAWithoutItsDatabase is ATLAS: no database, but the monitor, the server, and a
// program that bans. From the job to the ban and the kill all goes on, and what cannot
// be known is on the cards and in the answers.
func TestPanDAWithoutItsDatabase(t *testing.T) {
	t.Parallel()
	d, dir := pandaWorld(t), t.TempDir()
	now := time.Now().UTC().Truncate(time.Second)
	began, ended := now.Add(-5*time.Hour), now.Add(-3*time.Hour)
	d.AddJob(pandatest.Job{
		PandaID: 6012345678, Table: pandatest.Archived, JobStatus: "finished", ProdUserID: "Naughty User", ProdUserName: "Naughty User", JediTaskID: 41,
		ComputingSite: "DESY-HH", ModificationHost: "slot1_1@wn042.example.org", BatchID: "9708243.svr016.example.org", CreationTime: began.Add(-time.Hour),
		StartTime: began, EndTime: ended, ModificationTime: ended, Transformation: "https://aipanda048.example.org:25443/trf/user/runGen-00-00-02",
		Parameters: `-j "" --sourceURL https://aipanda050.example.org -r . -a jobO.0c2f9a52.tar.gz -p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333"`,
	})
	d.AddJob(pandatest.Job{ProdUserName: "naughty user", JobStatus: "activated"})
	monitor := pandatest.NewMonitor(d, pandatest.MonitorOptions{Tokens: map[string]bool{"Token 401f7ac837da42b97f613d789819ff93537bee6a": true}, Closed: true})
	const shifter = atCERN + "/CN=shi/CN=700001/CN=Shi Fter"
	server := pandatest.NewServer(d, pandatest.Options{Roles: map[string][]string{shifter: {"/atlas/Role=production"}}})
	written(t, filepath.Join(dir, "monitor.token"), "401f7ac837da42b97f613d789819ff93537bee6a")
	program := filepath.Join(dir, "ban")
	lines := "#!/bin/sh\nstatus=\"'disabled'\"\nfor word; do case $word in --user=*) user=${word#--user=} ;; --unban) status=NULL ;; esac; done\n" +
		`printf "UPDATE doma_pandameta.users SET status=$status WHERE name=:'name';" | psql -X -v name="$user" "` + d.DSN(pandatest.Banner) + `" | sed -n 's/^UPDATE \([0-9]*\)$/\1 rows updated/p'` + "\n"
	if err := os.WriteFile(program, []byte(lines), 0o700); err != nil {
		t.Fatal(err)
	}
	panda := fmt.Sprintf("panda: {monitor: {url: %q, ca: %q, token_file: monitor.token}, server: {url: %q, ca: %q, proxy_file: %q}, ban: {via: command, command: [%q, \"--user={name}\"]}}",
		monitor.URL, monitor.Authority.File(), server.URL, server.Authority.File(), server.Authority.Proxy(shifter, pandatest.Proxy{}), program)
	b := startBotIn(t, dir, strings.NewReplacer(
		"sandbox: {speed: 300}", panda, "console: {trusted: true}\n", "", "name: Naughty User", "name: Tara Thorn",
		"policies:\n", "policies:\n  unban: {approvals: [{role: atlas-security, count: 1}]}\n",
	).Replace(testConfig))
	alice := account("alice", bot.Member)

	job := b.ask(alice, "job 6012345678")
	contains(t, "job", job.Message.Plain(), "Naughty User", "DESY-HH", "wn042.example.org", "https://aipanda050.example.org/cache/jobO.0c2f9a52.tar.gz",
		"./mine.sh --pool stratum+tcp://198.51.100.7:3333", "panda-monitor", "not available from panda-monitor")
	contains(t, "batch", b.ask(alice, "job batch 9708243.svr016.example.org").Message.Plain(), "6012345678")
	if none := b.ask(alice, "job 6012999999"); none.Code != "not-found" {
		t.Errorf("a job that is none: %s", none.Code)
	}
	trace := b.ask(alice, fmt.Sprintf("trace wn042.example.org %s to=%s", began.Format(time.RFC3339), ended.Format(time.RFC3339)))
	contains(t, "trace", trace.Message.Plain(), "Naughty User", "panda-monitor", "the DNs of people")
	whois := b.ask(alice, `whois "Naughty User"`).Message.Plain()
	contains(t, "whois", whois, "1 exact", "naughty user", "there is no list of users")
	if wrong := b.ask(alice, `ban "Naughty USER" cryptominer`); wrong.Code != "not-found" {
		t.Errorf("wrong case: %s", wrong.Code)
	}

	a := b.approved(`ban "Naughty User" cryptominer on wn042`, "bob", "carol")
	wantBanned(t, d, 1001)
	if a.State != action.Applied || !strings.Contains(a.Progress.Said, "read back. Seen by the server. Closed at every front end from") {
		t.Errorf("%s: %+v", a.State, a.Progress)
	}
	limits := 0
	for _, f := range a.Frozen.Plan.Facts {
		if f.Label == "not known" {
			limits++
		}
	}
	if limits != 2 {
		t.Errorf("the card says %d times what is not known: %+v", limits, a.Frozen.Plan.Facts)
	}
	contains(t, "bans", b.ask(alice, "bans").Message.Plain(), "Naughty User", "alice")
	if again := b.ask(alice, `ban "Naughty User" cryptominer`); again.Code != "unneeded" {
		t.Errorf("again: %s", again.Code)
	}

	killed := b.approved(`kill user "Naughty User" cryptominer`, "bob")
	if killed.State == action.Failed || pandatest.One[int64](d, "SELECT count(*) FROM doma_panda.jobsactive4 WHERE produsername = 'Naughty User' AND coalesce(commandtopilot, '') <> 'tobekilled'") != 0 {
		t.Errorf("%s: %+v", killed.State, killed.Outcome)
	}
	a = b.approved(`unban "Naughty User" false alarm`, "bob")
	wantBanned(t, d)
	if a.State != action.Applied || !strings.Contains(a.Progress.Said, "Open at every front end from") {
		t.Errorf("%s: %+v", a.State, a.Progress)
	}
	contains(t, "ban new", b.ask(alice, `ban new "Some Body" seen elsewhere`).Message.Plain(), "never submitted cannot be banned")
	contains(t, "status", b.ask(alice, "status").Message.Plain(), "panda-monitor", "panda-server", "panda-ban")
}
