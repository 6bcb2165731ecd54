package panda_test

import (
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/backends/panda/pandatest"
)

// BenchmarkKill kills 2,000 running jobs as the command does, 1,000 at a time with a
// look before and at the refused, on a server that needs 17 ms for each job and
// works on four requests side by side. waiting/% is how much of the time was the
// server's: its answers alone, at that pace.
func BenchmarkKill(b *testing.B) {
	const jobs, perJob, sideBySide = 2000, 17 * time.Millisecond, 4
	for b.Loop() {
		b.StopTimer()
		k := newKillBench(b, pandatest.Options{PerJob: perJob})
		ids := k.running(jobs)
		b.StartTimer()
		began := time.Now()
		for from := 0; from < jobs; from += 1000 {
			if _, err := k.KillStatus(b.Context(), ids[from:from+1000], time.Time{}); err != nil {
				b.Fatal(err)
			}
			taken, err := k.KillJobs(b.Context(), ids[from:from+1000])
			if err != nil || !taken[0] || !taken[999] {
				b.Fatal(err)
			}
		}
		took := time.Since(began)
		b.ReportMetric(100*float64(jobs*perJob/sideBySide)/float64(took), "waiting/%")
		b.ReportMetric(float64(jobs)/took.Seconds(), "jobs/s")
	}
}
