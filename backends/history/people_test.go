package history

import (
	"bytes"
	"encoding/json"
	"errors"
)

// forPeople gives the sentence that people see.
func forPeople(err error) string {
	var e interface{ ForPeople() string }
	if !errors.As(err, &e) {
		return ""
	}
	return e.ForPeople()
}

func jsonIndent(b *bytes.Buffer, text string) error {
	return json.Indent(b, []byte(text), "", "  ")
}
