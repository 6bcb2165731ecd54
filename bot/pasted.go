package bot

import (
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
