package panda_test

import (
	"os"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// The page tells an administrator the very grants under which the tests run.
func TestThePageHasTheGrants(t *testing.T) {
	page, err := os.ReadFile("../../docs/panda.md")
	must(t, err)
	var statements strings.Builder
	for line := range strings.Lines(pandatest.Grants) {
		if !strings.HasPrefix(line, "--") {
			statements.WriteString(line)
		}
	}
	n := 0
	for statement := range strings.SplitSeq(statements.String(), ";") {
		if s := strings.TrimSpace(statement); s != "" {
			n++
			if !strings.Contains(string(page), s+";") {
				t.Errorf("docs/panda.md lacks\n%s;", s)
			}
		}
	}
	if n < 8 {
		t.Errorf("only %d statements were read", n)
	}
}
