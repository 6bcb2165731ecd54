package panda_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/panda"
)

// cache is a cache server that is nasty on demand.
func cache(t *testing.T) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/cache/good.tar.gz":
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Set-Cookie", "secret=1")
			_, _ = w.Write(payload)
		case "/cache/away.tar.gz":
			http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
		case "/cache/endless.tar.gz":
			w.Header().Set("Transfer-Encoding", "chunked")
			for range 64 {
				_, _ = w.Write(make([]byte, 64<<10))
			}
		case "/cache/huge.tar.gz":
			w.Header().Set("Content-Length", "99999999999")
		case "/cache/torn.tar.gz":
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write(payload)
		case "/cache/broken.tar.gz":
			w.WriteHeader(http.StatusServiceUnavailable)
		default:
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

var payload = []byte("\x1f\x8b never opened")

func quarantine(t *testing.T, servers ...string) (q *panda.Quarantine, folder string) {
	t.Helper()
	folder = t.TempDir()
	if err := os.Chmod(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	q, err := panda.NewQuarantine(panda.EvidenceConfig{Folder: folder, Servers: servers, Roles: []string{"atlas-security"}, Limit: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return q, folder
}

func TestAPayloadIsKeptUnopened(t *testing.T) {
	s := cache(t)
	q, folder := quarantine(t, "127.0.0.1")
	kept, err := q.Keep(t.Context(), s.URL+"/cache/good.tar.gz", 6012345678)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(payload)
	if kept.SHA256 != hex.EncodeToString(sum[:]) || kept.Size != int64(len(payload)) || kept.At.IsZero() || kept.File != "6012345678-"+kept.SHA256+".quarantine" {
		t.Errorf("kept %+v", kept)
	}
	for _, h := range kept.Headers {
		if strings.Contains(h.Value, "secret") {
			t.Errorf("header %+v", h)
		}
	}
	path := filepath.Join(folder, kept.File)
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, payload) {
		t.Errorf("the file has %q, %v", got, err)
	}
	for _, p := range []string{path, path + ".json"} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
}

func TestWhatIsNotKept(t *testing.T) {
	s := cache(t)
	q, folder := quarantine(t, "127.0.0.1", "*.example.org")
	for address, want := range map[string]string{
		s.URL + "/cache/gone.tar.gz":               "it has expired",
		s.URL + "/cache/away.tar.gz":               "sends on to another place (302), which was not followed",
		s.URL + "/cache/endless.tar.gz":            "larger than 1048576 bytes",
		s.URL + "/cache/huge.tar.gz":               "larger than 1048576 bytes",
		s.URL + "/cache/torn.tar.gz":               "Nothing was kept",
		s.URL + "/cache/broken.tar.gz":             "answered 503",
		"http://127.0.0.1:1/cache/x":               "could not be reached",
		"http://localhost/cache/x":                 "none of the cache servers",
		"http://evil.example.com/cache/x":          "none of the cache servers",
		"http://example.org/cache/x":               "none of the cache servers",
		"http://evilexample.org/cache/x":           "none of the cache servers",
		"http://127.0.0.1.evil.com/cache/x":        "none of the cache servers",
		"http://[::1]/cache/x":                     "none of the cache servers",
		"http://u@127.0.0.1/cache/x":               "none of a web server",
		"file:///etc/passwd":                       "none of a web server",
		"http://169.254.169.254/latest/meta-data/": "none of the cache servers",
	} {
		_, err := q.Keep(t.Context(), address, 1)
		var told interface{ ForPeople() string }
		if !errors.As(err, &told) || !strings.Contains(told.ForPeople(), want) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) > 0 {
		t.Errorf("left in the folder: %v, %v", left, err)
	}
}

// TestADomainGivesNoInsideAddress allows hosts by their domain, of which one is
// this machine.
func TestADomainGivesNoInsideAddress(t *testing.T) {
	s := cache(t)
	q, _ := quarantine(t, "*.0.0.1")
	_, err := q.Keep(t.Context(), s.URL+"/cache/good.tar.gz", 1)
	var told interface{ ForPeople() string }
	if !errors.As(err, &told) || !strings.Contains(told.ForPeople(), "which is inside") {
		t.Errorf("got %v", err)
	}
}

func TestAFolderThatOthersCanOpen(t *testing.T) {
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := panda.NewQuarantine(panda.EvidenceConfig{Folder: folder}); err == nil || !strings.Contains(err.Error(), "0700") {
		t.Errorf("got %v", err)
	}
}
