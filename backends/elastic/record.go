package elastic

import (
	"iter"
	"strings"

	"github.com/gridwarden/gridwarden/backends/document"
	"github.com/gridwarden/gridwarden/backends/grid"
)

// hit is what surrounds a document in an answer.
type hit struct{ source *document.Object }

// Members implements grid.Object.
func (hit) Members() iter.Seq2[grid.Spelling, grid.Value] {
	return func(func(grid.Spelling, grid.Value) bool) {}
}

// Inner implements grid.Object.
func (h hit) Inner(name, _ string) (grid.Object, bool) {
	return h.source, name == "_source"
}

// reader reads the documents of one share. It is not for concurrent use.
type reader struct {
	source string      // of records, by name
	only   *grid.Query // whose jobs are wanted; nil: all

	documents document.Reader
	records   grid.Reader
	texts     map[string]string
	size      int // of the texts
}

// document reads the document at which a text stands. ok is false of a job that is
// not wanted; err is not nil of a document that is no record.
func (r *reader) document(t *document.Text) (j grid.Job, ok bool, err error) {
	r.documents.Begin()
	o, err := r.documents.Scan(t)
	if err != nil {
		return grid.Job{}, false, err
	}
	ok = true
	if r.only == nil {
		j, err = r.records.Job(hit{o}, r.source)
	} else {
		j, ok, err = r.records.Match(*r.only, hit{o}, r.source)
	}
	if failed := r.documents.Failed(); failed != nil {
		err = failed
	}
	if err != nil || !ok {
		return grid.Job{}, false, err
	}
	j.EachText(r.own)
	return j, true, nil
}

// maxTexts bounds what a reader remembers, in bytes.
const maxTexts = 1 << 20

// own replaces a text by one that stands alone: otherwise the whole page would stay
// in memory for it. Most texts come again and again, and are kept once.
func (r *reader) own(s *string) {
	kept, ok := r.texts[*s]
	if !ok {
		if r.texts == nil || r.size > maxTexts {
			r.texts, r.size = map[string]string{}, 0
		}
		kept = strings.Clone(*s)
		r.texts[kept] = kept
		r.size += len(kept)
	}
	*s = kept
}
