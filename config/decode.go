package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// decoder lays a YAML tree over typed values. It goes on after a problem, so
// that all are told at once, and remembers where everything stood, so that
// what is found later can be told with a line too.
//
// It is our own because the library stops at the first unknown key and turns a
// number into a text, or nothing into a zero, without a word.
type decoder struct {
	file     string
	lines    map[string]int // by path
	problems Problems
	unread   int // how many of the problems are of reading; the others are of checking what was read
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: map[string]int{"": 1}}
}

// add reports a problem at a path, or at the nearest part of it that is in the
// file. What is wrong with a value that could not be read is no news.
func (d *decoder) add(path, format string, args ...any) {
	for _, p := range d.problems[:d.unread] {
		if rest, ok := strings.CutPrefix(path, p.Path); ok && p.Path != "" && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return
		}
	}
	at, line := path, 0
	for line == 0 {
		if line = d.lines[at]; at == "" {
			break
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
	d.problems = append(d.problems, Problem{File: d.file, Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// value decodes n, which stands at path, into v.
func (d *decoder) value(n ast.Node, path string, v reflect.Value) {
	if n == nil || n.Type() == ast.NullType {
		d.add(path, "has no value: give it one, or take the line out")
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, path, v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			d.scalar(n, path, v)
			return
		}
		d.structure(n, path, v)
	case reflect.Map:
		d.mapping(n, path, v)
	case reflect.Slice:
		d.sequence(n, path, v)
	default:
		d.scalar(n, path, v)
	}
}

func (d *decoder) structure(n ast.Node, path string, v reflect.Value) {
	known := fields(v)
	d.entries(n, path, func(key string, at string, value ast.Node) {
		field, ok := known[key]
		if !ok {
			d.add(at, "is not a setting; known here: %s", strings.Join(slices.Sorted(maps.Keys(known)), ", "))
			return
		}
		d.value(value, at, field)
	})
}

// fields gives the settings of a struct by their names in the file.
func fields(v reflect.Value) map[string]reflect.Value {
	out := map[string]reflect.Value{}
	for i := range v.NumField() {
		name, options, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		switch {
		case options == "inline":
			maps.Copy(out, fields(v.Field(i)))
		case name != "" && name != "-":
			out[name] = v.Field(i)
		}
	}
	return out
}

func (d *decoder) mapping(n ast.Node, path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	d.entries(n, path, func(key string, at string, value ast.Node) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.value(value, at, element)
		v.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), element)
	})
}

// entries calls each for every key of a mapping, once.
func (d *decoder) entries(n ast.Node, path string, each func(key, at string, value ast.Node)) {
	m, ok := n.(ast.MapNode)
	if !ok {
		d.add(path, "must be settings of the form `key: value`, not %s", kind(n))
		return
	}
	first := map[string]int{}
	for i := m.MapRange(); i.Next(); {
		key, line := i.Key().GetToken().Value, lineOf(i.Key())
		at := below(path, key)
		if before, twice := first[key]; twice {
			d.problems = append(d.problems, Problem{
				File: d.file, Line: line, Path: at,
				Text: fmt.Sprintf("is given twice, first in line %d: keep one of them", before),
			})
			continue
		}
		first[key], d.lines[at] = line, line
		each(key, at, i.Value())
	}
}

func (d *decoder) sequence(n ast.Node, path string, v reflect.Value) {
	s, ok := n.(*ast.SequenceNode)
	if !ok {
		d.add(path, "must be a list, such as [a, b], not %s", kind(n))
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(s.Values), len(s.Values)))
	for i, element := range s.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		d.lines[at] = lineOf(element)
		d.value(element, at, v.Index(i))
	}
}

func (d *decoder) scalar(n ast.Node, path string, v reflect.Value) {
	if _, ok := n.(ast.ScalarNode); !ok {
		d.add(path, "must be a single value, not %s", kind(n))
		return
	}
	text := n.GetToken().Value
	if block, ok := n.(*ast.LiteralNode); ok {
		text = block.Value.Value
	}
	switch v.Type() {
	case reflect.TypeFor[time.Duration]():
		duration, err := parseDuration(text)
		if err != nil {
			d.add(path, "%s %v", shown(text), err)
		}
		v.SetInt(int64(duration))
		return
	case reflect.TypeFor[time.Time]():
		at, err := time.Parse(time.RFC3339, text)
		if err != nil {
			d.add(path, "%s is no time: write it like 2026-06-24T12:00:00Z", shown(text))
		}
		v.Set(reflect.ValueOf(at.UTC()))
		return
	}
	switch v.Kind() {
	case reflect.String:
		if n.Type() == ast.BoolType {
			d.add(path, "must be a text: put %s into quotes", text)
			return
		}
		v.SetString(text) // a number as it was typed: ids are often all digits
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.add(path, "must be true or false, not %s", shown(text))
			return
		}
		v.SetBool(b.Value)
	case reflect.Int, reflect.Int64:
		i, err := strconv.ParseInt(text, 10, v.Type().Bits())
		if err != nil || n.Type() == ast.StringType {
			d.add(path, "must be a whole number, not %s", shown(text))
			return
		}
		v.SetInt(i)
	case reflect.Float64:
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || n.Type() != ast.FloatType && n.Type() != ast.IntegerType {
			d.add(path, "must be a number, not %s", shown(text))
			return
		}
		v.SetFloat(f)
	default:
		panic("config: no setting can be a " + v.Type().String()) // our own types; a test tries each
	}
}

// kind names what stands in the file for people.
func kind(n ast.Node) string {
	switch n.(type) {
	case ast.MapNode:
		return "settings of the form `key: value`"
	case *ast.SequenceNode:
		return "a list"
	}
	return shown(n.GetToken().Value)
}

// lineOf is where a node begins. The token of a mapping is its first colon,
// which can stand lower than its first key.
func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	return n.GetToken().Position.Line
}

// below is the path of a key. Keys come from the file and are shown as such.
func below(path, key string) string {
	if !simple.MatchString(key) {
		key = shown(key)
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// shown quotes foreign text and bounds it.
func shown(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return strconv.Quote(s)
}
