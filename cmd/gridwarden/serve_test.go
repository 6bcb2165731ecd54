package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/journal"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/console"
	"github.com/gridwarden/gridwarden/config"
)

// service is a serve that runs beside the test.
type service struct {
	t     *testing.T
	out   journalled
	err   journalled
	stop  context.CancelFunc
	ended chan struct{}
	exit  int
	root  *x509.CertPool // nil: plain HTTP
}

// journalled keeps what a running program writes.
type journalled struct {
	mu    sync.Mutex
	text  bytes.Buffer
	wrote chan struct{} // has something after every write
}

func (j *journalled) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	select {
	case j.wrote <- struct{}{}:
	default:
	}
	return j.text.Write(p)
}

func (j *journalled) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// startServe starts serve and waits until it listens.
func startServe(t *testing.T, cfg string, in io.Reader) *service {
	t.Helper()
	s := &service{t: t, ended: make(chan struct{})}
	s.out.wrote, s.err.wrote = make(chan struct{}, 1), make(chan struct{}, 1)
	ctx, cancel := context.WithCancel(context.Background())
	s.stop = cancel
	go func() {
		defer close(s.ended)
		s.exit = run(ctx, []string{"serve", "--config", cfg}, terminal{in: in, out: &s.out, err: &s.err})
	}()
	t.Cleanup(func() { cancel(); <-s.ended })
	s.logged("listening")
	return s
}

// logged waits until the log has a line with text, and returns it.
func (s *service) logged(text string) string {
	s.t.Helper()
	late := time.After(30 * time.Second)
	for {
		for line := range strings.Lines(s.err.String()) {
			if strings.Contains(line, text) {
				return line
			}
		}
		select {
		case <-s.err.wrote:
		case <-s.ended:
			s.t.Fatalf("serve ended with %d before it logged %q:\n%s", s.exit, text, &s.err)
		case <-late:
			s.t.Fatalf("%q was not logged:\n%s", text, &s.err)
		}
	}
}

// get asks the listener, whose address is in the log.
func (s *service) get(path string) (int, string) {
	s.t.Helper()
	address := regexp.MustCompile(`http=(\S+)`).FindStringSubmatch(s.logged("listening"))
	if address == nil {
		s.t.Fatalf("no address is logged:\n%s", &s.err)
	}
	client, scheme := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, "http"
	if s.root != nil {
		client.Transport = &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: s.root}}
		scheme = "https"
	}
	r, err := client.Get(scheme + "://" + address[1] + path)
	if err != nil {
		s.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// until asks again and again until the answer has text.
func (s *service) until(path, text string) string {
	s.t.Helper()
	var got string
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if _, got = s.get(path); strings.Contains(got, text) {
			return got
		}
	}
	s.t.Fatalf("%s does not have %q:\n%s\nsaid:\n%s", path, text, got, &s.out)
	return ""
}

// ends tells serve to stop and returns its exit status; it must have run until then.
func (s *service) ends() int {
	s.t.Helper()
	select {
	case <-s.ended:
		s.t.Errorf("it ended by itself with %d:\n%s", s.exit, &s.err)
	default:
	}
	s.stop()
	<-s.ended
	return s.exit
}

// nobody is the standard input of a service.
func nobody(t *testing.T) *os.File {
	t.Helper()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { null.Close() })
	return null
}

const withHTTP = "http: {listen: 127.0.0.1:0}\n"

// TestServeAsAService holds that serve goes on without a terminal, answers who
// watches it, writes no conversation to where its log goes, and stops when told.
func TestServeAsAService(t *testing.T) {
	cfg := configured(t, testConfig+withHTTP)
	s := startServe(t, cfg, nobody(t))
	s.logged("the console does not run here")
	if status, text := s.get("/healthz"); status != http.StatusOK || text != "ready\njournal: ok\naudit log: ok\n" {
		t.Errorf("%d: %q", status, text)
	}
	asked(t, cfg, "alice", "whois", "Naughty User") // beside it
	if status, text := s.get("/metrics"); status != http.StatusOK || !strings.Contains(text, "\ngridwarden_journal_up 1\n") || !strings.Contains(text, `gridwarden_source_newest_record_seconds{source="sandbox"}`) {
		t.Errorf("%d: %s", status, text)
	}
	if status, _ := s.get("/"); status != http.StatusNotFound {
		t.Errorf("/: %d", status)
	}
	removesWhatIsOver(t, cfg)
	if status := s.ends(); status != exitOK || s.out.String() != "" {
		t.Errorf("status %d, standard output %q", status, &s.out)
	}
}

// journalOf opens the journal of a configuration beside the program.
func journalOf(t *testing.T, file string) *journal.Journal {
	t.Helper()
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	j, err := openJournal(t.Context(), cfg, slog.New(slog.DiscardHandler), self())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// removesWhatIsOver waits until a pass of the retention was noted in the journal.
func removesWhatIsOver(t *testing.T, file string) {
	t.Helper()
	j := journalOf(t, file)
	defer j.Close()
	var err error
	for range 1000 {
		if _, err = j.Remembered(t.Context(), "retention"); err == nil {
			return
		}
		time.Sleep(20 * time.Millisecond) // a database tells nobody of its changes
	}
	t.Errorf("nothing was removed by serve: %v", err)
}

// TestServeEndsWithItsInput keeps scripts short: what is piped in is answered, and that was it.
func TestServeEndsWithItsInput(t *testing.T) {
	for name, more := range map[string]string{"without HTTP": "", "with HTTP": withHTTP} {
		got := gridwardenRead(t, "alice> whois \"Naughty User\"\n", "serve", "--config", configured(t, testConfig+more))
		if got.status != exitOK || !strings.Contains(got.out, "Naughty User") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestServeWithAPortThatIsTaken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	cfg := configured(t, testConfig+fmt.Sprintf("http: {listen: %s}\n", taken.Addr()))
	got := gridwarden(t, "serve", "--config", cfg)
	if got.status != exitFailed {
		t.Errorf("%+v", got)
	}
	contains(t, "the refusal", got.err, fmt.Sprintf("gridwarden cannot listen on %s: another program has the port", taken.Addr()), "http.listen", "Nothing was started")
	if _, err := os.Stat(filepath.Join(filepath.Dir(cfg), "gridwarden.db")); !os.IsNotExist(err) {
		t.Errorf("something was started: %v", err)
	}
	elsewhere := configured(t, testConfig+"http: {listen: 192.0.2.1:8443, tls: {cert: a.pem, key_file: a.key}}\n")
	if got := gridwarden(t, "serve", "--config", elsewhere); got.status != exitUsage || !strings.Contains(got.err, "http.tls.cert cannot be read") {
		t.Errorf("without its certificate: %+v", got)
	}
}

// TestHealthOfALockedJournal has another program lock the database and let go.
func TestHealthOfALockedJournal(t *testing.T) {
	t.Parallel() // an answer is waited for 3 s, a lock 5 s
	cfg := configured(t, testConfig+withHTTP)
	s := startServe(t, cfg, nobody(t))
	s.until("/healthz", "journal: ok")
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(cfg), "gridwarden.db?_pragma=busy_timeout(20000)"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // which holds the lock
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
		t.Fatal(err)
	}
	s.until("/healthz", "not ready\njournal: ")
	if status, text := s.get("/healthz"); status != http.StatusServiceUnavailable || strings.Contains(text, "journal: ok") {
		t.Errorf("%d: %q", status, text)
	}
	if status, _ := s.get("/healthz/live"); status != http.StatusOK {
		t.Errorf("alive: %d", status)
	}
	if status, text := s.get("/metrics"); status != http.StatusOK || !strings.Contains(text, "\ngridwarden_journal_up 1\n") {
		t.Errorf("a journal that can be read: %d %s", status, text)
	}
	s.logged("not ready")
	if _, err := db.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	s.until("/healthz", "ready\njournal: ok\naudit log: ok")
	s.logged("ready again")
}

// TestFiguresOfAConversation holds that everything on the way of a command is
// counted, and that nothing anybody types becomes a label.
func TestFiguresOfAConversation(t *testing.T) {
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer typed.Close()
	s := startServe(t, configured(t, testConfig+withHTTP), in)
	say := func(line string) {
		if _, err := io.WriteString(typed, line+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	say(`alice> whois "Naughty User"`)
	say("alice> trace wn042.example.org 3h ago")
	for i := range 5 {
		say(fmt.Sprintf("alice> frobnicate%d now", i))
	}
	say(`alice> ban "Naughty User" cryptominer`)
	say("bob> click approve")
	say("carol> click approve")
	page := s.until("/metrics", `gridwarden_action_steps_total{command="ban",outcome="ok",step="apply"}`)
	for _, want := range []string{
		`gridwarden_events_received_total{kind="typed",outcome="fresh",platform="console"} 8`,
		`gridwarden_events_received_total{kind="clicked",outcome="fresh",platform="console"} 2`,
		"gridwarden_event_durable_seconds_count 10",
		`gridwarden_answers_total{command="whois",state="answered"} 1`,
		`gridwarden_answers_total{command="unknown",state="refused"} 5`,
		`gridwarden_answers_total{command="ban",state="proposed"} 1`,
		`gridwarden_answers_total{command="approve",state="decided"} 2`,
		`gridwarden_answer_seconds_count{command="trace"} 1`,
		`gridwarden_backend_requests_total{outcome="complete",source="sandbox"}`,
		`gridwarden_backend_request_seconds_count{source="sandbox"}`,
		`gridwarden_deliveries_total{outcome="ok",platform="console"}`,
		`gridwarden_action_steps_total{command="ban",outcome="ok",step="apply"} 1`,
		`version="unreleased"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%s is missing", want)
		}
	}
	for _, never := range []string{"frobnicate", "Naughty", "alice", "wn042"} {
		if strings.Contains(page, never) {
			t.Errorf("%s was typed, and is in the figures", never)
		}
	}
	if t.Failed() {
		t.Logf("said:\n%s", &s.out)
	}
}

// TestTheLogOfAConversation holds that every line about a request has its id,
// and that what was typed and answered is in no line.
func TestTheLogOfAConversation(t *testing.T) {
	cfg := configured(t, strings.Replace(testConfig, "  sandbox: {speed: 300}", "  cms: {history: {sqlite: history.db}}\n  sandbox: {speed: 300}", 1)+"log: {format: json, level: debug}\n")
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s := startServe(t, cfg, in)
	db, err := sql.Open("sqlite", filepath.Join(filepath.Dir(cfg), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), "DROP TABLE bucket"); err != nil { // which makes a source fail
		t.Fatal(err)
	}
	const secret = "hunter2-CN=jdoe"
	_, err = io.WriteString(typed, strings.Join([]string{
		`alice> whois "` + secret + `"`, "alice> trace wn042.example.org 3h ago", `alice> ban "Naughty User" ` + secret, "alice> " + secret, "zoe> help",
	}, "\n")+"\n")
	if err != nil || typed.Close() != nil {
		t.Fatal(err)
	}
	if <-s.ended; s.exit != exitOK {
		t.Fatalf("%d: %s", s.exit, &s.err)
	}
	log := s.err.String()
	concluded := map[string]string{}
	about := 0
	for line := range strings.Lines(log) {
		var l struct{ Level, Msg, Request, Command, State, Source, Directory string }
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		if strings.Count(line, `"request":`) > 1 {
			t.Errorf("said twice: %s", line)
		}
		if l.Msg == "request concluded" {
			concluded[l.Request] = l.Command + " " + l.State
		}
		if l.Source+l.Directory != "" || l.Msg == "request failed" {
			about++
			if l.Request == "" {
				t.Errorf("about no request: %s", line)
			}
		}
		for _, never := range []string{secret, "hunter2", "jdoe", "Naughty", "Alice Adams", "wn042"} {
			if strings.Contains(line, never) {
				t.Errorf("%s is in the log: %s", never, line)
			}
		}
	}
	if len(concluded) != 5 || concluded[""] != "" || about == 0 {
		t.Errorf("concluded %v, %d lines about a request:\n%s", concluded, about, log)
	}
	contains(t, "the audit log", ok(t, "audit", "show", "--config", cfg), "hunter2") // where it belongs
}

func TestRequestIsLoggedOnce(t *testing.T) {
	var out bytes.Buffer
	log := logger(&out, slog.LevelInfo)
	ctx := bot.WithRequest(t.Context(), "r-1")
	log.InfoContext(ctx, "by the context")
	log.With("request", "r-2").InfoContext(ctx, "by the logger")
	log.With("a", 1).With("request", "r-2").With("b", 2).InfoContext(ctx, "by its parent")
	log.InfoContext(ctx, "by the line", "request", "r-2")
	log.InfoContext(t.Context(), "by nobody")
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.Join(regexp.MustCompile(`request=\S+`).FindAllString(line, -1), " "))
	}
	if want := "request=r-1,request=r-2,request=r-2,request=r-2,"; strings.Join(got, ",") != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// TestCertificateAndPeopleAreReloaded replaces the certificate and a person
// under a running serve; a file that is broken changes nothing.
func TestCertificateAndPeopleAreReloaded(t *testing.T) {
	dir := t.TempDir()
	first := certified(t, dir)
	yaml := testConfig + "http: {listen: 127.0.0.1:0, tls: {cert: server.pem, key_file: server.key}}\n"
	cfg := written(t, filepath.Join(dir, "gridwarden.yaml"), yaml)
	s := startServe(t, cfg, nobody(t))
	s.root = first
	s.until("/healthz", "ready\n")
	reload := func(want string) {
		t.Helper()
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.logged(want)
	}
	s.root = certified(t, dir)
	written(t, cfg, strings.Replace(yaml, "{id: gus, name: Gus Grant, institute: DESY,", "{id: gus, name: Gus Grant, institute: KIT, roles: [shifter],", 1)+"log: {level: warn}\n")
	reload(`msg="people, roles and policies reloaded" changed=[people.gus]`)
	s.logged(`count from the next start on" changed=[log]`)
	s.until("/healthz", "ready\n") // by the new certificate
	reload("configuration reloaded: nothing in it that a reload takes has changed")

	written(t, filepath.Join(dir, "server.key"), "no key")
	written(t, cfg, yaml+"nonsense: true\n")
	reload("configuration not reloaded; the old one stays in force")
	s.logged("certificate not reloaded")
	s.until("/healthz", "ready\n")
	if got := s.err.String(); strings.Contains(got, "no key") || strings.Contains(got, "Gus") {
		t.Errorf("logged: %s", got)
	}
}

// certified writes a new certificate for 127.0.0.1 and its key.
func certified(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gridwarden"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	written(t, filepath.Join(dir, "server.pem"), string(chain))
	written(t, filepath.Join(dir, "server.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})))
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(chain)
	return pool
}

// TestTheConsoleKnowsWhoSitsThere by any of a person's accounts.
func TestTheConsoleKnowsWhoSitsThere(t *testing.T) {
	me, err := console.OSAccount()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{me.ID, me.Name} {
		cfg := configured(t, fmt.Sprintf(`journal: {sqlite: gridwarden.db}
people:
  - {id: alice, roles: [shifter], accounts: [console/elsewhere, console/%s]}
channels:
  - {platform: console, name: security, commands: [all]}
`, id))
		if got := gridwardenRead(t, "whoami\n", "serve", "--config", cfg); !strings.Contains(got.out, "alice") {
			t.Errorf("as %s: %+v", id, got)
		}
	}
}

// TestAStopIsLogged says that a stop began and that it is over, each once and in
// this order.
func TestAStopIsLogged(t *testing.T) {
	s := startServe(t, configured(t, testConfig), nobody(t))
	if status := s.ends(); status != exitOK {
		t.Errorf("status %d", status)
	}
	if log := s.err.String(); !regexp.MustCompile(`(?s)msg=listening .*msg=stopping why="context canceled"\n.*msg=stopped took=\S+\n$`).MatchString(log) ||
		strings.Count(log, "msg=stopping") != 1 || strings.Count(log, "msg=stopped") != 1 {
		t.Errorf("logged:\n%s", log)
	}
}

// TestVersionIsAFlagToo prints the same as the sub-command.
func TestVersionIsAFlagToo(t *testing.T) {
	if flag, command := ok(t, "--version"), ok(t, "version"); flag != command || !strings.Contains(flag, version) {
		t.Errorf("%q, and %q", flag, command)
	}
}
