package plot

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// hostileNames are names that were chosen to harm, or that the font does not have.
var hostileNames = []string{
	"Jane Doe", "user\u202egnp.exe", "דוד כהן", "محمد علي", "王小明", "Naughty Us\u0435r", "Алексей Петров", "Γιώργος",
	"José Müller-Łukasz", "e\u0301toile", "a\x00b\x1b[31mred\x07", "<b>@here</b> *x* `rm`", strings.Repeat("very long name ", 700),
	"\xff\xfe", "😀 party", "", strings.Repeat("W", 300), strings.Repeat("W", 299) + "X", "\u200b\u200d", "ẑ̴̛a̸l̵g̶o",
}

func letters(t testing.TB) *sheet {
	t.Helper()
	s, err := newSheet(10, 10)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	s := letters(t)
	for name, want := range map[string]string{
		"Jane Doe":                "Jane Doe",
		"user\u202egnp.exe":       "user[U+202E]gnp.exe",
		"דוד כהן":                 "[Hebrew 3] [Hebrew 3]",
		"محمد":                    "[Arabic 4]",
		"王小明 (Li)":                "[Han 3] (Li)",
		"Naughty Us\u0435r":       "Naughty Us[U+0435]r",
		"Алексей Петров":          "Алексей Петров",
		"Γιώργος":                 "Γιώργος",
		"José Müller-Łukasz":      "José Müller-Łukasz",
		"e\u0301toile":            "étoile",
		"a\x00b\x1b[31m\n\u2028c": "a[U+0000]b[U+001B][31m[U+000A][U+2028]c",
		"a\u00a0b":                "a[U+00A0]b",
		"\xffx":                   "[?]x",
		"😀 party":                 "[Sign 1] party",
		"":                        "",
		"\u200b":                  "[U+200B]",
		"x\u0335":                 "x[Sign 1]",
	} {
		if got := harmless(name, s.shows); got != want {
			t.Errorf("%q is written %q, want %q", name, got, want)
		}
	}
	long := harmless(strings.Repeat("ab", 5000)+"END", s.shows)
	if n := utf8.RuneCountInString(long); n != maxName+1 || !strings.HasSuffix(long, "abEND") {
		t.Errorf("10 kB are %d letters, ending in %q", n, long[len(long)-8:])
	}
}

func TestShortened(t *testing.T) {
	t.Parallel()
	letter := func(s string) int { return utf8.RuneCountInString(s) }
	for _, test := range []struct {
		name string
		room int
		want string
	}{
		{"jdoe", 4, "jdoe"},
		{"abcdefghij", 7, "abc…hij"},
		{"abcdefghij", 6, "abc…ij"},
		{"ab cdefghij", 7, "ab…hij"},
		{"äöüßäöüß", 3, "ä…ß"},
		{"abcdef", 0, "…"},
	} {
		if got := shortened(test.name, test.room, letter); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.name, test.room, got, test.want)
		}
	}
}

// TestHostileNames holds that no name breaks the picture, and that two names
// which look the same when they are shortened are told apart.
func TestHostileNames(t *testing.T) {
	t.Parallel()
	var all []grid.Sighting
	for i, name := range append(hostileNames, strings.Repeat("W", 300)+"\u202e"+strings.Repeat("W", 300)) {
		all = append(all, ran(string(rune('a'+i)), name, float64(i), float64(i+6)))
	}
	c := chart(asked(), later(60), all...)
	c.Subject = strings.Repeat("\u202ewn\n", 5000)
	s := look(t, c)
	if len(s.rows) != len(hostileNames)+1 {
		t.Errorf("%d rows of %d names", len(s.rows), len(hostileNames)+1)
	}
	for i, r := range s.rows {
		got := s.parts(s.Bounds().Intersect(rectOf(s, i)))
		if got[blue] == 0 || got[ink] == 0 {
			t.Errorf("the row of %.20q has %d pixels of a bar and %d of letters", r.name, got[blue], got[ink])
		}
	}
}

// FuzzDraw holds that whatever records hold, a picture of bounded size comes of it.
func FuzzDraw(f *testing.F) {
	for i, name := range hostileNames {
		f.Add(name, name, int64(i)*3600, int64(i)*7200, int64(i)*500, byte(i))
	}
	f.Add("x", "y", int64(-1<<62), int64(1<<62), int64(1<<40), byte(7))
	f.Fuzz(func(t *testing.T, name, subject string, start, end, recorded int64, how byte) {
		at := func(n int64) time.Time {
			if n == 0 {
				return time.Time{}
			}
			return time.Unix(n%(1<<38), 0).UTC() // the years to 10,000 are what records can hold
		}
		s := ran("1", name, 1, 2)
		s.Job.Start, s.Job.FirstStart, s.Job.End, s.Job.Recorded = at(start), at(start/2), at(end), at(recorded)
		if how&1 > 0 {
			s = perhaps(s)
		}
		if how&2 > 0 {
			s.Job.Kind, s.Job.Status = grid.Snapshot, "Running"
		}
		q := asked()
		if how&4 > 0 {
			q.Asked, q.Window = time.Time{}, grid.Window{}
		}
		c := chart(q, at(end/3), s, ran("2", "jdoe", 1, 2))
		c.Subject = subject
		c.Name = func(grid.Person) string { return name }
		p := drawn(t, c)
		img, err := png.Decode(bytes.NewReader(p.PNG))
		if err != nil {
			t.Fatal(err)
		}
		if b := img.Bounds(); b.Dx() != pictureWidth || b.Dy() > 2000 || len(p.PNG) > 1<<20 {
			t.Errorf("the picture is %v, %d bytes", b, len(p.PNG))
		}
		if len(p.Caption) > 600 {
			t.Errorf("a caption of %d bytes", len(p.Caption))
		}
	})
}

// FuzzHarmless holds that only what the font has is drawn, in one direction.
func FuzzHarmless(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	s := letters(f)
	f.Fuzz(func(t *testing.T, name string) {
		got := harmless(name, s.shows)
		for _, r := range got {
			if !s.shows(r) || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Mn, unicode.Hebrew, unicode.Arabic) {
				t.Fatalf("%q is written %q, with %U", name, got, r)
			}
		}
		if n := utf8.RuneCountInString(got); n > 12*(maxName+1) {
			t.Errorf("%d letters", n)
		}
	})
}
