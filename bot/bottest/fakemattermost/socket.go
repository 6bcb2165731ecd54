package fakemattermost

import (
	"encoding/json"
	"net/http"
	"strconv"
	"sync"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"
)

// As the server has it: how many events are kept for who comes back, and how
// long a frame of a client may be.
const (
	deadQueue = 128
	maxFrame  = 8 * 1024
)

// socket is one connection, or what is kept of one that was lost.
type socket struct {
	id    string
	user  string
	next  int64
	kept  []*model.WebSocketEvent // those that were sent, the last deadQueue of them
	held  *model.WebSocketEvent   // to be overtaken
	away  []queued                // happened while nobody was connected
	lossy bool                    // more happened than is kept

	conn   *websocket.Conn
	frozen bool
	// its token was revoked
	revoked bool
	queue   []any // to be written
	wake    chan struct{}
	gone    chan struct{}
	once    sync.Once
}

type queued struct {
	kind    model.WebsocketEventType
	channel string
	data    map[string]any
}

// broadcast tells everybody in a channel, or everybody. The caller holds mu.
func (s *Server) broadcast(channel string, kind model.WebsocketEventType, data map[string]any) {
	s.latest = queued{kind, channel, data}
	if s.faults.holding {
		s.faults.held = append(s.faults.held, s.latest)
		return
	}
	for _, c := range s.sockets {
		if c.revoked || channel != "" && !s.isMember(channel, c.user) {
			continue
		}
		if c.conn == nil {
			c.away = append(c.away, queued{kind, channel, data})
			c.lossy = len(c.away) > deadQueue
			continue
		}
		s.number(c, kind, channel, data)
	}
	s.changes.Tell()
}

// number gives an event its place in a connection's stream and sends it. The
// caller holds mu.
func (s *Server) number(c *socket, kind model.WebsocketEventType, channel string, data map[string]any) {
	ev := model.NewWebSocketEvent(kind, "", channel, "", nil, "")
	for k, v := range data {
		ev.Add(k, v)
	}
	if s.faults.swap > 0 && c.held == nil && kind != model.WebsocketEventHello {
		c.held = ev
		return
	}
	s.send(c, ev)
	if c.held != nil {
		late := c.held
		c.held = nil
		s.faults.swap--
		s.send(c, late)
	}
}

func (s *Server) send(c *socket, ev *model.WebSocketEvent) {
	ev = ev.SetSequence(c.next)
	c.next++
	c.kept = append(c.kept, ev)
	if len(c.kept) > deadQueue {
		c.kept = c.kept[1:]
	}
	if s.faults.skip > 0 && ev.EventType() != model.WebsocketEventHello {
		s.faults.skip--
		return
	}
	c.write(ev)
}

func (c *socket) write(v any) {
	c.queue = append(c.queue, v)
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// hangUp ends a connection and keeps what a resume needs. The caller holds mu.
func (s *Server) hangUp(c *socket) {
	if c.conn == nil {
		return
	}
	_ = c.conn.NetConn().Close() // as a cut cable does it
	c.once.Do(func() { close(c.gone) })
	c.conn = nil
	for i, other := range s.live {
		if other == c {
			s.live = append(s.live[:i:i], s.live[i+1:]...)
			break
		}
	}
	s.changes.Tell()
}

func (s *Server) websocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	user, ok := s.tokens[bearer(r)]
	closed := s.faults.closed
	s.mu.Unlock()
	switch {
	case closed:
		http.Error(w, "starting", http.StatusServiceUnavailable)
		return
	case !ok && r.Header.Get("Authorization") != "":
		refuse(w, http.StatusUnauthorized, "api.context.session_expired.app_error")
		return
	}
	up := websocket.Upgrader{}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has answered
	}
	challenge := int64(0)
	if !ok {
		if user, challenge = s.challenged(conn); user == "" {
			_ = conn.Close() // whose it is was not said
			return
		}
	}
	id, from := r.URL.Query().Get("connection_id"), int64(0)
	if n, err := strconv.ParseInt(r.URL.Query().Get("sequence_number"), 10, 64); err == nil {
		from = n
	}
	c := s.open(conn, user, id, from)
	if challenge != 0 {
		s.mu.Lock()
		c.write(model.NewWebSocketResponse(model.StatusOk, challenge, nil))
		s.mu.Unlock()
	}
	go c.pump(s)
	s.readAll(c, conn)
}

// open begins a connection, or goes on with one.
func (s *Server) open(conn *websocket.Conn, user, id string, from int64) *socket {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.sockets[id]
	if old != nil && old.conn != nil {
		s.hangUp(old)
	}
	c := &socket{user: user, conn: conn, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	s.live = append(s.live, c)
	resumed := old != nil && old.user == user && id != ""
	if resumed {
		c.id, c.next, c.kept = old.id, old.next, old.kept
		inQueue := from == c.next
		for _, ev := range c.kept {
			if ev.GetSequence() >= from {
				inQueue = inQueue || ev.GetSequence() == from
				c.write(ev)
			}
		}
		resumed = inQueue && !old.lossy
	}
	if !resumed {
		delete(s.sockets, id)
		c.id, c.next, c.kept, c.queue = model.NewId(), 0, nil, nil
	}
	s.sockets[c.id] = c
	if !resumed {
		s.number(c, model.WebsocketEventHello, "", map[string]any{"server_version": "11.0.0.0", "connection_id": c.id})
	} else {
		for _, q := range old.away {
			s.number(c, q.kind, q.channel, q.data)
		}
	}
	s.changes.Tell()
	return c
}

// pump writes what is queued until the connection ends.
func (c *socket) pump(s *Server) {
	for {
		s.mu.Lock()
		conn, queue := c.conn, c.queue
		if c.frozen {
			queue = nil
		}
		c.queue = nil
		s.mu.Unlock()
		if conn == nil {
			return
		}
		for _, v := range queue {
			data, err := json.Marshal(v)
			if ev, ok := v.(*model.WebSocketEvent); ok {
				data, err = ev.ToJSON()
			}
			if err != nil || conn.WriteMessage(websocket.TextMessage, data) != nil {
				return
			}
		}
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
	}
}

// readAll answers the client until the connection ends.
func (s *Server) readAll(c *socket, conn *websocket.Conn) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.hangUp(c)
		_ = conn.Close() // it is gone or goes now
	}()
	conn.SetReadLimit(maxFrame)
	for {
		var q model.WebSocketRequest
		if conn.ReadJSON(&q) != nil {
			return
		}
		if q.Action == string(model.WebsocketAuthenticationChallenge) {
			continue // it is known whose the socket is: the server says nothing
		}
		s.mu.Lock()
		answer := model.WebSocketResponse{Status: model.StatusOk, SeqReply: q.Seq, Data: map[string]any{"text": "pong"}}
		if c.revoked { // app/platform/websocket_router.go, ServeWebSocket
			notAny := model.NewAppError("ServeWebSocket", "api.web_socket_router.not_authenticated.app_error", nil, "", http.StatusUnauthorized)
			answer = model.WebSocketResponse{Status: model.StatusFail, SeqReply: q.Seq, Error: notAny}
		} else if q.Action != "ping" {
			answer = model.WebSocketResponse{Status: model.StatusFail, SeqReply: q.Seq}
		}
		if c.conn != nil && !c.frozen {
			c.write(answer)
		}
		s.mu.Unlock()
	}
}
