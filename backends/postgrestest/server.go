package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Superuser is the server's first role. It needs no password.
const Superuser = "super"

// Server is a running server, reached by a socket in Dir.
type Server struct {
	Dir      string
	bin      string
	as       *syscall.Credential // nil: as this process
	process  *exec.Cmd
	lifeline io.Closer // the server ends when it is closed, also by the death of this process
}

// bindir finds the server's programs: those that pg_config names, those in the
// PATH, or Debian's newest.
func bindir() (string, error) {
	var tried []string
	candidates, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(candidates, func(a, b string) int { return version(b) - version(a) })
	if path, err := exec.LookPath("postgres"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			candidates = append([]string{filepath.Dir(path)}, candidates...)
		}
	}
	if out, err := exec.CommandContext(context.Background(), "pg_config", "--bindir").Output(); err == nil {
		candidates = append([]string{strings.TrimSpace(string(out))}, candidates...)
	}
	for _, dir := range candidates {
		if runnable(filepath.Join(dir, "initdb")) && runnable(filepath.Join(dir, "postgres")) {
			return dir, nil
		}
		tried = append(tried, dir)
	}
	return "", fmt.Errorf("no programs of a PostgreSQL server in pg_config --bindir, PATH and /usr/lib/postgresql (tried %q)", tried)
}

func version(dir string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
	return n
}

func runnable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// unprivileged is who runs the server, which refuses to be root.
func unprivileged() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, errors.New("this is root, which PostgreSQL does not run as, and there is neither a user postgres nor nobody")
}

// New makes a server's files and starts it. settings are lines of its
// configuration that replace those for speed.
func New(settings ...string) (_ *Server, err error) {
	s := &Server{}
	if s.bin, err = bindir(); err != nil {
		return nil, err
	}
	if s.as, err = unprivileged(); err != nil {
		return nil, err
	}
	if err := s.makeDir(); err != nil {
		return nil, err
	}
	if err := s.run("initdb", "-D", s.data(), "-U", Superuser, "--auth=trust", "-E", "UTF8", "--no-locale", "-N"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.Dir))
	}
	defaults := []string{
		"listen_addresses = ''", "unix_socket_directories = '" + s.Dir + "'", "max_connections = 100", "shared_buffers = 32MB",
		"fsync = off", "full_page_writes = off", "logging_collector = off", "log_min_messages = fatal", "autovacuum = on",
	}
	text := strings.Join(append(defaults, settings...), "\n") + "\n"
	if err := os.WriteFile(filepath.Join(s.data(), "postgresql.auto.conf"), []byte(text), 0o644); err != nil { //nolint:gosec // the server reads it as another user
		return nil, errors.Join(err, os.RemoveAll(s.Dir))
	}
	if err := s.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.Dir))
	}
	return s, nil
}

// makeDir makes the server's directory: not below a test's, whose parents other
// users may not enter, and whose name is too long for a socket.
func (s *Server) makeDir() (err error) {
	if s.Dir, err = os.MkdirTemp("", "gwpg"); err != nil || s.as == nil {
		return err
	}
	return os.Chown(s.Dir, int(s.as.Uid), int(s.as.Gid))
}

func (s *Server) data() string { return filepath.Join(s.Dir, "data") }

func (s *Server) command(program string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(context.Background(), filepath.Join(s.bin, program), args...) //nolint:gosec // programs of PostgreSQL
	cmd.Dir = s.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as}
	return cmd
}

func (s *Server) run(program string, args ...string) error {
	out, err := s.command(program, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", program, err, out)
	}
	return nil
}

// Start starts the server and waits until it answers.
func (s *Server) Start() error {
	// The shell holds the server's life to the pipe: when this process dies,
	// however, the read ends.
	cmd := exec.CommandContext(context.Background(), "sh", "-c", //nolint:gosec // nothing foreign
		`"$0" -D "$1" & p=$!; read -r _; kill -INT $p 2>/dev/null; wait $p`, filepath.Join(s.bin, "postgres"), s.data())
	cmd.Dir = s.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Setpgid: true}
	log, err := os.OpenFile(filepath.Join(s.Dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644) //nolint:gosec // for who looks why a test failed
	if err != nil {
		return err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if s.lifeline, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process = cmd
	for range 600 {
		if s.command("pg_isready", "-q", "-h", s.Dir, "-U", Superuser, "-d", "postgres").Run() == nil {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	text, _ := os.ReadFile(log.Name())
	return fmt.Errorf("the server does not answer:\n%s", text)
}

// Stop ends the server: connections are cut, what was committed stays.
func (s *Server) Stop() error {
	if s.process == nil {
		return nil
	}
	err := s.lifeline.Close()
	_ = s.process.Wait() // of a shell whose child was interrupted
	s.process = nil
	return err
}

// Kill ends every process of the server at once, as a crash does.
func (s *Server) Kill() error {
	err := syscall.Kill(-s.process.Process.Pid, syscall.SIGKILL)
	_ = s.process.Wait()
	s.process = nil
	if closed := s.lifeline.Close(); !errors.Is(closed, os.ErrClosed) { // Wait closes it, too
		err = errors.Join(err, closed)
	}
	// Where nobody reaps orphans its process number still seems taken, and the
	// next start would take these files for a running server's.
	return errors.Join(err, os.Remove(filepath.Join(s.data(), "postmaster.pid")), os.Remove(filepath.Join(s.Dir, ".s.PGSQL.5432.lock")))
}

// Remove ends the server and deletes its files.
func (s *Server) Remove() error { return errors.Join(s.Stop(), os.RemoveAll(s.Dir)) }

// shared is the server of this test binary.
var shared struct {
	sync.Mutex
	server *Server
	err    error
}

// End ends the server that the tests of this binary have started, if any. A
// TestMain calls it.
func End() {
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil {
		return
	}
	if err := shared.server.Remove(); err != nil {
		fmt.Fprintln(os.Stderr, "postgrestest: removing the server:", err)
	}
	shared.server = nil
}

// Get gives the server of this test binary, started by the first who asks. Where there are
// no programs for one the test is skipped, except under CI, which must have them.
func Get(t testing.TB) *Server {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = New()
	}
	if shared.err != nil {
		Missing(t, shared.err)
	}
	return shared.server
}

// Missing ends a test that has no server: it fails under CI and is skipped
// elsewhere, saying what to install.
func Missing(t testing.TB, err error) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("CI tests on a real PostgreSQL: %v", err)
	}
	t.Skipf("no PostgreSQL server could be started (%v). Debian: apt install postgresql; then run the test again.", err)
}
