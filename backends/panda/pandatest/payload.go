package pandatest

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// payload is what a task runs, in the words of the clients of PanDA.
type payload struct {
	transformation string // of its jobs
	processing     string
	parameters     string // of its jobs
	build          string // parameters of the job that builds its library; "": there is none
	buildBy        string // transformation of that job
	library        string // which that job makes
	url            string // of the sandbox; "": none can be told
	command        string // what the user runs
	container      string
	upload         Upload // of the sandbox
}

const trf = "https://pandaserver.example.org:25443/trf/user/"

// payloadOf makes the payload of a task by its number. Those of production have no sandbox.
func payloadOf(r *rand.Rand, task int64, user string, production bool) payload {
	server := fmt.Sprintf("aipanda%03d.example.org", 48+r.IntN(4))
	uuid := fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Int64N(1<<48))
	login := strings.ToLower(strings.ReplaceAll(user, " ", "_"))
	output := fmt.Sprintf(`-o "{'hist.root': 'user.%s.%d._000001.hist.root'}"`, login, task)
	sandbox, source := "jobO."+uuid+".tar.gz", "sources."+uuid+".tar.gz"
	library := fmt.Sprintf("panda.%04d%06d.%06d.lib._%d.%d.lib.tgz", 101+r.IntN(1000), r.IntN(235959), r.IntN(1e6), task, r.Int64N(1e10))
	p := payload{processing: "panda-client-1.5.68-jedi-run", transformation: trf + "runGen-00-00-02"}
	sandboxed := func(file string) {
		p.url = "https://" + server + ":25443/cache/" + file
		p.upload = Upload{UserName: user, FileName: file, HostName: server, FileSize: 1000 + r.Int64N(1e6), Checksum: fmt.Sprint(r.Uint32())}
	}
	url := "--sourceURL https://" + server + ":25443"
	switch kind := r.IntN(10); {
	case production:
		p.transformation, p.processing = "Sim_tf.py", "simul"
		p.parameters = fmt.Sprintf("--inputEVNTFile=EVNT.%d._000001.pool.root.1 --outputHITSFile=HITS.%d._000001.pool.root.1 --maxEvents=100 --randomSeed=%d", task, task, r.IntN(1000))
	case user == Naughty:
		sandboxed(sandbox)
		p.command = `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`
		p.parameters = fmt.Sprintf(`-j "" %s -r . -a %s %s -p "%s"`, url, sandbox, output, quote(p.command))
	case kind < 4:
		sandboxed(sandbox)
		p.command = `echo %IN | sed -e "s/,/\n/g" > in.txt; python run.py --out=hist.root`
		p.parameters = fmt.Sprintf(`-j "" %s -r . -a %s %s -i "['DAOD_PHYS.%d._000011.pool.root.1']" -p "%s" --useCMake`, url, sandbox, output, task, quote(p.command))
	case kind < 6:
		sandboxed(source)
		p.command, p.library, p.buildBy = "cpptest %IN", library, trf+"buildGen-00-00-01"
		p.parameters = fmt.Sprintf(`-j "" %s -r work/ -l %s %s -p "%s" --useAthenaPackages --useCMake`, url, library, output, quote(p.command))
		p.build = fmt.Sprintf(`-i %s -o %s %s -r work/ --bexec "%s" --useCMake `, source, library, url, quote("make -j4; ls -la"))
	case kind < 8:
		sandboxed(source)
		p.processing, p.transformation = "panda-client-1.5.68-jedi-athena", trf+"runAthena-00-00-12"
		p.command, p.library, p.buildBy = `-c "EvtMax=10" MyAnalysis.py`, library, trf+"buildJob-00-00-03"
		p.parameters = fmt.Sprintf(`-l %s %s -r run/ --useCMake  -i "['AOD.%d._000001.pool.root.1']" %s  -j "%s"`, library, url, task, output, quote(p.command))
		p.build = fmt.Sprintf(`-i %s -o %s %s --useCMake `, source, library, url)
	default:
		p.processing, p.transformation = "panda-client-1.5.68-jedi-cont", trf+"runcontainer"
		p.command, p.container = "my_command %IN", "docker://atlasml/ml-base"
		p.parameters = fmt.Sprintf(`-j "" %s -r . %s -p "%s" --containerImage %s `, url, output, quote(p.command), p.container)
	}
	return p
}

// quote is Python's urllib.parse.quote.
func quote(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("_.-~/", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
