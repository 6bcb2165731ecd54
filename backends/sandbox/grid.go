package sandbox

import (
	"context"
	"fmt"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Grid is the simulated grid. It is safe for concurrent use, and several
// processes may share one by Config.File.
type Grid struct {
	seed     int64
	clock    clock
	log      *eventLog
	accounts []grid.Account
	tasks    []task // those that nobody has to submit first
	batch    []cmsJob
}

// New makes the grid, or opens the one that c.File keeps.
func New(c Config) (*Grid, error) {
	c, err := c.settled(time.Now())
	if err != nil {
		return nil, err
	}
	log, head, err := openLog(c, time.Now())
	if err != nil {
		return nil, err
	}
	g := &Grid{seed: head.Seed, clock: head.clock(), log: log}
	g.accounts = accountsAt(g.clock.Start, c.Hostile)
	g.tasks = tasksAt(g.clock.Start)
	g.batch = append(cmsJobsAt(g.clock.Start), crowd(c.Crowd, g.clock.Start)...)
	if c.Hostile {
		g.tasks = append(g.tasks, hostileTasks(g.clock.Start)...)
		g.batch = append(g.batch, hostileJobs(g.clock.Start)...)
	}
	return g, nil
}

// Name is the word for the sandbox in answers and for source=.
func (g *Grid) Name() string { return "sandbox" }

// Experiment is that of the accounts. Sightings has jobs of both experiments.
func (g *Grid) Experiment() grid.Experiment { return grid.ATLAS }

// Check tells whether what was done to the grid can be read.
func (g *Grid) Check(context.Context) error {
	_, err := g.history()
	return err
}

// Newest is the simulated time: the sandbox's records are never late.
func (g *Grid) Newest(context.Context) (time.Time, error) { return g.Now(), nil }

// history is what was done to the grid so far.
func (g *Grid) history() (history, error) {
	h, err := g.log.history(func() []event { return eventsBefore(g.clock.Start) })
	if err != nil {
		return history{}, fmt.Errorf("sandbox: reading what was done: %w", err)
	}
	return h, nil
}

// do stores what somebody does now.
func (g *Grid) do(e event) error {
	e.At = g.Now()
	if err := g.log.append(e); err != nil {
		return fmt.Errorf("sandbox: storing a %s: %w", e.Do, err)
	}
	return nil
}
