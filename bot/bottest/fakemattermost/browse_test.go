package fakemattermost

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"
	"github.com/mattermost/mattermost/server/public/model"
)

// told reads a socket until an event, or the answer to a request, has come.
func told(t *testing.T, conn *websocket.Conn, event model.WebsocketEventType) {
	t.Helper()
	for {
		_, data, err := conn.ReadMessage()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), string(event)) {
			return
		}
	}
}

// TestBrowse does what a client does that begins like people's.
func TestBrowse(t *testing.T) {
	h := build(t)
	direct, _, err := h.CreateDirectChannel(t.Context(), h.me.Id, h.alice.Id)
	if err != nil {
		t.Fatal(err)
	}
	h.AddChannel("elsewhere", model.ChannelTypePrivate, h.alice)
	teams, _, err := h.GetTeamsForUser(t.Context(), "me", "")
	if err != nil || len(teams) != 1 || teams[0].Name != Team {
		t.Errorf("teams: %v %v", teams, err)
	}
	if preferences, _, err := h.GetPreferences(t.Context(), "me"); err != nil || len(preferences) != 0 {
		t.Errorf("preferences: %v %v", preferences, err)
	}
	users, _, err := h.GetUsersInTeam(t.Context(), TeamID, 0, 200, "")
	if err != nil || len(users) != 2 {
		t.Errorf("users: %v %v", users, err)
	}
	channels, _, err := h.GetChannelsForTeamForUser(t.Context(), TeamID, "me", false, "")
	if err != nil || len(channels) != 2 || channels[0].Id != h.channel.Id && channels[1].Id != h.channel.Id || channels[0].Id != direct.Id && channels[1].Id != direct.Id {
		t.Errorf("channels: %v %v", channels, err)
	}
}

// TestChallenge opens sockets that say later whose they are, or never.
func TestChallenge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := house{Server: New()}.furnish("http://mattermost.fake")
		dialer := websocket.Dialer{NetDialContext: h.Serve(t)}
		open := func() *websocket.Conn {
			conn, _, err := dialer.DialContext(t.Context(), "ws://mattermost.fake"+model.APIURLSuffix+"/websocket", nil) //nolint:bodyclose // the socket has it
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		}
		say := func(conn *websocket.Conn, action, token string) {
			q := map[string]any{"seq": 1, "action": action, "data": map[string]any{"token": token}}
			if err := conn.WriteJSON(q); err != nil {
				t.Fatal(err)
			}
		}

		good := open()
		say(good, "ping", "")
		told(t, good, "not_authenticated")
		say(good, "authentication_challenge", "token")
		told(t, good, model.WebsocketEventHello)
		h.Type(h.alice.Id, h.channel.Id, "", "hello", 1)
		told(t, good, model.WebsocketEventPosted)

		bad := open()
		say(bad, "authentication_challenge", "other")
		if _, _, err := bad.ReadMessage(); err == nil {
			t.Error("a socket with a worthless token stands")
		}

		began := time.Now()
		if _, _, err := open().ReadMessage(); err == nil || time.Since(began) != authWithin {
			t.Errorf("a socket that says nothing ended after %s: %v", time.Since(began), err)
		}
	})
}
