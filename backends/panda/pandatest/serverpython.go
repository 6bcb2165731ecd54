package pandatest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
)

// field and object are a dictionary of Python, which keeps its order.
type field struct {
	name  string
	value any
}

type object []field

// answer is the body of every answer of the API that is no refusal at the door.
func answer(success bool, message string, data any) object {
	return object{{"success", success}, {"message", message}, {"data", data}}
}

// asJSON writes a value as Python's json.dumps does: with blanks, in ASCII.
func asJSON(v any) string {
	return written(v, dialect{null: "null", yes: "true", no: "false", quote: quoteJSON})
}

// asText writes a value as Python's str does.
func asText(v any) string {
	return written(v, dialect{null: "None", yes: "True", no: "False", quote: quotePython})
}

type dialect struct {
	null, yes, no string
	quote         func(string) string
}

func written(v any, d dialect) string {
	switch v := v.(type) {
	case nil:
		return d.null
	case bool:
		if v {
			return d.yes
		}
		return d.no
	case string:
		return d.quote(v)
	case object:
		parts := make([]string, len(v))
		for i, f := range v {
			parts[i] = d.quote(f.name) + ": " + written(f.value, d)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case []any:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = written(e, d)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any: // parsed JSON, which is written in the order of its keys
		return written(sortedObject(v), d)
	}
	return fmt.Sprint(v) // numbers
}

func quoteJSON(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case r >= ' ' && r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String() + `"`
}

func quotePython(s string) string {
	quote := "'"
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = `"`
	}
	return quote + strings.NewReplacer(`\`, `\\`, quote, `\`+quote, "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(s) + quote
}

// typeName is what Python calls the type of a value that came as JSON or in a query.
func typeName(v any) string {
	switch v := v.(type) {
	case nil:
		return "NoneType"
	case bool:
		return "bool"
	case string:
		return "str"
	case []any:
		return "list"
	case json.Number:
		if isInt(v) {
			return "int"
		}
		return "float"
	}
	return "dict"
}

func isInt(n json.Number) bool { return !strings.ContainsAny(n.String(), ".eE") }

// integer is an int of Python that fits a PandaID. A bool is an int there.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	case json.Number:
		n, err := strconv.ParseInt(v.String(), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// parseJSON reads a body. An error has the words of Python's json, which stand
// behind "received invalid JSON : ".
func parseJSON(body []byte) (any, error) {
	if len(bytes.TrimSpace(body)) == 0 {
		return nil, fmt.Errorf("Expecting value: line 1 column 1 (char 0)") //nolint:staticcheck // these are the server's words
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("Expecting value: line 1 column %d (char %d)", d.InputOffset()+1, d.InputOffset()) //nolint:staticcheck // these are the server's words
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("Extra data: line 1 column %d (char %d)", d.InputOffset()+1, d.InputOffset()) //nolint:staticcheck // these are the server's words
	}
	return v, nil
}
