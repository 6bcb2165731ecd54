package fakeslack

import (
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// maxSockets is how many connections one app has at once.
const maxSockets = 10

// socket is one connection of Socket Mode.
type socket struct {
	conn   *websocket.Conn
	mu     sync.Mutex // guards writing
	silent bool       // half-open: nothing is written, nothing is heard
	opened int
}

func (k *socket) write(v any) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.silent {
		return nil
	}
	_ = k.conn.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return k.conn.WriteJSON(v)
}

// delivery is an envelope on its way.
type delivery struct {
	id      string
	kind    string
	payload map[string]any
	again   bool // an event: it is sent again
	acked   chan struct{}
	done    bool
	attempt int
	reason  string // of the latest repetition, over HTTP
	sent    int64  // the second of the latest delivery, over HTTP
	refused bool   // over HTTP: the app wants it never again
}

func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ticket := r.URL.Query().Get("ticket")
	ok := s.tickets[ticket] && !s.closed && !s.revoked && len(s.sockets) < maxSockets
	delete(s.tickets, ticket)
	s.mu.Unlock()
	if !ok {
		http.Error(w, "no such ticket", http.StatusForbidden)
		return
	}
	upgrader := websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}
	conn, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer conn.Close() //nolint:errcheck // whoever listened has gone away
	k := &socket{conn: conn}
	conn.SetPingHandler(func(data string) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.silent {
			return nil
		}
		return conn.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(5*time.Second))
	})
	s.mu.Lock()
	off := s.linkOff
	s.mu.Unlock()
	if off {
		_ = k.write(map[string]any{"type": "disconnect", "reason": "link_disabled"})
		return
	}
	if k.write(map[string]any{"type": "hello", "num_connections": 1, "connection_info": map[string]string{"app_id": "A0FAKE"}}) != nil {
		return
	}
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return
	}
	s.next++
	k.opened = s.next
	s.sockets = append(s.sockets, k)
	s.changes.Tell()
	s.mu.Unlock()
	ended := make(chan struct{})
	defer func() {
		close(ended)
		s.mu.Lock()
		s.sockets = slices.DeleteFunc(s.sockets, func(other *socket) bool { return other == k })
		s.changes.Tell()
		s.mu.Unlock()
	}()
	go s.ping(k, ended)
	for {
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		_, data, err := conn.ReadMessage()
		if err != nil {
			return
		}
		k.mu.Lock()
		deaf := k.silent
		k.mu.Unlock()
		if deaf || json.Unmarshal(data, &ack) != nil || len(data) >= 20<<10 {
			continue
		}
		s.mu.Lock()
		if d := s.pending[ack.ID]; d != nil && !d.done {
			d.done = true
			close(d.acked)
			s.reply(d, ack.Payload) // socket-mode, "Responding to events": what HTTP has in the body
			s.changes.Tell()
		}
		s.mu.Unlock()
	}
}

func (s *Server) ping(k *socket, ended <-chan struct{}) {
	tick := time.NewTicker(s.PingEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			k.mu.Lock()
			if !k.silent {
				_ = k.conn.WriteControl(websocket.PingMessage, nil, time.Now().Add(5*time.Second))
			}
			k.mu.Unlock()
		}
	}
}

// send puts an envelope on its way and returns it. The caller holds mu.
func (s *Server) send(kind string, payload map[string]any, again bool) *delivery {
	d := &delivery{id: s.id("env-"), kind: kind, payload: payload, again: again, acked: make(chan struct{})}
	s.pending[d.id] = d
	if s.holding {
		s.hold = append(s.hold, d)
		return d
	}
	s.start(d)
	return d
}

// start delivers, again as Slack does while nobody acknowledges. The caller holds mu.
func (s *Server) start(d *delivery) {
	if s.closed {
		return
	}
	times := 1
	if s.twice > 0 {
		s.twice--
		times = 2
	}
	if s.http != nil {
		for range times {
			s.post(d)
		}
		return
	}
	for range times {
		s.deliver(d)
	}
	s.insist(d, d.acked, 0)
}

// insist sends an event again when it is not acknowledged in time, or tells the
// person who waits. It is no goroutine, so that a test can see that its own are
// gone. The caller holds mu.
func (s *Server) insist(d *delivery, acked <-chan struct{}, tries int) {
	pause := s.AckWithin
	if d.again && tries >= len(s.Retries) {
		return
	}
	if d.again {
		pause = max(s.Retries[tries], time.Millisecond)
		if tries == 0 {
			pause += s.AckWithin
		}
	}
	time.AfterFunc(pause, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		select {
		case <-acked:
			return
		default:
		}
		switch {
		case s.closed:
		case d.again:
			d.attempt++
			s.deliver(d)
			s.insist(d, acked, tries+1)
		default:
			s.timeouts++
			s.changes.Tell()
		}
	})
}

// deliver writes an envelope to one socket. The caller holds mu.
func (s *Server) deliver(d *delivery) {
	if s.lose > 0 {
		s.lose--
		return
	}
	if len(s.sockets) == 0 || s.closed {
		return
	}
	k := s.sockets[(s.next+d.attempt)%len(s.sockets)]
	frame := map[string]any{"type": d.kind, "envelope_id": d.id, "payload": d.payload, "accepts_response_payload": d.kind != "events_api"}
	if d.attempt > 0 {
		frame["retry_attempt"], frame["retry_reason"] = d.attempt, "timeout"
	}
	s.working.Go(func() { _ = k.write(frame) })
}

// Sockets counts the connections that are open.
func (s *Server) Sockets() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sockets)
}

// Opened is a number that grows with every connection: that of the newest.
func (s *Server) Opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, k := range s.sockets {
		n = max(n, k.opened)
	}
	return n
}

// Cut breaks every connection without a word.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.sockets {
		_ = k.conn.NetConn().Close()
	}
}

// Silence makes every connection half-open: it stands, and nothing passes. Over HTTP
// those are Slack's: what it sends by them gets no answer in time and comes again by
// another.
func (s *Server) Silence() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hung = s.http != nil
	for _, k := range s.sockets {
		k.mu.Lock()
		k.silent = true
		k.mu.Unlock()
	}
}

// Disconnect announces the end of every connection: warning, refresh_requested
// or link_disabled.
func (s *Server) Disconnect(reason string) {
	s.mu.Lock()
	sockets := slices.Clone(s.sockets)
	s.linkOff = reason == "link_disabled"
	s.mu.Unlock()
	for _, k := range sockets {
		_ = k.write(map[string]any{"type": "disconnect", "reason": reason})
	}
}

// Lose makes the next deliveries go nowhere.
func (s *Server) Lose(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose = n
}

// Twice makes the next deliveries arrive two times.
func (s *Server) Twice(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.twice = n
}

// Hold keeps deliveries back; Release sends them, and Reverse does so too, the last
// one first.
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
	for _, d := range s.hold {
		s.start(d)
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

// Unacknowledged counts the envelopes that nobody acknowledged.
func (s *Server) Unacknowledged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, d := range s.pending {
		if !d.done {
			n++
		}
	}
	return n
}

// Delivery is one envelope that was sent.
type Delivery struct {
	s *Server
	d *delivery
}

// Again sends the same event once more, as Slack sometimes does minutes later.
func (d Delivery) Again() {
	d.s.mu.Lock()
	defer d.s.mu.Unlock()
	d.d.attempt++
	if d.s.http != nil { // it stands as acknowledged until it is again
		d.s.post(d.d)
		d.d.done, d.d.acked = false, make(chan struct{})
		return
	}
	if !d.d.done {
		d.s.deliver(d.d)
		return
	}
	d.d.done, d.d.acked = false, make(chan struct{})
	d.s.start(d.d)
}

// Acknowledged waits until it is acknowledged; false after a time.
func (d Delivery) Acknowledged(most time.Duration) bool {
	return d.s.Until(most, func() bool {
		d.s.mu.Lock()
		defer d.s.mu.Unlock()
		return d.d.done
	})
}
