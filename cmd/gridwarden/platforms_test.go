package main

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot/bottest"
)

var update = flag.Bool("update", false, "write docs/platforms.md as the tests found it")

const platformsPage = "../../docs/platforms.md"

// pageMatches holds a table against the part of docs/platforms.md between the
// comments that name it; with -update it writes that part.
func pageMatches(t *testing.T, part, table string) {
	t.Helper()
	data, err := os.ReadFile(platformsPage)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+part+": made by go test ./cmd/gridwarden -update -->\n", "<!-- end of "+part+" -->\n"
	before, rest, found := strings.Cut(string(data), begin)
	old, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no part %q", platformsPage, part)
	}
	if *update {
		if err := os.WriteFile(platformsPage, []byte(before+begin+table+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if old != table {
		t.Errorf("docs/platforms.md differs from what was found; look at it, and write it with -update. Found:\n%s", table)
	}
}

// markdown makes a table; its first row is the head.
func markdown(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString("| " + strings.Join(row, " | ") + " |\n")
		if i == 0 {
			b.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	return b.String()
}

// modeNames are the heads of the columns.
func modeNames() []string {
	var names []string
	for _, m := range modes {
		names = append(names, m.name)
	}
	return names
}

// playedTable tells of each transcript how it was played in each mode.
func playedTable(t *testing.T, played map[[2]string]bottest.Played) string {
	t.Helper()
	rows := [][]string{append([]string{"transcript"}, modeNames()...)}
	files := map[string]bool{}
	for key := range played {
		files[key[0]] = true
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		row := []string{"[" + file + "](../testdata/transcripts/" + file + ".txtar)"}
		for _, mode := range modeNames() {
			p, ok := played[[2]string{file, mode}]
			if !ok {
				t.Fatalf("%s was not played on %s", file, mode)
			}
			cell := "as written"
			instead := map[bottest.Surface]int{}
			for _, s := range p.Steps {
				if s.Named != s.Used {
					instead[s.Named]++
				}
			}
			for i, surface := range slices.Sorted(maps.Keys(instead)) {
				if i == 0 {
					cell = ""
				} else {
					cell += ", "
				}
				cell += fmt.Sprintf("%d by %s typed instead", instead[surface], surface)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return markdown(rows)
}

// table tells for every actor what comes of an approval, and by which surfaces
// that was tried in each mode.
func (v *verdicts) table(t *testing.T) string {
	t.Helper()
	rows := [][]string{append([]string{"who approves", "verdict"}, append(modeNames(), commandLine)...)}
	for _, actor := range actors {
		verdict := ""
		row := []string{actor.name, ""}
		for _, mode := range append(modeNames(), commandLine) {
			var by []string
			for _, surface := range []string{"button", "reaction", "typed", "run"} {
				got, tried := v.by[[3]string{mode, surface, actor.name}]
				if !tried {
					continue
				}
				if verdict == "" {
					verdict = got
				}
				if got != verdict {
					t.Errorf("%s by %s on %s: %s; elsewhere %s", actor.name, surface, mode, got, verdict)
				}
				by = append(by, surface)
			}
			if len(by) == 0 {
				by = []string{"—"}
			}
			row = append(row, strings.Join(by, ", "))
		}
		row[1] = "`" + verdict + "`"
		if verdict == voteCounted {
			row[1] = voteCounted
		}
		rows = append(rows, row)
	}
	return markdown(rows)
}
