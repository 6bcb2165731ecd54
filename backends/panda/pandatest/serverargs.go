package pandatest

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// kind is the type of an argument in the words of the server.
type kind string

const (
	intKind     kind = "int"
	strKind     kind = "str"
	boolKind    kind = "bool"
	dictKind    kind = "dict"
	intsKind    kind = "list of int"
	stringsKind kind = "list of str"
)

// param is one argument of a method.
type param struct {
	name     string
	kind     kind
	optional bool
	fallback any // of an optional one
}

// arguments are those of one call: text and numbers as JSON has them.
type arguments map[string]any

func (a arguments) int(name string) int64 {
	n, _ := integer(a[name])
	return n
}

func (a arguments) str(name string) string {
	s, _ := a[name].(string)
	return s
}

func (a arguments) jobs() []int64 {
	list, _ := a["job_ids"].([]any)
	out := make([]int64, len(list))
	for i, v := range list {
		out[i], _ = integer(v)
	}
	return out
}

// bind gives every parameter its value, or says what is wrong in the words of the
// server. Values of a query are text and are turned into what the parameter is.
func bind(params []param, given map[string]any, fromQuery bool) (arguments, string) {
	out := arguments{}
	for _, p := range params {
		v, found := given[p.name]
		if !found && !p.optional {
			return nil, fmt.Sprintf("Argument error: missing a required argument: '%s'", p.name)
		}
		if !found {
			v = p.fallback
		}
		out[p.name] = v
	}
	for _, name := range sortedKeys(given) {
		if !slices.ContainsFunc(params, func(p param) bool { return p.name == name }) {
			return nil, fmt.Sprintf("Argument error: got an unexpected keyword argument '%s'", name)
		}
	}
	for _, p := range params {
		v := out[p.name]
		if p.optional && same(v, p.fallback) {
			continue
		}
		if fromQuery {
			cast, ok := castTo(p.kind, v)
			if !ok {
				if one, isText := v.(string); isText && (p.kind == intsKind || p.kind == stringsKind) {
					v = []any{one}
				}
				return nil, fmt.Sprintf("Type error: '%s' with value '%s' could not be casted to type %s from %s.", p.name, textOf(v), hint(p.kind), typeName(v))
			}
			v, out[p.name] = cast, cast
		}
		if problem := check(p, v); problem != "" {
			return nil, problem
		}
	}
	return out, ""
}

// same is Python's == for the values that a parameter may have by default.
func same(a, b any) bool {
	switch a.(type) {
	case []any, map[string]any:
		return false
	}
	return a == b
}

// hint is the name of a type as it is written in the method.
func hint(k kind) string {
	if k == intsKind || k == stringsKind {
		return "List"
	}
	return string(k)
}

func textOf(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return asText(v)
}

// check wants the type that the parameter has.
func check(p param, v any) string {
	want := string(p.kind)
	ok := false
	switch p.kind {
	case intKind:
		ok = isInteger(v)
	case strKind:
		_, ok = v.(string)
	case boolKind:
		_, ok = v.(bool)
	case dictKind:
		_, ok = v.(map[string]any)
	case intsKind, stringsKind:
		var list []any
		list, ok = v.([]any)
		want = "list"
		element, name := isInteger, "int"
		if p.kind == stringsKind {
			element, name = func(v any) bool { _, ok := v.(string); return ok }, "str"
		}
		if ok && slices.ContainsFunc(list, func(v any) bool { return !element(v) }) {
			return fmt.Sprintf("Type error: All elements in '%s' must be %s.", p.name, name)
		}
	}
	if !ok {
		return fmt.Sprintf("Type error: '%s' must be of type %s, got %s.", p.name, want, typeName(v))
	}
	return ""
}

func isInteger(v any) bool {
	switch v := v.(type) {
	case bool:
		return true
	case json.Number:
		return isInt(v)
	}
	return false
}

// castTo turns text of a query into a type.
func castTo(k kind, v any) (any, bool) {
	switch k {
	case strKind:
		return v, true
	case boolKind:
		s, ok := v.(string)
		return slices.Contains([]string{"true", "1"}, strings.ToLower(s)), ok
	case intKind:
		return castInt(v)
	case intsKind, stringsKind:
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		if k == stringsKind {
			return list, true
		}
		out := make([]any, len(list))
		for i, one := range list {
			if out[i], ok = castInt(one); !ok {
				return nil, false
			}
		}
		return out, true
	}
	return v, true
}

// castInt reads "12" and, as the server does, "12.0".
func castInt(v any) (any, bool) {
	s, ok := v.(string)
	f, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if !ok || err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		return nil, false
	}
	if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil {
		return json.Number(strconv.FormatInt(n, 10)), true
	}
	return json.Number(strconv.FormatInt(int64(f), 10)), true
}

// queryArguments are those of a query or form: text, or a list of it where a key
// stands more than once.
func queryArguments(values url.Values) map[string]any {
	out := map[string]any{}
	for name, all := range values {
		if len(all) == 1 {
			out[name] = all[0]
			continue
		}
		list := make([]any, len(all))
		for i, v := range all {
			list[i] = v
		}
		out[name] = list
	}
	return out
}

func sortedKeys(m map[string]any) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func sortedObject(m map[string]any) object {
	out := make(object, 0, len(m))
	for k, v := range m {
		out = append(out, field{k, v})
	}
	slices.SortFunc(out, func(a, b field) int { return cmp.Compare(a.name, b.name) })
	return out
}
