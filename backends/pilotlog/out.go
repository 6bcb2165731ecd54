package pilotlog

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// Facts are what a pilot's .out says of the pilot. All of it is the worker node's
// word; times are UTC, zero when there is no such line.
type Facts struct {
	Pilot       grid.Pilot
	Site        string
	Hosts       []string // as grid.HostOf gives them; several when the pilot spans machines
	Started     time.Time
	CondorFrom  time.Time // jobs can run from then …
	CondorTo    time.Time // … until then
	Ended       time.Time
	Activations int // how many runs of jobs the pilot counted; -1 when it does not say

	clock  clock
	starts int // lines that begin a pilot
}

// The lines of glidein_startup.sh that are read.
var (
	setting    = regexp.MustCompile(`^(condorg_cluster|condorg_subcluster|condorg_schedd|glidein_factory|glidein_name|glidein_entry|client_name)\s*= '(.*)'$`)
	withEpoch  = regexp.MustCompile(`^(Starting glidein_startup\.sh at|=== Condor starting|=== Condor ended|=== Glidein ending|=== Last script starting|=== Last script ended) (.+?) \((\d{1,12})\)`)
	activation = regexp.MustCompile(`^Total number of activations/claims: (\d{1,9})$`)
	xmlTime    = regexp.MustCompile(`<(?:tStart|tEnd)>([0-9T:+-]{19,25}|[0-9T:-]{19}Z)</`)
)

// readOut reads a .out file.
func readOut(data []byte, f *flaws) Facts {
	out := Facts{Activations: -1}
	if len(data) > maxOut {
		data = data[:maxOut]
		f.lose("its .out is longer than %d MB; the rest was not read", maxOut>>20)
	}
	var cluster, proc string
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		if len(line) == 0 || len(line) > 1000 {
			continue
		}
		switch {
		case bytes.HasPrefix(line, []byte("condorg_")), bytes.HasPrefix(line, []byte("glidein_")), bytes.HasPrefix(line, []byte("client_")):
			if m := setting.FindSubmatch(line); m != nil {
				out.set(string(m[1]), string(m[2]), &cluster, &proc, f)
			}
		case bytes.HasPrefix(line, []byte("Starting glidein_startup.sh")), bytes.HasPrefix(line, []byte("=== ")):
			if m := withEpoch.FindSubmatch(line); m != nil {
				out.moment(string(m[1]), string(m[2]), string(m[3]), f)
			}
		case bytes.HasPrefix(line, []byte("Running on ")):
			if host, _ := grid.HostOf(string(line[len("Running on "):])); host != "" && !slices.Contains(out.Hosts, host) && len(out.Hosts) < maxList {
				out.Hosts = append(out.Hosts, host)
			}
		case bytes.HasPrefix(line, []byte("GLIDEIN_CMSSite ")):
			first(&out.Site, string(line[len("GLIDEIN_CMSSite "):]), "site", f)
		case bytes.HasPrefix(line, []byte("Total number of activations")):
			if m := activation.FindSubmatch(line); m != nil {
				n, _ := strconv.Atoi(string(m[1]))
				out.Activations = max(out.Activations, 0) + n
			}
		case bytes.Contains(line, []byte("<t")):
			if m := xmlTime.FindSubmatch(line); m != nil {
				out.offset(string(m[1]))
			}
		}
	}
	c, errC := strconv.ParseInt(cluster, 10, 64)
	p, errP := strconv.ParseInt(proc, 10, 64)
	if errC == nil && errP == nil {
		out.Pilot.ID.Cluster, out.Pilot.ID.Proc = c, p
	}
	if out.starts > 1 {
		f.add("its .out begins %d times: several pilots wrote it, or somebody added to it", out.starts)
	}
	out.clock.settle()
	if n := len(out.clock.offsets()); n > 1 {
		f.add("its clock had %d offsets from UTC: it changed to or from summer time, or lines were added", n)
	}
	return out
}

// first keeps the first of several values; another one is a flaw, for a pilot
// writes each once.
func first(have *string, value, what string, f *flaws) {
	value = strings.TrimSpace(value)
	switch {
	case *have == "":
		*have = value
	case *have != value:
		f.add("its .out names two values of the %s: %s and %s", what, shown(*have), shown(value))
	}
}

func (o *Facts) set(name, value string, cluster, proc *string, f *flaws) {
	into := map[string]*string{
		"condorg_cluster": cluster, "condorg_subcluster": proc, "condorg_schedd": &o.Pilot.ID.Schedd, "glidein_factory": &o.Pilot.Factory,
		"glidein_name": &o.Pilot.Name, "glidein_entry": &o.Pilot.Entry, "client_name": &o.Pilot.Client,
	}[name]
	first(into, value, name, f)
}

func (o *Facts) moment(what, local, seconds string, f *flaws) {
	at, ok := epoch(seconds)
	if !ok {
		return
	}
	if wall, ok := wallOf(local); ok && !o.clock.add(at, wall) {
		f.add("a line of its .out contradicts itself: %s is not %s in any time zone", shown(local), at.Format(time.RFC3339))
	}
	switch what {
	case "Starting glidein_startup.sh at":
		o.starts++
		if o.Started.IsZero() || at.Before(o.Started) {
			o.Started = at
		}
	case "=== Condor starting":
		if o.CondorFrom.IsZero() || at.Before(o.CondorFrom) {
			o.CondorFrom = at
		}
	case "=== Condor ended":
		o.CondorTo = latest(o.CondorTo, at)
	case "=== Glidein ending":
		o.Ended = latest(o.Ended, at)
	}
}

// offset takes the zone of a date in the activity report.
func (o *Facts) offset(stamp string) {
	at, err := time.Parse(time.RFC3339, stamp)
	if err != nil {
		return
	}
	_, seconds := at.Zone()
	o.clock.add(at.UTC(), at.UTC().Add(time.Duration(seconds)*time.Second))
}

func latest(times ...time.Time) time.Time {
	var out time.Time
	for _, t := range times {
		if t.After(out) {
			out = t
		}
	}
	return out
}
