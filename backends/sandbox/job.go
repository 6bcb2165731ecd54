package sandbox

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"time"
)

// How PanDA and its pilots keep time, in simulated time.
const (
	heartbeat  = 30 * time.Minute // between two calls of a pilot
	gateDelay  = 10 * time.Minute // until every front end has read the banned names again
	taskDelay  = time.Minute      // until a task's kill is executed
	regenerate = 10 * time.Minute // until a task replaces a job that ended
	stageOut   = 3 * time.Minute  // from the end of the process until the job is archived
	longWait   = 96 * time.Hour   // for a worker node, in a slot that waits
	survives   = 60 * 24 * time.Hour
)

// firstJob is below all job ids.
const firstJob = 6_000_000_000

// job is one job of a task's slot, from its making until it is archived.
// Moments that are still to come are those that the present course leads to.
type job struct {
	id    string
	task  *task
	host  string
	batch string
	proc  int64 // with the task's number, the pilot's id

	submitted time.Time
	start     time.Time // zero when it was cancelled before
	end       time.Time // of the process
	gone      time.Time // from the active jobs
	killed    time.Time // when a kill was registered; zero for never
	told      time.Time // when the pilot learned of it; zero for never
	evades    bool
	final     string // status once gone
}

// jobsOf gives all jobs that a task has made until now.
func (g *Grid) jobsOf(t *task, h history, now time.Time) []job {
	var out []job
	for slot := range t.slots {
		next := t.from.Add(time.Duration(slot) * 20 * time.Second)
		for n := 0; ; n++ {
			made, ok := h.makes(t, next)
			if !ok || made.After(now) {
				break
			}
			j := g.job(t, slot, n, made)
			j.applyKill(h)
			out = append(out, j)
			next = j.gone.Add(regenerate)
		}
	}
	return out
}

// makes tells when a task that is free to do so at a moment makes the next job:
// not while its user is banned, and never after its own kill.
func (h history) makes(t *task, at time.Time) (time.Time, bool) {
	at, free := h.freeFrom(t.account, at)
	if k, killed := h.taskKills[t.id]; killed && !at.Before(k.Add(taskDelay)) {
		return at, false
	}
	return at, free
}

// job makes the n-th job of a slot as it goes when nobody interferes.
func (g *Grid) job(t *task, slot, n int, made time.Time) job {
	id := firstJob + t.number*1_000_000 + int64(slot)*10_000 + int64(n)
	dice := g.dice(strconv.FormatInt(id, 10))
	j := job{
		id: strconv.FormatInt(id, 10), task: t, proc: int64(slot*10_000 + n), submitted: made,
		batch: fmt.Sprintf("%d.0", 5_000_000+dice.IntN(900_000)), final: "finished",
	}
	wait, length := time.Duration(5+dice.IntN(10))*time.Minute, t.length+time.Duration(dice.IntN(60))*time.Minute
	if slot >= t.slots-t.waiting {
		wait = longWait
	}
	if t.evades && slot == 0 && n == 0 {
		j.evades, length = true, survives
	}
	if n == 0 && slot < len(t.first) {
		j.host = t.first[slot]
	} else {
		for j.host = incidentHost; j.host == incidentHost; {
			j.host = nodes[t.site][dice.IntN(len(nodes[t.site]))]
		}
	}
	j.start = made.Add(wait)
	j.end = j.start.Add(length)
	j.gone = j.end.Add(stageOut)
	return j
}

// dice are loaded by the seed: equal questions get equal answers.
func (g *Grid) dice(about string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(about))
	return rand.New(rand.NewPCG(uint64(g.seed), h.Sum64()))
}

// applyKill changes the course of a job whose kill was registered. One that
// waits is cancelled at once. One that runs is only flagged: its pilot learns of it
// at the next heartbeat, unless the job ends before.
func (j *job) applyKill(h history) {
	j.killed = h.killOf(j)
	switch {
	case j.killed.IsZero():
	case j.killed.Before(j.start):
		j.start, j.end, j.gone, j.final = time.Time{}, j.killed, j.killed, "cancelled"
	default:
		calls := j.killed.Sub(j.start)/heartbeat + 1
		told := j.start.Add(calls * heartbeat)
		if !told.Before(j.end) {
			return
		}
		j.told = told
		if !j.evades {
			j.end, j.gone, j.final = told, told.Add(stageOut), "cancelled"
		}
	}
}

// killOf is when the first kill of an active job was registered, be it its own
// or its task's.
func (h history) killOf(j *job) time.Time {
	var first time.Time
	consider := func(at time.Time, known bool) {
		if known && !at.Before(j.submitted) && at.Before(j.gone) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	at, known := h.jobKills[j.id]
	consider(at, known)
	at, known = h.taskKills[j.task.id]
	consider(at.Add(taskDelay), known)
	return first
}

// status is the job's at a moment.
func (j job) status(now time.Time) string {
	switch {
	case !now.Before(j.gone):
		return j.final
	case !j.ran(now):
		return "activated"
	case now.Before(j.end):
		return "running"
	}
	return "holding"
}

func (j job) live(now time.Time) bool { return now.Before(j.gone) }

// ran reports whether the job had begun by a moment.
func (j job) ran(now time.Time) bool { return !j.start.IsZero() && !now.Before(j.start) }

// contact is when the pilot last called, which PanDA stores as modificationTime;
// zero when the job has no pilot yet.
func (j job) contact(now time.Time) time.Time {
	if !j.ran(now) {
		return time.Time{}
	}
	last := now
	if j.end.Before(last) {
		last = j.end
	}
	return j.start.Add(last.Sub(j.start) / heartbeat * heartbeat)
}

// known gives the kill as it is known at a moment.
func (j job) known(now time.Time) (killed, told bool) {
	return !j.killed.IsZero() && !now.Before(j.killed), !j.told.IsZero() && !now.Before(j.told)
}
