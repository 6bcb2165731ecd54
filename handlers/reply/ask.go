package reply

import (
	"context"
	"slices"
	"strings"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/handlers/facts"
)

// missing is something that a site can tell, and how it finds it.
type missing struct {
	word string // as people type it
	what string // for the mail
	ways []string
}

// all that can be asked for, in the order of the mail.
var all = []missing{
	{"host", "the full name of the worker node, as the node itself has it", []string{
		"on the node: uname -n, and hostname -f for the name with its domain",
		"a container has a name of its own: then the name of the machine around it, too",
	}},
	{"time", "the time of what you saw, with its time zone", []string{
		"best in UTC: date -u +%Y-%m-%dT%H:%M:%SZ prints it now, and date -u -d '...' turns a local time into it",
		"for what is written in a log: the line, and the zone of that log",
	}},
	{"batch", "the id of the batch job, with its queue or computing element", []string{
		"HTCondor: condor_who on the node lists the jobs there now; condor_history -constraint 'regexp(\"NODE\", LastRemoteHost)' those that ended; please also the name of the schedd",
		"SLURM: squeue --nodelist=NODE lists the jobs there now; sacct --allusers --nodelist=NODE --starttime=START --endtime=END those that ended",
		"PBS: qstat -n -1 shows the jobs with their nodes; tracejob -n DAYS ID what the logs have of one",
		"LSF: bjobs -u all -m NODE; SGE: qstat -u '*' -q '*@NODE', and qacct -h NODE -j for those that ended",
		"from a process: tr '\\0' '\\n' < /proc/PID/environ shows _CONDOR_SLOT, SLURM_JOB_ID, PBS_JOBID, LSB_JOBID or JOB_ID",
		"behind a computing element the job has two ids: please send that of the batch system and that of the element",
	}},
	{"pilot", "the id of the pilot", []string{
		"CMS: the pilot's standard output has the lines condorg_cluster, condorg_subcluster, condorg_schedd and glidein_entry; the file glidein_config in its working directory has CONDORG_CLUSTER and CONDORG_SUBCLUSTER",
		"CMS behind HTCondor-CE: the lines Job start and Job stop of /var/log/condor-ce/AuditPayloadLog for that node and time name the payloads; please send them",
		"ATLAS: see the id of the PanDA job",
	}},
	{"job", "the id of the PanDA job (ATLAS)", []string{
		"in the pilot's working directory there is a directory PandaJob_NNNNNNNNNN_...: the number is the id",
		"in the same place pilotlog.txt has a line PandaID=NNNNNNNNNN",
		"or the id of the batch job: we can look it up",
	}},
	{"nat", "the worker node behind a shared address", []string{
		"the NAT's or firewall's flow log for the port and time: the inner address and port of the connection",
	}},
	{"squid", "the worker node behind a squid server", []string{
		"the squid's access.log for the time: the client address of each such request",
	}},
}

func words() []string {
	var out []string
	for _, m := range all {
		out = append(out, m.word)
	}
	return out
}

// usual is asked for when nobody says what, and nothing was traced.
var usual = []string{"host", "time", "batch", "pilot", "job"}

// ask drafts a question to a site for what is missing. It tells of nobody's
// jobs, and so can be drafted anywhere; a thread without facts has just not got
// that far.
func (x commands) ask(ctx context.Context, r *bot.Request) (draft, error) {
	tlp, err := tlpOf(r)
	if err != nil {
		return draft{}, err
	}
	var wanted []string
	for _, w := range r.Args() {
		word := strings.ToLower(strings.Trim(w, ","))
		if !slices.Contains(words(), word) {
			return draft{}, bot.Problemf("usage", "%q cannot be asked for. What can is: %s.", oneLine(w), strings.Join(words(), ", "))
		}
		wanted = append(wanted, word)
	}
	f, err := x.facts.Of(ctx, r)
	known := err == nil
	if err != nil && !facts.Missing(err) {
		return draft{}, err
	}
	d := draft{kind: "ask", tlp: tlp, site: strings.TrimSpace(r.Options["site"])}
	if known {
		d.trace, d.partial = f.Request, !f.Trace.Complete
		if d.site == "" {
			d.site, _ = x.recipient(f, "")
		}
		d.note("From `%s`, asked again at %s.", shown(f, r.Personal), utc(f.At))
	} else {
		d.note("Nothing was traced in this thread yet, so it is not known what the site has told already.")
	}
	switch {
	case len(wanted) > 0:
	case !known:
		wanted = usual
	default:
		if wanted = lacking(f); len(wanted) == 0 {
			return draft{}, bot.Problemf("refused", "Nothing is missing: the trace has found whose jobs these were. To ask all the same, say for what: `reply ask batch`. What can be asked for is: %s.", strings.Join(words(), ", "))
		}
	}
	d.title = bot.Textf("Draft: a question to *%s*", whom(d.site))
	given, err := x.given(r)
	if err != nil {
		return draft{}, err
	}
	d.sayMissing(f, known, wanted, given, r.Person.Display())
	d.next = []string{"trace HOST TIME site=SITE"}
	return d, nil
}

// shown is the question as a channel may see it.
func shown(f facts.Facts, personal bool) string {
	if f.Trace.Query.Kind == grid.ByUser && !personal {
		return "trace user"
	}
	return f.Line
}

// lacking finds what a trace would need to know more.
func lacking(f facts.Facts) []string {
	q := f.Trace.Query
	var out []string
	add := func(words ...string) {
		for _, w := range words {
			if !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	switch {
	case f.Squid != "":
		add("squid", "time")
	case f.NAT != "":
		add("nat", "time")
	}
	if strings.Contains(strings.Join(f.Said, " "), "no zone given") || q.Asked.IsZero() {
		add("time")
	}
	if q.Kind == grid.ByHost && !strings.Contains(q.Host, ".") {
		add("host")
	}
	if q.Kind == grid.ByBatch && q.Queue == "" {
		add("batch")
	}
	proven := slices.ContainsFunc(f.Trace.People, func(p grid.Person) bool { return p.Confidence == grid.Confirmed })
	if !proven && f.Squid == "" && q.Kind != grid.ByUser {
		add("host", "time", "batch", "pilot", "job")
		if q.Kind == grid.ByHost && strings.Contains(q.Host, ".") {
			out = slices.DeleteFunc(out, func(w string) bool { return w == "host" })
		}
	}
	return out
}

func (d *draft) sayMissing(f facts.Facts, known bool, wanted []string, given given, sender string) {
	d.subject = "what we need to find the jobs that you reported"
	d.say("Dear colleagues at %s,", whom(d.site))
	d.say("")
	if known && f.Trace.Query.Kind != grid.ByUser {
		d.subject = "Re: " + asked(f) + ": what we need to find the jobs"
		d.say("Thank you for your report. We have looked into %s.", asked(f))
		d.say("To tell whose jobs these were, or to be sure, we need more from you:")
	} else {
		d.say("Thank you for your report. To find out whose jobs these were we need from you:")
	}
	for _, m := range all {
		if !slices.Contains(wanted, m.word) {
			continue
		}
		d.say("")
		d.say("* %s", m.what)
		for _, way := range m.ways {
			d.say("  - %s", way)
		}
	}
	d.say("")
	if given != "" {
		given.say(d)
		d.say("It does not tell whose payload ran, but it helps to find the pilot.")
	} else {
		d.say("A DN that your system shows for the batch job is most likely that of a pilot factory: it does not tell whose payload ran, but it helps to find the pilot.")
	}
	d.say("")
	d.sayConduct(nil)
	d.say("")
	d.say("Please keep this mail at %s.", d.tlp)
	d.say("")
	d.say("Best regards,")
	d.say("%s", sender)
}
