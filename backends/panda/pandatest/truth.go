package pandatest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"time"
)

// Size is how much [Database.Fill] makes. What is zero has a small default.
type Size struct {
	Seed     uint64
	Archived int       // jobs that have ended, 2000
	Active   int       // jobs that have not, a tenth of them
	Heavy    int       // of those, how many are the naughty user's, a tenth
	Days     int       // over which the jobs that have ended are spread, 10
	Until    time.Time // when it is, now
}

func (s Size) complete() Size {
	for _, f := range []struct {
		field    *int
		fallback int
	}{{&s.Archived, 2000}, {&s.Active, s.Archived/10 + 200}, {&s.Heavy, s.Active/10 + 20}, {&s.Days, 10}} {
		if *f.field == 0 {
			*f.field = f.fallback
		}
	}
	s.Until = orNow(s.Until).UTC().Truncate(time.Second)
	return s
}

// Generated is a job that was made, and what is true of it.
type Generated struct {
	Job
	Node    string // the worker node's full name; "" before it started
	URL     string // of the sandbox, of its build job where it has one
	Command string // what the user runs; "" for production and build jobs
	Build   int64  // PandaID of the job that built its library; 0: it has none
	Library string // that library, which a build job makes
	stored  bool   // its rows in other tables are there still
}

// Truth knows all that was made. It is computed anew whenever it is asked, from the
// size and its seed, so it needs no memory.
type Truth struct {
	Size  Size
	Users []User

	slots  int           // in which jobs run one after another
	period time.Duration // from the start of one to the next
}

const (
	firstID      = 6_012_000_000 // beyond 32 bits
	firstTask    = 40_000_000
	jobsOfTask   = 100
	slotsOfHost  = 8
	hostsOfSite  = 40
	keptDays     = 30 // rows of a job in other tables
	reachOfTasks = 7  // days within which a task's jobs are made
)

func newTruth(s Size) *Truth {
	s = s.complete()
	const period = 6 * time.Hour
	return &Truth{
		Size: s, period: period,
		Users: append(traps(), ordinary(40+s.Archived/2000)...),
		slots: max(slotsOfHost, (s.Archived+4*s.Days-1)/(4*s.Days)),
	}
}

// All gives every job, those that have ended first, in the order of their PandaIDs.
func (t *Truth) All() iter.Seq[Generated] { return t.from(0) }

func (t *Truth) from(first int) iter.Seq[Generated] {
	return func(yield func(Generated) bool) {
		var m made
		for i := first; i < t.Size.Archived+t.Size.Active; i++ {
			if number, begin := t.taskOf(i); m.task.JediTaskID != int64(firstTask+number) {
				m = t.task(begin)
			}
			if !yield(t.at(i, m)) {
				return
			}
		}
	}
}

// First is the lowest PandaID. They have no gaps.
func (t *Truth) First() int64 { return firstID }

// Job gives a job by its PandaID.
func (t *Truth) Job(id int64) Generated {
	i := int(id - firstID)
	return t.at(i, t.task(i))
}

// OnNode gives the jobs that ran on a worker node, known by its full name, at some time of a
// window.
func (t *Truth) OnNode(node string, from, to time.Time) []Generated {
	var out []Generated
	for g := range t.All() {
		if g.Node == node && !g.StartTime.IsZero() && !g.StartTime.After(to) && (g.EndTime.IsZero() || !g.EndTime.Before(from)) {
			out = append(out, g)
		}
	}
	return out
}

// Of gives the jobs of a name.
func (t *Truth) Of(name string) []Generated {
	var out []Generated
	for g := range t.All() {
		if g.ProdUserName == name {
			out = append(out, g)
		}
	}
	return out
}

func (t *Truth) random(kind, i int) *rand.Rand {
	return rand.New(rand.NewPCG(t.Size.Seed, uint64(kind)<<56|uint64(i))) //nolint:gosec // reproducible
}

// taskOf is the task of a job, and the first job of it. The naughty user's live jobs have
// tasks of their own.
func (t *Truth) taskOf(i int) (task, first int) {
	begin, n := 0, t.Size.Archived
	for i >= begin+n {
		task += (n + jobsOfTask - 1) / jobsOfTask
		begin += n
		n = t.Size.Active - t.Size.Heavy
		if begin == t.Size.Archived {
			n = t.Size.Heavy
		}
	}
	inside := (i - begin) / jobsOfTask
	return task + inside, begin + inside*jobsOfTask
}

// made is what a task says of its jobs.
type made struct {
	task       Task
	user       User
	production bool
	payload    payload
	first      int // its first job, which builds the library if there is one
}

func (t *Truth) task(i int) made {
	number, first := t.taskOf(i)
	r := t.random(1, number)
	user := t.Users[pick(r, len(t.Users))]
	switch {
	case first >= t.Size.Archived && first < t.Size.Archived+t.Size.Heavy:
		user = t.Users[0]
	case r.IntN(20) == 0:
		user = t.Users[robot]
	}
	m := made{user: user, production: user.Name != Naughty && r.IntN(4) == 0, first: first}
	id := int64(firstTask + number)
	m.payload = payloadOf(r, id, user.Name, m.production)
	m.task = Task{
		JediTaskID: id, TaskName: fmt.Sprintf("user.%d.analysis.v%d", id, r.IntN(9)), UserName: user.Name, ReqID: id % 1_000_000, Status: "done",
		ProdSourceLabel: "user", ProcessingType: m.payload.processing,
	}
	if m.production {
		m.task.TaskName, m.task.ProdSourceLabel, m.task.WorkingGroup = fmt.Sprintf("mc23.%d.simul.e%d", id, r.IntN(9000)), "managed", "AP_MCGN"
	}
	if user.Name == t.Users[robot].Name {
		m.task.ProcessingType = "gangarobot-new"
	}
	if first >= t.Size.Archived {
		m.task.Status = "running"
	}
	m.task.CreationDate = t.start(first).Add(-time.Duration(1+r.IntN(reachOfTasks*24)) * time.Hour)
	m.task.ModificationTime = m.task.CreationDate.Add(time.Hour)
	m.task.Params = fmt.Sprintf(`{"taskName":%q,"userName":%q,"prodSourceLabel":%q,"processingType":%q,"cliParams":"prun --exec ..."}`,
		m.task.TaskName, user.Name, m.task.ProdSourceLabel, m.task.ProcessingType)
	return m
}

// robot is the place of HammerCloud's robot among the users.
const robot = 15

// start is when the turn of a job's slot begins.
func (t *Truth) start(i int) time.Time {
	begin := t.Size.Until.AddDate(0, 0, -t.Size.Days)
	if i >= t.Size.Archived {
		return t.Size.Until.Add(-t.period)
	}
	return begin.Add(time.Duration(i/t.slots) * t.period)
}
