package fakediscord

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Intents by their bits, and those that a bot of few servers may have.
const (
	intentGuilds    = 1 << 0
	intentMessages  = 1 << 9
	intentReactions = 1 << 10
	intentContent   = 1 << 15
	intentsKnown    = 1<<22 - 1 | 1<<24 | 1<<25
)

// frame is one message of the gateway.
type frame struct {
	Op   int    `json:"op"`
	Data any    `json:"d"`
	Seq  int64  `json:"s,omitempty"`
	Type string `json:"t,omitempty"`
}

// session is what a bot is told, whether it listens now or not.
type session struct {
	id      string
	intents int
	seq     int64
	past    []frame // to be sent again after RESUME
	conn    *conn   // nil: nobody listens
}

func (s *session) drop() {
	if s.conn != nil {
		_ = s.conn.ws.Close()
	}
}

// conn is one socket.
type conn struct {
	ws     *websocket.Conn
	mu     sync.Mutex // guards writing
	silent bool       // half-open: nothing is written, nothing is heard
	host   string     // under which it was reached
}

func (c *conn) write(f frame) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silent {
		return
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_ = c.ws.WriteJSON(f)
}

func (c *conn) end(code int, why string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(code, why), time.Now().Add(5*time.Second))
	_ = c.ws.Close()
}

func (c *conn) deaf() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.silent
}

// maxFrames is how many frames a client may send in a minute (events/gateway, rate limiting).
const maxFrames = 120

func (s *Server) serveGateway(w http.ResponseWriter, r *http.Request) {
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	ws, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer ws.Close() //nolint:errcheck // whoever listened has gone away
	c := &conn{ws: ws, host: r.Host}
	if r.URL.Query().Get("v") != "10" || r.URL.Query().Get("encoding") != "json" {
		c.end(4012, "Invalid API version.")
		return
	}
	c.write(frame{Op: 10, Data: map[string]any{"heartbeat_interval": s.Interval.Milliseconds()}})
	var ours *session
	var times []time.Time
	defer func() {
		s.mu.Lock()
		if ours != nil && ours.conn == c {
			ours.conn = nil
		}
		s.changes.Tell()
		s.mu.Unlock()
	}()
	for {
		// A client whose heartbeats are missing is taken for gone.
		_ = ws.SetReadDeadline(time.Now().Add(2 * s.Interval))
		_, data, err := ws.ReadMessage()
		if err != nil {
			// A client that says good-bye ends its session (events/gateway, disconnecting).
			if websocket.IsCloseError(err, websocket.CloseNormalClosure, websocket.CloseGoingAway) {
				s.mu.Lock()
				if ours != nil && s.session == ours {
					s.session = nil
				}
				s.mu.Unlock()
			}
			return
		}
		if c.deaf() {
			continue
		}
		now := time.Now()
		times = slices.DeleteFunc(append(times, now), func(t time.Time) bool { return now.Sub(t) > time.Minute })
		if len(times) > maxFrames {
			c.end(4008, "Rate limited.")
			return
		}
		var f struct {
			Op   int             `json:"op"`
			Data json.RawMessage `json:"d"`
		}
		if json.Unmarshal(data, &f) != nil || len(data) > 4096 {
			c.end(4002, "Error while decoding payload.")
			return
		}
		switch f.Op {
		case 1:
			c.write(frame{Op: 11})
		case 2:
			if ours != nil {
				c.end(4005, "Already authenticated.")
				return
			}
			if ours = s.identify(c, f.Data); ours == nil {
				return
			}
		case 6:
			if ours != nil {
				c.end(4005, "Already authenticated.")
				return
			}
			var ok bool
			if ours, ok = s.resume(c, f.Data); !ok {
				return
			}
		default:
			if ours == nil {
				c.end(4003, "Not authenticated.")
			} else {
				c.end(4001, "Unknown opcode.")
			}
			return
		}
	}
}

// identify begins a session; nil: it was refused.
func (s *Server) identify(c *conn, data json.RawMessage) *session {
	var d struct {
		Token      string            `json:"token"`
		Intents    *int              `json:"intents"`
		Properties map[string]string `json:"properties"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch err := json.Unmarshal(data, &d); {
	case err != nil || d.Intents == nil || d.Properties["os"] == "":
		c.end(4002, "Error while decoding payload.")
		return nil
	case strings.TrimPrefix(d.Token, "Bot ") != s.token:
		c.end(4004, "Authentication failed.")
		return nil
	case *d.Intents&^intentsKnown != 0:
		c.end(4013, "Invalid intent(s).")
		return nil
	case *d.Intents&intentContent != 0 && !s.content, *d.Intents&(1<<1|1<<8) != 0:
		c.end(4014, "Disallowed intent(s).")
		return nil
	}
	if s.session != nil {
		s.session.drop()
	}
	s.begun++
	k := &session{id: "session" + s.id(), intents: *d.Intents, conn: c}
	s.session = k
	guilds := []any{}
	if s.member {
		guilds = append(guilds, map[string]any{"id": Guild, "unavailable": true})
	}
	s.dispatch("READY", map[string]any{
		"v": 10, "user": s.userJSON(BotUser), "session_id": k.id, "resume_gateway_url": "ws://" + c.host + "/gateway", "shard": []int{0, 1},
		"guilds": guilds, "application": map[string]any{"id": App, "flags": 0},
	})
	if s.member {
		s.dispatch("GUILD_CREATE", s.guildJSON())
	}
	s.changes.Tell()
	return k
}

// resume goes on with a session; false: it cannot be gone on with.
func (s *Server) resume(c *conn, data json.RawMessage) (*session, bool) {
	var d struct {
		Token   string `json:"token"`
		Session string `json:"session_id"`
		Seq     int64  `json:"seq"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.session
	switch err := json.Unmarshal(data, &d); {
	case err != nil:
		c.end(4002, "Error while decoding payload.")
		return nil, false
	case strings.TrimPrefix(d.Token, "Bot ") != s.token:
		c.end(4004, "Authentication failed.")
		return nil, false
	case k == nil || k.id != d.Session:
		c.write(frame{Op: 9, Data: false})
		return nil, true // another session may be begun on this socket
	case d.Seq > k.seq:
		c.end(4007, "Invalid seq.")
		return nil, false
	}
	if k.conn != nil {
		_ = k.conn.ws.Close()
	}
	s.begun++
	k.conn = c
	for _, f := range k.past {
		if f.Seq > d.Seq {
			s.deliver(f)
		}
	}
	s.dispatch("RESUMED", map[string]any{})
	s.changes.Tell()
	return k, true
}

// wanted is the intent that an event needs.
func wanted(kind string) int {
	switch {
	case strings.HasPrefix(kind, "MESSAGE_REACTION"):
		return intentReactions
	case strings.HasPrefix(kind, "MESSAGE"):
		return intentMessages
	case kind == "READY", kind == "RESUMED", kind == "INTERACTION_CREATE":
		return 0
	}
	return intentGuilds
}

// hears reports whether the bot sees the channel of a message's event; of those
// that it does not see it is told nothing. The caller holds mu.
func (s *Server) hears(kind string, data any) bool {
	event, ok := data.(map[string]any)
	if !ok || !strings.HasPrefix(kind, "MESSAGE") {
		return true
	}
	id, _ := event["channel_id"].(string)
	c := s.channels[id]
	return c == nil || c.Direct != "" || s.can(c, ViewChannel)
}

// dispatch sends an event to the session, and keeps it for RESUME. The caller holds mu.
func (s *Server) dispatch(kind string, data any) Delivery {
	k := s.session
	if k == nil || s.closed {
		return Delivery{s: s}
	}
	if want := wanted(kind); want != 0 && k.intents&want == 0 || !s.hears(kind, data) {
		return Delivery{s: s}
	}
	k.seq++
	f := frame{Data: data, Seq: k.seq, Type: kind}
	k.past = append(k.past, f)
	times := 1
	if kind != "READY" && kind != "RESUMED" {
		switch {
		case s.holding:
			s.hold = append(s.hold, f)
			return Delivery{s, f}
		case s.lose > 0:
			s.lose--
			return Delivery{s, f}
		case s.twice > 0:
			s.twice--
			times = 2
		}
	}
	for range times {
		s.deliver(f)
	}
	return Delivery{s, f}
}

// deliver writes to the socket, in order. The caller holds mu.
func (s *Server) deliver(f frame) {
	if s.session != nil && s.session.conn != nil && !s.closed {
		s.session.conn.write(f)
	}
}

// Delivery is one event that was sent.
type Delivery struct {
	s *Server
	f frame
}

// Again sends the same event once more, with the same number.
func (d Delivery) Again() {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.s.deliver(d.f)
}

// Listening reports whether a bot listens.
func (s *Server) Listening() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.session != nil && s.session.conn != nil
}

// Opened is a number that grows with every session that is begun or gone on with.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun
}

// Session is the id of the session; it stays the same when it is gone on with.
func (s *Server) Session() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.session == nil {
		return ""
	}
	return s.session.id
}

// on does something to the socket that is open.
func (s *Server) on(do func(*conn)) {
	s.mu.Lock()
	var c *conn
	if s.session != nil {
		c = s.session.conn
	}
	s.mu.Unlock()
	if c != nil {
		do(c)
	}
}

// Cut breaks the connection without a word.
func (s *Server) Cut() { s.on(func(c *conn) { _ = c.ws.NetConn().Close() }) }

// EndSession cuts the connection and ends the session at once: it cannot be gone on with.
func (s *Server) EndSession() {
	s.on(func(c *conn) {
		s.Expire()
		_ = c.ws.NetConn().Close()
	})
}

// Silence makes the connection half-open: it stands, and nothing passes.
func (s *Server) Silence() {
	s.on(func(c *conn) {
		c.mu.Lock()
		c.silent = true
		c.mu.Unlock()
	})
}

// Reconnect asks the bot to connect anew.
func (s *Server) Reconnect() { s.on(func(c *conn) { c.write(frame{Op: 7}) }) }

// Beat asks for a heartbeat at once.
func (s *Server) Beat() { s.on(func(c *conn) { c.write(frame{Op: 1}) }) }

// Invalidate says that the session is not valid, and whether it can be gone on with.
func (s *Server) Invalidate(resumable bool) {
	s.on(func(c *conn) { c.write(frame{Op: 9, Data: resumable}) })
	if !resumable {
		s.Expire()
	}
}

// End closes the connection with a code.
func (s *Server) End(code int) { s.on(func(c *conn) { c.end(code, "") }) }

// Expire forgets the session: RESUME fails from now on.
func (s *Server) Expire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = nil
}

// Lose makes the next events go nowhere; RESUME brings them.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Twice makes the next events arrive two times.
func (s *Server) Twice(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twice = n
}

// Hold keeps events back; Release sends them, and Reverse does so too, the last one
// first.
func (s *Server) Hold() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = true
}

// Release ends Hold.
func (s *Server) Release() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.holding = false
	for _, f := range s.hold {
		s.deliver(f)
	}
	s.hold = nil
}

// Reverse ends Hold.
func (s *Server) Reverse() {
	s.mu.Lock()
	slices.Reverse(s.hold)
	s.mu.Unlock()
	s.Release()
}
