package bot

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Token is one word of what was typed; Quoted ones are never options.
type Token struct {
	Text   string
	Quoted bool
}

// Parsed is what was typed, as words, with a sentence for everything that was changed.
type Parsed struct {
	Tokens []Token
	Notes  []string
}

// maxTyped bounds a command, in bytes.
const maxTyped = 16 << 10

// quotes are the pairs that delimit a word. A closing mark that opens nothing
// is an ordinary letter, so that O’Brien stays whole.
var quotes = map[rune]string{'"': `"`, '\'': `'`, '“': `”"`, '„': `“”"`, '‘': `’`, '«': `»`, '»': `«`}

// Tokenize splits typed text into words the way people mean it on any
// keyboard: phones and Macs make quotes curly and dashes long, chats add
// invisible spaces and wrap commands in backticks. Its errors are for people.
func Tokenize(text string) (Parsed, error) {
	var p Parsed
	switch {
	case len(text) > maxTyped:
		return p, Problemf("usage", "That is longer than %d bytes; nothing was run. Put long text into a note.", maxTyped)
	case !utf8.ValidString(text):
		return p, Problemf("usage", "That is not valid UTF-8 text; nothing was run.")
	}
	clean, err := p.normalise(norm.NFC.String(text))
	if err != nil {
		return p, err
	}
	if inner, ok := strings.CutPrefix(clean, "`"); ok && strings.HasSuffix(inner, "`") && len(inner) > 1 {
		clean = strings.Trim(clean, "`")
	}
	return p.split([]rune(clean))
}

// normalise replaces what cannot be seen and refuses what reorders or hides text.
func (p *Parsed) normalise(text string) (string, error) {
	spaces, hidden := false, false
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == ' ':
			b.WriteByte(' ')
		case unicode.Is(unicode.Zs, r):
			spaces = true
			b.WriteByte(' ')
		case r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 || r == 0x200E || r == 0x200F || r == 0x061C:
			return "", Problemf("usage", "That contains a mark that changes the direction of text (U+%04X); nothing was run. Type the name by hand.", r)
		case r == 0x200B || r == 0x200C || r == 0x200D || r == 0x2060 || r == 0xFEFF || r == 0x00AD:
			hidden = true
		case unicode.IsControl(r) || r == utf8.RuneError:
			return "", Problemf("usage", "That contains a control character (U+%04X); nothing was run.", r)
		default:
			b.WriteRune(r)
		}
	}
	if spaces {
		p.Notes = append(p.Notes, "non-breaking spaces were read as spaces")
	}
	if hidden {
		p.Notes = append(p.Notes, "invisible characters were removed")
	}
	return strings.TrimSpace(b.String()), nil
}

// split cuts at spaces outside of quotes.
func (p Parsed) split(text []rune) (Parsed, error) {
	for i := 0; i < len(text); {
		if text[i] == ' ' {
			i++
			continue
		}
		if closing, ok := quotes[text[i]]; ok {
			word, end, ok := quoted(text, i, closing)
			if !ok {
				return p, Problemf("usage", "The quote %c is not closed; nothing was run.", text[i])
			}
			p.Tokens = append(p.Tokens, Token{Text: word, Quoted: true})
			i = end
			continue
		}
		end := i
		for end < len(text) && text[end] != ' ' {
			end++
		}
		t, err := p.word(string(text[i:end]))
		if err != nil {
			return p, err
		}
		p.Tokens = append(p.Tokens, t)
		i = end
	}
	return p, nil
}

// quoted reads a quoted word that begins at i. In double quotes a backslash
// keeps a quote or a backslash.
func quoted(text []rune, i int, closing string) (word string, end int, ok bool) {
	var b strings.Builder
	for j := i + 1; j < len(text); j++ {
		switch r := text[j]; {
		case r == '\\' && text[i] == '"' && j+1 < len(text) && (text[j+1] == '"' || text[j+1] == '\\'):
			j++
			b.WriteRune(text[j])
		case strings.ContainsRune(closing, r) && (j+1 == len(text) || text[j+1] == ' '):
			return b.String(), j + 1, true
		default:
			b.WriteRune(r)
		}
	}
	return "", 0, false
}

// word is one unquoted word: long dashes before an option are short ones, a
// link that a chat made of a bare name is that name, and the name of an option
// is plain ASCII.
func (p *Parsed) word(s string) (Token, error) {
	if rest, ok := strings.CutPrefix(s, "—"); ok {
		s = "--" + rest
		p.Notes = append(p.Notes, "a long dash was read as --")
	} else if rest, ok := strings.CutPrefix(s, "–"); ok {
		s = "--" + rest
		p.Notes = append(p.Notes, "a long dash was read as --")
	}
	if strings.HasPrefix(s, "<") && strings.HasSuffix(s, ">") && strings.Contains(s, ":") {
		return p.link(s[1 : len(s)-1])
	}
	name, _, found := strings.Cut(s, "=")
	if found && len(name) < 20 && !strings.HasPrefix(name, "/") && strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Token{}, Problemf("usage", "The name of the option %q has a look-alike letter (%s); nothing was run. Type it by hand.", name, DescribeText(name))
	}
	return Token{Text: s}, nil
}

// link unwraps <url|label> where the label is what the address says.
func (p *Parsed) link(s string) (Token, error) {
	url, label, found := strings.Cut(s, "|")
	bare := strings.TrimPrefix(strings.TrimPrefix(strings.TrimPrefix(url, "https://"), "http://"), "mailto:")
	if !found || label != strings.TrimSuffix(bare, "/") {
		return Token{}, Problemf("usage", "That contains a link whose text differs from its address; nothing was run. Type the name without a link.")
	}
	p.Notes = append(p.Notes, "a link was read as its text")
	return Token{Text: label}, nil
}

// DescribeText says how long a text is and which scripts its letters are from,
// so that look-alikes show: "12 characters, ASCII".
func DescribeText(s string) string {
	n := utf8.RuneCountInString(s)
	length := Textf("%d characters", n).String()
	if !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return length + ", ASCII"
	}
	var scripts []string
	for _, script := range []struct {
		name  string
		table *unicode.RangeTable
	}{{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"Han", unicode.Han}, {"Arabic", unicode.Arabic}, {"Hebrew", unicode.Hebrew}} {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(script.table, r) }) {
			scripts = append(scripts, script.name)
		}
	}
	if len(scripts) == 0 {
		return length + ", not ASCII"
	}
	return length + ", letters: " + strings.Join(scripts, " + ")
}
