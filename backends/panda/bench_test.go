package panda_test

import (
	"context"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/grid"
	"github.com/gridwarden/gridwarden/backends/panda"
	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/backends/postgrestest"
	"github.com/gridwarden/gridwarden/backends/usagetest"
	"github.com/gridwarden/gridwarden/handlers/answertest"
	"github.com/gridwarden/gridwarden/handlers/kill"
)

// benchSize is what a benchmark's database has: 50,000 jobs that ended within a month, or as many
// within a year as GRIDWARDEN_BENCH_PANDA says. To a hundred of them there are 6 live ones,
// two fifths of which are one user's.
func benchSize(b *testing.B) pandatest.Size {
	b.Helper()
	s := pandatest.Size{Seed: 7, Archived: 50_000, Days: 30}
	if text := os.Getenv("GRIDWARDEN_BENCH_PANDA"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		s.Archived, s.Days = n, 365
	}
	s.Active = s.Archived * 6 / 100
	s.Heavy = s.Active * 2 / 5
	return s
}

// BenchmarkPanDA asks a database as large as benchSize says, on a server with room for some
// of it in memory. Each question is asked of jobs and hosts from everywhere in it.
func BenchmarkPanDA(b *testing.B) {
	server, err := postgrestest.New("shared_buffers = 1GB", "maintenance_work_mem = 512MB", "max_wal_size = 8GB", "wal_level = minimal", "max_wal_senders = 0")
	if err != nil {
		postgrestest.Missing(b, err)
	}
	b.Cleanup(func() { _ = server.Remove() })
	d := pandatest.NewDatabaseOn(b, server)
	began := time.Now()
	truth := d.Fill(benchSize(b))
	d.Exec("VACUUM") // as the server's own has done with a table of that age
	b.Logf("%d archived and %d live jobs, %s, made in %s", truth.Size.Archived, truth.Size.Active,
		pandatest.One[string](d, "SELECT pg_size_pretty(pg_database_size(current_database()))"), time.Since(began).Round(time.Second))
	c := reads(b, d.DSN(pandatest.Reader))
	c.Tail = panda.DefaultTail
	s := openStore(b, c, nil)
	b.Run("job", func(b *testing.B) { benchmarkJob(b, s, truth) })
	b.Run("trace", func(b *testing.B) { benchmarkTrace(b, s, truth) })
	b.Run("plan", func(b *testing.B) {
		benchmarkPlan(b, s, pandatest.One[int](d, "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE produsername = $1", pandatest.Naughty))
	})
}

func benchmarkJob(b *testing.B, s *panda.Store, truth *pandatest.Truth) {
	var took []time.Duration
	r := rand.New(rand.NewPCG(1, 1))
	first := truth.First()
	for b.Loop() {
		id := first + r.Int64N(int64(truth.Size.Archived+truth.Size.Active))
		began := time.Now()
		j, err := s.Job(b.Context(), id)
		took = append(took, time.Since(began))
		if err != nil || j.UserName != truth.Job(id).ProdUserName {
			b.Fatalf("job %d is %q's, want %q's: %v", id, j.UserName, truth.Job(id).ProdUserName, err)
		}
	}
	quantiles(b, "", took)
}

func benchmarkTrace(b *testing.B, s *panda.Store, truth *pandatest.Truth) {
	r := rand.New(rand.NewPCG(2, 2))
	first := truth.First()
	var queries []grid.Query
	for len(queries) < 50 {
		g := truth.Job(first + r.Int64N(int64(truth.Size.Archived)))
		if g.Node == "" {
			continue
		}
		from := g.StartTime.Add(-24 * time.Hour)
		queries = append(queries, grid.Query{Kind: grid.ByHost, Host: g.Node, Window: grid.Window{From: from, To: from.Add(48 * time.Hour)}})
	}
	var traces, bare []time.Duration
	found := 0
	for i := 0; b.Loop(); i++ {
		q := queries[i%len(queries)]
		statement, args, err := panda.StatementOf(b.Context(), s, q)
		if err != nil {
			b.Fatal(err)
		}
		var f grid.Found
		rows := 0
		steps := []func() (err error){
			func() (err error) { f, err = s.Sightings(context.Background(), q); return err },
			func() (err error) {
				rows, err = panda.QueryForTest(context.Background(), s, statement, args...)
				return err
			},
		}
		var took [2]time.Duration
		for _, which := range []int{i % 2, 1 - i%2} { // the second one finds its pages in memory
			began := time.Now()
			if err := steps[which](); err != nil {
				b.Fatal(err)
			}
			took[which] = time.Since(began)
		}
		traces, bare = append(traces, took[0]), append(bare, took[1])
		if rows != f.Report.Records || rows == 0 {
			b.Fatalf("bare SQL read %d records, the trace %d", rows, f.Report.Records)
		}
		found += len(f.Sightings)
	}
	if found == 0 {
		b.Fatal("nothing was found")
	}
	x := float64(quantiles(b, "", traces)) / float64(quantiles(b, "sql-", bare))
	b.ReportMetric(x, "x-sql")
	b.ReportMetric(float64(found)/float64(b.N), "found/op")
}

func benchmarkPlan(b *testing.B, s *panda.Store, jobs int) {
	c := answertest.Command(b, kill.New(pandaKills{s, panda.NewKiller(nil, s)}, nil), "kill user")
	debug.FreeOSMemory()
	before := usagetest.NowMB(b)
	usagetest.ForgetPeak(b)
	var took []time.Duration
	for b.Loop() {
		began := time.Now()
		p, err := c.Plan(b.Context(), answertest.Request(c, time.Now(), pandatest.Naughty, "mines"))
		took = append(took, time.Since(began))
		if err != nil || len(p.Payload) == 0 {
			b.Fatal(err)
		}
	}
	quantiles(b, "", took)
	b.ReportMetric(float64(jobs), "active-jobs")
	b.ReportMetric(usagetest.PeakMB(b)-before, "more-RSS-MB")
}

// quantiles reports the median, which it gives, and the worst of a hundred.
func quantiles(b *testing.B, name string, took []time.Duration) time.Duration {
	b.Helper()
	slices.Sort(took)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(took[len(took)/2]), name+"p50-ms")
	b.ReportMetric(ms(took[len(took)*99/100]), name+"p99-ms")
	b.ReportMetric(0, "ns/op")
	return took[len(took)/2]
}
