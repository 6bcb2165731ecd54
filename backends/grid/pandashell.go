package grid

import "strings"

// shellLine is a text as a POSIX shell reads it: the pilot gives the job's
// parameters to one.
type shellLine struct {
	words    []string
	beyond   string // what follows an operator outside of quotes, with the operator: more commands
	expands  string // the first $(, ${ or backtick that a shell would replace
	redirect string // the first < or > outside of quotes, with what follows
	open     bool   // a quote is not closed
}

// splitShell splits a text into words with the rules of quoting. It never
// fails: a quote that is not closed ends with the text, and said so.
func splitShell(s string) shellLine {
	var l shellLine
	for i := 0; i < len(s); {
		switch c := s[i]; {
		case c == ' ' || c == '\t' || c == '\r':
			i++
		case c == '\n' && strings.TrimSpace(s[i:]) == "":
			return l
		case strings.IndexByte(";|&\n", c) >= 0:
			l.beyond = strings.TrimSpace(s[i:])
			return l
		default:
			var word string
			word, i = l.word(s, i)
			l.words = append(l.words, word)
		}
	}
	return l
}

// word reads one word that begins at i.
func (l *shellLine) word(s string, i int) (word string, end int) {
	var b strings.Builder
	for i < len(s) {
		n := strings.IndexAny(s[i:], " \t\r\n;|&<>\"'\\$`")
		if n < 0 {
			b.WriteString(s[i:])
			return b.String(), len(s)
		}
		b.WriteString(s[i : i+n])
		i += n
		switch c := s[i]; c {
		case '\'':
			n := strings.IndexByte(s[i+1:], '\'')
			if n < 0 {
				l.open = true
				b.WriteString(s[i+1:])
				return b.String(), len(s)
			}
			b.WriteString(s[i+1 : i+1+n])
			i += n + 2
		case '"':
			i = l.doubleQuoted(&b, s, i+1)
		case '\\':
			if i+1 < len(s) {
				b.WriteByte(s[i+1])
			}
			i += 2
		case '$', '`':
			l.expansion(s, i)
			b.WriteByte(c)
			i++
		case '<', '>':
			if l.redirect == "" {
				l.redirect = s[i:]
			}
			b.WriteByte(c)
			i++
		default:
			return b.String(), i
		}
	}
	return b.String(), len(s)
}

// doubleQuoted reads up to the closing quote and gives the place after it.
func (l *shellLine) doubleQuoted(b *strings.Builder, s string, i int) int {
	for i < len(s) {
		n := strings.IndexAny(s[i:], "\"\\$`")
		if n < 0 {
			break
		}
		b.WriteString(s[i : i+n])
		i += n
		switch c := s[i]; {
		case c == '"':
			return i + 1
		case c == '\\' && i+1 < len(s) && strings.IndexByte("\"\\$`\n", s[i+1]) >= 0:
			if s[i+1] != '\n' {
				b.WriteByte(s[i+1])
			}
			i += 2
		default:
			if c != '\\' {
				l.expansion(s, i)
			}
			b.WriteByte(c)
			i++
		}
	}
	l.open = true
	b.WriteString(s[i:])
	return len(s)
}

// expansion notes what a shell would replace at i.
func (l *shellLine) expansion(s string, i int) {
	if l.expands == "" && (s[i] == '`' || i+1 < len(s) && (s[i+1] == '(' || s[i+1] == '{')) {
		l.expands = s[i:]
	}
}
