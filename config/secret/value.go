package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
)

// hidden is what a Value looks like to everything that prints.
const hidden = "<secret>"

// Value is a secret in memory. The zero Value holds none and equals nothing.
//
// It is held by a function and not by a field: fmt and other printers that walk
// through unexported fields by reflection, where no method of Value is asked,
// find no text. For the same reason two Values cannot be compared by ==.
type Value struct {
	reveal func() string
}

// Of makes a Value of a secret that did not come from a file, such as a key
// that was just made.
func Of(s string) Value { return Value{reveal: func() string { return s }} }

// Reveal returns the secret. Pass it on to what needs it; never keep, log or wrap it.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// Equal reports whether the secret is s. How long it takes tells nothing about
// either, not even their lengths.
func (v Value) Equal(s string) bool {
	if v.reveal == nil {
		return false
	}
	own, other := sha256.Sum256([]byte(v.reveal())), sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(own[:], other[:]) == 1
}

// String hides the secret.
func (Value) String() string { return hidden }

// GoString hides the secret from %#v.
func (Value) GoString() string { return hidden }

// Format hides the secret from every verb.
func (Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hidden) }

// MarshalText hides the secret from encoders, also as a key of a map.
func (Value) MarshalText() ([]byte, error) { return []byte(hidden), nil }

// MarshalJSON hides the secret.
func (Value) MarshalJSON() ([]byte, error) { return []byte(`"` + hidden + `"`), nil }

// MarshalYAML hides the secret.
func (Value) MarshalYAML() (any, error) { return hidden, nil }

// LogValue hides the secret from slog.
func (Value) LogValue() slog.Value { return slog.StringValue(hidden) }
