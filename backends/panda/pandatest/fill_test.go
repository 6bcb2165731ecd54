package pandatest_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

func TestFilledDatabaseIsAsTheTruthSays(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Seed: 1})

	inTable := map[pandatest.Table]int{}
	var busiest pandatest.Generated
	for g := range truth.All() {
		inTable[g.Table]++
		if g.Node != "" && g.Table == pandatest.Archived {
			busiest = g
		}
	}
	for _, table := range []pandatest.Table{pandatest.Defined, pandatest.Active, pandatest.Archived} {
		if n := pandatest.One[int](d, "SELECT count(*)::int FROM "+string(table)); n != inTable[table] || n == 0 {
			t.Errorf("%s has %d jobs, and %d were made", table, n, inTable[table])
		}
	}

	// Who ran on a node is found by the site and every form in which sites tell a node's name.
	from, to := busiest.StartTime.Add(-24*time.Hour), busiest.StartTime.Add(24*time.Hour)
	short, _, _ := strings.Cut(busiest.Node, ".")
	found := pandatest.All[int64](d, `SELECT pandaid FROM (
			SELECT pandaid, computingsite, modificationhost, starttime, endtime FROM doma_panda.jobsarchived4 UNION ALL
			SELECT pandaid, computingsite, modificationhost, starttime, endtime FROM doma_panda.jobsactive4) j
		WHERE computingsite = $1 AND regexp_replace(modificationhost, '^.*@', '') IN ($2, $3) AND starttime <= $5 AND (endtime >= $4 OR endtime IS NULL)`,
		busiest.ComputingSite, busiest.Node, short, from, to)
	var want []int64
	for _, g := range truth.OnNode(busiest.Node, from, to) {
		want = append(want, g.PandaID)
	}
	slices.Sort(found)
	slices.Sort(want)
	if !slices.Equal(found, want) || len(want) < 8 {
		t.Errorf("on %s ran %v, and the truth says %v", busiest.Node, found, want)
	}

	for _, u := range truth.Users {
		if n, of := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE produsername = $1", u.Name), 0; true {
			for _, g := range truth.Of(u.Name) {
				if g.Table == pandatest.Archived {
					of++
				}
			}
			if n != of {
				t.Errorf("%s has %d jobs, and the truth says %d", u.Name, n, of)
			}
		}
	}
}

func TestGeneratedJobsAreWhole(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Seed: 2})
	for what, sql := range map[string]string{
		"jobs of unknown tasks":              "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE jeditaskid NOT IN (SELECT jeditaskid FROM doma_panda.jedi_tasks)",
		"jobs of others than their task's":   "SELECT count(*)::int FROM doma_panda.jobsarchived4 j JOIN doma_panda.jedi_tasks USING (jeditaskid) WHERE username <> produsername",
		"jobs of names that are no user's":   "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE produsername NOT IN (SELECT name FROM doma_pandameta.users)",
		"jobs archived before they ended":    "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE modificationtime < endtime",
		"jobs that end before they start":    "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE endtime < starttime",
		"waiting jobs that are somewhere":    "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE starttime IS NULL AND modificationhost IS NOT NULL",
		"running jobs that are nowhere":      "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE jobstatus = 'running' AND (modificationhost IS NULL OR batchid IS NULL OR endtime IS NOT NULL)",
		"jobs of a slot at the same time":    `SELECT count(*)::int FROM doma_panda.jobsarchived4 a JOIN doma_panda.jobsarchived4 b USING (computingsite, modificationhost) WHERE modificationhost LIKE 'slot%' AND a.pandaid < b.pandaid AND a.starttime < b.endtime AND b.starttime < a.endtime`,
		"live jobs without parameters":       "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE pandaid NOT IN (SELECT pandaid FROM doma_panda.jobparamstable WHERE modificationtime = '1970-01-01')",
		"libraries that no build job has":    "SELECT count(*)::int FROM doma_panda.filestable4 i WHERE type = 'input' AND NOT EXISTS (SELECT FROM doma_panda.filestable4 o WHERE o.lfn = i.lfn AND o.type = 'output')",
		"jobs that ran without a worker":     "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE starttime IS NOT NULL AND pandaid NOT IN (SELECT pandaid FROM doma_panda.harvester_rel_jobs_workers)",
		"jobs without the state they are in": "SELECT count(*)::int FROM doma_panda.jobsarchived4 a WHERE NOT EXISTS (SELECT FROM doma_panda.jobs_statuslog s WHERE s.pandaid = a.pandaid AND s.jobstatus = a.jobstatus)",
	} {
		if n := pandatest.One[int](d, sql); n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	kinds := map[string]int{}
	for g := range truth.All() {
		kinds[g.Transformation[strings.LastIndex(g.Transformation, "/")+1:]]++
		if g.Command == "" {
			continue
		}
		plain, err := url.PathUnescape(g.Parameters)
		if err != nil || !strings.Contains(plain, g.Command) {
			t.Fatalf("%d: %q does not say %q: %v", g.PandaID, g.Parameters, g.Command, err)
		}
		if g.Build != 0 && truth.Job(g.Build).Library != g.Library {
			t.Errorf("%d is built by %d, which makes %q, not %q", g.PandaID, g.Build, truth.Job(g.Build).Library, g.Library)
		}
	}
	for _, kind := range []string{"runGen-00-00-02", "buildGen-00-00-01", "runAthena-00-00-12", "buildJob-00-00-03", "runcontainer", "Sim_tf.py"} {
		if kinds[kind] == 0 {
			t.Errorf("no job of %s was made, but %v", kind, kinds)
		}
	}
}

func TestUsersHaveTheirTraps(t *testing.T) {
	d := pandatest.NewDatabase(t)
	truth := d.Fill(pandatest.Size{Seed: 3, Heavy: 77})
	names := map[string]int{}
	for _, u := range truth.Users {
		names[u.Name]++
		if got := grid.PandaName(u.DN); got != u.Name {
			t.Errorf("%q is the name of %q, want %q", got, u.DN, u.Name)
		}
	}
	for _, name := range []string{
		"Naughty User", "naughty user", "Naughtу User", "Naughty Users", "Mary McDonald", "Mary Mcdonald", "Sean ONeill IT",
		"Max Mustermann", "Bob Jones", "John Smith A12345", "/ST=ZurichHans Meier", "jose_garcia", "gangarbt", "atlpilo1",
	} {
		if names[name] != 1 {
			t.Errorf("%d users are called %q", names[name], name)
		}
	}
	if names["Mario Rossi"] != 2 {
		t.Errorf("%d users are called Mario Rossi, want two", names["Mario Rossi"])
	}
	if n := pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jobsarchived4 WHERE produsername = 'gangarbt'"); n == 0 {
		t.Error("HammerCloud has no jobs")
	}
	live := 0
	for _, g := range truth.Of(pandatest.Naughty) {
		if g.Table != pandatest.Archived {
			live++
		}
	}
	if live < 77 {
		t.Errorf("the naughty user has %d live jobs, want 77 and more", live)
	}
}

func TestSameSeedSameJobs(t *testing.T) {
	until := began
	first := slices.Collect(pandatest.NewDatabase(t).Fill(pandatest.Size{Seed: 4, Archived: 300, Active: 50, Until: until}).All())
	second := slices.Collect(pandatest.NewDatabase(t).Fill(pandatest.Size{Seed: 4, Archived: 300, Active: 50, Until: until}).All())
	if !slices.Equal(first, second) {
		t.Error("the same seed made other jobs")
	}
}

// A large database is filled in another way, which must end with the same tables.
func TestLargeDatabaseHasItsIndexes(t *testing.T) {
	if testing.Short() {
		t.Skip("fills a large database")
	}
	const indexes = `SELECT count(*)::int FROM pg_index JOIN pg_class c ON c.oid = indrelid WHERE relnamespace = 'doma_panda'::regnamespace
		AND relname NOT SIMILAR TO '(jobparamstable|metatable|filestable4|jobs_statuslog)_p[0-9]+'`
	small, large := pandatest.NewDatabase(t), pandatest.NewDatabase(t)
	large.Fill(pandatest.Size{Seed: 5, Archived: 100_000, Active: 1000, Days: 60})
	if a, b := pandatest.One[int](small, indexes), pandatest.One[int](large, indexes); a != b {
		t.Errorf("a large database has %d indexes, a small one %d", b, a)
	}
	if n := pandatest.One[int](large, "SELECT count(*)::int FROM doma_panda.jobparamstable_default WHERE modificationtime > '1970-01-01'"); n != 0 {
		t.Errorf("%d rows of parameters are in no day's partition", n)
	}
}
