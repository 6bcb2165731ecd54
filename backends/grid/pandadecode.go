package grid

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// PandaUnquote decodes the percent encoding of job parameters as the worker
// node does, which is Python's urllib.parse.unquote: a broken escape stays as it
// is, a plus is a plus, and bytes that are no UTF-8 become U+FFFD, one for each
// part that could have begun a character.
func PandaUnquote(s string) string {
	s = validText(s)
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	out, n, beyond := make([]byte, len(s)), 0, byte(0)
	for i := 0; i < len(s); n++ {
		c := s[i]
		if c == '%' && i+2 < len(s) {
			if high, low := hexDigit[s[i+1]], hexDigit[s[i+2]]; high|low < 16 {
				c = high<<4 | low
				i += 2
			}
		}
		out[n] = c
		beyond |= c
		i++
	}
	if out = out[:n]; beyond < utf8.RuneSelf || utf8.Valid(out) {
		return string(out)
	}
	return replaceInvalid(out)
}

// validText replaces what is no UTF-8; nearly all text is, which is seen faster.
func validText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// hexDigit is the value of each hexadecimal digit, 255 for other bytes.
var hexDigit = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()

// replaceInvalid replaces what is no UTF-8.
func replaceInvalid(b []byte) string {
	var out strings.Builder
	out.Grow(len(b) + len(b)/8)
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		if r == utf8.RuneError && n == 1 {
			n = begun(b)
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String()
}

// begun is the length of the longest beginning of b, which is no character, that
// a character could have.
func begun(b []byte) int {
	low, high, more := byte(0x80), byte(0xBF), 0
	switch c := b[0]; {
	case c >= 0xC2 && c <= 0xDF:
		more = 1
	case c == 0xE0:
		low, more = 0xA0, 2
	case c == 0xED:
		high, more = 0x9F, 2
	case c >= 0xE1 && c <= 0xEF:
		more = 2
	case c == 0xF0:
		low, more = 0x90, 3
	case c == 0xF4:
		high, more = 0x8F, 3
	case c >= 0xF1 && c <= 0xF3:
		more = 3
	}
	n := 1
	for n <= more && n < len(b) && b[n] >= low && b[n] <= high {
		low, high = 0x80, 0xBF
		n++
	}
	return n
}

// Visible makes one line of foreign text in which nothing is hidden: control
// characters become their pictures, such as ␛ and ␊, and characters that show
// nothing or turn text around become their names, such as ⟨U+202E⟩.
func Visible(s string) string {
	s = validText(s)
	at := hidden(s)
	if at < 0 {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + len(s)/8)
	for at >= 0 {
		out.WriteString(s[:at])
		r, n := utf8.DecodeRuneInString(s[at:])
		switch {
		case r < ' ':
			out.WriteRune('\u2400' + r)
		case r == 0x7f:
			out.WriteRune('\u2421')
		case shows(r):
			out.WriteRune(r)
		default:
			fmt.Fprintf(&out, "⟨U+%04X⟩", r)
		}
		s = s[at+n:]
		at = hidden(s)
	}
	out.WriteString(s)
	return out.String()
}

// hidden is where the first character is that may not be shown as it is; -1 for
// none.
func hidden(s string) int {
	for i := range len(s) {
		if s[i]-0x20 < 0x5f { // printable ASCII
			continue
		}
		if s[i] < utf8.RuneSelf {
			return i
		}
		if utf8.RuneStart(s[i]) {
			if r, _ := utf8.DecodeRuneInString(s[i:]); !shows(r) {
				return i
			}
		}
	}
	return -1
}

// shows reports whether a character beyond ASCII can be seen and moves nothing.
func shows(r rune) bool {
	return r == ' ' || unicode.IsPrint(r) && !unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}
