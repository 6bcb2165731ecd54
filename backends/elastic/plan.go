package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/wording"
)

// field is one field of the indices that holds an attribute.
type field struct {
	name       string
	kind       string // of the mapping: keyword, date, long, …; "" when the indices disagree
	searchable bool   // in every index
	millis     bool   // of a date: numbers are milliseconds to the server; else seconds
}

// plan is what the mapping of the indices, as it is now, allows to ask for.
type plan struct {
	path    string
	indices []string
	fields  map[grid.Attribute][]field
	source  any // which parts of a document to send
	notes   []string
	ignored bool // documents tell which of their values are too long to be searched
}

// available ask for what there is, and do not fail for what there is not.
func available() url.Values {
	return url.Values{"ignore_unavailable": {"true"}, "allow_no_indices": {"true"}, "expand_wildcards": {"open"}}
}

// names gives the indices of the source that are open.
func (s *Source) names(ctx context.Context) ([]string, error) {
	caps, err := s.capabilities(ctx, "/"+s.config.Index, "_id")
	return caps.Indices, err
}

// capabilities is the server's answer to what can be done with fields.
type capabilities struct {
	Indices []string                         `json:"indices"`
	Fields  map[string]map[string]capability `json:"fields"`
}

type capability struct {
	Searchable bool `json:"searchable"`
	Metadata   bool `json:"metadata_field"`
}

func (s *Source) capabilities(ctx context.Context, path, fields string) (capabilities, error) {
	params := available()
	params.Set("fields", fields)
	var caps capabilities
	body, err := s.client.call(ctx, true, http.MethodGet, path+"/_field_caps", params, nil)
	if err == nil {
		err = decode(body, &caps)
	}
	if err != nil {
		return caps, fmt.Errorf("elastic: fields of %s: %w", s.Name(), s.explain(err))
	}
	return caps, nil
}

func decode(body json.RawMessage, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return errBody
	}
	return nil
}

// plan looks at the mapping of some indices.
func (s *Source) plan(ctx context.Context, indices []string) (*plan, error) {
	p := &plan{path: address(indices, s.config.Index), indices: indices, fields: map[grid.Attribute][]field{}}
	caps, err := s.capabilities(ctx, p.path, "*")
	if err != nil {
		return nil, err
	}
	p.read(caps)
	what, err := s.asked(ctx)
	if err != nil {
		return nil, err
	}
	// OpenSearch has the field, too, but keeps in it only what is no value at all.
	p.ignored = p.ignored && what.product == "Elasticsearch"
	if err := s.readDates(ctx, p); err != nil {
		return nil, err
	}
	return p, s.readSource(ctx, p)
}

// read finds the fields of attributes. A text that is cut into words cannot be
// compared, but often has a sub-field that can.
func (p *plan) read(caps capabilities) {
	for _, name := range slices.Sorted(maps.Keys(caps.Fields)) {
		kinds := caps.Fields[name]
		if a, ok := grid.AttributeNamed(name); ok {
			f := field{name: name, searchable: true}
			for kind, c := range kinds {
				f.kind = kind
				f.searchable = f.searchable && c.Searchable
			}
			if len(kinds) > 1 {
				f.kind = ""
			}
			if f.kind != "object" && f.kind != "nested" {
				p.fields[a] = append(p.fields[a], f)
			}
		}
	}
	for a, fields := range p.fields {
		for i, f := range fields {
			if f.kind != "text" {
				continue
			}
			for _, sub := range []string{"keyword", "raw"} {
				kinds := caps.Fields[f.name+"."+sub]
				if c, ok := kinds["keyword"]; ok && len(kinds) == 1 && c.Searchable {
					p.fields[a][i] = field{name: f.name + "." + sub, kind: "keyword", searchable: true}
				}
			}
		}
	}
	_, p.ignored = caps.Fields["_ignored"]
}

// mapped is a field in the mapping of one index.
type mapped struct {
	Mappings map[string]struct {
		Mapping map[string]struct {
			Type   string `json:"type"`
			Format string `json:"format"`
		} `json:"mapping"`
	} `json:"mappings"`
}

// readDates asks for the forms of dates, which decide what the server makes of a
// number in a document. A field that indices read in several ways is not searched.
func (s *Source) readDates(ctx context.Context, p *plan) error {
	var names []string
	for _, fields := range p.fields {
		for _, f := range fields {
			if f.kind == "date" {
				names = append(names, f.name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	var indices map[string]mapped
	body, err := s.client.call(ctx, true, http.MethodGet, p.path+"/_mapping/field/"+strings.Join(names, ","), available(), nil)
	if err == nil {
		err = decode(body, &indices)
	}
	if err != nil {
		return fmt.Errorf("elastic: dates of %s: %w", s.Name(), s.explain(err))
	}
	forms := map[string]map[string]bool{}
	for _, index := range indices {
		for name, m := range index.Mappings {
			for _, one := range m.Mapping {
				if forms[name] == nil {
					forms[name] = map[string]bool{}
				}
				forms[name][unitOf(one.Format)] = true
			}
		}
	}
	for _, fields := range p.fields {
		for i := range fields {
			f := &fields[i]
			if f.kind != "date" {
				continue
			}
			f.millis = forms[f.name]["ms"]
			if len(forms[f.name]) != 1 || forms[f.name][""] {
				f.kind = ""
			}
		}
	}
	return nil
}

// unitOf tells what a number is in a date of a form: s, ms, or "" when that cannot
// be told.
func unitOf(format string) string {
	seconds, millis := strings.Contains(format, "epoch_second"), strings.Contains(format, "epoch_millis")
	switch {
	case seconds && !millis:
		return "s"
	case !seconds && (millis || format == ""):
		return "ms"
	}
	return ""
}

// readSource chooses what of a document to send: the attributes that grid asks
// for, unless there may be some that the mapping does not show.
func (s *Source) readSource(ctx context.Context, p *plan) error {
	params := available()
	params.Set("filter_path", "*.mappings.dynamic,*.mappings._source,*.mappings.properties.data.dynamic")
	body, err := s.client.call(ctx, true, http.MethodGet, p.path+"/_mapping", params, nil)
	type part struct {
		Dynamic any `json:"dynamic"`
	}
	var indices map[string]struct {
		Mappings struct {
			part
			Source struct {
				Enabled  *bool    `json:"enabled"`
				Includes []string `json:"includes"`
				Excludes []string `json:"excludes"`
			} `json:"_source"`
			Properties struct {
				Data part `json:"data"`
			} `json:"properties"`
		} `json:"mappings"`
	}
	if err == nil {
		err = decode(body, &indices)
	}
	if err != nil {
		return fmt.Errorf("elastic: documents of %s: %w", s.Name(), s.explain(err))
	}
	hidden := func(d any) bool { return d != nil && d != true && d != "true" }
	whole, cut := false, []string{}
	for name, x := range indices {
		m := x.Mappings
		whole = whole || hidden(m.Dynamic) || hidden(m.Properties.Data.Dynamic)
		if m.Source.Enabled != nil && !*m.Source.Enabled || len(m.Source.Includes)+len(m.Source.Excludes) > 0 {
			cut = append(cut, name)
		}
	}
	if len(cut) > 0 {
		slices.Sort(cut)
		p.notes = append(p.notes, fmt.Sprintf("%s of the indices keep documents only in part (such as %s): hosts and people may be missing", wording.Count(len(cut), "one", "some"), cut[0]))
	}
	p.source = true
	if !whole {
		var names []string
		for _, fields := range p.fields {
			for _, f := range fields {
				names = append(names, strings.TrimSuffix(strings.TrimSuffix(f.name, ".keyword"), ".raw"))
			}
		}
		slices.Sort(names)
		p.source = names
	}
	return nil
}

// one gives the field of an attribute that is a date in every index; ok is false
// when there is none.
func (p *plan) date(names ...string) (field, bool) {
	for _, name := range names {
		a, ok := grid.AttributeNamed(name)
		if !ok {
			continue
		}
		for _, f := range p.fields[a] {
			if f.kind == "date" && f.searchable {
				return f, true
			}
		}
	}
	return field{}, false
}
