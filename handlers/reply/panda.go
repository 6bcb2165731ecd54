package reply

import (
	"context"
	"fmt"
	"strconv"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Jobs is a source of PanDA's jobs, such as its database.
type Jobs interface {
	// Job gives all that the source knows of a job. The error wraps
	// grid.ErrNoPandaJob when it has none with that id.
	Job(ctx context.Context, id int64) (grid.PandaJob, error)
}

// Bounds of what PanDA is asked for one letter.
const (
	maxAsked   = 20   // jobs
	maxCommand = 1500 // letters of a command
)

// tell asks PanDA for the jobs that the letter lists of the people it names, and
// notes which it could not tell of.
func (x commands) tell(ctx context.Context, d *draft, guests []guest) {
	d.panda = map[string]grid.PandaJob{}
	if len(x.jobs) == 0 {
		return
	}
	silent := 0
	for _, g := range guests {
		for _, s := range g.listed() {
			id, err := strconv.ParseInt(s.Job.ID, 10, 64)
			if !g.nameable() || s.Job.Experiment != grid.ATLAS || err != nil || len(d.panda)+silent >= maxAsked {
				continue
			}
			if j, ok := x.job(ctx, id); ok {
				d.panda[s.Job.ID] = j
			} else {
				silent++
			}
		}
	}
	if silent > 0 {
		d.partial = true
		d.note("PanDA did not tell more of %s: payload and command are missing there. `job ID` says why.", count(silent, "job", "jobs"))
	}
}

// job is what the first source that knows a job has of it.
func (x commands) job(ctx context.Context, id int64) (grid.PandaJob, bool) {
	for _, source := range x.jobs {
		j, err := source.Job(ctx, id)
		if err == nil {
			return j, true
		}
	}
	return grid.PandaJob{}, false
}

// sayPage links the page of a job of PanDA in its monitor.
func (d *draft) sayPage(j grid.Job) {
	id, err := strconv.ParseInt(j.ID, 10, 64)
	if d.page == nil || j.Experiment != grid.ATLAS || err != nil {
		return
	}
	if page := d.page(id); page != "" {
		d.say("     You may see details of it here: %s", page)
	}
}

// sayPanda tells a site what PanDA's procedure passes on: submit time and host,
// where the code is, and the command that the job ran.
func (d *draft) sayPanda(j grid.PandaJob) {
	if !j.Created.IsZero() {
		host, why := j.SubmitHost()
		from := " from host " + host
		if host == "" {
			from = ". " + why
		}
		d.sayLong("     submitted to PanDA at %s%s", utc(j.Created), from)
	}
	p := j.Payload()
	if p.URL != "" {
		d.sayLong("     You may examine its code, with care and nowhere that it could run: %s", p.URL)
	}
	if p.Why != "" {
		d.sayLong("     Of its code: %s", p.Why)
	}
	if command := grid.ParsePandaParams(j.Transformation, j.Parameters).Command.Text; command != "" {
		d.sayLong("     It executed, decoded: %s", grid.Visible(command))
	}
}

// sayLong is say for what may be longer than a name.
func (d *draft) sayLong(format string, args ...string) {
	all := make([]any, len(args))
	for i, a := range args {
		all[i] = clean(a, maxCommand)
	}
	d.body = append(d.body, fmt.Sprintf(format, all...))
}

// sayEvade is the warning of PanDA's procedure.
func (d *draft) sayEvade() {
	d.say("If we cancel jobs in PanDA, a running one learns of it when its pilot calls next, up to 30 minutes later. A malicious payload can evade that: please end the batch job as well, once its traces are safe.")
}
