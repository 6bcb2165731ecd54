package pandatest

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Table is one of the tables that a job passes through.
type Table string

// The tables of jobs, in the order in which a job passes through them.
const (
	Defined     Table = "doma_panda.jobsdefined4"
	Active      Table = "doma_panda.jobsactive4"
	Archived    Table = "doma_panda.jobsarchived4"
	OldArchived Table = "doma_pandaarch.jobsarchived"
)

// live tells whether the table's jobs have not ended.
func (t Table) live() bool { return t == Defined || t == Active }

// Job is a job's row with the fields of its columns, and its parameters. Empty texts
// and zero times are NULL.
type Job struct {
	Table Table // "": Active

	PandaID          int64 // 0: the next one
	ProdUserID       string
	ProdUserName     string
	CreationHost     string
	CreationTime     time.Time // zero: ModificationTime
	ModificationTime time.Time // zero: now
	ModificationHost string
	StartTime        time.Time
	EndTime          time.Time
	StateChangeTime  time.Time // zero: ModificationTime
	ComputingSite    string
	ComputingElement string
	Cloud            string
	BatchID          string
	PilotID          string
	SchedulerID      string
	JobStatus        string // "": activated, defined or finished, after the table
	JobSubStatus     string
	CommandToPilot   string
	JobName          string

	JobDefinitionID int64
	JobsetID        int64
	JediTaskID      int64
	ReqID           int64
	ParentID        int64
	AttemptNr       int

	ProdSourceLabel string // "": user
	JobLabel        string
	ProcessingType  string
	Transformation  string
	WorkingGroup    string
	VO              string // "": atlas
	SpecialHandling string
	ContainerName   string
	CoreCount       int
	Priority        int

	PilotErrorCode         int
	PilotErrorDiag         string
	ExeErrorCode           int
	ExeErrorDiag           string
	TaskBufferErrorCode    int
	TaskBufferErrorDiag    string
	JobDispatcherErrorCode int
	JobDispatcherErrorDiag string

	Parameters string // in jobparamstable; "": no row there
	Metadata   string // in metatable; "": no row there
}

// complete gives a job what it must have.
func (j Job) complete() Job {
	if j.Table == "" {
		j.Table = Active
	}
	if j.JobStatus == "" {
		j.JobStatus = map[Table]string{Defined: "defined", Active: "activated", Archived: "finished", OldArchived: "finished"}[j.Table]
	}
	if j.ProdSourceLabel == "" {
		j.ProdSourceLabel = "user"
	}
	if j.VO == "" {
		j.VO = "atlas"
	}
	j.ModificationTime = orNow(j.ModificationTime)
	if j.CreationTime.IsZero() {
		j.CreationTime = j.ModificationTime
	}
	if j.StateChangeTime.IsZero() {
		j.StateChangeTime = j.ModificationTime
	}
	return j
}

func (j Job) row() row {
	return row{
		present("pandaid", j.PandaID),
		text("produserid", j.ProdUserID), text("produsername", j.ProdUserName),
		text("creationhost", j.CreationHost), present("creationtime", j.CreationTime),
		present("modificationtime", j.ModificationTime), text("modificationhost", j.ModificationHost),
		moment("starttime", j.StartTime), moment("endtime", j.EndTime), moment("statechangetime", j.StateChangeTime),
		text("computingsite", j.ComputingSite), text("computingelement", j.ComputingElement), text("cloud", j.Cloud),
		text("batchid", j.BatchID), text("pilotid", j.PilotID), text("schedulerid", j.SchedulerID),
		present("jobstatus", j.JobStatus), text("jobsubstatus", j.JobSubStatus), text("commandtopilot", j.CommandToPilot), text("jobname", j.JobName),
		present("jobdefinitionid", j.JobDefinitionID), number("jobsetid", j.JobsetID), number("jeditaskid", j.JediTaskID),
		number("reqid", j.ReqID), number("parentid", j.ParentID), present("attemptnr", j.AttemptNr),
		text("prodsourcelabel", j.ProdSourceLabel), text("job_label", j.JobLabel), text("processingtype", j.ProcessingType),
		text("transformation", j.Transformation), text("workinggroup", j.WorkingGroup), text("vo", j.VO),
		text("specialhandling", j.SpecialHandling), text("container_name", j.ContainerName),
		number("corecount", j.CoreCount), present("currentpriority", j.Priority),
		present("piloterrorcode", j.PilotErrorCode), text("piloterrordiag", j.PilotErrorDiag),
		present("exeerrorcode", j.ExeErrorCode), text("exeerrordiag", j.ExeErrorDiag),
		present("taskbuffererrorcode", j.TaskBufferErrorCode), text("taskbuffererrordiag", j.TaskBufferErrorDiag),
		present("jobdispatchererrorcode", j.JobDispatcherErrorCode), text("jobdispatchererrordiag", j.JobDispatcherErrorDiag),
	}
}

// side is the modificationtime of the job's rows in other tables: 1970 while the
// job is live, else when it was archived.
func (j Job) side() time.Time {
	if j.Table.live() {
		return epoch
	}
	return j.ModificationTime
}

var epoch = time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC)

// AddJob adds a job and its parameters, and gives its PandaID.
func (d *Database) AddJob(j Job) int64 {
	d.t.Helper()
	id, err := d.addJob(d.context(), j)
	if err != nil {
		d.t.Fatal(err)
	}
	return id
}

func (d *Database) addJob(ctx context.Context, j Job) (int64, error) {
	j = j.complete()
	if j.PandaID == 0 {
		ids, err := collect(ctx, d.pool, pgx.RowTo[int64], "SELECT nextval('doma_panda.jobsdefined4_pandaid_seq')")
		if err != nil {
			return 0, err
		}
		j.PandaID = ids[0]
	}
	if err := j.row().insertInto(ctx, d.pool, string(j.Table)); err != nil {
		return 0, err
	}
	for table, r := range j.sides() {
		if err := r.insertInto(ctx, d.pool, table); err != nil {
			return 0, err
		}
	}
	return j.PandaID, nil
}

// sides are the job's rows in other tables.
func (j Job) sides() map[string]row {
	out := map[string]row{}
	parameters := "doma_panda.jobparamstable"
	if j.Table == OldArchived {
		parameters = "doma_pandaarch.jobparamstable_arch"
	}
	if j.Parameters != "" {
		out[parameters] = row{present("pandaid", j.PandaID), present("modificationtime", j.side()), present("jobparameters", j.Parameters)}
	}
	if j.Metadata != "" {
		out["doma_panda.metatable"] = row{present("pandaid", j.PandaID), present("modificationtime", j.side()), present("metadata", j.Metadata)}
	}
	return out
}
