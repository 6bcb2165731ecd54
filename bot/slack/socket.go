package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"
	slackapi "github.com/slack-go/slack"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of a socket.
const (
	pingEvery   = 10 * time.Second
	silentFor   = 35 * time.Second // without a frame of any kind a socket is dead
	writeWithin = 5 * time.Second
	drainFor    = 10 * time.Second // an old socket is read on beside its successor
	maxFrame    = 4 << 20          // bytes
	sideBySide  = 64               // envelopes that are handed over at once
	fatalPause  = time.Minute
	firstPause  = 500 * time.Millisecond
	lastPause   = 30 * time.Second
)

// fatal are the words of Slack that waiting does not heal: the token or the
// app's settings must be changed. They are the errors of auth.test and
// apps.connections.open that say so, with those that @slack/socket-mode does not
// try again after (UnrecoverableSocketModeStartError). All others pass by themselves.
var fatal = map[string]string{ //nolint:gosec // words about tokens
	"invalid_auth": "the token is not one of this app", "not_authed": "the token is empty", "account_inactive": "the app was removed from the workspace",
	"user_removed_from_team": "the bot was removed from the workspace", "team_disabled": "the workspace was deleted or disabled",
	"token_revoked": "the token was revoked", "token_expired": "the token has expired", "not_allowed_token_type": "app_token_file must hold an xapp- token and bot_token_file an xoxb- token",
	"missing_scope": "the token lacks a scope: the app-level token needs connections:write", "org_login_required": "the workspace moves to an organisation",
	"team_access_not_granted": "the app has no access to the workspace", "ekm_access_denied": "the workspace's administrators have suspended access",
	"no_permission": "the token may not do that", "access_denied": "access was denied", "link_disabled": "Socket Mode is switched off in the app's settings",
}

var errLinkDisabled = errors.New("link_disabled")

// hopeless returns why it is no use to try again soon.
func hopeless(err error) (string, bool) {
	word := code(err)
	if errors.Is(err, errLinkDisabled) {
		word = "link_disabled"
	}
	var status slackapi.StatusCodeError
	if errors.As(err, &status) && status.Code == http.StatusNotFound {
		word = "invalid_auth"
	}
	why, ok := fatal[word]
	return why, ok
}

// refusedError says what to change before Slack takes the bot again.
type refusedError struct {
	workspace, why string
	then           string // what to do: a sentence
	cause          error
}

func (e *refusedError) Error() string {
	return fmt.Sprintf("slack: workspace %s: %s: %v", e.workspace, e.why, e.cause)
}
func (e *refusedError) Unwrap() error { return e.cause }

// ForPeople says what to change.
func (e *refusedError) ForPeople() string {
	return fmt.Sprintf("Slack refuses the workspace %s: %s. %s", e.workspace, e.why, e.then)
}

// What to do about it for who starts the program, and for who asks how it is.
const (
	beforeTheStart = "Correct that and start again; `gridwarden check --probe` tells more."
	whileItRuns    = "Correct that. gridwarden tries again every minute; it reads %s when it starts."
)

// listen holds the workspace's sockets, or lets Slack in, until ctx ends.
func (w *workspace) listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	if w.inbound != nil {
		return w.inbound.listen(ctx, handle)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	errs := make(chan error, w.wanted)
	var all sync.WaitGroup
	for range w.wanted {
		all.Go(func() {
			if err := w.hold(ctx, handle); err != nil {
				errs <- err
				cancel()
			}
		})
	}
	all.Wait()
	select {
	case err := <-errs:
		return err
	default:
		return ctx.Err()
	}
}

// hold keeps one socket open. A socket that Slack wants to close is replaced
// before it is given up; one that is lost leaves a gap, which is read afterwards.
func (w *workspace) hold(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	var running sync.WaitGroup
	defer running.Wait()
	pause, ever, gap := firstPause, false, true
	var old *socket
	for ctx.Err() == nil {
		s, err := w.open(ctx)
		if err != nil {
			why, bad := hopeless(err)
			if bad && !ever {
				return &refusedError{w.name, why, beforeTheStart, err}
			}
			wait := pause
			if bad {
				wait = fatalPause
			}
			if ctx.Err() == nil {
				w.log.ErrorContext(ctx, "no connection to Slack; it is tried again", "error", err, "why", why, "after", wait.String())
			}
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
			pause = min(2*pause, lastPause)
			continue
		}
		pause = firstPause
		if old != nil {
			select {
			case <-old.ended: // it did not wait for its successor
				gap = true
			default:
			}
		}
		caughtUp := func() {}
		if gap { // before anything says that it hears
			caughtUp = w.catches()
		}
		since := w.connected(ever && gap) // before the new socket is read, which is to be heard
		running.Go(func() { s.serve(ctx, handle) })
		if gap {
			since = w.opens(since)
			running.Go(func() {
				defer caughtUp()
				w.persist(ctx, since, handle)
			})
		}
		if old != nil {
			running.Go(func() { old.drain(ctx) })
		}
		ever = true
		select {
		case <-s.replace:
			old, gap = s, false
		case <-s.ended:
			old, gap = nil, true
			if w.down() && ctx.Err() == nil {
				w.silence.Begins(ctx, w.thread("", "", ""), handle)
			}
			if s.disabled.Load() {
				w.log.ErrorContext(ctx, "Slack closed the connection", "why", fatal["link_disabled"])
			}
		}
	}
	return ctx.Err()
}

// connected notes that a socket is up, and returns since when nothing was heard.
func (w *workspace) connected(again bool) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if again {
		w.reconnects++
	}
	since := w.heard
	if since.IsZero() {
		since = time.Now().Add(-lookBack)
	}
	w.heard = time.Now()
	return since
}

// opens notes that what was said since a moment is to be read, and returns since when
// it is: another socket's gap may have begun before and not be read yet, in which case
// this one, too, must not say that it read all.
func (w *workspace) opens(since time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.gap.IsZero() || since.Before(w.gap) {
		w.gap = since
	}
	return w.gap
}

// closes notes that what was said since a moment was read.
func (w *workspace) closes(since time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !since.After(w.gap) {
		w.gap = time.Time{}
	}
}

// open connects and waits for Slack's hello.
func (w *workspace) open(ctx context.Context) (*socket, error) {
	if _, err := w.me(ctx); err != nil {
		return nil, err
	}
	var address string
	err := w.call(ctx, "apps.connections.open", "", func(ctx context.Context) error {
		_, url, err := w.api.StartSocketModeContext(ctx)
		address = url
		return err
	})
	if err != nil {
		return nil, err
	}
	conn, response, err := w.dialer.DialContext(ctx, address, nil)
	if response != nil && response.Body != nil {
		response.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("slack: connecting: %w", bare(err))
	}
	s := &socket{w: w, conn: conn, replace: make(chan struct{}), ended: make(chan struct{})}
	stop := context.AfterFunc(ctx, s.close)
	defer stop()
	conn.SetReadLimit(maxFrame)
	var first envelope
	_ = conn.SetReadDeadline(time.Now().Add(callDeadline))
	if err := conn.ReadJSON(&first); err != nil {
		s.close()
		return nil, fmt.Errorf("slack: waiting for hello: %w", err)
	}
	switch {
	case first.Type == "disconnect" && first.Reason == "link_disabled":
		s.close()
		return nil, fmt.Errorf("slack: connecting: %w", errLinkDisabled)
	case first.Type != "hello":
		s.close()
		return nil, fmt.Errorf("slack: connecting: got %q instead of hello", first.Type)
	}
	return s, nil
}

// bare is err without the address, whose ticket lets others listen.
func bare(err error) error {
	if inner := errors.Unwrap(err); inner != nil {
		return inner
	}
	return err
}

// envelope is one frame of Socket Mode.
type envelope struct {
	Type    string          `json:"type"`
	ID      string          `json:"envelope_id"`
	Payload json.RawMessage `json:"payload"`
	Reason  string          `json:"reason"`
}

// socket is one connection.
type socket struct {
	w        *workspace
	conn     *websocket.Conn
	replace  chan struct{} // closed when Slack announces that it will close
	ended    chan struct{}
	disabled atomic.Bool
	writing  sync.Mutex
	once     sync.Once
}

func (s *socket) close() { _ = s.conn.Close() }

// drain reads an old socket for a while: what is on its way there comes nowhere else soon.
func (s *socket) drain(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-s.ended:
	case <-time.After(drainFor):
	}
	s.close()
}

// serve reads until the socket ends, and waits for what it handed over.
func (s *socket) serve(ctx context.Context, handle func(context.Context, bot.Event) error) {
	s.w.count(1)
	stop := context.AfterFunc(ctx, s.close)
	var running sync.WaitGroup
	defer func() {
		stop()
		s.close()
		s.w.count(-1)
		close(s.ended)
		running.Wait()
	}()
	alive := func() {
		_ = s.conn.SetReadDeadline(time.Now().Add(silentFor))
		s.w.mu.Lock()
		s.w.heard = time.Now()
		s.w.mu.Unlock()
	}
	alive()
	s.conn.SetPongHandler(func(string) error { alive(); return nil })
	s.conn.SetPingHandler(func(data string) error {
		alive()
		return s.control(websocket.PongMessage, data)
	})
	running.Go(func() { s.ping() })
	slots := make(chan struct{}, sideBySide)
	for {
		_, data, err := s.conn.ReadMessage()
		if err != nil {
			if ctx.Err() == nil {
				s.w.log.WarnContext(ctx, "a connection to Slack ended", "error", err)
			}
			return
		}
		alive()
		var e envelope
		if err := json.Unmarshal(data, &e); err != nil {
			s.w.log.WarnContext(ctx, "Slack sent what is no envelope", "error", err)
			continue
		}
		if e.Type == "disconnect" {
			if e.Reason == "link_disabled" {
				s.disabled.Store(true)
				return
			}
			s.once.Do(func() { close(s.replace) })
			continue
		}
		if e.ID == "" {
			continue
		}
		turn, done := s.w.turn(e)
		slots <- struct{}{}
		running.Go(func() {
			defer done()
			if turn(ctx) == nil && s.w.handOver(ctx, e, handle) {
				s.acknowledge(ctx, e.ID)
			}
			<-slots
		})
	}
}

func (s *socket) ping() {
	tick := time.NewTicker(pingEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.ended:
			return
		case <-tick.C:
			if s.control(websocket.PingMessage, "") != nil {
				s.close()
				return
			}
		}
	}
}

func (s *socket) control(kind int, data string) error {
	return s.conn.WriteControl(kind, []byte(data), time.Now().Add(writeWithin))
}

// acknowledge tells Slack that the event is kept. When it does not get there
// Slack sends the event again, and its id says that it is the same.
func (s *socket) acknowledge(ctx context.Context, id string) {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err := s.conn.WriteJSON(map[string]string{"envelope_id": id}); err != nil && ctx.Err() == nil {
		s.w.log.WarnContext(ctx, "an event was not acknowledged; Slack sends it again", "error", err)
	}
}

// down reports whether there is no socket.
func (w *workspace) down() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sockets == 0
}

func (w *workspace) count(n int) {
	w.mu.Lock()
	w.sockets += n
	w.mu.Unlock()
}
