package gridtest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"iter"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// Log is what one pilot left with its factory.
type Log struct {
	// Path is that of its files without their endings, below a folder of all
	// factories: HOST/user_U/glidein_NAME/entry_E/job.CLUSTER.PROC.
	Path     string
	Out, Err []byte
	Written  time.Time // when the factory had them
}

// PilotLogs gives the logs of pilots that have ended: the planted ones, three of
// them hostile, and one in Config.Logs of the others.
func (g *Generator) PilotLogs() iter.Seq[Log] {
	return func(yield func(Log) bool) {
		g.walk(visitor{pilot: func(p *pilot, runs []placed) bool { return g.pilotLog(p, runs, yield) }})
	}
}

func (g *Generator) pilotLog(p *pilot, runs []placed, yield func(Log) bool) bool {
	if !g.hasLogs(p) {
		return true
	}
	_, factory, _ := strings.Cut(p.schedd, "@")
	l := Log{
		Path: path.Join(factory, "user_frontend", "glidein_gfactory_instance", "entry_"+p.entry, fmt.Sprintf("job.%d.%d", p.cluster, p.proc)),
	}
	l.Written = time.Unix(p.end+5*minutes+int64(mix(uint64(p.pid))%(35*minutes)), 0).UTC()
	w := logWriter{g: g, p: p, zone: p.site.zone(), runs: slices.Clone(runs)}
	slices.SortStableFunc(w.runs, func(a, b placed) int { return int(a.run.start - b.run.start) })
	l.Out, l.Err = w.out(), w.err()
	if p.hostile == garbageLog {
		l.Out, l.Err = garbage(g, l.Out), garbage(g, l.Err)
	}
	return yield(l)
}

// hasLogs tells whether a pilot's logs were written: they come back when it ends,
// within 45 minutes, and those of a killed one never.
func (g *Generator) hasLogs(p *pilot) bool {
	if p.killed || p.end+45*minutes > g.now {
		return false
	}
	return slices.Contains(g.planted.pilots, p) || g.config.Logs > 0 && mix(uint64(p.cluster*10+p.proc))%uint64(g.config.Logs) == 0
}

// zone is that of the site's clocks, in which the daemons write.
func (s *site) zone() *time.Location {
	name := map[string]string{"US": "America/Chicago", "UK": "Europe/London", "PT": "Europe/Lisbon", "BR": "America/Sao_Paulo", "CN": "Asia/Shanghai", "KR": "Asia/Seoul", "IN": "Asia/Kolkata"}[s.name[3:5]]
	if name == "" {
		name = "Europe/Zurich"
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic(err) // grid brings the database of zones along
	}
	return zone
}

// logWriter writes the logs of one pilot.
type logWriter struct {
	g    *Generator
	p    *pilot
	zone *time.Location
	runs []placed
}

func (w *logWriter) date(at int64) string {
	return fmt.Sprintf("%s (%d)", time.Unix(at, 0).In(w.zone).Format("Mon Jan _2 15:04:05 MST 2006"), at)
}

// out writes what the pilot printed. Each node of a pilot that has several prints
// its beginning, all into one file.
func (w *logWriter) out() []byte {
	p, b := w.p, &bytes.Buffer{}
	for n := range p.nodes {
		w.begin(b, p.node+n)
	}
	if p.valid {
		condor, ended := p.ready(), p.end-4
		fmt.Fprintf(b, "=== Condor starting %s ===\n=== Condor started in background, now waiting on process %d ===\n", w.date(condor), p.pid+90)
		fmt.Fprintf(b, "=== Condor ended %s after %d ===\n\n=== Stats of main ===\n=== End Stats of main ===\n", w.date(ended), ended-condor)
		fmt.Fprintf(b, "Total number of activations/claims: %d\n\n=== Last script ended %s with code 0 after %d ===\n\n", len(w.runs), w.date(ended+1), ended+1-p.start)
	}
	fmt.Fprintf(b, "=== Glidein ending %s with code %d after %d ===\n\n", w.date(p.end), map[bool]int{false: 1}[p.valid], p.end-p.start)
	stamp := func(at int64) string { return time.Unix(at, 0).In(w.zone).Format("2006-01-02T15:04:05-07:00") }
	fmt.Fprintf(b, "=== XML description of glidein activity ===\n<?xml version=\"1.0\"?>\n<OSGTestResult id=\"glidein_startup.sh\" version=\"4.3.1\">\n  <operatingenvironment>\n"+
		"    <env name=\"client_name\">%s</env>\n    <env name=\"hostname\">%s</env>\n  </operatingenvironment>\n  <test>\n    <tStart>%s</tStart>\n    <tEnd>%s</tEnd>\n  </test>\n"+
		"  <result>\n    <status>%s</status>\n  </result>\n</OSGTestResult>\n=== End XML description of glidein activity ===\n",
		p.client, p.site.self(p.node), stamp(p.start), stamp(p.end-3), map[bool]string{true: "OK", false: "ERROR"}[p.valid])
	return b.Bytes()
}

func (w *logWriter) begin(b *bytes.Buffer, node int) {
	p := w.p
	host := p.site.self(node)
	_, group, _ := strings.Cut(p.client, ".")
	fmt.Fprintf(b, "Starting glidein_startup.sh at %s\ndebug_mode        = 'std'\ncondorg_cluster   = '%d'\ncondorg_subcluster= '%d'\ncondorg_schedd    = '%s'\n", w.date(p.start), p.cluster, p.proc, p.schedd)
	fmt.Fprintf(b, "glidein_factory   = '%s'\nglidein_name      = 'gfactory_instance'\nglidein_entry     = '%s'\nclient_name       = '%s'\nclient_group      = '%s'\nwork_dir          = '.'\n\n", p.factory, p.entry, p.client, group)
	fmt.Fprintf(b, "Running on %s\nSystem: Linux %s 5.14.0 x86_64 GNU/Linux\nAs: uid=43700(cmspilot01) gid=43700(cmspilot) groups=43700(cmspilot)\nPID: %d\n\n", host, host, p.pid)
	fmt.Fprintf(b, "GLIDEIN_CMSSite %s\nGLIDEIN_CPUS 8\nGLIDEIN_Site %s\n=== Last script starting %s after validating for 60 ===\n\n", p.site.name, p.site.resource(), w.date(p.start+60))
}

// err writes the logs of the pilot's daemons, packed, as they stand in its .err.
func (w *logWriter) err() []byte {
	b := &bytes.Buffer{}
	b.WriteString("Unsetting X509_USER_PROXY\nRetire time set to 132000\nDie time set to 171000\n")
	if !w.p.valid {
		return b.Bytes()
	}
	var slots []string
	starters := map[string]*bytes.Buffer{}
	for i, x := range w.runs {
		name := fmt.Sprintf("StarterLog.slot1_%d", x.run.slot)
		if starters[name] == nil {
			starters[name] = &bytes.Buffer{}
			slots = append(slots, name)
		}
		w.starter(starters[name], x, w.p.pid+100+int64(i)*7)
	}
	slices.Sort(slots)
	for _, name := range slots {
		embed(b, name, bytes.NewReader(starters[name].Bytes()))
	}
	history := &bytes.Buffer{}
	byEnd := slices.Clone(w.runs)
	slices.SortStableFunc(byEnd, func(a, b placed) int { return int(a.run.end - b.run.end) })
	for _, x := range byEnd {
		w.ad(history, x.job, x.run)
	}
	if j := w.g.planted.forged; w.p.hostile == forgedLog {
		w.ad(history, j, run{pilot: w.p, node: w.p.node, slot: 8, start: j.last().start, end: j.end()})
	}
	embed(b, "StartdHistoryLog", bytes.NewReader(history.Bytes()))
	if w.p.hostile == bombLog {
		embed(b, "StarterLog.slot1_8", io.LimitReader(zeros{}, bombSize))
	}
	return b.Bytes()
}

// starter writes what the starter of one run tells: no name of a person.
func (w *logWriter) starter(b *bytes.Buffer, x placed, pid int64) {
	line := func(at int64, format string, args ...any) {
		fmt.Fprintf(b, "%s (pid:%d) %s\n", time.Unix(at, 0).In(w.zone).Format("01/02/06 15:04:05"), pid, fmt.Sprintf(format, args...))
	}
	start, end := x.run.start, x.run.end
	how := "status=0"
	if latest := x.run == x.job.last(); !latest || x.job.removed {
		how = "signal=9"
	}
	line(start, "** condor_starter (CONDOR_STARTER) STARTING UP")
	line(start, "Communicating with shadow <192.0.2.11:4080?addrs=192.0.2.11-4080&noUDP&sock=shadow_%d>", pid)
	line(start, "Submitting machine is %q", x.job.schedd[strings.LastIndexByte(x.job.schedd, '@')+1:])
	line(min(start+1, end), "Starting a VANILLA universe job with ID: %d.%d", x.job.cluster, x.job.proc)
	line(min(start+15, end), "Create_Process succeeded, pid=%d", pid+3)
	line(end, "Process exited, pid=%d, %s", pid+3, how)
	line(end, "**** condor_starter (condor_STARTER) pid %d EXITING WITH STATUS 0", pid)
}

// ad writes the ad of a job as the startd notes it at a run's end.
func (w *logWriter) ad(b *bytes.Buffer, j *job, r run) {
	at := b.Len()
	text := func(name, value string) {
		fmt.Fprintf(b, "%s = \"%s\"\n", name, strings.ReplaceAll(value, `"`, `\"`))
	}
	number := func(name string, n int64) { fmt.Fprintf(b, "%s = %d\n", name, n) }
	if j.kind == analysis {
		text("AccountingGroup", "analysis."+j.login)
		text("CRAB_UserHN", j.login)
		text("CRAB_Workflow", j.task)
	} else {
		text("AccountingGroup", "production.cmsdataops")
		text("WMAgent_RequestName", j.task)
	}
	if j.unmonitored {
		text("CMS_Type", "DONOTMONIT")
	}
	number("ClusterId", j.cluster)
	text("GlobalJobId", j.id())
	number("JobCurrentStartDate", r.start)
	number("JobUniverse", 5)
	text("MyType", "Job")
	text("Owner", w.g.account(j))
	number("ProcId", j.proc)
	number("QDate", j.submitted)
	text("RemoteHost", r.remote())
	text("User", w.g.account(j)+"@cms")
	if j.dn != "" {
		text("x509UserProxyVOName", "cms")
		text("x509userproxysubject", j.dn)
	}
	fmt.Fprintf(b, "*** Offset = %d ClusterId = %d ProcId = %d Owner = %q CompletionDate = -1 CurrentTime = %d\n", at, j.cluster, j.proc, w.g.account(j), r.end)
}

// bombSize is what a gzip bomb unpacks to, in bytes: far more than a log has.
const bombSize = 128 << 20

// zeros are without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// packers are used again: to make one takes longer than to pack a log.
var packers = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // there is such a level
	}
	return z
}}

// embed writes a log as condor_startup.sh does: its name, packed, in lines.
func embed(b *bytes.Buffer, name string, log io.Reader) {
	packed := &bytes.Buffer{}
	z, ok := packers.Get().(*gzip.Writer)
	if !ok {
		panic("gridtest: something else is in the pool of packers")
	}
	defer packers.Put(z)
	z.Reset(packed)
	if _, err := io.Copy(z, log); err != nil {
		panic(err) // a buffer takes everything
	}
	if err := z.Close(); err != nil {
		panic(err)
	}
	fmt.Fprintf(b, "%s\n======== gzip | uuencode =============\nbegin-base64 644 -\n", name)
	for text := base64.StdEncoding.EncodeToString(packed.Bytes()); text != ""; {
		n := min(len(text), 76)
		b.WriteString(text[:n] + "\n")
		text = text[n:]
	}
	b.WriteString("====\n\n")
}

// garbage spoils a tenth of the bytes, and puts in what may do harm in a terminal.
func garbage(g *Generator, log []byte) []byte {
	r := stream(g.config.Seed, "garbage", uint64(len(log)))
	out := slices.Clone(log)
	for range len(out) / 10 {
		out[r.IntN(len(out))] = byte(r.UintN(256))
	}
	return slices.Concat([]byte("\x1b]0;owned\a\x1b[2J\u202e@all\x00"), out)
}
