// Package trouble is an error of a backend that people can do something about: a
// sentence for them, and the cause, which only logs show.
package trouble

import (
	"errors"
	"fmt"
)

// Error has a sentence that says what is wrong and what to do next.
type Error struct {
	Sentence string
	Cause    error // nil when the sentence says it all
}

func (e *Error) Error() string {
	if e.Cause == nil {
		return e.Sentence
	}
	return e.Sentence + ": " + e.Cause.Error()
}

// ForPeople returns the sentence.
func (e *Error) ForPeople() string { return e.Sentence }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Errorf gives an Error with a sentence for people.
func Errorf(cause error, format string, args ...any) error {
	return &Error{Sentence: fmt.Sprintf(format, args...), Cause: cause}
}

// Told gives the sentence that an error has for people, whoever made it.
func Told(err error) (sentence string, ok bool) {
	var told interface{ ForPeople() string }
	if !errors.As(err, &told) {
		return "", false
	}
	return told.ForPeople(), true
}
