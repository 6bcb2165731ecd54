package elastic

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/searchtest"
	"github.com/gridwarden/gridwarden/config/secret"
)

// someJobs are jobs on wn1 and others on two days, the last until the window ends.
func someJobs() []record {
	var all []record
	for n := range 60 {
		host := "wn1.example.org"
		if n%4 == 0 {
			host = "wn2.example.org"
		}
		all = append(all, job(n, host, n%40, n%40+3, nil))
	}
	return append(all, job(60, "wn2.example.org", 40, 46, nil))
}

// onWN1 asks for the first two days.
func onWN1() grid.Query {
	return grid.Query{Kind: grid.ByHost, Host: "wn1.example.org", Sites: []string{"T2_XX_A"}, Window: grid.Window{From: t0.Add(2 * time.Hour), To: t0.Add(46 * time.Hour)}}
}

func people(f grid.Found) []string {
	var out []string
	for _, s := range f.Sightings {
		for _, id := range s.Job.Identities {
			if id.Kind == "crab" {
				out = append(out, id.Value)
			}
		}
	}
	slices.Sort(out)
	return out
}

// isPage tells the requests for documents from the others.
func isPage(r *http.Request) bool {
	body, _ := io.ReadAll(r.Body)
	return bytes.Contains(body, []byte(`"_source"`)) && !bytes.Contains(body, []byte(`"_source":false`)) && strings.HasSuffix(r.URL.Path, "/_search") || r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/scroll")
}

// TestPilotsThatCannotBeAskedFor: where the mapping lets no pilot be asked for, the
// same people are found, and time and site bound what is read.
func TestPilotsThatCannotBeAskedFor(t *testing.T) {
	var all []record
	for n := range 10 {
		pilot := record{"GLIDEIN_ClusterId": "7", "GLIDEIN_ProcId": 1, "GLIDEIN_Schedd": "s@factory.example", "GLIDEIN_SiteWMS_JobId": "77.ce"}
		host := "wn1.example.org"
		if n > 5 {
			host, pilot["LastRemoteHost"] = "", nil // a mate
		}
		all = append(all, job(n, host, n, n+3, pilot))
	}
	for n := range 200 { // elsewhere, and long after
		all = append(all, job(100+n, "wn9.example.org", n%20, n%20+3, record{"Site": "T2_XX_B"}), job(400+n, "wn9.example.org", 300, 303, nil))
	}
	hidden := regexp.MustCompile(`"GLIDEIN_(ClusterId|SiteWMS_JobId)":{[^}]*}`).ReplaceAll(searchtest.CMSMapping(), []byte(`"GLIDEIN_$1":{"type":"text","index":false}`))
	searchtest.Each(t, func(t *testing.T, server searchtest.Server) {
		var found [][]string
		for _, mapping := range [][]byte{searchtest.CMSMapping(), hidden} {
			s := newSource(t, Finished, patient(server.URL, loadAs(t, server, mapping, all)))
			for _, q := range []grid.Query{
				onWN1(),
				{Kind: grid.ByPilotID, Pilot: grid.PilotID{Cluster: 7, Proc: 1, Schedd: "s@factory.example"}, Sites: onWN1().Sites, Window: onWN1().Window},
				{Kind: grid.ByBatch, Batch: "77.ce", Sites: onWN1().Sites, Window: onWN1().Window},
			} {
				f := find(t, s, q)
				if f.Report.Records > 60 {
					t.Errorf("by %s %d records were read for %d jobs", q.Kind, f.Report.Records, len(f.Sightings))
				}
				found = append(found, confidences(f))
			}
		}
		if diff := cmp.Diff(found[:3], found[3:]); diff != "" || len(found[0]) != 10 {
			t.Errorf("by host %d jobs; where pilots cannot be asked for: %s", len(found[0]), diff)
		}
	})
}

// TestAnIndexOfNothing: an index that knows no attribute yet makes nothing of the
// others' answer missing.
func TestAnIndexOfNothing(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, server searchtest.Server) {
		pattern := load(t, server, someJobs())
		config := patient(server.URL, pattern)
		config.LookBack = 24 * time.Hour
		whole := find(t, newSource(t, Finished, config), onWN1())
		name := strings.TrimSuffix(pattern, "*") + "2026-03-03"
		server.PutTemplate(t, name, name, []byte("{}"))
		server.Call(t, http.MethodPut, "/"+name, nil)
		f := find(t, newSource(t, Finished, config), onWN1())
		if diff := cmp.Diff(people(whole), people(f)); diff != "" || f.Report.State != grid.Complete || f.Report.Newest.IsZero() || !f.Report.Newest.Equal(whole.Report.Newest) {
			t.Errorf("%s, %+v", diff, f.Report)
		}
	})
}

// TestWhatIsMissingIsSaid: whatever a server does, the answer is the whole one, or
// says that it is not, and why.
func TestWhatIsMissingIsSaid(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, server searchtest.Server) {
		pattern := load(t, server, someJobs())
		config := patient(server.URL, pattern)
		config.Page, config.LookBack = 10, 24*time.Hour
		// The day before the first job has no index: there the missing one is known.
		whole := find(t, newSource(t, Finished, config), onWN1())
		if len(whole.Sightings) < 40 || whole.Report.State != grid.Complete {
			t.Fatalf("undisturbed: %d jobs, %+v", len(whole.Sightings), whole.Report)
		}
		proxy := server.Proxy(t)
		config.URL = proxy.URL
		var asked atomic.Int32
		pages := func(from, to int32, f searchtest.Fault) func(*http.Request) searchtest.Fault {
			return func(r *http.Request) searchtest.Fault {
				if !isPage(r) {
					return searchtest.Fault{}
				}
				if n := asked.Add(1); n < from || n > to {
					return searchtest.Fault{}
				}
				return f
			}
		}
		for name, x := range map[string]struct {
			choose   func(*http.Request) searchtest.Fault
			deadline time.Duration
			state    grid.SourceState
			says     string
		}{
			"too many requests for a while": {pages(2, 3, searchtest.TooMany(0)), 0, grid.Complete, ""},
			"a page is lost":                {pages(3, 3, searchtest.Dropped()), 0, grid.Complete, ""},
			"half a page":                   {pages(4, 4, searchtest.CutInHalf()), 0, grid.Complete, ""},
			"no JSON once":                  {pages(2, 2, searchtest.NoJSON()), 0, grid.Complete, ""},
			"a shard fails":                 {pages(2, 2, searchtest.ShardFailed()), 0, grid.Partial, "shards could not be searched"},
			"too slow for the deadline":     {pages(3, 999, searchtest.Slow(time.Minute)), 6 * time.Second, grid.Partial, "the search was cut after"},
			"always overloaded":             {func(*http.Request) searchtest.Fault { return searchtest.TooMany(0) }, 0, grid.Failed, "is overloaded"},
			"gone":                          {func(*http.Request) searchtest.Fault { return searchtest.Dropped() }, 0, grid.Failed, "cannot be reached"},
			"something else at the address": {func(*http.Request) searchtest.Fault { return searchtest.NoJSON() }, 0, grid.Failed, "no answer of a search server"},
			"a shard fails when the dates are asked for": {func(r *http.Request) searchtest.Fault {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"_source":false`)) {
					return searchtest.ShardFailed()
				}
				return searchtest.Fault{}
			}, 0, grid.Partial, "how new its records are could not be told"},
			"the dates of records are not told": {func(r *http.Request) searchtest.Fault {
				body, _ := io.ReadAll(r.Body)
				if bytes.Contains(body, []byte(`"aggs"`)) {
					return searchtest.Unavailable()
				}
				return searchtest.Fault{}
			}, 0, grid.Partial, "how new its records are could not be told"},
		} {
			asked.Store(0)
			proxy.Set(x.choose)
			c := config
			if x.deadline > 0 {
				c.Deadline = x.deadline
			}
			s := newSource(t, Finished, c)
			f, err := s.Sightings(t.Context(), onWN1())
			var told interface{ ForPeople() string }
			switch {
			case x.state == grid.Failed:
				if !errors.As(err, &told) || !strings.Contains(told.ForPeople(), x.says) || strings.Contains(told.ForPeople(), "127.0.0.1") {
					t.Errorf("%s: %v", name, err)
				}
				continue
			case err != nil:
				t.Errorf("%s: %v", name, err)
				continue
			}
			if f.Report.State != x.state || !strings.Contains(strings.Join(f.Report.Notes, "; "), x.says) {
				t.Errorf("%s: %+v", name, f.Report)
			}
			if diff := cmp.Diff(people(whole), people(f)); x.state == grid.Complete && diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
		proxy.Set(nil)
		server.Call(t, http.MethodDelete, "/"+strings.TrimSuffix(pattern, "*")+"2026-03-02", nil)
		f := find(t, newSource(t, Finished, config), onWN1())
		if f.Report.State != grid.Partial || !strings.Contains(strings.Join(f.Report.Notes, "; "), "there is no index of 2026-03-02") {
			t.Errorf("a day is gone: %+v", f.Report)
		}
	})
}

// TestBreakerLeavesAFailingServerAlone: who asks next is told at once.
func TestBreakerLeavesAFailingServerAlone(t *testing.T) {
	server := searchtest.One(t, searchtest.ES7)
	proxy := server.Proxy(t)
	var asked atomic.Int32
	proxy.Set(func(*http.Request) searchtest.Fault { asked.Add(1); return searchtest.Unavailable() })
	s := newSource(t, Finished, patient(proxy.URL, "cms-*"))
	for range 3 {
		if err := s.Check(t.Context()); err == nil {
			t.Fatal("a server that is not available passes the check")
		}
	}
	before := asked.Load()
	var told interface{ ForPeople() string }
	if err := s.Check(t.Context()); !errors.As(err, &told) || !strings.Contains(told.ForPeople(), "left alone for 30s") || asked.Load() != before {
		t.Errorf("%v, after %d and %d calls", err, before, asked.Load())
	}
}

// TestCredentials: an account, a token and a certificate open the server, by its
// base path and authority; nothing else does, and the refusal says what to do.
func TestCredentials(t *testing.T) {
	server := searchtest.One(t, searchtest.OS2)
	pattern := load(t, server, someJobs()[:3])
	file := func(text string) secret.File {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return secret.File(path)
	}
	basic := server.SecureProxy(t, searchtest.Access{Path: "/os", User: "warden", Password: "pass word"})
	token := server.SecureProxy(t, searchtest.Access{Path: "/os", Token: "t0ken"})
	certificate := server.SecureProxy(t, searchtest.Access{Path: "/os", Certificate: true})
	for name, x := range map[string]struct {
		at   searchtest.Secure
		set  func(*Config)
		says string
	}{
		"account":        {basic, func(c *Config) { c.Username, c.PasswordFile = "warden", file("pass word") }, ""},
		"wrong password": {basic, func(c *Config) { c.Username, c.PasswordFile = "warden", file("wrong") }, "refuses the credentials"},
		"password open to all": {basic, func(c *Config) {
			c.Username, c.PasswordFile = "warden", file("pass word")
			_ = os.Chmod(string(c.PasswordFile), 0o644)
		}, "open to every user"},
		"token":    {token, func(c *Config) { c.TokenFile = file("t0ken") }, ""},
		"no token": {token, func(*Config) {}, "refuses the credentials"},
		"certificate": {certificate, func(c *Config) {
			c.ClientCert, c.ClientKeyFile = certificate.CertFile, secret.File(certificate.KeyFile)
		}, ""},
		"no certificate":    {certificate, func(*Config) {}, "cannot be reached"},
		"another authority": {basic, func(c *Config) { c.CA = token.CAFile }, "cannot be reached"},
		"no base path":      {token, func(c *Config) { c.TokenFile, c.URL = file("t0ken"), strings.TrimSuffix(c.URL, "/os") }, "has nothing at that address"},
		"another's index":   {token, func(c *Config) { c.TokenFile, c.Index = file("t0ken"), "nobody-has-this-*" }, "has no index that is called nobody-has-this-*"},
	} {
		c := patient(x.at.URL, pattern)
		c.CA = x.at.CAFile
		x.set(&c)
		s := newSource(t, Finished, c)
		err := s.Check(t.Context())
		var told interface{ ForPeople() string }
		if x.says == "" && err != nil || x.says != "" && (!errors.As(err, &told) || !strings.Contains(told.ForPeople(), x.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if x.says != "" {
			continue
		}
		if got := len(find(t, s, grid.Query{Kind: grid.ByUser, User: "user1"}).Sightings); got != 1 {
			t.Errorf("%s: %d jobs of user1", name, got)
		}
		if newest, err := s.Newest(t.Context()); err != nil || !newest.Equal(t0.Add(5*time.Hour)) {
			t.Errorf("%s: the newest record is of %v, %v", name, newest, err)
		}
		if d, err := s.Details(t.Context()); err != nil || len(d) != 1 || !strings.Contains(d[0], "on OpenSearch 2.") {
			t.Errorf("%s: %q, %v", name, d, err)
		}
	}
}
