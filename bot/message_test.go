package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextf(t *testing.T) {
	for _, c := range []struct {
		format Markup
		args   []any
		want   Text
	}{
		{"plain", nil, Text{{Text: "plain"}}},
		{"*%s* ran %d jobs", []any{"a*b_c`d", 3}, Text{{Text: "a*b_c`d", Style: Bold}, {Text: " ran "}, {Text: "3"}, {Text: " jobs"}}},
		{"type `approve %s`", []any{"x"}, Text{{Text: "type "}, {Text: "approve ", Style: Code}, {Text: "x", Style: Code}}},
		{"100 %% and _%q_", []any{"<@U1>"}, Text{{Text: "100 % and "}, {Text: `"<@U1>"`, Style: Italic}}},
		{"`a*b_c`", nil, Text{{Text: "a*b_c", Style: Code}}},
	} {
		if diff := cmp.Diff(c.want, Textf(c.format, c.args...)); diff != "" {
			t.Errorf("Textf(%q) (-want +got):\n%s", c.format, diff)
		}
	}
}

// FuzzTextf holds that a foreign value is one span, whatever it contains.
func FuzzTextf(f *testing.F) {
	f.Add("*bold* `code` %s")
	f.Fuzz(func(t *testing.T, foreign string) {
		got := Textf("by *%s*, `x`", foreign)
		want := Text{{Text: "by "}, {Text: foreign, Style: Bold}, {Text: ", "}, {Text: "x", Style: Code}}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestThreadAddress(t *testing.T) {
	for _, thread := range []Thread{
		{},
		{Platform: "console", Channel: "security"},
		{Platform: "slack", Workspace: "T0/1", Channel: "C 2%", Root: "170.0/x"},
	} {
		got, err := ParseThread(thread.String())
		if err != nil || got != thread {
			t.Errorf("ParseThread(%q) = %+v, %v", thread.String(), got, err)
		}
	}
	for _, bad := range []string{"", "a/b/c", "a/b/c/d/e", "a/b/c/%zz"} {
		if _, err := ParseThread(bad); err == nil {
			t.Errorf("ParseThread(%q) took it", bad)
		}
	}
}

func TestEchoIsReadBackTheSame(t *testing.T) {
	words := []Token{{Text: "Naughty User", Quoted: true}, {Text: `a"b\c`, Quoted: true}, {Text: "malware"}, {Text: "x=y", Quoted: true}}
	p, err := Tokenize(Echo("ban", words, nil))
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, w := range append([]Token{{Text: "ban"}}, words...) {
		want = append(want, w.Text)
	}
	for _, w := range p.Tokens {
		got = append(got, w.Text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPlainAlignsTables(t *testing.T) {
	m := Message{Title: Textf("*two*"), Table: &Table{Columns: []string{"id", "what"}, Rows: [][]string{{"a1", "ban"}, {"longer", "kill"}}}}
	want := "two\nid      what\na1      ban\nlonger  kill"
	if got := m.Plain(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestNearestCommand(t *testing.T) {
	e := &Engine{commands: []Command{{Name: "trace"}, {Name: "trace user"}, {Name: "ban"}, {Name: "kill user"}, {Name: "approve"}}}
	for typed, want := range map[string]string{
		"trcae wn042":   "`trace`",
		"approv x":      "`approve`",
		"kil user x":    "`kill user`",
		"kill":          "one more word",
		"zzzzzzzz":      "There is no command",
		"nothing at al": "There is no command",
	} {
		p, err := Tokenize(typed)
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = e.find(asked{tokens: p.Tokens})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", typed, err, want)
		}
	}
}

// TestPlainIsOneLineForEach: what a record says cannot look like another line.
func TestPlainIsOneLineForEach(t *testing.T) {
	m := Say("user %s", "x\nban of \"Naughty User\": settled\x1b[2J\x85\u202e")
	m.Table = &Table{Columns: []string{"who"}, Rows: [][]string{{"a\r\nb\u2028c"}}}
	m.Files = []File{{Name: "f\n"}}
	want := "user x⏎ban of \"Naughty User\": settled␛[2J\uFFFD\uFFFD\nwho\na␍⏎b\uFFFDc\nfile: f⏎"
	if got := m.Plain(); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// One long cell does not make every row of a table as long.
func TestPlainIsAsLongAsWhatItSays(t *testing.T) {
	long := strings.Repeat("x", 50_000)
	m := Message{Table: &Table{Rows: [][]string{{long, long, "y"}}}}
	for range 1000 {
		m.Table.Rows = append(m.Table.Rows, []string{"a", "b", "c"})
	}
	plain := m.Plain()
	if len(plain) > 600_000 || strings.Count(plain, long) != 2 {
		t.Errorf("%d bytes, the long cell stands there %d times", len(plain), strings.Count(plain, long))
	}
}
