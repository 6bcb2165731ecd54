package searchtest

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// What a start may take on a machine that does much else. It takes 5 to 9 s on an idle one.
	startLimit = 5 * time.Minute
	// What Maven may take for the first fetch, which is up to 71 MB.
	fetchLimit = 10 * time.Minute
	stopLimit  = 30 * time.Second
	// What one question may take, which makes an index where one is missing.
	askLimit = 5 * time.Minute
)

// Server is a running server with one node, which others may use, too.
type Server struct {
	URL          string // without a slash at the end
	Distribution string // "elasticsearch" or "opensearch"
	Version      string // such as "7.17.29"
}

// Running is a server that this process has started.
type Running struct {
	Server
	dir      string
	process  *exec.Cmd
	lifeline io.Closer // the server ends when it is closed, also by the death of this process
}

// Start starts a server of a kind and waits until it answers. A [MissingError]
// says that this machine lacks what starts one.
func Start(ctx context.Context, kind Kind) (_ *Running, err error) {
	with, err := jdkFor(kind, jdks())
	if err != nil {
		return nil, err
	}
	fetch, cancel := context.WithTimeout(ctx, fetchLimit)
	defer cancel()
	jars, err := classpath(fetch, kind, with)
	if err != nil {
		return nil, err
	}
	r := &Running{}
	if r.dir, err = os.MkdirTemp("", "gwsearch-"+string(kind)); err != nil {
		return nil, err
	}
	if err := r.start(ctx, kind, with, strings.TrimSpace(jars)); err != nil {
		log, _ := os.ReadFile(r.log())
		return nil, fmt.Errorf("starting %s: %w\n%s", kind, errors.Join(err, r.Stop()), tail(log))
	}
	return r, nil
}

func (r *Running) log() string { return filepath.Join(r.dir, "log") }

func (r *Running) start(ctx context.Context, kind Kind, with jdk, jars string) error {
	main := kind.main() + ".java"
	text, err := servers.ReadFile("servers/" + main)
	if err != nil {
		return err
	}
	source, tmp := filepath.Join(r.dir, main), filepath.Join(r.dir, "tmp")
	if err := errors.Join(os.WriteFile(source, text, 0o600), os.Mkdir(tmp, 0o700)); err != nil {
		return err
	}
	log, err := os.Create(r.log())
	if err != nil {
		return err
	}
	defer log.Close()
	// Its life is the lifeline's, longer than the context's of who asked first.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), with.java(), "-Xmx"+heap(), "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", //nolint:gosec // nothing foreign
		"-Djava.io.tmpdir="+tmp, "-cp", jars, source, r.dir)
	cmd.Dir, cmd.Stderr = r.dir, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // an interrupt in the terminal is for who uses it
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if r.lifeline, err = cmd.StdinPipe(); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	r.process = cmd
	late := time.AfterFunc(startLimit, func() { _ = cmd.Process.Kill() })
	defer late.Stop()
	stopped := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() })
	defer stopped()
	line, err := bufio.NewReader(said).ReadString('\n')
	address, ok := strings.CutPrefix(strings.TrimSpace(line), "ready ")
	if !ok {
		return errors.Join(fmt.Errorf("it ended, or was not ready within %s, and said %q", startLimit, line), err)
	}
	r.Server, err = reach(ctx, "http://"+address)
	return err
}

// Stop ends the server and deletes its files.
func (r *Running) Stop() error {
	var err error
	if r.process != nil {
		err = r.lifeline.Close()
		late := time.AfterFunc(stopLimit, func() { _ = r.process.Process.Kill() })
		err = errors.Join(err, r.process.Wait())
		late.Stop()
		r.process = nil
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// HeapVariable says how much memory a server may take, such as "4g", where 512 MB
// do not do: for worlds of millions of jobs.
const HeapVariable = "GRIDWARDEN_TEST_SEARCH_HEAP"

func heap() string { return cmp.Or(os.Getenv(HeapVariable), "512m") }

// client never goes through a proxy of this machine's: the servers are on it.
var client = &http.Client{Transport: &http.Transport{Proxy: nil, DisableCompression: true}, Timeout: askLimit}

// reach waits until a server works and reads what it is.
func reach(ctx context.Context, url string) (Server, error) {
	s := Server{URL: url, Distribution: "elasticsearch"} // which does not say so
	if _, err := s.get(ctx, "/_cluster/health?wait_for_status=yellow&timeout=60s"); err != nil {
		return Server{}, err
	}
	body, err := s.get(ctx, "/")
	if err != nil {
		return Server{}, err
	}
	var about struct {
		Version struct{ Number, Distribution string }
	}
	if err := json.Unmarshal(body, &about); err != nil {
		return Server{}, fmt.Errorf("what %s is: %w", url, err)
	}
	s.Version = about.Version.Number
	if about.Version.Distribution != "" {
		s.Distribution = about.Version.Distribution
	}
	return s, nil
}

func (s Server) get(ctx context.Context, path string) ([]byte, error) {
	status, body, err := s.ask(ctx, http.MethodGet, path, "", nil)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("status %d: %s", status, tail(body))
	}
	if err != nil {
		return nil, fmt.Errorf("GET %s%s: %w", s.URL, path, err)
	}
	return body, nil
}

// ask asks the server and reads the whole answer, whatever its status.
func (s Server) ask(ctx context.Context, method, path, contentType string, body io.Reader) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, s.URL+path, body)
	if err != nil {
		return 0, nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(resp.Body)
	return resp.StatusCode, answer, err
}

// shared are the servers of this process. What started them is kept here to the
// end: were it collected, its pipe would close and the server stop.
var shared = map[Kind]func() (*Running, error){ES7: lazily(ES7), OS2: lazily(OS2), OS3: lazily(OS3)}

func lazily(kind Kind) func() (*Running, error) {
	return sync.OnceValues(func() (*Running, error) {
		url, err := named(os.Getenv(Variable), kind)
		if err != nil {
			return nil, err
		}
		if url == "" {
			return Start(context.Background(), kind)
		}
		s, err := reach(context.Background(), url)
		return &Running{Server: s}, err
	})
}
