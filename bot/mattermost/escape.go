package mattermost

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/bot"
)

// zero is a character without width. Between a sign and what would make it a
// mention, a link, an emoji or a list it takes the sign's power, and people see
// no difference. Commands that are copied with it are read without it.
const zero = "\u200b"

// span renders one run of text. Nothing of it is live.
func span(s bot.Span) string {
	text := seen(s.Text)
	if strings.TrimSpace(text) == "" {
		return text
	}
	switch s.Style {
	case bot.Code:
		return code(text)
	case bot.Bold:
		return around("**", text)
	case bot.Italic:
		return around("*", text)
	}
	return escape(text)
}

// around sets a mark on both sides of the words; spaces stay outside, where
// the mark still works.
func around(mark, text string) string {
	inner := strings.TrimSpace(text)
	before, after, _ := strings.Cut(text, inner)
	return before + mark + escape(inner) + mark + after
}

// code renders text in a fence that it cannot close. In code nothing is live.
func code(text string) string {
	longest, run := 0, 0
	for _, r := range text {
		if run++; r != '`' {
			run = 0
		}
		longest = max(longest, run)
	}
	fence := strings.Repeat("`", longest+1)
	if longest > 0 || strings.TrimSpace(text) != text {
		text = " " + text + " "
	}
	return fence + text + fence
}

var web = regexp.MustCompile(`(?i)(www\d{0,3})(\.)`)

// escape takes the power from every sign that has some.
func escape(text string) string {
	var b strings.Builder
	runes := []rune(text)
	for i, r := range runes {
		switch {
		case strings.ContainsRune("\\`*_[](){}!|", r):
			b.WriteByte('\\')
			b.WriteRune(r)
		case strings.ContainsRune("@#~<&", r):
			b.WriteRune(r)
			b.WriteString(zero)
		case r == ':' && (i+1 == len(runes) || runes[i+1] != ' '): // the next run of text may go on with it
			b.WriteString(":" + zero)
		case r == ';' && (i+1 == len(runes) || strings.ContainsRune("-)", runes[i+1])): // a wink
			b.WriteString(";" + zero)
		case r == '$': // formulas know no escape
			b.WriteString(zero + "`$`" + zero)
		default:
			b.WriteRune(r)
		}
	}
	return web.ReplaceAllString(b.String(), "$1"+zero+"$2")
}

// seen makes visible what would break a line, turn its direction or hide in it.
func seen(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return '⏎'
		case r < ' ':
			return 0x2400 + r // its picture
		case r == 0x7f:
			return '␡'
		case unicode.IsControl(r), r == '\u2028', r == '\u2029', unicode.Is(unicode.Bidi_Control, r),
			unicode.In(r, unicode.Cf, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point),
			unicode.Is(unicode.Co, r):
			return unicode.ReplacementChar
		case unicode.Is(unicode.Zs, r):
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
}

// line renders a Text as one line that can begin no list, quote, heading, rule,
// table or block of code.
func line(t bot.Text) string {
	var b strings.Builder
	for _, s := range t {
		text := span(s)
		// Two runs that touch could make something live together, and two fences
		// that touch are one that closes nothing.
		if last, _ := utf8.DecodeLastRuneInString(b.String()); b.Len() > 0 && last != ' ' && text != "" && text[0] != ' ' {
			b.WriteString(zero)
		}
		b.WriteString(text)
	}
	return begun(b.String())
}

func begun(s string) string {
	first, _ := utf8.DecodeRuneInString(s)
	if unicode.IsLetter(first) || first == '`' || strings.HasPrefix(s, "**") {
		return s
	}
	return zero + s
}
