package bot

import (
	"bytes"
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

// pasted gives the words of a command whose arguments are text from elsewhere:
// its name, and all that follows as one word, in which quotes and dashes mean
// nothing. ok is false for every other command.
func (e *Engine) pasted(typed string) (words []Token, ok bool) {
	typed = strings.TrimLeftFunc(typed, unicode.IsSpace)
	at := strings.IndexFunc(typed, unicode.IsSpace)
	if at < 0 {
		return nil, false
	}
	name, text := typed[:at], strings.TrimSpace(typed[at:])
	if c, known := e.command(strings.ToLower(name)); !known || !c.Pasted || text == "" {
		return nil, false
	}
	return []Token{{Text: name}, {Text: strings.Map(readable, text), Quoted: true}}, true
}

// readable replaces what may not be in a record or turns it around.
func readable(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return r
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
		return ' '
	}
	return r
}

// MaxPasted bounds a text that is given in a file, in bytes.
const MaxPasted = 5 << 20

// maxName bounds the name of such a file, in characters.
const maxName = 80

// Paste gives the line that says a command with a text from a file, as somebody
// would have typed it, with a first line that names the file. Of a long text it has
// what the command's Excerpt gives: only that is kept, and recorded. line is what was
// typed beside the file, the name of a Pasted command. text has at most MaxPasted+1
// bytes, one more than is taken. Errors are for people, and nothing was run then.
func (e *Engine) Paste(line, file string, text []byte) (string, error) {
	name := strings.ToLower(strings.TrimSpace(line))
	c, known := e.command(name)
	file = fileName(file)
	switch {
	case !known || !c.Pasted || c.Excerpt == nil:
		return "", Problemf("usage", "A file is given to a command that takes lines of logs and nothing else, such as `job`; %q does not. Nothing was run.", cut(line))
	case len(text) > MaxPasted:
		return "", tooLong(file)
	case len(bytes.TrimSpace(text)) == 0:
		return "", Problemf("usage", "%s is empty. Nothing was looked up.", file)
	case bytes.HasPrefix(text, []byte("\x1f\x8b")) || bytes.HasPrefix(text, []byte("PK\x03\x04")):
		return "", Problemf("usage", "%s is compressed. Unpack it, and give the log that is in it. Nothing was looked up.", file)
	}
	if !strings.HasPrefix(http.DetectContentType(text), "text/") {
		return "", Problemf("usage", "%s is no text. Give the log itself, as text. Nothing was looked up.", file)
	}
	kept := c.Excerpt(string(text))
	if kept == "" {
		return "", Problemf("usage", "Nothing in the %d bytes of %s names a job, a batch job or a pilot, and no number was taken on a guess. Is it the pilot's log?", len(text), file)
	}
	return fmt.Sprintf("%s [from %s, %d bytes]\n%s", c.Name, file, len(text), kept), nil
}

// tooLong is the answer to a file that is longer than what is read.
func tooLong(file string) error {
	return Problemf("usage", "%s has more than %d bytes (5 MB), and so much is not read. Nothing was looked up. Give %s", file, MaxPasted, grepHint)
}

// grepHint is how the lines that matter are found in a log.
const grepHint = "the lines that `grep -iE 'PandaID|PanDA job'` finds in it."

// Pastes reports whether a line is the name of a command that takes a text from a
// file, and nothing more.
func (e *Engine) Pastes(line string) bool {
	c, known := e.command(strings.ToLower(strings.TrimSpace(line)))
	return known && c.Pasted && c.Excerpt != nil
}

// fileName is a name in one line, without what could end the bracket.
func fileName(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == '[' || r == ']' || r == '\n' || r == '\r' || r == '\t' {
			return ' '
		}
		return readable(r)
	}, strings.ToValidUTF8(s, " "))
	return cmp.Or(strings.TrimSpace(cutTo(s, maxName)), "the file")
}

// shown are words as they are said again to who typed them: of a text from a file only
// which file it was.
func shown(words []Token) []Token {
	if len(words) != 1 {
		return words
	}
	if file, _ := FromFile(words[0].Text); file != "" {
		return []Token{{Text: "[from " + file + "]", Quoted: true}}
	}
	return words
}

var fromFile = regexp.MustCompile(`^\[from ([^\[\]\n]{1,200}), ([0-9]{1,9}) bytes\]\n`)

// FromFile takes the first line off a text that Paste made, and says which file it
// names; "" for a text that was typed or pasted.
func FromFile(text string) (file, rest string) {
	m := fromFile.FindStringSubmatch(text)
	if m == nil {
		return "", text
	}
	return m[1] + ", " + m[2] + " bytes", text[len(m[0]):]
}
