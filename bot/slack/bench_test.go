package slack

import (
	"context"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakeslack"
)

// BenchmarkAcknowledge is how long Slack waits for an acknowledgement when 200
// events a second come and keeping one takes 2 ms, as the journal needs.
func BenchmarkAcknowledge(b *testing.B) {
	s := workplace()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Serve(l))
	acknowledge(b, s, over(b, l.Addr().String(), nil, "CSEC"), func() { connected(b, s, 1) })
}

// BenchmarkAcknowledgeHTTP is the same in HTTP mode.
func BenchmarkAcknowledgeHTTP(b *testing.B) {
	s := workplace()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Serve(l))
	p := overAs(b, calledAs(b), l.Addr().String(), nil, "CSEC")
	app := httptest.NewServer(routed(p))
	b.Cleanup(app.Close)
	acknowledge(b, s, p, func() {
		letIn(b, p)
		if err := s.CallBack(b.Context(), settings(app.URL, nil)); err != nil {
			b.Fatal(err)
		}
	})
}

// acknowledge measures how long what people type is on its way.
func acknowledge(b *testing.B, s *fakeslack.Server, p *Platform, ready func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() {
		done <- p.Listen(ctx, func(context.Context, bot.Event) error {
			time.Sleep(2 * time.Millisecond)
			return nil
		})
	}()
	ready()
	bottest.Paced(b, func() (wait func()) {
		_, d := s.Type("UALICE", "CSEC", "", "!pending")
		return func() { d.Acknowledged(10 * time.Second) }
	})
	cancel()
	<-done
}
