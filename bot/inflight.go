package bot

import "sync"

// inFlight counts requests and deliveries in work.
type inFlight struct {
	mu sync.Mutex
	n  int
}

func (f *inFlight) add() {
	f.mu.Lock()
	f.n++
	f.mu.Unlock()
}

func (f *inFlight) done() {
	f.mu.Lock()
	f.n--
	f.mu.Unlock()
}

func (f *inFlight) none() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n == 0
}
