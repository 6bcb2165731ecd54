package bot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTokenize(t *testing.T) {
	w := func(s string) Token { return Token{Text: s} }
	q := func(s string) Token { return Token{Text: s, Quoted: true} }
	for typed, want := range map[string][]Token{
		`ban "Naughty User" malware`: {w("ban"), q("Naughty User"), w("malware")},
		`ban “Naughty User” malware`: {w("ban"), q("Naughty User"), w("malware")},
		`ban „Naughty User“`:         {w("ban"), q("Naughty User")},
		`ban «Naughty User»`:         {w("ban"), q("Naughty User")},
		`ban ‘Naughty User’`:         {w("ban"), q("Naughty User")},
		`ban “Pat O’Brien” x`:        {w("ban"), q("Pat O’Brien"), w("x")},
		`ban O'Brien x`:              {w("ban"), w("O'Brien"), w("x")},
		"ban\u00a0bob":               {w("ban"), w("bob")},
		"ban b\u200bob":              {w("ban"), w("bob")},
		"`trace wn1 14:05`":          {w("trace"), w("wn1"), w("14:05")},
		`trace <http://wn1.example.org|wn1.example.org> 14:05`: {w("trace"), w("wn1.example.org"), w("14:05")},
		`whois "a \"b\" \\c"`:  {w("whois"), q(`a "b" \c`)},
		`trace wn1 –dry`:       {w("trace"), w("wn1"), w("--dry")},
		`whois /DC=ch/CN=Jörg`: {w("whois"), w("/DC=ch/CN=Jörg")},
	} {
		got, err := Tokenize(typed)
		if err != nil {
			t.Errorf("Tokenize(%q): %v", typed, err)
			continue
		}
		if diff := cmp.Diff(want, got.Tokens); diff != "" {
			t.Errorf("Tokenize(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

func TestTokenizeRefuses(t *testing.T) {
	for typed, want := range map[string]string{
		`ban "Naughty User`:               "not closed",
		"ban \u202eresU":                  "direction",
		"ban \x1b[31mred":                 "control character",
		"ban \xff":                        "UTF-8",
		strings.Repeat("a", 1<<20):        "longer than",
		"trace wn1 14:05 ѕite=T2":         "look-alike",
		"trace <http://evil.example|wn1>": "differs from its address",
	} {
		_, err := Tokenize(typed)
		sentence, ok := sentenceOf(err)
		if !ok || !strings.Contains(sentence, want) {
			t.Errorf("Tokenize(%.40q) = %v, want a sentence with %q", typed, err, want)
		}
	}
}

func FuzzTokenize(f *testing.F) {
	f.Add(`ban “Naughty User” reason`)
	f.Add("`x` \u00a0 <http://a|a> –b 'c'")
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := Tokenize(typed)
		if err != nil {
			if _, ok := sentenceOf(err); !ok {
				t.Fatalf("no sentence for people: %v", err)
			}
			return
		}
		for _, token := range p.Tokens {
			if strings.ContainsAny(token.Text, "\u00a0\u200b\u202e\x1b\n") {
				t.Fatalf("%q kept something invisible in %q", typed, token.Text)
			}
		}
	})
}
