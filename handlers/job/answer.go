package job

import (
	"cmp"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// answer is the machine form (docs/machine-answers.md).
type answer struct {
	PandaID       int64       `json:"pandaid,omitempty"`
	Table         string      `json:"table,omitempty"`
	Status        string      `json:"status,omitempty"`
	Substatus     string      `json:"substatus,omitempty"`
	Order         string      `json:"order,omitempty"`
	Label         string      `json:"label,omitempty"`
	Kind          string      `json:"kind,omitempty"`
	Submitter     string      `json:"submitter,omitempty"`
	PandaName     string      `json:"panda_name,omitempty"`
	Accounts      []account   `json:"accounts,omitempty"`
	SubmitHost    string      `json:"submit_host,omitempty"`
	SubmitHostWhy string      `json:"submit_host_why,omitempty"`
	SubmitTime    *time.Time  `json:"submit_time,omitempty"`
	Start         *time.Time  `json:"start,omitempty"`
	End           *time.Time  `json:"end,omitempty"`
	LastContact   *time.Time  `json:"last_contact,omitempty"`
	Site          string      `json:"site,omitempty"`
	CE            string      `json:"computing_element,omitempty"`
	Host          string      `json:"host,omitempty"`
	BatchID       string      `json:"batch_id,omitempty"`
	Pilot         string      `json:"pilot,omitempty"`
	Scheduler     string      `json:"scheduler,omitempty"`
	Workers       []worker    `json:"workers,omitempty"`
	Task          *task       `json:"task,omitempty"`
	History       []change    `json:"history,omitempty"`
	Errors        []problem   `json:"errors,omitempty"`
	Retries       []retry     `json:"retries,omitempty"`
	Transform     string      `json:"transformation,omitempty"`
	Image         string      `json:"image,omitempty"`
	PayloadURL    string      `json:"payload_url,omitempty"`
	PayloadFrom   string      `json:"payload_from,omitempty"`
	PayloadWhy    string      `json:"payload_why,omitempty"`
	Command       string      `json:"command,omitempty"`
	CommandRaw    string      `json:"command_raw,omitempty"`
	Typed         string      `json:"typed,omitempty"`
	Hints         []grid.Hint `json:"hints,omitempty"`
	Notes         []string    `json:"notes,omitempty"`
	Candidates    []candidate `json:"candidates,omitempty"`
	Unknown       []int64     `json:"unknown,omitempty"`
	Batch         string      `json:"batch,omitempty"`
	File          string      `json:"file,omitempty"`
	Source        string      `json:"source,omitempty"`
	Sources       []source    `json:"sources"`
	Complete      bool        `json:"complete"`
	Withheld      bool        `json:"withheld,omitempty"`
	// Evidence is what was kept of the payload.
	Evidence *grid.Quarantined `json:"evidence,omitempty"`
}

type account struct {
	Name   string `json:"name"`
	DN     string `json:"dn,omitempty"`
	Email  string `json:"email,omitempty"`
	Banned bool   `json:"banned"`
	Match  string `json:"match"` // exact, or same person
}

type worker struct {
	Harvester string     `json:"harvester"`
	ID        int64      `json:"id"`
	Status    string     `json:"status,omitempty"`
	BatchID   string     `json:"batch_id,omitempty"`
	Node      string     `json:"node,omitempty"`
	Submitter string     `json:"submission_host,omitempty"`
	Submitted *time.Time `json:"submitted,omitempty"`
	Stdout    string     `json:"stdout,omitempty"`
	Stderr    string     `json:"stderr,omitempty"`
	BatchLog  string     `json:"batch_log,omitempty"`
}

type task struct {
	ID     int64  `json:"id"`
	Name   string `json:"name,omitempty"`
	Status string `json:"status,omitempty"`
}

type change struct {
	At     *time.Time `json:"at,omitempty"`
	Status string     `json:"status"`
}

type problem struct {
	From string `json:"from"`
	Code int    `json:"code"`
	Text string `json:"text,omitempty"`
}

type retry struct {
	Old      int64  `json:"old"`
	New      int64  `json:"new"`
	Relation string `json:"relation,omitempty"`
}

// candidate is one of several jobs.
type candidate struct {
	PandaID    int64      `json:"pandaid"`
	Forms      []string   `json:"forms,omitempty"`
	Count      int        `json:"count,omitempty"`
	Status     string     `json:"status,omitempty"`
	PandaName  string     `json:"panda_name,omitempty"`
	Site       string     `json:"site,omitempty"`
	Host       string     `json:"host,omitempty"`
	BatchID    string     `json:"batch_id,omitempty"`
	SubmitTime *time.Time `json:"submit_time,omitempty"`
	End        *time.Time `json:"end,omitempty"`
	Source     string     `json:"source,omitempty"`
}

// maxMachine bounds the command in the machine form, in characters: parameters
// have megabytes.
const maxMachine = 200_000

func (x command) answer(found one, payload grid.PandaPayload, personal bool) answer {
	j := found.job
	p := grid.ParsePandaParams(j.Transformation, j.Parameters)
	submission, _ := grid.ParsePandaTask(j.Task.Parameters)
	a := answer{
		PandaID: j.ID, Table: j.Table, Status: j.Status, Substatus: j.Substatus, Order: j.Command, Label: j.Label, Kind: string(p.Kind),
		SubmitTime: instant(j.Created), Start: instant(j.Started), End: instant(j.Ended), LastContact: instant(j.Modified),
		Site: j.Site, CE: j.CE, Host: j.Host, BatchID: j.BatchID, Pilot: j.PilotID, Scheduler: j.Scheduler,
		Transform: j.Transformation, Image: cmp.Or(p.Image, j.Container), PayloadURL: payload.URL, PayloadFrom: payload.From, PayloadWhy: payload.Why,
		Source: j.Source, Sources: found.sources, Complete: found.complete(), Withheld: !personal,
	}
	for _, w := range j.Workers {
		a.Workers = append(a.Workers, worker{w.Harvester, w.ID, w.Status, w.BatchID, w.Node, w.Submitter, instant(w.Submitted), w.Stdout, w.Stderr, w.BatchLog})
	}
	for _, c := range j.History {
		a.History = append(a.History, change{instant(c.At), c.Status})
	}
	for _, r := range j.Retries {
		a.Retries = append(a.Retries, retry{r.Old, r.New, r.Relation})
	}
	if id := cmp.Or(j.Task.ID, j.TaskID); id > 0 {
		a.Task = &task{ID: id, Status: j.Task.Status}
	}
	for _, e := range j.Errors {
		a.Errors = append(a.Errors, problem{From: e.From, Code: e.Code})
	}
	if personal {
		a.personal(j, p, submission)
	}
	return a
}

// personal adds who it is, and what may tell.
func (a *answer) personal(j grid.PandaJob, p grid.PandaParams, submission grid.PandaSubmission) {
	a.Submitter, a.PandaName = j.UserID, j.UserName
	a.SubmitHost, a.SubmitHostWhy = j.SubmitHost()
	for _, x := range j.Owner.Accounts {
		a.Accounts = append(a.Accounts, account{x.Name, x.DN, x.Email, x.Banned, "exact"})
	}
	for _, x := range j.Owner.Others {
		a.Accounts = append(a.Accounts, account{x.Name, x.DN, x.Email, x.Banned, "same person"})
	}
	if a.Task != nil {
		a.Task.Name = j.Task.Name
	}
	for i, e := range j.Errors {
		a.Errors[i].Text = e.Text
	}
	a.Command, a.CommandRaw = cut(grid.Visible(p.Command.Text), maxMachine), cut(p.Command.Raw, maxMachine)
	a.Typed = cut(grid.Visible(submission.CLI), maxMachine)
	a.Hints, a.Notes = hints(p, submission), p.Notes
}

func listAnswer(l list, m *grid.PandaMentions, personal bool, file string) answer {
	a := answer{Batch: l.batch, File: file, Candidates: []candidate{}, Sources: l.sources, Complete: l.complete(), Withheld: !personal}
	named, known := map[int64]grid.PandaMention{}, map[int64]bool{}
	if m != nil {
		for _, j := range m.Jobs {
			named[j.ID] = j
		}
	}
	for _, j := range l.jobs {
		known[j.ID] = true
		c := candidate{
			PandaID: j.ID, Forms: named[j.ID].Forms, Count: named[j.ID].Count, Status: j.Status, Site: j.Site, Host: j.Host, BatchID: j.BatchID,
			SubmitTime: instant(j.Created), End: instant(j.Ended), Source: j.Source,
		}
		if file != "" {
			c.Count = 0 // of the excerpt, not of the file
		}
		if personal {
			c.PandaName = j.UserName
		}
		a.Candidates = append(a.Candidates, c)
	}
	if m != nil {
		for _, j := range m.Jobs {
			if !known[j.ID] {
				a.Unknown = append(a.Unknown, j.ID)
			}
		}
	}
	return a
}

// instant is t in UTC, or nil for no time.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// short is a time in a table.
func short(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04")
}
