package panda

import (
	"context"
	"errors"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Witnessed finds jobs in PanDA's database, with its monitor as a second witness: it
// has jobs that the database does not have any more, and is heard where the database
// does not answer. Where both have a job, disagreement is told.
type Witnessed struct {
	*Store
	remote *Remote
}

// NewWitnessed finds jobs in a database first.
func NewWitnessed(s *Store, r *Remote) *Witnessed { return &Witnessed{Store: s, remote: r} }

// witnessTime is how long the answer of the database waits for the second witness.
const witnessTime = 3 * time.Second

// Job gives all that is known of a job.
func (w *Witnessed) Job(ctx context.Context, id int64) (grid.PandaJob, error) {
	second := make(chan func() (seenJob, error), 1)
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		seen, err := w.remote.monitor.one(within, url.Values{"pandaid": {strconv.FormatInt(id, 10)}})
		second <- func() (seenJob, error) { return seen, err }
	}()
	j, err := w.Store.Job(ctx, id)
	switch {
	case errors.Is(err, grid.ErrNoPandaJob):
		old, remoteErr := w.remote.Job(ctx, id)
		if remoteErr == nil {
			old.Notes = append(old.Notes, w.Store.Name()+" does not have the job: it is told as "+old.Source+" has it")
		}
		return old, remoteErr
	case err != nil:
		other, remoteErr := w.remote.Job(ctx, id)
		if remoteErr != nil {
			return j, err
		}
		other.Notes = append(other.Notes, w.Store.Name()+" could not be asked: "+sentence(err))
		return other, nil
	}
	wait := time.NewTimer(witnessTime)
	defer wait.Stop()
	monitor := w.remote.Name()
	select {
	case answer := <-second:
		switch seen, err := answer(); {
		case errors.Is(err, grid.ErrNoPandaJob):
			j.Notes = append(j.Notes, monitor+" says that there is no such job, and "+w.Store.Name()+" has it")
		case err != nil:
			j.Notes = append(j.Notes, "not compared with "+monitor+": "+sentence(err))
		default:
			if differ := disagreements(j, seen.job); len(differ) > 0 {
				j.Notes = append(j.Notes, w.Store.Name()+" and "+monitor+" disagree on "+strings.Join(differ, ", ")+": what is shown is "+w.Store.Name()+"'s")
			}
		}
	case <-wait.C:
		j.Notes = append(j.Notes, "not compared with "+monitor+", which did not answer within "+witnessTime.String())
	}
	return j, nil
}
