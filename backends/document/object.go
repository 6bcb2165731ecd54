package document

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Object is one JSON object as far as it can matter. It lasts until its reader
// begins with another record; its values are pieces of the text that was read.
type Object struct {
	reader  *Reader
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

// errInvalid is what all errors of a reader begin with.
var errInvalid = errors.New("a record is no valid JSON")

func invalid(what string, at int) error {
	return fmt.Errorf("%w: %s %d bytes after its beginning", errInvalid, what, at)
}

// Reader reads objects, one record after the other. It is not for concurrent use.
type Reader struct {
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

// Scan reads the object at which a text stands, and goes on behind it. All of it
// has to be JSON.
func (r *Reader) Scan(t *Text) (*Object, error) {
	o := r.object("")
	return o, t.members(func(quoted string) error {
		value, err := t.Value()
		if err != nil {
			return err
		}
		return o.member(quoted, value)
	})
}

// member takes over a member whose name is wanted.
func (o *Object) member(quoted, value string) error {
	o.size++
	name, ok := unquoted(quoted)
	if !ok {
		return nil // what cannot be read is the name of nothing that is wanted
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
func (o *Object) add(m member) {
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

func (o *Object) keep(m member) {
	if o.index != nil {
		o.index[m.spelling.Name] = len(o.members)
	}
	o.members = append(o.members, m)
}

// Size is the number of all members.
func (o *Object) Size() int { return o.size }

// Members implements grid.Object.
func (o *Object) Members() iter.Seq2[grid.Spelling, grid.Value] {
	return func(yield func(grid.Spelling, grid.Value) bool) {
		for i := range o.members {
			if !yield(o.members[i].spelling, o.members[i].value) {
				return
			}
		}
	}
}

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
