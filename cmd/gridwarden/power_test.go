package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
	"github.com/gridwarden/gridwarden/config"
)

// power is the program, which can be ended and started again over the same journal.
type power struct {
	*app
	t      *testing.T
	cfg    *config.Config
	cancel context.CancelFunc // nil: it does not run
	done   chan error
}

// plug makes one that does not run. It ends with the test.
func plug(t *testing.T, cfg *config.Config) *power {
	t.Helper()
	w := &power{t: t, cfg: cfg}
	t.Cleanup(func() {
		if err := w.off(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// on builds the program on platforms and runs it.
func (w *power) on(platforms ...bot.Platform) {
	w.t.Helper()
	a, err := wire(w.t.Context(), w.cfg, slog.New(slog.NewTextHandler(w.t.Output(), nil)), wiring{platforms: platforms})
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	w.app, w.cancel, w.done = a, cancel, make(chan error, 1)
	go func(done chan<- error) { done <- a.run(ctx) }(w.done)
}

// off ends it, as a stop of the service does.
func (w *power) off() error {
	if w.cancel == nil {
		return nil
	}
	w.cancel()
	w.cancel = nil
	err := <-w.done
	w.close()
	return err
}

// front is where a program is called, whichever runs; while none does connections break.
type front struct {
	mu  sync.Mutex
	now http.Handler
}

func (f *front) lead(h http.Handler) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.now = h
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	h := f.now
	f.mu.Unlock()
	if h == nil {
		panic(http.ErrAbortHandler)
	}
	h.ServeHTTP(w, r)
}

// rights are those that the bot has lost, by channel.
type rights struct {
	mu   sync.Mutex
	lost map[string]map[bottest.Right]bool
}

func (r *rights) bar(channel string, right bottest.Right, barred bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		r.lost = map[string]map[bottest.Right]bool{}
	}
	if r.lost[channel] == nil {
		r.lost[channel] = map[bottest.Right]bool{}
	}
	r.lost[channel][right] = barred
}

// lack reports whether the bot lacks any of these rights in a channel.
func (r *rights) lack(channel string, any ...bottest.Right) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, right := range any {
		if r.lost[channel][right] {
			return true
		}
	}
	return false
}

// gated is a platform without a server, in whose channels the bot can lose rights.
type gated struct {
	bottest.Full
	rights *rights
}

var errBarred = errors.New("the bot may not do that in the channel")

// Post implements bot.Platform.
func (g gated) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return g.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (g gated) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	if g.rights.lack(t.Channel, bottest.ToPost, bottest.ToBe) {
		return "", errBarred
	}
	return g.Full.PostKeyed(ctx, t, key, m)
}

// Update implements bot.Platform.
func (g gated) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	if g.rights.lack(t.Channel, bottest.ToBe) {
		return errBarred
	}
	return g.Full.Update(ctx, t, id, m)
}

// Whisper implements bot.Whisperer.
func (g gated) Whisper(ctx context.Context, t bot.Thread, to bot.Account, m bot.Message) error {
	if g.rights.lack(t.Channel, bottest.ToPost, bottest.ToBe) {
		return errBarred
	}
	return g.Full.Whisper(ctx, t, to, m)
}

// FindPost implements bot.Finder.
func (g gated) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	if g.rights.lack(t.Channel, bottest.ToBe) {
		return "", false, errBarred
	}
	return g.Full.FindPost(ctx, t, key)
}

// Face implements bot.CardReader.
func (g gated) Face(t bot.Thread, m bot.Message) (string, error) {
	return bottest.Reads(g.Full).Face(t, m)
}

// ReadBack implements bot.CardReader.
func (g gated) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	if g.rights.lack(t.Channel, bottest.ToBe) {
		return bot.Seen{}, errBarred
	}
	return bottest.Reads(g.Full).ReadBack(ctx, t, id)
}

// Fetch implements bot.Fetcher.
func (g gated) Fetch(ctx context.Context, t bot.Thread, message string, file bot.Attachment, most int) ([]byte, error) {
	return bottest.Fetches(g.Full).Fetch(ctx, t, message, file, most)
}
