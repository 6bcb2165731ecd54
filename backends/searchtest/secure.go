package searchtest

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
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Access says what a [Secure] asks for. What is empty is not asked for.
type Access struct {
	Path           string // where the server is to be found, such as /os; elsewhere is nothing
	User, Password string // basic authentication
	Token          string // a bearer token
	Certificate    bool   // a certificate of the client, by the same authority
}

// Secure is a server behind TLS and a check of who asks. The files are PEM, the key's
// readable by its owner only. Each Secure has an authority of its own.
type Secure struct {
	URL               string // with the path
	CAFile            string
	CertFile, KeyFile string // a client's, which it accepts
}

// SecureProxy opens one in front of the server, until the test's end.
func (s Server) SecureProxy(t testing.TB, ask Access) Secure {
	t.Helper()
	target, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Authorization")
		},
		Transport: client.Transport,
		ErrorLog:  slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo),
	}
	ca := newAuthority(t)
	server := ca.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "search server"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	user := ca.issue(t, &x509.Certificate{Subject: pkix.Name{CommonName: "search client"}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	listener := httptest.NewUnstartedServer(ask.check(http.StripPrefix(ask.Path, forward)))
	listener.TLS = &tls.Config{Certificates: []tls.Certificate{server}, MinVersion: tls.VersionTLS12}
	if ask.Certificate {
		listener.TLS.ClientAuth, listener.TLS.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		listener.TLS.ClientCAs.AddCert(ca.certificate)
	}
	listener.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelInfo) // refusals are wanted
	listener.StartTLS()
	t.Cleanup(listener.Close)
	dir := t.TempDir()
	out := Secure{URL: listener.URL + ask.Path, CAFile: filepath.Join(dir, "ca.pem"), CertFile: filepath.Join(dir, "client.pem"), KeyFile: filepath.Join(dir, "client.key")}
	key, err := x509.MarshalPKCS8PrivateKey(user.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, out.CAFile, "CERTIFICATE", ca.certificate.Raw)
	writePEM(t, out.CertFile, "CERTIFICATE", user.Certificate[0])
	writePEM(t, out.KeyFile, "PRIVATE KEY", key)
	return out
}

// check lets pass who asks at the right place and is known.
func (a Access) check(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.Path != "" && r.URL.Path != a.Path && !strings.HasPrefix(r.URL.Path, a.Path+"/") {
			http.NotFound(w, r)
			return
		}
		user, password, _ := r.BasicAuth()
		switch {
		case a.User != "" && (user != a.User || password != a.Password):
			w.Header().Set("WWW-Authenticate", `Basic realm="search"`)
		case a.Token != "" && r.Header.Get("Authorization") != "Bearer "+a.Token:
			w.Header().Set("WWW-Authenticate", "Bearer")
		default:
			next.ServeHTTP(w, r)
			return
		}
		http.Error(w, "Unauthorized", http.StatusUnauthorized)
	})
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) authority {
	t.Helper()
	a := authority{key: newKey(t)}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "search test authority"}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	a.certificate = template
	der := a.sign(t, template, &a.key.PublicKey)
	var err error
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func (a authority) sign(t testing.TB, template *x509.Certificate, key *ecdsa.PublicKey) []byte {
	t.Helper()
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		t.Fatal(err)
	}
	template.SerialNumber, template.NotBefore, template.NotAfter = serial, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func (a authority) issue(t testing.TB, template *x509.Certificate) tls.Certificate {
	t.Helper()
	key := newKey(t)
	template.KeyUsage = x509.KeyUsageDigitalSignature
	return tls.Certificate{Certificate: [][]byte{a.sign(t, template, &key.PublicKey)}, PrivateKey: key}
}

func writePEM(t testing.TB, file, kind string, der []byte) {
	t.Helper()
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
