package document

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Object is one JSON object as far as it can matter. It lasts until its reader
// begins with another record; its values are pieces of the text that was read.
type Object struct {
	reader  *Reader
	prefix  string // that its names are known by
	members []grid.Member
	had     [4]uint64      // bits of the attributes of members
	index   map[string]int // of members by name, once two are of one attribute
	inner   []inner
	size    int // of all members
}

// inner is what surrounds records in dumps.
type inner struct{ name, text string }

// errInvalid is what all errors of a reader begin with.
var errInvalid = errors.New("a record is no valid JSON")

func invalid(what string, at int) error {
	return fmt.Errorf("%w: %s %d bytes after its beginning", errInvalid, what, at)
}

// Reader reads objects, one record after the other. It is not for concurrent use.
type Reader struct {
	names   names
	objects []*Object // those of the record, and more to use
	used    int
	failed  error
}

// Begin forgets the record before.
func (r *Reader) Begin() { r.used, r.failed = 0, nil }

// Failed says what was wrong with an object inside of those that were read, which
// was opened by [Object.Inner] since.
func (r *Reader) Failed() error { return r.failed }

// object gives one to read into.
func (r *Reader) object(prefix string) *Object {
	if r.used == len(r.objects) {
		r.objects = append(r.objects, &Object{reader: r})
	}
	o := r.objects[r.used]
	r.used++
	o.prefix, o.members, o.index, o.inner, o.size = prefix, o.members[:0], nil, o.inner[:0], 0
	o.had = [4]uint64{}
	return o
}

// Read reads the object that text is, from its first byte to its last. Members
// that nobody asks for are passed over, so that a value that only Python takes for
// JSON, such as NaN, costs no job.
func (r *Reader) Read(text string) (*Object, error) {
	o := r.object("")
	return o, o.read(text)
}

func (o *Object) read(text string) error {
	if text == "" || text[0] != '{' {
		return invalid("an object was expected", 0)
	}
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
		n := nameOf(name, o.prefix)
		if err := o.member(&n, text[value:at]); err != nil {
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

// Scan reads the object at which a text stands, and goes on behind it. All of it
// has to be JSON.
func (r *Reader) Scan(t *Text) (*Object, error) {
	o := r.object("")
	if !t.IsObject() {
		return o, ErrText
	}
	r.names.begin()
	empty, err := t.open('}')
	for last := empty; !last && err == nil; {
		n := r.names.next(t)
		if n == nil {
			return o, ErrText
		}
		from := t.at
		if !t.pass() {
			return o, ErrText
		}
		value := t.text[from:t.at]
		switch first := value[0]; {
		case n.use != wanted:
			err = o.member(n, value)
		case first == '"' && t.plain:
			o.size++
			o.add(grid.Member{Attribute: n.attribute, Name: n.plain, Value: grid.TextValue(value[1 : len(value)-1])})
		case first == '-' || '0' <= first && first <= '9': // that it is a number was seen when it was passed
			o.size++
			o.add(grid.Member{Attribute: n.attribute, Name: n.plain, Value: grid.NumberValue(value)})
		default:
			err = o.member(n, value)
		}
		if err != nil {
			return o, err
		}
		last, err = t.next('}')
	}
	return o, err
}

// member takes over a member whose name is wanted.
func (o *Object) member(n *name, value string) error {
	o.size++
	switch n.use {
	case unwanted:
		return nil
	case surrounds:
		o.surrounding(n.plain, value)
		return nil
	}
	v, err := decodeValue(value)
	if err != nil {
		return err
	}
	o.add(grid.Member{Attribute: n.attribute, Name: n.plain, Value: v})
	return nil
}

// unquoted gives the name that a string is.
func unquoted(quoted string) (string, bool) {
	name := quoted[1 : len(quoted)-1]
	if !hasEscape(name) {
		return name, true
	}
	var plain string
	err := json.Unmarshal([]byte(quoted), &plain)
	return plain, err == nil
}

// surrounding keeps what may hold the record, unread. Of two with one name the
// last counts, as everywhere in JSON.
func (o *Object) surrounding(name, value string) {
	for i := range o.inner {
		if o.inner[i].name == name {
			o.inner[i].text = value
			return
		}
	}
	o.inner = append(o.inner, inner{name, value})
}

// add keeps one member of each spelling: the last.
func (o *Object) add(m grid.Member) {
	word, bit := &o.had[m.Attribute>>6], uint64(1)<<(m.Attribute&63)
	if *word&bit == 0 {
		*word |= bit
		o.keep(m)
		return
	}
	if o.index == nil {
		o.index = make(map[string]int, len(o.members))
		for i, kept := range o.members {
			o.index[kept.Name] = i
		}
	}
	if i, ok := o.index[m.Name]; ok {
		o.members[i] = m
		return
	}
	o.keep(m)
}

func (o *Object) keep(m grid.Member) {
	if o.index != nil {
		o.index[m.Name] = len(o.members)
	}
	o.members = append(o.members, m)
}

// Size is the number of all members.
func (o *Object) Size() int { return o.size }

// Members implements grid.Object.
func (o *Object) Members() []grid.Member { return o.members }

// Inner implements grid.Object.
func (o *Object) Inner(name, prefix string) (grid.Object, bool) {
	text, ok := o.Surrounds(name)
	if !ok {
		return nil, false
	}
	in := o.reader.object(prefix)
	if err := in.read(text); err != nil {
		o.reader.failed = err
		return nil, false
	}
	return in, true
}

// Surrounds gives the text of a member that is an object, of those that surround
// records: _source, data, doc, metadata and the actions of a _bulk file.
func (o *Object) Surrounds(name string) (string, bool) {
	for _, in := range o.inner {
		if in.name == name {
			return in.text, in.text[0] == '{'
		}
	}
	return "", false
}
