package history

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// object is one JSON object as far as it can matter.
type object struct {
	wanted map[string]any // what grid asks for, and what surrounds records in dumps
	size   int            // of all members
}

// readObject reads the object that text is, which a splitter found. Of the
// hundreds of attributes of a record it decodes the ones that are wanted; the
// others are passed over, so that a value that only Python takes for JSON, such
// as NaN, costs no job.
//
// into is emptied and used for what is wanted.
func readObject(text []byte, into map[string]any) (object, error) {
	clear(into)
	o := object{wanted: into}
	at := blanks(text, 1)
	for at < len(text) && text[at] != '}' {
		key := at
		at = stringEnd(text, at)
		if at == 0 {
			return o, invalid("a name was expected", key)
		}
		name := text[key:at]
		if at = blanks(text, at); at == len(text) || text[at] != ':' {
			return o, invalid("a colon was expected", at)
		}
		value := blanks(text, at+1)
		if at = valueEnd(text, value); at == 0 {
			return o, invalid("a value was expected", value)
		}
		o.size++
		if err := o.member(name, text[value:at]); err != nil {
			return o, err
		}
		switch at = blanks(text, at); {
		case at == len(text) || text[at] != ',' && text[at] != '}':
			return o, invalid("a comma was expected", at)
		case text[at] == ',':
			if at = blanks(text, at+1); at < len(text) && text[at] == '}' {
				return o, invalid("a name was expected", at)
			}
		}
	}
	if at != len(text)-1 {
		return o, invalid("the end was expected", at)
	}
	return o, nil
}

func invalid(what string, at int) error {
	return fmt.Errorf("a record is no valid JSON: %s %d bytes after its beginning", what, at)
}

// member takes over a member whose name is wanted.
func (o *object) member(quoted, value []byte) error {
	name := quoted[1 : len(quoted)-1]
	if bytes.IndexByte(name, '\\') >= 0 {
		var plain string
		if err := json.Unmarshal(quoted, &plain); err != nil {
			return nil //nolint:nilerr // what cannot be read is the name of nothing that is wanted
		}
		name = []byte(plain)
	}
	inner := false
	switch string(name) {
	case "_source", "data", "doc":
		inner = true
	case "metadata", "index", "create", "update", "delete":
	default:
		if _, asked := grid.AttributeNamed(string(name)); !asked {
			return nil
		}
	}
	var v any
	var err error
	if inner && value[0] == '{' {
		var in object
		in, err = readObject(value, make(map[string]any, 64))
		v = in.wanted
	} else {
		v, err = decodeValue(value)
	}
	if err != nil {
		return err
	}
	o.wanted[string(name)] = v
	return nil
}

// decodeValue decodes any value. The plain ones need no decoder.
func decodeValue(text []byte) (any, error) {
	switch c := text[0]; {
	case c == '"' && isPlain(text[1:len(text)-1]):
		return string(text[1 : len(text)-1]), nil
	case '1' <= c && c <= '9' && len(bytes.Trim(text, "0123456789")) == 0:
		return json.Number(text), nil
	case string(text) == "null":
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber() // a number too large for a float is no reason to lose a job
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("a record is no valid JSON: %w", err)
	}
	if d.InputOffset() != int64(len(text)) {
		return nil, errors.New("a record is no valid JSON: two values stand together")
	}
	return v, nil
}

// isPlain tells whether text in quotes means itself.
func isPlain(text []byte) bool {
	for _, c := range text {
		if c < ' ' || c >= 0x7F || c == '\\' {
			return false
		}
	}
	return true
}

func blanks(text []byte, at int) int {
	for at < len(text) && (text[at] == ' ' || text[at] == '\n' || text[at] == '\r' || text[at] == '\t') {
		at++
	}
	return at
}

// stringEnd gives where the string ends that begins here; 0 when none does.
func stringEnd(text []byte, at int) int {
	if at >= len(text) || text[at] != '"' {
		return 0
	}
	for at++; ; at++ {
		i := bytes.IndexByte(text[at:], '"')
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
func valueEnd(text []byte, at int) int {
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
