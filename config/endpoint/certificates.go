package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gridwarden/gridwarden/config/secret"
)

// Error is why a file of certificates cannot be used.
type Error struct {
	Path   string
	Reason string // what is wrong and what to do
	Cause  error  // nil where the file could be read but not accepted
}

func (e *Error) Error() string { return fmt.Sprintf("endpoint: file %s %s", e.Path, e.Reason) }

// ForPeople returns the same sentence: it names a path and nothing secret.
func (e *Error) ForPeople() string { return fmt.Sprintf("The file %s %s.", e.Path, e.Reason) }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Authorities are those in a PEM file that may vouch for a server. Without a file
// they are nil, which tls.Config takes for the machine's own. Every error is an
// *Error.
func Authorities(path string) (*x509.CertPool, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // it is what RootCAs means by the machine's own
	}
	pem, err := read(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, &Error{Path: path, Reason: "has no certificate of an authority in PEM form"}
	}
	return pool, nil
}

// Certificate is what shows a server who the program is: a PEM file of the
// certificate and those above it, and one of its key. A grid proxy is both. Such
// files are renewed under a running program: read them for each connection. An
// error is an *Error, or a *secret.Error about the key's file.
func Certificate(chain string, key secret.File) (tls.Certificate, error) {
	secretKey, err := key.Read()
	if err != nil {
		return tls.Certificate{}, err
	}
	pem, err := read(chain)
	if err != nil {
		return tls.Certificate{}, err
	}
	pair, err := tls.X509KeyPair(pem, []byte(secretKey.Reveal()))
	if err != nil {
		return tls.Certificate{}, &Error{Path: chain, Reason: fmt.Sprintf("is no certificate in PEM form that goes with the key in %s", key)}
	}
	if now := time.Now(); pair.Leaf != nil && now.After(pair.Leaf.NotAfter) {
		return tls.Certificate{}, &Error{Path: chain, Reason: fmt.Sprintf("has a certificate that ended on %s UTC: renew it", pair.Leaf.NotAfter.UTC().Format("2006-01-02 15:04"))}
	}
	return pair, nil
}

func read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err == nil {
		return data, nil
	}
	bare := err // the path is told already
	var of *os.PathError
	if errors.As(err, &of) {
		bare = of.Err
	}
	return nil, &Error{Path: path, Reason: fmt.Sprintf("cannot be read: %v", bare), Cause: err}
}
