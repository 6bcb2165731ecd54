package discord

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// BenchmarkAcknowledge is how long people wait for the first sign of a slash
// command when 200 a second come and keeping one takes 2 ms, as the journal needs.
func BenchmarkAcknowledge(b *testing.B) {
	s := server()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Serve(l))
	p := over(b, l.Addr().String(), nil)
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- p.Listen(ctx, func(context.Context, bot.Event) error {
			time.Sleep(2 * time.Millisecond)
			return nil
		})
	}()
	connected(b, s)
	if !s.Until(10*time.Second, func() bool { return len(s.Calls("commands.put")) > 0 }) {
		b.Fatal("no command is registered")
	}
	took := make([]time.Duration, b.N)
	var waiting sync.WaitGroup
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	b.ResetTimer()
	for i := range took {
		<-tick.C
		began := time.Now()
		a, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, "")
		if err != nil {
			b.Fatal(err)
		}
		waiting.Go(func() {
			a.Answered(10 * time.Second)
			took[i] = time.Since(began)
		})
	}
	waiting.Wait()
	b.StopTimer()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	cancel()
	<-done
}
