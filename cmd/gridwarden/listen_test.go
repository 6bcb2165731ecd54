package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// calledRoom is a platform that is called.
type calledRoom struct{ *bottest.Memory }

func (calledRoom) Routes() map[string]http.Handler {
	return map[string]http.Handler{"POST /room/events": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "called at "+r.URL.Path)
	})}
}

func TestPlatformsAreCalledBelowThePublicAddress(t *testing.T) {
	platforms := []bot.Platform{bottest.NewMemory("quiet"), calledRoom{bottest.NewMemory("room")}}
	for _, c := range []struct {
		public, method, path string
		want                 int
	}{
		{"", "POST", "/room/events", http.StatusOK},
		{"https://bot.example.org", "POST", "/room/events", http.StatusOK},
		{"https://bot.example.org/", "POST", "/room/events", http.StatusOK},
		{"https://bot.example.org/chat/", "POST", "/chat/room/events", http.StatusOK},
		{"https://bot.example.org/chat", "POST", "/room/events", http.StatusOK}, // the proxy takes it off
		{"https://bot.example.org/chat", "GET", "/chat/room/events", http.StatusMethodNotAllowed},
		{"https://bot.example.org", "GET", "/room/events", http.StatusMethodNotAllowed},
		{"https://bot.example.org", "POST", "/chat/room/events", http.StatusNotFound},
		{"https://bot.example.org", "POST", "/room/other", http.StatusNotFound},
	} {
		mux := http.NewServeMux()
		mount(mux, platforms, c.public)
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(c.method, c.path, strings.NewReader("x")))
		if w.Code != c.want || w.Code == http.StatusOK && w.Body.String() != "called at /room/events" {
			t.Errorf("%s %s at %q: %d %s; want %d", c.method, c.path, c.public, w.Code, w.Body, c.want)
		}
	}
}
