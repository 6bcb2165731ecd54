package discord

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
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
	bottest.Paced(b, func() (wait func()) {
		a, err := s.Slash(alice, security, []string{"gridwarden", "pending"}, "")
		if err != nil {
			b.Fatal(err)
		}
		return func() { a.Answered(10 * time.Second) }
	})
	cancel()
	<-done
}
