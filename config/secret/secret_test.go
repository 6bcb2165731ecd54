package secret_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/gridwarden/gridwarden/config/secret"
)

// write makes a file with exactly this mode, whatever the umask is.
func write(t *testing.T, content string, mode fs.FileMode) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

func TestReadAccepts(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
		want    string
	}{
		"owner only":        {"s3cret", 0o600, "s3cret"},
		"read-only":         {"s3cret", 0o400, "s3cret"},
		"group may read":    {"s3cret", 0o640, "s3cret"},
		"one line end less": {"s3cret\n", 0o600, "s3cret"},
		"DOS line end":      {"s3cret\r\n", 0o600, "s3cret"},
		"inner lines stay":  {"-----BEGIN-----\nabc\n-----END-----\n", 0o600, "-----BEGIN-----\nabc\n-----END-----"},
		"spaces stay":       {" s3cret ", 0o600, " s3cret "},
		"64 KiB":            {strings.Repeat("x", 64<<10), 0o600, strings.Repeat("x", 64<<10)},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := write(t, c.content, c.mode).Read()
			if err != nil {
				t.Fatal(err)
			}
			if got.Reveal() != c.want {
				t.Errorf("read %d bytes that differ from the %d written", len(got.Reveal()), len(c.want))
			}
		})
	}
}

func TestReadRefuses(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		file secret.File
		want string
	}{
		"others read":    {write(t, "s3cret", 0o604), "chmod o-rwx"},
		"others write":   {write(t, "s3cret", 0o602), "chmod o-rwx"},
		"others execute": {write(t, "s3cret", 0o601), "chmod o-rwx"},
		"empty":          {write(t, "", 0o600), "is empty"},
		"only a newline": {write(t, "\n", 0o600), "is empty"},
		"only spaces":    {write(t, " \t\n\n", 0o600), "is empty"},
		"too large":      {write(t, strings.Repeat("s3cret", 64<<10), 0o600), "larger than 65536 bytes"},
		"missing":        {secret.File(filepath.Join(t.TempDir(), "none")), "no such file"},
		"a folder":       {secret.File(t.TempDir()), "not a regular file"},
		"a named pipe":   {secret.File(pipe), "not a regular file"},
		"no path":        {"", "is not named"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.file.Read()
			var refusal *secret.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("accepted, or another error than *Error: %v", err)
			}
			for _, text := range []string{err.Error(), refusal.ForPeople()} {
				if !strings.Contains(text, c.want) || !strings.Contains(text, string(c.file)) {
					t.Errorf("%q does not name the file and %q", text, c.want)
				}
				if strings.Contains(text, "s3cret") {
					t.Errorf("the refusal tells the secret: %q", text)
				}
			}
			if got.Reveal() != "" {
				t.Error("a refused file gave a value")
			}
		})
	}
}

func TestMissingFileKeepsItsCause(t *testing.T) {
	if _, err := secret.File(filepath.Join(t.TempDir(), "none")).Read(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v, want an error that is fs.ErrNotExist", err)
	}
}

// holder has the secret where fmt cannot call its methods.
type holder struct {
	Open   secret.Value
	closed secret.Value
	deep   map[string][]*secret.Value
}

func TestNothingPrintsIt(t *testing.T) {
	const text = "s3cret-token"
	v := secret.Of(text)
	h := holder{Open: v, closed: v, deep: map[string][]*secret.Value{"k": {&v}}}
	var printed []string
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%p", "%10s", "%T"} {
		printed = append(printed, fmt.Sprintf(verb, v), fmt.Sprintf(verb, &v), fmt.Sprintf(verb, h), fmt.Sprintf(verb, &h), fmt.Sprintf(verb, []any{h, v}))
	}
	printed = append(printed, fmt.Sprint(v), fmt.Errorf("login with %v: %w", v, errors.New("no")).Error())
	for name, encode := range map[string]func(any) ([]byte, error){"json": json.Marshal, "yaml": yaml.Marshal, "xml": xml.Marshal} {
		for _, x := range []any{v, &v, h} {
			out, err := encode(x)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			printed = append(printed, string(out))
		}
	}
	var log bytes.Buffer
	for _, l := range []*slog.Logger{slog.New(slog.NewTextHandler(&log, nil)), slog.New(slog.NewJSONHandler(&log, nil))} {
		l.Info("login", "token", v, "pointer", &v, "holder", h, slog.Group("g", "token", v))
	}
	printed = append(printed, log.String())
	hexed := fmt.Sprintf("%x", text)
	for _, p := range printed {
		if strings.Contains(p, text) || strings.Contains(strings.ToLower(p), hexed) {
			t.Errorf("printed: %s", p)
		}
	}
	for _, p := range []string{fmt.Sprint(v), fmt.Sprintf("%#v", v), v.String(), v.GoString(), v.LogValue().String()} {
		if p != "<secret>" {
			t.Errorf("got %q, want <secret>", p)
		}
	}
}

func TestEqual(t *testing.T) {
	v := secret.Of("s3cret")
	for s, want := range map[string]bool{"s3cret": true, "s3creT": false, "s3cre": false, "s3crets": false, "": false} {
		if got := v.Equal(s); got != want {
			t.Errorf("Equal(%q) = %v, want %v", s, got, want)
		}
	}
	var none secret.Value
	if none.Equal("") {
		t.Error("no secret equals the empty one: an unset token would let everybody in")
	}
}
