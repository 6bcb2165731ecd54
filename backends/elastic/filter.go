package elastic

import (
	"math"
	"slices"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// query is one query in the language of the servers.
type query map[string]any

// test is a condition in the language of the servers, or what is known without
// asking. The zero test is never true.
type test struct {
	always bool
	ask    query // nil: nothing needs to be asked
}

var (
	always = test{always: true}
	never  = test{}
)

func asking(q query) test { return test{ask: q} }

func (t test) isNever() bool { return !t.always && t.ask == nil }

// filter gives a query that finds all documents of which a condition may hold.
func (p *plan) filter(c grid.Condition) query {
	switch t := p.test(c, true); {
	case t.always:
		return query{"match_all": query{}}
	case t.ask != nil:
		return t.ask
	}
	return query{"match_none": query{}}
}

// compares tells whether the server can compare all that a condition asks for.
// Otherwise filter is as wide as what is left of it, perhaps all documents.
func (p *plan) compares(c grid.Condition) bool {
	if c.Op == grid.All {
		return !slices.ContainsFunc(c.Of, func(c grid.Condition) bool { return !p.compares(c) })
	}
	return !p.test(c, true).always
}

// test translates a condition. What the server cannot tell is taken to be true
// when wide, so that no document is lost, and false inside of a Not, for the same
// end.
func (p *plan) test(c grid.Condition, wide bool) test {
	switch c.Op {
	case grid.All:
		return p.all(c.Of, wide)
	case grid.AnyOf:
		return p.anyOf(c.Of, wide)
	case grid.Not:
		return negated(p.test(c.Of[0], !wide))
	}
	return p.leaf(c, wide)
}

func (p *plan) all(of []grid.Condition, wide bool) test {
	var tests []test
	for _, c := range of {
		tests = append(tests, p.test(c, wide))
	}
	return allOf(tests)
}

func allOf(tests []test) test {
	var filter, not []query
	for _, t := range tests {
		switch {
		case t.isNever():
			return never
		case t.always:
		default:
			if inner, ok := isNot(t.ask); ok {
				not = append(not, inner)
				continue
			}
			filter = append(filter, t.ask)
		}
	}
	switch {
	case len(filter)+len(not) == 0:
		return always
	case len(filter) == 1 && len(not) == 0:
		return asking(filter[0])
	case len(filter) == 0:
		return asking(query{"bool": query{"must_not": not}})
	case len(not) == 0:
		return asking(query{"bool": query{"filter": filter}})
	}
	return asking(query{"bool": query{"filter": filter, "must_not": not}})
}

func (p *plan) anyOf(of []grid.Condition, wide bool) test {
	var tests []test
	for _, c := range of {
		tests = append(tests, p.test(c, wide))
	}
	return anyTest(tests)
}

func anyTest(tests []test) test {
	var should []query
	for _, t := range tests {
		switch {
		case t.always:
			return always
		case t.isNever():
		default:
			should = append(should, t.ask)
		}
	}
	switch len(should) {
	case 0:
		return never
	case 1:
		return asking(should[0])
	}
	return asking(query{"bool": query{"should": should, "minimum_should_match": 1}})
}

func negated(t test) test {
	switch {
	case t.always:
		return never
	case t.isNever():
		return always
	}
	return asking(query{"bool": query{"must_not": []query{t.ask}}})
}

// isNot gives what a query that only excludes one thing excludes.
func isNot(q query) (query, bool) {
	b, ok := q["bool"].(query)
	if !ok || len(b) != 1 {
		return nil, false
	}
	not, ok := b["must_not"].([]query)
	if !ok || len(not) != 1 {
		return nil, false
	}
	return not[0], true
}

// leaf translates a condition about an attribute, which may be in several fields
// when it has several spellings: grid takes one of those that have a value.
func (p *plan) leaf(c grid.Condition, wide bool) test {
	fields := p.fields[c.Attribute]
	var some, each []test
	for _, f := range fields {
		t := p.about(f, c, wide)
		some = append(some, t)
		each = append(each, anyTest([]test{t, negated(exists(f))}))
	}
	if wide || len(fields) < 2 {
		return anyTest(some)
	}
	return allOf(append(each, anyTest(some)))
}

func exists(f field) test { return asking(query{"exists": query{"field": f.name}}) }

// about translates a condition about one field.
func (p *plan) about(f field, c grid.Condition, wide bool) test {
	unknown := test{always: wide}
	if !f.searchable || f.kind == "" {
		return unknown
	}
	var t test
	ok := false
	switch c.Op {
	case grid.Has:
		t, ok = exists(f), f.kind != "text"
	case grid.OnDate:
		t, ok = onDate(f, c.From, c.To, wide)
	case grid.Counts:
		t, ok = counts(f, c.Least, c.Most, wide)
	case grid.OneOf:
		t, ok = oneOf(f, c.Numbers, wide)
	case grid.Reads:
		if f.kind == "keyword" {
			var patterns []string
			if patterns, ok = patternsOf(c.Form, c.Text, wide); ok {
				t = matching(f, patterns, wide && trims(c.Form))
			}
		}
	}
	if !ok {
		return unknown
	}
	if wide && p.ignored && f.kind == "keyword" {
		// The server did not index what is too long; it only tells that there was something.
		t = anyTest([]test{t, asking(query{"term": query{"_ignored": f.name}})})
	}
	return t
}

// matching asks for the values that fit one of some expressions and, if blanks, for
// all that begin with one, too. Blanks are before the "!" or not of ASCII: ranges
// cost a server nothing, and who writes so is rare.
func matching(f field, patterns []string, blanks bool) test {
	var tests []test
	for _, p := range patterns {
		tests = append(tests, asking(query{"regexp": query{f.name: query{"value": p, "max_determinized_states": 20_000}}}))
	}
	if blanks {
		tests = append(tests, asking(query{"range": query{f.name: query{"lt": "!"}}}), asking(query{"range": query{f.name: query{"gte": "\u0080"}}}))
	}
	return anyTest(tests)
}

// onDate translates an interval of dates. Documents have them in seconds or, when
// they are more than 1e11, in milliseconds, whatever the mapping calls them. Parts
// of a second may be lost on the way.
func onDate(f field, from, to time.Time, wide bool) (test, bool) {
	slack := time.Second
	if !wide {
		slack = -slack
	}
	from, to = from.Add(-slack), to.Add(slack)
	if to.Before(from) {
		return never, true
	}
	seconds, millis := [2]int64{from.Unix(), to.Unix()}, [2]int64{from.UnixMilli(), to.UnixMilli()}
	if wide {
		seconds[1]++
	} else {
		seconds[0]++
	}
	switch f.kind {
	case "date":
		factor := int64(1000)
		if f.millis {
			factor = 1
		}
		stored := func(x [2]int64) test {
			return asking(query{"range": query{f.name: query{"gte": x[0] * factor, "lte": x[1] * factor, "format": "epoch_millis"}}})
		}
		return anyTest([]test{stored(seconds), stored(millis)}), true
	case "long", "double", "unsigned_long":
		return anyTest([]test{between(f, seconds[0], seconds[1]), between(f, millis[0], millis[1])}), true
	case "integer":
		return between(f, min(seconds[0], math.MaxInt32), min(seconds[1], math.MaxInt32)), wide || seconds[1] <= math.MaxInt32
	}
	return never, false
}

func between(f field, least, most int64) test {
	return asking(query{"range": query{f.name: query{"gte": least, "lte": most}}})
}

// highest is the largest number that a field of a kind may be asked for.
var highest = map[string]int64{"long": math.MaxInt64, "double": 1 << 53, "integer": math.MaxInt32, "short": math.MaxInt16, "byte": math.MaxInt8}

// counts translates an interval of numbers.
func counts(f field, least, most int64, wide bool) (test, bool) {
	if high, ok := highest[f.kind]; ok {
		if least > high {
			return never, true
		}
		return between(f, least, min(most, high)), true
	}
	const digits = 10 // a text is compared with each number
	if least < 0 || most < least || most-least >= digits {
		return never, false
	}
	var numbers []int64
	for n := least; n <= most; n++ {
		numbers = append(numbers, n)
	}
	return oneOf(f, numbers, wide)
}

// oneOf translates a list of numbers.
func oneOf(f field, numbers []int64, wide bool) (test, bool) {
	if high, ok := highest[f.kind]; ok {
		numbers = slices.DeleteFunc(slices.Clone(numbers), func(n int64) bool { return n > high })
		if len(numbers) == 0 {
			return never, true
		}
		return asking(query{"terms": query{f.name: numbers}}), true
	}
	if f.kind != "keyword" || len(numbers) == 0 || slices.Min(numbers) < 0 {
		return never, false
	}
	return matching(f, numberPatterns(numbers, wide), wide), true
}
