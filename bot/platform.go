package bot

import (
	"context"
	"net/http"
	"time"
)

// Platform is a chat system.
type Platform interface {
	// Name is the word used in configuration and addresses, such as "console".
	Name() string
	// Listen receives until ctx ends. handle returns once the Event is in the
	// inbox; only then may the platform acknowledge it. When handle fails the
	// platform must deliver the Event again or tell the person. It reconnects by itself.
	Listen(ctx context.Context, handle func(context.Context, Event) error) error
	// Post says m in t and returns the message's id.
	Post(ctx context.Context, t Thread, m Message) (id string, err error)
	// Update replaces the message id in t. The error wraps ErrNotFound when that
	// message is there no more, and only then.
	Update(ctx context.Context, t Thread, id string, m Message) error
}

// Whisperer is a Platform that can answer one account only.
type Whisperer interface {
	Whisper(ctx context.Context, t Thread, to Account, m Message) error
}

// Finder is a Platform that can tell whether a post took effect although its
// acknowledgement was lost: it looks for key among the bot's recent messages in t.
type Finder interface {
	FindPost(ctx context.Context, t Thread, key string) (id string, found bool, err error)
}

// KeyedPoster is a Platform that can attach the key that Finder looks for.
type KeyedPoster interface {
	PostKeyed(ctx context.Context, t Thread, key string, m Message) (id string, err error)
}

// Seeder is a Platform on which the bot puts the decision reactions under a card itself.
type Seeder interface {
	Seed(ctx context.Context, t Thread, id string, reactions []string) error
}

// Grouper is a Platform whose groups can be the source of a role.
type Grouper interface {
	// Members returns the account keys in a group; an error when it cannot be read.
	Members(ctx context.Context, group string) ([]string, error)
}

// Audience is a Platform that knows who can read a channel. It is asked before a
// command and again before whatever tells of people is said, so an answer may be
// kept for a minute at most and is forgotten when the platform tells of a change.
type Audience interface {
	// Shared reports whether guests, outsiders or the public can read t.
	Shared(ctx context.Context, t Thread) (bool, error)
}

// Reader is a Platform that can read a message back, whoever wrote it.
type Reader interface {
	// Read returns a message in the place of t as it stands now. The error wraps
	// ErrNotFound when there is none that the bot may read, and only then.
	Read(ctx context.Context, t Thread, id string) (Original, error)
}

// Original is a message as it stands on a platform. All of it is foreign text.
type Original struct {
	Thread Thread
	Author Account // as the platform knows the author now; without an ID it does not say
	At     time.Time
	Text   string // as it was written, with the platform's own syntax
	Files  []Enclosure
	Link   string // where people find it, "" when the platform has no such address
}

// Enclosure tells of a file beside a message.
type Enclosure struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
}

// Connected is a Platform that holds a connection to a server and knows how it is.
type Connected interface {
	// Connection reports whether events arrive now, and how often since the
	// start the connection was lost and made again. It returns at once.
	Connection() (up bool, reconnects int)
}

// Called is a Platform that its server calls over HTTP.
type Called interface {
	// Routes are the handlers by pattern: a method and a path that begins with
	// the platform's name, such as "POST /slack/grid/events". The program serves
	// them at http.public_url from before Listen runs until after it has ended,
	// with bounded bodies and times. A handler that answers that an event was
	// taken has it in the inbox by then.
	Routes() map[string]http.Handler
}

// Knower is a Platform that can say who an account is now.
type Knower interface {
	// Account asks about an id in a workspace. Whoever is not there has a standing
	// that may do nothing; an error says that the platform did not tell.
	Account(ctx context.Context, workspace, id string) (Account, error)
}
