package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot"
)

// TestPanDAProcedure walks the page of operational security on a real database: from
// each of the ways to name a job to who submitted what from where, who else was on
// the worker node, and the draft for the site.
func TestPanDAProcedure(t *testing.T) {
	t.Parallel()
	d, dir := pandaWorld(t), t.TempDir()
	now := time.Now().UTC().Truncate(time.Second)
	began, ended := now.Add(-5*time.Hour), now.Add(-3*time.Hour)
	const sandbox = "jobO.0c2f9a52-51c1-4b0e-9a5a-6d0f2f5b1c77.tar.gz"
	d.AddJob(pandatest.Job{
		PandaID: 6012345678, Table: pandatest.Archived, JobStatus: "finished", ProdUserID: "Naughty User", ProdUserName: "Naughty User", JediTaskID: 41,
		ComputingSite: "DESY-HH", ModificationHost: "slot1_1@wn042.example.org", BatchID: "9708243.svr016.example.org", CreationTime: began.Add(-time.Hour),
		StartTime: began, EndTime: ended, ModificationTime: ended, ProcessingType: "panda-client-1.5.62-jedi-run",
		Transformation: "https://aipanda048.example.org:25443/trf/user/runGen-00-00-02",
		Parameters: `-j "" --sourceURL https://aipanda050.example.org -r . -a ` + sandbox + ` -o "{'out.dat': 'user.nuser.1.out.dat'}" ` +
			`-p "./mine.sh%20--pool%20stratum%2Btcp%3A//198.51.100.7%3A3333%20-u%20%22x%27y%22%20%26%26%20echo%20done"`,
	})
	d.AddUpload(pandatest.Upload{UserName: "Naughty User", FileName: sandbox, HostName: "aipanda050.example.org", CreationTime: began.Add(-2 * time.Hour)})
	d.AddJob(pandatest.Job{
		PandaID: 6012345679, Table: pandatest.Archived, JobStatus: "finished", ProdUserName: "Mary McDonald", ComputingSite: "DESY-HH",
		ModificationHost: "wn042.example.org", StartTime: ended.Add(-time.Minute), EndTime: now.Add(-time.Hour), ModificationTime: now.Add(-time.Hour),
	})
	d.AddJob(pandatest.Job{PandaID: 6012345680, Table: pandatest.Archived, ProdUserName: "Mary McDonald", ModificationHost: "wn042.other.org", StartTime: began, EndTime: ended, ModificationTime: ended})
	b := startBotIn(t, dir, onPanDA(t, dir, d, pandatest.Banner))
	alice := account("alice", bot.Member)

	for _, way := range []string{
		"6012345678",
		"/tmp/PanDA_Pilot3_3908_1537173670/PanDA_Pilot-6012345678/",
		"2026-06-24 14:05:11,123 | INFO     | processing PanDA job 6012345678 from task 41",
		"https://bigpanda.cern.ch/job/6012345678/",
	} {
		got := b.ask(alice, "job "+way)
		if got.State != "answered" {
			t.Errorf("%s: %s", way, got.State)
		}
		contains(t, way, got.Message.Plain(), "6012345678", "Naughty User", naughtyDN, "DESY-HH", "wn042.example.org", "9708243.svr016.example.org",
			"https://aipanda050.example.org/cache/"+sandbox, `./mine.sh --pool stratum+tcp://198.51.100.7:3333 -u "x'y" && echo done`, "panda-database")
	}
	batch := b.ask(alice, "job 9708243.svr016.example.org").Message.Plain()
	contains(t, "by batch id", batch, "6012345678")
	none := b.ask(alice, "job 6012999999")
	contains(t, "a job that is none", none.Message.Plain(), "6012999999")

	trace := b.ask(alice, fmt.Sprintf("trace wn042.example.org %s to=%s", began.Format(time.RFC3339), ended.Format(time.RFC3339)))
	said := trace.Message.Plain()
	contains(t, "trace", said, "Naughty User", "Mary McDonald", "panda-database")
	if strings.Contains(said, "other.org") {
		t.Errorf("a host of another site: %s", said)
	}
}
