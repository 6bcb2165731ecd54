package mailserver

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// The account that a server with Options.Account lets in.
const (
	Username = "gridwarden"
	Password = "correct horse"
)

// Options is how a server is.
type Options struct {
	Implicit bool // TLS from the first byte
	Plain    bool // no TLS at all
	Account  bool // takes mail from who knows Username and Password only
	Name     string
	Ended    bool // its certificate is one of the past
}

// At is a moment of a conversation.
type At string

// The moments at which a Fault happens.
const (
	OnMail At = "MAIL"
	OnRcpt At = "RCPT"
	OnData At = "DATA" // after the whole text
)

// Fault is one bad moment. Without a Code the connection is cut.
type Fault struct {
	At   At
	To   string // only for a mail to this address, when given
	Code int
	Text string
	// Taken keeps the mail all the same, as when the answer is lost on its way.
	Taken bool
	// Until holds the answer back.
	Until <-chan struct{}
}

// Mail is one that was taken.
type Mail struct {
	From string
	To   []string
	Text string // as it came, headers and all
	User string // who proved it; "" without Options.Account
	TLS  bool
}

// Server is a mail server that runs until the end of the test.
type Server struct {
	Addr string // host:port
	CA   string // PEM file of who vouches for it

	server   *smtp.Server
	listener net.Listener

	mu     sync.Mutex
	mails  []Mail
	faults []Fault
	calls  int
	more   chan struct{} // closed and made anew when a mail is taken
}

// New starts a server on a free port of this machine.
func New(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{more: make(chan struct{})}
	s.server = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		s.mu.Lock()
		s.calls++
		s.mu.Unlock()
		return &session{server: s, conn: c, account: o.Account}, nil
	}))
	s.server.Domain = "mail.example.org"
	s.server.ErrorLog = silent{}
	s.server.MaxMessageBytes = 1 << 20
	s.server.AllowInsecureAuth = o.Plain
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // ends with the test
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	if !o.Plain {
		config := s.certify(t, o)
		if o.Implicit {
			listener = tls.NewListener(listener, config)
		} else {
			s.server.TLSConfig = config
		}
	}
	s.listener = listener
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.server.Serve(listener) }()
	t.Cleanup(func() { s.Stop(); <-ended })
	return s
}

// silent is a log that nobody reads: what goes wrong here is what tests ask for.
type silent struct{}

// Printf implements smtp.Logger.
func (silent) Printf(string, ...any) {}

// Println implements smtp.Logger.
func (silent) Println(...any) {}

// Stop ends the server at once. The server knows its listener only once it serves.
func (s *Server) Stop() {
	_ = s.listener.Close()
	_ = s.server.Close()
}

// Next has the next conversations go wrong, one fault each time its moment comes.
func (s *Server) Next(faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, faults...)
}

// Mails are those that were taken, in order.
func (s *Server) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Mail(nil), s.mails...)
}

// Calls is how often somebody connected.
func (s *Server) Calls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Wait waits until n mails were taken, and gives them.
func (s *Server) Wait(t testing.TB, n int) []Mail {
	t.Helper()
	limit := time.After(30 * time.Second)
	for {
		s.mu.Lock()
		have, more := len(s.mails), s.more
		s.mu.Unlock()
		if have >= n {
			return s.Mails()
		}
		select {
		case <-more:
		case <-limit:
			t.Fatalf("the mail server took %d mails, not %d: %v", have, n, s.Mails())
		}
	}
}

// fault takes the next fault of a mail if its moment has come.
func (s *Server) fault(at At, to []string) (Fault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.faults, func(f Fault) bool { return f.To == "" || slices.Contains(to, f.To) })
	if i < 0 || s.faults[i].At != at {
		return Fault{}, false
	}
	f := s.faults[i]
	s.faults = slices.Delete(s.faults, i, i+1)
	return f, true
}

func (s *Server) take(m Mail) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	close(s.more)
	s.more = make(chan struct{})
}

// certify makes a certificate and names who vouches for it.
func (s *Server) certify(t testing.TB, o Options) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	from, until := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	if o.Ended {
		from, until = from.AddDate(-1, 0, 0), until.AddDate(-1, 0, 0)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if o.Name == "" {
		template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	} else {
		template.DNSNames = []string{o.Name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	s.CA = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(s.CA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}
}
