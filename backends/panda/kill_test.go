package panda_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/config/secret"
)

const (
	shifterDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=shi/CN=700001/CN=Shi Fter"
	naughtyDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User"
)

// killBench is a PanDA with a server, and what kills there.
type killBench struct {
	testing.TB
	*panda.Killer
	d      *pandatest.Database
	fake   *pandatest.Server
	server *panda.Server
	store  *panda.Store
}

func newKillBench(t testing.TB, o pandatest.Options) *killBench {
	t.Helper()
	if o.Roles == nil {
		o.Roles = map[string][]string{shifterDN: {"/atlas/Role=production"}}
	}
	b := &killBench{TB: t, d: pandatest.NewDatabase(t)}
	b.fake = pandatest.NewServer(b.d, o)
	file := filepath.Join(t.TempDir(), "dsn")
	if err := os.WriteFile(file, []byte(b.d.DSN(pandatest.Reader)), 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := panda.Open(panda.DatabaseConfig{DSNFile: secret.File(file), Schemas: panda.DefaultSchemas, Deadline: 10 * time.Second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b.store = store
	b.use(panda.ServerConfig{URL: b.fake.URL, CA: b.fake.Authority.File(), ProxyFile: secret.File(b.fake.Authority.Proxy(shifterDN, pandatest.Proxy{}))})
	return b
}

// use asks the server by other settings.
func (b *killBench) use(c panda.ServerConfig) {
	b.Helper()
	server, err := panda.OpenServer(c)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close() })
	b.server, b.Killer = server, panda.NewKiller(server, b.store)
}

func (b *killBench) running(n int) []string {
	b.Helper()
	var ids []string
	for range n {
		id := b.d.AddJob(pandatest.Job{
			ProdUserName: "Naughty User", ProdUserID: naughtyDN, JobStatus: "running", StartTime: b.d.Now().Add(-time.Hour),
			ModificationTime: b.d.Now().Add(-10 * time.Minute), ComputingSite: "EXAMPLE", ModificationHost: "slot1_2@wn1.example.org", BatchID: "5.0", JediTaskID: 41,
		})
		ids = append(ids, strconv.FormatInt(id, 10))
	}
	return ids
}

// sentenceOf is the sentence for people.
func sentenceOf(err error) string {
	var p interface{ ForPeople() string }
	if !errors.As(err, &p) {
		return ""
	}
	return p.ForPeople()
}

func (b *killBench) states(since time.Time, ids ...string) string {
	b.Helper()
	kills, err := b.KillStatus(b.Context(), ids, since)
	if err != nil {
		b.Fatal(err)
	}
	var out []string
	for _, k := range kills {
		out = append(out, fmt.Sprintf("%s: %s", k.State, k.Evidence))
	}
	return strings.Join(out, "\n")
}

func (b *killBench) mustKill(ids ...string) []bool {
	b.Helper()
	taken, err := b.KillJobs(b.Context(), ids)
	if err != nil {
		b.Fatal(err)
	}
	return taken
}

func TestKillJobsAsksInChunksAndKeepsTheOrder(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	ids := b.running(620)
	b.mustKill(ids[600])
	want := slices.Repeat([]bool{true}, 620)
	want[600] = false
	if diff := cmp.Diff(want, b.mustKill(ids...)); diff != "" {
		t.Error(diff)
	}
	var sizes []int
	for _, r := range b.fake.Requests()[1:] {
		sizes = append(sizes, len(r.Jobs))
		h := r.Header
		if h.Get("Content-Type") != "application/json" || h.Get("Accept") != "application/json" {
			t.Errorf("headers: %v", h)
		}
	}
	slices.Sort(sizes)
	if diff := cmp.Diff([]int{120, 250, 250}, sizes); diff != "" {
		t.Error(diff)
	}
	if n := pandatest.One[int64](b.d, "SELECT count(*) FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled' AND taskbuffererrordiag LIKE 'killed by %Shi Fter/CN=%'"); n != 620 {
		t.Errorf("%d jobs are flagged", n)
	}
	if taken, err := b.KillJobs(t.Context(), nil); err != nil || len(taken) != 0 {
		t.Errorf("of no jobs: %v %v", taken, err)
	}
	if _, err := b.KillJobs(t.Context(), []string{"10000000000000000000"}); err == nil {
		t.Error("a job of 10^19 is asked for")
	}
}

func TestKillStatusReadsTheRows(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	now := b.d.Now()
	since := now.Add(-40 * time.Minute)
	began := now.Add(-3 * time.Hour)
	at := func(minutes int) time.Time { return since.Add(time.Duration(minutes) * time.Minute) }
	var ids, want []string
	for _, c := range []struct {
		job  pandatest.Job
		want string
	}{
		{pandatest.Job{JobStatus: "running", StartTime: began, ModificationTime: at(-5)}, ": commandToPilot is empty: no kill is registered"},
		{pandatest.Job{JobStatus: "running", StartTime: began, ModificationTime: at(-5), CommandToPilot: "tobekilled"}, "requested: the pilot has not called since"},
		{pandatest.Job{JobStatus: "running", StartTime: began, ModificationTime: at(9), CommandToPilot: "tobekilled"}, "delivered: the pilot was told, jobStatus=running"},
		{pandatest.Job{JobStatus: "running", StartTime: began, ModificationTime: at(39), CommandToPilot: "tobekilled"}, "evading: the pilot was told and calls on"},
		{pandatest.Job{JobStatus: "holding", StartTime: began, EndTime: at(9), ModificationTime: at(9), CommandToPilot: "tobekilled", PilotErrorCode: 1144}, "delivered: jobStatus=holding, pilotErrorCode=1144"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "cancelled", ModificationTime: at(0), EndTime: at(0)}, "gone: jobStatus=cancelled, it never started"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "cancelled", StartTime: at(0), EndTime: at(0), ModificationTime: at(0)}, "gone: jobStatus=cancelled, it never started"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "cancelled", StartTime: began, EndTime: at(9), ModificationTime: at(12), PilotErrorCode: 1144}, "gone: pilotErrorCode=1144: the pilot has ended it"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "cancelled", StartTime: began, EndTime: at(1), ModificationTime: at(1), TaskBufferErrorCode: 100}, "requested: taskBufferErrorCode=100: ended in the database only"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "failed", StartTime: began, EndTime: at(1), ModificationTime: at(1), JobDispatcherErrorDiag: "lost heartbeat : 2026"}, "requested: the pilot has vanished"},
		{pandatest.Job{Table: pandatest.Archived, JobStatus: "finished", StartTime: began, EndTime: at(1), ModificationTime: at(3)}, "gone: jobStatus=finished: it ended by itself"},
		{pandatest.Job{Table: pandatest.OldArchived, JobStatus: "closed", ModificationTime: at(-999)}, "gone: jobStatus=closed, it never started"},
		{pandatest.Job{Table: pandatest.Defined, JobStatus: "assigned"}, ": commandToPilot is empty"},
	} {
		ids = append(ids, strconv.FormatInt(b.d.AddJob(c.job), 10))
		want = append(want, c.want)
	}
	for i, line := range strings.Split(b.states(since, ids...), "\n") {
		state, text, _ := strings.Cut(want[i], ": ")
		if !strings.HasPrefix(line, state+": ") || !strings.Contains(line, text) {
			t.Errorf("job %d: %s\nwant %s", i, line, want[i])
		}
	}
	kills, err := b.KillStatus(t.Context(), ids[1:2], since)
	if err != nil || !kills[0].Due.Equal(at(25)) || kills[0].Job.ID != ids[1] {
		t.Errorf("due half an hour after the last call: %+v %v", kills, err)
	}
	if _, err := b.KillStatus(t.Context(), []string{"77"}, since); err == nil {
		t.Error("a job that is nowhere has a state")
	}
}

func TestKillTask(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	for _, task := range []pandatest.Task{{JediTaskID: 1, UserName: "Naughty User"}, {JediTaskID: 2, Status: "done"}, {JediTaskID: 3, Waiting: true}} {
		b.d.AddTask(task)
	}
	for id, want := range map[string]string{"1": "true <nil>", "2": "false <nil>", "4": "false <nil>", "3": "false not yet", "x": "false other"} {
		taken, err := b.Killer.KillTask(t.Context(), id)
		got := fmt.Sprint(taken, " ", err)
		switch {
		case errors.Is(err, grid.ErrNotYet):
			got = fmt.Sprint(taken, " not yet")
		case err != nil:
			got = fmt.Sprint(taken, " other")
		}
		if got != want {
			t.Errorf("task %s: %s (%v), want %s", id, got, err, want)
		}
	}
	if got := pandatest.All[string](b.d, "SELECT comm_task || ' ' || comm_cmd FROM doma_deft.prodsys_comm"); !slices.Equal(got, []string{"1 kill"}) {
		t.Errorf("commands: %q", got)
	}
}

func TestServersTroublesAreSentences(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	ids := b.running(4)
	kill := func() string {
		taken, err := b.KillJobs(t.Context(), ids)
		if err == nil {
			return fmt.Sprint(taken)
		}
		return sentenceOf(err)
	}
	for _, c := range []struct {
		name    string
		trouble pandatest.Trouble
		says    string
		flagged int
	}{
		{"overloaded for ever", pandatest.Trouble{Path: "job/kill", Status: http.StatusServiceUnavailable, Times: 4}, "overloaded or being restarted (status 503)", 0},
		{"overloaded once", pandatest.Trouble{Path: "job/kill", Status: http.StatusServiceUnavailable}, "[true true true true]", 4},
		{"failed inside", pandatest.Trouble{Path: "job/kill", Status: http.StatusInternalServerError}, "could not answer (status 500)", 0},
		{"answer lost", pandatest.Trouble{Path: "job/kill", Lose: true}, "cannot be reached, or ended the connection", 4},
		{"half done", pandatest.Trouble{Path: "job/kill", HalfDone: true}, "cannot be reached, or ended the connection", 2},
		{"half refused", pandatest.Trouble{Path: "job/kill", Refuse: true}, "[true false true false]", 2},
		{"another's page", pandatest.Trouble{Path: "job/kill", Body: "<html>"}, "no answer of its API", 0},
		{"too few answers", pandatest.Trouble{Path: "job/kill", Body: `{"success": true, "message": "", "data": [true]}`}, "answered for 1 of 4 jobs", 0},
		{"sent elsewhere", pandatest.Trouble{Path: "job/kill", Status: http.StatusFound}, "could not answer (status 302)", 0},
	} {
		b.d.Exec("UPDATE doma_panda.jobsactive4 SET commandtopilot = NULL")
		b.fake.Trouble(c.trouble)
		if got := kill(); !strings.Contains(got, c.says) {
			t.Errorf("%s: %q, want %q", c.name, got, c.says)
		}
		if n := pandatest.One[int64](b.d, "SELECT count(*) FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled'"); int(n) != c.flagged {
			t.Errorf("%s: %d flagged, want %d", c.name, n, c.flagged)
		}
	}
	b.fake.Trouble(pandatest.Trouble{Path: "job/kill", Delay: 2 * time.Second})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := b.KillJobs(ctx, ids); !strings.Contains(sentenceOf(err), "did not answer in time") {
		t.Errorf("slow: %v", err)
	}
}

func TestQuestionsAreAskedAgain(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	b.d.AddUser(pandatest.User{Name: "Bän Ned", Status: "disabled"})
	b.fake.Trouble(pandatest.Trouble{Drop: true})
	b.fake.Trouble(pandatest.Trouble{Status: http.StatusBadGateway})
	names, err := b.server.BannedNames(t.Context())
	if diff := cmp.Diff(map[string]bool{"Bän Ned": true}, names); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	if err := b.server.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestWhoWeAreToTheServer(t *testing.T) {
	b := newKillBench(t, pandatest.Options{Tokens: map[string]pandatest.Token{
		"good": {Name: "grid warden", Login: "gw", Groups: []string{"atlas/production"}},
		"old":  {Name: "grid warden", Groups: []string{"atlas/production"}, Ends: time.Now().Add(-time.Hour)},
		"none": {Name: "grid warden", Groups: []string{"atlas"}},
	}})
	ids := b.running(1)
	ca := b.fake.Authority.File()
	ended := time.Now().Add(-time.Minute)
	proxy := func(dn string, p pandatest.Proxy) secret.File { return secret.File(b.fake.Authority.Proxy(dn, p)) }
	token := func(text string) secret.File {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return secret.File(file)
	}
	b.d.AddUser(pandatest.User{Name: "Ban Ned", Status: "disabled"})
	for name, c := range map[string]struct {
		config panda.ServerConfig
		says   string // "": it works
	}{
		"proxy":             {panda.ServerConfig{CA: ca, ProxyFile: proxy(shifterDN, pandatest.Proxy{})}, ""},
		"expired":           {panda.ServerConfig{CA: ca, ProxyFile: proxy(shifterDN, pandatest.Proxy{Ends: ended})}, "expired on " + ended.UTC().Format("2006-01-02 15:04") + " UTC. Renew it"},
		"no proxy":          {panda.ServerConfig{CA: ca, ProxyFile: token("nonsense")}, "holds no proxy"},
		"missing":           {panda.ServerConfig{CA: ca, ProxyFile: "/nonexistent"}, "cannot be opened"},
		"another authority": {panda.ServerConfig{CA: ca, ProxyFile: secret.File(pandatest.NewAuthority(t).Proxy(shifterDN, pandatest.Proxy{}))}, "does not accept the certificate"},
		"limited":           {panda.ServerConfig{CA: ca, ProxyFile: proxy(shifterDN, pandatest.Proxy{Limited: true})}, "limited proxy, which it does not take"},
		"no role":           {panda.ServerConfig{CA: ca, ProxyFile: proxy("/DC=org/CN=No Role", pandatest.Proxy{})}, "does not see the production role in backends.panda.server (we are /DC=org/CN=No Role/CN=987654321 there)"},
		"banned":            {panda.ServerConfig{CA: ca, ProxyFile: proxy("/DC=org/CN=Ban Ned", pandatest.Proxy{})}, "PanDA has banned the user as whom we ask: Ban Ned is banned"},
		"wrong server":      {panda.ServerConfig{CA: pandatest.NewAuthority(t).File(), ProxyFile: proxy(shifterDN, pandatest.Proxy{})}, "does not prove to be the PanDA server"},
		"token":             {panda.ServerConfig{CA: ca, TokenFile: token("good"), Origin: "atlas.production"}, ""},
		"old token":         {panda.ServerConfig{CA: ca, TokenFile: token("old"), Origin: "atlas.production"}, "does not take the token of backends.panda.server.token_file: Invalid token. Signature has expired. Renew it"},
		"no token":          {panda.ServerConfig{CA: ca, TokenFile: token("garbage"), Origin: "atlas.production"}, "Not enough segments"},
		"no member":         {panda.ServerConfig{CA: ca, TokenFile: token("none"), Origin: "atlas.production"}, "Not a member of the atlas/production group"},
		"traceback":         {panda.ServerConfig{CA: ca, TokenFile: token("good")}, "does not take the token of backends.panda.server.token_file: Token decode failure. 'NoneType' object has no attribute 'replace'. Renew it"},
	} {
		b.d.Exec("UPDATE doma_panda.jobsactive4 SET commandtopilot = NULL")
		c.config.URL = b.fake.URL
		b.use(c.config)
		taken, err := b.KillJobs(t.Context(), ids)
		if c.says == "" && (err != nil || !taken[0]) {
			t.Errorf("%s: %v %v", name, taken, err)
		}
		if s := sentenceOf(err); c.says != "" && !strings.Contains(s, c.says) || strings.Contains(s, "/opt/") || strings.Contains(s, "\n") {
			t.Errorf("%s: %q (%v)\nwant %q", name, s, err, c.says)
		}
	}
}

func TestProxyIsReadAgain(t *testing.T) {
	b := newKillBench(t, pandatest.Options{})
	file := filepath.Join(t.TempDir(), "x509up")
	put := func(proxy string) {
		data, err := os.ReadFile(proxy)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(b.fake.Authority.Proxy("/DC=org/CN=First One", pandatest.Proxy{}))
	b.use(panda.ServerConfig{URL: b.fake.URL, CA: b.fake.Authority.File(), ProxyFile: secret.File(file)})
	_, first, err := b.server.Production(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	put(b.fake.Authority.Proxy(shifterDN, pandatest.Proxy{}))
	production, second, err := b.server.Production(t.Context())
	if err != nil || !production || first != "/DC=org/CN=First One/CN=987654321" || second != shifterDN+"/CN=987654321" {
		t.Errorf("first %s, then %s, production %t: %v", first, second, production, err)
	}
}
