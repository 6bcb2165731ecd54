package action

import (
	"context"
	"errors"
	"time"

	"github.com/gridwarden/gridwarden/bot/audit"
)

// Store keeps actions. Every change goes through Update: one transaction that
// writes the action, its votes and everything in Effects, or nothing.
type Store interface {
	// Create stores a new action. ErrExists when the ID is taken. When an
	// action with the same command and target key is open, it returns that one
	// and false, and stores nothing.
	Create(ctx context.Context, a Action, fx Effects) (stored Action, created bool, err error)
	// Update changes an action by a pure and fast function that does no I/O
	// and may run twice. When change fails nothing is stored, except the
	// Records of a *Refusal-like error's Effects: Effects returned together
	// with an error are stored without the action's change.
	Update(ctx context.Context, id ID, change func(*Action) (Effects, error)) (Action, error)
	// UpdateFor is Update because of a request, which changes an action once: it
	// gives ErrRepeated when the request has changed this action before. It is
	// refused as Create is when the request is another process's.
	UpdateFor(ctx context.Context, request string, id ID, change func(*Action) (Effects, error)) (Action, error)
	// Action returns one action; ErrNotFound when there is none.
	Action(ctx context.Context, id ID) (Action, error)
	// OpenActions returns every action that is not final, oldest first.
	OpenActions(ctx context.Context) ([]Action, error)
	// Actions returns the latest actions of those commands first, or of all
	// when none is named, at most limit.
	Actions(ctx context.Context, limit int, commands ...string) ([]Action, error)
}

// Effects is what must be true together with a change.
type Effects struct {
	Records []audit.Record
	Work    []Work
	Posts   []Post
}

// Add appends o's effects to fx.
func (fx *Effects) Add(o Effects) {
	fx.Records = append(fx.Records, o.Records...)
	fx.Work = append(fx.Work, o.Work...)
	fx.Posts = append(fx.Posts, o.Posts...)
}

// Work is something to be done later, at least once. A Work with the Kind and
// Key of one that waits replaces it. The action's version fences what it does.
type Work struct {
	Kind string
	Key  string
	Args []byte
	At   time.Time
}

// Post is something to be said, opaque here: the bot encodes and decodes it.
// A Key that was used before is dropped, so that nothing is said twice.
type Post struct {
	Key    string
	Thread string
	Body   []byte
	Card   ID // set: show the card of this action or case in Thread at its present version; Body is empty
}

// ErrNotFound is returned for something that a Store does not have, ErrExists
// for something that must be new and is not, ErrRepeated for a change that the
// same request has made before.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrRepeated = errors.New("done by this request before")
)
