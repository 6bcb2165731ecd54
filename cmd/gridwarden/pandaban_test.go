package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
)

// The people of PanDA's tests.
const (
	atCERN    = "/DC=ch/DC=cern/OU=Organic Units/OU=Users"
	naughtyDN = atCERN + "/CN=nuser/CN=123456/CN=Naughty User"
	marysDN   = atCERN + "/CN=mmcdonal/CN=345678/CN=Mary McDonald"
	pilotsDN  = atCERN + "/CN=atlpilo1/CN=614260/CN=Robot: ATLAS Pilot1"
)

// onPanDA is the configuration of the tests with PanDA in place of the sandbox.
// tara is no grid user here.
func onPanDA(t *testing.T, dir string, d *pandatest.Database, role string) string {
	t.Helper()
	written(t, filepath.Join(dir, "reader.dsn"), d.DSN(pandatest.Reader))
	written(t, filepath.Join(dir, "banner.dsn"), d.DSN(role))
	return strings.NewReplacer(
		"sandbox: {speed: 300}", "panda: {database: {dsn_file: reader.dsn}, ban: {via: postgres, dsn_file: banner.dsn}}",
		"console: {trusted: true}\n", "", "name: Naughty User", "name: Tara Thorn",
		"policies:\n", "policies:\n  unban: {approvals: [{role: atlas-security, count: 1}]}\n",
	).Replace(testConfig) + "grid: {factories: [{name: atlpilo1, owner: the pilot team}]}\n"
}

// pandaWorld is PanDA with people, some of whom have jobs.
func pandaWorld(t *testing.T) *pandatest.Database {
	t.Helper()
	d := pandatest.NewDatabase(t)
	for _, u := range []pandatest.User{
		{ID: 1001, Name: "Naughty User", DN: naughtyDN},
		{ID: 1002, Name: "naughty user", DN: "/DC=org/DC=example/OU=People/CN=naughty user"},
		{ID: 1005, Name: "Mary McDonald", DN: marysDN},
		{ID: 1006, Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcdonal"},
		{ID: 1009, Name: "atlpilo1", DN: pilotsDN},
	} {
		d.AddUser(u)
	}
	d.AddJob(pandatest.Job{ProdUserName: "Naughty User", JobStatus: "running", ComputingSite: "DESY-HH", CoreCount: 8})
	d.AddTask(pandatest.Task{JediTaskID: 41, TaskName: "user.nuser.one/", UserName: "Naughty User"})
	d.AddTask(pandatest.Task{JediTaskID: 42, TaskName: "user.nuser.two/", UserName: "Naughty User", Waiting: true})
	return d
}

// decided has the action that is open approved by those who are enough.
func (b *testBot) approved(line string, by ...string) action.Action {
	b.t.Helper()
	b.deliver(bot.Event{Kind: bot.Typed, Account: account("alice", bot.Member), Value: line})
	open, err := b.journal.OpenActions(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	var id action.ID
	for _, a := range open {
		if a.State == action.Proposed {
			id = a.ID
		}
	}
	if id == "" {
		b.t.Fatalf("%s: nothing was proposed", line)
	}
	for _, who := range by {
		b.ask(account(who, bot.Member), "approve "+string(id))
	}
	a, err := b.journal.Action(b.t.Context(), id)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func bannedIn(d *pandatest.Database) []int32 {
	return pandatest.All[int32](d, "SELECT id FROM doma_pandameta.users WHERE status = 'disabled' ORDER BY id")
}

func wantBanned(t *testing.T, d *pandatest.Database, ids ...int32) {
	t.Helper()
	got := bannedIn(d)
	if len(got) != len(ids) {
		t.Fatalf("banned: %v, want %v", got, ids)
	}
	for i := range ids {
		if got[i] != ids[i] {
			t.Fatalf("banned: %v, want %v", got, ids)
		}
	}
}

// TestBansOnPanDA bans and lifts bans on a real database as the role that may do
// nothing else, from the chat to the row and back.
func TestBansOnPanDA(t *testing.T) {
	t.Parallel()
	d := pandaWorld(t)
	dir := t.TempDir()
	b := startBotIn(t, dir, onPanDA(t, dir, d, pandatest.Banner))
	alice := account("alice", bot.Member)

	a := b.approved(`ban "Naughty User" cryptominer on wn042`, "bob", "carol")
	wantBanned(t, d, 1001)
	if a.State != action.Applied || !strings.Contains(a.Progress.Said, "read back. Closed at every front end from") || a.Progress.Settled {
		t.Errorf("%s: %+v", a.State, a.Progress)
	}
	if due := a.Progress.DueBy.Sub(a.AppliedAt).Seconds(); due != 600 {
		t.Errorf("closed %v s after", due)
	}
	plan := a.Frozen.Plan
	for _, f := range plan.Facts {
		switch f.Label {
		case "jobs now":
			contains(t, "the card", f.Value, "1 on worker nodes with 8 cores")
		case "tasks now":
			contains(t, "the card", f.Value, "41 user.nuser.one/ (running)", "42 user.nuser.two/ (waiting)")
		case "look-alike, not touched":
			contains(t, "the card", f.Value, `"naughty user"`, "id 1002")
		}
	}

	wrongCase := b.ask(alice, `ban "Naughty USER" cryptominer`)
	if wrongCase.Code != "not-found" {
		t.Errorf("wrong case: %s", wrongCase.Code)
	}
	contains(t, "wrong case", wrongCase.Message.Plain(), `"Naughty User" (12 characters, ASCII, id 1001`, `"naughty user"`, "none was picked")

	for _, factory := range []string{pilotsDN, "atlpilo1"} {
		contains(t, "a factory", b.ask(alice, `ban "`+factory+`" reported by the site`).Message.Plain(),
			"the DN you were given is the pilot factory's, not the payload owner's", "`trace HOST TIME`")
	}
	contains(t, "whois", b.ask(alice, `whois "`+pilotsDN+`"`).Message.Plain(), "The DN you were given is the pilot factory's, not the payload owner's", "trace HOST TIME")
	contains(t, "whois", b.ask(alice, `whois "Mary McDonald"`).Message.Plain(), "1 exact, 1 more of the same person", "Mary Mcdonald/CN=nickname:mmcdonal")

	a = b.approved(`unban "Naughty User" false alarm`, "bob")
	wantBanned(t, d)
	contains(t, "the unban", strings.Join(a.Frozen.Plan.WillNot, "; "), "bring back jobs or tasks that were killed")
	contains(t, "the unban", a.Progress.Said, "Open at every front end from")

	b.approved(`ban "Mary McDonald" one person, two names`, "bob", "carol")
	wantBanned(t, d, 1005, 1006)
	d.Exec("UPDATE doma_pandameta.users SET status = NULL WHERE id = 1006")
	d.Exec("UPDATE doma_pandameta.users SET status = 'disabled' WHERE id = 1002")
	contains(t, "drift", b.ask(alice, "bans").Message.Plain(), "2 banned, 1 of them not by gridwarden", "Gone, and not by gridwarden: the ban of Mary Mcdonald")

	status := b.ask(alice, "status").Message.Plain()
	contains(t, "status", status, "panda-database", "panda-ban")
	contains(t, "ban new", b.ask(alice, `ban new "Naughty Friend" named in the report`).Message.Plain(), "may not make users", "gridwarden_registrar")
}

// TestAUserOfPanDAWhoAppearsStopsABan has the person get a second name between the
// proposal and the approval.
func TestAUserOfPanDAWhoAppearsStopsABan(t *testing.T) {
	t.Parallel()
	d := pandaWorld(t)
	dir := t.TempDir()
	b := startBotIn(t, dir, onPanDA(t, dir, d, pandatest.Registrar))
	a := b.approved(`ban "Naughty User" cryptominer`, "bob")
	d.AddUser(pandatest.User{ID: 1010, Name: "Naughty U", DN: "Naughty U/CN=nickname:nuser"})
	b.ask(account("carol", bot.Member), "approve "+string(a.ID))
	a, err := b.journal.Action(t.Context(), a.ID)
	if err != nil {
		t.Fatal(err)
	}
	wantBanned(t, d)
	contains(t, "the action", a.Error, "a user appeared that people have not seen", `"Naughty U"`, "id 1010", "Nothing was written now")

	b.approved(`ban new "/DC=org/DC=example/OU=People/CN=Naughty Friend" named in the report`, "bob", "carol")
	if got := pandatest.All[string](d, "SELECT name FROM doma_pandameta.users WHERE status = 'disabled'"); len(got) != 1 || got[0] != "Naughty Friend" {
		t.Errorf("banned: %q", got)
	}
}

// TestPanDAThatIsDown starts all the same, and says what is wrong.
func TestPanDAThatIsDown(t *testing.T) {
	t.Parallel()
	d := pandaWorld(t)
	dir := t.TempDir()
	yaml := onPanDA(t, dir, d, pandatest.Banner)
	written(t, filepath.Join(dir, "reader.dsn"), "host=127.0.0.1 port=1 user=x dbname=y")
	written(t, filepath.Join(dir, "banner.dsn"), d.DSN(pandatest.Reader))
	b := startBotIn(t, dir, yaml)
	alice := account("alice", bot.Member)
	for _, line := range []string{`ban "Naughty User" x`, "bans"} {
		contains(t, line, b.ask(alice, line).Message.Plain(), "panda-database cannot be reached")
	}
	contains(t, "status", b.ask(alice, "status").Message.Plain(), "panda-database cannot be reached", "may not write the status of users")
	contains(t, "whois", b.ask(alice, `whois "Naughty User"`).Message.Plain(), "panda-database could not be read")

	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), yaml+"console: {groups: {sec: [bob, carol]}}\n") // see peopled
	got := gridwarden(t, "check", "--config", cfg, "--probe")
	if got.status != exitFailed {
		t.Errorf("check: %+v", got)
	}
	contains(t, "check", got.out, "atlas: jobs and users of PanDA from its database", "atlas: bans are written to PanDA's database", "probe: panda-database: FAILED: ", "probe: panda-ban: FAILED: ")
	written(t, filepath.Join(dir, "reader.dsn"), d.DSN(pandatest.Reader))
	written(t, filepath.Join(dir, "banner.dsn"), d.DSN(pandatest.Banner))
	contains(t, "check", ok(t, "check", "--config", cfg, "--probe"), "probe: panda-database: ok", "probe: panda-ban: ok")
}
