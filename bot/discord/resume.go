package discord

import (
	"sync"
	"time"
)

// resuming is a session of the gateway as far as it is needed to go on with it:
// what of it the program has not kept yet comes again.
type resuming struct {
	mu      sync.Mutex
	session string
	url     string
	last    int64 // the latest number received
	missed  int   // how often its address could not be reached
	hand    map[int64]time.Time
}

// begin takes an event in hand; false when it is in hand already, because it
// came again on another socket while the program was busy with it.
func (r *resuming) begin(seq int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, busy := r.hand[seq]; busy {
		return false
	}
	if r.hand == nil {
		r.hand = map[int64]time.Time{}
	}
	r.last = max(r.last, seq)
	r.hand[seq] = time.Now()
	return true
}

// end says that an event is kept, or nothing for us.
func (r *resuming) end(session string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if session == r.session {
		delete(r.hand, seq)
	}
}

// point is where a resumed session goes on: after the last event before which
// everything is kept. Without a session it is empty.
func (r *resuming) point() (session, url string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	seq = r.last
	for s := range r.hand {
		seq = min(seq, s-1)
	}
	return r.session, r.url, seq
}

// id is the session as events are known by: numbers begin anew in another one.
func (r *resuming) id() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.session
}

// start begins a session, whose first number is that of READY.
func (r *resuming) start(session, url string, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.session, r.url, r.last, r.missed, r.hand = session, url, seq, 0, nil
}

// miss notes that the session could not be reached, and reports whether that is so
// for too long.
func (r *resuming) miss() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.missed++
	return r.missed >= maxMisses
}

// maxMisses is how often a session's address is tried before another session is begun.
const maxMisses = 5

// drop ends a session that Discord does not go on with, and returns since when
// something of it was not kept; zero when nothing was.
func (r *resuming) drop() (since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, at := range r.hand {
		if since.IsZero() || at.Before(since) {
			since = at
		}
	}
	r.session, r.url, r.last, r.hand = "", "", 0, nil
	return since
}
