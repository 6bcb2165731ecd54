package mattermost

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"

	"github.com/gridwarden/gridwarden/bot"
)

// The SDK's own websocket client is not used: it cannot be told to stop while
// it dials, and it panics when it is closed at the moment of a ping.
const (
	// A socket on which nothing arrives is asked; one that does not answer is
	// given up, 45 s after it went silent.
	askEvery    = 15 * time.Second
	silentAfter = 30 * time.Second
	writeWithin = 10 * time.Second
	maxFrame    = 8 << 20 // bytes

	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
)

// position is where the stream of events stands, so that the server can send
// what was missed. Only the goroutine that listens uses it.
type position struct {
	connection string
	next       int64 // sequence number
}

// listen receives until ctx ends, over one connection after the other.
func (s *server) listen(ctx context.Context, handle handler) {
	defer s.client.CloseIdleConnections()
	s.heard(handle)
	defer s.heard(nil)
	d := newDispatch(s, handle)
	var running sync.WaitGroup
	defer running.Wait()
	for i := range d.lanes {
		running.Go(func() { d.serve(ctx, d.lanes[i]) })
	}
	at, pause := position{}, firstPause
	for ctx.Err() == nil {
		began := time.Now()
		err := s.session(ctx, d, &at)
		s.mu.Lock()
		s.up = false
		s.mu.Unlock()
		if ctx.Err() != nil {
			return
		}
		d.put(ctx, "", func(ctx context.Context) { s.silence.Begins(ctx, s.thread("", ""), d.handle) })
		if time.Since(began) > lastPause {
			pause = firstPause
		}
		s.log.WarnContext(ctx, "not connected; trying again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, lastPause)
		if err := s.readToken(); err != nil {
			s.log.ErrorContext(ctx, "token not read again", "error", err)
		}
	}
}

// heard sets who takes what the server calls with.
func (s *server) heard(handle handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handle = handle
}

// session is one connection. It returns when that is lost or an event is
// missing in it.
func (s *server) session(ctx context.Context, d *dispatch, at *position) error {
	if err := s.login(ctx); err != nil {
		return err
	}
	conn, err := s.dial(ctx, *at)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var writing sync.WaitGroup
	defer writing.Wait()
	defer conn.Close() //nolint:errcheck // it is given up, whatever became of it
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	writing.Go(func() { keepAwake(ctx, conn) })

	conn.SetReadLimit(maxFrame)
	alive := func() error { return conn.SetReadDeadline(time.Now().Add(silentAfter)) }
	ping := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		if err := alive(); err != nil {
			return err
		}
		return ping(data)
	})
	settled := false // whether it is known what was missed
	for {
		if err := alive(); err != nil {
			return fmt.Errorf("mattermost: %s: the connection is gone: %w", s.config.Name, err)
		}
		_, frame, err := conn.ReadMessage()
		if err != nil {
			return fmt.Errorf("mattermost: %s: the connection was lost: %w", s.config.Name, err)
		}
		ev, err := model.WebSocketEventFromJSON(bytes.NewReader(frame))
		if err != nil {
			s.log.WarnContext(ctx, "a frame that is no event was left out", "error", err)
			continue
		}
		switch {
		case !ev.IsValid(): // the answer to our question; the server had no news before it
			var answer model.WebSocketResponse
			if json.Unmarshal(frame, &answer) == nil && answer.Status == model.StatusFail {
				*at = position{} // events are not kept for a connection whose token was revoked
				return fmt.Errorf("mattermost: %s: the server does not take the connection any more: %w", s.config.Name, answer.Error)
			}
			if !settled {
				settled = true
				s.connected(ctx, d, time.Time{}, "")
			}
		case ev.EventType() == model.WebsocketEventHello:
			id, _ := ev.GetData()["connection_id"].(string)
			missed := id == "" || id != at.connection
			*at = position{connection: id, next: ev.GetSequence() + 1}
			var since time.Time
			var lost string
			if missed {
				s.forget()
				if since, lost, err = s.catchUp(ctx, d); err != nil {
					*at = position{}
					return err
				}
			}
			if !settled {
				settled = true
				s.connected(ctx, d, since, lost)
			}
		case ev.GetSequence() > at.next:
			lost := at.next
			*at = position{} // a new connection, and everything since by REST
			return fmt.Errorf("mattermost: %s: event %d came where %d was to come", s.config.Name, ev.GetSequence(), lost)
		default:
			at.next = max(at.next, ev.GetSequence()+1)
			s.obey(ctx, d, ev)
		}
	}
}

// connected notes that events arrive, and tells from when on what was said before
// was read, and what could not be.
func (s *server) connected(ctx context.Context, d *dispatch, since time.Time, lost string) {
	s.mu.Lock()
	s.up = true
	s.connections++
	s.mu.Unlock()
	at := time.Now().UTC()
	d.put(ctx, "", func(ctx context.Context) { s.silence.Ends(ctx, s.thread("", ""), at, since, lost, d.handle) })
}

func (s *server) dial(ctx context.Context, at position) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialDeadline)
	defer cancel()
	address := "ws" + strings.TrimPrefix(s.config.URL, "http") + model.APIURLSuffix + "/websocket?" + url.Values{
		"connection_id": {at.connection}, "sequence_number": {strconv.FormatInt(at.next, 10)},
	}.Encode()
	s.mu.Lock()
	header := http.Header{"Authorization": {"Bearer " + s.token}}
	s.mu.Unlock()
	conn, response, err := s.dialer.DialContext(ctx, address, header)
	if err != nil {
		status := "no answer"
		if response != nil {
			status = response.Status
			_ = response.Body.Close() // there is nothing in it that helps
		}
		return nil, fmt.Errorf("mattermost: %s: opening the websocket: %s: %w", s.config.Name, status, err)
	}
	return conn, nil
}

// keepAwake asks the server something again and again: what it answers shows
// that the connection is alive in both directions. The first question also
// shows whether the server resumed, for then it says no hello.
func keepAwake(ctx context.Context, conn *websocket.Conn) {
	for seq := int64(1); ; seq++ {
		if conn.SetWriteDeadline(time.Now().Add(writeWithin)) != nil ||
			conn.WriteJSON(&model.WebSocketRequest{Seq: seq, Action: "ping"}) != nil {
			_ = conn.Close() // the reader tells it
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(askEvery):
		}
	}
}

// handler takes an event into the inbox.
type handler = func(context.Context, bot.Event) error

// How many people are served side by side, and how much may wait for one lane.
const (
	sideBySide = 16
	waiting    = 256
)

// dispatch hands events over: those of one person in order, because a vote and
// its withdrawal must not overtake each other, and those of others beside them.
type dispatch struct {
	server *server
	handle handler
	lanes  []chan func(context.Context)
}

func newDispatch(s *server, handle handler) *dispatch {
	d := &dispatch{server: s, handle: handle}
	for range sideBySide {
		d.lanes = append(d.lanes, make(chan func(context.Context), waiting))
	}
	return d
}

// put queues what is to be done because of a person.
func (d *dispatch) put(ctx context.Context, person string, do func(context.Context)) {
	h := fnv.New32a()
	_, _ = h.Write([]byte(person)) // a hash takes everything
	select {
	case d.lanes[h.Sum32()%sideBySide] <- do:
	case <-ctx.Done():
	}
}

func (d *dispatch) serve(ctx context.Context, lane <-chan func(context.Context)) {
	for {
		select {
		case <-ctx.Done():
			return
		case do := <-lane:
			do(ctx)
		}
	}
}

// insist repeats what failed until it succeeds or ctx ends. What is left then
// is read back by REST after the next start.
func (d *dispatch) insist(ctx context.Context, do func(context.Context) error) {
	for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
		err := do(ctx)
		if err == nil || errors.Is(err, context.Canceled) {
			return
		}
		d.server.log.WarnContext(ctx, "event not taken; trying again", "error", err, "in", pause)
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// deliver hands one event over.
func (d *dispatch) deliver(ctx context.Context, ev bot.Event) {
	d.insist(ctx, func(ctx context.Context) error { return d.handle(ctx, ev) })
}
