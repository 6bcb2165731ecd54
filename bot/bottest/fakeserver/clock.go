package fakeserver

import (
	"net/http"
	"sync/atomic"
	"time"
)

// Clock is the clock of a fake, as the header Date of its answers tells it. Its
// zero value goes as this machine's does.
type Clock struct{ ahead atomic.Int64 }

// SetClock puts the clock ahead of this machine's, or behind it.
func (c *Clock) SetClock(ahead time.Duration) { c.ahead.Store(int64(ahead)) }

// Date writes the header, before anything else of an answer.
func (c *Clock) Date(h http.Header) {
	h.Set("Date", time.Now().Add(time.Duration(c.ahead.Load())).UTC().Format(http.TimeFormat))
}
