package pandatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// Authority vouches for people and for the server.
type Authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewAuthority makes an authority of its own for a test.
func NewAuthority(t testing.TB) *Authority {
	t.Helper()
	a := &Authority{t: t, key: newKey(t)}
	of := &x509.Certificate{
		SerialNumber: serial(t), Subject: pkix.Name{CommonName: "Test Authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(365 * 24 * time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	a.cert = a.issue(of, of, a.key, a.key)
	return a
}

// File is the authority's certificate in PEM, for who must trust the server.
func (a *Authority) File() string {
	a.t.Helper()
	return a.write(certificatePEM(a.cert))
}

// Proxy is what a person shows in place of the own certificate.
type Proxy struct {
	Ends    time.Time // zero: in 12 hours
	Limited bool      // as it is made when a proxy is handed on to a job
	Bare    bool      // no proxy: the person's certificate itself
}

// Proxy makes a file as grid tools do: certificate, key, and the certificate
// above it, in one file that only its owner may read.
func (a *Authority) Proxy(dn string, p Proxy) (file string) {
	a.t.Helper()
	if p.Ends.IsZero() {
		p.Ends = time.Now().Add(12 * time.Hour)
	}
	begins := p.Ends.Add(-24 * time.Hour)
	personal := newKey(a.t)
	person := &x509.Certificate{
		SerialNumber: serial(a.t), RawSubject: rawDN(a.t, dn), NotBefore: begins, NotAfter: p.Ends.Add(300 * 24 * time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	if p.Bare {
		person.NotAfter = p.Ends
		return a.write(append(certificatePEM(a.issue(person, a.cert, personal, a.key)), keyPEM(a.t, personal)...))
	}
	above := a.issue(person, a.cert, personal, a.key)
	name := "987654321" // RFC 3820: a number
	if p.Limited {
		name = "limited proxy"
	}
	own := newKey(a.t)
	of := &x509.Certificate{
		SerialNumber: serial(a.t), RawSubject: rawDN(a.t, dn+"/CN="+name), NotBefore: begins, NotAfter: p.Ends, KeyUsage: x509.KeyUsageDigitalSignature,
	}
	leaf := a.issue(of, above, own, personal)
	return a.write(append(append(certificatePEM(leaf), keyPEM(a.t, own)...), certificatePEM(above)...))
}

// server is the certificate of a server on this machine.
func (a *Authority) server() tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	of := &x509.Certificate{
		SerialNumber: serial(a.t), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	cert := a.issue(of, a.cert, key, a.key)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}
}

// accepts checks the chain that a client shows, as a grid server does: proxies,
// each signed by the one above it, whose name it extends, up to the certificate of
// a person that the authority has signed.
func (a *Authority) accepts(shown [][]byte, _ [][]*x509.Certificate) error {
	if len(shown) == 0 {
		return nil
	}
	_, err := a.person(shown)
	return err
}

// person gives the certificate of the person behind a chain.
func (a *Authority) person(shown [][]byte) (*x509.Certificate, error) {
	for i, raw := range shown {
		cert, err := x509.ParseCertificate(raw)
		if err != nil {
			return nil, err
		}
		if now := time.Now(); now.After(cert.NotAfter) || now.Before(cert.NotBefore) {
			return nil, errors.New("certificate has expired")
		}
		if cert.CheckSignatureFrom(a.cert) == nil {
			return cert, nil
		}
		if i+1 == len(shown) {
			break
		}
		above, err := x509.ParseCertificate(shown[i+1])
		if err != nil {
			return nil, err
		}
		if err := above.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
			return nil, err
		}
		if !strings.HasPrefix(nameOf(cert), nameOf(above)+"/CN=") {
			return nil, errors.New("a proxy has another name than its issuer's")
		}
	}
	return nil, errors.New("certificate signed by unknown authority")
}

func (a *Authority) issue(of, above *x509.Certificate, key, aboveKey *ecdsa.PrivateKey) *x509.Certificate {
	a.t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, of, above, key.Public(), aboveKey)
	if err != nil {
		a.t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return cert
}

func (a *Authority) write(data []byte) string {
	a.t.Helper()
	file := filepath.Join(a.t.TempDir(), "x509up.pem")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		a.t.Fatal(err)
	}
	return file
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func serial(t testing.TB) *big.Int {
	t.Helper()
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func certificatePEM(c *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
}

func keyPEM(t testing.TB, key *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
}

// attributes are the parts of a DN, by the names that OpenSSL writes.
var attributes = map[string]asn1.ObjectIdentifier{
	"C": {2, 5, 4, 6}, "ST": {2, 5, 4, 8}, "L": {2, 5, 4, 7}, "O": {2, 5, 4, 10}, "OU": {2, 5, 4, 11}, "CN": {2, 5, 4, 3},
	"DC": {0, 9, 2342, 19200300, 100, 1, 25}, "emailAddress": {1, 2, 840, 113549, 1, 9, 1},
}

var attributeOfDN = regexp.MustCompile(`/([A-Za-z]+)=`)

// rawDN encodes /DC=…/CN=… as the subject of a certificate.
func rawDN(t testing.TB, dn string) []byte {
	t.Helper()
	var out pkix.RDNSequence
	at := attributeOfDN.FindAllStringSubmatchIndex(dn, -1)
	for i, m := range at {
		end := len(dn)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		oid, known := attributes[dn[m[2]:m[3]]]
		if !known {
			t.Fatalf("%q: no such attribute: %s", dn, dn[m[2]:m[3]])
		}
		out = append(out, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: dn[m[1]:end]}})
	}
	der, err := asn1.Marshal(out)
	if err != nil {
		t.Fatalf("%q: %v", dn, err)
	}
	return der
}

// nameOf is the DN of a certificate as Apache hands it on.
func nameOf(c *x509.Certificate) string {
	var names pkix.RDNSequence
	if _, err := asn1.Unmarshal(c.RawSubject, &names); err != nil {
		return ""
	}
	var b strings.Builder
	for _, set := range names {
		for _, one := range set {
			for name, oid := range attributes {
				if oid.Equal(one.Type) {
					fmt.Fprintf(&b, "/%s=%s", name, one.Value)
				}
			}
		}
	}
	return b.String()
}
