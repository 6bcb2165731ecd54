package plot

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxName bounds what is looked at of a name, in runes: its beginning and its
// end, of which at most a part fits into the picture.
const maxName = 120

// harmless makes a foreign name readable in the letters that the font has.
// Controls, marks of direction, invisible characters and single letters of
// another script in a word, which are there to deceive, are written as
// [U+202E]; what the font cannot show is counted by its script, as in [Han 5].
func harmless(name string, shows func(rune) bool) string {
	runes := []rune(norm.NFC.String(strings.ToValidUTF8(bounded(name), "\ufffd")))
	foreign := mixed(runes)
	var b strings.Builder
	script, unshown := "", 0
	flush := func() {
		if unshown > 0 {
			fmt.Fprintf(&b, "[%s %d]", script, unshown)
		}
		script, unshown = "", 0
	}
	for i, r := range runes {
		switch {
		case r == utf8.RuneError:
			flush()
			b.WriteString("[?]")
		case foreign[i], !unicode.IsGraphic(r), unicode.IsSpace(r) && r != ' ', unicode.Is(unicode.Cf, r):
			flush()
			fmt.Fprintf(&b, "[U+%04X]", r)
		case shows(r) && !unicode.IsMark(r):
			flush()
			b.WriteRune(r)
		default:
			if s := scriptOf(r); s != script {
				flush()
				script = s
			}
			unshown++
		}
	}
	flush()
	return strings.TrimSpace(b.String())
}

// bounded keeps the beginning and the end of a long name.
func bounded(s string) string {
	if utf8.RuneCountInString(s) <= maxName {
		return s
	}
	head, tail := 0, len(s)
	for range maxName / 2 {
		_, n := utf8.DecodeRuneInString(s[head:])
		head += n
		_, n = utf8.DecodeLastRuneInString(s[:tail])
		tail -= n
	}
	return s[:head] + "…" + s[tail:]
}

// mixed marks the Greek and Cyrillic letters in words that have Latin ones: they
// look alike.
func mixed(runes []rune) []bool {
	out := make([]bool, len(runes))
	for from := 0; from < len(runes); {
		to, latin := from, false
		for to < len(runes) && (unicode.IsLetter(runes[to]) || unicode.IsMark(runes[to])) {
			latin = latin || unicode.Is(unicode.Latin, runes[to])
			to++
		}
		for i := from; latin && i < to; i++ {
			out[i] = unicode.In(runes[i], unicode.Cyrillic, unicode.Greek)
		}
		from = max(to, from+1)
	}
	return out
}

// scripts are those that names come in; all others are called Sign.
var scripts = []string{"Arabic", "Armenian", "Bengali", "Devanagari", "Ethiopic", "Georgian", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hebrew", "Hiragana", "Kannada", "Katakana", "Khmer", "Lao", "Malayalam", "Sinhala", "Tamil", "Telugu", "Thai"}

func scriptOf(r rune) string {
	for _, s := range scripts {
		if unicode.Is(unicode.Scripts[s], r) {
			return s
		}
	}
	return "Sign"
}

// shortened cuts the middle out of a text so that it is at most as wide as
// there is room. width measures.
func shortened(s string, room int, width func(string) int) string {
	if width(s) <= room {
		return s
	}
	runes := []rune(s)
	low, high := 0, len(runes)-1 // as many runes as fit
	cut := func(n int) string {
		return strings.TrimSpace(string(runes[:n-n/2])) + "…" + strings.TrimSpace(string(runes[len(runes)-n/2:]))
	}
	for low < high {
		if n := (low + high + 1) / 2; width(cut(n)) <= room {
			low = n
		} else {
			high = n - 1
		}
	}
	return cut(low)
}
