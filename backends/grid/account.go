package grid

import (
	"errors"
	"time"
)

// AccountKind says what an account in an experiment's workload system stands for.
type AccountKind string

// The kinds of account or DN.
const (
	PersonAccount  AccountKind = "person"
	PilotFactory   AccountKind = "pilot factory"
	RobotAccount   AccountKind = "robot"
	ServiceAccount AccountKind = "service"
	UnknownAccount AccountKind = "unknown"
)

// Account is one user row of a workload system, such as PanDA's users table.
type Account struct {
	ID         string // the system's immutable key
	Experiment Experiment
	Name       string // exact and case-sensitive, such as PanDA's prodUserName
	DN         string
	Email      string
	Kind       AccountKind
	Banned     bool
	BannedAt   time.Time // zero when unknown
	LastSeen   time.Time
}

// AccountMatches is what a name or DN resolves to. Only Exact may be acted
// upon; the rest is shown and never picked.
type AccountMatches struct {
	Exact      []Account
	LookAlike  []Account // other case, look-alike letters, small typing distance
	SamePerson []Account // other accounts that a DN, a login or an e-mail address with the name ties to it
	ReadAt     time.Time
}

// KillState is where a job stands after a kill was asked for.
type KillState string

// The life of a kill. Only Gone means that the job's end was seen.
const (
	KillRequested KillState = "requested" // accepted by the server
	KillDelivered KillState = "delivered" // the pilot has been told
	KillGone      KillState = "gone"      // seen to have ended
	KillEvading   KillState = "evading"   // told, past the deadline and still there
)

// LiveJob is one job of an account that has not ended, as a plan lists it.
type LiveJob struct {
	ID        string
	User      string // exact name of the account, as the system keeps it with the job
	Task      string
	Status    string // queued, running, …
	Label     string // the kind of job, such as PanDA's prodSourceLabel
	Table     string // where the system keeps it, such as jobsactive4; "" where it has one place
	Site      string
	Host      string
	Batch     string // the site's batch id, to warn the site with
	Cores     int
	Submitted time.Time // zero when unknown
	Heartbeat time.Time // last contact of the pilot; zero when never
	Killing   bool      // its kill is registered already
}

// LiveTask is one task of an account that has not ended. While it lives it
// makes new jobs in place of those that are killed.
type LiveTask struct {
	ID     string
	User   string // exact name of the account, as the system keeps it with the task
	Name   string
	Status string // running, pending, aborting, …
}

// FoundJob is a job that was looked for by its id.
type FoundJob struct {
	LiveJob
	Over bool
}

// FoundTask is a task that was looked for by its id.
type FoundTask struct {
	LiveTask
	Over bool
}

// ErrNotYet says that a task cannot be killed yet, because the system has taken
// note of it and does not know it: to be tried again later.
var ErrNotYet = errors.New("the task is not known yet where it would be killed")

// JobKill is how far the kill of one job has come.
type JobKill struct {
	Job      LiveJob
	State    KillState
	Evidence string    // the field that says so, such as commandToPilot=tobekilled
	Due      time.Time // by when the next contact is expected
}
