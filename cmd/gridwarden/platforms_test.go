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
			if n := len(p.Unsaid); n > 0 {
				cell += fmt.Sprintf(", without %d that may be missing", n)
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	return markdown(rows)
}

// surfaces tells which surfaces each mode has: those by which somebody decided.
func (v *verdicts) surfaces() string {
	all := append(modeNames(), commandLine)
	rows := [][]string{append([]string{"surface"}, all...)}
	for _, surface := range surfaces {
		row := []string{surface}
		for _, mode := range all {
			has := "—"
			if slices.ContainsFunc(ballots, func(b ballot) bool { return len(v.of(b, mode, surface)) > 0 }) {
				has = "yes"
			}
			row = append(row, has)
		}
		rows = append(rows, row)
	}
	return markdown(rows)
}

// of are those who tried a ballot by a surface of a mode.
func (v *verdicts) of(b ballot, mode, surface string) map[string]bool {
	out := map[string]bool{}
	for _, actor := range actors {
		if v.tried[[4]string{b.who, mode, surface, actor.name}] {
			out[actor.name] = true
		}
	}
	return out
}

// table tells for every decision and actor what comes of it, and by which
// surfaces that was tried in each mode.
func (v *verdicts) table() string {
	var tables []string
	for _, b := range ballots {
		all := append(modeNames(), commandLine)
		rows := [][]string{append([]string{b.who, "verdict"}, all...)}
		for _, actor := range actors {
			row := []string{actor.name, "`" + b.want(actor.name, actor.approves()) + "`"}
			for _, mode := range all {
				var by, has []string
				for _, surface := range b.by {
					tried := v.of(b, mode, surface)
					if len(tried) > 0 {
						has = append(has, surface)
					}
					if tried[actor.name] {
						by = append(by, surface)
					}
				}
				cell := strings.Join(by, ", ")
				switch {
				case len(by) == 0:
					cell = "—"
				case len(b.by) == 1:
					cell = "yes"
				case len(by) == len(has) && len(has) > 1:
					cell = fmt.Sprintf("all %d", len(has))
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		tables = append(tables, "By "+strings.Join(b.by, ", ")+":\n\n"+markdown(rows))
	}
	return strings.Join(tables, "\n")
}
