package pandatest

import (
	"sync"
	"time"
)

const killPath = "job/kill"

// load is how many kill requests the server had at a time, and for how long.
type load struct {
	mu    sync.Mutex
	now   int
	since time.Time // the last change; zero before the first request
	spent []time.Duration
}

func (l *load) change(by int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.spent) <= l.now {
		l.spent = append(l.spent, 0)
	}
	at := time.Now()
	if !l.since.IsZero() {
		l.spent[l.now] += at.Sub(l.since)
	}
	l.since, l.now = at, l.now+by
}

// Busy tells for how long, from the first kill request to the end of the last, the
// server had at least n of them, and for how long it had none.
func (s *Server) Busy(n int) (atLeast, none time.Duration) {
	s.load.mu.Lock()
	defer s.load.mu.Unlock()
	for requests, d := range s.load.spent {
		if requests >= n {
			atLeast += d
		}
		if requests == 0 {
			none += d
		}
	}
	return atLeast, none
}
