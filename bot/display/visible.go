package display

import (
	"fmt"
	"strings"
	"unicode"
)

// Visible shows what would break a line, turn its direction or not be seen. A
// value from a record may not look like another one, nor like a line of the answer.
func Visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return r == unicode.ReplacementChar || !unicode.IsGraphic(r) || unicode.Is(unicode.Variation_Selector, r)
	}) {
		return s
	}
	var b strings.Builder
	for _, r := range s { // broken UTF-8 becomes U+FFFD
		switch {
		case r == '\n':
			b.WriteRune('⏎')
		case r < ' ':
			b.WriteRune(0x2400 + r) // its picture
		case r == 0x7f:
			b.WriteRune('␡')
		case !unicode.IsGraphic(r), unicode.Is(unicode.Variation_Selector, r):
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
