package panda

import (
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// The tables of jobs. A job is in one of them at a time, and moves.
const (
	definedJobs  = "{panda}.jobsdefined4"
	activeJobs   = "{panda}.jobsactive4"
	archivedJobs = "{panda}.jobsarchived4"
	oldJobs      = "{arch}.jobsarchived"
)

// record is one row of a table of jobs with what a trace needs. Empty texts and zero
// times were NULL.
type record struct {
	live     bool // in a table of jobs that have not ended
	id       int64
	userID   string // prodUserID: a DN, or only a name
	user     string // prodUserName
	label    string // prodSourceLabel
	submit   string // creationHost
	created  time.Time
	modified time.Time
	host     string // modificationHost
	start    time.Time
	end      time.Time
	queue    string // computingSite
	ce       string // computingElement
	batch    string
	factory  string // schedulerID
	status   string
	task     int64
}

// recordColumns are the columns of a record, in its order.
var recordColumns = []column{
	{"pandaid", "bigint"},
	{"produserid", "text"},
	{"produsername", "text"},
	{"prodsourcelabel", "text"},
	{"creationhost", "text"},
	{"creationtime", "timestamp"},
	{"modificationtime", "timestamp"},
	{"modificationhost", "text"},
	{"starttime", "timestamp"},
	{"endtime", "timestamp"},
	{"computingsite", "text"},
	{"computingelement", "text"},
	{"batchid", "text"},
	{"schedulerid", "text"},
	{"jobstatus", "text"},
	{"jeditaskid", "bigint"},
}

// rowScanner is a row of an answer.
type rowScanner interface{ Scan(to ...any) error }

// scanRecord reads a row of "live" and the recordColumns.
func scanRecord(row rowScanner) (record, error) {
	var r record
	err := row.Scan(&r.live, orZero(&r.id), orEmpty(&r.userID), orEmpty(&r.user), orEmpty(&r.label), orEmpty(&r.submit),
		dated(&r.created), dated(&r.modified), orEmpty(&r.host), dated(&r.start), dated(&r.end),
		orEmpty(&r.queue), orEmpty(&r.ce), orEmpty(&r.batch), orEmpty(&r.factory), orEmpty(&r.status), orZero(&r.task))
	return r, err
}

// job is the record as the rules read it. names are the users' rows by name.
//
// A job without a start was on no worker node: what its modificationHost then says is
// a machine of PanDA's own. The archive's rows were written after the job's end, so
// their modificationTime bounds an end that is not known.
func (r record) job(source string, names map[string]user) grid.Job {
	j := grid.Job{
		ID: strconv.FormatInt(r.id, 10), Experiment: grid.ATLAS, Source: source, Kind: grid.Finished,
		Site: r.queue, Status: r.status, Type: grid.PandaWork(r.label),
		Submitted: r.created, FirstStart: r.start, Start: r.start, End: r.end, Recorded: r.modified,
		Pilot:         grid.Pilot{Batch: r.batch, Queue: r.ce, Factory: r.factory},
		SubmitAddress: r.submit,
	}
	if host, _ := grid.HostOf(r.ce); host != "" {
		j.Pilot.Queue = host
	}
	if r.task > 0 {
		j.Task = strconv.FormatInt(r.task, 10)
	}
	if !r.start.IsZero() {
		j.Starts = 1
		j.Hosts = grid.PandaHosts(r.host)
	}
	switch {
	case !r.end.IsZero():
		j.EndField = "endTime"
	case r.live:
		j.Kind = grid.Snapshot
	case !r.start.IsZero():
		j.End, j.EndField = r.modified, "modificationTime, for endTime is empty"
	}
	u := names[r.user]
	j.Identities = grid.PandaIdentities(source, r.label, r.userID, r.user, grid.Account{DN: u.dn, Email: u.email})
	return j
}

// firstDate is when PanDA's tables begin to have real times: some columns have
// 1970-01-01 as their default.
var firstDate = time.Date(1971, 1, 1, 0, 0, 0, 0, time.UTC)
