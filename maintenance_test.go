package gridwarden_test

import (
	"go/ast"
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestMaintenanceNamesWhatThereIs keeps the page of what ages from aging: each
// test, make target and path that it names is there.
func TestMaintenanceNamesWhatThereIs(t *testing.T) {
	page, err := os.ReadFile("docs/maintenance.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	tests := map[string]bool{}
	for _, s := range sources(t) {
		for _, d := range s.file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && strings.HasPrefix(f.Name.Name, "Test") {
				tests[f.Name.Name] = true
			}
		}
	}
	named := 0
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(string(page), -1) {
		switch name := m[1]; {
		case strings.HasSuffix(name, "…"): // several of that beginning
		case strings.HasPrefix(name, "Test"):
			named++
			if !tests[name] {
				t.Errorf("there is no test %s", name)
			}
		case strings.HasPrefix(name, "make "):
			if target := strings.TrimPrefix(name, "make "); !strings.Contains(string(makefile), "\n"+target+":") {
				t.Errorf("there is no target %s", target)
			}
		case regexp.MustCompile(`^(bot|backends|config)/[a-z/]+(\.[a-z]+)?$`).MatchString(name):
			if _, err := os.Stat(name); err != nil {
				t.Errorf("there is no %s", name)
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d tests are named: the page says what notices", named)
	}
}
