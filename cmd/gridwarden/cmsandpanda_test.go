package main

import (
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// experiments is a configuration with the records of CMS and PanDA's database.
func experiments(t *testing.T, dir, cms, dsn string) string {
	t.Helper()
	written(t, filepath.Join(dir, "reader.dsn"), dsn)
	return strings.Replace(testConfig, "sandbox: {speed: 300}", "cms: "+cms+"\n  panda: {database: {dsn_file: reader.dsn}}", 1)
}

// merged is the machine form of a trace over several sources.
type merged struct {
	State string
	Text  string
	Trace struct {
		Complete bool
		Sources  []struct {
			Name, Experiment, State string
			Matched                 int
			Notes                   []string
		}
		People []struct {
			Confidence, Experiment, Username, DN string
			Jobs                                 int
		}
	}
}

// tracedBy asks once; the answer is in part, always.
func tracedBy(t *testing.T, cfg string) (a merged, people []string) {
	t.Helper()
	got := gridwarden(t, "run", "--config", cfg, "--as", "alice", "--json", "trace", "wn042.example.org", "2026-06-24T12:00Z")
	if err := json.Unmarshal([]byte(got.out), &a); err != nil || got.status != exitPartial {
		t.Fatalf("%v: status %d\n%s%s", err, got.status, got.out, got.err)
	}
	for _, p := range a.Trace.People {
		people = append(people, p.Confidence+" "+p.Username)
	}
	slices.Sort(people)
	return a, people
}

// TestOneTraceOverCMSAndPanDA asks both experiments at once about one worker node.
// Each source says of itself how complete it is, and the answer of one stands
// without the other.
func TestOneTraceOverCMSAndPanDA(t *testing.T) {
	t.Parallel()
	d, dir := pandatest.NewDatabase(t), t.TempDir()
	noon := time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)
	const johnDoe = atCERN + "/CN=jdoe/CN=123456/CN=John Doe" // who has jobs in the records of CMS, too
	d.AddUser(pandatest.User{ID: 1001, Name: "Naughty User", DN: naughtyDN})
	d.AddUser(pandatest.User{ID: 1002, Name: "John Doe", DN: johnDoe})
	for _, j := range []pandatest.Job{
		{PandaID: 6012345678, ProdUserName: "Naughty User", ProdUserID: "Naughty User", ModificationHost: "slot1_1@wn042.example.org"},
		{PandaID: 6012345679, ProdUserName: "John Doe", ProdUserID: johnDoe, ModificationHost: "wn042.example.org"},
		{PandaID: 6012345680, ProdUserName: "Naughty User", ProdUserID: "Naughty User", ModificationHost: "wn043.example.org"},
	} {
		j.Table, j.JobStatus, j.ComputingSite = pandatest.Archived, "finished", "EXAMPLE"
		j.CreationTime, j.StartTime, j.EndTime, j.ModificationTime = noon.Add(-time.Hour), noon.Add(-10*time.Minute), noon.Add(time.Hour), noon.Add(time.Hour)
		d.AddJob(j)
	}
	for i, at := range []time.Time{noon.Add(-30 * 24 * time.Hour), noon.Add(30 * 24 * time.Hour)} { // the database has records of before and after
		d.AddJob(pandatest.Job{PandaID: int64(i + 1), Table: pandatest.Archived, JobStatus: "finished", ProdUserName: "Naughty User", ModificationHost: "wn1.example.org", StartTime: at, EndTime: at, ModificationTime: at})
	}
	const history = "{history: {sqlite: history.db}}"
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), experiments(t, dir, history, d.DSN(pandatest.Reader)))
	ok(t, "import", "--config", cfg, records+"es_bulk.ndjson", records+"condor_history.json")
	ofCMS := []string{"confirmed astrid", "confirmed jdoe", "confirmed mrossi", "confirmed pkumar", "possible boris"}

	a, people := tracedBy(t, cfg) // the store cannot know what was not imported
	if want := append([]string{"confirmed Naughty User"}, ofCMS...); !slices.Equal(people, want) {
		t.Errorf("people %q, want %q", people, want)
	}
	for _, p := range a.Trace.People {
		switch p.Username {
		case "jdoe": // one person by an equal DN, whatever the experiments call him
			if p.DN != johnDoe || p.Jobs != 2 {
				t.Errorf("who has jobs of both: %+v", p)
			}
		case "Naughty User":
			if p.Experiment != "atlas" || p.Jobs != 1 {
				t.Errorf("%+v", p)
			}
		}
	}
	states := map[string]string{}
	for _, s := range a.Trace.Sources {
		states[s.Name] = s.Experiment + " " + s.State
		if s.Matched == 0 {
			t.Errorf("%s matched nothing", s.Name)
		}
	}
	if len(states) != 2 || states["cms-history"] != "cms partial" || states["panda-database"] != "atlas complete" || a.Trace.Complete || a.State != "partial" {
		t.Errorf("%v, complete %v, %s", states, a.Trace.Complete, a.State)
	}
	talk := unwrapped(gridwardenRead(t, "alice> trace wn042.example.org 2026-06-24T12:00Z\n", "serve", "--config", cfg).out)
	contains(t, "the conversation", talk, "5 people confirmed, 0 possible, and 1 with an earlier run", "Not everything could be searched: there may be more.",
		"cms-history (cms): partial; searched", "panda-database (atlas): complete; searched", "Naughty User", "mrossi (Maria Rossi)")

	// PanDA is down: what CMS has stands, and it is said whose records are missing.
	cfg = written(t, cfg, experiments(t, dir, history, "host=127.0.0.1 port=1 user=x dbname=y"))
	if a, people = tracedBy(t, cfg); !slices.Equal(people, ofCMS) {
		t.Errorf("without PanDA: %q, want %q", people, ofCMS)
	}
	contains(t, "without PanDA", a.Text, "cms-history (cms): partial; searched", "panda-database (atlas): failed", "panda-database cannot be reached", "panda-database did not answer: what it knows is missing.")
	talk = unwrapped(gridwardenRead(t, "alice> trace wn042.example.org 2026-06-24T12:00Z\n", "serve", "--config", cfg).out)
	contains(t, "the conversation without PanDA", talk, "4 people confirmed", "panda-database (atlas): failed")

	// The search server of CMS is down: what PanDA has stands.
	const search = `{elastic: {url: "http://127.0.0.1:1", deadline: 2s}}`
	cfg = written(t, cfg, experiments(t, dir, search, d.DSN(pandatest.Reader)))
	if a, people = tracedBy(t, cfg); !slices.Equal(people, []string{"confirmed John Doe", "confirmed Naughty User"}) {
		t.Errorf("without CMS: %q", people)
	}
	contains(t, "without CMS", a.Text, "2 people confirmed", "panda-database (atlas): complete; searched", "cms-elastic (cms): failed", "cms-elastic did not answer: what it knows is missing.")
	talk = unwrapped(gridwardenRead(t, "alice> trace wn042.example.org 2026-06-24T12:00Z\n", "serve", "--config", cfg).out)
	contains(t, "the conversation without CMS", talk, "cms-elastic (cms): failed", "Naughty User")

	// Nobody is "no one" when all were down.
	cfg = written(t, cfg, experiments(t, dir, search, "host=127.0.0.1 port=1 user=x dbname=y"))
	if a, people = tracedBy(t, cfg); len(people) != 0 {
		t.Errorf("without both: %q", people)
	}
	contains(t, "without both", a.Text, `No one was found in what could be searched; this is not "no one".`)
}
