package panda_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// kept is a monitor of a PanDA that is kept up to date: a job runs now.
func kept(t testing.TB, o pandatest.MonitorOptions, change ...func(*panda.MonitorConfig)) *remoteBench {
	t.Helper()
	d := pandatest.NewDatabase(t)
	d.AddJob(pandatest.Job{PandaID: 1, ProdUserName: "nobody", JobStatus: "running", StartTime: time.Now().UTC().Add(-time.Hour), ModificationHost: "elsewhere.example.org"})
	return newRemoteBench(t, d, o, change...)
}

func (b *remoteBench) found(q grid.Query) grid.Found {
	b.Helper()
	f, err := b.Sightings(b.Context(), q)
	if err != nil {
		b.Fatal(err)
	}
	return f
}

// TestRemoteTraceByHost has rows of every kind on a host. What the database's source
// finds is found, in any of the tables and spellings.
func TestRemoteTraceByHost(t *testing.T) {
	b := kept(t, pandatest.MonitorOptions{})
	b.d.AddQueue(pandatest.Queue{Name: "CERN-PROD_UCORE", Site: "CERN-PROD"})
	old := func(j *pandatest.Job) { j.Table = pandatest.OldArchived }
	live := func(j *pandatest.Job) {
		j.Table, j.JobStatus, j.EndTime, j.ModificationTime = pandatest.Active, "running", time.Time{}, time.Now().UTC()
	}
	b.d.AddJob(ran(10, "slot1_2@wn1.example.org"))
	b.d.AddJob(ran(11, "WN1"))
	b.d.AddJob(ran(12, "wn1.example.org", old))
	b.d.AddJob(ran(13, "wn1.example.org", live))
	b.d.AddJob(ran(14, ""))
	b.d.AddJob(ran(15, "wn10.example.org"))
	b.d.AddJob(ran(16, "wn1.other.org"))
	b.d.AddJob(ran(17, "wn1.example.org", func(j *pandatest.Job) { j.StartTime, j.JobStatus = time.Time{}, "closed" }))
	b.d.AddJob(ran(18, "wn1.example.org", func(j *pandatest.Job) { j.ComputingSite = "RAL-LCG2" }))
	b.d.AddJob(ran(19, "0123456789ab"))
	store := reading(t, b.d.DSN(pandatest.Reader))
	for _, q := range []grid.Query{onHost("wn1.example.org"), onHost("wn1.example.org", "CERN-PROD")} {
		f := b.found(q)
		want := seen(found(t, store, q))
		if len(q.Sites) > 0 { // what it truly lacks
			want = without(want, "19 possible")
			if f.Report.State != grid.Partial || !noted(f.Report.Notes, "not available from panda-monitor", "container's name") {
				t.Errorf("%s, %q", f.Report.State, f.Report.Notes)
			}
		} else if f.Report.State != grid.Complete {
			t.Errorf("%s, %q", f.Report.State, f.Report.Notes)
		}
		wants(t, f, want...)
		if len(want) < 4 || f.Report.Name != "panda-monitor" || !strings.Contains(f.Report.Searched, `"wn1" or "WN1"`) || !noted(f.Report.Notes, "the DNs of people") {
			t.Errorf("%q: %+v", want, f.Report)
		}
	}
	// An unknown site is no condition to the monitor, and would let all jobs through.
	if f := b.found(onHost("wn1.example.org", "NO-SUCH-SITE")); len(f.Sightings) != 0 {
		t.Errorf("%q", seen(f))
	}
}

func without(all []string, one string) []string {
	var out []string
	for _, s := range all {
		if s != one {
			out = append(out, s)
		}
	}
	return out
}

// TestRemoteTraceOfLongAgo asks about a window that is over for so long that it is
// bounded at its end, where a job that runs still would be left out.
func TestRemoteTraceOfLongAgo(t *testing.T) {
	b := kept(t, pandatest.MonitorOptions{}, func(c *panda.MonitorConfig) { c.Tail = 24 * time.Hour })
	b.d.AddJob(ran(20, "wn1.example.org"))
	b.d.AddJob(ran(21, "wn1.example.org", func(j *pandatest.Job) {
		j.Table, j.JobStatus, j.EndTime, j.ModificationTime = pandatest.Active, "running", time.Time{}, time.Now().UTC()
	}))
	wants(t, b.found(onHost("wn1.example.org")), "20 confirmed", "21 confirmed")
}

func TestRemoteTraceByBatchAndUser(t *testing.T) {
	b := kept(t, pandatest.MonitorOptions{})
	window := grid.Window{From: noon, To: at(4)}
	batch := func(id string) func(*pandatest.Job) { return func(j *pandatest.Job) { j.BatchID = id } }
	name := func(n, dn string) func(*pandatest.Job) {
		return func(j *pandatest.Job) { j.ProdUserName, j.ProdUserID = n, dn }
	}
	b.d.AddJob(ran(30, "wn1", batch("schedd#123.0#17")))
	b.d.AddJob(ran(31, "wn2", batch("SCHEDD#123.0#18")))
	b.d.AddJob(ran(32, "wn3", batch("1123.0")))
	b.d.AddJob(ran(33, "wn4", name("naughty user", "")))
	b.d.AddJob(ran(34, "wn5", name("Naughty User", naughtyDN)))
	b.d.AddJob(ran(35, "wn6", name("Percy 100%25 Percent", "")))
	wants(t, b.found(grid.Query{Kind: grid.ByBatch, Batch: "123.0", Window: window}), "30 possible", "31 possible")
	wants(t, b.found(grid.Query{Kind: grid.ByUser, User: "Naughty User", Window: window}), "30 confirmed", "31 confirmed", "32 confirmed", "34 confirmed")
	f := b.found(grid.Query{Kind: grid.ByUser, User: naughtyDN, Window: window})
	wants(t, f, "30 possible", "31 possible", "32 possible", "34 confirmed")
	if f.Report.State != grid.Partial || !noted(f.Report.Notes, "other names of the same person", "no list of users") {
		t.Errorf("%s, %q", f.Report.State, f.Report.Notes)
	}
	wants(t, b.found(grid.Query{Kind: grid.ByUser, User: "Percy 100%25 Percent", Window: window}), "35 confirmed")
	f = b.found(grid.Query{Kind: grid.ByUser, User: "Sean O'Neill", Window: window})
	if len(f.Sightings) != 0 || f.Report.State != grid.Partial || !noted(f.Report.Notes, "were not looked for", `'\''`) {
		t.Errorf("%q", f.Report.Notes)
	}
	f = b.found(grid.Query{Kind: grid.ByPilotID, Window: window})
	if f.Report.State != grid.NotAsked {
		t.Errorf("%+v", f.Report)
	}
}

// TestRemoteTraceThatIsCut has more rows than the monitor is asked for.
func TestRemoteTraceSaysWhatItLeftOut(t *testing.T) {
	b := kept(t, pandatest.MonitorOptions{Change: func(page string, row map[string]any) {
		if fmt.Sprint(row["pandaid"]) == "41" {
			row["endtime"] = []any{}
		}
	}})
	b.d.AddJob(ran(40, "wn1"))
	b.d.AddJob(ran(41, "wn1"))
	f := b.found(onHost("wn1"))
	wants(t, f, "40 confirmed")
	if f.Report.State != grid.Partial || !noted(f.Report.Notes, "1 rows of panda-monitor have a form that is not known") {
		t.Errorf("%s %q", f.Report.State, f.Report.Notes)
	}
	b.d.Exec("DELETE FROM doma_panda.jobsactive4")
	if f = b.found(onHost("wn1")); f.Report.State != grid.Partial || !noted(f.Report.Notes, "it has no running job") {
		t.Errorf("%s %q", f.Report.State, f.Report.Notes)
	}
}

// TestMonitorTroubles asks a monitor that has trouble of every kind: each has a
// sentence that says what to do, and nothing is taken for an answer.
func TestMonitorTroubles(t *testing.T) {
	b := kept(t, pandatest.MonitorOptions{})
	for _, c := range []struct {
		trouble pandatest.Trouble
		says    string
	}{
		{pandatest.Trouble{Status: http.StatusUnauthorized}, "does not take the token"},
		{pandatest.Trouble{Status: http.StatusForbidden}, "refuses us"},
		{pandatest.Trouble{Status: http.StatusFound}, "sends us to another page, such as that for logging in"},
		{pandatest.Trouble{Status: http.StatusTooManyRequests}, "too many questions"},
		{pandatest.Trouble{Status: http.StatusServiceUnavailable}, "overloaded or being restarted"},
		{pandatest.Trouble{Status: http.StatusInternalServerError}, "could not answer (status 500"},
		{pandatest.Trouble{Status: http.StatusNotFound}, "backends.panda.monitor.url"},
		{pandatest.Trouble{Body: "  \n<!DOCTYPE html><p>log in</p>"}, "a page in place of data"},
		{pandatest.Trouble{Body: `{"jobs": {"1": {}}}`}, "a form that is not BigPanDA's"},
		{pandatest.Trouble{Body: `{"tasks": []}`}, "a form that is not BigPanDA's"},
		{pandatest.Trouble{Body: `[]`}, "a form that is not BigPanDA's"},
		{pandatest.Trouble{Body: `{"jobs": [1, 2]}`}, "a form that is not BigPanDA's"},
		{pandatest.Trouble{Body: `{"jobs": [{"pandaid": 1`}, "broke off"},
		{pandatest.Trouble{Lose: true}, "broke off"},
		{pandatest.Trouble{Drop: true}, "cannot be reached, or ended the connection"},
	} {
		c.trouble.Times = 4 // all that are tried
		b.fake.Trouble(c.trouble)
		_, err := b.monitor.Newest(t.Context())
		says(t, err, c.says)
		for range 4 { // what is left of the trouble, and a good answer to end failures in a row
			if _, err := b.monitor.Newest(t.Context()); err == nil {
				break
			}
		}
	}
	must(t, b.monitor.Check(t.Context()))
}

// TestMonitorIsAskedWithItsToken shows the token in the form that its kind has.
func TestMonitorIsAskedWithItsToken(t *testing.T) {
	const own, jwt = "401f7ac837da42b97f613d789819ff93537bee6a", "eyJh.eyJz.c2ln"
	options := pandatest.MonitorOptions{Tokens: map[string]bool{"Token " + own: true, "Bearer " + jwt: true}, Closed: true}
	b := kept(t, options)
	for text, right := range map[string]bool{own: true, jwt: true, "wrong": false, "": false} {
		c := panda.MonitorConfig{URL: b.fake.URL, CA: b.fake.Authority.File(), Deadline: 10 * time.Second, Tail: panda.DefaultTail}
		if text != "" {
			c.TokenFile = secretFile(t, text)
		}
		m, err := panda.OpenMonitor(c)
		must(t, err)
		err = m.Check(t.Context())
		must(t, m.Close())
		if (err == nil) != right {
			t.Errorf("%s: %v", text, err)
		}
		if err != nil {
			says(t, err, "does not take the token")
		}
	}
}

// TestMonitorIsNotAskedTooOften stops by itself before the monitor refuses everybody
// from here.
func TestMonitorIsNotAskedTooOften(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		m, err := panda.OpenMonitorBy(panda.MonitorConfig{URL: "http://127.0.0.1:1", Deadline: time.Second}, func(*http.Request) (*http.Response, error) {
			asked++
			return answerOf(`{"jobs": []}`), nil
		})
		must(t, err)
		for range 600 {
			if _, err := m.Newest(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		_, err = m.Newest(t.Context())
		says(t, err, "was asked 600 times within an hour")
		time.Sleep(time.Hour)
		if _, err = m.Newest(t.Context()); err != nil || asked != 601 {
			t.Errorf("%d, %v", asked, err)
		}
	})
}

// TestMonitorThatIsSlow gives up in its time, and leaves a monitor alone that always is.
func TestMonitorThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		m, err := panda.OpenMonitorBy(panda.MonitorConfig{URL: "http://127.0.0.1:1", Deadline: 7 * time.Second}, func(r *http.Request) (*http.Response, error) {
			asked++
			<-r.Context().Done()
			return nil, r.Context().Err()
		})
		must(t, err)
		began := time.Now()
		_, err = m.Newest(t.Context())
		says(t, err, "did not answer within 7s")
		if took := time.Since(began); took != 7*time.Second {
			t.Errorf("it took %s", took)
		}
		for range 7 {
			_, _ = m.Newest(t.Context())
		}
		before := asked
		_, err = m.Newest(t.Context())
		says(t, err, "failed several times in a row and is left alone")
		if asked != before {
			t.Error("it is not left alone")
		}
	})
}
