package bot

import (
	"context"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Command is something the bot can do, as data: /help, usage, docs and shell
// completion are made from it. Exactly one of Run and Plan is set; with Plan
// come Apply and Verify.
type Command struct {
	Name    string   // may be two words: "kill user"; the longest name that fits wins
	Args    string   // as usage shows it: `HOST TIME [site=S]`
	Summary string   // one line
	Example string   // a full command to copy
	Options []string // names of name=value arguments; others are ordinary words
	Role    Role     // who may use it
	As      []string // commands: it may be used where one of them may, too
	Policy  string   // name of the policy, for Plan commands; default: Name's first word
	// Pasted marks a command whose arguments are text from elsewhere, such as
	// lines of a log. It gets them as one word, and has no options.
	Pasted bool
	// Excerpt gives what a Pasted command needs of a text that is longer than what is
	// kept of an event; "" when that is nothing. See Engine.Paste.
	Excerpt func(text string) string
	// Decision marks approve, deny, withdraw: exempt from rate limits.
	Decision bool

	// Run answers and changes nothing outside the journal.
	Run func(context.Context, *Request) (Message, error)
	// Again runs a request once more by itself; an empty Message says nothing.
	Again func(ctx context.Context, r *Request, state []byte) (Message, error)

	// Plan resolves the target, states the blast radius and changes nothing.
	Plan func(context.Context, *Request) (action.Plan, error)
	// Apply does one bounded step; idempotent, looks first what already holds.
	Apply func(context.Context, action.Action) (action.Outcome, error)
	// Verify sees whether it took effect; asked again until Progress.Settled.
	Verify func(context.Context, action.Action) (action.Progress, error)
}

// PolicyName is the name of the policy that the command needs.
func (c Command) PolicyName() string {
	if c.Policy != "" {
		return c.Policy
	}
	first, _, _ := strings.Cut(c.Name, " ")
	return first
}

// Request is one use of a Command.
type Request struct {
	ID       string
	Command  string
	Person   Person
	Account  Account
	Thread   Thread  // where the answer goes
	Words    []Token // arguments without options
	Options  map[string]string
	Raw      string   // as typed
	Notes    []string // what the parser changed, to be echoed
	At       time.Time
	Late     bool   // interrupted and only now answered
	Incident string // the case whose home this thread is
	// Personal is false where personal data must be withheld: the channel is
	// public, shared or not configured for it.
	Personal bool
	Surface  string // typed, button, reaction, run

	// Look reads a message back in the request's place; nil: nothing can be read there.
	Look func(ctx context.Context, message string) (Original, error) `json:"-"`

	// Told takes what Progress tells; nil: nobody sees how far it is.
	Told func(so func() Message) `json:"-"`
}

// Args is Words as plain strings.
func (r *Request) Args() []string {
	out := make([]string, len(r.Words))
	for i, w := range r.Words {
		out[i] = w.Text
	}
	return out
}
