package gridtest

import (
	"fmt"
	"strconv"
	"strings"
)

// pilot is one pilot as it truly was.
type pilot struct {
	site       *site
	node       int // the first of its nodes
	nodes      int // more than one on an HPC system
	startd     string
	schedd     string // the factory's
	cluster    int64
	proc       int64
	factory    string
	entry      string
	client     string
	batch      string // "" when the batch system does not tell
	queue      string
	start, end int64
	valid      bool // false: it ended before it took a job
	killed     bool // its logs were lost
	hostile    string
	pid        int64
}

// ready and closed bound when the pilot takes jobs.
func (p *pilot) ready() int64  { return p.start + 65 }
func (p *pilot) closed() int64 { return p.end - 14_400 }

// wmsSlot is what GLIDEIN_SiteWMS_Slot says: only HTCondor tells a job its slot.
func (p *pilot) wmsSlot(r run) string {
	if p.site.batch != htCondor {
		return "Unknown"
	}
	return fmt.Sprintf("slot1_%d@%s", 1+p.cluster%24, p.site.self(r.node))
}

// run is one run of a job: where and when it truly was.
type run struct {
	pilot      *pilot
	node       int
	slot       int
	start, end int64 // Unix seconds
}

// remote is the name of the slot, as RemoteHost has it.
func (r run) remote() string {
	return "slot1_" + strconv.Itoa(r.slot) + "@" + r.pilot.startd + "@" + r.pilot.site.self(r.node)
}

// The kinds of jobs.
type jobKind int

const (
	analysis jobKind = iota
	production
	smallProduction // merge, log collect, cleanup
)

// job is one job as it truly was. That a record does not say all of it is what
// the questions are about.
type job struct {
	schedd        string
	cluster, proc int64
	submitted     int64
	kind          jobKind
	owner         *user  // of analysis
	login         string // that the job's attributes claim; the owner's but for an impostor's
	dn            string
	task          string // CRAB's workflow, or WMAgent's request
	number        int    // in the task
	retry         int
	cpus          int
	runs          []run // in their order
	removed       bool
	noHook        bool // the queue never noted the end
	exit          int
	leaves        int64 // seconds from the end until it leaves the queue
	shadows       int   // NumShadowStarts
	killedTask    bool  // removed together with its task: es-cms never sees it
	unmonitored   bool  // CMS_Type is DONOTMONIT: the spider passes it by
	again         int   // how many more documents es-cms has of it, with later record times
	twice         bool  // es-cms got its document twice
}

func (j *job) id() string {
	b := make([]byte, 0, 64)
	b = append(append(b, j.schedd...), '#')
	b = append(strconv.AppendInt(b, j.cluster, 10), '.')
	b = append(strconv.AppendInt(b, j.proc, 10), '#')
	return string(strconv.AppendInt(b, j.submitted, 10))
}

func (j *job) last() run  { return j.runs[len(j.runs)-1] }
func (j *job) end() int64 { return j.last().end }

// person is who must be named: a login, or who requested the production.
func (j *job) person() string {
	if j.kind == analysis {
		return j.login
	}
	name, _, _ := strings.Cut(j.task, "_")
	return name
}

// gone is when the job left its queue, which is when its history begins.
func (j *job) gone() int64 { return j.end() + j.leaves }

// recorded is es-cms's RecordTime: the end, or when the spider saw it.
func (j *job) recorded() int64 {
	switch {
	case !j.removed:
		return j.end()
	case !j.noHook:
		return j.end() + 1
	}
	return spiderRun(j.gone(), 300)
}

// spiderRun is the first run of a spider from a time on.
func spiderRun(at, offset int64) int64 {
	return (at-offset+spiderEvery-1)/spiderEvery*spiderEvery + offset
}

// finishedSeen tells whether the spider wrote documents of the job's end.
func (g *Generator) finishedSeen(j *job) bool {
	return spiderRun(j.gone(), 300) <= g.now && !j.killedTask && !j.unmonitored
}

// isLost tells whether they are in the index that is missing.
func (g *Generator) isLost(j *job) bool { return indexDay(j.submitted) == g.planted.missingDay }

// inESCMS tells whether the job is among the documents of finished jobs.
func (g *Generator) inESCMS(j *job) bool { return g.finishedSeen(j) && !g.isLost(j) }

// inHistory tells whether the job is in a history that was handed over.
func (g *Generator) inHistory(j *job) bool {
	return j.gone() <= g.now && j.schedd != silentSchedd
}

// firstSnapshot is when the first snapshot after a run's start was taken.
func (g *Generator) firstSnapshot(r run) int64 { return (r.start + g.every - 1) / g.every * g.every }

// endSeen is when the queue, in which jobs stay for a while after their end, was
// read then: it is asked for what changed in the last 61 minutes.
func (g *Generator) endSeen(j *job) (int64, bool) {
	at := spiderRun(j.end(), 0)
	return at, !j.unmonitored && at <= g.now && at < j.gone()
}

// hasEpochs tells whether the schedd still has its epochs, of which it keeps few.
func (g *Generator) hasEpochs(j *job) bool {
	return len(j.runs) > 1 && j.schedd != silentSchedd && j.runs[0].end <= g.now
}
