package room

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/crash"
)

// Bounds of the client.
const (
	callDeadline   = 10 * time.Second
	reconnectAfter = 50 * time.Millisecond
	sideBySide     = 16 // events that are handed over at once
)

// Platform speaks to a room over HTTP.
type Platform struct {
	name, url string
	client    *http.Client
}

var (
	_ bot.Platform    = (*Platform)(nil)
	_ bot.KeyedPoster = (*Platform)(nil)
	_ bot.Finder      = (*Platform)(nil)
	_ bot.Seeder      = (*Platform)(nil)
	_ bot.CardReader  = (*Platform)(nil)
)

// NewPlatform gives the Platform of that name whose room answers at url.
func NewPlatform(name, url string) *Platform {
	return &Platform{name: name, url: strings.TrimSuffix(url, "/"), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: time.Minute}}}
}

// Name implements bot.Platform.
func (p *Platform) Name() string { return p.name }

// Listen implements bot.Platform. It hands events over side by side, and does
// not acknowledge one that was refused: the room delivers it again.
func (p *Platform) Listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	defer p.client.CloseIdleConnections()
	for ctx.Err() == nil {
		p.listenOnce(ctx, handle)
		select {
		case <-ctx.Done():
		case <-time.After(reconnectAfter):
		}
	}
	return ctx.Err()
}

// listenOnce returns when the connection is lost.
func (p *Platform) listenOnce(ctx context.Context, handle func(context.Context, bot.Event) error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url+"/events", http.NoBody)
	if err != nil {
		return
	}
	response, err := p.client.Do(r)
	if err != nil {
		return
	}
	defer response.Body.Close()
	slots := make(chan struct{}, sideBySide)
	var running sync.WaitGroup
	defer running.Wait()
	for events := json.NewDecoder(response.Body); ; {
		var ev bot.Event
		if events.Decode(&ev) != nil {
			return
		}
		slots <- struct{}{}
		running.Go(func() {
			p.handOver(ctx, handle, ev)
			<-slots
		})
	}
}

func (p *Platform) handOver(ctx context.Context, handle func(context.Context, bot.Event) error, ev bot.Event) {
	if handle(ctx, ev) != nil {
		return
	}
	if _, err := p.call(ctx, "/ack", call{ID: ev.ID, Process: os.Getpid(), Goroutines: runtime.NumGoroutine()}); err == nil {
		crash.Point("3")
	}
}

// Post implements bot.Platform.
func (p *Platform) Post(ctx context.Context, t bot.Thread, m bot.Message) (string, error) {
	return p.PostKeyed(ctx, t, "", m)
}

// PostKeyed implements bot.KeyedPoster.
func (p *Platform) PostKeyed(ctx context.Context, t bot.Thread, key string, m bot.Message) (string, error) {
	a, err := p.call(ctx, "/post", call{Thread: t, Key: key, Message: m})
	return a.ID, err
}

// Update implements bot.Platform.
func (p *Platform) Update(ctx context.Context, t bot.Thread, id string, m bot.Message) error {
	_, err := p.call(ctx, "/update", call{Thread: t, ID: id, Message: m})
	return err
}

// FindPost implements bot.Finder.
func (p *Platform) FindPost(ctx context.Context, t bot.Thread, key string) (string, bool, error) {
	a, err := p.call(ctx, "/find", call{Thread: t, Key: key})
	return a.ID, a.Found, err
}

// Seed implements bot.Seeder.
func (p *Platform) Seed(ctx context.Context, t bot.Thread, id string, _ []string) error {
	_, err := p.call(ctx, "/seed", call{Thread: t, ID: id})
	return err
}

// Face implements bot.CardReader.
func (p *Platform) Face(_ bot.Thread, m bot.Message) (string, error) { return m.Plain(), nil }

// ReadBack implements bot.CardReader. Nobody reacts in a room.
func (p *Platform) ReadBack(ctx context.Context, t bot.Thread, id string) (bot.Seen, error) {
	a, err := p.call(ctx, "/read", call{Thread: t, ID: id})
	return bot.Seen{Face: a.Face}, err
}

func (p *Platform) call(ctx context.Context, path string, c call) (answer, error) {
	var a answer
	data, err := json.Marshal(c)
	if err != nil {
		return a, fmt.Errorf("room: encoding %s: %w", path, err)
	}
	ctx, cancel := context.WithTimeout(ctx, callDeadline)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url+path, bytes.NewReader(data))
	if err != nil {
		return a, fmt.Errorf("room: calling %s: %w", path, err)
	}
	response, err := p.client.Do(r)
	if err != nil {
		return a, fmt.Errorf("room: calling %s: %w", path, err)
	}
	defer response.Body.Close()
	data, err = io.ReadAll(io.LimitReader(response.Body, maxCall))
	switch {
	case err != nil:
		return a, fmt.Errorf("room: reading the answer to %s: %w", path, err)
	case response.StatusCode == http.StatusNotFound:
		return a, fmt.Errorf("room: %s: %w", path, bot.ErrNotFound)
	case response.StatusCode != http.StatusOK:
		return a, fmt.Errorf("room: %s: %s: %s", path, response.Status, bytes.TrimSpace(data))
	}
	if err := json.Unmarshal(data, &a); err != nil {
		return a, fmt.Errorf("room: decoding the answer to %s: %w", path, err)
	}
	return a, nil
}
