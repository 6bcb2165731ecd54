package gridwarden_test

import (
	"go/ast"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	testName = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z][A-Za-z0-9]*\b`)
	dataPath = regexp.MustCompile("`((?:testdata|docs|bot|backends|handlers|config|cmd)(?:/[a-zA-Z0-9_.-]+)+)`")
)

// pages are what people read about the program.
func pages(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(data)
		}
	}
	return out
}

// testNames are the tests of the whole module.
func testNames(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasSuffix(s.path, "_test.go") && testName.MatchString(f.Name.Name) {
				out = append(out, f.Name.Name)
			}
		}
	}
	return out
}

// A page that names a test or a file that is gone promises what nobody checks.
func TestWhatThePagesNameIsThere(t *testing.T) {
	tests := testNames(t)
	for page, text := range pages(t) {
		for _, name := range testName.FindAllString(text, -1) {
			if !slices.Contains(tests, name) {
				t.Errorf("%s names %s, which no package has", page, name)
			}
		}
		for _, m := range dataPath.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.FromSlash(m[1])); err != nil {
				t.Errorf("%s names %s, which is not there", page, m[1])
			}
		}
	}
}

// Every row of the threat model names what holds it.
func TestEveryThreatHasATest(t *testing.T) {
	rows := 0
	for line := range strings.Lines(pages(t)["docs/threat-model.md"]) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) < 3 || !strings.HasPrefix(strings.TrimSpace(cells[1]), "**") {
			continue
		}
		rows++
		if len(cells) != 7 || !testName.MatchString(cells[5]) {
			t.Errorf("no test is named for %s", strings.TrimSpace(cells[1]))
		}
	}
	if rows < 9 {
		t.Errorf("only %d rows were read", rows)
	}
}
