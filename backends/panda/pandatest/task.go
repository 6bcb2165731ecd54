package pandatest

import "time"

// Task is a row of jedi_tasks and of t_task, and the parameters with which it was
// submitted.
type Task struct {
	JediTaskID       int64
	TaskName         string
	Status           string    // "": running
	UserName         string    // the clean name
	CreationDate     time.Time // zero: ModificationTime
	ModificationTime time.Time // zero: now
	ReqID            int64
	ProdSourceLabel  string // "": user
	ProcessingType   string
	WorkingGroup     string
	VO               string // "": atlas
	Site             string
	Params           string // JSON; "": no row of parameters

	Waiting bool // just submitted: in t_task only, with the status waiting
}

// AddTask adds a task.
func (d *Database) AddTask(t Task) {
	d.t.Helper()
	t = t.complete()
	d.insert("doma_deft.t_task", t.deft())
	if t.Waiting {
		return
	}
	d.insert("doma_panda.jedi_tasks", t.row())
	if t.Params != "" {
		d.insert("doma_panda.jedi_taskparams", t.params())
	}
}

func (t Task) complete() Task {
	t.ModificationTime = orNow(t.ModificationTime)
	if t.CreationDate.IsZero() {
		t.CreationDate = t.ModificationTime
	}
	if t.Waiting {
		t.Status = "waiting"
	}
	if t.Status == "" {
		t.Status = "running"
	}
	if t.ProdSourceLabel == "" {
		t.ProdSourceLabel = "user"
	}
	if t.VO == "" {
		t.VO = "atlas"
	}
	return t
}

func (t Task) row() row {
	return row{
		present("jeditaskid", t.JediTaskID), text("taskname", t.TaskName), present("status", t.Status), present("username", t.UserName),
		present("creationdate", t.CreationDate), present("modificationtime", t.ModificationTime), number("reqid", t.ReqID),
		text("prodsourcelabel", t.ProdSourceLabel), text("processingtype", t.ProcessingType), text("workinggroup", t.WorkingGroup),
		text("vo", t.VO), text("site", t.Site), present("statechangetime", t.ModificationTime), present("realmodificationtime", t.ModificationTime),
	}
}

func (t Task) params() row {
	return row{present("jeditaskid", t.JediTaskID), present("taskparams", t.Params)}
}

// deft is the task as it was submitted. Its status has 12 letters there.
func (t Task) deft() row {
	return row{
		present("taskid", t.JediTaskID), present("status", t.Status[:min(12, len(t.Status))]), present("submit_time", t.CreationDate),
		present("timestamp", t.ModificationTime), text("vo", t.VO), text("prodsourcelabel", t.ProdSourceLabel),
		text("taskname", t.TaskName), text("username", t.UserName), text("jedi_task_parameters", t.Params),
	}
}
