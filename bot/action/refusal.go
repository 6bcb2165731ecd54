package action

import "fmt"

// Refusal is why a transition does not happen, as a sentence for the person who asked.
type Refusal struct {
	Code     string
	Sentence string
}

// The codes of refusals.
const (
	OwnRequest      = "own-request"
	IsTarget        = "target"
	NotEligible     = "not-eligible"
	NotNowEligible  = "not-now-eligible"
	JoinedLater     = "joined-later"
	AlreadyCounted  = "already-counted"
	NothingToTake   = "nothing-to-withdraw"
	TooLate         = "too-late"
	AlreadyDecided  = "decided"
	NeedsReason     = "needs-reason"
	MayNotDeny      = "may-not-deny"
	NoElectorate    = "no-electorate"
	ForbiddenTarget = "forbidden-target"
	ProtectedTarget = "protected-target"
	DigestDiffers   = "digest"
	Leased          = "leased"
	NotDue          = "not-due"
	WrongState      = "wrong-state"
)

func (r *Refusal) Error() string { return r.Code + ": " + r.Sentence }

// ForPeople returns the sentence.
func (r *Refusal) ForPeople() string { return r.Sentence }

func refuse(code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Sentence: fmt.Sprintf(format, args...)}
}
