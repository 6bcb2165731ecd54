package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"github.com/gridwarden/gridwarden/bot"
)

// Bounds of the gateway.
const (
	// Discord asks for a heartbeat about every 41 seconds; a missing answer would
	// be noticed after 82. It takes 120 frames a minute.
	beatEvery   = 20 * time.Second
	writeWithin = 5 * time.Second
	maxFrame    = 16 << 20 // bytes; a server with all its channels is the largest
	sideBySide  = 64       // events that are handed over at once
	// Discord takes a token away from a bot that begins 1,000 sessions in a day.
	fatalPause = 5 * time.Minute
	firstPause = time.Second
	lastPause  = 2 * time.Minute
)

// Operations of the gateway.
const (
	opDispatch = iota
	opHeartbeat
	opIdentify
	_
	_
	_
	opResume
	opReconnect
	_
	opInvalid
	opHello
	opAck
)

// frame is one message of the gateway.
type frame struct {
	Op   int             `json:"op"`
	Data json.RawMessage `json:"d"`
	Seq  int64           `json:"s,omitempty"`
	Type string          `json:"t,omitempty"`
}

// fatal are the words for which waiting heals nothing: the token or the settings
// of the application must be changed.
var fatal = map[int]string{
	4004: "the token is not valid. Make a new one on the page Bot of the application and put it into token_file",
	4010: "it calls the shard invalid, which gridwarden does not choose. Report it",
	4011: "the bot is in so many servers that it would have to be split. Make an application of your own for this one",
	4012: "it does not speak this version of the gateway any more. Install a newer gridwarden",
	4013: "it does not know the kinds of events that are asked for. Install a newer gridwarden",
	4014: "the bot may not read what people write. Switch Message Content Intent on, on the page Bot of the application",
}

// hopeless returns why it is no use to try again soon.
func hopeless(err error) (string, bool) {
	if c := (*websocket.CloseError)(nil); errors.As(err, &c) {
		why, ok := fatal[c.Code]
		return why, ok
	}
	if statusOf(err) == http.StatusUnauthorized {
		return fatal[4004], true
	}
	return "", false
}

// refusedError is for the person who starts the program.
type refusedError struct {
	workspace, why string
	cause          error
}

func (e *refusedError) Error() string {
	return "discord: server " + e.workspace + ": " + e.cause.Error()
}
func (e *refusedError) Unwrap() error { return e.cause }

// ForPeople says what to change.
func (e *refusedError) ForPeople() string {
	return fmt.Sprintf("Discord refuses the bot for the server %s: %s, then start again; `gridwarden check --probe` tells more.", e.workspace, e.why)
}

// listen holds the server's connection until ctx ends.
func (g *guild) listen(ctx context.Context, handle func(context.Context, bot.Event) error) error {
	var running sync.WaitGroup
	defer running.Wait()
	pause, ever := firstPause, false
	for ctx.Err() == nil {
		c := &connection{g: g, handle: handle, running: &running, slots: make(chan struct{}, sideBySide)}
		err := c.run(ctx)
		if ctx.Err() != nil {
			break
		}
		g.mu.Lock()
		g.up = false
		g.mu.Unlock()
		if c.ready.Load() {
			g.inTurn(ctx, &running, func() { g.silence.Begins(ctx, channelOf(g), handle) })
		}
		why, bad := hopeless(err)
		if c.ready.Load() {
			ever, pause = true, firstPause
		}
		if bad && !ever {
			return &refusedError{workspace: g.name, why: why, cause: err}
		}
		wait := pause
		switch {
		case bad:
			wait = fatalPause
			g.log.ErrorContext(ctx, "Discord refuses the bot; it is tried again", "error", err, "why", why, "after", wait.String())
		case c.ready.Load(): // at once, for a session can be gone on with for a short time only
			wait = 0
			g.log.WarnContext(ctx, "a connection to Discord ended", "error", err)
		default:
			wait += time.Duration(rand.Int64N(int64(wait))) //nolint:gosec // it keeps bots apart, and is no secret
			pause = min(2*pause, lastPause)
			g.log.ErrorContext(ctx, "no connection to Discord; it is tried again", "error", err, "after", wait.String())
		}
		if session, _, _ := g.resuming.point(); session == "" && wait == 0 {
			// Discord asks for such a pause before another session.
			wait = firstPause + time.Duration(rand.Int64N(int64(4*time.Second))) //nolint:gosec // it keeps bots apart, and is no secret
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
	return ctx.Err()
}

// connection is one socket.
type connection struct {
	g       *guild
	handle  func(context.Context, bot.Event) error
	running *sync.WaitGroup
	slots   chan struct{}
	conn    *websocket.Conn
	writing sync.Mutex
	acked   atomic.Bool // the last heartbeat was answered
	ready   atomic.Bool
}

var errSilent = errors.New("discord: the gateway does not answer")

// run connects, and reads until the socket ends.
func (c *connection) run(ctx context.Context) error {
	g := c.g
	session, address, seq := g.resuming.point()
	if session == "" {
		var err error
		if address, err = g.gateway(ctx); err != nil {
			return err
		}
	}
	if strings.HasPrefix(g.base, "https:") && !strings.HasPrefix(address, "wss:") { // the token would cross the network in the clear
		return fmt.Errorf("discord: connecting: %.80q is no safe address", address)
	}
	conn, response, err := g.dialer.DialContext(ctx, strings.TrimSuffix(address, "/")+"/?v="+version+"&encoding=json", nil)
	if response != nil && response.Body != nil {
		response.Body.Close()
	}
	if err != nil {
		if g.resuming.miss() { // the address of the session may be what is wrong
			g.forsake()
		}
		return fmt.Errorf("discord: connecting: %w", err)
	}
	c.conn = conn
	stop := context.AfterFunc(ctx, c.leave)
	defer func() {
		stop()
		_ = conn.Close()
	}()
	conn.SetReadLimit(maxFrame)
	_ = conn.SetReadDeadline(time.Now().Add(callDeadline))
	var hello frame
	var said struct {
		Interval int64 `json:"heartbeat_interval"`
	}
	if err := conn.ReadJSON(&hello); err != nil {
		return fmt.Errorf("discord: waiting for hello: %w", err)
	}
	if err := json.Unmarshal(hello.Data, &said); err != nil || hello.Op != opHello || said.Interval <= 0 {
		return fmt.Errorf("discord: connecting: operation %d instead of hello", hello.Op)
	}
	_ = conn.SetReadDeadline(time.Time{}) // from now on heartbeats tell
	if err := c.greet(session, seq); err != nil {
		return err
	}
	ended := make(chan struct{})
	var beating sync.WaitGroup
	defer beating.Wait()
	defer close(ended)
	silent := make(chan struct{})
	beating.Go(func() { c.beat(min(time.Duration(said.Interval)*time.Millisecond, beatEvery), ended, silent) })
	err = c.read(ctx)
	select {
	case <-silent:
		err = errSilent
	default:
	}
	return err
}

// gateway asks where to connect, and waits when too many sessions were begun.
func (g *guild) gateway(ctx context.Context) (string, error) {
	var said struct {
		URL   string `json:"url"`
		Limit struct {
			Remaining int   `json:"remaining"`
			Reset     int64 `json:"reset_after"` // milliseconds
		} `json:"session_start_limit"`
	}
	if err := g.ask(ctx, question{what: "the gateway's address", method: http.MethodGet, path: "gateway/bot", route: "gateway/bot"}, &said); err != nil {
		return "", err
	}
	if _, err := g.me(ctx); err != nil {
		return "", err
	}
	if said.Limit.Remaining <= 0 && said.Limit.Reset > 0 {
		g.log.ErrorContext(ctx, "Discord lets the bot begin no more sessions today", "until", time.Now().Add(seconds(float64(said.Limit.Reset)/1000)))
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(seconds(float64(said.Limit.Reset) / 1000)):
		}
	}
	return said.URL, nil
}

// greet begins a session, or goes on with one.
func (c *connection) greet(session string, seq int64) error {
	if session != "" {
		return c.write(opResume, map[string]any{"token": strings.TrimPrefix(c.g.token, "Bot "), "session_id": session, "seq": seq})
	}
	return c.write(opIdentify, map[string]any{
		"token": strings.TrimPrefix(c.g.token, "Bot "), "intents": int(Intents),
		"properties": map[string]string{"os": "linux", "browser": "gridwarden", "device": "gridwarden"},
	})
}

func (c *connection) write(op int, data any) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err := c.conn.WriteJSON(map[string]any{"op": op, "d": data}); err != nil {
		return fmt.Errorf("discord: writing to the gateway: %w", err)
	}
	return nil
}

// leave ends the session, so that people see at once that the bot is gone.
func (c *connection) leave() {
	c.writing.Lock()
	_ = c.conn.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(writeWithin))
	c.writing.Unlock()
	_ = c.conn.Close()
}

// beat sends heartbeats. One that is not answered before the next is due means
// that nobody is there: the socket is closed without a word, so that the session
// can be gone on with.
func (c *connection) beat(every time.Duration, ended <-chan struct{}, silent chan<- struct{}) {
	c.acked.Store(true)
	next := time.NewTimer(time.Duration(rand.Int64N(int64(every)))) //nolint:gosec // it keeps bots apart, and is no secret
	defer next.Stop()
	for {
		select {
		case <-ended:
			return
		case <-next.C:
		}
		if !c.acked.Swap(false) || c.heartbeat() != nil {
			close(silent)
			_ = c.conn.Close()
			return
		}
		next.Reset(every)
	}
}

func (c *connection) heartbeat() error {
	_, _, seq := c.g.resuming.point()
	if seq == 0 {
		return c.write(opHeartbeat, nil)
	}
	return c.write(opHeartbeat, seq)
}

// read takes frames until the socket ends.
func (c *connection) read(ctx context.Context) error {
	g := c.g
	for {
		_, data, err := c.conn.ReadMessage()
		if err != nil {
			return c.closed(err)
		}
		var f frame
		if err := json.Unmarshal(data, &f); err != nil {
			g.log.WarnContext(ctx, "Discord sent what is no frame", "error", err)
			continue
		}
		if c.ready.Load() { // otherwise what was missed begins where the last session ended
			g.mu.Lock()
			g.heard = time.Now()
			g.mu.Unlock()
		}
		switch f.Op {
		case opHeartbeat:
			if err := c.heartbeat(); err != nil {
				return err
			}
		case opAck:
			c.acked.Store(true)
		case opReconnect:
			return errors.New("discord: asked to connect anew")
		case opInvalid:
			if string(f.Data) != "true" {
				g.forsake()
			}
			return errors.New("discord: the session is not valid any more")
		case opDispatch:
			c.dispatch(ctx, f)
		}
	}
}

// closed judges the end of a socket: after some codes a session is over.
func (c *connection) closed(err error) error {
	if e := (*websocket.CloseError)(nil); errors.As(err, &e) {
		switch e.Code {
		case 4003, 4007, 4009, 4004, 4010, 4011, 4012, 4013, 4014, websocket.CloseNormalClosure, websocket.CloseGoingAway:
			c.g.forsake()
		}
	}
	return fmt.Errorf("discord: reading the gateway: %w", err)
}

// forsake gives a session up; what of it was not kept is read again later.
func (g *guild) forsake() {
	since := g.resuming.drop()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !since.IsZero() && since.Before(g.heard) {
		g.heard = since
	}
}

// guildID is a server of READY, of which nothing else is known yet.
type guildID struct {
	ID string `json:"id"`
}

// dispatch takes one event: those about the connection at once, others side by side.
func (c *connection) dispatch(ctx context.Context, f frame) {
	g := c.g
	switch f.Type {
	case "READY":
		var r struct {
			Session string    `json:"session_id"`
			URL     string    `json:"resume_gateway_url"`
			Guilds  []guildID `json:"guilds"`
		}
		if err := json.Unmarshal(f.Data, &r); err != nil {
			g.log.ErrorContext(ctx, "READY of Discord is not understood", "error", err)
			return
		}
		caughtUp := g.catches() // before anything says that it hears
		since, again := g.connected()
		g.resuming.start(r.Session, r.URL, f.Seq)
		c.ready.Store(true)
		g.log.InfoContext(ctx, "connected to Discord", "again", again)
		if !slices.Contains(r.Guilds, guildID{g.id}) {
			g.log.ErrorContext(ctx, "the bot is not in the server; `gridwarden check --probe` tells how to invite it", "guild", g.id)
		}
		c.running.Go(func() { g.register(ctx) })
		c.running.Go(func() {
			defer caughtUp()
			g.catchUp(ctx, since, c.handle)
		})
		return
	case "RESUMED":
		g.connected()
		c.ready.Store(true)
		at := now()
		g.inTurn(ctx, c.running, func() { g.silence.Ends(ctx, channelOf(g), at, time.Time{}, "", c.handle) })
	}
	if !g.resuming.begin(f.Seq) && !c.ready.Load() {
		return // it came again because the session goes on, and the program is busy with it
	}
	session := g.resuming.id()
	g.note(f)
	turn, done := g.turn(f)
	c.slots <- struct{}{}
	c.running.Go(func() {
		defer done()
		if turn(ctx) == nil && g.handOver(ctx, session, f, c.handle) {
			g.resuming.end(session, f.Seq)
		}
		<-c.slots
	})
}

// channelOf is the address of a server.
func channelOf(g *guild) bot.Thread { return bot.Thread{Platform: Name, Workspace: g.name} }

// turn keeps the reactions of one person in their order: who somebody is has to be
// asked about a reaction that was taken away, and is told with one that was put.
func (g *guild) turn(f frame) (wait func(context.Context) error, done func()) {
	var e struct {
		User string `json:"user_id"`
	}
	if strings.HasPrefix(f.Type, "MESSAGE_REACTION_") && json.Unmarshal(f.Data, &e) == nil && e.User != "" {
		return g.turns.Take(e.User)
	}
	return func(context.Context) error { return nil }, func() {}
}

// inTurn tells news of the connection beside what else is done, in the order in which
// they came: a connection that is back at once is else taken for one that is lost.
func (g *guild) inTurn(ctx context.Context, running *sync.WaitGroup, tell func()) {
	turn, done := g.news.Take("")
	running.Go(func() {
		defer done()
		if turn(ctx) == nil {
			tell()
		}
	})
}

// connected notes that events arrive, and returns since when nothing was heard.
func (g *guild) connected() (since time.Time, again bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.everUp {
		g.reconnects++
		again = true
	}
	g.up, g.everUp = true, true
	if since = g.heard; since.IsZero() {
		since = time.Now().Add(-lookBack)
	}
	return since, again
}
