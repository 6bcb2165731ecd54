package pilotlog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Bounds on one file of an HTCondor-CE, which a site handed over.
const (
	maxPayload   = 96 << 20 // bytes, unpacked
	maxPayloads  = 200_000  // runs
	maxAuditLine = 8 << 10  // bytes; longer ones are left out, and said
)

// payload is one run of a job in the AuditPayloadLog of an HTCondor-CE. The CE
// writes it when a pilot's startd tells it of the job, so that the job, its owner
// and the worker node are the pilot's word, and only the times are the CE's: its
// local ones, as if UTC. The format is that of HTCondor's ce-audit-plugin.cpp.
type payload struct {
	slot   string // such as slot1_2@glidein_70628_208368910@wn042.example.org
	job    string // GlobalJobId
	user   string
	dn     string
	email  string
	began  time.Time
	ended  time.Time // zero when no line tells
	doubts []string
}

// The messages that are read.
var (
	payloadStart   = []byte("Job start: {")
	payloadStop    = []byte("Job stop: {")
	payloadExpired = []byte("-second expired job: {")
)

// payloadKeys are what the messages have, in their order. Values are not escaped.
var payloadKeys = []string{"Name", "SlotID", "GlobalJobId", "GlobalJobID", "RemoteOwner", "ClientMachine", "ProjectName", "Group", "x509UserProxyVOName", "x509userproxysubject", "x509UserProxyEmail"}

// payloads joins the starts and stops of jobs.
type payloads struct {
	all  []payload
	open map[string]int // by slot: what runs there
}

// readPayloads reads an AuditPayloadLog.
func readPayloads(data []byte, f *flaws) []payload {
	if len(data) > maxPayload {
		data = data[:maxPayload]
		f.lose("it is longer than %d MB; the rest was not read", maxPayload>>20)
	}
	p := payloads{open: map[string]int{}}
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		_, message, ok := splitLine(line)
		if !ok {
			continue
		}
		start := bytes.HasPrefix(message, payloadStart)
		if !start && !bytes.HasPrefix(message, payloadStop) && !bytes.Contains(message[:min(len(message), 80)], payloadExpired) {
			continue
		}
		at, ok := stampOf(line)
		if !ok || len(line) > maxAuditLine {
			f.lose("it has lines that are too long or have no date, which were not read")
			continue
		}
		values, clear := payloadValues(string(message))
		if values["Name"] == "" {
			f.lose("it has lines of jobs that could not be read")
			continue
		}
		if !start {
			p.stop(values, at)
			continue
		}
		if len(p.all) == maxPayloads {
			f.lose("it has more than %d jobs; the rest was not read", maxPayloads)
			break
		}
		p.start(values, clear, at)
	}
	return p.all
}

func (p *payloads) start(values map[string]string, clear bool, at time.Time) {
	name := values["Name"]
	if i, ok := p.open[name]; ok { // the slot was given to another job before its end was told
		p.all[i].ended = at
	}
	run := payload{slot: name, job: values["GlobalJobId"], user: values["RemoteOwner"], dn: values["x509userproxysubject"], email: values["x509UserProxyEmail"], began: at}
	if !clear {
		// Whoever submitted could have put it there, to be taken for somebody else.
		run.user, run.dn, run.email = "", "", ""
		run.doubts = append(run.doubts, "a text in its line looks like another entry; its owner was not believed")
	}
	for _, s := range []string{run.slot, run.job, run.user, run.dn, run.email} {
		if !isPlain(s) {
			run.doubts = append(run.doubts, "its line has characters that change how text is shown")
			break
		}
	}
	p.open[name] = len(p.all)
	p.all = append(p.all, run)
}

// stop ends the run that a line is about. When a pilot goes, the line's Name is the
// master's, and the job tells which run; of a single slot the job is not told.
func (p *payloads) stop(values map[string]string, at time.Time) {
	job := values["GlobalJobID"] + values["GlobalJobId"]
	if i, ok := p.open[values["Name"]]; ok && (job == "" || p.all[i].job == job) {
		p.all[i].ended = at
		delete(p.open, values["Name"])
		return
	}
	if job == "" {
		return
	}
	for slot, i := range p.open {
		if p.all[i].job == job {
			p.all[i].ended = at
			delete(p.open, slot)
		}
	}
}

// payloadValues takes a message apart. clear is false when it can be read in
// several ways: a value holds what looks like the beginning of an entry.
func payloadValues(message string) (values map[string]string, clear bool) {
	_, text, _ := strings.Cut(message, ": {")
	text, closed := strings.CutSuffix(strings.TrimRight(text, " \r"), "'}")
	values, clear = map[string]string{}, closed
	type entry struct{ at, from, order int }
	var found []entry
	for order, key := range payloadKeys {
		begin := "'" + key + "': '"
		for at := 0; ; {
			i := strings.Index(text[at:], begin)
			if i < 0 {
				break
			}
			at += i
			if at == 0 || strings.HasSuffix(text[:at], "', ") {
				found = append(found, entry{at, at + len(begin), order})
			}
			at += len(begin)
		}
	}
	slices.SortFunc(found, func(a, b entry) int { return a.at - b.at })
	for i, e := range found {
		end := len(text)
		if i+1 < len(found) {
			end = max(e.from, found[i+1].at-len("', "))
		}
		if i > 0 && e.order <= found[i-1].order || i == 0 && e.at != 0 {
			clear = false
			continue // the first of several stands
		}
		values[payloadKeys[e.order]] = text[e.from:end]
	}
	return values, clear
}

// asJob makes a job of a run. zone is that of the CE's clock.
func (r payload) asJob(site string, zone *time.Location) (grid.Job, error) {
	attrs := map[string]any{"GlobalJobId": r.job, "MyType": "Job", "RemoteHost": r.slot}
	for name, value := range map[string]string{"User": r.user, "x509userproxysubject": r.dn, "x509UserProxyEmail": r.email} {
		if value != "" {
			attrs[name] = value
		}
	}
	run := grid.PilotRun{Site: site, Field: payloadLog, EndField: payloadLog}
	if host, _ := grid.HostOf(r.slot); host != "" {
		run.Hosts = []string{host}
	}
	run.Start, _ = inZone(r.began, zone)
	if _, run.End = inZone(r.ended, zone); run.End.IsZero() {
		run.End, run.EndField = run.Start.Add(maxLife), "the longest life of a pilot"
	}
	j, err := grid.JobFromPilotLog(attrs, run, Name)
	if err != nil {
		return grid.Job{}, fmt.Errorf("pilotlog: a job of an %s: %w", payloadLog, err)
	}
	return j, nil
}

// payloadLog is how answers call the log.
const payloadLog = "AuditPayloadLog"

// inZone gives the first and the last moment at which clocks of a zone showed a
// local time: they differ where it was shown twice, and where it never was.
func inZone(wall time.Time, zone *time.Location) (first, last time.Time) {
	if wall.IsZero() {
		return time.Time{}, time.Time{}
	}
	at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
	first, last = at, at
	for _, other := range []time.Time{at.Add(-time.Hour), at.Add(time.Hour)} {
		if other.Format(time.DateTime) == wall.Format(time.DateTime) || at.Format(time.DateTime) != wall.Format(time.DateTime) {
			if other.Before(first) {
				first = other
			}
			last = latest(last, other)
		}
	}
	return first.UTC(), last.UTC()
}
