package grid

import (
	"errors"
	"time"
)

// ErrNoPandaJob is why a source has nothing to say of a PandaID: it has no such job.
var ErrNoPandaJob = errors.New("grid: PanDA has no job with this id")

// PandaJob is one job as PanDA knows it. A list of jobs has only the job's own
// row, which is Source to Notes; all else is filled for a job that was asked for
// by its id. Texts are as PanDA stores them: hostile and not cleaned. Times are
// UTC, zero when PanDA has none.
type PandaJob struct {
	ID     int64
	Source string // name of the source that answered
	Table  string // jobsdefined4, jobsactive4, jobsarchived4 or jobsarchived; "" when the source does not say

	Status    string
	Substatus string
	Command   string // commandToPilot, such as tobekilled
	Label     string // prodSourceLabel: user, panda (build), managed, …

	UserID   string // prodUserID: a DN, or for JEDI's jobs often just the name
	UserName string // prodUserName, by which PanDA bans

	CreationHost string // "" for what JEDI made, which is all that prun and pathena submit
	Created      time.Time
	Started      time.Time
	Ended        time.Time // zero while it runs
	Changed      time.Time // stateChangeTime
	Modified     time.Time // modificationTime: the pilot's last contact, or when it was archived

	Site      string // computingSite, PanDA's queue
	CE        string // computingElement
	Node      string // modificationHost as it is, such as slot1_12@wn77.example.org
	Host      string // HostOf(Node), "" before a pilot had the job
	BatchID   string
	PilotID   string // as it is: URL of the pilot's output|batch system|version tag|version
	Scheduler string // schedulerID, such as harvester-CERN_central_1

	TaskID         int64 // jediTaskID
	JobsetID       int64
	DefinitionID   int64 // jobDefinitionID: counts per user, names no job alone
	ParentID       int64
	Attempt        int
	Processing     string // processingType, such as panda-client-1.5.62-jedi-run
	Transformation string
	WorkingGroup   string
	VO             string
	Special        string // specialHandling: bj for a build job, …
	Container      string // container_name
	Cores          int
	Errors         []PandaError

	Notes []string // what this source does not have, a sentence each: "not available here: …"

	Parameters string // jobParameters, "" when there are none or they are not kept any more
	Owner      PandaOwner
	Task       PandaTask
	Builds     []PandaBuild  // that may have made the library of this job
	History    []PandaChange // oldest first
	Files      []PandaFile
	Retries    []PandaRetry  // with the jobs before and after this one
	Workers    []PandaWorker // Harvester's, that ran or will run it
	Uploads    []PandaUpload // of the payload's file, latest first
}

// Live reports whether the job has not ended.
func (j PandaJob) Live() bool {
	switch j.Status {
	case "finished", "failed", "cancelled", "closed":
		return false
	}
	return true
}

// PandaError is one of the errors that a job's row has.
type PandaError struct {
	From string // pilot, exe, sup, ddm, brokerage, jobDispatcher or taskBuffer
	Code int
	Text string // such as "killed by <DN>"
}

// PandaOwner is what the table of users has of the job's prodUserName.
type PandaOwner struct {
	Accounts []Account // with that very name; several when the name is not unique
	Others   []Account // of the same person by DN or login, under other names
}

// PandaTask is the task that a job belongs to.
type PandaTask struct {
	ID         int64 // 0 when the job has none, or it is not known
	Name       string
	Status     string
	UserName   string
	Created    time.Time
	Processing string
	Parameters string // JSON of the submission as it is; "" when not kept
}

// PandaBuild is a build job, whose library a job runs.
type PandaBuild struct {
	ID             int64
	Source         string
	How            string // by what it was found: PandaBuildByLibrary or PandaBuildByTask
	Label          string
	Transformation string
	Site           string
	Created        time.Time
	Parameters     string
}

// How a build job was found.
const (
	PandaBuildByLibrary = "it made the library that this job runs"
	PandaBuildByTask    = "it is of the same task and site; nothing names the library"
)

// PandaChange is one entry of the job's log of states. The host in that log is a
// server's, never the worker node, and so is not here.
type PandaChange struct {
	At     time.Time
	Status string
	Site   string
}

// PandaFile is one file of a job.
type PandaFile struct {
	LFN     string
	Type    string // input, output, log, …
	Dataset string
	Scope   string
	Status  string
}

// PandaRetry links a job to the one that replaces it.
type PandaRetry struct {
	Old, New int64
	Relation string // retry, merge, jobset_id, …
}

// PandaWorker is a worker of Harvester: a pilot that was or will be submitted.
type PandaWorker struct {
	Harvester string
	ID        int64
	Status    string
	Site      string
	CE        string
	BatchID   string
	Node      string // nodeID
	Submitter string // submissionHost
	Submitted time.Time
	Started   time.Time
	Ended     time.Time
	Stdout    string // URLs
	Stderr    string
	BatchLog  string
}

// PandaUpload is who uploaded a payload to which cache server, as
// usercacheusage has it for some months.
type PandaUpload struct {
	UserName string
	File     string
	Host     string // the server
	At       time.Time
	Size     int64  // bytes
	Checksum string // as PanDA's client computed it
}

// PandaJobs is what a search for jobs found, each with its own row only.
type PandaJobs struct {
	Jobs  []PandaJob
	Cut   bool     // there are more than were given, or may be where nobody could look
	Notes []string // where and how far it was searched, a sentence each
}
