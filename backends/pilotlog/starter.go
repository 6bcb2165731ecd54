package pilotlog

import (
	"bytes"
	"strconv"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
)

// run is one run of a job as the daemons in the pilot tell it. Their times are the
// worker node's local ones, as if UTC.
type run struct {
	log     string // which log tells it
	schedd  string // host of the schedd that sent the job
	shadow  string // address of the job's shadow there
	cluster int64
	proc    int64
	began   time.Time // local
	ended   time.Time // local; zero when the log does not show it
	pid     []byte
	named   bool // the log said which job it is
	taken   bool // an ad belongs to it
}

// stampOf reads the time of a line that splitLine accepts.
func stampOf(line []byte) (time.Time, bool) {
	two := func(i int) int {
		a, b := line[i]-'0', line[i+1]-'0'
		if a > 9 || b > 9 {
			return -1
		}
		return int(a)*10 + int(b)
	}
	if two(6) < 0 {
		return time.Time{}, false
	}
	return civil(2000+two(6), two(0), two(3), two(9), two(12), two(15))
}

// splitLine reads "MM/DD/YY HH:MM:SS[.mmm] (pid:N) " at the beginning of a line. Of
// most lines the time is of no interest, and so not read.
func splitLine(line []byte) (pid, message []byte, ok bool) {
	if len(line) < 18 || line[2] != '/' || line[5] != '/' || line[8] != ' ' || line[11] != ':' || line[14] != ':' {
		return nil, nil, false
	}
	message = line[17:]
	if message[0] == '.' {
		i := bytes.IndexByte(message, ' ')
		if i < 0 {
			return nil, nil, false
		}
		message = message[i:]
	}
	message = bytes.TrimLeft(message, " ")
	// After the pid there may be the category of the message.
	for len(message) > 2 && message[0] == '(' && (bytes.HasPrefix(message, []byte("(pid:")) || bytes.HasPrefix(message, []byte("(D_"))) {
		i := bytes.IndexByte(message, ')')
		if i < 0 {
			break
		}
		if message[1] == 'p' {
			pid = message[len("(pid:"):i]
		}
		message = bytes.TrimLeft(message[i+1:], " ")
	}
	return pid, message, true
}

// The messages of condor_starter that are read.
var (
	startingUp = []byte("** condor_starter (CONDOR_STARTER) STARTING UP")
	shadowLine = []byte("Communicating with shadow <")
	submitLine = []byte("Submitting machine is \"")
	jobLine    = []byte("Starting a ")
	jobLineID  = []byte(" universe job with ID: ")
	exitLine   = []byte("**** condor_starter")
	exitLineTo = []byte(" EXITING WITH STATUS ")
	exited     = []byte("Process exited, pid=")
)

// readStarter reads the log of one slot's starters. A starter that is not seen to
// begin was before the log's first line.
func readStarter(name string, data []byte, f *flaws) []run {
	var out []run
	var now *run
	finish := func() {
		if now != nil && now.named {
			if len(out) == maxRuns {
				f.lose("%s tells of more than %d runs; the rest was not read", shown(name), maxRuns)
			} else {
				out = append(out, *now)
			}
		}
		now = nil
	}
	for len(data) > 0 && len(out) < maxRuns {
		var line []byte
		line, data = nextLine(data)
		pid, message, ok := splitLine(line)
		if !ok || len(message) < 11 {
			continue
		}
		switch message[0] {
		case '*', 'C', 'S', 'P':
		default:
			continue
		}
		if bytes.HasPrefix(message, startingUp) {
			at, ok := stampOf(line)
			if !ok {
				continue
			}
			finish()
			now = &run{log: name, began: at, pid: pid}
			continue
		}
		isExit := bytes.HasPrefix(message, exitLine) && bytes.Contains(message, exitLineTo)
		id, isJob := bytes.CutPrefix(message, jobLine)
		if isJob {
			_, id, isJob = bytes.Cut(id, jobLineID)
		}
		host, isSubmit := bytes.CutPrefix(message, submitLine)
		shadow, isShadow := bytes.CutPrefix(message, shadowLine)
		isEnd := bytes.HasPrefix(message, exited)
		if !isExit && !isJob && !isSubmit && !isShadow && !isEnd {
			continue
		}
		at, ok := stampOf(line)
		if !ok {
			continue
		}
		if now == nil {
			now = &run{log: name, began: at, pid: pid}
		}
		if !bytes.Equal(pid, now.pid) {
			f.add("%s has a line of process %s inside what process %s wrote, at %s local time: it may be forged", shown(name), shown(string(pid)), shown(string(now.pid)), at.Format(time.DateTime))
			continue
		}
		switch {
		case isShadow && now.shadow == "":
			if host, _ := grid.HostOf("<" + string(shadow[:min(len(shadow), 300)])); host != "" {
				now.shadow = host
			}
		case isSubmit && now.schedd == "":
			name, _, _ := bytes.Cut(host, []byte{'"'})
			now.schedd, _ = grid.HostOf(string(name[:min(len(name), 300)]))
		case isJob && now.named:
			f.add("%s names a second job, %s, for the starter that had begun %d.%d: the line may be forged", shown(name), shown(string(id)), now.cluster, now.proc)
		case isJob:
			now.cluster, now.proc, now.named = jobNumber(id)
		case isEnd:
			now.ended = at
		case isExit:
			now.ended = at
			finish()
		}
	}
	finish()
	return out
}

// jobNumber reads CLUSTER.PROC.
func jobNumber(s []byte) (cluster, proc int64, ok bool) {
	if len(s) > 40 {
		return 0, 0, false
	}
	c, p, _ := bytes.Cut(bytes.TrimRight(s, " ."), []byte{'.'})
	cluster, errC := strconv.ParseInt(string(c), 10, 64)
	proc, errP := strconv.ParseInt(string(p), 10, 64)
	return cluster, proc, errC == nil && errP == nil && cluster > 0 && proc >= 0
}

// readStartd reads the startd's log, which tells of the runs in every slot, though
// not by which schedd.
func readStartd(data []byte, f *flaws) []run {
	var out []run
	type slot struct {
		shadow string
		began  time.Time
		open   int // the run in out, plus one; 0 for none
	}
	slots := map[string]*slot{}
	for len(data) > 0 {
		var line []byte
		line, data = nextLine(data)
		_, message, ok := splitLine(line)
		if !ok || len(message) < 8 || message[0] != 's' {
			continue
		}
		name, said, ok := bytes.Cut(message[:min(len(message), 400)], []byte(": "))
		if !ok || len(name) > 60 {
			continue
		}
		got := bytes.HasPrefix(said, []byte("Got activate_claim request from shadow ("))
		id, isJob := bytes.CutPrefix(said, []byte("Remote job ID is "))
		over := bytes.HasPrefix(said, []byte("Changing activity: Busy -> ")) || bytes.HasPrefix(said, []byte("Changing state and activity: Claimed/Busy -> "))
		if !got && !isJob && !over {
			continue
		}
		at, ok := stampOf(line)
		if !ok {
			continue
		}
		s := slots[string(name)]
		if s == nil {
			if len(slots) == maxSlots {
				f.lose("StartdLog tells of more than %d slots; the rest was not read", maxSlots)
				return out
			}
			s = &slot{}
			slots[string(name)] = s
		}
		switch {
		case got:
			addr, _, _ := bytes.Cut(said[len("Got activate_claim request from shadow ("):], []byte{')'})
			s.shadow, _ = grid.HostOf(string(addr))
			s.began = at
		case isJob:
			r := run{log: "StartdLog", shadow: s.shadow, began: at}
			if r.cluster, r.proc, r.named = jobNumber(id); !r.named {
				continue
			}
			if len(out) == maxRuns {
				f.lose("StartdLog tells of more than %d runs; the rest was not read", maxRuns)
				return out
			}
			out = append(out, r)
			s.open = len(out)
		case over && s.open > 0:
			out[s.open-1].ended = at
			s.open = 0
		}
	}
	return out
}

// joinRuns adds those runs of the startd that no starter tells of.
func joinRuns(starters, startd []run) []run {
	out := starters
	type job struct{ cluster, proc int64 }
	known := map[job][]int{}
	for i, r := range starters {
		k := job{r.cluster, r.proc}
		known[k] = append(known[k], i)
	}
	used := map[int]bool{}
	for _, r := range startd {
		met := false
		for _, i := range known[job{r.cluster, r.proc}] {
			if !used[i] && out[i].began.Sub(r.began).Abs() <= slack {
				met, used[i] = true, true
				if out[i].ended.IsZero() {
					out[i].ended = r.ended
				}
				if out[i].shadow == "" {
					out[i].shadow = r.shadow
				}
				break
			}
		}
		if !met && len(out) < maxRuns {
			out = append(out, r)
		}
	}
	return out
}
