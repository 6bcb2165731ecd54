package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// object is one JSON object as far as it can matter.
type object struct {
	reader  *reader
	prefix  string // that its names are known by
	members []member
	had     [4]uint64      // bits of the attributes of members
	index   map[string]int // of members by name, once two are of one attribute
	inner   []inner
	size    int // of all members
}

// member is one that grid asks for.
type member struct {
	spelling grid.Spelling
	value    grid.Value
}

// inner is what surrounds records in dumps.
type inner struct{ name, text string }

// read reads the object that text is, which a splitter found. Of the hundreds of
// attributes of a record it decodes the ones that are wanted; the others are passed
// over, so that a value that only Python takes for JSON, such as NaN, costs no job.
func (o *object) read(text, prefix string) error {
	o.prefix, o.members, o.index, o.inner, o.size = prefix, o.members[:0], nil, o.inner[:0], 0
	o.had = [4]uint64{}
	at := blanks(text, 1)
	for at < len(text) && text[at] != '}' {
		key := at
		at = stringEnd(text, at)
		if at == 0 {
			return invalid("a name was expected", key)
		}
		name := text[key:at]
		if at = blanks(text, at); at == len(text) || text[at] != ':' {
			return invalid("a colon was expected", at)
		}
		value := blanks(text, at+1)
		if at = valueEnd(text, value); at == 0 {
			return invalid("a value was expected", value)
		}
		o.size++
		if err := o.member(name, text[value:at]); err != nil {
			return err
		}
		switch at = blanks(text, at); {
		case at == len(text) || text[at] != ',' && text[at] != '}':
			return invalid("a comma was expected", at)
		case text[at] == ',':
			if at = blanks(text, at+1); at < len(text) && text[at] == '}' {
				return invalid("a name was expected", at)
			}
		}
	}
	if at != len(text)-1 {
		return invalid("the end was expected", at)
	}
	return nil
}

func invalid(what string, at int) error {
	return fmt.Errorf("a record is no valid JSON: %s %d bytes after its beginning", what, at)
}

// member takes over a member whose name is wanted.
func (o *object) member(quoted, value string) error {
	name := quoted[1 : len(quoted)-1]
	if strings.IndexByte(name, '\\') >= 0 {
		var plain string
		if err := json.Unmarshal([]byte(quoted), &plain); err != nil {
			return nil //nolint:nilerr // what cannot be read is the name of nothing that is wanted
		}
		name = plain
	}
	switch name {
	case "_source", "data", "doc", "metadata", "index", "create", "update", "delete":
		o.surrounding(name, value)
		return nil
	}
	known := name
	if o.prefix != "" {
		known = o.prefix + name
	}
	attribute, asked := grid.AttributeNamed(known)
	if !asked {
		return nil
	}
	v, err := decodeValue(value)
	if err != nil {
		return err
	}
	o.add(member{grid.Spelling{Attribute: attribute, Name: name}, v})
	return nil
}

// surrounding keeps what may hold the record, unread. Of two with one name the
// last counts, as everywhere in JSON.
func (o *object) surrounding(name, value string) {
	for i := range o.inner {
		if o.inner[i].name == name {
			o.inner[i].text = value
			return
		}
	}
	o.inner = append(o.inner, inner{name, value})
}

// add keeps one member of each spelling: the last.
func (o *object) add(m member) {
	word, bit := &o.had[m.spelling.Attribute>>6], uint64(1)<<(m.spelling.Attribute&63)
	if *word&bit == 0 {
		*word |= bit
		o.keep(m)
		return
	}
	if o.index == nil {
		o.index = make(map[string]int, len(o.members))
		for i, kept := range o.members {
			o.index[kept.spelling.Name] = i
		}
	}
	if i, ok := o.index[m.spelling.Name]; ok {
		o.members[i] = m
		return
	}
	o.keep(m)
}

func (o *object) keep(m member) {
	if o.index != nil {
		o.index[m.spelling.Name] = len(o.members)
	}
	o.members = append(o.members, m)
}

// Members implements grid.Object.
func (o *object) Members() iter.Seq2[grid.Spelling, grid.Value] {
	return func(yield func(grid.Spelling, grid.Value) bool) {
		for i := range o.members {
			if !yield(o.members[i].spelling, o.members[i].value) {
				return
			}
		}
	}
}

// Inner implements grid.Object.
func (o *object) Inner(name, prefix string) (grid.Object, bool) {
	text, ok := o.surrounds(name)
	if !ok {
		return nil, false
	}
	in := o.reader.object()
	if err := in.read(text, prefix); err != nil {
		o.reader.failed = err
		return nil, false
	}
	return in, true
}

// surrounds gives the text of a member that is an object.
func (o *object) surrounds(name string) (string, bool) {
	for _, in := range o.inner {
		if in.name == name {
			return in.text, in.text[0] == '{'
		}
	}
	return "", false
}

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
	case c == '[':
		if v, ok := decodeList(text); ok {
			return v, nil
		}
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber() // a number too large for a float is no reason to lose a job
	var v any
	if err := d.Decode(&v); err != nil {
		return grid.Value{}, fmt.Errorf("a record is no valid JSON: %w", err)
	}
	if d.InputOffset() != int64(len(text)) {
		return grid.Value{}, errors.New("a record is no valid JSON: two values stand together")
	}
	return grid.ValueOf(v), nil
}

// decodeList decodes a list of plain strings, which is what records have.
func decodeList(text string) (grid.Value, bool) {
	var elements []grid.Value
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
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7F || c == '\\' {
			return false
		}
	}
	return true
}

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
