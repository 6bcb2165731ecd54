package pandatest

import (
	"bytes"
	"compress/gzip"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// ask is one request to be made.
type ask struct {
	as     string // a proxy's file; "": nobody
	verb   string // "": POST with a body, else GET
	path   string
	body   any         // JSON; a string is sent as it is
	header http.Header // instead of the usual one
	gzip   bool
	chunks bool
}

// raw makes a request and gives the status and text.
func (c *contract) raw(a ask) (int, string) {
	c.Helper()
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		data, err := os.ReadFile(c.CA)
		if err != nil {
			c.Fatal(err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		tlsConfig.RootCAs.AppendCertsFromPEM(data)
	}
	if a.as != "" {
		pair, err := tls.LoadX509KeyPair(a.as, a.as)
		if err != nil {
			c.Fatal(err)
		}
		tlsConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig}, Timeout: time.Minute}
	defer client.CloseIdleConnections()
	var body io.Reader
	if a.body != nil {
		text, isText := a.body.(string)
		if !isText {
			data, err := json.Marshal(a.body)
			if err != nil {
				c.Fatal(err)
			}
			text = string(data)
		}
		if a.gzip {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = io.WriteString(z, text)
			_ = z.Close()
			text = b.String()
		}
		body = strings.NewReader(text)
		if a.chunks {
			body = io.MultiReader(body) // of a length that nobody knows
		}
	}
	verb := a.verb
	if verb == "" {
		verb = http.MethodGet
		if body != nil {
			verb = http.MethodPost
		}
	}
	r, err := http.NewRequestWithContext(c.Context(), verb, c.URL+a.path, body)
	if err != nil {
		c.Fatal(err)
	}
	if r.Header = a.header.Clone(); r.Header == nil {
		r.Header = http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	}
	if a.gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	reply, err := client.Do(r)
	if err != nil {
		c.Fatalf("%s %s: %v", verb, a.path, err)
	}
	defer reply.Body.Close()
	data, err := io.ReadAll(reply.Body)
	if err != nil {
		c.Fatal(err)
	}
	if kind := reply.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") {
		c.Errorf("%s %s: Content-Type %q", verb, a.path, kind)
	}
	return reply.StatusCode, string(data)
}

// says wants an answer to the letter, with status 200 when it begins with a brace.
func (c *contract) says(a ask, want string) {
	c.Helper()
	status, got := c.raw(a)
	wantStatus := http.StatusOK
	if !strings.HasPrefix(want, "{") {
		wantStatus = status // told in the text's own test
	}
	if got != want || status != wantStatus {
		c.Errorf("%s with %v:\ngot  %d %s\nwant %s", a.path, a.body, status, got, want)
	}
}

// post gives the data of a call that must succeed.
func (c *contract) post(as, path string, body any) any {
	c.Helper()
	return c.data(ask{as: as, path: path, body: body})
}

func (c *contract) get(as, path string, query url.Values) any {
	c.Helper()
	return c.data(ask{as: as, path: path + "?" + query.Encode()})
}

func (c *contract) data(a ask) any {
	c.Helper()
	status, text := c.raw(a)
	var out struct {
		Success bool
		Message string
		Data    any
	}
	if err := json.Unmarshal([]byte(text), &out); err != nil || status != http.StatusOK || !out.Success {
		c.Fatalf("%s with %v: %d %s", a.path, a.body, status, text)
	}
	return out.Data
}

// kill gives the booleans of a kill. A code of -1 is left out.
func (c *contract) kill(as string, code int, ids ...int64) string {
	c.Helper()
	body := map[string]any{"job_ids": ids}
	if code >= 0 {
		body["code"] = code
	}
	return fmt.Sprint(c.post(as, "/api/v1/job/kill", body))
}
