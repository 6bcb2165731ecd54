package panda_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/config/secret"
	"github.com/gridwarden/gridwarden/handlers/job"
	"github.com/gridwarden/gridwarden/handlers/trace"
)

var (
	_ job.Finder   = (*panda.Remote)(nil)
	_ trace.Source = (*panda.Remote)(nil)
)

// remoteBench is a PanDA with a monitor and a server, which are all that is known of it.
type remoteBench struct {
	testing.TB
	*panda.Remote
	d       *pandatest.Database
	fake    *pandatest.Monitor
	server  *pandatest.Server
	monitor *panda.Monitor
	client  *panda.Server
}

// newRemoteBench serves a database. change may change how the monitor is asked.
func newRemoteBench(t testing.TB, d *pandatest.Database, o pandatest.MonitorOptions, change ...func(*panda.MonitorConfig)) *remoteBench {
	t.Helper()
	b := &remoteBench{TB: t, d: d, fake: pandatest.NewMonitor(d, o)}
	b.server = pandatest.NewServer(d, pandatest.Options{Roles: map[string][]string{shifterDN: {"/atlas/Role=production"}}})
	c := panda.MonitorConfig{URL: b.fake.URL, CA: b.fake.Authority.File(), Deadline: 10 * time.Second, Tail: panda.DefaultTail}
	for _, f := range change {
		f(&c)
	}
	var err error
	if b.monitor, err = panda.OpenMonitor(c); err != nil {
		t.Fatal(err)
	}
	proxy := b.server.Authority.Proxy(shifterDN, pandatest.Proxy{})
	if b.client, err = panda.OpenServer(panda.ServerConfig{URL: b.server.URL, CA: b.server.Authority.File(), ProxyFile: secret.File(proxy)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = b.monitor.Close()
		_ = b.client.Close()
	})
	b.Remote = panda.NewRemote(b.monitor, b.client, nil)
	return b
}

// noted tells whether some note has all the parts.
func noted(notes []string, parts ...string) bool {
	return slices.ContainsFunc(notes, func(note string) bool {
		return !slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(note, part) })
	})
}

// TestRemoteJobTellsAllThatIsKnown holds the answer about a job against that of the
// database, and has the differences said.
func TestRemoteJobTellsAllThatIsKnown(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	b := newRemoteBench(t, d, pandatest.MonitorOptions{})
	want, err := storeOf(t, d).Job(t.Context(), 501)
	must(t, err)
	got, err := b.Job(t.Context(), 501)
	must(t, err)
	for _, part := range []string{
		"chain of retries", "who uploaded the payload", "workers of Harvester all but one", "e-mail addresses and other names of the submitter",
	} {
		if !noted(got.Notes, "not available from panda-monitor: ", part) {
			t.Errorf("that %q is not known is not said: %q", part, got.Notes)
		}
	}
	if got.Source != "panda-server and panda-monitor" || len(got.Notes) != 4 {
		t.Errorf("%s, %q", got.Source, got.Notes)
	}
	if len(got.Owner.Accounts) != 1 || got.Owner.Accounts[0].Name != "Naughty User" || got.Owner.Accounts[0].Banned {
		t.Errorf("%+v", got.Owner)
	}
	if len(got.Workers) != 1 || got.Workers[0].ID != 7 || got.Workers[0].Harvester != want.Workers[0].Harvester {
		t.Errorf("%+v", got.Workers)
	}
	if len(got.Builds) != 1 || got.Builds[0].ID != 500 || got.Builds[0].How != grid.PandaBuildByLibrary || got.Builds[0].Parameters != want.Builds[0].Parameters {
		t.Errorf("%+v", got.Builds)
	}
	if diff := cmp.Diff(want.Payload(), got.Payload()); diff != "" {
		t.Error(diff)
	}
	for _, j := range []*grid.PandaJob{&want, &got} { // what is as it should be, or compared above
		j.Task.Parameters = strings.ReplaceAll(j.Task.Parameters, " ", "") // the server writes the JSON anew
		j.Source, j.Table, j.Notes, j.Owner, j.Workers, j.Builds, j.Retries, j.Uploads = "", "", nil, grid.PandaOwner{}, nil, nil, nil, nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-database +monitor and server):\n%s", diff)
	}
}

func TestRemoteJobsThatAreNone(t *testing.T) {
	b := newRemoteBench(t, pandatest.NewDatabase(t), pandatest.MonitorOptions{})
	for _, id := range []int64{1, 0, -7} {
		if j, err := b.Job(t.Context(), id); !errors.Is(err, grid.ErrNoPandaJob) || j.ID != 0 {
			t.Errorf("%d: %+v, %v", id, j, err)
		}
	}
	// A page that says nothing of the job is no answer.
	b.fake.Trouble(pandatest.Trouble{Path: "job", Body: "<html><body>Please log in</body></html>"})
	_, err := b.Job(t.Context(), 1)
	if errors.Is(err, grid.ErrNoPandaJob) {
		t.Error("a page for logging in is taken for a job that is none")
	}
	says(t, err, "may want a login", "backends.panda.monitor.token_file")
}

// TestRemoteJobWithOneOfTheTwo asks while the other one fails, has no such job, or
// tells another story.
func TestRemoteJobWithOneOfTheTwo(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	lie := func(page string, row map[string]any) {
		if page == "job" && fmt.Sprint(row["pandaid"]) == "500" {
			row["produsername"], row["batchid"] = "Somebody Else", "7.0"
		}
	}
	b := newRemoteBench(t, d, pandatest.MonitorOptions{Change: lie})
	j, err := b.Job(t.Context(), 500)
	must(t, err)
	if j.UserName != "Naughty User" || !noted(j.Notes, "panda-server and panda-monitor disagree on prodUserName, batchID", "what is shown is panda-server's") || noted(j.Notes, "Somebody Else") {
		t.Errorf("%s %q", j.UserName, j.Notes)
	}
	b.fake.Trouble(pandatest.Trouble{Status: 500, Times: -1})
	j, err = b.Job(t.Context(), 501)
	must(t, err)
	if j.Source != "panda-server" || j.Parameters == "" || len(j.Files) != 1 || !noted(j.Notes, "panda-monitor could not be asked", "status 500") {
		t.Errorf("%s %q", j.Source, j.Notes)
	}

	b = newRemoteBench(t, d, pandatest.MonitorOptions{})
	b.server.Trouble(pandatest.Trouble{Status: 403, Times: -1})
	j, err = b.Job(t.Context(), 501)
	must(t, err)
	if j.Source != "panda-monitor" || j.UserName != "Naughty User" || len(j.Files) != 1 || len(j.Owner.Accounts) != 0 || !noted(j.Notes, "panda-server could not be asked", "refuses us") {
		t.Errorf("%s %+v %q", j.Source, j.Owner, j.Notes)
	}
	alone := panda.NewRemote(b.monitor, nil, nil)
	j, err = alone.Job(t.Context(), 501)
	must(t, err)
	if j.Parameters != "" || j.Transformation != "runGen-00-00-02" || !noted(j.Notes, "the job's parameters", "backends.panda.server tells them") {
		t.Errorf("%+v", j)
	}
}

// TestMonitorFormsThatAreNotKnown changes the types of what the monitor gives. Numbers
// as text are read; what cannot be is told, and never guessed.
func TestMonitorFormsThatAreNotKnown(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	var change func(row map[string]any)
	b := newRemoteBench(t, d, pandatest.MonitorOptions{Change: func(_ string, row map[string]any) { change(row) }})
	alone := panda.NewRemote(b.monitor, nil, nil)
	for name, c := range map[string]struct {
		change func(row map[string]any)
		right  func(j grid.PandaJob, err error) bool
	}{
		"numbers as text": {func(row map[string]any) {
			for _, name := range []string{"pandaid", "jeditaskid", "corecount", "piloterrorcode"} {
				if row[name] != nil {
					row[name] = fmt.Sprint(row[name])
				}
			}
		}, func(j grid.PandaJob, err error) bool {
			return err == nil && j.ID == 501 && j.TaskID == 40123457 && j.Cores == 8
		}},
		"everything null": {func(row map[string]any) {
			for name := range row {
				if name != "pandaid" {
					row[name] = nil
				}
			}
		}, func(j grid.PandaJob, err error) bool { return err == nil && j.UserName == "" && j.Started.IsZero() }},
		"text as a list": {
			func(row map[string]any) { row["batchid"], row["pilotid"] = []any{1, 2}, map[string]any{"a": 1} },
			func(j grid.PandaJob, err error) bool {
				return err == nil && j.BatchID == "" && noted(j.Notes, "not available from panda-monitor: batchid has a form that is not known") && j.UserName == "Naughty User"
			},
		},
		"a number with a fraction": {
			func(row map[string]any) { row["jeditaskid"] = 1.5 },
			func(j grid.PandaJob, err error) bool {
				return err == nil && j.TaskID == 0 && noted(j.Notes, "jeditaskid")
			},
		},
		"a time that is none": {
			func(row map[string]any) { row["starttime"] = "yesterday" },
			func(_ grid.PandaJob, err error) bool {
				return err != nil && strings.Contains(sentenceOf(err), "a form that is not BigPanDA's")
			},
		},
		"no PandaID": {func(row map[string]any) { delete(row, "pandaid") }, func(_ grid.PandaJob, err error) bool {
			return err != nil && !errors.Is(err, grid.ErrNoPandaJob)
		}},
		"another job": {func(row map[string]any) { row["pandaid"] = 502 }, func(_ grid.PandaJob, err error) bool {
			return err != nil && strings.Contains(sentenceOf(err), "told of another one")
		}},
	} {
		change = c.change
		if j, err := alone.Job(t.Context(), 501); !c.right(j, err) {
			t.Errorf("%s: %v, %q\n%+v", name, err, j.Notes, j)
		}
	}
	// PandaIDs are larger than what a float has exactly.
	const large = int64(9_007_199_254_740_993)
	d.AddJob(pandatest.Job{PandaID: large, ProdUserName: "Naughty User", JobStatus: "running", StartTime: at(0)})
	change = func(map[string]any) {}
	if j, err := b.Job(t.Context(), large); err != nil || j.ID != large {
		t.Errorf("%d, %v", j.ID, err)
	}
}

func TestRemoteCandidatesAndBatchIDs(t *testing.T) {
	d := pandatest.NewDatabase(t)
	prun(d)
	d.AddJob(pandatest.Job{PandaID: 600, Table: pandatest.OldArchived, ProdUserName: "Old User", BatchID: "77.ce", ModificationTime: at(-24 * 30), StateChangeTime: at(-24 * 30)})
	b := newRemoteBench(t, d, pandatest.MonitorOptions{})
	found, err := b.Candidates(t.Context(), []int64{501, 7, 600})
	must(t, err)
	if len(found.Jobs) != 2 || found.Jobs[0].ID != 501 || found.Jobs[0].Source != "panda-server" {
		t.Errorf("%+v", found)
	}
	b.server.Trouble(pandatest.Trouble{Status: 503, Times: -1})
	found, err = b.Candidates(t.Context(), []int64{501, 7, 600})
	must(t, err)
	if len(found.Jobs) != 2 || found.Jobs[0].Source != "panda-monitor" || !noted(found.Notes, "panda-server could not be asked") || !noted(found.Notes, "180 days") {
		t.Errorf("%+v", found)
	}
	for batch, want := range map[string]int64{"schedd#123.0#1786000000": 501, "77.ce": 600, "123.0": 501} {
		found, err := b.ByBatch(t.Context(), batch)
		must(t, err)
		if len(found.Jobs) != 1 || found.Jobs[0].ID != want {
			t.Errorf("%s: %+v", batch, found)
		}
	}
	_, err = b.ByBatch(t.Context(), "1,2")
	says(t, err, "does not take ',' as a part")
}

// answerOf is a good answer with a body.
func answerOf(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body))}
}
