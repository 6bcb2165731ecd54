package discord

import (
	"net/url"
	"strings"
)

// names are the emoji that mean something to the program, by their signs.
var names = map[string]string{
	"👍": "+1", "👎": "-1", "✅": "white_check_mark", "❌": "x", "⛔": "no_entry", "🚫": "no_entry_sign", "📌": "pushpin", "👀": "eyes",
}

// nameOf normalises a reaction. Skin tones and the sign that asks for colours say
// nothing. An emoji that somebody made for the server is never one of Discord's own,
// whatever it is called.
func nameOf(sign, custom string) string {
	if custom != "" {
		return "custom:" + custom
	}
	sign = strings.Map(func(r rune) rune {
		if r == 0xfe0f || r >= 0x1f3fb && r <= 0x1f3ff {
			return -1
		}
		return r
	}, sign)
	if name := names[sign]; name != "" {
		return name
	}
	return cut(sign, 64)
}

// emojiOf is the sign of a name as it stands in an address.
func emojiOf(name string) (string, bool) {
	for sign, n := range names {
		if n == name || name == "thumbsup" && n == "+1" || name == "thumbsdown" && n == "-1" {
			return url.PathEscape(sign), true
		}
	}
	return "", false
}
