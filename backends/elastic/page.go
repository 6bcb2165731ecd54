package elastic

import (
	"encoding/json"
	"errors"
	"io"

	es "github.com/olivere/elastic/v7"

	"github.com/gridwarden/gridwarden/backends/document"
	"github.com/gridwarden/gridwarden/backends/grid"
)

// page is what one answer with documents comes to.
type page struct {
	scroll, pit string           // where the next is
	hits        int              // documents
	last        string           // the place of the last, in JSON
	bad         int              // documents that are no records
	found       []*grid.Sighting // see reader.document
	stopped     bool             // before the search was through
	shards      *es.ShardsInfo
}

// page reads an answer, a document at a time. That it is JSON is only known at its
// end, and until then nothing of it counts. begun is given what comes before the
// documents; it may be nil.
func (r *reader) page(body io.Reader, begun func(head string)) (*page, error) {
	p := &page{}
	hit := func(t *document.Text) error {
		if r.hit(p, t) != nil {
			return errBody
		}
		return nil
	}
	rest, err := document.Elements{Path: []string{"hits", "hits"}, Begun: begun, Each: hit}.Read(body)
	if err != nil {
		return nil, err
	}
	if p.around(rest) != nil {
		return nil, errBody
	}
	return p, nil
}

// around reads what surrounds the documents, in whose places stands {}.
func (p *page) around(rest string) error {
	t, found := document.NewText(rest), false
	err := t.Object(func(name string) error {
		if name == "hits" && t.IsObject() {
			found = true
			return t.Object(func(name string) error {
				text, err := t.Value()
				if err == nil && name == "hits" {
					err = onlyObjects(text)
				}
				return err
			})
		}
		text, err := t.Value()
		if err != nil {
			return err
		}
		return p.member(name, text)
	})
	if err == nil {
		err = t.End()
	}
	if err == nil && (!found || p.shards == nil) {
		err = errBody
	}
	return err
}

// onlyObjects tells whether a list had nothing but objects.
func onlyObjects(list string) error {
	t := document.NewText(list)
	return t.List(func() error {
		if text, err := t.Value(); err != nil || text != "{}" {
			return errBody
		}
		return nil
	})
}

// member takes over what an answer says beside the hits.
func (p *page) member(name, text string) error {
	var err error
	stopped := false
	switch name {
	case "_scroll_id":
		err = json.Unmarshal([]byte(text), &p.scroll)
	case "pit_id":
		err = json.Unmarshal([]byte(text), &p.pit)
	case "_shards":
		err = json.Unmarshal([]byte(text), &p.shards)
	case "timed_out", "terminated_early":
		err = json.Unmarshal([]byte(text), &stopped)
		p.stopped = p.stopped || stopped
	}
	return err
}

// hit reads the hit at which a text stands. When it fails the page is as before.
func (r *reader) hit(p *page, t *document.Text) error {
	last := ""
	var found *grid.Sighting
	readable := false
	err := t.Object(func(name string) error {
		if name == "_source" && t.IsObject() {
			var err error
			found, err = r.document(t)
			readable = err == nil
			if errors.Is(err, grid.ErrNoJobID) {
				return nil
			}
			return err
		}
		text, err := t.Value()
		switch name {
		case "sort":
			last = text
		case "_source":
			found, readable = nil, false
		}
		return err
	})
	if err != nil {
		return err
	}
	p.hits++
	p.last = last
	switch {
	case !readable:
		p.bad++
	case found != nil:
		p.found = append(p.found, found)
	}
	return nil
}

// after gives the place of the last document, to go on from. Its numbers may be
// larger than a float can tell apart.
func (p *page) after() ([]json.RawMessage, error) {
	var places []json.RawMessage
	if err := json.Unmarshal([]byte(p.last), &places); err != nil || len(places) == 0 {
		return nil, errBody
	}
	return places, nil
}

// errEnough ends the look at an answer's beginning.
var errEnough = errors.New("enough")

// beginning reads what a server says before the hits: where the next page is, and
// how many documents all pages have. It is for asking ahead, and may be wrong.
func beginning(head string) (scroll string, total int) {
	t := document.NewText(head)
	err := t.Object(func(name string) error {
		if name == "hits" && t.IsObject() {
			return t.Object(func(name string) error {
				if name == "hits" {
					return errEnough
				}
				text, err := t.Value()
				var count struct{ Value int }
				if err == nil && name == "total" && json.Unmarshal([]byte(text), &count) == nil {
					total = count.Value
				}
				return err
			})
		}
		text, err := t.Value()
		if err == nil && name == "_scroll_id" {
			err = json.Unmarshal([]byte(text), &scroll)
		}
		return err
	})
	if !errors.Is(err, errEnough) {
		return "", 0
	}
	return scroll, total
}
