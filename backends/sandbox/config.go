package sandbox

import (
	"fmt"
	"math"
	"time"
)

// The default of Config.Speed, and its bounds. At 60 a pilot calls every 30 s.
const (
	defaultSpeed = 60
	maxSpeed     = 1e5
)

// defaultAge is how far the simulated clock starts behind the real one, so that
// the incident lies in the past and the simulated time stays there for hours.
const defaultAge = 7 * 24 * time.Hour

// Config says how the simulated grid is made. The zero Config is a usable one.
type Config struct {
	// Speed is how many simulated seconds pass in a real one; zero is 60.
	Speed float64 `yaml:"speed"`
	// Seed picks hosts, batch ids and waiting times; equal seeds give equal grids.
	Seed int64 `yaml:"seed"`
	// Start is the simulated time at which the clock begins; zero is a week
	// before the real time of that moment.
	Start time.Time `yaml:"start"`
	// File keeps what was done to the grid, and its clock, across restarts and
	// between processes; "" keeps it in memory.
	File string `yaml:"file"`
	// Crowd is how many more people have jobs in the hours of the incident, so that
	// answers are long. It is bounded by maxCrowd.
	Crowd int `yaml:"crowd"`
	// Hostile adds people whose names, tasks and payloads try to be mentions,
	// links, Markdown and commands, so that a chat can be looked at with them.
	Hostile bool `yaml:"hostile"`
}

// settled fills in the defaults.
func (c Config) settled(now time.Time) (Config, error) {
	if c.Speed == 0 {
		c.Speed = defaultSpeed
	}
	if math.IsNaN(c.Speed) || c.Speed < 0 || c.Speed > maxSpeed {
		return c, fmt.Errorf("sandbox: speed %v is not between 0 and %v", c.Speed, maxSpeed)
	}
	if c.Crowd < 0 || c.Crowd > maxCrowd {
		return c, fmt.Errorf("sandbox: a crowd of %d is not between 0 and %d", c.Crowd, maxCrowd)
	}
	if c.Start.IsZero() {
		c.Start = now.Add(-defaultAge).Truncate(time.Second)
	}
	c.Start = c.Start.UTC()
	return c, nil
}
