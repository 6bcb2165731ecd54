package pandatest_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

const (
	shifterDN = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=shi/CN=700001/CN=Shi Fter"
	personDN  = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=bea/CN=700002/CN=Bea Nobody"
)

var roles = map[string][]string{shifterDN: {"/atlas/Role=production"}, personDN: {"/atlas"}}

func TestServerKeepsTheContract(t *testing.T) {
	d := pandatest.NewDatabase(t)
	s := pandatest.NewServer(d, pandatest.Options{Roles: roles})
	pandatest.ServerContract(t, pandatest.Subject{
		Database: d, URL: s.URL, CA: s.Authority.File(),
		Production: s.Authority.Proxy(shifterDN, pandatest.Proxy{}), Person: s.Authority.Proxy(personDN, pandatest.Proxy{}),
		Limited: s.Authority.Proxy(shifterDN, pandatest.Proxy{Limited: true}),
	})
}

// TestRealServerKeepsTheContract is make test-panda-server.
func TestRealServerKeepsTheContract(t *testing.T) {
	of := func(name string) string { return os.Getenv("GRIDWARDEN_TEST_PANDA_" + name) }
	if of("URL") == "" {
		t.Skip("no PanDA server is named: see docs/testing.md")
	}
	dsn, err := os.ReadFile(of("DSN_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	pandatest.ServerContract(t, pandatest.Subject{
		Database: pandatest.Existing(t, strings.TrimSpace(string(dsn))), URL: strings.TrimSuffix(of("URL"), "/"), CA: of("CA"),
		Production: of("PRODUCTION_PROXY"), Person: of("PERSON_PROXY"), Limited: of("LIMITED_PROXY"),
	})
}

// bench is a fake server with a person who asks.
type bench struct {
	*testing.T
	*pandatest.Server
	d *pandatest.Database
}

func newBench(t *testing.T, o pandatest.Options) *bench {
	t.Helper()
	d := pandatest.NewDatabase(t)
	return &bench{t, pandatest.NewServer(d, o), d}
}

// ask asks with a proxy and the headers; an error is the connection's.
func (b *bench) ask(proxy, path string, body any, header http.Header) (int, string, error) {
	b.Helper()
	pool := x509.NewCertPool()
	ca, err := os.ReadFile(b.Authority.File())
	if err != nil {
		b.Fatal(err)
	}
	pool.AppendCertsFromPEM(ca)
	c := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	if proxy != "" {
		pair, err := tls.LoadX509KeyPair(proxy, proxy)
		if err != nil {
			b.Fatal(err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: c}, Timeout: 10 * time.Second}
	defer client.CloseIdleConnections()
	verb, content := http.MethodGet, io.Reader(http.NoBody)
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		verb, content = http.MethodPost, bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(b.Context(), verb, b.URL+"/api/v1/"+path, content)
	if err != nil {
		b.Fatal(err)
	}
	r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	for name, values := range header {
		r.Header[name] = values
	}
	reply, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer reply.Body.Close()
	text, err := io.ReadAll(reply.Body)
	return reply.StatusCode, string(text), err
}

func (b *bench) says(proxy, path string, body any, header http.Header, status int, want string) {
	b.Helper()
	got, text, err := b.ask(proxy, path, body, header)
	if err != nil || got != status || text != want {
		b.Errorf("%s: %d %s, error %v\nwant %d %s", path, got, text, err, status, want)
	}
}

const alive = `{"success": true, "message": "", "data": null}`

func TestGateGoesByWhatItHasRead(t *testing.T) {
	now := time.Date(2026, 8, 20, 12, 0, 0, 0, time.UTC)
	b := newBench(t, pandatest.Options{Roles: roles, Now: func() time.Time { return now }})
	bea := b.Authority.Proxy(personDN, pandatest.Proxy{})
	id := b.d.AddUser(pandatest.User{Name: "Bea Nobody", DN: personDN})
	set := func(status string) {
		b.d.Exec("UPDATE doma_pandameta.users SET status = nullif($2, '') WHERE id = $1", id, status)
	}
	const shut = "ERROR : Bea Nobody is banned"
	b.says(bea, "system/is_alive", nil, nil, 200, alive)
	set("disabled")
	now = now.Add(599 * time.Second)
	b.says(bea, "metaconfig/get_banned_users", nil, nil, 200, `{"success": true, "message": "", "data": {"Bea Nobody": false}}`)
	now = now.Add(time.Second)
	b.says(bea, "system/is_alive", nil, nil, 403, shut)
	b.says("", "system/is_alive", nil, nil, 200, alive)
	set("")
	now = now.Add(599 * time.Second)
	b.says(bea, "system/is_alive", nil, nil, 403, shut)
	b.Restart()
	b.says(bea, "system/is_alive", nil, nil, 200, alive)
}

func TestSubmissionsAskTheDatabase(t *testing.T) {
	b := newBench(t, pandatest.Options{Roles: roles})
	bea := b.Authority.Proxy(personDN, pandatest.Proxy{Bare: true})
	task := map[string]any{"task_parameters": map[string]any{"taskName": "user.bea.x"}}
	b.says(bea, "task/submit", task, nil, 200, `{"success": true, "message": "succeeded. new jediTaskID=1", "data": 1}`)
	if got := pandatest.One[string](b.d, "SELECT status || ' ' || username FROM doma_deft.t_task"); got != "waiting Bea Nobody" {
		t.Errorf("a task just submitted: %s", got)
	}
	b.d.AddUser(pandatest.User{Name: "Bea Nobody", Status: "disabled"})
	b.says(bea, "task/submit", task, nil, 200, `{"success": true, "message": "The following DN is banned: DN=`+personDN+`", "data": null}`)
	jobs := map[string]any{"jobs": `[{"prodSourceLabel": "user", "computingSite": "A"}]`}
	b.says(bea, "job/submit", jobs, nil, 200, `{"success": false, "message": "Failed to submit jobs", "data": null}`)
	// Whoever has the production role submits in a banned name.
	shi := b.Authority.Proxy(shifterDN, pandatest.Proxy{})
	task = map[string]any{"task_parameters": map[string]any{"userName": "Bea Nobody"}}
	b.says(shi, "task/submit", task, nil, 200, `{"success": true, "message": "succeeded. new jediTaskID=2", "data": 2}`)
	b.says(shi, "job/submit", jobs, nil, 200, `{"success": true, "message": "", "data": [[1, null, null]]}`)
}

func TestTokens(t *testing.T) {
	b := newBench(t, pandatest.Options{Tokens: map[string]pandatest.Token{
		"good": {Sub: "s1", Name: "mary McDonald", Login: "mmcdonal", Groups: []string{"atlas", "atlas/production"}},
		"old":  {Sub: "s1", Groups: []string{"atlas"}, Ends: time.Now().Add(-time.Hour)},
		"bare": {Sub: "sub-of-bare", Groups: []string{"/atlas"}},
	}})
	with := func(token, origin string) http.Header {
		h := http.Header{"Authorization": {"Bearer " + token}}
		if origin != "" {
			h.Set("Origin", origin)
		}
		return h
	}
	for _, c := range []struct {
		token, origin, want string
	}{
		{"old", "atlas", "ERROR : Token authentication failed. Invalid token. Signature has expired"},
		{"none", "atlas", "ERROR : Token authentication failed. Invalid token. Not enough segments"},
		{"bare", "atlas.production", "ERROR : Token authentication failed. Not a member of the atlas/production group"},
		{"bare", "cms", "ERROR : Token authentication failed. Unknown vo : cms"},
	} {
		b.says("", "system/is_alive", nil, with(c.token, c.origin), 403, c.want)
	}
	if status, text, err := b.ask("", "system/is_alive", nil, with("good", "")); err != nil || status != 403 || strings.Count(text, "\n") < 3 || !strings.Contains(text, "/opt/panda/") {
		t.Errorf("without Origin: %d %s %v", status, text, err)
	}
	for who, want := range map[string][2]string{"good": {"Mary Mcdonald/CN=nickname:mmcdonal", "true"}, "bare": {"sub-of-bare", "false"}} {
		origin := map[string]string{"good": "atlas:production", "bare": "atlas"}[who]
		_, text, err := b.ask("", "system/get_user_attributes", nil, with(who, origin))
		if err != nil || !strings.Contains(text, `"user_dn_raw": "`+want[0]+`"`) || !strings.Contains(text, `"is_production_user": `+want[1]) {
			t.Errorf("%s: %s %v", who, text, err)
		}
	}
}

func TestTroubles(t *testing.T) {
	b := newBench(t, pandatest.Options{Roles: roles})
	shi := b.Authority.Proxy(shifterDN, pandatest.Proxy{})
	var ids []int64
	for range 4 {
		ids = append(ids, b.d.AddJob(pandatest.Job{JobStatus: "running", StartTime: time.Now()}))
	}
	kill := map[string]any{"job_ids": ids, "code": 91}
	flagged := func() string {
		return fmt.Sprint(pandatest.All[int64](b.d, "SELECT pandaid - $1 FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled' ORDER BY 1", ids[0]))
	}
	unflag := func() { b.d.Exec("UPDATE doma_panda.jobsactive4 SET commandtopilot = NULL") }
	for _, c := range []struct {
		name    string
		trouble pandatest.Trouble
		status  int // 0: the connection ends
		flagged string
	}{
		{"503", pandatest.Trouble{Path: "job/kill", Status: 503}, 503, "[]"},
		{"dropped", pandatest.Trouble{Drop: true}, 0, "[]"},
		{"answer lost", pandatest.Trouble{Lose: true}, 0, "[0 1 2 3]"},
		{"every second refused", pandatest.Trouble{Refuse: true}, 200, "[0 2]"},
		{"half done", pandatest.Trouble{HalfDone: true}, 0, "[0 1]"},
		{"another's page", pandatest.Trouble{Body: "<html>Welcome</html>"}, 200, "[]"},
		{"not this one", pandatest.Trouble{Path: "task/kill", Drop: true}, 200, "[0 1 2 3]"},
	} {
		unflag()
		b.Trouble(c.trouble)
		if status, text, err := b.ask(shi, "job/kill", kill, nil); status != c.status || (err != nil) != (c.status == 0) {
			t.Errorf("%s: %d %s %v", c.name, status, text, err)
		}
		if got := flagged(); got != c.flagged {
			t.Errorf("%s: flagged %s, want %s", c.name, got, c.flagged)
		}
	}
	if r := b.Requests(); len(r) != 4 || r[0].Path != "job/kill" || len(r[0].Jobs) != 4 {
		t.Errorf("heard %d requests: %v", len(r), r)
	}
}

func TestWhoseCertificateIsTaken(t *testing.T) {
	b := newBench(t, pandatest.Options{Roles: roles})
	for name, proxy := range map[string]string{
		"expired":           b.Authority.Proxy(shifterDN, pandatest.Proxy{Ends: time.Now().Add(-time.Minute)}),
		"another authority": pandatest.NewAuthority(t).Proxy(shifterDN, pandatest.Proxy{}),
	} {
		if status, text, err := b.ask(proxy, "system/is_alive", nil, nil); err == nil {
			t.Errorf("%s: %d %s", name, status, text)
		}
	}
	b.says(b.Authority.Proxy(shifterDN, pandatest.Proxy{}), "system/is_alive", nil, nil, 200, alive)
}
