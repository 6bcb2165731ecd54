package bot

import (
	"errors"
	"net/url"
	"strings"
	"time"
)

// Kind is what a person did.
type Kind string

// The kinds of Event.
const (
	Typed     Kind = "typed"     // a message to the bot; Value is its text
	Clicked   Kind = "clicked"   // a button; Value is the button's value, Target the message
	Reacted   Kind = "reacted"   // a reaction; Value is its name, Target the message
	Unreacted Kind = "unreacted" // a reaction taken back
	// Edited and Deleted tell that a message, Target, was changed or deleted, whoever
	// wrote it; never that the bot did that itself. Value is what an edited one says
	// now. The Account is who did it, with an ID only where the platform tells.
	Edited  Kind = "edited"
	Deleted Kind = "deleted"
	// Deaf and Heard tell that the platform stopped to deliver the events of the
	// Thread's workspace, and that it delivers them again or for the first time. At
	// is when. Heard comes when what was missed was read back: Since is from when
	// on, zero where the platform itself sent all of it later, and Value is what
	// could not be read, "" for nothing.
	Deaf  Kind = "deaf"
	Heard Kind = "heard"
	// Rejected is what the platform refused itself, such as a forged call: Value
	// says why. It is recorded and nobody is answered. Its Account has an ID only
	// where it is certain who that was.
	Rejected Kind = "rejected"
)

// Event is one thing a person did in chat, authenticated by its platform.
type Event struct {
	ID      string // the platform's stable id: a second delivery carries the same one
	Kind    Kind
	Account Account
	Thread  Thread
	Message string // id of the message that was typed, "" when the platform has none (slash commands)
	Target  string // id of the message that was clicked or reacted on
	Value   string
	At      time.Time // UTC, as the platform says
	// Files are beside what was typed.
	Files []Attachment `json:",omitempty"`
	// Ours says that the Target that was edited or deleted is a message of the
	// bot; Origin is the ID of the Event by which the Target was typed to the bot,
	// if it ever was.
	Ours   bool      `json:",omitempty"`
	Origin string    `json:",omitempty"`
	Since  time.Time `json:",omitzero"` // see Heard
	// Incident is the case that the request is part of, where the surface says
	// so (run --incident); else the thread's.
	Incident string `json:",omitempty"`
	Reply    string `json:"-"` // response url or token: opaque, short-lived, never stored or audited
}

// Account is one chat or operating-system account. ID is immutable; Name is
// what its owner calls himself today and is foreign text.
type Account struct {
	Platform  string
	Workspace string
	ID        string
	Name      string
	Standing  Standing
}

// Key is the account's address in configuration and records: platform/workspace/id,
// without the workspace where the platform has none.
func (a Account) Key() string {
	if a.Workspace == "" {
		return a.Platform + "/" + a.ID
	}
	return a.Platform + "/" + a.Workspace + "/" + a.ID
}

// Standing is what the platform says an account is. Only a Member may decide.
type Standing string

// The standings. The zero value is not Member: unknown fails closed.
const (
	Member      Standing = "member"
	Guest       Standing = "guest"
	Outsider    Standing = "outsider" // of another organisation, in a shared channel
	Bot         Standing = "bot"
	Bridged     Standing = "bridged" // spoken through a relay
	Deactivated Standing = "deactivated"
)

// Thread is the full address of a conversation. Root is "" for the channel itself.
type Thread struct {
	Platform  string
	Workspace string
	Channel   string
	Root      string
}

// String encodes a Thread so that ParseThread gives it back.
func (t Thread) String() string {
	return url.PathEscape(t.Platform) + "/" + url.PathEscape(t.Workspace) + "/" + url.PathEscape(t.Channel) + "/" + url.PathEscape(t.Root)
}

// ParseThread decodes what String encoded.
func ParseThread(s string) (Thread, error) {
	parts := strings.Split(s, "/")
	if len(parts) != 4 {
		return Thread{}, errors.New("bot: not a thread address")
	}
	for i, p := range parts {
		u, err := url.PathUnescape(p)
		if err != nil {
			return Thread{}, errors.New("bot: not a thread address")
		}
		parts[i] = u
	}
	return Thread{Platform: parts[0], Workspace: parts[1], Channel: parts[2], Root: parts[3]}, nil
}
