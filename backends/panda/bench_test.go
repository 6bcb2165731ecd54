package panda_test

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// benchWorld is a generated PanDA with as many ended jobs as GRIDWARDEN_BENCH_PANDA
// says, 20,000 without, over 90 days, and 6 % of that that live.
func benchWorld(b *testing.B, heavy int) (*pandatest.Database, *pandatest.Truth) {
	b.Helper()
	n := 20_000
	if s := os.Getenv("GRIDWARDEN_BENCH_PANDA"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil {
			b.Fatal(err)
		}
	}
	d := pandatest.NewDatabase(b)
	began := time.Now()
	truth := d.Fill(pandatest.Size{Archived: n, Active: n*6/100 + heavy, Heavy: heavy, Days: 90})
	b.Logf("%d jobs made in %s", n+n*6/100+heavy, time.Since(began).Round(time.Second))
	return d, truth
}

func median(took []time.Duration) float64 {
	slices.Sort(took)
	return float64(took[len(took)/2].Microseconds()) / 1000
}

// bareHost finds the rows of a trace by host with nothing around it.
const bareHost = `
SELECT pandaid, produserid, produsername, prodsourcelabel, creationhost, creationtime, modificationtime, modificationhost, starttime, endtime,
	computingsite, computingelement, batchid, schedulerid, jobstatus, jeditaskid
FROM doma_panda.jobsactive4 WHERE starttime <= $2 AND (lower(modificationhost COLLATE "C") LIKE $3 OR modificationhost IS NULL)
UNION ALL
SELECT pandaid, produserid, produsername, prodsourcelabel, creationhost, creationtime, modificationtime, modificationhost, starttime, endtime,
	computingsite, computingelement, batchid, schedulerid, jobstatus, jeditaskid
FROM doma_panda.jobsarchived4 WHERE modificationtime BETWEEN $1 AND $4 AND starttime <= $2 AND (lower(modificationhost COLLATE "C") LIKE $3 OR modificationhost IS NULL)`

// BenchmarkReads asks about single jobs and about worker nodes over 48 hours, beside
// the bare statement that finds the same rows.
func BenchmarkReads(b *testing.B) {
	d, truth := benchWorld(b, 0)
	s := reading(b, d.DSN(pandatest.Reader))
	var some []pandatest.Generated
	i := 0
	for g := range truth.All() {
		if i++; i%max(1, truth.Size.Archived/300) == 0 && g.Node != "" && !g.StartTime.IsZero() && g.StartTime.After(truth.Size.Until.AddDate(0, 0, -25)) {
			some = append(some, g)
		}
	}
	b.Run("job", func(b *testing.B) {
		var took []time.Duration
		for i := 0; b.Loop(); i++ {
			began := time.Now()
			if _, err := s.Job(b.Context(), some[i%len(some)].PandaID); err != nil {
				b.Fatal(err)
			}
			took = append(took, time.Since(began))
		}
		b.ReportMetric(median(took), "p50-ms")
	})
	b.Run("trace", func(b *testing.B) {
		bare, err := pgx.Connect(b.Context(), d.DSN(pandatest.Reader))
		if err != nil {
			b.Fatal(err)
		}
		defer bare.Close(b.Context())
		if _, err := bare.Exec(b.Context(), "SET jit = off; SET plan_cache_mode = force_custom_plan"); err != nil {
			b.Fatal(err)
		}
		var took, sql []time.Duration
		for i := 0; b.Loop(); i++ {
			g := some[i%len(some)]
			w := grid.Window{From: g.StartTime.Add(-24 * time.Hour), To: g.StartTime.Add(24 * time.Hour)}
			began := time.Now()
			found, err := s.Sightings(b.Context(), grid.Query{Kind: grid.ByHost, Host: g.Node, Asked: w.From, Window: w})
			if err != nil || found.Report.Matched == 0 {
				b.Fatal(err, found.Report)
			}
			took = append(took, time.Since(began))
			began = time.Now()
			rows, err := bare.Query(b.Context(), bareHost, w.From.Add(-time.Hour), w.To, "%"+g.Node+"%", w.To.Add(7*24*time.Hour))
			if err != nil {
				b.Fatal(err)
			}
			for rows.Next() {
			}
			if rows.Err() != nil {
				b.Fatal(rows.Err())
			}
			sql = append(sql, time.Since(began))
		}
		ours, theirs := median(took), median(sql)
		b.ReportMetric(ours, "p50-ms")
		b.ReportMetric(theirs, "sql-p50-ms")
		b.ReportMetric(ours/theirs, "x-sql")
	})
}

// BenchmarkPlan reads what a user with 120,000 live jobs has, as the plan of a kill does.
func BenchmarkPlan(b *testing.B) {
	d, truth := benchWorld(b, 120_000)
	s := reading(b, d.DSN(pandatest.Reader))
	name, live := "", map[string]int{}
	for g := range truth.All() {
		if live[g.ProdUserName]++; live[g.ProdUserName] > live[name] {
			name = g.ProdUserName
		}
	}
	accounts, err := s.Accounts(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	i := slices.IndexFunc(accounts, func(a grid.Account) bool { return a.Name == name })
	var most uint64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		jobs, _, err := s.LiveJobs(b.Context(), accounts[i])
		if err != nil || len(jobs) < 120_000 {
			b.Fatal(len(jobs), err)
		}
		runtime.ReadMemStats(&after)
		most = max(most, after.TotalAlloc-before.TotalAlloc)
	}
	b.ReportMetric(float64(most)/1e6, "allocated-MB")
}
