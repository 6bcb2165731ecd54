package fakediscord

import (
	"net/http"
	"strconv"
	"time"
)

// limit is so many requests within a time.
type limit struct {
	most   int
	within time.Duration
}

// Discord's limits. All requests together: topics/rate-limits, global rate limit,
// from which interactions are exempt (interactions/receiving-and-responding). Those
// of routes are not promised, only told by headers; these are what bots are told
// (gist.github.com/XynoxTheDev/8aa33c15bf0e2a550789d3f6faa475ee).
var (
	everything = limit{50, time.Second}
	ofRoutes   = map[string]limit{"message.create": {5, 5 * time.Second}, "message.edit": {5, 5 * time.Second}, "reaction.add": {1, 250 * time.Millisecond}}
	exempt     = map[string]bool{"interaction": true, "followup": true, "original.get": true, "original.edit": true}
)

// window counts requests from the first one on.
type window struct {
	until time.Time
	n     int
}

// take counts one more and tells how many are left and when the count begins anew;
// left is below zero where it was one too many.
func (w *window) take(l limit) (left int, after time.Duration) {
	now := time.Now()
	if !now.Before(w.until) {
		w.until, w.n = now.Add(l.within), 0
	}
	w.n++
	return l.most - w.n, w.until.Sub(now)
}

// Limit has Discord's rates kept from now on, so that what is too much gets a 429, or not.
func (s *Server) Limit(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rates = on
}

// tooOften is the refusal of a request that is one too many, nil for one that is
// not; of routes the headers tell beforehand. Those that share a bucket in a channel
// are told by the same name. The caller holds mu.
func (s *Server) tooOften(w http.ResponseWriter, name string, r *http.Request) *Fault {
	if !s.rates || exempt[name] {
		return nil
	}
	count := func(key string, l limit) (int, time.Duration) {
		if s.spent[key] == nil {
			s.spent[key] = &window{}
		}
		return s.spent[key].take(l)
	}
	if left, after := count("", everything); left < 0 {
		return &Fault{Status: http.StatusTooManyRequests, RetryAfter: after, Global: true}
	}
	l, some := ofRoutes[name]
	if !some {
		return nil
	}
	left, after := count(name+" "+r.PathValue("channel"), l)
	seconds := strconv.FormatFloat(after.Seconds(), 'f', 3, 64)
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(l.most))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(left, 0)))
	w.Header().Set("X-RateLimit-Reset-After", seconds)
	w.Header().Set("X-RateLimit-Bucket", name)
	if left < 0 {
		return &Fault{Status: http.StatusTooManyRequests, RetryAfter: after}
	}
	return nil
}
