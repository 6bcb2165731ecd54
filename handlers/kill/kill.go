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
	Finder
	Killer
}

// Finder finds tasks and jobs by their ids, whoever has them. What nobody knows is
// missing in the answer, and each of the others is there once.
type Finder interface {
	TasksByID(ctx context.Context, ids []string) ([]grid.FoundTask, error)
	JobsByID(ctx context.Context, ids []string) ([]grid.FoundJob, error)
	// JobsOfTasks gives the jobs of tasks that have not ended.
	JobsOfTasks(ctx context.Context, tasks []string) ([]grid.LiveJob, error)
}

// Killer registers kills and tells how far they have come. A kill that is
// registered is not yet one that took effect. It may be asked for several at a time.
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

// New gives the commands that kill. sites may be nil.
func New(b Backend, sites *grid.SiteMap) []bot.Command {
	of := func(name string) command {
		return command{name: name, backend: b, clock: target.ClockOf(b), sites: sites}
	}
	user, task, job := of(killUser), of(killTask), of(killJob)
	return []bot.Command{
		user.with(bot.Command{
			Args:    `"USER" REASON`,
			Summary: "cancel the tasks and jobs that a user has now; tracked until each is seen gone",
			Example: `kill user "Naughty User" cryptominer on wn042`,
			Plan:    user.planUser,
		}),
		task.with(bot.Command{
			Args:    "TASK… REASON",
			Summary: "cancel tasks and the jobs that they have now, whoever's they are",
			Example: "kill task 41000101 41000102 cryptominer on wn042",
			Plan:    task.planTasks,
		}),
		job.with(bot.Command{
			Args:    "PANDAID… REASON",
			Summary: "cancel single jobs, whoever's they are; a live task makes new ones in their place",
			Example: "kill job 6001000000 6001010000 cryptominer on wn042",
			Plan:    job.planJobs,
		}),
	}
}

// The names of the commands.
const (
	killUser = "kill user"
	killTask = "kill task"
	killJob  = "kill job"
)

// command is one of them.
type command struct {
	name    string
	backend Backend
	clock   target.Clock
	sites   *grid.SiteMap
}

// with adds what the commands have in common.
func (c command) with(b bot.Command) bot.Command {
	b.Name, b.Role = c.name, bot.Shifter
	b.Apply, b.Verify = c.apply, c.verify
	return b
}

// live is what an order is about, as it is now: new jobs among it.
func (c command) live(ctx context.Context, o order) (target.Live, error) {
	switch c.name {
	case killUser:
		return target.ReadLive(ctx, c.backend, o.users())
	case killTask:
		return c.liveTasks(ctx, o.Tasks)
	}
	return target.Live{}, nil // single jobs are followed one by one
}
