package pandatest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// at makes a job of a task by its number. Everything about it follows from the seed.
func (t *Truth) at(i int, m made) Generated {
	r := t.random(2, i)
	g := Generated{Job: Job{
		PandaID: firstID + int64(i), JediTaskID: m.task.JediTaskID, ReqID: m.task.ReqID, JobsetID: m.task.ReqID, JobDefinitionID: int64(1 + r.IntN(500)),
		ProdUserID: m.user.Name, ProdUserName: m.user.Name, ProdSourceLabel: m.task.ProdSourceLabel, JobLabel: m.task.ProdSourceLabel,
		ProcessingType: m.task.ProcessingType, WorkingGroup: m.task.WorkingGroup, Transformation: m.payload.transformation, ContainerName: m.payload.container,
		JobName: fmt.Sprintf("%s.%d", m.task.TaskName, i), AttemptNr: 1 + r.IntN(3), CoreCount: 1 + 7*r.IntN(2), Priority: 1000 - r.IntN(500),
		Parameters: m.payload.parameters, VO: "atlas",
	}, URL: m.payload.url, Command: m.payload.command, Library: m.payload.library}
	if m.payload.build != "" && i == m.first {
		g.ProdSourceLabel, g.JobLabel, g.SpecialHandling = "panda", "user", "bj"
		g.Transformation, g.Parameters, g.Command = m.payload.buildBy, m.payload.build, ""
	} else if m.payload.build != "" {
		g.Build = firstID + int64(m.first)
	}
	if r.IntN(50) == 0 { // submitted without JEDI
		g.CreationHost, g.ProdUserID = fmt.Sprintf("lxplus%03d.cern.ch", r.IntN(900)), m.user.DN
	}
	if i < t.Size.Archived {
		t.archived(&g, r, i)
	} else {
		t.active(&g, r, i-t.Size.Archived)
	}
	g.stored = g.Table.live() || g.ModificationTime.After(t.Size.Until.AddDate(0, 0, -keptDays))
	return g
}

// archived lets a job run in its slot's turn, of which it takes a part only, and be
// archived after it. A few never ran.
func (t *Truth) archived(g *Generated, r *rand.Rand, i int) {
	turn := t.start(i)
	g.Table = Archived
	g.StartTime = turn.Add(part(r, t.period/4))
	g.EndTime = g.StartTime.Add(time.Minute + part(r, t.period*3/5))
	g.CreationTime = g.StartTime.Add(-10*time.Minute - part(r, 12*time.Hour))
	g.JobStatus, g.ModificationTime = "finished", g.EndTime.Add(time.Minute+part(r, 20*time.Minute))
	g.runsIn(i%t.slots, r)
	switch r.IntN(20) {
	case 0:
		g.JobStatus, g.ExeErrorCode, g.ExeErrorDiag = "failed", 65, "Non-zero return code from payload"
	case 1:
		g.JobStatus, g.CommandToPilot, g.PilotErrorCode, g.PilotErrorDiag = "cancelled", "tobekilled", KilledByServer, "This job was killed by panda server"
		g.TaskBufferErrorDiag = "killed by /DC=org/DC=example/OU=People/CN=Some Shifter"
	case 2:
		g.JobStatus, g.CommandToPilot, g.TaskBufferErrorCode = "closed", "tobekilled", 100
		g.StartTime, g.EndTime, g.ModificationHost, g.BatchID, g.PilotID, g.Node = time.Time{}, g.ModificationTime, "", "", "", ""
	case 3:
		g.ModificationTime = g.ModificationTime.Add(part(r, 48*time.Hour)) // a long transfer of its output
	}
	if g.ModificationTime.After(t.Size.Until) {
		g.ModificationTime = t.Size.Until
	}
	g.StateChangeTime = g.ModificationTime
}

// active is one of the jobs that have not ended: some run, most wait.
func (t *Truth) active(g *Generated, r *rand.Rand, j int) {
	g.Table = Active
	g.CreationTime = t.Size.Until.Add(-8*time.Hour - part(r, 48*time.Hour))
	g.ModificationTime = g.CreationTime.Add(part(r, 4*time.Hour))
	switch k := j % 20; {
	case k == 0:
		g.Table, g.JobStatus = Defined, "assigned"
	case k < 8:
		g.JobStatus, g.StartTime = "running", t.Size.Until.Add(-part(r, 4*time.Hour))
		g.ModificationTime = later(g.StartTime, t.Size.Until.Add(-part(r, 30*time.Minute)))
		g.runsIn(j, r)
	case k == 8:
		g.JobStatus, g.StartTime = "holding", t.Size.Until.Add(-time.Hour-part(r, 4*time.Hour))
		g.EndTime = g.StartTime.Add(part(r, 50*time.Minute))
		g.ModificationTime = g.EndTime
		g.runsIn(j, r)
	default:
		g.JobStatus = "activated"
	}
	g.StateChangeTime = g.ModificationTime
	g.place(j)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// part is a random part of a time, in whole seconds.
func part(r *rand.Rand, of time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(of/time.Second))) * time.Second
}

// place puts a job at the site of a slot.
func (g *Generated) place(slot int) int {
	site := slot / slotsOfHost / hostsOfSite
	g.ComputingSite, g.Cloud = fmt.Sprintf("EXAMPLE-T2-%02d_UCORE", site), "WORLD"
	g.ComputingElement = fmt.Sprintf("ce01.site%02d.example.org", site)
	return site
}

// runsIn puts a job on the worker node of a slot. Nodes of different sites have the same
// short names, and sites report them in different forms.
func (g *Generated) runsIn(slot int, r *rand.Rand) {
	site := g.place(slot)
	host := slot / slotsOfHost
	short := fmt.Sprintf("wn%03d", host%hostsOfSite)
	g.Node = fmt.Sprintf("%s.site%02d.example.org", short, site)
	g.BatchID = fmt.Sprintf("ce01.site%02d.example.org#%d.0#%d", site, g.PandaID%10_000_000, g.StartTime.Unix())
	switch site % 4 {
	case 0, 1:
		g.ModificationHost = fmt.Sprintf("slot1_%d@%s", slot%slotsOfHost+1, g.Node)
	case 2:
		g.ModificationHost = g.Node
		g.BatchID = fmt.Sprintf("%d.pbs01.site%02d.example.org", g.PandaID%10_000_000, site)
	case 3:
		g.ModificationHost = short
	}
	g.PilotID = fmt.Sprintf("https://aipanda%03d.cern.ch/condor_logs/%d.out|HTCONDOR|PR|3.11.5.1", 150+r.IntN(9), g.PandaID)
	g.SchedulerID = "harvester-CERN_central_A"
}

// worker is the batch job in which a job ran.
func (g Generated) worker() Worker {
	w := Worker{
		HarvesterID: "CERN_central_A", WorkerID: g.PandaID % 1_000_000_000, LastUpdate: g.ModificationTime, Status: "finished", BatchID: g.BatchID, NodeID: g.Node,
		ComputingSite: g.ComputingSite, ComputingElement: g.ComputingElement, SubmitTime: g.CreationTime, StartTime: g.StartTime, EndTime: g.EndTime,
		StdOut: fmt.Sprintf("https://aipanda157.cern.ch/condor_logs/%d.out", g.PandaID), SubmissionHost: "aipanda157.cern.ch", HarvesterHost: "aipanda170.cern.ch",
	}
	if g.Table.live() {
		w.Status = "running"
	}
	return w
}

// files are a job's rows of filestable4.
func (g Generated) files() []File {
	status := map[bool]string{true: "unknown", false: "ready"}[g.Table.live()]
	one := File{PandaID: g.PandaID, ModificationTime: g.side(), JediTaskID: g.JediTaskID, Scope: "user.nobody", Status: status, Size: 1 << 20}
	output := func(kind, lfn string) File {
		f := one
		f.Type, f.LFN, f.Dataset, f.DestinationDBlock = kind, lfn, fmt.Sprintf("user.nobody.%d.%s", g.JediTaskID, kind), fmt.Sprintf("user.nobody.%d.%s", g.JediTaskID, kind)
		return f
	}
	out := []File{output("log", fmt.Sprintf("user.nobody.%d.%d.log.tgz", g.JediTaskID, g.PandaID))}
	switch {
	case g.Library != "" && g.Build == 0:
		out = append(out, output("output", g.Library))
	case g.Library != "":
		out = append(out, output("input", g.Library))
	}
	return out
}

// history are a job's rows of jobs_statuslog.
func (g Generated) history() []Status {
	one := Status{PandaID: g.PandaID, Label: g.ProdSourceLabel, Site: g.ComputingSite, Host: ServerHost}
	var out []Status
	for _, s := range []struct {
		at     time.Time
		status string
	}{{g.CreationTime, "defined"}, {g.StartTime, "running"}, {g.ModificationTime, g.JobStatus}} {
		if !s.at.IsZero() && (len(out) == 0 || out[len(out)-1].Status != s.status) {
			one.At, one.Status = s.at, s.status
			out = append(out, one)
		}
	}
	return out
}
