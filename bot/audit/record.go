package audit

import (
	"encoding/json"
	"time"
)

// Record accounts for one thing that happened. It is written in the same
// transaction as the change it accounts for and never updated or deleted;
// only its Body can be erased, which is itself a Record.
type Record struct {
	ID       string    // unique, chosen by the program
	At       time.Time // UTC, microseconds
	Kind     Kind
	Request  string // the request that caused it, "" for timed work
	Person   string // PersonID, "" when the account belongs to nobody known
	Account  string // the account that acted, as it was named then
	Incident string // the case it belongs to, "" for none

	// Subject, Version and Hash bind the Record to a stored row that it
	// changed: "action/ID" at Version with the SHA-256 (hex) of the row's
	// canonical JSON after the change. Empty when no row changed. The journal
	// fills Version and Hash; verification recomputes them from the rows.
	Subject string
	Version int
	Hash    string

	Body json.RawMessage // canonical JSON, may hold personal data; nil when erased
}

// Kind names what a Record accounts for.
type Kind string

// The kinds of Record.
const (
	Received       Kind = "received"        // a command was understood and may run
	Refused        Kind = "refused"         // a command or decision was refused, with the reason
	Answered       Kind = "answered"        // a request was answered, with what was said
	Proposed       Kind = "proposed"        // an action was proposed
	Approved       Kind = "approved"        // one person's approval was counted
	VoteWithdrawn  Kind = "vote withdrawn"  // a person took an approval back
	VoteLost       Kind = "vote lost"       // a vote no longer counts, with the reason
	QuorumReached  Kind = "quorum reached"  // the action may start
	Reopened       Kind = "reopened"        // an approved action lacks votes again
	Denied         Kind = "denied"          // an action was denied
	Withdrawn      Kind = "withdrawn"       // the proposer withdrew the action
	Expired        Kind = "expired"         // nobody decided or started in time
	Started        Kind = "started"         // the action began to run
	Stepped        Kind = "stepped"         // one step of the action was done
	StepFailed     Kind = "step failed"     // one try of a step failed
	Applied        Kind = "applied"         // every step was done
	Verified       Kind = "verified"        // one look at whether it took effect
	Settled        Kind = "settled"         // the end was seen, or what remains was named
	Failed         Kind = "failed"          // given up, with what was done and what was not
	Reminded       Kind = "reminded"        // approvers were reminded
	PolicyChanged  Kind = "policy changed"  // people, roles, groups or policies changed
	AccountLinked  Kind = "account linked"  // an account was tied to a person
	LinkOffered    Kind = "link offered"    // a person got a code that ties another account to the person
	LinkMissed     Kind = "link missed"     // a wrong code was said for a person who has one
	LinkUsed       Kind = "link used"       // a code was used
	IncidentOpened Kind = "incident opened" // a case was opened
	Noted          Kind = "noted"           // a note or evidence was added to a case
	Pinned         Kind = "pinned"          // a message became evidence of a case
	Unpinned       Kind = "unpinned"        // somebody took a pin away; the evidence stays
	MessageEdited  Kind = "message edited"  // a message that a case or a request rests on was changed afterwards
	MessageDeleted Kind = "message deleted" // such a message was deleted
	Deaf           Kind = "not listening"   // a platform stopped to deliver what happens there
	Heard          Kind = "listening again" // it delivers again, since when it had not, and how far what was missed was read back
	IncidentClosed Kind = "incident closed" // a case was closed
	Imported       Kind = "imported"        // job records were imported
	Erased         Kind = "erased"          // bodies of records were erased, with their ids
	Resumed        Kind = "resumed"         // the log goes on after a restore that lost records, with how many
	Removed        Kind = "removed"         // requests or posts were deleted because their time was over, with how many
	Changed        Kind = "changed"         // a stored row changed in a way that is no event of its own
)
