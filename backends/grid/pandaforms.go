package grid

import (
	"net/url"
	"regexp"
	"strings"
)

// How a text can name a job.
const (
	formBare      = "a number"
	formFirstDir  = "a job's directory, PandaJob_N_…"
	formDir       = "a job's directory, PanDA_Pilot-N"
	formTarball   = "the directory of a job's log, tarball_PandaJob_N_…"
	formConfig    = "a file of the pilot, curl_updateJob_N.config"
	formKey       = "PandaID=N"
	formJobID     = "jobId=N"
	formPandaJob  = "a line of the pilot's log, PanDA job N"
	formJob       = "a line of the pilot's log, job N"
	formWrapper   = "a line of the wrapper's log, pandaids: N"
	formOut       = "the file pandaIDs.out"
	formCondorJob = "HTCondor_Job_ID"
	formMonitor   = "an address of the monitor"
)

// reach is how far before a number its name is looked for, in bytes.
const reach = 40

// form tells how the text names the digits from start to end as a job; "" when
// it does not.
func (r *reader) form(start, end int) string {
	before, after := r.before(start, reach), r.after(end, 12)
	if form := r.listed(before, start, end); form != "" {
		return form
	}
	switch last := lastByte(before); {
	case last == '_':
		return r.inName(before, after, start)
	case strings.HasSuffix(before, "PanDA_Pilot-") && ends(after):
		return formDir
	case !ends(after):
		return ""
	case last == '/' && (strings.HasSuffix(before, "/job/") || strings.HasSuffix(before, "/jobs/")):
		return formMonitor
	case last == ' ' || last == ':':
		if form := inLine(before, after, end-start); form != "" {
			return form
		}
	}
	return keyed(before)
}

func lastByte(s string) byte {
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}

// ends reports whether a name is over where after begins.
func ends(after string) bool { return after == "" || !isWord(after[0]) }

// inName tells the form of a number that follows an underscore.
func (r *reader) inName(before, after string, start int) string {
	switch {
	case strings.HasSuffix(before, "tarball_PandaJob_"):
		return formTarball
	case strings.HasSuffix(before, "PandaJob_"):
		if !ends(after) && !strings.HasPrefix(after, "_data") && !epochFollows(after) {
			return ""
		}
		return formFirstDir
	case strings.HasSuffix(before, "curl_updateJob_"):
		if !strings.HasPrefix(after, ".config") {
			return ""
		}
		return formConfig
	case isPilotDir(before):
		r.m.Pilots++
	case ends(after) && r.inCondorJob(start):
		return formCondorJob
	}
	return ""
}

// inCondorJob reports whether the last part of HTCondor_Job_ID begins at start.
func (r *reader) inCondorJob(start int) bool {
	before := r.before(start, 4*reach)
	at := strings.LastIndex(before, "HTCondor_Job_ID")
	return at >= 0 && condorJob.MatchString(before[at:])
}

// epochFollows reports whether a name goes on with a time in seconds.
func epochFollows(after string) bool {
	if len(after) < 11 || after[0] != '_' {
		return false
	}
	for i := 1; i < 11; i++ {
		if !isDigit(after[i]) {
			return false
		}
	}
	return true
}

func isPilotDir(before string) bool {
	for _, name := range []string{"Panda_Pilot_", "PanDA_Pilot_", "PanDA_Pilot2_", "PanDA_Pilot3_"} {
		if strings.HasSuffix(before, name) {
			return true
		}
	}
	return false
}

// condorJob is the variable that holds host, proc and job, cut at its beginning.
var condorJob = regexp.MustCompile(`^HTCondor_Job_ID["']?\s*[=:]\s*["']?[^\s"']*_$`)

// inLine tells the form of a number that follows words.
func inLine(before, after string, digits int) string {
	switch {
	case hasWord(before, "PanDA job id: "):
		return formPandaJob
	case hasWord(before, "PanDA job "):
		return formPandaJob
	case digits < 9 || strings.HasPrefix(after, ".") && len(after) > 1 && isDigit(after[1]):
	case hasWord(before, "batch job "), hasWord(before, "Condor job "), hasWord(before, "condor job "):
	case hasWord(before, "job "), hasWord(before, "job: "):
		return formJob
	}
	return ""
}

// hasWord reports whether a text ends with words, the first of which is whole.
func hasWord(text, words string) bool {
	rest, ok := strings.CutSuffix(text, words)
	return ok && (rest == "" || !isWord(rest[len(rest)-1]))
}

// keyed tells the form of a number that is the value of a name.
func keyed(before string) string {
	name := strings.TrimRight(before, "\\\"'")
	name = strings.TrimRight(name, " \t")
	name, assigned := strings.CutSuffix(name, "=")
	if !assigned {
		if name, assigned = strings.CutSuffix(name, ":"); !assigned {
			return ""
		}
	}
	name = strings.TrimRight(strings.TrimRight(name, " \t"), "\\\"'")
	at := len(name)
	for at > 0 && isWord(name[at-1]) {
		at--
	}
	key, link := name[at:], at > 0 && (name[at-1] == '?' || name[at-1] == '&')
	switch {
	case link && (strings.EqualFold(key, "pandaid") || key == "job"):
		return formMonitor
	case strings.EqualFold(key, "PandaID"):
		return formKey
	case key == "jobId":
		return formJobID
	}
	return ""
}

// The lists of ids: what stands before the first number, and what may stand
// between two.
var lists = []struct{ head, between, form string }{
	{"pandaids:", " \t", formWrapper},
	{"pandaIDs.out:", " \t", formOut},
	{"pandaIDs.out", " \t\r\n", formOut},
}

// listed tells the form of a number in a list, or of one of several that an
// address of the monitor has.
func (r *reader) listed(before string, start, end int) string {
	for _, l := range lists {
		head := strings.TrimRight(before, l.between)
		goesOn := r.list == l.form && r.listEnd > 0 && strings.Trim(r.text[r.listEnd:start], l.between) == ""
		if goesOn || strings.HasSuffix(head, l.head) && len(head) < len(before) {
			r.list, r.listEnd = l.form, end
			return l.form
		}
	}
	if r.list == formMonitor && r.text[r.listEnd:start] == "," || keyed(before) == formMonitor {
		r.list, r.listEnd = formMonitor, end
		return formMonitor
	}
	r.list, r.listEnd = "", 0
	return ""
}

// batch finds the id of a batch job after a name that batch systems and PanDA
// give it.
var batch = regexp.MustCompile(`\b(?:PBS_JOBID|SLURM_JOB_?ID|LSB_JOBID|QSUB_REQNAME|BQSCLUSTER|K8S_JOB_ID|JOB_ID|GlobalJobId|[bB]atch_?[iI][dD])["']?\s*[=:]\s*["']?([\w.#%@:-]{1,120})`)

// batches finds ids of batch jobs.
func (r *reader) batches() {
	for _, at := range batch.FindAllStringSubmatchIndex(r.text, 10*maxBatchMentions) {
		id := r.text[at[2]:at[3]]
		if at[0] > 0 && (r.text[at[0]-1] == '?' || r.text[at[0]-1] == '&') {
			if plain, err := url.PathUnescape(id); err == nil {
				id = plain
			}
		}
		if id = strings.TrimRight(id, ".:"); len(r.m.Batches) < maxBatchMentions {
			r.m.Batches = appendNew(r.m.Batches, id)
		}
	}
}
