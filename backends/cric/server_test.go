package cric

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/config/secret"
)

// fake is a strict CRIC: it talks only to who shows the certificate of its
// authority or the token, and only of what it has.
type fake struct {
	*httptest.Server
	config Config // of who may ask
	asked  atomic.Int32
	answer func(n int32, w http.ResponseWriter)
}

// authority vouches for the fake and for who asks.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test Authority"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue gives a certificate and key in one PEM text, as a grid proxy is.
func (a authority) issue(t *testing.T, name string, until time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: until,
		DNSNames: []string{name}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, form, a.cert, &key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	secretKey, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secretKey})...)
}

func write(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const token = "s3cret-token"

func newFake(t *testing.T, answer func(n int32, w http.ResponseWriter)) *fake {
	t.Helper()
	a := newAuthority(t)
	f := &fake{answer: answer}
	f.Server = httptest.NewUnstartedServer(http.HandlerFunc(f.serve))
	own := a.issue(t, "localhost", time.Now().Add(time.Hour))
	pair, err := tls.X509KeyPair(own, own)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	f.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12}
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	f.StartTLS()
	t.Cleanup(f.Close)
	proxy := write(t, "proxy.pem", a.issue(t, "bot.example.org", time.Now().Add(time.Hour)))
	f.config = Config{URL: strings.Replace(f.URL, "127.0.0.1", "localhost", 1), Cert: proxy, KeyFile: secret.File(proxy), CA: write(t, "ca.pem", a.pem)}
	return f
}

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	n := f.asked.Add(1)
	switch {
	case r.Method != http.MethodGet || r.URL.RequestURI() != usersPath:
		http.Error(w, "no such page", http.StatusNotFound)
	case r.Header.Get("Accept") != "application/json":
		http.Error(w, "of what form?", http.StatusNotAcceptable)
	case len(r.TLS.PeerCertificates) == 0 && r.Header.Get("Authorization") != "Bearer "+token:
		http.Redirect(w, r, "https://login.example.org/", http.StatusFound)
	default:
		f.answer(n, w)
	}
}

func say(w http.ResponseWriter, text string) { _, _ = w.Write([]byte(text)) }

func TestAServerIsAsked(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(n int32, w http.ResponseWriter) {
		switch n {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2: // half an answer: the connection ends before what was announced
			w.Header().Set("Content-Length", "100000")
			say(w, users)
		default:
			say(w, users)
		}
	})
	d := New(f.config)
	defer d.Close()
	r, err := d.Register(t.Context())
	if err != nil || r.People() != 2 || login(t, r, annDN) != "asmith" || f.asked.Load() != 3 || time.Since(r.AsOf) > time.Minute {
		t.Fatalf("asked %d times: %v, %+v", f.asked.Load(), err, r)
	}
	if _, err := d.Register(t.Context()); err != nil || f.asked.Load() != 3 {
		t.Errorf("asked again within the lifetime: %v", err)
	}
}

func TestATokenInsteadOfACertificate(t *testing.T) {
	t.Parallel()
	f := newFake(t, func(_ int32, w http.ResponseWriter) { say(w, users) })
	c := f.config
	c.Cert, c.KeyFile, c.TokenFile = "", "", secret.File(write(t, "token", []byte(token+"\n")))
	d := New(c)
	defer d.Close()
	if r, err := d.Register(t.Context()); err != nil || r.People() != 2 {
		t.Error(err)
	}
}

func TestWhatAServerCannotMakeUsBelieve(t *testing.T) {
	t.Parallel()
	good := func(_ int32, w http.ResponseWriter) { say(w, users) }
	status := func(code int) func(int32, http.ResponseWriter) {
		return func(_ int32, w http.ResponseWriter) { w.WriteHeader(code); say(w, users) }
	}
	stranger := newAuthority(t)
	for name, c := range map[string]struct {
		answer func(int32, http.ResponseWriter)
		change func(*Config)
		says   string
		asked  int32
	}{
		"a stranger's server": {good, func(c *Config) { c.CA = write(t, "ca.pem", stranger.pem) }, "does not prove to be CRIC", 0},
		"a stranger's certificate": {good, func(c *Config) {
			c.Cert = write(t, "proxy.pem", stranger.issue(t, "bot.example.org", time.Now().Add(time.Hour)))
			c.KeyFile = secret.File(c.Cert)
		}, "could not be reached, or ended the connection", 0},
		"nobody's question": {good, func(c *Config) { c.Cert, c.KeyFile = "", "" }, "sends us elsewhere", 1},
		"a wrong token": {good, func(c *Config) {
			c.Cert, c.KeyFile, c.TokenFile = "", "", secret.File(write(t, "token", []byte("wrong")))
		}, "sends us elsewhere", 1},
		"an old certificate": {good, func(c *Config) {
			c.Cert = write(t, "proxy.pem", stranger.issue(t, "bot.example.org", time.Now().Add(-time.Hour)))
			c.KeyFile = secret.File(c.Cert)
		}, "ended on", 0},
		"a key that others can read": {good, func(c *Config) {
			if err := os.Chmod(string(c.KeyFile), 0o604); err != nil {
				t.Error(err)
			}
		}, "is open to every user", 0},
		"no certificate in the file": {good, func(c *Config) { c.Cert = c.CA }, "is no certificate in PEM form that goes with the key", 0},
		"no authority in the file":   {good, func(c *Config) { c.CA = write(t, "ca.pem", []byte("x")) }, "has no certificate of an authority", 0},
		"no such page":               {good, func(c *Config) { c.URL += "/nowhere" }, "HTTP status 404", 1},
		"no access":                  {status(http.StatusForbidden), nil, "does not let us ask", 1},
		"a server in trouble":        {status(http.StatusServiceUnavailable), nil, "has trouble of its own", 3},
		"a login page": {func(_ int32, w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html")
			say(w, "<html>Sign in</html>")
		}, nil, "may be a login page", 1},
		"half an answer, each time": {func(_ int32, w http.ResponseWriter) {
			w.Header().Set("Content-Length", "100000")
			say(w, users)
		}, nil, "broke off in the middle", 3},
		"more than there can be": {func(_ int32, w http.ResponseWriter) {
			block := []byte(strings.Repeat(" ", 1<<20))
			for range maxAnswer>>20 + 1 {
				_, _ = w.Write(block)
			}
		}, nil, "larger than 64 MB", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, c.answer)
			config := f.config
			if c.change != nil {
				c.change(&config)
			}
			d := New(config)
			defer d.Close()
			_, err := d.Register(t.Context())
			if !strings.Contains(sentenceOf(err), c.says) || f.asked.Load() != c.asked {
				t.Errorf("asked %d times, want %d: %v, want a sentence that says %q", f.asked.Load(), c.asked, err, c.says)
			}
			for _, private := range []string{token, "Sign in", "PRIVATE"} {
				if err != nil && strings.Contains(err.Error(), private) {
					t.Errorf("%q is in the error: %v", private, err)
				}
			}
		})
	}
}

// TestAServerThatIsSlow holds that Close does not wait for one.
func TestAServerThatIsSlow(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := newFake(t, func(_ int32, w http.ResponseWriter) {
		say(w, users[:10])
		if flusher, ok := w.(http.Flusher); ok {
			flusher.Flush()
		}
		<-release
	})
	defer close(release)
	d := New(f.config)
	done := make(chan error, 1)
	go func() { _, err := d.Register(t.Context()); done <- err }()
	for f.asked.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; err == nil {
		t.Error("ten bytes were taken for an answer")
	}
}
