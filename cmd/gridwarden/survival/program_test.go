//go:build crash

package survival

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/postgrestest"
)

// binary is the program, built once with its crash points.
var binary string

// database is a server with room for many programs at once, started by the
// first who asks.
var database = sync.OnceValues(func() (s *postgrestest.Server, err error) {
	s, err = postgrestest.New("max_connections = 500")
	started = s
	return s, err
})

var started *postgrestest.Server // nil: nobody asked

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(tested(m))
}

func tested(m *testing.M) int {
	defer func() {
		if started != nil {
			_ = started.Remove() // it ends with this process anyway
		}
	}()
	dir, err := os.MkdirTemp("", "gwsurvival")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "program")
	build := exec.CommandContext(context.Background(), "go", "build", "-tags", "crash", "-o", binary, "github.com/gridwarden/gridwarden/cmd/gridwarden")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}

// databaseServer gives the server, or ends the test where there is none.
func databaseServer(t testing.TB) *postgrestest.Server {
	t.Helper()
	server, err := database()
	if err != nil {
		postgrestest.Missing(t, err)
	}
	return server
}

// process is one serve.
type process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // of its end
}

// start starts serve on a place. crash is a point and a passage, or "".
func (p *place) start(crash string) (*process, error) {
	p.mu.Lock()
	p.starts++
	n := p.starts
	p.mu.Unlock()
	log, err := os.Create(filepath.Join(p.dir, fmt.Sprintf("serve-%d.log", n)))
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(context.Background(), binary, "serve", "--config", p.config)
	cmd.Env = append(os.Environ(), "GRIDWARDEN_CRASH="+crash)
	cmd.Env = append(cmd.Env, p.env...)
	heard := &heard{log: log, tell: p.heard}
	cmd.Stdout, cmd.Stderr = heard, heard
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	s := &process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		s.err = cmd.Wait()
		_ = log.Close() // whoever reads it misses what is not there
		close(s.ended)
	}()
	return s, nil
}

// heard keeps what a process logs, and tells at which address it listens.
type heard struct {
	log  io.Writer
	tell func(address string)
	rest []byte // of a line
}

var listensAt = regexp.MustCompile(`msg=listening .*http=(\S+)`)

// Write implements io.Writer.
func (h *heard) Write(data []byte) (int, error) {
	h.rest = append(h.rest, data...)
	for {
		line, rest, whole := bytes.Cut(h.rest, []byte("\n"))
		if !whole {
			return h.log.Write(data)
		}
		h.rest = rest
		if m := listensAt.FindSubmatch(line); m != nil {
			h.tell(string(m[1]))
		}
	}
}

func (s *process) running() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// listening waits until the process listens, or has ended: one that is stopped
// while it starts has put nothing in order.
func (s *process) listening(p *place) error {
	deadline := time.After(patience)
	for s.running() && !p.listens() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-s.ended:
		case <-deadline:
			return fmt.Errorf("serve does not listen after %s", patience)
		}
	}
	return nil
}

// lives waits for a while in which the process must not end.
func (s *process) lives(d time.Duration) error {
	select {
	case <-s.ended:
		return errors.Join(errEnded, s.err)
	case <-time.After(d):
		return nil
	}
}

// kill ends the process as a crash does, and waits for its end.
func (s *process) kill() {
	_ = s.cmd.Process.Signal(syscall.SIGKILL) // it may have ended
	<-s.ended
}

// killed reports whether the process was killed, by us or by itself.
func (s *process) killed() bool { return s.signalled(syscall.SIGKILL) }

// signalled reports that a signal ended it.
func (s *process) signalled(by syscall.Signal) bool {
	var e *exec.ExitError
	if !errors.As(s.err, &e) {
		return false
	}
	status, ok := e.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == by
}

// stopTime is how long serve may take to end when it is told to.
const stopTime = 15 * time.Second

var (
	errSlowStop = errors.New("serve did not end in time after SIGTERM")
	errEnded    = errors.New("serve ended by itself")
)

// stop ends the process gracefully.
func (s *process) stop() error {
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.ended:
		if s.signalled(syscall.SIGTERM) { // it had not begun to listen for it
			return nil
		}
		return s.err
	case <-time.After(stopTime):
		s.kill()
		return errSlowStop
	}
}

// run runs another sub-command and returns what it printed.
func (p *place) run(args ...string) (string, error) {
	cmd := exec.CommandContext(context.Background(), binary, append(args, "--config", p.config)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// usage is what a process needs of the machine.
type usage struct {
	rss int64 // bytes
	fds int
}

func (s *process) usage() (usage, error) {
	var u usage
	base := filepath.Join("/proc", strconv.Itoa(s.cmd.Process.Pid))
	data, err := os.ReadFile(filepath.Join(base, "status"))
	if err != nil {
		return u, err
	}
	for line := range strings.Lines(string(data)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				return u, err
			}
			u.rss = kb << 10
		}
	}
	open, err := os.ReadDir(filepath.Join(base, "fd"))
	u.fds = len(open)
	return u, err
}

// logs gives the end of what the processes logged.
func (p *place) logs() string {
	names, _ := filepath.Glob(filepath.Join(p.dir, "serve-*.log"))
	var out strings.Builder
	for _, name := range names {
		data, _ := os.ReadFile(name)
		if len(data) > 3000 {
			data = data[len(data)-3000:]
		}
		fmt.Fprintf(&out, "--- %s\n%s", filepath.Base(name), data)
	}
	return out.String()
}

// report prints for who runs a target: at once, and not only when it failed.
var report io.Writer = os.Stdout

var reporting sync.Mutex

func say(format string, args ...any) {
	reporting.Lock()
	defer reporting.Unlock()
	fmt.Fprintf(report, format+"\n", args...)
}

func goBuild(t *testing.T, name, tags string) ([]byte, error) {
	return exec.CommandContext(t.Context(), "go", "build", "-tags", tags, "-ldflags", "-s -w", "-o", name, "github.com/gridwarden/gridwarden/cmd/gridwarden").CombinedOutput()
}
