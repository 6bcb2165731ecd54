package pandatest

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Server is a PanDA server over HTTPS on a test's database. It is as strict as
// panda-server 1.0.4, whose words it uses, and nasty when it is told to be. It
// knows the methods of /api/v1 that somebody here calls; the others it forbids.
//
// Left out are event services, and sites where the real one asks Rucio.
type Server struct {
	URL       string
	Authority *Authority

	database *Database
	options  Options

	mu       sync.Mutex
	gate     map[string]bool // names that were banned when it was read
	gateRead time.Time
	troubles []*Trouble
	requests []Request
	load     load
	columns  string // that both the live and the archive table have
}

// Options are what a server knows. The zero value knows nobody.
type Options struct {
	Roles  map[string][]string // FQANs by the DN of the person, without the names of proxies
	Tokens map[string]Token    // by their text
	Now    func() time.Time    // nil: that of the database. The gate and the rows go by it.
	PerJob time.Duration       // that a kill of one job takes at least; the real one needs 17 ms
}

// Request is one that was heard, refused ones among them.
type Request struct {
	Method string // GET, POST
	Path   string // such as job/kill
	Jobs   []int64
	Header http.Header
}

// gateLasts is how long the server goes by the banned names that it has read.
const gateLasts = 600 * time.Second

// NewServer starts a server, which ends with the test.
func NewServer(d *Database, o Options) *Server {
	d.t.Helper()
	s := &Server{Authority: NewAuthority(d.t), database: d, options: o}
	s.columns = strings.Join(All[string](d, `SELECT quote_ident(column_name) FROM information_schema.columns
		WHERE table_schema = 'doma_panda' AND table_name IN ('jobsactive4', 'jobsarchived4', 'jobsdefined4')
		GROUP BY column_name HAVING count(*) = 3 ORDER BY 1`), ", ")
	h := httptest.NewUnstartedServer(s)
	h.TLS = &tls.Config{
		MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{s.Authority.server()},
		ClientAuth: tls.RequestClientCert, VerifyPeerCertificate: s.Authority.accepts,
		SessionTicketsDisabled: true, // with one, the chain would not be checked again
	}
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // refused certificates are no news in tests
	h.StartTLS()
	d.t.Cleanup(h.Close)
	s.URL = h.URL
	return s
}

func (s *Server) now() time.Time {
	if s.options.Now != nil {
		return s.options.Now().UTC()
	}
	return s.database.Now().UTC()
}

// Restart empties the gate, as a restart of the server's processes does.
func (s *Server) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gate, s.gateRead = nil, time.Time{}
}

// Requests are those that were heard until now.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

// call is one request on its way through the server.
type call struct {
	caller  caller
	args    arguments
	trouble Trouble
}

// method is one of the API's.
type method struct {
	verb       string
	open       bool // to everybody, also without a certificate
	production bool
	owner      bool // of the task, or production
	params     []param
	run        func(*Server, context.Context, call) (object, error)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, m, known := route(r.URL.Path)
	if name == killPath {
		s.load.change(1)
		defer s.load.change(-1)
	}
	trouble := s.trouble(name)
	if trouble.before(w, r) {
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	if !known {
		s.heard(r, name, nil)
		refuse(w, http.StatusForbidden, "method "+name[strings.LastIndex(name, "/")+1:]+" is forbidden")
		return
	}
	c, refusal := s.callerOf(r)
	switch {
	case refusal != "":
		s.heard(r, name, nil)
		refuse(w, http.StatusForbidden, "Token authentication failed. "+refusal)
		return
	case c.dn != "" && s.banned(r.Context(), c.name()):
		s.heard(r, name, nil)
		refuse(w, http.StatusForbidden, c.name()+" is banned")
		return
	}
	given, err := parameters(r)
	if err != nil {
		s.heard(r, name, nil)
		fail(w, err)
		return
	}
	s.heard(r, name, given)
	a, err := s.perform(r, m, call{caller: c, trouble: trouble}, given)
	if err != nil {
		fail(w, err)
		return
	}
	if trouble.Lose || trouble.HalfDone {
		panic(http.ErrAbortHandler)
	}
	text := asText(a)
	if r.Header.Get("Content-Type") == "application/json" || r.Header.Get("Accept") == "application/json" {
		text = asJSON(a)
	}
	_, _ = io.WriteString(w, text)
}

// perform is what the server does for every method before its own code, in the
// same order.
func (s *Server) perform(r *http.Request, m method, c call, given map[string]any) (object, error) {
	if !m.open && !c.caller.secure() {
		return answer(false, "SSL secure connection is required", nil), nil
	}
	if m.production && !c.caller.production() {
		return answer(false, "production or pilot role required", nil), nil
	}
	if r.Method != m.verb {
		return answer(false, "expecting "+m.verb+", received "+r.Method, nil), nil
	}
	args, problem := bind(m.params, given, r.Method == http.MethodGet)
	if problem != "" {
		return answer(false, problem, nil), nil
	}
	c.args = args
	if m.owner && !c.caller.production() {
		owner, err := s.ownerOfTask(r.Context(), args.int("task_id"))
		if err != nil {
			return nil, err
		}
		if owner == "" || owner != c.caller.name() {
			return answer(false, "not the task owner or no production role", nil), nil
		}
	}
	return m.run(s, context.WithoutCancel(r.Context()), c) // it goes on when nobody waits for it any more
}

func refuse(w http.ResponseWriter, status int, why string) {
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "ERROR : "+why)
}

func fail(w http.ResponseWriter, err error) {
	w.WriteHeader(http.StatusInternalServerError)
	_, _ = io.WriteString(w, err.Error())
}

// banned tells whether the gate lets a name in. What it has read it goes by for
// ten minutes.
func (s *Server) banned(ctx context.Context, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gate == nil || s.now().Sub(s.gateRead) >= gateLasts {
		names, err := s.bannedNames(ctx)
		if err != nil {
			return false // as the real one, which logs it
		}
		s.gate, s.gateRead = map[string]bool{}, s.now()
		for _, n := range names {
			s.gate[n] = true
		}
	}
	return s.gate[name]
}

func (s *Server) heard(r *http.Request, name string, given map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Request{Method: r.Method, Path: name, Jobs: arguments(given).jobs(), Header: r.Header.Clone()})
}

// owns tells whether the server takes a caller for the owner of what is somebody's.
func (c caller) owns(userID string) bool { return grid.PandaName(userID) == c.name() }
