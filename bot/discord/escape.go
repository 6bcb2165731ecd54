package discord

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/display"
)

// zero is a character without width. It stands between an @ and a name, which
// servers look for even where a client would show it as text, and between two
// runs of text, whose marks could be one together. Commands that are copied with
// it are read without it.
const zero = "\u200b"

// span renders one run of text. Nothing of it is live.
func span(s bot.Span) string {
	text := display.Visible(s.Text)
	if strings.TrimSpace(text) == "" {
		return text
	}
	switch s.Style {
	case bot.Code:
		return "`" + fenced(text) + "`"
	case bot.Bold:
		return around("**", text)
	case bot.Italic:
		return around("*", text)
	}
	return escape(text)
}

// fenced is text for inside of code, where nothing is live and nothing can be
// escaped: a backtick becomes a letter that looks like one. Discord takes three
// of them for a block of code wherever they stand, so that a longer fence does
// not help.
func fenced(text string) string { return strings.ReplaceAll(text, "`", "ˋ") }

// around sets a mark on both sides of the words; spaces stay outside, where
// the mark still works.
func around(mark, text string) string {
	inner := strings.TrimSpace(text)
	before, after, _ := strings.Cut(text, inner)
	return before + mark + escape(inner) + mark + after
}

// invite is an address that Discord makes an invitation of without a scheme.
var invite = regexp.MustCompile(`(?i)(discord(?:app)?)\.(gg|com|me|io|li|gift|new)`)

// escape takes the power from every sign that has some.
func escape(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case strings.ContainsRune("\\`*_~|<>[]", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '@':
			b.WriteString("@" + zero)
		case r == ':' && (i+1 == len(runes) || runes[i+1] == '/'): // an address, or the next run makes it one
			b.WriteString("\\:")
		default:
			b.WriteRune(r)
		}
	}
	return invite.ReplaceAllString(b.String(), `$1\.$2`)
}

var (
	marker = regexp.MustCompile(`^(\s*)([#+-])`)
	number = regexp.MustCompile(`^(\s*[0-9]+)([.)])`)
)

// markup renders a Text as one line that can begin no list, quote or heading.
func markup(t bot.Text) string {
	var b strings.Builder
	for _, s := range t {
		text := span(s)
		if last, _ := utf8.DecodeLastRuneInString(b.String()); b.Len() > 0 && last != ' ' && text != "" && text[0] != ' ' {
			b.WriteString(zero)
		}
		b.WriteString(text)
	}
	return number.ReplaceAllString(marker.ReplaceAllString(b.String(), `$1\$2`), `$1\$2`)
}

// length counts in UTF-16, which is never less than what Discord counts.
func length(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r > 0xffff {
			n++
		}
	}
	return n
}

// cut bounds a text by length, and says so.
func cut(s string, most int) string {
	if length(s) <= most {
		return s
	}
	n := 0
	for i, r := range s {
		if n++; r > 0xffff {
			n++
		}
		if n > most-1 {
			return s[:i] + "…"
		}
	}
	return s
}
