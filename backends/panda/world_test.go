package panda_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/config/secret"
)

// secretFile is a file with a text in it, which only its owner may read.
func secretFile(t testing.TB, text string) secret.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return secret.File(path)
}

// reads is the configuration that reads a database as a role.
func reads(t testing.TB, dsn string) panda.DatabaseConfig {
	t.Helper()
	return panda.DatabaseConfig{DSNFile: secretFile(t, dsn), Schemas: panda.DefaultSchemas, Deadline: 10 * time.Second}
}

func openStore(t testing.TB, c panda.DatabaseConfig, sites *grid.SiteMap) *panda.Store {
	t.Helper()
	s, err := panda.Open(c, sites)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// storeOf reads a database as the role that may only read.
func storeOf(t testing.TB, d *pandatest.Database) *panda.Store {
	t.Helper()
	return openStore(t, reads(t, d.DSN(pandatest.Reader)), nil)
}

func openGate(t testing.TB, c panda.BanConfig, s *panda.Store) *panda.Gate {
	t.Helper()
	g, err := panda.OpenGate(c, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// gateOf writes bans as the role that may do nothing else.
func gateOf(t testing.TB, d *pandatest.Database) *panda.Gate {
	t.Helper()
	return openGate(t, panda.BanConfig{Via: panda.ViaPostgres, DSNFile: secretFile(t, d.DSN(pandatest.Banner))}, storeOf(t, d))
}

// sentenceFor is the sentence that people get of an error.
func sentenceFor(t testing.TB, err error) string {
	t.Helper()
	var p interface{ ForPeople() string }
	if !errors.As(err, &p) {
		t.Fatalf("no sentence for people: %v", err)
	}
	return p.ForPeople()
}

// says wants a sentence for people with all the parts.
func says(t testing.TB, err error, parts ...string) {
	t.Helper()
	sentence := sentenceFor(t, err)
	for _, part := range parts {
		if !strings.Contains(sentence, part) {
			t.Errorf("%q does not say %q", sentence, part)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func rewrite(t testing.TB, file secret.File, text string) {
	t.Helper()
	must(t, os.WriteFile(string(file), []byte(text), 0o600))
}
