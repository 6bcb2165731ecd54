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

// split takes the objects out of a text that is read in pieces of some bytes.
func split(text string, piece int) (head, rest string, objects []string, err error) {
	e := Elements{
		Path:  []string{"hits", "hits"},
		Begun: func(h string) { head = h },
		Each: func(t *Text) error {
			if !t.IsObject() {
				return errors.New("no object")
			}
			object, err := t.Value()
			if err == nil {
				objects = append(objects, object)
			}
			return err
		},
		piece: piece,
	}
	rest, err = e.Read(strings.NewReader(text))
	return head, rest, objects, err
}

// FuzzElements: a text is JSON if its objects were passed and the rest is, and it does
// not matter in which pieces it comes.
func FuzzElements(f *testing.F) {
	for i, text := range answers {
		f.Add(text, i)
	}
	f.Fuzz(func(t *testing.T, text string, piece int) {
		head, rest, objects, err := split(text, 0)
		for _, piece := range []int{1, max(1, piece)} {
			if head2, rest2, objects2, err2 := split(text, min(piece, goodPiece)); head2 != head || rest2 != rest || !slices.Equal(objects2, objects) || (err2 == nil) != (err == nil) {
				t.Fatalf("%q is %q, %q, %q, %v by %d bytes, and %q, %q, %q, %v whole", text, head2, rest2, objects2, err2, piece, head, rest, objects, err)
			}
		}
		valid := err == nil && json.Valid([]byte(rest)) && !slices.ContainsFunc(objects, func(o string) bool { return !json.Valid([]byte(o)) || o[0] != '{' })
		if valid != json.Valid([]byte(text)) {
			t.Fatalf("%q is JSON: %t; the rest %q and objects %q are: %t, %v", text, !valid, rest, objects, valid, err)
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
		if _, rest, objects, err := split(answers[i], 0); rest != want.rest || !slices.Equal(objects, want.objects) || err != nil {
			t.Errorf("%s:\n%s\n%q, %v", answers[i], rest, objects, err)
		}
	}
	if head, _, _, _ := split(answers[0], 0); head != `{"took":1,"hits":{"total":{"value":2},"hits":[` {
		t.Errorf("before the first: %s", head)
	}
	enough := errors.New("enough")
	e := Elements{Path: []string{"hits", "hits"}, Each: func(*Text) error { return enough }}
	if _, err := e.Read(strings.NewReader(answers[0])); !errors.Is(err, enough) {
		t.Error(err)
	}
	if _, err := e.Read(io.MultiReader(strings.NewReader(answers[1]), iotest.ErrReader(io.ErrUnexpectedEOF))); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a text that was cut on its way: %v", err)
	}
	if _, err := e.Read(iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(answers[0])))); !errors.Is(err, iotest.ErrTimeout) {
		t.Error(err)
	}
}
