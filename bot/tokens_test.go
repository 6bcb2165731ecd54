package bot

import (
	"strings"
	"testing"
	"unicode"

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

		// Marks of other keyboards, and mixed ones.
		`ban "Naughty User” x`:   {w("ban"), q("Naughty User"), w("x")},
		`ban “Naughty User" x`:   {w("ban"), q("Naughty User"), w("x")},
		`ban “Naughty User“`:     {w("ban"), q("Naughty User")},
		`ban ”Naughty User” x`:   {w("ban"), q("Naughty User"), w("x")},
		`ban »Naughty User« x`:   {w("ban"), q("Naughty User"), w("x")},
		`ban ‚Naughty User‘ x`:   {w("ban"), q("Naughty User"), w("x")},
		`ban ‹Naughty User› x`:   {w("ban"), q("Naughty User"), w("x")},
		"ban `Naughty User` x":   {w("ban"), q("Naughty User"), w("x")},
		"trace `wn1` 14:05":      {w("trace"), q("wn1"), w("14:05")},
		"```\ntrace wn1\n```":    {w("trace"), w("wn1")},
		"`ban` `x`":              {q("ban"), q("x")},
		`note ’tis 5” wide`:      {w("note"), w("’tis"), w("5”"), w("wide")},
		`trace wn1 site="T2 US"`: {w("trace"), w("wn1"), w("site=T2 US")},
		`trace wn1 site=“T2_US”`: {w("trace"), w("wn1"), w("site=T2_US")},
		`whois /CN="x"/y`:        {w("whois"), w(`/CN="x"/y`)},

		// Dashes are options before a letter only.
		`ban "X" mining — ask Bob`: {w("ban"), q("X"), w("mining"), w("—"), w("ask"), w("Bob")},
		`ban "X" –5 to –10`:        {w("ban"), q("X"), w("–5"), w("to"), w("–10")},
		`ban —force`:               {w("ban"), w("--force")},

		// Links of Slack, in words and in quotes.
		`trace <http://WN1.example.org|wn1.example.org> x`:                    {w("trace"), w("wn1.example.org"), w("x")},
		`trace <https://wn1.example.org/|wn1.example.org> x`:                  {w("trace"), w("wn1.example.org"), w("x")},
		`trace <http://wn1.example.org:9618|wn1.example.org:9618>`:            {w("trace"), w("wn1.example.org:9618")},
		`trace <http://wn1.example.org>`:                                      {w("trace"), w("http://wn1.example.org")},
		`trace <http://wn1.example.org|http://wn1.example.org>`:               {w("trace"), w("http://wn1.example.org")},
		`whois "<mailto:pat@example.org|pat@example.org>"`:                    {w("whois"), q("pat@example.org")},
		`whois /DC=ch/E=<mailto:pat@example.org|pat@example.org>/CN=x`:        {w("whois"), w("/DC=ch/E=pat@example.org/CN=x")},
		`whois <mailto:pat@example.org>`:                                      {w("whois"), w("pat@example.org")},
		`trace ip 192.0.2.0/24 [2001:db8::1] <tel:+41227670000|+41227670000>`: {w("trace"), w("ip"), w("192.0.2.0/24"), w("[2001:db8::1]"), w("+41227670000")},
		`note <@U123> <!channel> a<b>c`:                                       {w("note"), w("<@U123>"), w("<!channel>"), w("a<b>c")},

		// What cannot be seen, and letters in two pieces.
		"ban\u2028bob\u2003x":                 {w("ban"), w("bob"), w("x")},
		"ban b\u2063o\U000E0041b\u3164\ufe0f": {w("ban"), w("bob")},
		"whois Jo\u200b\u0308rg":              {w("whois"), w("Jörg")},
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
		`ban "Naughty User`:                           "not closed",
		"ban \u202eresU":                              "direction",
		"ban \x1b[31mred":                             "control character",
		"ban \xff":                                    "UTF-8",
		strings.Repeat("a", 1<<20):                    "longer than",
		"trace wn1 14:05 ѕite=T2":                     "look-alike",
		"trace <http://evil.example|wn1>":             "differs from its address",
		`ban "<https://evil.example|Naughty User>" x`: "differs from its address",
		`ban "Naughty User", mining`:                  "not closed by one with a space after it",
		"trace wn1 site=`T2":                          "not closed",
		"ban \ufffd":                                  "UTF-8",
		"ban \u2066x":                                 "direction",
		"ban x\x00":                                   "control character",
	} {
		_, err := Tokenize(typed)
		sentence, ok := sentenceOf(err)
		if !ok || !strings.Contains(sentence, want) {
			t.Errorf("Tokenize(%.40q) = %v, want a sentence with %q", typed, err, want)
		}
	}
}

func TestTokenizeSaysWhatItChanged(t *testing.T) {
	for typed, want := range map[string][]string{
		`ban "Naughty User" mining`:          nil,
		`whois "Jörg Müller"`:                nil,
		"ban\u00a0bob\u2003x":                {"non-breaking spaces were read as spaces"},
		"ban b\u200bo\u200bb":                {"invisible characters were removed"},
		`ban —force –more`:                   {"a long dash was read as --"},
		`trace <http://a.example|a.example>`: {"a link was read as its text"},
		`ban "Naughty Usеr"`:                 {`"Naughty Usеr" mixes letters that look alike: 12 characters, letters: Latin + Cyrillic`},
	} {
		got, err := Tokenize(typed)
		if err != nil {
			t.Errorf("Tokenize(%q): %v", typed, err)
		}
		if diff := cmp.Diff(want, got.Notes); diff != "" {
			t.Errorf("Tokenize(%q) (-want +got):\n%s", typed, diff)
		}
	}
}

// TestStrip holds that the ways to address the bot are one.
func TestStrip(t *testing.T) {
	for _, typed := range []string{
		"bans", "/bans", "!bans", "@gridwarden bans", "@gridwarden: bans", "@gridwarden:bans", "@Gridwarden, bans", "@gridwarden\u00a0bans",
		"@gridwarden\u2060 /bans", "/gridwarden bans", "!gridwarden !bans", "`bans`", "`/bans`", "@gridwarden `bans`", "```\n/bans\n```", " \u200b/bans ",
	} {
		if got := strip(typed); got != "bans" {
			t.Errorf("strip(%q) = %q", typed, got)
		}
	}
	for typed, want := range map[string]string{"@gridwarden": "", "/gridwarden  ": "", "!!!": "", "@gridwardens bans": "@gridwardens bans", "ban `x`": "ban `x`"} {
		if got := strip(typed); got != want {
			t.Errorf("strip(%q) = %q, want %q", typed, got, want)
		}
	}
}

// FuzzTokenize holds that a word keeps nothing that cannot be seen, and that
// the echo of a request is read as the same request.
func FuzzTokenize(f *testing.F) {
	for _, typed := range []string{
		`ban “Naughty User” reason`, "`x` \u00a0 <http://a|a> –b 'c'", `trace wn1 site="T2 US" — x`, "“a”b” c", `"a \" \\" «b»`,
		"<mailto:<mailto:a|a>|a>", "Jo\u200b\u0308rg \u2028 \ufe0f", "ѕite=T2 Usеr",
	} {
		f.Add(typed)
	}
	c := Command{Name: "do", Options: []string{"site"}}
	f.Fuzz(func(t *testing.T, typed string) {
		p, err := Tokenize(typed)
		if err != nil {
			if _, ok := sentenceOf(err); !ok {
				t.Fatalf("no sentence for people: %v", err)
			}
			return
		}
		for _, token := range p.Tokens {
			for _, r := range token.Text {
				if invisible(r) || unicode.IsControl(r) || r != ' ' && unicode.In(r, unicode.Z) {
					t.Fatalf("%q kept U+%04X in %q", typed, r, token.Text)
				}
			}
		}
		words, options, err := arguments(c, p.Tokens)
		if err != nil {
			return
		}
		echo := Echo(c.Name, words, options)
		if len(echo) > maxTyped {
			return
		}
		again, err := Tokenize(echo)
		if err != nil {
			t.Fatalf("the echo %q of %q: %v", echo, typed, err)
		}
		sameWords, sameOptions, err := arguments(c, again.Tokens[1:])
		if err != nil {
			t.Fatalf("the echo %q of %q: %v", echo, typed, err)
		}
		text := func(tokens []Token) (out []string) {
			for _, t := range tokens {
				out = append(out, t.Text)
			}
			return out
		}
		if diff := cmp.Diff(text(words), text(sameWords)); diff != "" {
			t.Fatalf("the echo %q of %q (-words +again):\n%s", echo, typed, diff)
		}
		if diff := cmp.Diff(options, sameOptions); diff != "" {
			t.Fatalf("the echo %q of %q (-options +again):\n%s", echo, typed, diff)
		}
	})
}
