package elastic

import (
	"strings"
	"unicode"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// The servers compare texts letter by letter; grid does not. So texts are asked
// for by regular expressions of Lucene, which always cover the whole value.

// blanks are what grid trims.
const blanks = "[\u0009-\u000D\u0020\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]*"

// maxPattern is how long an expression may be (index.max_regex_length).
const maxPattern = 1000

// patternOf gives the expression of a form; ok is false when there is none. wide
// asks for one that fits all texts of the form and perhaps more, its opposite for
// one that fits only such.
func patternOf(form grid.Form, text string, wide bool) (pattern string, ok bool) {
	switch form {
	case grid.Is:
		pattern = blanks + literal(text) + blanks
	case grid.Equals:
		pattern = blanks + anyCase(text) + blanks
	case grid.Clusters:
		pattern = blanks + anyCase(text) + `(\..*)?` + blanks
	case grid.Contains:
		pattern = ".*" + anyCase(text) + `.*|.*\\.*`
	case grid.NoValue:
		var words []string
		for _, w := range []string{"unknown", "undefined", "null", "none", "n/a", "error"} {
			words = append(words, anyCase(w))
		}
		pattern = blanks + "(" + strings.Join(words, "|") + ")?" + blanks + "|" + blanks + `\/Expr\(.*`
	case grid.NamesHost:
		pattern = `([^\<]*\@)?[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)+`
	case grid.Container:
		pattern = blanks + `(.*\@)?[0-9a-fA-F]{12}(\:[0-9]*)?\.*` + blanks
	}
	narrow := form != grid.Contains && form != grid.NoValue && form != grid.Container
	return pattern, pattern != "" && len([]rune(pattern)) <= maxPattern && (wide || narrow)
}

// numberPattern fits the texts that grid reads as one of some whole numbers: in
// digits, or, when it shall be wide, also in forms with an exponent.
func numberPattern(least, most int64, wide bool) (pattern string, ok bool) {
	if least < 0 || most < least || most-least > 9 {
		return "", false
	}
	var numbers []string
	for n := least; n <= most; n++ {
		numbers = append(numbers, decimal(n))
	}
	pattern = "(" + strings.Join(numbers, "|") + ")"
	if wide {
		pattern = blanks + `[+]?0*` + pattern + `(\.0*)?` + blanks + `|.*[eExXpP].*`
	}
	return pattern, true
}

// anyCase fits a text in either case, as strings.EqualFold and strings.ToLower
// see it.
func anyCase(s string) string {
	var b strings.Builder
	for _, r := range s {
		same := []rune{r}
		for o := unicode.SimpleFold(r); o != r; o = unicode.SimpleFold(o) {
			same = append(same, o)
		}
		if r == 'i' || r == 'I' {
			same = append(same, 'İ')
		}
		if len(same) == 1 {
			b.WriteString(escaped(r))
			continue
		}
		b.WriteByte('[')
		for _, o := range same {
			b.WriteString(escaped(o))
		}
		b.WriteByte(']')
	}
	return b.String()
}

func literal(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(escaped(r))
	}
	return b.String()
}

func escaped(r rune) string {
	if r < 0x80 && !unicode.IsLetter(r) && !unicode.IsDigit(r) {
		return `\` + string(r)
	}
	return string(r)
}
