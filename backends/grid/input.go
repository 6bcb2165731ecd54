package grid

// InputError refuses something a person typed. Code is stable and machine
// readable; Sentence says what is wrong and what to do next.
type InputError struct {
	Code     string
	Sentence string
}

// The codes of InputError that callers act upon.
const (
	CodeEmpty     = "empty"
	CodeIsAddress = "is_address" // an IP address where a host name was asked for
	CodeAmbiguous = "ambiguous"  // more than one reading; nothing is guessed
	CodeFuture    = "future"
	CodeInvalid   = "invalid"
)

// Error gives the code and the sentence.
func (e *InputError) Error() string { return e.Code + ": " + e.Sentence }

// ForPeople gives the sentence alone.
func (e *InputError) ForPeople() string { return e.Sentence }
