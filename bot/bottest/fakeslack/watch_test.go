package fakeslack

import (
	"net/http"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/gridwarden/gridwarden/bot/bottest/fakeserver"
)

// TestAnyBot watches a workspace in which a bot says what ours never says.
func TestAnyBot(t *testing.T) {
	d := newDesk(t)
	var mu sync.Mutex
	var seen []fakeserver.Seen
	d.Watch(func(s fakeserver.Seen) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, s)
	})
	said := map[string]string{"channel": "C1", "text": "short", "blocks": `[
		{"type":"section","text":{"type":"mrkdwn","text":"Go *on*?"},"accessory":{"type":"button","text":{"type":"plain_text","text":"Yes"},"action_id":"yes","value":"v"}},
		{"type":"divider"}]`}
	if word, _, _ := d.call(t, "chat.postMessage", BotToken, said); word == "" {
		t.Error("a section was taken from a bot of ours")
	}
	d.AnyBot = true
	if word, _, _ := d.call(t, "chat.postMessage", BotToken, said); word != "" {
		t.Errorf("a section was refused: %s", word)
	}
	said["blocks"] = `[1`
	if word, _, _ := d.call(t, "chat.postMessage", BotToken, said); word != "invalid_blocks" {
		t.Errorf("what are no blocks: %q", word)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(seen) != 1 || seen[0].Text != "Go *on*?" || !reflect.DeepEqual(seen[0].Buttons, []fakeserver.Button{{Label: "Yes", ID: "yes", Value: "v"}}) {
		t.Errorf("seen: %+v", seen)
	}
}

// TestAnswerInASocket acknowledges slash commands with something to be shown.
func TestAnswerInASocket(t *testing.T) {
	d := newDesk(t)
	_, open, status := d.call(t, "apps.connections.open", AppToken, nil)
	if status != http.StatusOK {
		t.Fatal(status)
	}
	address, _ := open["url"].(string)
	conn, _, err := websocket.DefaultDialer.DialContext(t.Context(), address, nil) //nolint:bodyclose // the socket has it
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	for payload, want := range map[any]string{nil: "", "wait": "wait", struct{ Text string }{"wait a little"}: "wait a little"} {
		if !d.Until(10*time.Second, func() bool { return d.Sockets() == 1 }) {
			t.Fatal("there is no connection")
		}
		before := len(d.Messages("C1"))
		sent := d.Slash("U1", "C1", "/deploy", "")
		var e struct {
			ID   string `json:"envelope_id"`
			Type string
		}
		for e.Type != "slash_commands" {
			if err := conn.ReadJSON(&e); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.WriteJSON(map[string]any{"envelope_id": e.ID, "payload": payload}); err != nil {
			t.Fatal(err)
		}
		if !sent.Acknowledged(10 * time.Second) {
			t.Fatal("not acknowledged")
		}
		got := ""
		if after := d.Messages("C1"); len(after) > before {
			got = after[len(after)-1].Text
			if to := after[len(after)-1].To; to != "U1" {
				t.Errorf("%q was shown to %q", got, to)
			}
		}
		if got != want {
			t.Errorf("%v shows %q; want %q", payload, got, want)
		}
	}
}
