package sandbox

import "time"

// clock ties the simulated time to the real one.
type clock struct {
	Began time.Time // real
	Start time.Time // simulated, at Began
	Speed float64   // simulated seconds in a real one
}

func (c clock) simulated(real time.Time) time.Time {
	return c.Start.Add(time.Duration(float64(real.Sub(c.Began)) * c.Speed)).UTC()
}

// real rounds up, so that a look at real(t) finds the simulated time at t or after.
func (c clock) real(simulated time.Time) time.Time {
	return c.Began.Add(time.Duration(float64(simulated.Sub(c.Start))/c.Speed) + time.Microsecond).UTC()
}

// Now is the simulated time, UTC.
func (g *Grid) Now() time.Time { return g.clock.simulated(time.Now()) }

// RealTime is when the real clock will show, or has shown, a simulated time, UTC.
func (g *Grid) RealTime(simulated time.Time) time.Time { return g.clock.real(simulated) }

// GateDelay is the real time after which every front end knows of a ban, or of
// its end: PanDA's front ends read the list of banned names every 600 s.
func (g *Grid) GateDelay() time.Duration {
	return time.Duration(float64(gateDelay) / g.clock.Speed)
}
