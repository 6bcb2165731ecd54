package action

import (
	"encoding/json"
	"time"
)

// ID names an action; people type it.
type ID string

// PersonID names a human of the configuration. Votes are by PersonID.
type PersonID string

// State is where an action is in its life.
type State string

// The states. Denied, Withdrawn, Expired, Settled and Failed are final.
const (
	Proposed  State = "proposed"
	Approved  State = "approved"
	Running   State = "running"
	Applied   State = "applied"
	Settled   State = "settled"
	Denied    State = "denied"
	Withdrawn State = "withdrawn"
	Expired   State = "expired"
	Failed    State = "failed"
)

// Final reports whether no transition leaves s.
func (s State) Final() bool {
	switch s {
	case Settled, Denied, Withdrawn, Expired, Failed:
		return true
	}
	return false
}

// Action is one destructive request on its way. Everything that decides what
// runs and who may allow it is frozen when it is proposed.
type Action struct {
	ID      ID     `json:"id"`
	Version int    `json:"version"` // grows by one with every stored change
	State   State  `json:"state"`
	Request string `json:"request"`
	Command string `json:"command"`

	Frozen Frozen `json:"frozen"`
	Digest string `json:"digest"` // hex SHA-256 of Frozen's canonical JSON

	ProposedAt time.Time `json:"proposed_at"`
	ExpiresAt  time.Time `json:"expires_at"`  // the quorum must be there by then
	ApprovedAt time.Time `json:"approved_at"` // zero until the quorum is reached
	StartBy    time.Time `json:"start_by"`    // zero until the quorum is reached
	StartedAt  time.Time `json:"started_at"`
	AppliedAt  time.Time `json:"applied_at"`
	EndedAt    time.Time `json:"ended_at"`
	ChangedAt  time.Time `json:"changed_at"` // never goes backwards, even when the clock does

	Votes   []Vote   `json:"votes"`
	EndedBy PersonID `json:"ended_by,omitempty"`
	Reason  string   `json:"reason,omitempty"` // why denied, withdrawn or failed

	Steps    []Step   `json:"steps"`           // what Apply reported, in order
	Outcome  Outcome  `json:"outcome"`         // the latest step's outcome
	Progress Progress `json:"progress"`        // the latest look of Verify
	Attempts int      `json:"attempts"`        // failed tries of the current step
	Error    string   `json:"error,omitempty"` // the latest failure, in words
	Lease    Lease    `json:"lease"`
	// Unread is what an approved action waits for before it starts, in words: a
	// card that cannot be read back. "" when it waits for nothing.
	Unread string `json:"unread,omitempty"`

	Home     string   `json:"home"`                // address of the thread it was asked in; opaque here
	Rooms    []string `json:"rooms"`               // every thread that shows the card, Home among them
	Incident string   `json:"incident,omitempty"`  // the case it belongs to
	CaseHome string   `json:"case_home,omitempty"` // address of that case's home
	Notified int      `json:"notified"`            // approvers that were reached
	Reminded int      `json:"reminded"`            // how many reminders were sent
}

// Frozen is what people approve: shown in full on the card, bound by the
// digest, and exactly what Apply gets.
type Frozen struct {
	Command    string    `json:"command"`
	Args       []string  `json:"args"`
	Proposer   PersonID  `json:"proposer"`
	Account    string    `json:"account"` // the account that asked
	Reason     string    `json:"reason"`
	Plan       Plan      `json:"plan"`
	Policy     Policy    `json:"policy"`
	Electorate []Elector `json:"electorate"` // who held a role of the policy when it was proposed
}

// Plan is what would happen. Its lines are the card's lines.
type Plan struct {
	Target   Target          `json:"target"`
	Facts    []Fact          `json:"facts"`    // every match and look-alike, blast radius
	Will     []string        `json:"will"`     // what it will do, in order
	WillNot  []string        `json:"will_not"` // what it will not do
	Warnings []string        `json:"warnings,omitempty"`
	ReadAt   time.Time       `json:"read_at"` // when the blast radius was read
	Undo     string          `json:"undo,omitempty"`
	Next     []string        `json:"next,omitempty"` // commands to offer beside it
	Payload  json.RawMessage `json:"payload"`        // the exact identifiers for Apply
}

// Target is whom or what the action is about, resolved.
type Target struct {
	Kind      string   `json:"kind"`                // "panda user", "task", …
	Name      string   `json:"name"`                // exact, never cut
	Key       string   `json:"key"`                 // equal keys of one command are the same action
	Owners    []string `json:"owners,omitempty"`    // whose it is, by their exact names; where it is a user: none but Name
	Aliases   []string `json:"aliases,omitempty"`   // where it is a user: the other exact names of the same person that it is about
	Person    PersonID `json:"person,omitempty"`    // set when the target is a person of the configuration
	Protected string   `json:"protected,omitempty"` // why it is protected; needs the policy "protected"
	Forbidden string   `json:"forbidden,omitempty"` // why it can never be a target, such as a pilot factory
}

// Fact is one line of a card.
type Fact struct {
	Label string `json:"label"`
	Value string `json:"value"`
}

// Policy says who must approve and by when.
type Policy struct {
	Name               string        `json:"name"`
	Approvals          []Need        `json:"approvals"`
	Deny               []string      `json:"deny,omitempty"` // roles that may deny; empty: the roles of Approvals
	DistinctInstitutes bool          `json:"distinct_institutes"`
	Expires            time.Duration `json:"expires"`
	StartBy            time.Duration `json:"start_by"`
	Solo               bool          `json:"solo,omitempty"` // the proposer may approve alone, with a reason and a review item
	Own                bool          `json:"own,omitempty"`  // the proposer's approval counts like another's, if he or she holds the role
}

// Need is a number of distinct people holding a role.
type Need struct {
	Role  string `json:"role"`
	Count int    `json:"count"`
}

// Elector is a person as far as voting is concerned.
type Elector struct {
	Person    PersonID `json:"person"`
	Institute string   `json:"institute"`
	Roles     []string `json:"roles"`
	Accounts  []string `json:"accounts"`
}

// Verdict is what a vote says.
type Verdict string

// The verdicts. TakeBack withdraws one's own approval or, by the proposer, the action.
const (
	Approve  Verdict = "approve"
	Deny     Verdict = "deny"
	TakeBack Verdict = "withdraw"
)

// Ballot is one person's attempt to decide, from whatever surface.
type Ballot struct {
	Person  PersonID
	Account string
	Verdict Verdict
	Reason  string
	Surface string // button, reaction, typed, console, run
}

// Vote is a counted approval. Lost says why it no longer counts, "" while it does.
type Vote struct {
	Person  PersonID  `json:"person"`
	Account string    `json:"account"`
	Surface string    `json:"surface"`
	At      time.Time `json:"at"`
	Lost    string    `json:"lost,omitempty"`
}

// Step is one bounded piece of work that was done.
type Step struct {
	At   time.Time `json:"at"`
	Said string    `json:"said"`
}

// Outcome is what one Apply did. Apply is called again, with the stored
// Outcome in the Action, until Done.
type Outcome struct {
	Said  string          `json:"said"` // what this step did, for people
	Done  bool            `json:"done"`
	State json.RawMessage `json:"state,omitempty"` // where to go on; opaque
	// NotBefore is when to go on at the earliest, where something else must happen
	// before. Zero: at once.
	NotBefore time.Time `json:"not_before,omitzero"`
	// Unneeded is true when nothing had to be changed because it already held.
	Unneeded bool `json:"unneeded,omitempty"`
}

// Progress is what one Verify saw.
type Progress struct {
	Said     string         `json:"said"`
	Counts   map[string]int `json:"counts,omitempty"` // such as requested, delivered, gone
	Remains  []string       `json:"remains,omitempty"`
	Settled  bool           `json:"settled"`
	Complete bool           `json:"complete"`           // with Settled: everything took effect
	NextLook time.Time      `json:"next_look,omitzero"` // when to look again
	DueBy    time.Time      `json:"due_by,omitzero"`    // past this, what remains is named
	SeenAt   time.Time      `json:"seen_at,omitzero"`
}

// Lease says which process works on a running action, and until when.
type Lease struct {
	Holder string    `json:"holder,omitempty"`
	Until  time.Time `json:"until,omitzero"`
}
