package pandatest

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Pace is how long things take in a [World].
type Pace struct {
	Tick      time.Duration // how often everybody looks whether something is due
	Heartbeat time.Duration // from one call of a pilot to the next
	Stop      time.Duration // from the call in which a pilot is told to kill its payload to its last
	Add       time.Duration // from a job's last call to its archiving, while it is holding
	Lost      time.Duration // without a call, after which a job is given up
	Refine    time.Duration // from the submission of a task until JEDI knows it
	Activate  time.Duration // from the making of a job to its activation
	Dispatch  time.Duration // from its activation until a pilot takes it
}

// Real is about the pace of PanDA: JEDI and the commands for tasks look every minute,
// pilots call every half hour and are given up after two.
func Real() Pace {
	return Pace{
		Tick: time.Minute, Heartbeat: 30 * time.Minute, Stop: 3 * time.Minute, Add: 5 * time.Minute, Lost: 2 * time.Hour,
		Refine: 5 * time.Minute, Activate: 2 * time.Minute, Dispatch: 10 * time.Minute,
	}
}

// Faster is the pace in which everything takes the n-th part of its time.
func (p Pace) Faster(n int) Pace {
	for _, d := range []*time.Duration{&p.Tick, &p.Heartbeat, &p.Stop, &p.Add, &p.Lost, &p.Refine, &p.Activate, &p.Dispatch} {
		*d /= time.Duration(n)
	}
	return p
}

// World is the rest of PanDA, whatever a kill does not do by itself, living on a database:
//
//   - Every job of jobsactive4 that is starting or running has a pilot, which calls every half hour.
//     Told by the answer that the job is to be killed, it kills the payload and says so in its last call.
//   - JEDI makes jobs in place of those that were cancelled or have failed, as long as their task
//     goes on and its user is not banned, carries out the kills of tasks, and takes in new tasks.
//
// Its clock stands still except in [World.Advance] and [World.Live]. [Database.Now] is that clock.
// What it does is in the tables, which is where to look.
type World struct {
	d    *Database
	pool *pgxpool.Pool
	pace Pace
	born time.Time

	mu      sync.Mutex // held while time passes
	passed  time.Time  // the last tick
	evading map[int64]bool
	silent  map[int64]bool
	stopped map[int64]time.Time // when the payload will have been killed, by PandaID
	ended   map[int64]bool      // whose payload has ended by itself
	planned map[int64][]Job     // by task
}

// NewWorld lets a world begin at a time, which is also when JEDI begins to look for
// jobs to replace.
func NewWorld(d *Database, start time.Time, pace Pace) *World {
	start = start.UTC().Truncate(time.Microsecond) // as PostgreSQL has it
	d.clock.Store(&start)
	return &World{
		d: d, pool: d.open("plan_cache_mode", "force_generic_plan"), // the same statements every minute
		pace: pace, born: start, passed: start,
		evading: map[int64]bool{}, silent: map[int64]bool{}, stopped: map[int64]time.Time{}, ended: map[int64]bool{}, planned: map[int64][]Job{},
	}
}

// Now is the time by PanDA's clocks: the world's that lives on the database, else the
// real one.
func (d *Database) Now() time.Time {
	if at := d.clock.Load(); at != nil {
		return *at
	}
	return now()
}

// Advance lets time pass. It ends the test where something fails.
func (w *World) Advance(d time.Duration) {
	w.d.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	target := w.d.Now().Add(d).Truncate(time.Microsecond)
	for next := w.passed.Add(w.pace.Tick); !next.After(target); next = next.Add(w.pace.Tick) {
		if err := w.pass(w.d.context(), next); err != nil {
			w.d.t.Fatal(err)
		}
	}
	w.d.clock.Store(&target)
}

// Live lets time pass as it really does, from the world's own on, until ctx ends.
func (w *World) Live(ctx context.Context) error {
	began, from := time.Now(), w.d.Now()
	ticker := time.NewTicker(max(w.pace.Tick, time.Millisecond))
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
		if err := w.live(ctx, from.Add(time.Since(began))); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (w *World) live(ctx context.Context, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(ctx, at.Truncate(time.Microsecond))
}

// pass does what is due at a time.
func (w *World) pass(ctx context.Context, at time.Time) error {
	w.d.clock.Store(&at)
	w.passed = at
	for _, due := range []func(context.Context, time.Time) error{
		w.add, w.end, w.stop, w.call, w.giveUp, w.dispatch, w.activate, // pilots and the server
		w.refine, w.command, w.release, w.generate, // JEDI
	} {
		if err := due(ctx, at); err != nil {
			return err
		}
	}
	return nil
}

// Evade makes the payloads of jobs survive the pilot's kill: their pilots are told
// and call on as before.
func (w *World) Evade(ids ...int64) { w.mark(w.evading, ids) }

// Silence makes the pilots of jobs never call again.
func (w *World) Silence(ids ...int64) { w.mark(w.silent, ids) }

// Finish lets the payloads of running jobs end by themselves, before anything else that is due.
func (w *World) Finish(ids ...int64) { w.mark(w.ended, ids) }

func (w *World) mark(set map[int64]bool, ids []int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		set[id] = true
	}
}

// Submit adds a task that is not known to JEDI yet, and the jobs that JEDI makes of it.
// Of the jobs only what does not follow from the task need be said.
func (w *World) Submit(t Task, jobs ...Job) {
	w.d.t.Helper()
	t.Waiting = true
	if t.ModificationTime.IsZero() {
		t.ModificationTime = w.d.Now()
	}
	w.d.AddTask(t)
	w.Plan(t.JediTaskID, jobs...)
}

// Plan adds jobs that JEDI will make of a task as soon as it may.
func (w *World) Plan(task int64, jobs ...Job) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.planned[task] = append(w.planned[task], jobs...)
}
