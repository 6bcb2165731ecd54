package bot

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Defaults of the rate limits, commands a minute.
const (
	defaultPerPerson  = 30
	defaultPerChannel = 120
)

// limiter bounds commands per person and per channel. Only known people reach
// it, so that its maps are bounded by the configuration.
type limiter struct {
	people *People
	mu     sync.Mutex
	by     map[string]*rate.Limiter
}

func newLimiter(people *People) *limiter {
	return &limiter{people: people, by: map[string]*rate.Limiter{}}
}

// allow answers nil or a sentence that says when to ask again.
func (l *limiter) allow(p Person, t Thread) error {
	limits := l.people.Rules().Limits
	perPerson, perChannel := limits.PerPerson, limits.PerChannel
	if perPerson <= 0 {
		perPerson = defaultPerPerson
	}
	if perChannel <= 0 {
		perChannel = defaultPerChannel
	}
	t.Root = ""
	l.mu.Lock()
	defer l.mu.Unlock()
	if wait := l.take("person "+string(p.ID), perPerson); wait > 0 {
		return Problemf("rate", "You asked more than %d commands in a minute; this one was not run. Ask again in %s. Decisions are never limited.", perPerson, wait)
	}
	if wait := l.take("channel "+t.String(), perChannel); wait > 0 {
		return Problemf("rate", "This channel asked more than %d commands in a minute; this one was not run. Ask again in %s. Decisions are never limited.", perChannel, wait)
	}
	return nil
}

// take returns how long to wait, zero when a token was free.
func (l *limiter) take(key string, perMinute int) time.Duration {
	limit := rate.Limit(float64(perMinute) / 60)
	r, ok := l.by[key]
	if !ok || r.Burst() != perMinute {
		r = rate.NewLimiter(limit, perMinute)
		l.by[key] = r
	}
	res := r.Reserve()
	if wait := res.Delay(); wait > 0 {
		res.Cancel()
		return wait.Truncate(time.Second) + time.Second
	}
	return 0
}
