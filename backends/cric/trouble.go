package cric

import "fmt"

// Trouble is why nothing could be learned of CRIC, with a sentence for people
// that holds nothing of a server's answer.
type Trouble struct {
	Sentence string // what is wrong and what to do
	Cause    error
	again    bool // another try may help at once
}

func (t *Trouble) Error() string {
	if t.Cause == nil {
		return "cric: " + t.Sentence
	}
	return fmt.Sprintf("cric: %s: %v", t.Sentence, t.Cause)
}

// ForPeople gives the sentence.
func (t *Trouble) ForPeople() string { return t.Sentence }

// Unwrap gives the cause.
func (t *Trouble) Unwrap() error { return t.Cause }
