package elastic

import (
	"strings"

	"github.com/gridwarden/gridwarden/backends/document"
	"github.com/gridwarden/gridwarden/backends/grid"
)

// hit is what surrounds a document in an answer.
type hit struct{ source *document.Object }

// Members implements grid.Object.
func (hit) Members() []grid.Member { return nil }

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
	size      int      // of the texts
	latest    []string // the texts of the latest job, in the order of EachText
}

// document reads the document at which a text stands; nil when its job is not
// wanted. Where all are, there is no more than the job. err is not nil of a document
// that is no record.
func (r *reader) document(t *document.Text) (*grid.Sighting, error) {
	r.documents.Begin()
	o, err := r.documents.Scan(t)
	if err != nil {
		return nil, err
	}
	s, ok := grid.Sighting{}, true
	if r.only == nil {
		s.Job, err = r.records.Job(hit{o}, r.source)
	} else {
		s, ok, err = r.records.Match(*r.only, hit{o}, r.source)
	}
	if failed := r.documents.Failed(); failed != nil {
		err = failed
	}
	if err != nil || !ok {
		return nil, err
	}
	kept := s // what is not kept, as most, needs no place in memory
	n := 0
	own := func(s *string) { r.own(s, n); n++ }
	own(&kept.Host)
	kept.Job.EachText(own)
	return &kept, nil
}

// maxTexts bounds what a reader remembers, in bytes.
const maxTexts = 1 << 20

// own replaces the nth text of a job by one that stands alone: otherwise the whole
// page would stay in memory for it. Most texts come again and again, many in the next
// job, and are kept once.
func (r *reader) own(s *string, n int) {
	for n >= len(r.latest) {
		r.latest = append(r.latest, "")
	}
	if *s == r.latest[n] {
		*s = r.latest[n]
		return
	}
	kept, ok := r.texts[*s]
	if !ok {
		if r.texts == nil || r.size > maxTexts {
			r.texts, r.size = map[string]string{}, 0
		}
		kept = strings.Clone(*s)
		r.texts[kept] = kept
		r.size += len(kept)
	}
	*s, r.latest[n] = kept, kept
}
