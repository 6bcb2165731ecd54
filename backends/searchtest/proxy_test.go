package searchtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/searchtest"
)

// ask asks without keeping the connection, on which Go's client would ask again by itself.
func ask(t *testing.T, c *http.Client, method, url, body string) (*http.Response, string) {
	t.Helper()
	resp, text, err := try(t, c, method, url, body, nil)
	if err != nil {
		t.Fatalf("%s %s: %v", method, url, err)
	}
	return resp, text
}

func try(t *testing.T, c *http.Client, method, url, body string, header http.Header) (*http.Response, string, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.Do(req)
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, string(text), err
}

func TestProxyBreaksWhatItIsTold(t *testing.T) {
	searchtest.Each(t, func(t *testing.T, s searchtest.Server) {
		prefix := s.Prefix(t)
		s.Load(t, jobs(prefix, 0, 10)) // ten indices, ten shards
		p := s.Proxy(t)
		path := "/" + prefix + "*/_search"
		query := `{"query":{"match_all":{}}}`
		again := func() (*http.Response, string, error) {
			return try(t, http.DefaultClient, http.MethodPost, p.URL+path, query, nil)
		}
		whole := func(step string) found {
			t.Helper()
			resp, text, err := again()
			var f found
			if err != nil || resp.StatusCode != http.StatusOK || json.Unmarshal([]byte(text), &f) != nil || f.Hits.Total.Value != 10 {
				t.Fatalf("%s: %v %v %.300s", step, resp, err, text)
			}
			return f
		}
		if f := whole("without a fault"); f.Shards.Failed != 0 || f.Shards.Successful != 10 {
			t.Errorf("without a fault: %+v", f.Shards)
		}

		p.Set(func(*http.Request) searchtest.Fault { return searchtest.TooMany(7 * time.Second) })
		if resp, text, err := again(); err != nil || resp.StatusCode != http.StatusTooManyRequests || resp.Header.Get("Retry-After") != "7" || !json.Valid([]byte(text)) {
			t.Errorf("too many: %v %v %s", resp, err, text)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.Unavailable() })
		if resp, text, err := again(); err != nil || resp.StatusCode != http.StatusServiceUnavailable || !json.Valid([]byte(text)) {
			t.Errorf("unavailable: %v %v %s", resp, err, text)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.NoJSON() })
		if resp, text, err := again(); err != nil || resp.StatusCode != http.StatusOK || json.Valid([]byte(text)) {
			t.Errorf("no JSON: %v %v %s", resp, err, text)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.CutInHalf() })
		if resp, text, err := again(); !errors.Is(err, io.ErrUnexpectedEOF) || resp.StatusCode != http.StatusOK || len(text) == 0 {
			t.Errorf("cut: %v %v %s", resp, err, text)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.Dropped() })
		if resp, text, err := again(); err == nil {
			t.Errorf("dropped: %v %s", resp, text)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.ShardFailed() })
		if f := whole("a failed shard"); f.Shards.Failed != 1 || f.Shards.Successful != 9 || f.Shards.Total != 10 || len(f.Shards.Failures) != 1 || f.Shards.Failures[0].Reason.Type == "" {
			t.Errorf("a failed shard: %+v", f.Shards)
		}
		p.Set(func(*http.Request) searchtest.Fault { return searchtest.Slow(200 * time.Millisecond) })
		began := time.Now()
		whole("slow")
		if took := time.Since(began); took < 200*time.Millisecond {
			t.Errorf("slow: only %s", took)
		}
		// One request is told from another by its path and body, which still arrives whole.
		p.Set(func(r *http.Request) searchtest.Fault {
			if body, err := io.ReadAll(r.Body); err != nil || string(body) != query || r.URL.Path != path {
				return searchtest.Unavailable()
			}
			return searchtest.Fault{}
		})
		whole("chosen by its body")
		if resp, _ := ask(t, http.DefaultClient, http.MethodGet, p.URL+"/", ""); resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("another path: status %d", resp.StatusCode)
		}
		p.Set(nil)
		whole("without a fault again")
	})
}

func TestFailedShardsKeepTheRest(t *testing.T) {
	for _, c := range []struct{ answer, want string }{
		{`{"took":9007199254740993,"_shards":{"total":5,"successful":5,"skipped":2,"failed":0}}`, `"total":5,"successful":4,"skipped":2,"failed":1,"failures":[{`},
		{`{"took":9007199254740993,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0}}`, `"total":2,"successful":1,"skipped":0,"failed":1,"failures":[{`},
	} {
		got, err := searchtest.FailShard([]byte(c.answer))
		if err != nil || !strings.Contains(string(got), c.want) || !strings.Contains(string(got), `"took":9007199254740993`) {
			t.Errorf("%s becomes %s, %v", c.answer, got, err)
		}
	}
	if got, err := searchtest.FailShard([]byte(`{"acknowledged":true}`)); err != nil || string(got) != `{"acknowledged":true}` {
		t.Errorf("what is no search became %s, %v", got, err)
	}
	if _, err := searchtest.FailShard([]byte(`<html>`)); err == nil {
		t.Error("a page passed for an answer")
	}
}

func TestSecureProxyAsksWhoItIs(t *testing.T) {
	s := searchtest.One(t, searchtest.OS2)
	basic := http.Header{"Authorization": {"Basic dHJhY2U6aGlkZGVu"}} // trace:hidden
	wrong := http.Header{"Authorization": {"Basic dHJhY2U6d3Jvbmc="}} // trace:wrong
	bearer := http.Header{"Authorization": {"Bearer hidden"}}
	for name, c := range map[string]struct {
		ask    searchtest.Access
		header http.Header
		path   string // below the URL's host; "" is the prefix
		with   bool   // the client's certificate
		status int    // 0: no connection
	}{
		"basic":                 {searchtest.Access{Path: "/os", User: "trace", Password: "hidden"}, basic, "", false, 200},
		"wrong password":        {searchtest.Access{Path: "/os", User: "trace", Password: "hidden"}, wrong, "", false, 401},
		"nobody":                {searchtest.Access{Path: "/os", User: "trace", Password: "hidden"}, nil, "", false, 401},
		"bearer":                {searchtest.Access{Token: "hidden"}, bearer, "", false, 200},
		"basic for a bearer":    {searchtest.Access{Token: "hidden"}, basic, "", false, 401},
		"beside the prefix":     {searchtest.Access{Path: "/os"}, nil, "/", false, 404},
		"almost the prefix":     {searchtest.Access{Path: "/os"}, nil, "/osx/", false, 404},
		"certificate":           {searchtest.Access{Path: "/os", Certificate: true}, nil, "", true, 200},
		"without a certificate": {searchtest.Access{Path: "/os", Certificate: true}, nil, "", false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			secure := s.SecureProxy(t, c.ask)
			ca, err := os.ReadFile(secure.CAFile)
			if err != nil {
				t.Fatal(err)
			}
			config := &tls.Config{RootCAs: x509.NewCertPool()}
			if !config.RootCAs.AppendCertsFromPEM(ca) {
				t.Fatal("no certificate in the file of the authority")
			}
			if c.with {
				pair, err := tls.LoadX509KeyPair(secure.CertFile, secure.KeyFile)
				if err != nil {
					t.Fatal(err)
				}
				config.Certificates = []tls.Certificate{pair}
			}
			at := secure.URL + "/_cluster/health"
			if c.path != "" {
				at = strings.TrimSuffix(secure.URL, c.ask.Path) + c.path
			}
			resp, text, err := try(t, &http.Client{Transport: &http.Transport{TLSClientConfig: config}}, http.MethodGet, at, "", c.header)
			switch {
			case c.status == 0:
				if err == nil {
					t.Errorf("answered: %s", text)
				}
			case err != nil:
				t.Error(err)
			case resp.StatusCode != c.status, c.status == 200 && !strings.Contains(text, `"cluster_name"`):
				t.Errorf("status %d, want %d: %s", resp.StatusCode, c.status, text)
			}
			if _, _, err := try(t, http.DefaultClient, http.MethodGet, at, "", c.header); err == nil {
				t.Error("a client that does not know the authority trusts it")
			}
		})
	}
}
