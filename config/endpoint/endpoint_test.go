package endpoint_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/config/endpoint"
	"github.com/gridwarden/gridwarden/config/secret"
)

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.8.9.1": true, "::1": true, "::ffff:127.0.0.1": true, "localhost": true,
		"": false, "0.0.0.0": false, "::": false, "192.0.2.1": false, "localhost.example.org": false, "127.0.0.1.example.org": false, "[::1]": false, "2130706433": false,
	} {
		if got := endpoint.Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %v", host, got)
		}
	}
}

// issued is a certificate that ends then, and its key, in PEM form.
func issued(t *testing.T, ends time.Time) (cert, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	of := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "robot"}, NotBefore: ends.Add(-time.Hour), NotAfter: ends, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, of, of, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	der8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der8})
}

func write(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// told is the sentence that people get of an error.
func told(err error) string {
	var p interface{ ForPeople() string }
	if !errors.As(err, &p) {
		return ""
	}
	return p.ForPeople()
}

func TestAuthorities(t *testing.T) {
	cert, key := issued(t, time.Now().Add(time.Hour))
	if pool, err := endpoint.Authorities(""); pool != nil || err != nil {
		t.Errorf("without a file: %v, %v", pool, err)
	}
	pool, err := endpoint.Authorities(write(t, cert))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(cert)
	of, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := of.Verify(x509.VerifyOptions{Roots: pool}); err != nil {
		t.Errorf("the authority does not vouch for itself: %v", err)
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "cannot be read: no such file or directory.",
		write(t, key):                      "has no certificate of an authority in PEM form.",
		write(t, nil):                      "has no certificate of an authority in PEM form.",
	} {
		pool, err := endpoint.Authorities(path)
		if got := told(err); got != "The file "+path+" "+want || pool != nil {
			t.Errorf("%v, %q; want %q", pool, got, want)
		}
	}
}

func TestCertificate(t *testing.T) {
	cert, key := issued(t, time.Now().Add(time.Hour))
	old, oldKey := issued(t, time.Now().Add(-time.Minute))
	proxy := write(t, append(append([]byte{}, cert...), key...))
	if pair, err := endpoint.Certificate(proxy, secret.File(proxy)); err != nil || pair.Leaf.Subject.CommonName != "robot" {
		t.Errorf("a proxy: %v", err)
	}
	open := write(t, key)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ chain, key, want string }{
		"no chain":          {filepath.Join(t.TempDir(), "none"), write(t, key), "cannot be read: no such file or directory"},
		"no key":            {write(t, cert), filepath.Join(t.TempDir(), "none"), "cannot be opened"},
		"another's key":     {write(t, cert), write(t, oldKey), "is no certificate in PEM form that goes with the key in"},
		"no certificate":    {write(t, []byte("x")), write(t, key), "is no certificate in PEM form"},
		"ended":             {write(t, old), write(t, oldKey), "UTC: renew it"},
		"key open to all":   {write(t, cert), open, "run chmod o-rwx"},
		"key without lines": {write(t, cert), write(t, bytes.ReplaceAll(key, []byte("\n"), nil)), "is no certificate in PEM form that goes with the key in"},
	} {
		_, err := endpoint.Certificate(c.chain, secret.File(c.key))
		if got := told(err); !strings.Contains(got, c.want) || strings.Contains(got, "PRIVATE") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
