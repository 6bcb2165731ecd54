package gridtest

import (
	"bytes"
	"iter"
	"strconv"
)

// MONIT gives the snapshots of the queues: of running jobs with the few
// attributes that these have, of jobs that have just ended with all of them.
func (g *Generator) MONIT() iter.Seq[Doc] {
	return func(yield func(Doc) bool) {
		var f fields
		g.walk(visitor{job: func(j *job) bool { return g.monit(j, &f, yield) }})
	}
}

// monit gives the snapshots of one job.
func (g *Generator) monit(j *job, f *fields, yield func(Doc) bool) bool {
	if j.unmonitored {
		return true
	}
	for _, r := range j.runs {
		for at := g.firstSnapshot(r); at < r.end && at <= g.now; at += g.every {
			g.openMONIT(f)
			g.common(f, j, r, at)
			f.text("Status", "Running")
			f.text("RemoteHost", r.remote())
			f.date("EnteredCurrentStatus", r.start)
			f.number("RequestCpus", int64(j.cpus))
			f.hoursOf("WallClockHr", at-r.start)
			if !yield(g.closeMONIT(f, j, at)) {
				return false
			}
		}
	}
	if at, ok := g.endSeen(j); ok {
		g.openMONIT(f)
		g.finished(f, j, at, "condor_queue")
		return yield(g.closeMONIT(f, j, at))
	}
	return true
}

func (g *Generator) openMONIT(f *fields) {
	f.milli = true
	f.b = append(f.b[:0], `{"data": {`...)
}

func (g *Generator) closeMONIT(f *fields, j *job, at int64) Doc {
	id := j.id() + "#" + strconv.FormatInt(at, 10)
	f.b = append(f.b, `}, "metadata": {"producer": "condor", "timestamp": `...)
	f.b = append(strconv.AppendInt(f.b, at*1000, 10), `, "_id": `...)
	f.b = append(appendText(f.b, id), `, "spider_source": "condor_queue", "spider_runtime": `...)
	f.b = append(strconv.AppendInt(f.b, at*1000, 10), `}}`...)
	return Doc{Index: "monit_prod_condor_raw_metric-" + indexDay(at), ID: id, Source: bytes.Clone(f.b)}
}
