package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// faultFile has, for each thing that can be wrong with PanDA, what people type and
// all that they see. -update writes what they see anew.
const faultFile = "../../testdata/faults/panda.txtar"

// broken is a PanDA with something wrong, and the program on it.
type broken struct {
	*testBot
	d      *pandatest.Database
	server *pandatest.Server
	dir    string
	yaml   string
}

// write puts a file into the program's folder.
func (b *broken) write(name, text string) { written(b.t, filepath.Join(b.dir, name), text) }

// as replaces a setting.
func (b *broken) as(old, setting string) { b.yaml = strings.Replace(b.yaml, old, setting, 1) }

const faultShifter = atCERN + "/CN=shi/CN=700001/CN=Shi Fter"

// faults break PanDA before the program starts.
var faults = map[string]func(*broken){
	"database down": func(b *broken) { b.write("reader.dsn", "host=127.0.0.1 port=1 user=x dbname=y") },
	"database slow": func(b *broken) { b.as("reader.dsn", "reader.dsn, deadline: 1s"); b.locked() },
	"database of an older schema": func(b *broken) {
		b.d.Exec(`ALTER TABLE doma_panda.jobsactive4 DROP COLUMN batchid; ALTER TABLE doma_panda.jobsarchived4 DROP COLUMN batchid; DROP TABLE doma_panda.jobs_statuslog`)
	},
	"database of another schema": func(b *broken) {
		b.as("reader.dsn", "reader.dsn, schemas: {panda: panda, meta: doma_pandameta, arch: doma_pandaarch, deft: doma_deft}")
	},
	"database lacks a grant":   func(b *broken) { b.d.Exec("REVOKE SELECT ON doma_panda.jobsactive4 FROM gridwarden_reader") },
	"server certificate wrong": func(b *broken) { b.as("AUTHORITY", pandatest.NewAuthority(b.t).File()) },
	"proxy expired": func(b *broken) {
		b.as("PROXY", b.server.Authority.Proxy(faultShifter, pandatest.Proxy{Ends: time.Date(2026, 6, 24, 12, 0, 0, 0, time.UTC)}))
	},
	"token refused": func(b *broken) {
		b.write("token", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln")
		b.as("proxy_file: \"PROXY\"", "token_file: token, origin: atlas.production")
	},
	"no production role": func(b *broken) {
		b.as("PROXY", b.server.Authority.Proxy(atCERN+"/CN=nobody/CN=1/CN=No Body", pandatest.Proxy{}))
	},
	"server overloaded":                func(b *broken) { b.server.Trouble(pandatest.Trouble{Status: http.StatusServiceUnavailable, Times: -1}) },
	"server slow":                      func(b *broken) { b.server.Trouble(pandatest.Trouble{Delay: time.Minute, Times: -1}) },
	"answer lost after the kill":       func(b *broken) { b.server.Trouble(pandatest.Trouble{Path: "job/kill", Lose: true}) },
	"half of the jobs are not killed":  func(b *broken) { b.server.Trouble(pandatest.Trouble{Path: "job/kill", Refuse: true, Times: -1}) },
	"half is done, then it breaks off": func(b *broken) { b.server.Trouble(pandatest.Trouble{Path: "job/kill", HalfDone: true}) },
}

// locked holds a table so that whoever reads it waits.
func (b *broken) locked() {
	tx, err := b.d.Pool().Begin(b.t.Context())
	if err == nil {
		_, err = tx.Exec(b.t.Context(), "LOCK TABLE doma_panda.jobsarchived4 IN ACCESS EXCLUSIVE MODE")
	}
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = tx.Rollback(b.t.Context()) })
}

// breaks starts the program on a PanDA with a fault.
func breaks(t *testing.T, fault func(*broken)) *broken {
	t.Helper()
	b := &broken{d: pandatest.NewDatabase(t), dir: t.TempDir()}
	b.server = pandatest.NewServer(b.d, pandatest.Options{Roles: map[string][]string{faultShifter: {"/atlas/Role=production"}}})
	b.testBot = &testBot{t: t}
	b.d.AddUser(pandatest.User{ID: 1001, Name: "Naughty User", DN: naughtyDN})
	b.d.AddTask(pandatest.Task{JediTaskID: 41, TaskName: "user.nuser.one/", UserName: "Naughty User"})
	noon, err := time.Parse(time.DateTime, theDay+" 12:00:00")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		b.d.AddJob(pandatest.Job{
			PandaID: 6012345678 + int64(i), JobStatus: "running", ProdUserName: "Naughty User", ProdUserID: "Naughty User", JediTaskID: 41, ComputingSite: "DESY-HH", ModificationHost: "wn042.example.org",
			BatchID: fmt.Sprintf("970824%d.svr016.example.org", i), CreationTime: noon.Add(-time.Hour), StartTime: noon, ModificationTime: time.Now().Add(-5 * time.Minute),
		})
	}
	b.write("reader.dsn", b.d.DSN(pandatest.Reader))
	b.yaml = strings.NewReplacer(
		"sandbox: {speed: 300}", fmt.Sprintf("panda: {database: {dsn_file: reader.dsn}, server: {url: %q, ca: \"AUTHORITY\", proxy_file: \"PROXY\"}}", b.server.URL),
		"console: {trusted: true}\n", "", "name: Naughty User", "name: Tara Thorn",
	).Replace(testConfig)
	fault(b)
	b.as("PROXY", b.server.Authority.Proxy(faultShifter, pandatest.Proxy{}))
	b.as("AUTHORITY", b.server.Authority.File())
	b.testBot = startBotIn(t, b.dir, b.yaml)
	return b
}

// sees is what a line of alice's brings: its answer, or for what is proposed all that
// is said in the thread once bob has approved, until it is done or was tried twice in vain.
func (b *broken) sees(line string) string {
	b.t.Helper()
	if !strings.HasPrefix(line, "kill") {
		return b.ask(account("alice", bot.Member), line).Message.Plain()
	}
	from := len(b.room.Said())
	a := b.approved(line, "bob")
	for until := time.Now().Add(time.Minute); time.Now().Before(until) && a.State != action.Applied && a.Attempts < 2 && !a.State.Final(); time.Sleep(20 * time.Millisecond) {
		var err error
		if a, err = b.journal.Action(b.t.Context(), a.ID); err != nil {
			b.t.Fatal(err)
		}
	}
	if err := b.engine.Idle(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
	if a.State == action.Applied { // and was looked at since
		for a.Progress.Said == "" {
			var err error
			if a, err = b.journal.Action(b.t.Context(), a.ID); err != nil {
				b.t.Fatal(err)
			}
		}
	}
	var out []string
	for _, s := range b.room.Said()[from:] {
		if s.How == bottest.Posted && len(s.Message.Buttons) == 0 {
			out = append(out, strings.Join(bottest.Lines(s.Message), "\n"))
		}
	}
	out = append(out, "On the card: "+string(a.State)+". "+a.Progress.Said)
	if a.Error != "" {
		out = append(out, "Error: "+a.Error)
	}
	return strings.ReplaceAll(strings.Join(out, "\n"), string(a.ID), "ID")
}

// theDay is that of what is asked about, and of the proxy's end.
const theDay = "2026-06-24"

// seen takes out of an answer what is another each time.
var seen = []struct{ of, as string }{
	{`127\.0\.0\.1:\d{4,5}`, "SERVER"},
	{regexp.QuoteMeta(os.TempDir()) + `/\S*/([\w.-]+)`, "DIR/$1"},
	{`\br-[a-z0-9]{10}\b`, "REQUEST"},
	{`digest \w{4}·\w{4}`, "digest DIGEST"},
	{`\(\d+ \w+ old\)`, "(AGE old)"},
	{`\d+ min old`, "AGE old"},
	{`\(\d+ days ago\)`, "(AGE ago)"},
}

var anyMoment = regexp.MustCompile(`20\d\d-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?( ?UTC|Z)?|\d\d:\d\d(:\d\d)?( ?UTC|Z)`)

func asSeen(text string) string {
	for _, s := range seen {
		text = regexp.MustCompile(s.of).ReplaceAllString(text, s.as)
	}
	text = anyMoment.ReplaceAllStringFunc(text, func(at string) string {
		if strings.HasPrefix(at, theDay) {
			return at
		}
		return "TIME"
	})
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight("  "+strings.TrimRight(line, "\n"), " "))
	}
	return strings.Join(lines, "\n")
}

// TestWhatPeopleSeeOfABrokenPanDA plays the transcripts of PanDA's faults: every line
// of every answer stands in the file.
func TestWhatPeopleSeeOfABrokenPanDA(t *testing.T) {
	file, err := txtar.ParseFile(faultFile)
	if err != nil {
		t.Fatal(err)
	}
	played := map[string]bool{}
	t.Run("plays", func(t *testing.T) {
		for i, f := range file.Files {
			played[f.Name] = true
			fault, ok := faults[f.Name]
			if !ok {
				t.Errorf("%q is no fault", f.Name)
				continue
			}
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				b := breaks(t, fault)
				var out strings.Builder
				for line := range strings.Lines(string(f.Data)) {
					if typed, ok := strings.CutPrefix(line, "alice> "); ok {
						fmt.Fprintf(&out, "%s%s\n", line, asSeen(b.sees(strings.TrimSpace(typed))))
					} else if strings.HasPrefix(line, "#") {
						out.WriteString(line)
					}
				}
				if *update {
					file.Files[i].Data = []byte(out.String())
				} else if diff := cmp.Diff(string(f.Data), out.String()); diff != "" {
					t.Errorf("-want +got\n%s", diff)
				}
			})
		}
	})
	for name := range faults {
		if !played[name] {
			t.Errorf("%q has no transcript", name)
		}
	}
	if *update {
		if err := os.WriteFile(faultFile, txtar.Format(file), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
