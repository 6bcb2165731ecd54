package target

import (
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/bot/action"
)

// simulated is a backend whose clock is not the world's, as in a drill.
type simulated interface {
	Now() time.Time
	RealTime(simulated time.Time) time.Time
}

// Clock turns a backend's times into real ones. What people wait for is told
// in real time; what a backend has recorded is quoted in its own.
type Clock struct {
	backend simulated // nil: it keeps the world's time
}

// ClockOf is the clock that a backend keeps.
func ClockOf(backend any) Clock {
	s, _ := backend.(simulated)
	return Clock{backend: s}
}

// Real is when the world's clock shows a time of the backend's, UTC.
func (c Clock) Real(t time.Time) time.Time {
	if c.backend == nil {
		return t.UTC()
	}
	return c.backend.RealTime(t)
}

// Lasts is how long a time of the backend's takes in the real world.
func (c Clock) Lasts(d time.Duration) time.Duration {
	if c.backend == nil {
		return d
	}
	now := c.backend.Now()
	return c.backend.RealTime(now.Add(d)).Sub(c.backend.RealTime(now))
}

// Facts marks a card as a drill when the backend is a simulated one, so that
// nobody takes its jobs and times for real.
func (c Clock) Facts() []action.Fact {
	if c.backend == nil {
		return nil
	}
	return []action.Fact{{Label: "drill", Value: fmt.Sprintf("the grid is simulated; its clock shows %s", UTC(c.backend.Now()))}}
}
