package bot

import (
	"errors"
	"fmt"
)

// ForPeople is an error with a sentence for the person who asked, that says
// what to do next. Errors without one are shown as a request id to quote.
type ForPeople interface {
	error
	ForPeople() string
}

// Problem is the plain ForPeople error. Code is for machines: "usage",
// "refused", "not-found", "unavailable", ….
type Problem struct {
	Code     string
	Sentence string
	Cause    error // for the log, never shown
}

// Problemf makes a Problem without a cause.
func Problemf(code, format string, args ...any) *Problem {
	return &Problem{Code: code, Sentence: fmt.Sprintf(format, args...)}
}

func (p *Problem) Error() string {
	if p.Cause != nil {
		return p.Sentence + ": " + p.Cause.Error()
	}
	return p.Sentence
}

// ForPeople returns the sentence.
func (p *Problem) ForPeople() string { return p.Sentence }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Cause }

// sentenceOf returns the sentence for people that err carries.
func sentenceOf(err error) (string, bool) {
	var f ForPeople
	if errors.As(err, &f) {
		return f.ForPeople(), true
	}
	return "", false
}
