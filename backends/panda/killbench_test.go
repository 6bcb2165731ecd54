package panda_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
	"github.com/gridwarden/gridwarden/bot/action"
	"github.com/gridwarden/gridwarden/handlers/answertest"
)

// BenchmarkKill kills 2,000 running jobs of a user, or as many as GRIDWARDEN_BENCH_KILL
// says, by the command's own steps, on a server that needs 17 ms for each job and works
// on four requests side by side. Between two steps it does what the engine does with the
// plan: its JSON is written and read twice. waiting/% is the share of the time that
// these answers alone take at that pace, busy/% the share in which the server had all
// four requests, and idle/% in which it had none.
func BenchmarkKill(b *testing.B) {
	jobs := 2000
	if text := os.Getenv("GRIDWARDEN_BENCH_KILL"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		jobs = n
	}
	const perJob, sideBySide = 17 * time.Millisecond, 4
	for b.Loop() {
		b.StopTimer()
		k := newKillBench(b, pandatest.Options{PerJob: perJob})
		k.d.AddUser(pandatest.User{Name: "Naughty User", DN: naughtyDN, Status: "disabled"})
		k.d.Exec(fmt.Sprintf(`INSERT INTO doma_panda.jobsactive4 (pandaid, produsername, produserid, prodsourcelabel, jobstatus, jeditaskid, computingsite, modificationhost, creationtime, starttime, modificationtime)
			SELECT 6000000000 + 3 * n, 'Naughty User', 'Naughty User', 'user', 'running', 41 + n %% 7, 'EXAMPLE-' || n %% 20, 'slot1@wn' || n %% 900 || '.example.org',
				t.utc - interval '2 hours', t.utc - interval '1 hour', t.utc - interval '5 minutes'
			FROM generate_series(1, %d) AS n, (SELECT now() AT TIME ZONE 'UTC' AS utc) AS t`, jobs))
		k.d.Exec("ANALYZE doma_panda.jobsactive4")
		c := commandOf(k, "kill user")
		p, err := c.Plan(b.Context(), answertest.Request(c, time.Now(), "Naughty User", "miner"))
		if err != nil {
			b.Fatal(err)
		}
		a := action.Action{ID: "k7m2qd", Command: "kill user", State: action.Running, Frozen: action.Frozen{Command: "kill user", Plan: p}}
		b.StartTimer()
		began := time.Now()
		steps := 0
		for ; !a.Outcome.Done; steps++ {
			for range 2 {
				a = stored(b, a)
			}
			if a.Outcome, err = c.Apply(b.Context(), a); err != nil {
				b.Fatal(err)
			}
		}
		took := time.Since(began)
		b.StopTimer()
		if n := pandatest.One[int](k.d, "SELECT count(*)::int FROM doma_panda.jobsactive4 WHERE commandtopilot = 'tobekilled'"); n != jobs {
			b.Fatalf("%d of %d jobs are flagged", n, jobs)
		}
		all, none := k.fake.Busy(sideBySide)
		b.ReportMetric(100*float64(jobs)*perJob.Seconds()/sideBySide/took.Seconds(), "waiting/%")
		b.ReportMetric(100*all.Seconds()/took.Seconds(), "busy/%")
		b.ReportMetric(100*none.Seconds()/took.Seconds(), "idle/%")
		b.ReportMetric(float64(jobs)/took.Seconds(), "jobs/s")
		b.ReportMetric(float64(steps), "steps")
		b.StartTimer()
	}
}

// stored is an action as the journal gives it back.
func stored(b *testing.B, a action.Action) action.Action {
	b.Helper()
	data, err := json.Marshal(a)
	if err == nil {
		err = json.Unmarshal(data, &a)
	}
	if err != nil {
		b.Fatal(err)
	}
	return a
}
