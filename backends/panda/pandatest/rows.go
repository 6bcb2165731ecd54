package pandatest

import "time"

// User is a row of users. Empty texts are NULL.
type User struct {
	ID        int64 // 0: the next one
	Name      string
	DN        string
	Email     string
	Location  string // when the e-mail address was written last, as text
	GridPref  string // letters of permissions
	Status    string // disabled: banned
	VO        string
	FirstJob  time.Time // zero: LatestJob
	LatestJob time.Time // zero: now
}

// AddUser adds a user and gives the id.
func (d *Database) AddUser(u User) int64 {
	d.t.Helper()
	if u.ID == 0 {
		u.ID = d.next("doma_pandameta.users_id_seq")
	}
	d.insert("doma_pandameta.users", u.row())
	return u.ID
}

func (u User) row() row {
	latest := orNow(u.LatestJob)
	first := u.FirstJob
	if first.IsZero() {
		first = latest
	}
	return row{
		present("id", u.ID), present("name", u.Name), text("dn", u.DN), text("email", u.Email), text("location", u.Location),
		text("gridpref", u.GridPref), text("status", u.Status), text("vo", u.VO),
		present("firstjob", first), present("latestjob", latest), present("lastmod", latest), present("cachetime", latest),
		present("jobid", int64(1)),
	}
}

// File is a row of filestable4.
type File struct {
	RowID             int64 // 0: the next one
	PandaID           int64
	ModificationTime  time.Time // zero: 1970, a live job's
	LFN               string
	Type              string // input, output, log, ...
	Dataset           string
	DestinationDBlock string
	DestinationSE     string
	Scope             string
	Status            string // "": unknown
	GUID              string
	Checksum          string
	Size              int64
	JediTaskID        int64
	DatasetID         int64
	FileID            int64
	Old               bool // in doma_pandaarch.filestable_arch
}

// AddFile adds a file of a job.
func (d *Database) AddFile(f File) {
	d.t.Helper()
	if f.RowID == 0 {
		f.RowID = d.next("doma_panda.filestable4_row_id_seq")
	}
	table := "doma_panda.filestable4"
	if f.Old {
		table = "doma_pandaarch.filestable_arch"
	}
	d.insert(table, f.row())
}

func (f File) row() row {
	if f.ModificationTime.IsZero() {
		f.ModificationTime = epoch
	}
	if f.Status == "" {
		f.Status = "unknown"
	}
	return row{
		present("row_id", f.RowID), present("pandaid", f.PandaID), present("modificationtime", f.ModificationTime),
		text("lfn", f.LFN), text("type", f.Type), text("dataset", f.Dataset), text("destinationdblock", f.DestinationDBlock),
		text("destinationse", f.DestinationSE), text("scope", f.Scope), text("status", f.Status), text("guid", f.GUID), text("checksum", f.Checksum),
		present("fsize", f.Size), number("jeditaskid", f.JediTaskID), number("datasetid", f.DatasetID), number("fileid", f.FileID),
	}
}

// Worker is a row of harvester_workers, and the jobs that ran in it.
type Worker struct {
	HarvesterID      string // "": CERN_central_A
	WorkerID         int64
	LastUpdate       time.Time // zero: now
	Status           string    // "": running
	BatchID          string
	NodeID           string
	QueueName        string
	ComputingSite    string
	ComputingElement string
	SubmitTime       time.Time
	StartTime        time.Time
	EndTime          time.Time
	StdOut           string
	StdErr           string
	BatchLog         string
	SubmissionHost   string
	HarvesterHost    string
	JobType          string
	PilotStatus      string

	Jobs []int64 // PandaIDs
}

// AddWorker adds a worker and its links to jobs.
func (d *Database) AddWorker(w Worker) {
	d.t.Helper()
	w = w.complete()
	d.insert("doma_panda.harvester_workers", w.row())
	for _, id := range w.Jobs {
		d.insert("doma_panda.harvester_rel_jobs_workers", w.link(id))
	}
}

func (w Worker) complete() Worker {
	if w.HarvesterID == "" {
		w.HarvesterID = "CERN_central_A"
	}
	if w.Status == "" {
		w.Status = "running"
	}
	w.LastUpdate = orNow(w.LastUpdate)
	return w
}

func (w Worker) row() row {
	return row{
		present("harvesterid", w.HarvesterID), present("workerid", w.WorkerID), present("lastupdate", w.LastUpdate), present("status", w.Status),
		text("batchid", w.BatchID), text("nodeid", w.NodeID), text("queuename", w.QueueName),
		text("computingsite", w.ComputingSite), text("computingelement", w.ComputingElement),
		moment("submittime", w.SubmitTime), moment("starttime", w.StartTime), moment("endtime", w.EndTime),
		text("stdout", w.StdOut), text("stderr", w.StdErr), text("batchlog", w.BatchLog),
		text("submissionhost", w.SubmissionHost), text("harvesterhost", w.HarvesterHost), text("jobtype", w.JobType), text("pilotstatus", w.PilotStatus),
	}
}

func (w Worker) link(pandaID int64) row {
	return row{
		present("harvesterid", w.HarvesterID), present("workerid", w.WorkerID), present("pandaid", pandaID),
		present("lastupdate", w.LastUpdate),
	}
}

// Upload is a row of usercacheusage: a sandbox that somebody uploaded.
type Upload struct {
	UserName         string
	FileName         string
	HostName         string
	CreationTime     time.Time // zero: now
	ModificationTime time.Time
	FileSize         int64
	Checksum         string
	AliasName        string
}

// AddUpload adds an upload.
func (d *Database) AddUpload(u Upload) {
	d.t.Helper()
	d.insert("doma_pandameta.usercacheusage", u.row())
}

func (u Upload) row() row {
	return row{
		present("username", u.UserName), present("filename", u.FileName), present("hostname", u.HostName),
		present("creationtime", orNow(u.CreationTime)), moment("modificationtime", u.ModificationTime),
		number("filesize", u.FileSize), text("checksum", u.Checksum), text("aliasname", u.AliasName),
	}
}

// Status is a row of jobs_statuslog. Host is a server of PanDA, never a worker node.
type Status struct {
	PandaID int64
	At      time.Time // zero: now
	Status  string
	Label   string
	Site    string
	Host    string
}

// AddStatus adds a state to a job's history.
func (d *Database) AddStatus(s Status) {
	d.t.Helper()
	d.insert("doma_panda.jobs_statuslog", s.row())
}

func (s Status) row() row {
	at := orNow(s.At)
	return row{
		present("pandaid", s.PandaID), present("modificationtime", at), present("jobstatus", s.Status),
		text("prodsourcelabel", s.Label), text("computingsite", s.Site), text("modificationhost", s.Host), present("modiftime_extended", at),
	}
}

// Retry is a row of jedi_job_retry_history: a job that JEDI made in place of another.
type Retry struct {
	JediTaskID int64
	OldPandaID int64
	NewPandaID int64
	OriginID   int64     // 0: OldPandaID
	At         time.Time // zero: now
	Relation   string    // "": retry
}

// AddRetry adds a job's replacement.
func (d *Database) AddRetry(r Retry) {
	d.t.Helper()
	d.insert("doma_panda.jedi_job_retry_history", r.row())
}

func (r Retry) row() row {
	if r.OriginID == 0 {
		r.OriginID = r.OldPandaID
	}
	if r.Relation == "" {
		r.Relation = "retry"
	}
	return row{
		present("jeditaskid", r.JediTaskID), present("oldpandaid", r.OldPandaID), present("newpandaid", r.NewPandaID),
		present("ins_utc_tstamp", orNow(r.At)), present("relationtype", r.Relation), present("originpandaid", r.OriginID),
	}
}
