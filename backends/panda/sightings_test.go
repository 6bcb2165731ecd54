package panda_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// noon is the time that tests ask about, some days ago, so that its partition exists.
var noon = time.Now().UTC().Truncate(24*time.Hour).AddDate(0, 0, -5).Add(12 * time.Hour)

func at(hours float64) time.Time { return noon.Add(time.Duration(hours * float64(time.Hour))) }

// reading opens a database for reading as the bot's role does.
func reading(t testing.TB, dsn string, change ...func(*panda.DatabaseConfig)) *panda.Store {
	t.Helper()
	c := reads(t, dsn)
	c.Deadline, c.Tail = panda.DefaultDeadline, panda.DefaultTail
	for _, f := range change {
		f(&c)
	}
	return openStore(t, c, nil)
}

// world is a database with something that was written just now, so that it counts
// as kept up to date.
func world(t testing.TB) (*pandatest.Database, *panda.Store) {
	t.Helper()
	d := pandatest.NewDatabase(t)
	d.AddJob(pandatest.Job{PandaID: 1, ProdUserName: "nobody", JobStatus: "activated"})
	old := time.Now().UTC().AddDate(0, -2, 0).Truncate(time.Second)
	d.AddJob(pandatest.Job{PandaID: 2, Table: pandatest.Archived, ProdUserName: "nobody", StartTime: old.Add(-time.Hour), EndTime: old, ModificationTime: old, ModificationHost: "old.example.org"})
	return d, reading(t, d.DSN(pandatest.Reader))
}

// onHost asks who was on a host from noon on for 4 hours.
func onHost(host string, sites ...string) grid.Query {
	return grid.Query{Kind: grid.ByHost, Host: host, Sites: sites, Asked: noon, Window: grid.Window{From: noon, To: at(4)}}
}

func found(t testing.TB, s *panda.Store, q grid.Query) grid.Found {
	t.Helper()
	f, err := s.Sightings(context.Background(), q)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// seen gives the jobs of the sightings with their confidence, in order.
func seen(f grid.Found) []string {
	var out []string
	for _, s := range f.Sightings {
		out = append(out, s.Job.ID+" "+string(s.Confidence))
	}
	slices.Sort(out)
	return out
}

func wants(t testing.TB, f grid.Found, want ...string) {
	t.Helper()
	slices.Sort(want)
	if diff := cmp.Diff(want, seen(f)); diff != "" {
		t.Errorf("sightings (-want +got):\n%s\nnotes: %q", diff, f.Report.Notes)
	}
}

// ran is a job that ran on a host from noon on and is archived.
func ran(id int64, host string, change ...func(*pandatest.Job)) pandatest.Job {
	j := pandatest.Job{
		Table: pandatest.Archived, PandaID: id, ProdUserName: "Naughty User", ProdUserID: "Naughty User", ModificationHost: host, ComputingSite: "CERN-PROD_UCORE",
		CreationTime: at(-2), StartTime: at(1), EndTime: at(3), ModificationTime: at(3.2), JobStatus: "finished",
	}
	for _, f := range change {
		f(&j)
	}
	return j
}

func TestEveryFormOfAHostIsFound(t *testing.T) {
	d, s := world(t)
	for i, host := range []string{
		"wn77.example.org", "slot1_12@wn77.example.org", "SLOT1@WN77.Example.ORG", "wn77", "slot1@wn77", // 10 to 14
		"wn770.example.org", "xwn77.example.org", "wn77.other.org", "my-wn77.example.org", "wn77-1.example.org", "wn_77.example.org", // nobody
		"wn77.example.org:9618", "slot1@glidein_1@wn77.example.org", // 21 and 22
	} {
		d.AddJob(ran(int64(10+i), host))
	}
	f := found(t, s, onHost("wn77.example.org"))
	wants(t, f, "10 confirmed", "11 confirmed", "12 confirmed", "13 possible", "14 possible", "21 confirmed", "22 confirmed")
	if f.Report.State != grid.Complete {
		t.Errorf("%+v", f.Report)
	}
	f = found(t, s, onHost("wn77"))
	wants(t, f, "10 possible", "11 possible", "12 possible", "13 confirmed", "14 confirmed", "17 possible", "21 possible", "22 possible")
	// A name that is a pattern is no pattern.
	for _, host := range []string{"wn_7.example.org", "%", `wn77\`, "wn7'7", "w[n]77"} {
		wants(t, found(t, s, onHost(host)))
	}
}

func TestWhenAJobWasThere(t *testing.T) {
	d, s := world(t)
	add := func(id int64, change func(*pandatest.Job)) { d.AddJob(ran(id, "slot1@wn1.example.org", change)) }
	live := func(j *pandatest.Job) {
		j.Table, j.JobStatus, j.EndTime, j.ModificationTime = pandatest.Active, "running", time.Time{}, at(3)
	}
	add(10, func(j *pandatest.Job) { j.StartTime, j.EndTime = at(-3), at(-1) })
	add(11, func(j *pandatest.Job) { j.StartTime, j.EndTime, j.ModificationTime = at(5), at(6), at(6) })
	add(12, func(j *pandatest.Job) { j.StartTime, j.EndTime, j.ModificationTime = at(-30), at(40), at(41) })
	add(13, func(j *pandatest.Job) { j.StartTime = time.Time{}; j.ModificationHost = "aipanda001.example.org" }) // cancelled before it ran
	add(14, func(j *pandatest.Job) { j.EndTime = time.Time{} })
	add(15, func(j *pandatest.Job) { j.StartTime, j.EndTime = at(3), at(1) }) // a clock was wrong
	add(20, live)
	add(21, func(j *pandatest.Job) { live(j); j.StartTime, j.ModificationTime = at(-5), at(-1) })    // the pilot is silent since
	add(22, func(j *pandatest.Job) { live(j); j.StartTime, j.ModificationTime = at(6), at(7) })      // after the window
	add(23, func(j *pandatest.Job) { live(j); j.JobStatus, j.EndTime = "holding", at(2) })           // its process has ended
	add(24, func(j *pandatest.Job) { live(j); j.JobStatus, j.StartTime = "activated", time.Time{} }) // waits
	add(25, func(j *pandatest.Job) { j.Table = pandatest.OldArchived })
	d.AddJob(ran(26, ""))
	f := found(t, s, onHost("wn1.example.org"))
	wants(t, f, "12 confirmed", "14 confirmed", "15 possible", "20 confirmed", "21 possible", "23 confirmed", "25 confirmed", "26 possible")
	if f.Report.LookAgain.IsZero() || len(f.Report.WouldChange) != 1 {
		t.Errorf("does not ask to look again for the silent pilot: %+v", f.Report)
	}
	trace := grid.Merge(onHost("wn1.example.org"), []grid.Found{f}, time.Now())
	if len(trace.People) != 1 || trace.People[0].Username != "Naughty User" {
		t.Errorf("people %+v", trace.People)
	}
}

func TestAJobInTwoTablesIsOne(t *testing.T) {
	d, s := world(t)
	d.AddJob(ran(10, "wn1.example.org", func(j *pandatest.Job) {
		j.Table, j.JobStatus, j.EndTime, j.ModificationTime = pandatest.Active, "running", time.Time{}, at(2)
	}))
	d.AddJob(ran(10, "wn1.example.org"))
	d.AddJob(ran(10, "wn1.example.org", func(j *pandatest.Job) { j.Table = pandatest.OldArchived }))
	f := found(t, s, onHost("wn1.example.org"))
	wants(t, f, "10 confirmed")
	if f.Sightings[0].Job.End != at(3) {
		t.Errorf("%+v", f.Sightings[0].Job)
	}
}

func TestASiteIsItsQueues(t *testing.T) {
	d, s := world(t)
	d.AddQueue(pandatest.Queue{Name: "CERN-PROD_UCORE", Site: "CERN-PROD"})
	d.AddQueue(pandatest.Queue{Name: "RAL-LCG2_MCORE", Site: "RAL-LCG2"})
	d.AddJob(ran(10, "wn1"))
	d.AddJob(ran(11, "wn1", func(j *pandatest.Job) { j.ComputingSite = "RAL-LCG2_MCORE" }))
	d.AddJob(ran(12, "wn1", func(j *pandatest.Job) { j.ComputingSite = "" }))
	wants(t, found(t, s, onHost("wn1.cern.ch", "cern-prod")), "10 confirmed", "12 possible")
	wants(t, found(t, s, onHost("wn1.cern.ch", "RAL-LCG2_MCORE")), "11 confirmed", "12 possible")
}

func TestBatchIDsInTheirForms(t *testing.T) {
	d, s := world(t)
	long := "very-long-schedd-name-of-a-site-with-many-machines.batch.example.org#424242.17#1787000000"
	for i, id := range []string{
		"ce503.example.org#123.0#1787000000", "123.0", "9708243.svr016.gla.scotgrid.ac.uk", "1123.0", "ce504.example.org#123.01#1787000000", "ce503.example.org#1230.0#1787000000", long[:80],
	} {
		d.AddJob(ran(int64(10+i), "wn1.example.org", func(j *pandatest.Job) { j.BatchID = id }))
	}
	ask := func(id string) grid.Found {
		q := onHost("", "CERN-PROD_UCORE")
		q.Kind, q.Batch = grid.ByBatch, id
		return found(t, s, q)
	}
	wants(t, ask("123.0"), "10 confirmed", "11 confirmed")
	wants(t, ask("123"), "10 possible", "11 possible", "14 possible")
	wants(t, ask("CE503.example.org#123.0#1787000000"), "10 confirmed")
	wants(t, ask("9708243"), "12 confirmed")
	wants(t, ask("9708243.svr016.gla.scotgrid.ac.uk"), "12 confirmed")
	wants(t, ask(long), "16 confirmed")
	wants(t, ask("1%"))
	if why := ask("123.0").Sightings[0].Why; !strings.HasPrefix(why, "batchID, ran ") {
		t.Errorf("why %q", why)
	}
}

func TestAPersonIsFoundUnderEveryName(t *testing.T) {
	d, s := world(t)
	const dn = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=mmcd/CN=777/CN=Mary McDonald"
	d.AddUser(pandatest.User{Name: "Mary McDonald", DN: dn, Email: "mary@example.org"})
	d.AddUser(pandatest.User{Name: "Mary Mcdonald", DN: "Mary Mcdonald/CN=nickname:mmcd"})
	d.AddUser(pandatest.User{Name: "Mary Macdonald", DN: "/DC=org/CN=Mary Macdonald"})
	for i, name := range []string{"Mary McDonald", "Mary Mcdonald", "Mary Macdonald"} {
		d.AddJob(ran(int64(10+i), "wn1.example.org", func(j *pandatest.Job) { j.ProdUserName, j.ProdUserID = name, name }))
	}
	for _, user := range []string{"Mary McDonald", "Mary Mcdonald", dn, dn + "/CN=proxy", "mmcd"} {
		q := onHost("")
		q.Kind, q.User = grid.ByUser, user
		f := found(t, s, q)
		wants(t, f, "10 confirmed", "11 confirmed")
		if notes := strings.Join(f.Report.Notes, "\n"); !strings.Contains(notes, `look alike, of which none was searched: "Mary Macdonald"`) {
			t.Errorf("%s: notes %q", user, notes)
		}
	}
}

func TestAnAddressIsFoundByTheNamesThatTheSiteMapHas(t *testing.T) {
	d, s := world(t)
	d.AddJob(ran(10, "slot1@wn1.example.org"))
	d.AddJob(ran(11, "slot1@192.0.2.17"))
	q := onHost("")
	q.Kind, q.IP = grid.ByIP, addr("192.0.2.17")
	f := found(t, s, q)
	wants(t, f, "11 possible")
	if f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), "PanDA records no addresses") {
		t.Errorf("%+v", f.Report)
	}
	q.Aliases = []string{"wn1.example.org"}
	f = found(t, s, q)
	wants(t, f, "10 confirmed", "11 possible")
	if f.Report.State != grid.Complete || !strings.HasPrefix(f.Sightings[0].Why, "the site map gives this host the address; ") {
		t.Errorf("%+v", f)
	}
}

func TestPilotsOfFactoriesAreNotAskedFor(t *testing.T) {
	_, s := world(t)
	q := onHost("")
	q.Kind, q.Pilot = grid.ByPilotID, grid.PilotID{Cluster: 1}
	if f := found(t, s, q); f.Report.State != grid.NotAsked || len(f.Report.Notes) != 1 {
		t.Errorf("%+v", f.Report)
	}
}

func TestHammerCloudIsCalledARobot(t *testing.T) {
	d, s := world(t)
	d.AddUser(pandatest.User{Name: "gangarbt", DN: "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=gangarbt/CN=601234/CN=Robot: Ganga Robot"})
	d.AddJob(ran(10, "wn1.example.org", func(j *pandatest.Job) { j.ProdUserName, j.ProdUserID = "gangarbt", "gangarbt" }))
	d.AddJob(ran(11, "wn1.example.org", func(j *pandatest.Job) { j.ProdUserName, j.ProdSourceLabel = "gangarbt2", "managed" }))
	q := onHost("wn1.example.org")
	people := grid.Merge(q, []grid.Found{found(t, s, q)}, time.Now()).People
	if len(people) != 2 || people[0].Label != "HammerCloud, a robot that tests the sites" || people[1].Label != "" {
		t.Errorf("%+v", people)
	}
}

func TestAnAnswerSaysWhatItCouldNotSee(t *testing.T) {
	d, s := world(t)
	q := onHost("wn1.example.org")
	f := found(t, s, q)
	if f.Report.State != grid.Complete || !strings.Contains(f.Report.Searched, "jobsactive4, jobsarchived4, jobsarchived") {
		t.Errorf("%+v", f.Report)
	}
	if time.Since(f.Report.Newest) > time.Minute {
		t.Errorf("newest %s", f.Report.Newest)
	}
	said := func(f grid.Found, want string) {
		t.Helper()
		if f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "\n"), want) {
			t.Errorf("want %q: %+v", want, f.Report)
		}
	}
	q.Window.From = noon.AddDate(0, -3, 0)
	said(found(t, s, q), "jobs that ended before are gone")
	d.Exec(`UPDATE doma_panda.jobsactive4 SET modificationtime = $1`, at(1))
	said(found(t, s, onHost("wn1.example.org")), "its newest record was written at "+at(1).Format("2006-01-02T15:04Z"))
}

func TestATableThatIsMissing(t *testing.T) {
	for name, c := range map[string]struct{ change, note string }{
		"an older schema": {`ALTER TABLE doma_panda.jobsactive4 DROP COLUMN schedulerid`, "not available here: jobsactive4 has no column schedulerid here"},
		"a grant":         {`REVOKE SELECT ON doma_pandaarch.jobsarchived FROM gridwarden_reader`, "the role may not read"},
		"the table":       {`DROP TABLE doma_panda.jobsarchived4`, "jobsarchived4 does not exist here: its jobs are not searched"},
		"users":           {`DROP TABLE doma_pandameta.users`, "the DNs of the people are not available here"},
	} {
		t.Run(name, func(t *testing.T) {
			d, s := world(t)
			d.AddJob(ran(10, "wn1.example.org", func(j *pandatest.Job) { j.Table, j.JobStatus, j.EndTime = pandatest.Active, "running", time.Time{} }))
			d.Exec(c.change)
			f := found(t, s, onHost("wn1.example.org"))
			wants(t, f, "10 confirmed")
			if notes := strings.Join(f.Report.Notes, "\n"); !strings.Contains(notes, c.note) {
				t.Errorf("notes %q", notes)
			}
		})
	}
}

func TestAPartitionThatWasDetachedIsSearched(t *testing.T) {
	d, s := world(t)
	d.AddJob(ran(10, "wn1.example.org"))
	month := noon.Format("200601") + "01"
	d.Exec(fmt.Sprintf(`ALTER TABLE doma_panda.jobsarchived4 DETACH PARTITION doma_panda.jobsarchived4_p%[1]s; ALTER TABLE doma_panda.jobsarchived4_p%[1]s SET SCHEMA doma_pandaarch`, month))
	f := found(t, s, onHost("wn1.example.org"))
	wants(t, f)
	if f.Report.State != grid.Partial {
		t.Errorf("%+v", f.Report)
	}
	d.Exec(`GRANT SELECT ON doma_pandaarch.jobsarchived4_p` + month + ` TO gridwarden_reader`)
	s = reading(t, d.DSN(pandatest.Reader))
	wants(t, found(t, s, onHost("wn1.example.org")), "10 confirmed")
}
