package panda

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/trouble"
)

// RemoteKiller kills by the server, and tells by the server's descriptions how far
// kills have come, where PanDA's database is not known.
type RemoteKiller struct {
	jobs  *Killer
	users *Remote
}

// NewRemoteKiller kills by a server that describes its jobs.
func NewRemoteKiller(s *Server, users *Remote) *RemoteKiller {
	return &RemoteKiller{jobs: NewKiller(s, nil), users: users}
}

// KillJobs registers kills; one truth value for each id, in their order. See
// [Killer.KillJobs].
func (k *RemoteKiller) KillJobs(ctx context.Context, ids []string) ([]bool, error) {
	return k.jobs.KillJobs(ctx, ids)
}

// KillTask registers the kill of a task; false for one that is over. One that the
// server does not know may wait for JEDI, which only the database could tell from one
// that does not exist: it is grid.ErrNotYet, and so is asked for again.
func (k *RemoteKiller) KillTask(ctx context.Context, id string) (bool, error) {
	code, err := k.jobs.killTask(ctx, id)
	switch {
	case err != nil:
		return false, err
	case code == taskNotFound:
		return false, fmt.Errorf("panda: task %s: %w", id, grid.ErrNotYet)
	}
	return code == "", nil
}

// KillStatus tells how far the kills of jobs have come, in the order of ids, by the
// rows of their tables as the server describes them: not all of one moment. See
// [Killer.KillStatus].
func (k *RemoteKiller) KillStatus(ctx context.Context, ids []string, since time.Time) ([]grid.JobKill, error) {
	rows, err := k.users.killRows(ctx, ids)
	if err != nil {
		return nil, fmt.Errorf("panda: asking how far %d kills have come: %w", len(ids), err)
	}
	out := make([]grid.JobKill, len(ids))
	for i, row := range rows {
		if row == nil {
			return nil, trouble.Errorf(nil, "The PanDA server does not find job %s, so it is not known how far its kill has come. It looks back %s; a job that moves between its tables is missed for a moment: it is asked again.", ids[i], lookedBack)
		}
		out[i] = row.kill(since)
		out[i].Job.ID = ids[i]
	}
	return out, nil
}

// killRows asks the server for the rows of jobs, in the order of ids; nil for one that it
// does not find.
func (r *Remote) killRows(ctx context.Context, ids []string) ([]*killRow, error) {
	numbers, err := numbersOf(ids)
	if err != nil {
		return nil, err
	}
	described, err := r.server.describe(ctx, numbers)
	if err != nil {
		return nil, err
	}
	out := make([]*killRow, len(ids))
	for i, f := range described {
		if f == nil {
			continue
		}
		row, err := f.killRow()
		if err == nil && row.id != numbers[i] {
			err = errors.New("it is of another job")
		}
		if err != nil {
			return nil, r.server.explain(fmt.Errorf("%w: %w", errReply, err))
		}
		out[i] = &row
	}
	return out, nil
}

// killRow reads what a description says of a job's kill. Nothing of it may be odd.
func (f *fields) killRow() (killRow, error) {
	r := killRow{
		id: f.number("pandaid"), task: f.number("jeditaskid"), user: f.text("produsername"), status: f.text("jobstatus"), label: f.text("prodsourcelabel"), site: f.text("computingsite"),
		host: f.text("modificationhost"), batch: f.text("batchid"), cores: int(f.number("corecount")), created: f.when("creationtime"), modified: f.when("modificationtime"),
		command: f.text("commandtopilot"), dispatcher: f.text("jobdispatchererrordiag"), pilotError: int(f.number("piloterrorcode")), bufferError: int(f.number("taskbuffererrorcode")),
	}
	if at := f.when("starttime"); !at.IsZero() {
		r.started = &at
	}
	if at := f.when("endtime"); !at.IsZero() {
		r.ended = &at
	}
	switch {
	case len(f.odd) > 0:
		return r, &unknownRow{"the fields " + strings.Join(f.odd, ", ")}
	case r.status == "" || r.modified.IsZero():
		return r, &unknownRow{"it has no state or time"}
	}
	r.archived = slices.Contains(ended, r.status)
	return r, nil
}
