package mattermost

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// BenchmarkDelivery measures how long it takes from a post on the server until
// its event is handed over, 200 posts a second by 20 people, over a real socket.
func BenchmarkDelivery(b *testing.B) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	token := tokenFile(b, "secret-token")
	channel := fake.AddChannel("security", model.ChannelTypePrivate, fake.AddBot("gridwarden", "secret-token"))
	var people []string
	for range 20 {
		u := fake.AddUser("u" + model.NewId())
		fake.Join(channel.Id, u.Id)
		people = append(people, u.Id)
	}
	p, err := New([]Config{{Name: workspace, URL: server.URL, Team: fakemattermost.Team, TokenFile: token}}, Options{
		Log: slog.New(slog.DiscardHandler), Channels: func(string) []string { return []string{"security"} },
	})
	if err != nil {
		b.Fatal(err)
	}
	taken := make(chan bot.Event, 1000)
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Listen(ctx, func(_ context.Context, ev bot.Event) error { taken <- ev; return nil })
	}()
	defer func() { cancel(); fake.Drop(); <-ended }()
	fake.Await(patience, func() bool { return fake.Calls("GET /channels/{id}/posts") > 0 })

	var took []time.Duration
	began := map[string]time.Time{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; b.Loop(); n++ {
		<-tick.C
		at := time.Now()
		post := fake.Type(people[n%len(people)], channel.Id, "", "@gridwarden pending", 1)
		began[post.Id] = at
		ev := <-taken
		took = append(took, time.Since(began[ev.Message]))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}

// BenchmarkPress measures how long the server waits for the answer to a press,
// 200 a second by 20 people, over real connections.
func BenchmarkPress(b *testing.B) {
	fake := fakemattermost.New()
	server := httptest.NewServer(fake)
	defer server.Close()
	token := tokenFile(b, "secret-token")
	channel := fake.AddChannel("security", model.ChannelTypePrivate, fake.AddBot("gridwarden", "secret-token"))
	var people []string
	for range 20 {
		u := fake.AddUser("u" + model.NewId())
		fake.Join(channel.Id, u.Id)
		people = append(people, u.Id)
	}
	routes := http.NewServeMux()
	calls := httptest.NewServer(routes)
	defer calls.Close()
	p, err := New([]Config{{Name: workspace, URL: server.URL, Team: fakemattermost.Team, TokenFile: token, CommandTokensFile: tokenFile(b, model.NewId())}}, Options{
		Log: slog.New(slog.DiscardHandler), Channels: func(string) []string { return []string{"security"} }, Public: calls.URL,
	})
	if err != nil {
		b.Fatal(err)
	}
	for pattern, h := range p.Routes() {
		routes.Handle(pattern, h)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Listen(ctx, func(context.Context, bot.Event) error { return nil })
	}()
	defer func() { cancel(); fake.Drop(); <-ended }()
	fake.Await(patience, func() bool { return fake.Calls("GET /channels/{id}/posts") > 0 })
	id, err := p.PostKeyed(b.Context(), bot.Thread{Platform: Name, Workspace: workspace, Channel: "security"}, "card", offers(1))
	if err != nil {
		b.Fatal(err)
	}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; b.Loop(); n++ {
		<-tick.C
		if err := fake.Click(people[n%len(people)], id, "gridwarden0"); err != nil {
			b.Fatal(err)
		}
	}
	var took []time.Duration
	for _, c := range fake.Outgoing() {
		took = append(took, c.Took)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
}
