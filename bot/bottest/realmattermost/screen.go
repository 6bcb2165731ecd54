package realmattermost

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"
)

// screen is what the client of one person is sent.
type screen struct {
	conn  *websocket.Conn
	forms chan *model.OpenDialogRequest
	ended chan struct{}
}

// Watch opens the client of somebody, to which forms are sent.
func (s *Server) Watch(ctx context.Context, user string) error {
	p, err := s.person(user)
	if err != nil || p.screen != nil {
		return err
	}
	d := websocket.Dialer{Proxy: http.ProxyFromEnvironment, HandshakeTimeout: patience}
	conn, r, err := d.DialContext(ctx, "ws"+strings.TrimPrefix(s.URL, "http")+"/api/v4/websocket", http.Header{"Authorization": {"Bearer " + p.api.AuthToken}})
	if err != nil {
		return err
	}
	_ = r.Body.Close() // it is the socket
	p.screen = &screen{conn: conn, forms: make(chan *model.OpenDialogRequest, 8), ended: make(chan struct{})}
	go p.screen.read()
	return nil
}

func (c *screen) read() {
	defer close(c.ended)
	for {
		_, frame, err := c.conn.ReadMessage()
		if err != nil {
			return
		}
		ev, err := model.WebSocketEventFromJSON(strings.NewReader(string(frame)))
		if err != nil || ev.EventType() != model.WebsocketEventOpenDialog {
			continue
		}
		text, _ := ev.GetData()["dialog"].(string)
		var d model.OpenDialogRequest
		if json.Unmarshal([]byte(text), &d) == nil {
			c.forms <- &d
		}
	}
}

func (c *screen) close() {
	_ = c.conn.Close()
	<-c.ended
}

// Dialog is the form that opens at somebody's client, nil when none does in time.
func (s *Server) Dialog(ctx context.Context, user string) *model.OpenDialogRequest {
	p, err := s.person(user)
	if err != nil || p.screen == nil {
		return nil
	}
	select {
	case d := <-p.screen.forms:
		return d
	case <-ctx.Done():
		return nil
	}
}
