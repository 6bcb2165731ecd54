package elastic

import (
	"bytes"
	"encoding/json"
	"iter"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// object is a decoded object of a document.
type object struct {
	members map[string]any
	prefix  string
}

// Members implements grid.Object.
func (o object) Members() iter.Seq2[grid.Spelling, grid.Value] {
	return func(yield func(grid.Spelling, grid.Value) bool) {
		for name, v := range o.members {
			if a, ok := grid.AttributeNamed(o.prefix + name); ok && !yield(grid.Spelling{Attribute: a, Name: name}, grid.ValueOf(v)) {
				return
			}
		}
	}
}

// Inner implements grid.Object.
func (o object) Inner(name, prefix string) (grid.Object, bool) {
	members, ok := o.members[name].(map[string]any)
	return object{members, prefix}, ok
}

// reader reads documents one after the other. It is not for concurrent use.
type reader struct{ records grid.Reader }

// job reads one document, as what a search server has: a hit with a source.
func (r *reader) job(source json.RawMessage, name string) (grid.Job, error) {
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	members := map[string]any{}
	if err := d.Decode(&members); err != nil {
		return grid.Job{}, errBody
	}
	return r.records.Job(object{members: map[string]any{"_source": members}}, name)
}
