package bot

import (
	"fmt"
	"regexp"
	"slices"
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

// quotes are the marks that open a word, with those that close it: the pair's
// own, and those that keyboards mix in. A mark inside of a word, and one that
// only closes at its beginning, is an ordinary letter, so that O’Brien stays whole.
var quotes = map[rune]string{
	'"': `"”`, '“': `”"“`, '”': `”"`, '„': `“”"`,
	'\'': `'`, '‘': `’'`, '‚': `‘’'`,
	'«': `»`, '»': `«»`, '‹': `›`, '›': `‹›`,
	'`': "`",
}

// Tokenize splits typed text into words the way people mean it on any
// keyboard: phones and Macs make quotes curly and dashes long, chats add
// invisible spaces and links and wrap commands in backticks. Its errors are for people.
func Tokenize(text string) (Parsed, error) {
	var p Parsed
	switch {
	case len(text) > maxTyped:
		return p, Problemf("usage", "That is longer than %d bytes; nothing was run. Say it in fewer words.", maxTyped)
	case !utf8.ValidString(text), strings.ContainsRune(text, utf8.RuneError):
		return p, Problemf("usage", "That is not valid UTF-8 text: some of it could not be read. Nothing was run; type it by hand.")
	}
	text, err := p.unlink(text)
	if err != nil {
		return p, err
	}
	clean, err := p.normalise(text)
	if err != nil {
		return p, err
	}
	if p, err = p.split([]rune(unwrap(clean))); err != nil {
		return p, err
	}
	for _, t := range p.Tokens {
		if mixed(t.Text) {
			p.note(fmt.Sprintf("%q mixes letters that look alike: %s", cut(t.Text), DescribeText(t.Text)))
		}
	}
	return p, nil
}

// note says once what was changed.
func (p *Parsed) note(s string) {
	if !slices.Contains(p.Notes, s) {
		p.Notes = append(p.Notes, s)
	}
}

// unwrap takes away the backticks around a whole command.
func unwrap(s string) string {
	inner := strings.Trim(s, "`")
	if strings.HasPrefix(s, "`") && strings.HasSuffix(s, "`") && inner != "" && !strings.Contains(inner, "`") {
		return strings.TrimSpace(inner)
	}
	return s
}

// invisible are characters that show nothing and move nothing: zero-width
// ones, fillers, tags and variation selectors.
func invisible(r rune) bool {
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point) &&
		!unicode.Is(unicode.Prepended_Concatenation_Mark, r)
}

// normalise replaces what cannot be seen and refuses what reorders text. The
// result is in NFC.
func (p *Parsed) normalise(text string) (string, error) {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || r == '\t' || r == '\r' || r == ' ':
			b.WriteByte(' ')
		case unicode.In(r, unicode.Zs, unicode.Zl, unicode.Zp):
			p.note("non-breaking spaces were read as spaces")
			b.WriteByte(' ')
		case unicode.Is(unicode.Bidi_Control, r):
			return "", Problemf("usage", "That contains a mark that changes the direction of text (U+%04X); nothing was run. Type the name by hand.", r)
		case invisible(r):
			p.note("invisible characters were removed")
		case unicode.IsControl(r):
			return "", Problemf("usage", "That contains a control character (U+%04X); nothing was run.", r)
		default:
			b.WriteRune(r)
		}
	}
	return norm.NFC.String(strings.TrimSpace(b.String())), nil
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
				return p, notClosed(text[i])
			}
			p.Tokens = append(p.Tokens, Token{Text: word, Quoted: true})
			i = end
			continue
		}
		end := i
		for end < len(text) && text[end] != ' ' && !opensValue(text[i:end+1], text[end+1:]) {
			end++
		}
		word := string(text[i:end])
		if end < len(text) && text[end] == '=' {
			value, after, ok := quoted(text, end+1, quotes[text[end+1]])
			if !ok {
				return p, notClosed(text[end+1])
			}
			word, end = word+"="+value, after
		}
		t, err := p.word(word)
		if err != nil {
			return p, err
		}
		p.Tokens = append(p.Tokens, t)
		i = end
	}
	return p, nil
}

func notClosed(quote rune) error {
	return Problemf("usage", "The quote %c is not closed by one with a space after it; nothing was run.", quote)
}

// opensValue reports whether a word up to here is the name of an option, and
// its value is in quotes: site="T2 US".
func opensValue(word, rest []rune) bool {
	name := word[:len(word)-1]
	if word[len(name)] != '=' || len(name) == 0 || len(rest) == 0 || slices.ContainsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) }) {
		return false
	}
	_, opens := quotes[rest[0]]
	return opens
}

// quoted reads a quoted word that begins at i. In double quotes a backslash
// keeps a quote or a backslash.
func quoted(text []rune, i int, closing string) (word string, end int, ok bool) {
	var b strings.Builder
	for j := i + 1; j < len(text); j++ {
		switch r := text[j]; {
		case r == '\\' && text[i] == '"' && j+1 < len(text) && (text[j+1] == '\\' || strings.ContainsRune(closing, text[j+1])):
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

// word is one unquoted word: a long dash before an option is two short ones,
// and the name of an option is plain ASCII.
func (p *Parsed) word(s string) (Token, error) {
	for _, dash := range []string{"—", "–"} {
		if rest, ok := strings.CutPrefix(s, dash); ok && isOption("--"+rest) {
			s = "--" + rest
			p.note("a long dash was read as --")
		}
	}
	name, _, found := strings.Cut(s, "=")
	if found && len(name) < 20 && !strings.HasPrefix(name, "/") && strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
		return Token{}, Problemf("usage", "The name of the option %q has a look-alike letter (%s); nothing was run. Type it by hand.", name, DescribeText(name))
	}
	return Token{Text: s}, nil
}

// isOption reports whether a word is meant as an option: two dashes and a
// letter. A dash that stands alone, in a reason, is none.
func isOption(s string) bool {
	rest, ok := strings.CutPrefix(s, "--")
	first, _ := utf8.DecodeRuneInString(rest)
	return ok && unicode.IsLetter(first)
}

// link is what Slack makes of a name that looks like an address.
var link = regexp.MustCompile(`(?i)<((?:https?://|mailto:|tel:)[^<>|\s]+)(\|[^<>]*)?>`)

// unlink replaces links by their text where that is what the address says, also
// inside of quotes and of longer words.
func (p *Parsed) unlink(text string) (string, error) {
	for at := link.FindStringSubmatchIndex(text); at != nil; at = link.FindStringSubmatchIndex(text) {
		address := text[at[2]:at[3]]
		bare := address[strings.Index(address, ":")+1:]
		bare = strings.TrimSuffix(strings.TrimPrefix(bare, "//"), "/")
		var label string
		switch {
		case at[4] >= 0:
			label = text[at[4]+1 : at[5]]
			if !strings.EqualFold(strings.TrimSuffix(label, "/"), bare) && label != address {
				return "", Problemf("usage", "That contains a link whose text differs from its address; nothing was run. Type the name without a link.")
			}
		case strings.Contains(address, "://"):
			label = address // it was typed like that
		default:
			label = bare
		}
		p.note("a link was read as its text")
		text = text[:at[0]] + label + text[at[1]:]
	}
	return text, nil
}

// scriptsOf names the scripts that a text's letters are from, of those that
// look alike or are met in names.
func scriptsOf(s string) []string {
	var scripts []string
	for _, script := range []struct {
		name  string
		table *unicode.RangeTable
	}{{"Latin", unicode.Latin}, {"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"Han", unicode.Han}, {"Arabic", unicode.Arabic}, {"Hebrew", unicode.Hebrew}} {
		if strings.ContainsFunc(s, func(r rune) bool { return unicode.Is(script.table, r) }) {
			scripts = append(scripts, script.name)
		}
	}
	return scripts
}

// mixed reports whether a text's letters are from scripts that look alike.
func mixed(s string) bool {
	alike := slices.DeleteFunc(scriptsOf(s), func(name string) bool { return !slices.Contains([]string{"Latin", "Cyrillic", "Greek"}, name) })
	return len(alike) > 1
}

// DescribeText says how long a text is and which scripts its letters are from,
// so that look-alikes show: "12 characters, ASCII".
func DescribeText(s string) string {
	n := utf8.RuneCountInString(s)
	length := Textf("%d characters", n).String()
	if !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII }) {
		return length + ", ASCII"
	}
	scripts := scriptsOf(s)
	if len(scripts) == 0 {
		return length + ", not ASCII"
	}
	return length + ", letters: " + strings.Join(scripts, " + ")
}
