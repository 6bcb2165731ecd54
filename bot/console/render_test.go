package console

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/google/go-cmp/cmp"
	"github.com/rivo/uniseg"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds got against a file, or writes it.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// card is a message with everything on it.
func card() bot.Message {
	m := bot.Message{
		Title: bot.Textf("*BAN* %s — waits for approval", "Naughty User"),
		Table: &bot.Table{Rows: [][]string{
			{"target", "panda user: Naughty User"},
			{"reason", "cryptominer reported by the site"},
			{"identities", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=694912/CN=Naughty User/CN=1234567890123456789"},
			{"will", "set the status of Naughty User to disabled"},
			{"", "refuse every task that is submitted under the name"},
			{"will not", "stop what is running: that is `kill user`"},
		}},
		Buttons: []bot.Button{
			{Label: "Approve ban", Value: "approve:7kq2", Typed: "approve 7kq2"},
			{Label: "Deny ban", Value: "deny:7kq2", Danger: true, Typed: "deny 7kq2 REASON"},
		},
		Notify: []action.PersonID{"bob", "carol"},
		Card:   "7kq2", Version: 1,
	}
	m.Line("action `%s` · digest `%s` · asked by *%s* at 2026-06-24 12:00:03Z", "7kq2", "sha256:0a1b2c3d", "alice")
	m.Below("needs: %s", "0 of 2 atlas-security")
	return m
}

func trace() bot.Message {
	m := bot.Message{Title: bot.Textf("Who ran on %s", "wn042.example.org")}
	m.Line("Searched _%s_ to _%s_, asked for 12:00Z.", "2026-06-24 11:50:00Z", "2026-06-26 12:00:00Z")
	m.Table = &bot.Table{
		Columns: []string{"who", "jobs", "first", "last", "site"},
		Rows: [][]string{
			{"nuser", "12", "2026-06-24 11:58Z", "2026-06-24 14:02Z", "T2_XX_Example"},
			{"Zoë Ångström", "1", "2026-06-24 12:00Z", "2026-06-24 12:01Z", "T2_XX_Example"},
			{"王小明", "3", "2026-06-24 12:00Z", "still running", "T2_XX_Example"},
		},
	}
	m.Files = []bot.File{{Name: "trace.csv", Media: "text/csv", Data: []byte("who,jobs\nnuser,12\n" + strings.Repeat("x,1\n", 20))}}
	return m
}

// accounts has a column that is too long for any terminal, and one that gives way.
func accounts() bot.Message {
	return bot.Message{Table: &bot.Table{
		Columns: []string{"match", "name", "DN", "kind", "banned", "last seen (UTC)", "source"},
		Rows: [][]string{
			{"exact", "Naughty User", "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User", "person", "no", "2026-06-24 11:58", "directory"},
			{"look-alike", "naughty user (12 characters, mixed scripts)", "/DC=org/DC=example\n  DN: /CN=forged", "robot", "yes", "2026-06-24 11:58", "directory"},
			{"look-alike", "no DN", "", "service", "no", "never", "directory"},
		},
	}}
}

func wide() bot.Message {
	columns := strings.Fields("job person host site start end pilot sources")
	row := make([]string, len(columns))
	for i := range row {
		row[i] = strings.Repeat(columns[i]+"-value/", 3)
	}
	return bot.Message{Lines: []bot.Text{bot.Textf("Sightings")}, Table: &bot.Table{Columns: columns, Rows: [][]string{row, {"second"}}}}
}

func hostile() bot.Message {
	m := bot.Message{Title: bot.Textf("Job name: %s", "x\n#9 gridwarden  2026-06-24 12:00:00Z\n│ [Approve] approve 7kq2")}
	m.Line("%s", "\x1b[2J\x1b]0;owned\x07 red \x1b[31m")
	m.Line("%s", "bidi \u202Eevorppa\u202C, zero\u200Bwidth, no\u00A0break, tab\t, cr\r, del\x7f, bad \xff")
	m.Line("`%s` and _%s_", "co`de", "@channel *bold*")
	m.Line("%s", "zalgo e\u0301\u0301\u0301\u0301, \u0301first")
	m.Table = &bot.Table{Columns: []string{"name", "value"}, Rows: [][]string{{"a\nb", "c | d"}, {"long", strings.Repeat("unbroken", 14)}}}
	m.Files = []bot.File{
		{Name: "../../etc/passwd\n", Media: "text/plain", Data: []byte("one\x1b[1m\n[Approve] approve x\n")},
		{Name: "payload.bin", Media: "application/octet-stream", Data: []byte{0, 1, 2}},
		{Name: "big.log", Media: "text/plain", Data: make([]byte, 2_500_000)},
	}
	return m
}

func TestRender(t *testing.T) {
	tests := []struct {
		name  string
		m     bot.Message
		width int
		style Style
	}{
		{"card-80", card(), 80, Style{}},
		{"card-100-colour", card(), 100, Style{Colour: true}},
		{"card-40", card(), 40, Style{}},
		{"trace-80", trace(), 80, Style{}},
		{"trace-100-saved", trace(), 100, Style{Saved: []string{"files/trace.csv"}}},
		{"wide-80", wide(), 80, Style{}},
		{"accounts-100", accounts(), 100, Style{}},
		{"accounts-80", accounts(), 80, Style{}},
		{"hostile-80", hostile(), 80, Style{}},
		{"hostile-80-colour", hostile(), 80, Style{Colour: true}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			golden(t, "render/"+test.name, Render(test.m, test.width, test.style))
		})
	}
}

// TestRenderLosesNothing holds that a long target can be read in full at any
// width: without the breaks and their marks it is what it was.
func TestRenderLosesNothing(t *testing.T) {
	dn := "/DC=ch/DC=cern/OU=OrganicUnits/OU=Users/CN=nuser/CN=694912/CN=NaughtyUser/" + strings.Repeat("0123456789", 20)
	for width := 40; width <= 120; width++ {
		m := bot.Say("%s", dn)
		m.Table = &bot.Table{Rows: [][]string{{"dn", dn}}}
		got := Render(m, width, Style{})
		joined := strings.ReplaceAll(strings.ReplaceAll(got, "\\\n", ""), " ", "")
		if strings.Count(joined, dn) != 2 {
			t.Fatalf("width %d:\n%s", width, got)
		}
	}
}

// FuzzRender holds that whatever comes from outside, only whole lines of
// visible characters come out, and none is wider than it may be.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"plain", "a\nb", "\x1b[31m", "\u202E", "\xff\xfe", "e\u0301\u0301\u0301", "王小明", "👩‍👩‍👧", "\u0600", strings.Repeat("x", 300)} {
		f.Add(s, s, uint8(80), true)
		f.Add("x", s, uint8(0), false)
	}
	f.Fuzz(func(t *testing.T, a, b string, w uint8, colour bool) {
		width := 40 + int(w)%80
		m := bot.Message{
			Title: bot.Textf("*%s*", a), Lines: []bot.Text{bot.Textf("%s `%s` _%s_", a, b, a), {{Text: b, Style: bot.Style(a)}}},
			Table: &bot.Table{Columns: []string{a, "column"}, Rows: [][]string{{a, b}, {b, a, b}}},
			After: []bot.Text{{{Text: b}}}, Buttons: []bot.Button{{Label: a, Value: b, Typed: b}},
			Files: []bot.File{{Name: a, Data: []byte(b)}}, Notify: []action.PersonID{action.PersonID(a)},
		}
		plain := Render(m, width, Style{})
		if !strings.HasSuffix(plain, "\n") {
			t.Fatalf("the last line has no end: %q", plain)
		}
		for line := range strings.Lines(plain) {
			line = strings.TrimSuffix(line, "\n")
			for _, r := range line {
				if !unicode.IsGraphic(r) {
					t.Fatalf("%U in %q", r, line)
				}
			}
			if got := uniseg.StringWidth(line); got > width {
				t.Fatalf("%d columns in %q; want at most %d", got, line, width)
			}
		}
		// Colour adds the program's own sequences and changes nothing else.
		coloured := Render(m, width, Style{Colour: colour})
		for _, own := range []string{"\x1b[0m", "\x1b[1m", "\x1b[3m", "\x1b[36m"} {
			coloured = strings.ReplaceAll(coloured, own, "")
		}
		if trimmed(coloured) != trimmed(plain) {
			t.Fatalf("with colour:\n%q\nwithout:\n%q", coloured, plain)
		}
	})
}

// trimmed takes the spaces off the ends of lines: with colour they stand before
// the sequence that ends it.
func trimmed(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return b.String()
}

// TestCommandsStayWhole breaks lines outside of what is to be copied, as long as
// it fits a line.
func TestCommandsStayWhole(t *testing.T) {
	command := "`gridwarden audit verify --config FILE`"
	for width := 44; width < 80; width++ {
		text := Render(bot.Say("Something is not as it was signed. Run `gridwarden audit verify --config FILE` now and then."), width, Style{})
		if !strings.Contains(text, command) {
			t.Errorf("in %d columns:\n%s", width, text)
		}
	}
	if text := Render(bot.Say("Run `gridwarden audit verify --config FILE`."), 20, Style{}); strings.Contains(text, `\`) {
		t.Errorf("a command that is longer than a line is broken inside a word:\n%s", text)
	}
}

func TestRenderingIsLinear(t *testing.T) {
	bottest.Linear(t, func(m bot.Message) { Render(m, 80, Style{}) })
}
