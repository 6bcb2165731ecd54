package bot

import (
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// Meter counts what the Engine does, for whoever watches it. Its methods return
// at once and may be called by several goroutines. What names a thing comes
// from the program and never from what somebody typed, so there are few
// different values: a platform that does not run here is "unknown", a command
// is one of the engine's or "".
type Meter interface {
	// Received tells of an event that a platform handed over, took before. It
	// is durable unless there is an err; not fresh is one that was received before.
	Received(platform string, kind Kind, fresh bool, took time.Duration, err error)
	// Answered tells that a request was concluded, took after it was received.
	// state is that of its Reply.
	Answered(command, state string, took time.Duration)
	// Delivered tells of one try to say a message that was queued waited before.
	Delivered(platform string, waited time.Duration, err error)
	// Stepped tells of one call of a command's Apply or Verify.
	Stepped(command string, step Step, took time.Duration, err error)
}

// Step is a call that the engine makes for an action by itself.
type Step string

// The steps.
const (
	ApplyStep  Step = "apply"
	VerifyStep Step = "verify"
)

// Backlog is what waits in a journal at a moment. A time is zero where nothing is.
type Backlog struct {
	Unfinished       int // requests that were received and not answered
	OldestUnfinished time.Time
	Waiting          int // messages in the outbox
	OldestWaiting    time.Time
	Open             map[action.State]int // actions
	Unplaced         int                  // records without a place in the audit log
	OldestUnplaced   time.Time
	NewestPlaced     time.Time // newest record with a place: the last checkpoint was signed after it
}

// unmetered counts nothing.
type unmetered struct{}

func (unmetered) Received(string, Kind, bool, time.Duration, error) {}
func (unmetered) Answered(string, string, time.Duration)            {}
func (unmetered) Delivered(string, time.Duration, error)            {}
func (unmetered) Stepped(string, Step, time.Duration, error)        {}

// running is the name of a platform that runs here, for a Meter.
func (e *Engine) running(platform string) string {
	if _, ok := e.platforms[platform]; ok || platform == RunPlatform {
		return platform
	}
	return "unknown"
}
