package bot

import (
	"fmt"
	"sync"
	"time"
)

// RejectionsPerMinute is how many Rejected events a platform hands over within a
// minute: whoever can call the bot could fill the audit log otherwise.
const RejectionsPerMinute = 10

// Rejections counts what a platform has rejected. It is safe for concurrent use;
// the zero value is ready.
type Rejections struct {
	mu     sync.Mutex
	since  time.Time
	n      int
	missed int
}

// Take reports whether one more is recorded, with the text why it was rejected, and
// how many were not since the last one that was. told is that text, which tells of
// them.
func (r *Rejections) Take(at time.Time, why string) (told string, missed int, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.Sub(r.since) >= time.Minute {
		r.since, r.n = at, 0
	}
	if r.n >= RejectionsPerMinute {
		r.missed++
		return "", 0, false
	}
	r.n++
	missed, r.missed = r.missed, 0
	if missed > 0 {
		why += fmt.Sprintf("; %d more before it were not recorded", missed)
	}
	return why, missed, true
}
