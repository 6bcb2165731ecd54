package bottest

import (
	"slices"
	"sync"
	"testing"
	"time"
)

// Paced starts something 200 times a second, b.N times in all, and reports how
// long it took until wait returned: the median and the 99th percentile.
func Paced(b *testing.B, start func() (wait func())) {
	b.Helper()
	took := make([]time.Duration, b.N)
	var waiting sync.WaitGroup
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	for i := range took {
		<-tick.C
		began := time.Now()
		wait := start()
		waiting.Go(func() {
			wait()
			took[i] = time.Since(began)
		})
	}
	waiting.Wait()
	b.StopTimer()
	ReportTimes(b, took)
}

// ReportTimes reports the median and the 99th percentile, in milliseconds.
func ReportTimes(b *testing.B, took []time.Duration) {
	b.Helper()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
}
