package bot

import (
	"context"
	"strconv"
	"sync"
	"time"
)

// Bounds of telling that there is a connection or none.
const (
	tellFirst = 100 * time.Millisecond
	tellLast  = 5 * time.Second
)

// Silence tells the program when a workspace of a platform is not heard. A
// platform has one for each workspace, in which it calls Begins when the last
// connection is lost and Ends when there is one and what was missed was read
// back. It is safe for concurrent use; the zero Silence has lasted since before
// the start.
type Silence struct {
	mu    sync.Mutex
	heard bool
}

// Begins tells that nothing arrives any more.
func (s *Silence) Begins(ctx context.Context, t Thread, handle func(context.Context, Event) error) {
	if s.turns(false) {
		tell(ctx, handle, Event{Kind: Deaf, Thread: t})
	}
}

// Ends tells that events arrive since a moment. What was said was read back from
// since on, zero where the platform itself sends what was missed; missed is what
// could not be read.
func (s *Silence) Ends(ctx context.Context, t Thread, at, since time.Time, missed string, handle func(context.Context, Event) error) {
	if s.turns(true) {
		tell(ctx, handle, Event{Kind: Heard, Thread: t, At: at, Since: since, Value: missed})
	}
}

func (s *Silence) turns(heard bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	news := s.heard != heard
	s.heard = heard
	return news
}

// tell hands over news of a connection until they are taken: nobody tells them again.
func tell(ctx context.Context, handle func(context.Context, Event) error, ev Event) {
	if ev.At.IsZero() {
		ev.At = now()
	}
	t := ev.Thread
	ev.Thread = Thread{Platform: t.Platform, Workspace: t.Workspace}
	ev.Account = Account{Platform: t.Platform, Workspace: t.Workspace}
	ev.ID = string(ev.Kind) + "/" + strconv.FormatInt(time.Now().UnixMicro(), 10)
	for pause := tellFirst; handle(ctx, ev) != nil; pause = min(2*pause, tellLast) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}
