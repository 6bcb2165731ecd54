//go:build crash

package survival

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot/bottest/room"
)

const (
	wicked   = "Wicked User"
	wardenDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=warden/CN=700001/CN=Grid Warden"
)

// onPanDA is a PanDA with a user who has 700 jobs in two tasks, and what must not be
// touched: evading is the job whose payload survives its pilot's kill.
type onPanDA struct {
	d       *pandatest.Database
	world   *pandatest.World
	server  *pandatest.Server
	evading int64
	others  []int64 // somebody else's
}

func newPanDA(t *testing.T) onPanDA {
	t.Helper()
	x := onPanDA{d: pandatest.NewDatabaseOn(t, databaseServer(t))}
	x.world = pandatest.NewWorld(x.d, time.Now(), pandatest.Real())
	x.server = pandatest.NewServer(x.d, pandatest.Options{PerJob: 5 * time.Millisecond, Roles: map[string][]string{wardenDN: {"/atlas/Role=production"}}})
	x.d.AddUser(pandatest.User{Name: wicked, DN: "/DC=org/DC=example/CN=" + wicked, Status: "disabled"})
	x.d.AddUser(pandatest.User{Name: "Good User", DN: "/DC=org/DC=example/CN=Good User"})
	for id, user := range map[int64]string{41: wicked, 42: wicked, 43: "Good User"} {
		x.d.AddTask(pandatest.Task{JediTaskID: id, UserName: user, TaskName: fmt.Sprintf("user.x.%d", id), ReqID: id})
	}
	x.d.Exec(`INSERT INTO doma_panda.jobsactive4 (pandaid, produsername, produserid, prodsourcelabel, jobstatus, jeditaskid, computingsite, modificationhost, batchid, creationtime, starttime, modificationtime)
		SELECT 6000000000 + 3 * n, 'Wicked User', 'Wicked User', 'user', CASE WHEN n % 50 = 0 THEN 'activated' ELSE 'running' END, 41 + n % 2, 'EXAMPLE', 'slot1@wn7.example.org', n || '.0',
			t.utc - interval '2 hours', CASE WHEN n % 50 = 0 THEN NULL ELSE t.utc - interval '1 hour' END, t.utc - interval '5 minutes'
		FROM generate_series(1, 700) AS n, (SELECT now() AT TIME ZONE 'UTC' AS utc) AS t`)
	x.d.Exec("SELECT setval('doma_panda.jobsdefined4_pandaid_seq', 6000900000)")
	x.evading = 6_000_000_000 + 3*601
	x.d.Exec("UPDATE doma_panda.jobsactive4 SET jeditaskid = NULL WHERE pandaid = $1", x.evading) // its task would not be over for half an hour
	x.world.Evade(x.evading)
	for _, status := range []string{"running", "activated"} {
		j := pandatest.Job{ProdUserName: "Good User", ProdUserID: "Good User", JobStatus: status, JediTaskID: 43, ComputingSite: "EXAMPLE", ModificationTime: x.d.Now().Add(-time.Minute)}
		if status == "running" {
			j.StartTime = x.d.Now().Add(-time.Hour)
		}
		x.others = append(x.others, x.d.AddJob(j))
	}
	return x
}

// killRequests gives the jobs of each kill request that the server has heard.
func (x onPanDA) killRequests() (jobs [][]int64) {
	for _, r := range x.server.Requests() {
		if r.Path == "job/kill" {
			jobs = append(jobs, r.Jobs)
		}
	}
	return jobs
}

func (x onPanDA) flagged() int64 {
	return pandatest.One[int64](x.d, "SELECT (SELECT count(*) FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled') + (SELECT count(*) FROM doma_panda.jobsarchived4)")
}

// TestAKillOnPanDASurvivesKill9 kills the program while a PanDA server works on its
// requests. The next start goes on: everything of the order is killed once, nothing
// else ever, and the last card says what is true.
func TestAKillOnPanDASurvivesKill9(t *testing.T) {
	alongside(t)
	x := newPanDA(t)
	p := newPlace(t, settings{
		database: onPostgres, room: room.Options{Seed: 1},
		backend: fmt.Sprintf("panda: {database: {dsn_file: reader.dsn}, server: {url: %q, ca: %q, proxy_file: %q}}", x.server.URL, x.server.Authority.File(), x.server.Authority.Proxy(wardenDN, pandatest.Proxy{})),
	})
	p.write(t, "reader.dsn", x.d.DSN(pandatest.Reader))
	c := newCrowd(p, patience)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v\n%s", err, p.logs())
		}
	}
	start := func() *process {
		t.Helper()
		serve, err := p.start("")
		must(err)
		t.Cleanup(serve.kill)
		must(serve.listening(p))
		return serve
	}
	serve := start()
	a, err := c.propose("alice", `kill user "`+wicked+`" cryptominer`)
	must(err)
	late := x.d.AddJob(pandatest.Job{ProdUserName: wicked, ProdUserID: wicked, JobStatus: "activated", ComputingSite: "EXAMPLE", ModificationTime: x.d.Now()})
	must(c.click("bob", a, "approve"))
	for deadline := time.Now().Add(patience); len(x.killRequests()) < 4 || x.flagged() < 40; {
		if time.Sleep(5 * time.Millisecond); time.Now().After(deadline) {
			t.Fatalf("no kills came: %s", p.logs())
		}
	}
	serve.kill()
	first := len(x.killRequests())
	if n := x.flagged(); n >= 700 {
		t.Fatalf("it was not killed in the middle: %d jobs are flagged", n)
	}

	serve = start()
	must(c.becomes(a, "applied"))
	if n := x.flagged(); n != 700 || len(x.killRequests()) == first {
		t.Errorf("%d of 700 jobs are flagged, after %d requests and then %d", n, first, len(x.killRequests()))
	}
	times := map[int64]int{}
	for _, jobs := range x.killRequests() {
		for _, id := range jobs {
			times[id]++
		}
	}
	if _, hit := times[late]; hit || times[x.others[0]]+times[x.others[1]] > 0 || len(times) != 700 {
		t.Errorf("kills of %d jobs were requested, the late one's %d times, those of somebody else %d", len(times), times[late], times[x.others[0]]+times[x.others[1]])
	}
	if n := pandatest.One[int64](x.d, "SELECT count(*) FROM doma_panda.jobsactive4 WHERE pandaid = ANY($1) AND commandtopilot IS NULL", append(x.others, late)); n != 3 {
		t.Errorf("%d of the 3 jobs that are no part of the order are untouched", n)
	}

	x.world.Advance(75 * time.Minute) // JEDI ends the tasks, pilots call
	must(p.lookNow())
	must(c.becomes(a, "settled"))
	left := pandatest.All[int64](x.d, `SELECT pandaid FROM doma_panda.jobsactive4 WHERE produsername = $1 AND pandaid <> $2
		UNION ALL SELECT pandaid FROM doma_panda.jobsdefined4 WHERE produsername = $1 AND pandaid <> $2`, wicked, late)
	if !slices.Equal(left, []int64{x.evading}) {
		t.Errorf("still there: %v, want the evading payload %d", left, x.evading)
	}
	must(c.seeCard(a, "that is true", func(s room.Said) bool {
		text := s.Message.Plain()
		for _, want := range []string{
			"settled, INCOMPLETE", "Of 700 jobs: 699 gone, 1 evading (told, and still there). Of 2 tasks: 2 over.", "New since, and not part of this: 1 job.",
			fmt.Sprintf("job %d: evading, site EXAMPLE, host wn7.example.org, batch id 601.0", x.evading), "To send to EXAMPLE: ",
		} {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return true
	}))
	must(errors.Join(p.quiet(patience), serve.stop(), p.checkRoom(c, false), p.checkLog()))
}

// lookNow brings forward the next look at an action, which is minutes away.
func (p *place) lookNow() error {
	_, err := p.db.Exec(`UPDATE work SET at = 0, due = 0 WHERE kind = 'action.verify'`)
	return err
}
