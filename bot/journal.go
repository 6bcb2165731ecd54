package bot

import (
	"context"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
)

// ErrNotFound is returned by a Journal for something that it does not have,
// ErrExists for something that must be new and is not.
var (
	ErrNotFound = action.ErrNotFound
	ErrExists   = action.ErrExists
)

// Journal is the bot's own database and the record of truth. Every method
// either takes effect durably or not at all. Errors that a person should
// understand (disk full, read-only, locked) implement ForPeople. The Store's
// methods are part of it; see action.Store for their contract.
type Journal interface {
	action.Store
	Presence
	Inbox
	Outbox
	Timer
	Cases

	// Write stores records, work and posts that belong to no other change.
	Write(ctx context.Context, fx action.Effects) error
	// Records returns the records that fit, oldest first, at most f.Limit.
	Records(ctx context.Context, f RecordFilter) ([]audit.Record, error)
	// Latest returns the newest record of those kinds about a subject; ErrNotFound
	// when there is none. One that somebody put into the database is an error.
	Latest(ctx context.Context, subject string, kinds ...audit.Kind) (audit.Record, error)

	// Links returns the accounts that were tied to people in chat: account key to person.
	Links(ctx context.Context) (map[string]action.PersonID, error)
	// Link ties an account to a person, with its record. ErrExists when it is tied to another.
	Link(ctx context.Context, account string, person action.PersonID, fx action.Effects) error

	// Remembered returns the bytes kept under key; ErrNotFound when there are none.
	Remembered(ctx context.Context, key string) ([]byte, error)
	// Remember replaces the bytes kept under key, together with fx.
	Remember(ctx context.Context, key string, value []byte, fx action.Effects) error
}

// Presence tells the processes that share a journal of each other. The
// requests, deliveries and work that one has in hand are its own as long as it
// is present.
type Presence interface {
	// Present says that this process is at work until until, or says so anew.
	Present(ctx context.Context, until time.Time) error
	// Others returns the other processes that said so and have not left, and
	// until when each said it.
	Others(ctx context.Context) (map[string]time.Time, error)
	// Release takes from a process what it has in hand: requests are orphans
	// then, deliveries and work are due.
	Release(ctx context.Context, holder string) error
	// Leave releases this process.
	Leave(ctx context.Context) error
}

// ErrTakenOver refuses what a request wants to do after another process took
// the request over.
var ErrTakenOver = Problemf("taken-over", "Another gridwarden process has taken this request over, so nothing was proposed here. Look at `pending`.")

// Inbox holds every Event before the platform is acknowledged. A request is
// the process's that received it; while another has it, an action cannot be
// created for it: Create gives ErrTakenOver.
type Inbox interface {
	// Receive stores ev under request unless its platform, workspace and id
	// were received before: then fresh is false and nothing changes.
	Receive(ctx context.Context, request string, ev Event, at time.Time) (fresh bool, err error)
	// Finish marks the request done together with fx, in one transaction. A
	// request that was done before stays as it is, its effects are dropped and
	// done is false.
	Finish(ctx context.Context, request string, fx action.Effects) (done bool, err error)
	// Unfinished returns what was received and not finished, oldest first.
	Unfinished(ctx context.Context) ([]ReceivedEvent, error)
	// Orphans puts into this process's hands what was received on those platforms
	// and not finished, and is in the hands of nobody who is present: the oldest
	// limit of it.
	Orphans(ctx context.Context, platforms []string, limit int) ([]ReceivedEvent, error)
	// Request returns the request that an event of a platform and workspace
	// became; ErrNotFound when it was never received, or so long ago that nothing
	// of it is kept.
	Request(ctx context.Context, platform, workspace, event string) (string, error)
	// Held returns what is in this process's hands and was received before a
	// time and not finished, oldest first.
	Held(ctx context.Context, before time.Time) ([]ReceivedEvent, error)
}

// ReceivedEvent is an Event in the inbox.
type ReceivedEvent struct {
	Request string
	Event   Event
	At      time.Time // when it was received
}

// Outbox says things in order: within a thread nothing is delivered before
// what was queued earlier.
type Outbox interface {
	// NextDeliveries returns the first waiting delivery of each thread that is
	// due at now, and hides them for lease from other callers.
	NextDeliveries(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]Delivery, error)
	// Delivered marks a delivery done. For a card it stores the message id and
	// the version shown.
	Delivered(ctx context.Context, id int64, message string, version int, at time.Time) error
	// Undelivered puts a delivery off until next and keeps why. giveUp ends it:
	// later deliveries of the thread go on.
	Undelivered(ctx context.Context, id int64, why string, next time.Time, giveUp bool) error
	// CardMessages returns where the card of an action or case stands, by thread address.
	CardMessages(ctx context.Context, id action.ID) (map[string]ShownCard, error)
	// CardAt returns the action or case whose card is the message; ErrNotFound when none is.
	CardAt(ctx context.Context, thread, message string) (action.ID, error)
	// Posted returns how far the post of a key has come; ErrNotFound when there is
	// none, also when it was said so long ago that nothing of it is kept.
	Posted(ctx context.Context, key string) (Posted, error)
	// SaidAt reports whether a message in a thread was said by the bot.
	SaidAt(ctx context.Context, thread, message string) (bool, error)
	// Waiting counts deliveries that are queued, and the oldest one's time.
	Waiting(ctx context.Context) (n int, oldest time.Time, err error)
}

// Delivery is one Post on its way.
type Delivery struct {
	ID       int64
	Post     action.Post
	Attempts int
	QueuedAt time.Time
}

// ShownCard is where a card stands and which version of what it tells of it shows.
type ShownCard struct {
	Message string
	Version int
}

// Timer is work to be done later, at least once.
type Timer interface {
	// DueWork returns work due at now and hides it for lease from other callers.
	DueWork(ctx context.Context, now time.Time, lease time.Duration, limit int) ([]DueWork, error)
	// WorkDone removes the work, together with fx, unless it was replaced
	// meanwhile: a newer Work of the same kind and key stays.
	WorkDone(ctx context.Context, w DueWork, fx action.Effects) error
	// WorkAgain puts the work off.
	WorkAgain(ctx context.Context, w DueWork, at time.Time, why string) error
	// NextWork returns when the earliest work is due; zero when there is none.
	NextWork(ctx context.Context) (time.Time, error)
}

// DueWork is Work that is due. Token fences it against a newer one.
type DueWork struct {
	action.Work
	Token    int64
	Attempts int
}

// Cases are incidents with their notes.
type Cases interface {
	// OpenIncident stores a new case; ErrExists when its thread is the home of an open one.
	OpenIncident(ctx context.Context, i Incident, fx action.Effects) error
	// UpdateIncident changes a case in one transaction.
	UpdateIncident(ctx context.Context, id string, change func(*Incident) (action.Effects, error)) (Incident, error)
	// Incident returns one case; ErrNotFound when there is none.
	Incident(ctx context.Context, id string) (Incident, error)
	// IncidentAt returns the case whose home the thread is, open ones first.
	IncidentAt(ctx context.Context, thread string) (Incident, error)
	// OpenIncidents returns the cases that are not closed, oldest first.
	OpenIncidents(ctx context.Context) ([]Incident, error)
	// Incidents returns the latest first, at most limit.
	Incidents(ctx context.Context, limit int) ([]Incident, error)
}

// Incident is a case: its home thread and what people noted in it. The rest of
// its timeline is the audit records that name it.
type Incident struct {
	ID       string          `json:"id"`
	Version  int             `json:"version"`
	Title    string          `json:"title"`
	Thread   string          `json:"thread"`
	OpenedBy action.PersonID `json:"opened_by"`
	OpenedAt time.Time       `json:"opened_at"`
	ClosedBy action.PersonID `json:"closed_by,omitempty"`
	ClosedAt time.Time       `json:"closed_at,omitzero"`
	Outcome  string          `json:"outcome,omitempty"`
	Evidence []Evidence      `json:"evidence,omitempty"`
	Notes    []Note          `json:"notes,omitempty"`
}

// Note is something a person added to a case.
type Note struct {
	Person action.PersonID `json:"person"`
	At     time.Time       `json:"at"`
	Text   string          `json:"text"`
}

// RecordFilter picks records; empty fields pick all.
type RecordFilter struct {
	Subject  string
	Request  string
	Incident string
	Kinds    []audit.Kind
	Since    time.Time
	Latest   bool // the latest Limit records instead of the first
	Limit    int
}
