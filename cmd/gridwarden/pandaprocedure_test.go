package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// The job that a site reports, by the id of PanDA's page.
const (
	reported = 1073623690
	reportID = "9708243.svr016.example.org"
	evading  = reported + 4 // its payload survives its pilot's kill
	tarball  = "jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz"
)

// TestPanDAProcedureLineByLine walks the page on a running serve, from what a site
// reports to the mails that were sent. Each row of the table in docs/panda.md is a
// step of it, with the commands that the row names.
func TestPanDAProcedureLineByLine(t *testing.T) {
	t.Parallel()
	cache := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/cache/"+tarball {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte("\x1f\x8b a miner"))
	}))
	t.Cleanup(cache.Close)
	w := startWalk(t)
	created, began := w.naughty(cache.URL)
	at := began.Add(30 * time.Minute).Format(time.RFC3339)

	w.on("\"All security incidents need")
	w.says(`incident open "miner at DESY-HH"`, "Case", "The audit log's checkpoint now")
	w.says("thread #1")
	w.identified(cache.URL, at)
	w.contained()
	w.told(cache.URL, created, began)

	w.on("\"Unban Command\"")
	w.proposes(`unban "Naughty User" false alarm`, "Open at every front end from", "bob")
	wantBanned(t, w.panda)
	w.on("\"All security incidents need")
	w.says("note the site has isolated wn042", "note")
	w.says("incident close \"a stolen credential\"", "closed")
	w.says("incident export", "SHA-256")
	w.on("\"Ensure all discussion on security matters involves")
	var subjects []string
	for _, m := range w.lettersTo("security@example.org") {
		subjects = append(subjects, m.subject)
	}
	contains(t, "the security list", strings.Join(subjects, "\n"), "Case ", "BAN Naughty User — waits for approval", "BAN Naughty User — approved", "KILL USER Naughty User — waits for approval", "UNBAN Naughty User")
	w.walked()
}

// naughty fills PanDA with a user whose job was reported, and with others.
func (w *walk) naughty(cache string) (created, began time.Time) {
	w.Helper()
	created, began = w.panda.Now().Truncate(time.Second).Add(-4*time.Hour), w.panda.Now().Truncate(time.Second).Add(-3*time.Hour)
	for _, u := range []pandatest.User{
		{ID: 1001, Name: "Naughty User", DN: naughtyDN, Email: "nuser@example.org"},
		{ID: 1005, Name: "Mary McDonald", DN: marysDN},
		{ID: 1009, Name: "atlpilo1", DN: pilotsDN},
	} {
		w.panda.AddUser(u)
	}
	w.panda.AddTask(pandatest.Task{JediTaskID: 41, TaskName: "user.nuser.one/", UserName: "Naughty User", ReqID: 1})
	add := func(id int64, status, user, host string, task int64) {
		j := pandatest.Job{
			PandaID: id, JobStatus: status, ProdUserID: user, ProdUserName: user, JediTaskID: task, ComputingSite: "DESY-HH", CreationTime: created,
			ModificationTime: w.panda.Now().Add(-9 * time.Minute), ProcessingType: "panda-client-1.5.62-jedi-run", Transformation: "https://aipanda048.example.org:25443/trf/user/runGen-00-00-02",
			Parameters: `-j "" --sourceURL ` + cache + ` -r . -a ` + tarball + ` -o "{'out.dat': 'user.nuser.1.out.dat'}" ` +
				`-p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%20-u%20%22x%27y%22%20%26%26%20echo%20done"`,
		}
		if host != "" {
			j.StartTime, j.ModificationHost, j.BatchID = began, "slot1_1@"+host, fmt.Sprintf("%d.svr016.example.org", id)
		}
		if id == reported {
			j.BatchID = reportID
		}
		w.panda.AddJob(j)
	}
	add(reported, "running", "Naughty User", "wn042.example.org", 41)
	add(reported+1, "running", "Naughty User", "wn043.example.org", 41)
	add(reported+2, "activated", "Naughty User", "", 41)
	add(reported+3, "running", "Mary McDonald", "wn042.example.org", 0)
	add(evading, "running", "Naughty User", "wn044.example.org", 0)
	w.world.Evade(evading)
	return created, began
}

// identified goes from what a site may have to what the job is.
func (w *walk) identified(cache, at string) {
	w.Helper()
	w.on("\"If the site did not pass this to you")
	w.says("reply ask", "in the pilot's working directory there is a directory PandaJob_NNNNNNNNNN_", "pilotlog.txt has a line PandaID=NNNNNNNNN", "or the id of the batch job")

	facts := []string{"PanDA job 1073623690: running", "Naughty User", naughtyDN, "wn042.example.org", reportID, "DESY-HH"}
	w.on("the pilot's directory")
	w.says("job PandaJob_1073623690_1274389590", facts...)
	w.says("job /tmp/condorg_hLI26201/pilot3/Panda_Pilot_26241_1274389488/PandaJob_1073623690_1274389590", facts...)
	w.on("\"in the pilotlog.txt file")
	w.says("job 2010-05-20 21:04:48|26241|pilot.py | PandaID=1073623690", facts...)
	w.attaches("bob", "pilotlog.txt", pilotLog()+"PandaID=1073623690\n", append(facts, "Found in pilotlog.txt, ", "Of 41 numbers in the text it is the only one that is a job.")...)
	w.on("\"if you have the batch system ID\"")
	w.says("job batch "+reportID, append(facts, "It is the only job of that batch job.")...)
	w.says("trace batch "+reportID+" "+at+" site=DESY-HH", "Naughty User", "panda-database")

	w.on("\"reports … specifying IP addresses")
	w.says("trace wn042.example.org "+at, "Naughty User", "Mary McDonald", "2 people confirmed", "Every source was complete", "panda-database")
	w.says("trace ip 192.0.2.10 "+at, "squid", "DESY-HH")
	w.on("\"the DN of the pilot factory owner")
	w.says(`whois "`+pilotsDN+`"`, "The DN you were given is the pilot factory's, not the payload owner's", "the pilot team", "trace HOST TIME")

	w.on("\"Payload submitter")
	w.says("job 1073623690", "Payload submitter: Naughty User (prodUserID), PanDA name Naughty User", "DN "+naughtyDN+", e-mail nuser@example.org")
	w.on("\"Submit host")
	w.says("job 1073623690", "Submit host: not known. PanDA has none (creationHost is NULL): JEDI made this job from a task", "Submitted: 20", "UTC")
	w.on("\"the executed script")
	w.says("job 1073623690", `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`, "As it is stored", "Hints")
	w.on("\"Payload URL\"")
	w.says("job 1073623690", cache+"/cache/"+tarball)
	w.says("job 1073623690 evidence", "in quarantine, unopened", "SHA-256", cache+"/cache/"+tarball)
}

// contained bans and kills.
func (w *walk) contained() {
	w.Helper()
	w.on("\"It is case sensitive")
	w.says(`ban "Naughty USER" miner`, `"Naughty User"`, "none was picked")
	wantBanned(w.T, w.panda)
	w.on("\"you should ban them")
	w.proposes(`ban "Naughty User" miner`, "Closed at every front end from", "bob", "carol")
	wantBanned(w.T, w.panda, 1001)
	w.on("\"Login to the panda-server")
	if n := pandatest.One[int64](w.panda, "SELECT count(*) FROM doma_pandameta.users WHERE status IS NOT NULL"); n != 1 {
		w.Errorf("%d users have a status", n)
	}

	w.on("\"cancel their running and queued jobs\"")
	card := w.proposes(`kill user "Naughty User" miner`, "requested (the pilot has not called yet)", "bob")
	w.on("\"The output should be a list")
	contains(w.T, "the card", unwrapped(card), "1073623690", "1073623691", "1073623692", "1073623694", "41")
	w.on("\"trivial for a user to circumvent")
	contains(w.T, "the card", unwrapped(card), "stop a payload that has detached itself from its pilot")
	w.on("\"a delay of up to 30mins")
	if got := pandatest.All[int64](w.panda, "SELECT pandaid FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled' ORDER BY 1"); !slices.Equal(got, []int64{reported, reported + 1, evading}) {
		w.Errorf("told to their pilots: %v", got)
	}
	from := len(w.serve.out.String())
	w.world.Advance(45 * time.Minute)
	w.looks()
	w.hears(from, "Of 4 jobs: 3 gone, 1 delivered (the pilot was told). Of 1 task: 1 over. The last answer is due by")
	w.world.Advance(30 * time.Minute)
	w.looks()
	w.hears(from, "is settled: incomplete. Of 4 jobs: 3 gone, 1 evading (told, and still there). Of 1 task: 1 over.")
	w.on("\"trivial for a user to circumvent")
	named := "job 1073623694: evading, site DESY-HH, host wn044.example.org, batch id 1073623694.svr016.example.org, was due 20"
	said := unwrapped(w.hears(from, "Remains: To send to DESY-HH: A security incident concerns"))
	contains(w.T, "what is said in the end", said, named, "commandToPilot=tobekilled", "the pilot was told and calls on, but jobStatus=running",
		"A malicious payload can evade the pilot's kill: ask the site to kill the batch jobs named here (by site: DESY-HH 1).",
		"then kill: batch job 1073623694.svr016.example.org on wn044.example.org (PanDA job 1073623694).")
	w.on("\"cancel their running and queued jobs\"")
	w.says("kill task 41 miner", "These tasks have ended, so nothing was proposed.")
	w.says("kill job 1073623690 1073623691 miner", "These jobs have ended, so nothing was proposed.")
	if got := pandatest.All[int64](w.panda, "SELECT pandaid FROM doma_panda.jobsactive4 UNION ALL SELECT pandaid FROM doma_panda.jobsdefined4 ORDER BY 1"); !slices.Equal(got, []int64{reported + 3, evading}) {
		w.Errorf("what lives: %v, want the job of somebody else and the evading one", got)
	}
}

var anyTime = regexp.MustCompile(`20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC`)

// told writes to the site and to the user, and compares what arrives.
func (w *walk) told(cache string, created, began time.Time) {
	w.Helper()
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
	arrived := func(m opened) string {
		text := strings.NewReplacer(stamp(created), "CREATED", stamp(began), "BEGAN").Replace(m.text)
		return strings.Join(m.to, " ") + "\n" + m.subject + "\n\n" + anyTime.ReplaceAllString(text, "TIME")
	}
	const done = `
What was done until now:
- TIME: the PanDA user "Naughty User" was banned from submitting. Every server knows of it from TIME on.
- TIME: the kill of the tasks and jobs of the PanDA user "Naughty User" was requested; of 4 jobs at all sites, as of TIME: 3 seen gone, 1 still there though the pilot was told.
`
	w.on("\"Here is an example of an email")
	w.says(`reply site dn="`+pilotsDN+`"`, "Dear colleagues at DESY-HH,", "nothing was sent", "reply send site")
	w.proposes(`reply send site dn="`+pilotsDN+`"`, "The mail server took the letter to csirt@site.example.org", "bob")
	letters := w.lettersTo("csirt@site.example.org")
	if len(letters) != 1 {
		w.Fatalf("%d letters to the site", len(letters))
	}
	want := `csirt@site.example.org security@example.org
[TLP:AMBER] Re: PanDA job 1073623690

TLP:AMBER

Dear colleagues at DESY-HH,

We have looked into PanDA job 1073623690.
The DN you give, ` + pilotsDN + `, is that of a pilot factory, which the pilot team runs. It is not that of the payload's owner.

Pilots pick up the payloads of many people; these are not submitted by the factory but by:

1. ` + naughtyDN + `
   experiment atlas, authenticated when the jobs were submitted
   - job 1073623690; on wn042.example.org; ran from BEGAN, until TIME; submitted CREATED; batch id ` + reportID + `
     You may see details of it here: https://bigpanda.cern.ch/job?pandaid=1073623690
     submitted to PanDA at CREATED. PanDA has none (creationHost is NULL): JEDI made this job from a task, and does not keep from where that was submitted
     You may examine its code, with care and nowhere that it could run: ` + cache + `/cache/` + tarball + `
     It executed, decoded: ./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done

This is about the one job that we were asked for. Who else was on the worker node in that time we have not looked for.
We will contact the people involved and investigate further.
` + done + `
Until this is understood, please
- isolate the worker node from the network, and do not power it off, reboot or wipe it: memory and files are evidence;
- keep the logs of the batch system, the computing element and the network, and the working directories of the pilots;
- write down every action with its time in UTC, and follow your own incident procedure;
- tell us before you end pilots, for that destroys what is on the node.
If we cancel jobs in PanDA, a running one learns of it when its pilot calls next, up to 30 minutes later. A malicious payload can evade that: please end the batch job as well, once its traces are safe.
Malicious code can survive the end of its job. Only you can see what is left on the node.

Times here are UTC. Names and DNs are personal data: please keep this mail at TLP:AMBER, for those who need it to handle this.

Best regards,
Alice Adams
`
	if diff := cmp.Diff(want, arrived(letters[0])); diff != "" {
		w.Errorf("the letter to the site: -want +got\n%s", diff)
	}

	w.on("\"We will contact the user involved")
	w.says("reply user", "Dear Naughty User", "Agree with the security team before you send it")
	w.proposes("reply send user", "The mail server took the letter to nuser@example.org", "bob")
	letters = w.lettersTo("nuser@example.org")
	if len(letters) != 1 {
		w.Fatalf("%d letters to the user", len(letters))
	}
	contains(w.T, "the letter to the user", arrived(letters[0]), "The jobs bear this name: "+naughtyDN, "- task 41, job 1073623690, submitted CREATED", "1. Did you submit these jobs yourself?", done)
}
