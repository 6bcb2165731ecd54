package document

import (
	"errors"
	"testing"
)

// TestRead: what is no JSON is refused, unless nobody asks for it.
func TestRead(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		`{"a":NaN,"b":-Infinity,"Owner":"x"}`: true,
		`{"Owner":NaN,"x":1}`:                 true,
		`{"Owner":-Infinity}`:                 true,
		`{"Owner":Nan}`:                       false,
		`{"Owner":'x'}`:                       false,
		`{"a":'x'}`:                           false,
		`{'a':1}`:                             false,
		`{a:1}`:                               false,
		`{"a"}`:                               false,
		`{"a":}`:                              false,
		`{"a":1 "b":2}`:                       false,
		`{"a":1,}`:                            false,
		`{,}`:                                 false,
		`{"Owner":"a" "b"}`:                   false,
		`{"Owner":"\x"}`:                      false,
		"{\"Owner\":\"a\tb\"}":                false,
		`{"Owner":[1,]}`:                      false,
		`{"Owner":01}`:                        false,
		`{"a":1}x`:                            false,
		`{"a":1`:                              false,
		`{"a":[1`:                             false,
		`{"a":"\"}`:                           false,
	} {
		if _, err := new(Reader).Read(text); (err == nil) != ok || err != nil && !errors.Is(err, errInvalid) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
