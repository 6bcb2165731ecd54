package fakeserver

import "time"

// Rate is how often something may be done: Burst times at once, and then as often
// as Every allows.
type Rate struct {
	Burst int
	Every time.Duration
}

// Bucket counts against a Rate. Its zero value is full. It is not safe for
// concurrent use.
type Bucket struct {
	spent float64 // of the burst
	at    time.Time
}

// Take uses up one of what a rate allows. Where nothing is left it takes nothing,
// and says after which time something is.
func (b *Bucket) Take(r Rate) (wait time.Duration) {
	now := time.Now()
	b.spent = max(0, b.spent-float64(now.Sub(b.at))/float64(r.Every))
	b.at = now
	if over := b.spent + 1 - float64(r.Burst); over > 1e-9 { // a float's own error is no refusal
		return time.Duration(over * float64(r.Every))
	}
	b.spent++
	return 0
}
