package slack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/recall"
	"github.com/gridwarden/gridwarden/config/secret"
)

// Bounds of one workspace.
const (
	callDeadline = 10 * time.Second
	frameBuffer  = 32 << 10 // Slack drops a message that is split into several frames
)

// workspace is one workspace and the app in it.
type workspace struct {
	name    string
	log     *slog.Logger
	opt     Options
	wanted  int // sockets
	client  *http.Client
	api     *slackapi.Client
	dialer  *websocket.Dialer
	remarks *recall.Memory[string]   // files and overflows that were shared, by place and content
	roots   *recall.Memory[standing] // messages, by channel and ts
	people  *recall.Memory[known]
	shared  *recall.Memory[bool] // who can read, by channel
	claims  recall.Claims
	turns   recall.Turns // of people who react
	inbound *inbound     // nil: Socket Mode
	silence bot.Silence

	mu         sync.Mutex
	self       *identity // nil: not asked yet
	sockets    int       // that are up
	catching   int       // gaps that are being read
	gap        time.Time // since when nothing was heard that is not read yet; zero: all is
	reconnects int
	heard      time.Time                // the latest frame on any socket
	not        map[string]time.Time     // until when Slack wants not to be asked, by method and place
	lines      map[string]chan struct{} // in which those wait who may not ask yet, by the same
	threads    map[string]bot.Thread
	votes      map[string]map[string]bool // reactions by card, as they were told us
	cards      map[string]bot.Thread
}

// identity is who the bot is.
type identity struct{ User, Bot, Team, URL string }

func newWorkspace(c Config, opt Options) (*workspace, error) {
	var appToken secret.Value
	var secrets [][]byte
	var err error
	switch {
	case c.HTTP() && c.AppTokenFile != "":
		return nil, fmt.Errorf("slack: workspace %s: give an app token for Socket Mode or signing secrets for HTTP mode, not both", c.Name)
	case c.HTTP():
		secrets, err = signingSecrets(c)
	default:
		if appToken, err = c.AppTokenFile.Read(); err != nil {
			err = fmt.Errorf("slack: workspace %s: app token: %w", c.Name, err)
		}
	}
	if err != nil {
		return nil, err
	}
	botToken, err := c.BotTokenFile.Read()
	if err != nil {
		return nil, fmt.Errorf("slack: workspace %s: bot token: %w", c.Name, err)
	}
	proxy := http.ProxyFromEnvironment
	if opt.Dial != nil { // it knows the way
		proxy = nil
	}
	transport := &http.Transport{Proxy: proxy, DialContext: opt.Dial, MaxIdleConnsPerHost: bot.AtOnce, IdleConnTimeout: time.Minute, ForceAttemptHTTP2: opt.Dial == nil}
	w := &workspace{
		name: c.Name, log: opt.Log.With("workspace", c.Name), opt: opt, wanted: max(c.Sockets, 1),
		client:  &http.Client{Transport: transport, Timeout: time.Minute, CheckRedirect: stay},
		dialer:  &websocket.Dialer{Proxy: proxy, NetDialContext: opt.Dial, HandshakeTimeout: callDeadline, WriteBufferSize: frameBuffer},
		remarks: recall.New[string](recall.Limit), roots: recall.New[standing](recall.Limit), people: recall.New[known](recall.Limit), shared: recall.New[bool](recall.Limit),
		not: map[string]time.Time{}, lines: map[string]chan struct{}{}, threads: map[string]bot.Thread{}, votes: map[string]map[string]bool{}, cards: map[string]bot.Thread{},
	}
	if c.HTTP() {
		w.inbound = newInbound(w, secrets)
	}
	options := []slackapi.Option{slackapi.OptionHTTPClient(w.client), slackapi.OptionAppLevelToken(appToken.Reveal())}
	if opt.API != "" {
		options = append(options, slackapi.OptionAPIURL(opt.API))
	}
	w.api = slackapi.New(botToken.Reveal(), options...)
	return w, nil
}

// stay follows no redirect: it would carry the token elsewhere, and brings the page for
// signing in in place of a file.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// signingSecrets reads them. An empty one would let everybody in, and a short
// one is none of Slack's.
func signingSecrets(c Config) ([][]byte, error) {
	var all [][]byte
	for _, file := range c.SigningSecretFiles {
		s, err := file.Read()
		if err != nil {
			return nil, fmt.Errorf("slack: workspace %s: signing secret: %w", c.Name, err)
		}
		text := strings.TrimSpace(s.Reveal())
		if len(text) < minSecret {
			return nil, bot.Problemf("configuration", "The file %s holds no signing secret of a Slack app, which has 32 characters. Copy it from the app's Basic Information.", file)
		}
		all = append(all, []byte(text))
	}
	return all, nil
}

// mode is how Slack and the bot talk, for people.
func (w *workspace) mode() string {
	if w.inbound != nil {
		return "HTTP"
	}
	return "Socket Mode"
}

// call asks Slack, and again after the time that Slack names when it is asked
// too often: that had no effect. Everything else is for the caller to judge.
func (w *workspace) call(ctx context.Context, method, place string, ask func(context.Context) error) error {
	key := method + " " + place
	for {
		leave, err := w.wait(ctx, key)
		if err != nil {
			return fmt.Errorf("slack: %s: %w", method, err)
		}
		one, cancel := context.WithTimeout(ctx, callDeadline)
		err = ask(one)
		cancel()
		if err == nil {
			leave()
			return nil
		}
		var limited *slackapi.RateLimitedError
		if !errors.As(err, &limited) {
			leave()
			return fmt.Errorf("slack: %s: %w", method, err)
		}
		until := time.Now().Add(limited.RetryAfter)
		w.mu.Lock()
		w.not[key] = until
		w.mu.Unlock()
		leave()
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
			return fmt.Errorf("slack: %s: %w", method, err)
		}
	}
}

// wait returns when Slack may be asked again. Who had to wait asks alone, and then
// calls leave: if all asked at once, all but the first would be refused once more.
func (w *workspace) wait(ctx context.Context, key string) (leave func(), err error) {
	left := w.tooSoon(key)
	w.mu.Lock()
	line := w.lines[key]
	if line == nil && left > 0 {
		line = make(chan struct{}, 1)
		w.lines[key] = line
	}
	w.mu.Unlock()
	if left <= 0 && len(line) == 0 { // and nobody stands there
		return func() {}, ctx.Err()
	}
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case line <- struct{}{}:
	}
	for left = w.tooSoon(key); left > 0; left = w.tooSoon(key) {
		select {
		case <-ctx.Done():
			<-line
			return nil, ctx.Err()
		case <-time.After(left):
		}
	}
	return func() { <-line }, nil
}

// tooSoon is how long Slack wants not to be asked.
func (w *workspace) tooSoon(key string) time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := time.Until(w.not[key])
	if left <= 0 {
		delete(w.not, key)
	}
	return left
}

// me asks once who the bot is.
func (w *workspace) me(ctx context.Context) (identity, error) {
	w.mu.Lock()
	self := w.self
	w.mu.Unlock()
	if self != nil {
		return *self, nil
	}
	var id identity
	err := w.call(ctx, "auth.test", "", func(ctx context.Context) error {
		r, err := w.api.AuthTestContext(ctx)
		if err == nil {
			id = identity{User: r.UserID, Bot: r.BotID, Team: r.TeamID, URL: r.URL}
		}
		return err
	})
	if err != nil {
		return id, err
	}
	w.mu.Lock()
	w.self = &id
	w.mu.Unlock()
	return id, nil
}

// code is Slack's word for an error, "" for one that is not Slack's.
func code(err error) string {
	var r slackapi.SlackErrorResponse
	if errors.As(err, &r) {
		return r.Err
	}
	return ""
}
