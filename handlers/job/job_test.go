package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/bot/audit"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/job"
)

var at = time.Date(2026, 8, 20, 10, 0, 0, 0, time.UTC)

const (
	dn   = "/DC=ch/DC=cern/OU=Organic Units/OU=Users/CN=nuser/CN=123456/CN=Naughty User"
	main = 6012345678
)

// suspicious is a job as a database has it.
func suspicious() grid.PandaJob {
	return grid.PandaJob{
		ID: main, Table: "jobsactive4", Status: "running", Label: "user", UserID: "Naughty User", UserName: "Naughty User", Created: at.Add(-2 * time.Hour), Started: at.Add(-time.Hour),
		Modified: at.Add(-time.Minute), Changed: at.Add(-time.Hour), Site: "CERN-PROD_UCORE", Node: "slot1_12@wn77.example.org", Host: "wn77.example.org", BatchID: "schedd1#123.0#1786000000",
		PilotID: "https://f.example.org/out|HTCondor|PR|3.11", TaskID: 40123460, Transformation: "https://pandaserver.example.org:25443/trf/user/runGen-00-00-02",
		Parameters: `-j "" --sourceURL https://aipanda050.example.org -r . -a jobO.0c2f9a52.tar.gz -p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%20-u%20%22x%27y%22%20%26%26%20echo%20%1b%5b2J%40all%20done"`,
		Owner: grid.PandaOwner{
			Accounts: []grid.Account{{Name: "Naughty User", DN: dn, Email: "nuser@example.org"}},
			Others:   []grid.Account{{Name: "Naughty user", DN: "Naughty user/CN=nickname:nuser", Banned: true}},
		},
		Task:    grid.PandaTask{ID: 40123460, Name: "user.nuser.x", Status: "running"},
		Uploads: []grid.PandaUpload{{Host: "aipanda050.example.org", At: at.Add(-3 * time.Hour), Size: 7}},
		Errors:  []grid.PandaError{{From: "taskBuffer", Code: 100, Text: "killed by " + dn}},
		Notes:   []string{"not available here: Harvester's workers"},
	}
}

// finder is a source of a fixed list of jobs.
type finder struct {
	name string
	jobs []grid.PandaJob
	err  error
}

func (f finder) Name() string { return f.name }

func (f finder) Job(_ context.Context, id int64) (grid.PandaJob, error) {
	for _, j := range f.jobs {
		if j.ID == id {
			return j, f.err
		}
	}
	if f.err != nil {
		return grid.PandaJob{}, f.err
	}
	return grid.PandaJob{}, grid.ErrNoPandaJob
}

func (f finder) Candidates(_ context.Context, ids []int64) (grid.PandaJobs, error) {
	var out grid.PandaJobs
	for _, j := range f.jobs {
		for _, id := range ids {
			if j.ID == id {
				out.Jobs = append(out.Jobs, j)
			}
		}
	}
	return out, f.err
}

func (f finder) ByBatch(_ context.Context, batch string) (grid.PandaJobs, error) {
	var out grid.PandaJobs
	for _, j := range f.jobs {
		if j.BatchID == batch {
			out.Jobs = append(out.Jobs, j)
		}
	}
	return out, f.err
}

func database(jobs ...grid.PandaJob) finder { return finder{name: "panda", jobs: jobs} }

func command(t *testing.T, e *job.Evidence, finders ...job.Finder) bot.Command {
	t.Helper()
	return answertest.Command(t, job.New(finders, nil, e, slog.New(slog.DiscardHandler)), "job")
}

func ask(t *testing.T, c bot.Command, text string) string {
	t.Helper()
	return answertest.Run(t, c, answertest.Request(c, at, text)).Plain()
}

func refused(t *testing.T, c bot.Command, r *bot.Request) *bot.Problem {
	t.Helper()
	m, err := c.Run(t.Context(), r)
	var p *bot.Problem
	if !errors.As(err, &p) {
		t.Fatalf("%v was answered: %v, error %v", r.Args(), m.Plain(), err)
	}
	return p
}

func inOrder(t *testing.T, said string, pieces ...string) {
	t.Helper()
	rest := said
	for _, p := range pieces {
		_, after, ok := strings.Cut(rest, p)
		if !ok {
			t.Fatalf("%q is missing, or not in its place, in\n%s", p, said)
		}
		rest = after
	}
}

func TestAJobInTheOrderOfTheProcedure(t *testing.T) {
	c := command(t, nil, database(suspicious()))
	m := answertest.Run(t, c, answertest.Request(c, at, "6012345678"))
	inOrder(t, m.Plain(),
		"PanDA job 6012345678: running, prun",
		"Payload submitter: Naughty User (prodUserID), PanDA name Naughty User", "DN "+dn+", e-mail nuser@example.org", "the same person is also Naughty user", "banned",
		"Submit host: not known. PanDA has none (creationHost is NULL): JEDI made this job", "the code was uploaded to the server aipanda050.example.org at 2026-08-20 07:00:00 UTC",
		"Submitted: 2026-08-20 08:00:00 UTC",
		"Payload URL: https://aipanda050.example.org/cache/jobO.0c2f9a52.tar.gz (by -a of this job)",
		"Site: CERN-PROD_UCORE", "Worker node: wn77.example.org (as recorded slot1_12@wn77.example.org)", "Batch id: schedd1#123.0#1786000000", "Pilot: https://f.example.org/out",
		"Task: 40123460 user.nuser.x, running", "Status: running", "ended not yet", "killed by "+dn,
		"Command, decoded from -p:", `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo ␛[2J@all done`, "As it is stored: ./mine.sh%20--pool",
		"Hints", "a pool of miners: --pool stratum+tcp://198.51.100.7:3333",
		"Source: panda.", "not available here: Harvester's workers",
		`Next: whois "`+dn+`"`, "Next: trace wn77.example.org 2026-08-20T09:00:00Z",
	)
	if len(m.Notify) > 0 || strings.Count(m.Plain(), "Next:") != 2 {
		t.Errorf("notifies %v in\n%s", m.Notify, m.Plain())
	}
}

func TestPersonalDataIsWithheld(t *testing.T) {
	c := command(t, nil, database(suspicious()))
	r := answertest.Request(c, at, "6012345678")
	r.Personal = false
	m := answertest.Run(t, c, r)
	raw, err := json.Marshal(m.Answer)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Naughty", "nuser", "mine.sh", "stratum"} {
		if strings.Contains(m.Plain(), secret) || strings.Contains(string(raw), secret) {
			t.Errorf("%q is told in\n%s\n%s", secret, m.Plain(), raw)
		}
	}
	inOrder(t, m.Plain(), "Submitted: 2026-08-20 08:00:00 UTC", "Payload URL", "Site: CERN-PROD_UCORE", "Withheld here")
}

func TestWhateverNamesTheJob(t *testing.T) {
	c := command(t, nil, database(suspicious()))
	for _, text := range []string{
		"6012345678", `"6012345678"`, "PanDA_Pilot3_3908_1787173670/PanDA_Pilot-6012345678", "ps: 12 export PandaID=6012345678; ./run 'it", "https://bigpanda.example.org/job?pandaid=6012345678",
		"schedd1#123.0#1786000000", "batch schedd1#123.0#1786000000", `GlobalJobId = "schedd1#123.0#1786000000"`,
		"PandaID=6012345677\nPandaID=6012345678\nPandaID=6012345679",
	} {
		if said := ask(t, c, text); !strings.Contains(said, "PanDA job 6012345678: running") {
			t.Errorf("%q is answered with\n%s", text, said)
		}
	}
}

func TestSeveralJobsAreShownAndNonePicked(t *testing.T) {
	other := suspicious()
	other.ID, other.UserName = 6012345679, "Li Wei"
	c := command(t, nil, database(suspicious(), other))
	for text, title := range map[string]string{
		"PandaID=6012345679 PandaID=6012345678 PandaID=5": "2 of the 3 jobs that the text names are in PanDA",
		"batch schedd1#123.0#1786000000":                  "2 jobs ran in the batch job schedd1#123.0#1786000000",
	} {
		said := ask(t, c, text)
		inOrder(t, said, title, "Next: job 60123456")
		if strings.Contains(said, "Payload submitter") || !strings.Contains(said, "Li Wei") || !strings.Contains(said, "Naughty User") {
			t.Errorf("%q is answered with\n%s", text, said)
		}
	}
	inOrder(t, ask(t, c, "PandaID=6012345679 PandaID=6012345678 PandaID=5"), "Not found as jobs: 5.")
}

func TestAPastedLogWithFortyJobs(t *testing.T) {
	var jobs []grid.PandaJob
	var log strings.Builder
	for i := range 40 {
		j := suspicious()
		j.ID += int64(i)
		jobs = append(jobs, j)
	}
	for i := 0; log.Len() < 5<<20; i++ {
		log.WriteString("2026-08-20 10:00:00,123 | INFO | pilot.control.job | job " + "60123456" + string(rune('0'+(7+i%4/3)%10)) + "8 has state 'running' - sending heartbeat\n")
		if i < 40 {
			log.WriteString("PandaID=" + string(json.Number("60123456")) + twoDigits(78+i) + "\n")
		}
	}
	c := command(t, nil, database(jobs...))
	said := ask(t, c, log.String())
	if !strings.Contains(said, "of the ") || !strings.Contains(said, "named by") {
		t.Errorf("answered with\n%.2000s", said)
	}
}

func twoDigits(n int) string { return string(rune('0'+n/10%10)) + string(rune('0'+n%10)) }

func TestWhatNamesNoJob(t *testing.T) {
	c := command(t, nil, database(suspicious()))
	for text, want := range map[string]string{
		"":                                  "Give a PandaID",
		"0":                                 "0 is no PandaID",
		"10000000000000000000":              "10000000000000000000 is no PandaID",
		"-5":                                "Nothing in that names a job",
		"PanDA_Pilot3_3908_1787173670":      "That is the directory of a pilot",
		"something else":                    "no number was taken on a guess",
		"6012345670":                        "No job has the PandaID 6012345670 in panda",
		"batch " + strings.Repeat("1", 200): "128 characters at most",
		"6012345678 evidence":               "Payloads are not fetched here",
	} {
		r := answertest.Request(c, at)
		r.Words = []bot.Token{{Text: text, Quoted: true}}
		if p := refused(t, c, r); !strings.Contains(p.Sentence, want) {
			t.Errorf("%q is answered with %q", text, p.Sentence)
		}
	}
	if p := refused(t, command(t, nil), answertest.Request(c, at, "6012345678")); !strings.Contains(p.Sentence, "No PanDA is configured") {
		t.Errorf("without a source: %q", p.Sentence)
	}
}

// TestASourceThatFails holds that a job is not said to be missing while somebody
// could not be asked, and that what the others have is told.
func TestASourceThatFails(t *testing.T) {
	down := finder{name: "bigpanda", err: errors.New("connection refused")}
	p := refused(t, command(t, nil, database(), down), answertest.Request(bot.Command{}, at, "6012345678"))
	if !strings.Contains(p.Sentence, "it is not known whether there is one") || p.Code != "unavailable" {
		t.Errorf("said %q", p.Sentence)
	}
	c := command(t, nil, down, database(suspicious()))
	m := answertest.Run(t, c, answertest.Request(c, at, "6012345678"))
	inOrder(t, m.Plain(), "PanDA job 6012345678", "bigpanda could not be asked", "Source: panda.")
	if !m.Partial {
		t.Error("the answer is not partial")
	}
}

// keeper keeps nothing and says that it did.
type keeper struct{ err error }

func (k keeper) Keep(_ context.Context, address string, id int64) (grid.Quarantined, error) {
	return grid.Quarantined{
		URL: address, File: "6012345678-aa.quarantine", SHA256: strings.Repeat("a", 64), Size: 7, At: at, Headers: []grid.Header{{Name: "Server", Value: "x\x1b[2J"}},
	}, k.err
}

// recorder keeps records.
type recorder struct{ records []audit.Record }

func (r *recorder) Write(_ context.Context, fx action.Effects) error {
	r.records = append(r.records, fx.Records...)
	return nil
}

func TestEvidence(t *testing.T) {
	var log recorder
	e := &job.Evidence{Keeper: keeper{}, Recorder: &log, Roles: []bot.Role{"atlas-security"}}
	c := command(t, e, database(suspicious()))
	r := answertest.Request(c, at, "6012345678 evidence")
	if p := refused(t, c, r); p.Code != "role" || len(log.records) > 0 {
		t.Fatalf("a shifter: %v", p)
	}
	r.Person.Roles = append(r.Person.Roles, "atlas-security")
	r.Incident = "inc-1"
	m := answertest.Run(t, c, r)
	inOrder(t, m.Plain(), "in quarantine, unopened", "https://aipanda050.example.org/cache/jobO.0c2f9a52.tar.gz", "SHA-256 "+strings.Repeat("a", 64)+", 7 bytes", "Server: x␛[2J", "audit req1")
	if len(log.records) != 1 || log.records[0].Incident != "inc-1" || log.records[0].Person != "alice" || !strings.Contains(string(log.records[0].Body), strings.Repeat("a", 64)) {
		t.Errorf("records %+v", log.records)
	}
}

func TestEvidenceThatIsGone(t *testing.T) {
	var log recorder
	e := &job.Evidence{Keeper: keeper{err: bot.Problemf("gone", "It has expired.")}, Recorder: &log, Roles: []bot.Role{bot.Shifter}}
	c := command(t, e, database(suspicious()))
	if p := refused(t, c, answertest.Request(c, at, "6012345678 evidence")); p.Sentence != "It has expired." {
		t.Errorf("said %q", p.Sentence)
	}
	if len(log.records) != 1 || !strings.Contains(string(log.records[0].Body), "It has expired.") {
		t.Errorf("records %+v", log.records)
	}
}
