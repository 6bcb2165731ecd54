package console

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMarks is how many combining marks may stand on one letter; more would
// paint over the lines above.
const maxMarks = 2

// visible returns foreign text as one line in which every character can be
// seen: a newline is ⏎, other control characters are their pictures, anything
// invisible, reordering or unassigned is its code point, a stray byte its value.
// Spaces other than the plain one are invisible in that sense: two names that
// differ must look different.
func visible(s string) string {
	var b strings.Builder
	marks := maxMarks // a mark at the beginning would stand on something else than this text
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		mark := unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Me, r)
		switch {
		case mark:
			marks++
		case r == ' ':
			marks = maxMarks
		default:
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, "⟨0x%02X⟩", s[i])
		case r == '\n':
			b.WriteRune('⏎')
		case r < ' ':
			b.WriteRune(0x2400 + r)
		case r == 0x7f:
			b.WriteRune('␡')
		case hidden(r) || mark && marks > maxMarks:
			fmt.Fprintf(&b, "⟨U+%04X⟩", r)
		default:
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

// hidden reports whether a character cannot be told from nothing or from a
// plain space, or changes how its neighbours are shown.
func hidden(r rune) bool {
	switch {
	case r == ' ':
		return false
	case !unicode.IsGraphic(r), unicode.Is(unicode.Zs, r), unicode.Is(unicode.Variation_Selector, r):
		return true
	}
	switch r {
	case 0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x2800, 0x3164, 0xFFA0: // joiners, fillers and blanks that count as graphic
		return true
	}
	return false
}
