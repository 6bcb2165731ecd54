package document

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// decodeValue decodes any value. The plain ones need no decoder.
func decodeValue(text string) (grid.Value, error) {
	switch c := text[0]; {
	case c == '"' && isPlain(text[1:len(text)-1]):
		return grid.TextValue(text[1 : len(text)-1]), nil
	case isNumber(text):
		return grid.NumberValue(text), nil
	// The JSON of other languages has numbers that are none. A job's owner can set
	// them; they must not keep the job out of the store.
	case text == "null", text == "NaN", text == "Infinity", text == "-Infinity":
		return grid.Value{}, nil
	case text == "true", text == "false":
		return grid.ValueOf(text == "true"), nil
	case c == '[':
		if v, ok := decodeList(text); ok {
			return v, nil
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // a number too large for a float is no reason to lose a job
	var v any
	if err := d.Decode(&v); err != nil {
		return grid.Value{}, fmt.Errorf("%w: %w", errInvalid, err)
	}
	if d.InputOffset() != int64(len(text)) {
		return grid.Value{}, fmt.Errorf("%w: two values stand together", errInvalid)
	}
	return grid.ValueOf(v), nil
}

// decodeList decodes a list of plain strings, which is what records have.
func decodeList(text string) (grid.Value, bool) {
	var room [8]grid.Value
	elements := room[:0]
	for at := blanks(text, 1); ; {
		from := at
		at = stringEnd(text, at)
		if at == 0 || !isPlain(text[from+1:at-1]) {
			return grid.Value{}, false
		}
		elements = append(elements, grid.TextValue(text[from+1:at-1]))
		switch at = blanks(text, at); {
		case at == len(text)-1: // valueEnd found what closes it
			return grid.ListValue(elements), true
		case at == len(text) || text[at] != ',':
			return grid.Value{}, false
		}
		at = blanks(text, at+1)
	}
}

// isNumber tells whether text is a number of JSON.
func isNumber(text string) bool {
	digits := func(at int) int {
		for at < len(text) && '0' <= text[at] && text[at] <= '9' {
			at++
		}
		return at
	}
	from := 0
	if text[0] == '-' {
		from = 1
	}
	at := digits(from)
	if at == from || text[from] == '0' && at > from+1 {
		return false
	}
	if at < len(text) && text[at] == '.' {
		from = at + 1
		if at = digits(from); at == from {
			return false
		}
	}
	if at < len(text) && (text[at] == 'e' || text[at] == 'E') {
		from = at + 1
		if from < len(text) && (text[from] == '+' || text[from] == '-') {
			from++
		}
		if at = digits(from); at == from {
			return false
		}
	}
	return at == len(text)
}

// isPlain tells whether text in quotes means itself.
func isPlain(text string) bool {
	ascii := true
	for i := range len(text) {
		switch c := text[i]; {
		case c < ' ', c == '\\':
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return ascii || utf8.ValidString(text)
}

func hasEscape(text string) bool { return strings.IndexByte(text, '\\') >= 0 }

func blanks(text string, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// stringEnd gives where the string ends that begins here; 0 when none does.
func stringEnd(text string, at int) int {
	if at >= len(text) || text[at] != '"' {
		return 0
	}
	for at++; ; at++ {
		i := strings.IndexByte(text[at:], '"')
		if i < 0 {
			return 0
		}
		at += i
		escapes := 0
		for text[at-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return at + 1
		}
	}
}

// valueEnd gives where the value ends that begins here; 0 when none does.
func valueEnd(text string, at int) int {
	if at >= len(text) {
		return 0
	}
	switch text[at] {
	case '"':
		return stringEnd(text, at)
	case '{', '[':
		depth := 0
		for ; at < len(text); at++ {
			switch text[at] {
			case '"':
				if at = stringEnd(text, at) - 1; at < 0 {
					return 0
				}
			case '{', '[':
				depth++
			case '}', ']':
				if depth--; depth == 0 {
					return at + 1
				}
			}
		}
		return 0
	}
	from := at
	for at < len(text) && isBare(text[at]) {
		at++
	}
	if at == from {
		return 0
	}
	return at
}

// isBare knows the letters of numbers and words.
func isBare(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '+' || c == '.'
}
