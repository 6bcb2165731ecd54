package kill

import (
	"context"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/target"
)

// Backend is one workload system: its users, what they run, and its kills.
type Backend interface {
	target.Users
	target.Workload
	Killer
}

// Killer registers kills and tells how far they have come. A kill that is
// registered is not yet one that took effect.
type Killer interface {
	// KillTask registers the kill of a task; false when it is unknown or over. It
	// may be repeated. grid.ErrNotYet: to be tried again in some minutes.
	KillTask(ctx context.Context, id string) (bool, error)
	// KillJobs registers kills; one truth value for each id, in their order. A
	// job that is over or flagged already gives false.
	KillJobs(ctx context.Context, ids []string) ([]bool, error)
	// KillStatus gives the state of each id, in their order. State is empty for a
	// live job without a registered kill. since is when all the kills were
	// registered, zero where that is not known: a pilot that called later was told.
	// Due is by the backend's clock.
	KillStatus(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error)
}

// New gives kill user. sites may be nil.
func New(b Backend, sites *grid.SiteMap) []bot.Command {
	c := command{backend: b, clock: target.ClockOf(b), sites: sites}
	return []bot.Command{{
		Name: "kill user", Args: `"USER" REASON`,
		Summary: "cancel the tasks and jobs that a user has now; tracked until each is seen gone",
		Example: `kill user "Naughty User" cryptominer on wn042`,
		Role:    bot.Shifter,
		Plan:    c.plan, Apply: c.apply, Verify: c.verify,
	}}
}

type command struct {
	backend Backend
	clock   target.Clock
	sites   *grid.SiteMap
}
