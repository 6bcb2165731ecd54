package pandatest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// Columns that are read or written by name, as the facts about PanDA tell them.
func TestColumns(t *testing.T) {
	d := pandatest.NewDatabase(t)
	const stamp = "timestamp without time zone"
	jobs := map[string]string{
		"pandaid": "bigint", "produserid": "character varying(250)", "produsername": "character varying(60)",
		"creationhost": "character varying(128)", "creationtime": stamp + " NOT NULL", "modificationtime": stamp + " NOT NULL",
		"modificationhost": "character varying(128)", "starttime": stamp, "endtime": stamp, "statechangetime": stamp,
		"computingsite": "character varying(128)", "computingelement": "character varying(128)", "batchid": "character varying(80)",
		"pilotid": "character varying(200)", "schedulerid": "character varying(128)", "jobstatus": "character varying(15) NOT NULL",
		"jobsubstatus": "character varying(80)", "commandtopilot": "character varying(250)", "jobdefinitionid": "bigint NOT NULL",
		"jobsetid": "bigint", "jeditaskid": "bigint", "taskid": "integer", "reqid": "integer", "prodsourcelabel": "character varying(20)",
		"processingtype": "character varying(64)", "transformation": "character varying(250)", "workinggroup": "character varying(20)",
		"vo": "character varying(32)", "specialhandling": "character varying(80)", "jobparameters": "text", "metadata": "text",
		"container_name": "character varying(200)", "piloterrorcode": "integer NOT NULL", "taskbuffererrorcode": "integer NOT NULL",
		"jobdispatchererrordiag": "character varying(250)",
	}
	tables := map[string]map[string]string{
		"doma_panda.jobsdefined4": jobs, "doma_panda.jobsactive4": jobs, "doma_panda.jobsarchived4": jobs, "doma_pandaarch.jobsarchived": jobs,
		"doma_panda.jobparamstable":             {"pandaid": "bigint NOT NULL", "modificationtime": stamp + " NOT NULL", "jobparameters": "text"},
		"doma_panda.metatable":                  {"metadata": "text"},
		"doma_panda.filestable4":                {"row_id": "bigint NOT NULL", "lfn": "character varying(4000)", "type": "character varying(20)", "dataset": "character varying(255)", "scope": "character varying(30)"},
		"doma_pandaarch.jobparamstable_arch":    {"pandaid": "bigint NOT NULL", "jobparameters": "text"},
		"doma_pandaarch.filestable_arch":        {"pandaid": "bigint NOT NULL", "lfn": "character varying(4000)"},
		"doma_panda.jobs_statuslog":             {"pandaid": "bigint NOT NULL", "jobstatus": "character varying(15) NOT NULL", "modificationhost": "character varying(128)", "modiftime_extended": stamp},
		"doma_panda.harvester_workers":          {"harvesterid": "character varying(50) NOT NULL", "workerid": "bigint NOT NULL", "nodeid": "character varying(80)", "batchid": "character varying(80)", "submissionhost": "character varying(128)", "lastupdate": stamp + " NOT NULL"},
		"doma_panda.harvester_rel_jobs_workers": {"harvesterid": "character varying(50) NOT NULL", "pandaid": "bigint NOT NULL"},
		"doma_panda.jedi_tasks":                 {"jeditaskid": "bigint NOT NULL", "username": "character varying(128) NOT NULL", "status": "character varying(64) NOT NULL", "taskname": "character varying(256)", "creationdate": stamp + " NOT NULL", "reqid": "integer"},
		"doma_panda.jedi_taskparams":            {"jeditaskid": "bigint NOT NULL", "taskparams": "text"},
		"doma_panda.jedi_job_retry_history":     {"oldpandaid": "bigint NOT NULL", "newpandaid": "bigint NOT NULL", "originpandaid": "bigint", "relationtype": "character varying(32)"},
		"doma_pandameta.users":                  {"id": "integer NOT NULL", "name": "character varying(60) NOT NULL", "dn": "character varying(150)", "email": "character varying(60)", "location": "character varying(60)", "gridpref": "character varying(20)", "firstjob": stamp + " NOT NULL", "ncurrent": "bigint NOT NULL", "jobid": "bigint NOT NULL", "status": "character varying(20)", "vo": "character varying(20)"},
		"doma_pandameta.usercacheusage":         {"username": "character varying(128) NOT NULL", "filename": "character varying(256) NOT NULL", "hostname": "character varying(64) NOT NULL", "creationtime": stamp + " NOT NULL", "filesize": "bigint", "checksum": "character varying(36)"},
		"doma_deft.t_task":                      {"taskid": "bigint NOT NULL", "status": "character varying(12)", "username": "character varying(128)", "jedi_task_parameters": "text"},
		"doma_deft.prodsys_comm":                {"comm_task": "bigint NOT NULL", "comm_owner": "character varying(32)", "comm_cmd": "character varying(256)", "comm_ts": "bigint", "comm_comment": "character varying(128)"},
	}
	for table, columns := range tables {
		for column, want := range columns {
			got := pandatest.All[string](d, `SELECT format_type(atttypid, atttypmod) || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END
				FROM pg_attribute WHERE attrelid = $1::regclass AND attname = $2 AND NOT attisdropped`, table, column)
			if len(got) != 1 || got[0] != want && !(column == "pandaid" && got[0] == want+" NOT NULL") {
				t.Errorf("%s.%s is %q, want %q", table, column, got, want)
			}
		}
	}
}

func TestColumnOrderDiffers(t *testing.T) {
	d := pandatest.NewDatabase(t)
	order := func(table string) string {
		return strings.Join(pandatest.All[string](d, "SELECT attname::text FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 ORDER BY attnum", table), " ")
	}
	active, archived, old := order("doma_panda.jobsactive4"), order("doma_panda.jobsarchived4"), order("doma_pandaarch.jobsarchived")
	if active == archived || active == old || archived == old {
		t.Error("tables of jobs have the same order of columns: who reads them without names is not found out")
	}
	if order("doma_panda.jobsdefined4") != active {
		t.Error("the order of columns of the live tables differs")
	}
}

// An index that PanDA does not have would make a slow statement look fast.
func TestIndexes(t *testing.T) {
	d := pandatest.NewDatabase(t)
	indexed := func(table, column string) bool {
		return pandatest.One[bool](d, `SELECT EXISTS (SELECT FROM pg_index WHERE indrelid = $1::regclass
			AND pg_get_indexdef(indexrelid, 1, true) = $2)`, table, column)
	}
	for _, c := range []struct {
		column                         string
		defined, active, archived, old bool
	}{
		{"pandaid", true, true, true, true},
		{"produsername", true, true, true, true},
		{"upper(produsername::text)", false, false, true, true},
		{"batchid", false, false, true, true},
		{"modificationhost", false, false, false, false},
		{"modificationtime", false, true, true, false},
		{"statechangetime", true, true, true, true},
		{"jeditaskid", true, true, true, true},
		{"computingsite", false, true, true, true},
		{"starttime", false, false, false, false},
		{"endtime", false, false, false, false},
	} {
		for table, want := range map[string]bool{
			"doma_panda.jobsdefined4": c.defined, "doma_panda.jobsactive4": c.active,
			"doma_panda.jobsarchived4": c.archived, "doma_pandaarch.jobsarchived": c.old,
		} {
			if got := indexed(table, c.column); got != want {
				t.Errorf("%s: index that begins with %s: %v, want %v", table, c.column, got, want)
			}
		}
	}
	for table, columns := range map[string]map[string]bool{
		"doma_panda.harvester_workers":          {"nodeid": false, "batchid": false, "lastupdate": true},
		"doma_panda.harvester_rel_jobs_workers": {"pandaid": true},
		"doma_panda.filestable4":                {"pandaid": true, "lfn": true},
		"doma_panda.jobs_statuslog":             {"pandaid": true},
		"doma_panda.jedi_tasks":                 {"username": false, "modificationtime": true, "status": true},
		"doma_pandameta.users":                  {"name": true, "status": false, "dn": false},
		"doma_pandameta.usercacheusage":         {"username": true, "hostname": false},
		"doma_deft.t_task":                      {"username": true},
	} {
		for column, want := range columns {
			if got := indexed(table, column); got != want {
				t.Errorf("%s: index that begins with %s: %v, want %v", table, column, got, want)
			}
		}
	}
	if n := pandatest.One[int](d, `SELECT count(*)::int FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
		WHERE c.relnamespace = 'doma_pandameta'::regnamespace AND c.relname = 'users' AND indisunique AND NOT indisprimary`); n != 0 {
		t.Error("a user's name is unique, which PanDA does not demand")
	}
}

func TestArchiveHasAPartitionForEachMonth(t *testing.T) {
	d := pandatest.NewDatabase(t)
	at := time.Now().UTC().Truncate(time.Second)
	id := d.AddJob(pandatest.Job{Table: pandatest.Archived, ModificationTime: at})
	want := "jobsarchived4_p" + at.Format("200601") + "01"
	if got := pandatest.One[string](d, "SELECT tableoid::regclass::text FROM doma_panda.jobsarchived4 WHERE pandaid = $1", id); got != "doma_panda."+want {
		t.Errorf("a job archived now is in %s, want %s", got, want)
	}
}

func TestUnsaidTimesAreDefaultsOfTheDatabaseAndNullOfTheHelpers(t *testing.T) {
	d := pandatest.NewDatabase(t)
	d.Exec("INSERT INTO doma_panda.jobsactive4 (pandaid) VALUES (7)")
	if got := pandatest.One[time.Time](d, "SELECT starttime FROM doma_panda.jobsactive4 WHERE pandaid = 7"); got.Unix() != 0 {
		t.Errorf("a start that is not said is %v, want 1970", got)
	}
	id := d.AddJob(pandatest.Job{JobStatus: "activated", Parameters: "-j"})
	if !pandatest.One[bool](d, "SELECT starttime IS NULL AND endtime IS NULL AND creationhost IS NULL FROM doma_panda.jobsactive4 WHERE pandaid = $1", id) {
		t.Error("a job that has not started has a start")
	}
	if got := pandatest.One[time.Time](d, "SELECT modificationtime FROM doma_panda.jobparamstable WHERE pandaid = $1", id); got.Unix() != 0 {
		t.Errorf("a live job's parameters are of %v, want 1970", got)
	}
}
