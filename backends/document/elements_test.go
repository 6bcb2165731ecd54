package document

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

var answers = []string{
	`{"took":1,"hits":{"total":{"value":2},"hits":[{"_source":{"a":"}]\"{"},"sort":[1]}, {}],"x":[]},"_shards":{"hits":[{"a":1}]}}`,
	`{"a":{"hits":{"hits":[{"b":1}]}},"hits":[{"hits":[{"c":1}]}],"\u0068its":{"hits":[{"d":1}]}}`,
	`{"hits":{"hits":[]},"hits":{"hits":[{"x":[{"hits":[{}]}]},[{}],1,null,"{}",{"y":"\\"}]}}`,
	`{"hits":{"hits":{"hits":[{}]}}}`, `{"x":"hits","hits":{"hits":null,"x":{"hits":[{}]}}}`, `[{"hits":{"hits":[{}]}}]`, `{"hits":{"hits":[{"a":1}`, `{"hits":{"hits":[{"a":1]}]}}`,
	`{"hits":{"hits":[{"a":"}]}}`, `{"hits":{"hits":[{}{}]}}`, `{"hits":{"hits":[{},]}}`, `}}]{"hits":{"hits":[{}]}}`, ` { "hits" : { "hits" : [ { } , { } ] } } `, `"`, ``, `{"hits","hits":{"hits":[{}]}}`,
}

// split takes the objects out of a text, in pieces of one byte or whole.
func split(t *testing.T, r io.Reader) (head, rest string, objects []string) {
	t.Helper()
	e := Elements{
		Path:  []string{"hits", "hits"},
		Begun: func(h string) { head = h },
		Each:  func(o string) error { objects = append(objects, o); return nil },
	}
	rest, err := e.Read(r)
	if err != nil {
		t.Fatal(err)
	}
	return head, rest, objects
}

// FuzzElements: a text is JSON if the objects and the rest are, and it does not matter
// in which pieces it comes.
func FuzzElements(f *testing.F) {
	for _, text := range answers {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		head, rest, objects := split(t, strings.NewReader(text))
		if head2, rest2, objects2 := split(t, iotest.OneByteReader(strings.NewReader(text))); head2 != head || rest2 != rest || !slices.Equal(objects2, objects) {
			t.Fatalf("%q is %q, %q, %q by bytes, and %q, %q, %q whole", text, head2, rest2, objects2, head, rest, objects)
		}
		valid := json.Valid([]byte(rest)) && !slices.ContainsFunc(objects, func(o string) bool { return !json.Valid([]byte(o)) || o[0] != '{' })
		if valid != json.Valid([]byte(text)) {
			t.Fatalf("%q is JSON: %t; the rest %q and objects %q are: %t", text, !valid, rest, objects, valid)
		}
		if !strings.HasPrefix(text, head) && len(objects) == 0 {
			t.Fatalf("%q does not begin with %q", text, head)
		}
	})
}

func TestElements(t *testing.T) {
	t.Parallel()
	for i, want := range []struct {
		rest    string
		objects []string
	}{
		{`{"took":1,"hits":{"total":{"value":2},"hits":[{}, {}],"x":[]},"_shards":{"hits":[{"a":1}]}}`, []string{`{"_source":{"a":"}]\"{"},"sort":[1]}`, `{}`}},
		{answers[1], nil},
		{`{"hits":{"hits":[]},"hits":{"hits":[{},[{}],1,null,"{}",{}]}}`, []string{`{"x":[{"hits":[{}]}]}`, `{"y":"\\"}`}},
		{answers[3], nil},
		{answers[4], nil},
		{answers[5], nil},
	} {
		_, rest, objects := split(t, strings.NewReader(answers[i]))
		if rest != want.rest || !slices.Equal(objects, want.objects) {
			t.Errorf("%s:\n%s\n%q", answers[i], rest, objects)
		}
	}
	if head, _, _ := split(t, strings.NewReader(answers[0])); head != `{"took":1,"hits":{"total":{"value":2},"hits":[` {
		t.Errorf("before the first: %s", head)
	}
	enough := errors.New("enough")
	e := Elements{Path: []string{"hits", "hits"}, Each: func(string) error { return enough }}
	if _, err := e.Read(strings.NewReader(answers[0])); !errors.Is(err, enough) {
		t.Error(err)
	}
	if _, err := e.Read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(answers[0])))); !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
}
