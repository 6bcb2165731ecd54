package elastic

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// The servers compare texts letter by letter; grid does not. So texts are asked
// for by regular expressions of Lucene, which always cover the whole value. A server
// compiles each of them for each index and page, which is most of what a trace costs
// it: so they are simple rather than exact where that is allowed.

// maxPattern is how long an expression may be (index.max_regex_length).
const maxPattern = 1000

// rest fits what may follow a text that grid trims: blanks, and more than them.
const rest = `([^0-9A-Za-z].*)?`

// trims reports whether grid reads a form without the blanks around a value. Those
// behind it are in the wide pattern; what begins with one is to be asked for beside it.
func trims(form grid.Form) bool { return form != grid.Contains && form != grid.NamesHost }

// patternsOf gives expressions of which one fits each text of a form; ok is false
// when there are none. wide asks for such as fit all texts of the form that do not
// begin with a blank, and perhaps more, its opposite for one that fits only such.
func patternsOf(form grid.Form, text string, wide bool) (patterns []string, ok bool) {
	end := ""
	if wide {
		end = rest
	}
	narrow := true
	switch form {
	case grid.Is:
		patterns = []string{literal(text) + end}
	case grid.Equals:
		patterns = []string{anyCase(text) + end}
	case grid.Clusters:
		patterns = []string{anyCase(text) + cmp.Or(end, `(\..*)?`)}
	case grid.Contains:
		patterns, narrow = []string{".*" + anyCase(text) + ".*", `.*\\.*`}, false
	case grid.NoValue:
		patterns, narrow = []string{"(" + strings.Join(beginnings, "|") + ").*"}, false
	case grid.NamesHost:
		patterns = []string{`([^\<]*\@)?[A-Za-z0-9_\-]+(\.[A-Za-z0-9_\-]+)+`}
	case grid.Container:
		patterns, narrow = []string{`(.*\@)?[0-9a-fA-F]{12}` + rest}, false
	}
	long := slices.ContainsFunc(patterns, func(p string) bool { return len([]rune(p)) > maxPattern })
	return patterns, len(patterns) > 0 && !long && (wide || narrow)
}

// beginnings fit the first two letters of the spellings of "no value". The whole
// words take a server eight times as long.
var beginnings = func() []string {
	var out []string
	for _, w := range []string{"unknown", "undefined", "null", "none", "n/a", "error", "/Expr("} {
		out = appendNew(out, anyCase(w[:2]))
	}
	return out
}()

// numberPatterns fit the texts that grid reads as one of some numbers, none below
// zero: in digits, or, when they shall be wide, also in forms with an exponent,
// without those that begin with a blank. How a text begins is not left open, as a
// server would go through all texts of an index; and one expression for both forms
// would take it twice as long to compile as two.
func numberPatterns(numbers []int64, wide bool) []string {
	const together = 40 // of 19 digits: below maxPattern
	const before = `[+\-]?[0.]*`
	var patterns []string
	for some := range slices.Chunk(numbers, together) {
		var texts, begin []string
		for _, n := range some {
			text := strconv.FormatInt(n, 10)
			texts = append(texts, text)
			// A few digits will do, with a point anywhere.
			if digits := strings.TrimRight(text, "0"); digits != "" {
				begin = appendNew(begin, strings.Join(strings.Split(digits[:min(3, len(digits))], ""), `\.?`))
			}
		}
		pattern := "(" + strings.Join(texts, "|") + ")"
		if !wide {
			patterns = append(patterns, pattern)
			continue
		}
		exponent := `[eE].*`
		if len(begin) > 0 {
			exponent = "((" + strings.Join(begin, "|") + ")[0-9.]*)?" + exponent
		}
		patterns = append(patterns, before+pattern+rest, before+exponent)
	}
	return patterns
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
