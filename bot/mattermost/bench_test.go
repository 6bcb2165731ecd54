package mattermost

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/bot/bottest/fakemattermost"
)

// BenchmarkDelivery measures how long it takes from a post on the server until
// its event is handed over, 200 posts a second by 20 people, over a real socket.
func BenchmarkDelivery(b *testing.B) {
	fake, c, channel, people := crowd(b)
	p, err := New([]Config{c}, Options{
		Log: slog.New(slog.DiscardHandler), Channels: func(string) []string { return []string{"security"} },
	})
	if err != nil {
		b.Fatal(err)
	}
	taken := make(chan bot.Event, 1000)
	stop := heard(b, fake, p, func(ev bot.Event) { taken <- ev })
	defer stop()

	var took []time.Duration
	began := map[string]time.Time{}
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for n := 0; b.Loop(); n++ {
		<-tick.C
		at := time.Now()
		post := fake.Type(people[n%len(people)], channel, "", "@gridwarden pending", 1)
		began[post.Id] = at
		ev := <-taken
		took = append(took, time.Since(began[ev.Message]))
	}
	bottest.ReportTimes(b, took)
}

// BenchmarkPress measures how long the server waits for the answer to a press,
// 200 a second by 20 people, over real connections.
func BenchmarkPress(b *testing.B) {
	fake, c, _, people := crowd(b)
	routes := http.NewServeMux()
	calls := httptest.NewServer(routes)
	defer calls.Close()
	c.CommandTokensFile = tokenFile(b, model.NewId())
	p, err := New([]Config{c}, Options{
		Log: slog.New(slog.DiscardHandler), Channels: func(string) []string { return []string{"security"} }, Public: calls.URL,
	})
	if err != nil {
		b.Fatal(err)
	}
	for pattern, h := range p.Routes() {
		routes.Handle(pattern, h)
	}
	stop := heard(b, fake, p, func(bot.Event) {})
	defer stop()
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
	bottest.ReportTimes(b, took)
}

// crowd is a server with the bot and 20 people in its channel.
func crowd(b *testing.B) (fake *fakemattermost.Server, c Config, channel string, people []string) {
	b.Helper()
	fake = fakemattermost.New()
	server := httptest.NewServer(fake)
	b.Cleanup(server.Close)
	channel = fake.AddChannel("security", model.ChannelTypePrivate, fake.AddBot("gridwarden", "secret-token")).Id
	for range 20 {
		u := fake.AddUser("u" + model.NewId())
		fake.Join(channel, u.Id)
		people = append(people, u.Id)
	}
	return fake, Config{Name: workspace, URL: server.URL, Team: fakemattermost.Team, TokenFile: tokenFile(b, "secret-token")}, channel, people
}

// heard listens until stop is called.
func heard(b *testing.B, fake *fakemattermost.Server, p *Platform, take func(bot.Event)) (stop func()) {
	b.Helper()
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = p.Listen(ctx, func(_ context.Context, ev bot.Event) error { take(ev); return nil })
	}()
	fake.Await(patience, func() bool { return fake.Calls("GET /channels/{id}/posts") > 0 })
	return func() { cancel(); fake.Drop(); <-ended }
}
