package room

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridwarden/gridwarden/bot"
	"github.com/gridwarden/gridwarden/bot/bottest"
)

// rooms serves any number of rooms on one listener, which outlives them.
type rooms struct {
	mu   sync.Mutex
	by   map[string]*Server
	http *httptest.Server
}

func newRooms(t *testing.T) *rooms {
	r := &rooms{by: map[string]*Server{}}
	r.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		name, path, _ := strings.Cut(strings.TrimPrefix(q.URL.Path, "/"), "/")
		r.mu.Lock()
		s := r.by[name]
		r.mu.Unlock()
		q.URL.Path = "/" + path
		s.ServeHTTP(w, q)
	}))
	t.Cleanup(r.http.Close)
	return r
}

func (r *rooms) add(o Options) (*Server, *Platform) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := New("room", o)
	name := fmt.Sprint(len(r.by))
	r.by[name] = s
	return s, NewPlatform("room", r.http.URL+"/"+name)
}

func TestPlatformPasses(t *testing.T) {
	all := newRooms(t)
	bottest.PlatformContract(t, func(t *testing.T) bottest.Harness {
		s, p := all.add(Options{})
		t.Cleanup(p.client.CloseIdleConnections)
		return bottest.Harness{
			Platform: p, Channel: s.Channel("security"),
			Type: func(text string, times int) {
				until(t, s, "the listener", func() bool { return s.Listeners() == 1 })
				ev := s.Type(s.Account("alice"), s.Channel("security"), text)
				s.mu.Lock()
				defer s.mu.Unlock()
				for range times - 1 {
					s.put(ev)
				}
			},
		}
	})
}

// listener counts what it is given.
type listener struct {
	mu    sync.Mutex
	given map[string]int
}

func listen(t *testing.T, p *Platform, refuse int) *listener {
	l := &listener{given: map[string]int{}}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = p.Listen(ctx, func(_ context.Context, ev bot.Event) error {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.given[ev.ID]++; l.given[ev.ID] <= refuse {
				return errors.New("not now")
			}
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return l
}

// events counts those that were given, however often.
func (l *listener) events() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.given)
}

// until waits for something that the room's changes bring about.
func until(t *testing.T, s *Server, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-s.Changed():
		case <-time.After(10 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%s did not come", what)
		}
	}
}

func TestEveryoneGetsEveryEvent(t *testing.T) {
	all := newRooms(t)
	s, p := all.add(Options{Everyone: true})
	a, b := listen(t, p, 0), listen(t, NewPlatform("room", p.url), 0)
	until(t, s, "both", func() bool { return s.Listeners() == 2 })
	for range 50 {
		s.Type(s.Account("alice"), s.Channel("security"), "pending")
	}
	until(t, s, "every event to both", func() bool { return a.events() == 50 && b.events() == 50 })
}

// TestNothingIsLost has the room lose, repeat and mix deliveries, and the
// listener refuse each event once.
func TestNothingIsLost(t *testing.T) {
	all := newRooms(t)
	s, p := all.add(Options{Lose: 0.3, Repeat: 0.3, Shuffle: 0.5, Seed: 7})
	l := listen(t, p, 1)
	until(t, s, "the listener", func() bool { return s.Listeners() == 1 })
	for range 40 {
		s.Type(s.Account("alice"), s.Channel("security"), "pending")
	}
	until(t, s, "an acknowledgement of all", func() bool { return s.Open() == 0 })
	if l.events() != 40 || s.Delivered() < 80 {
		t.Errorf("%d of 40 events in %d deliveries", l.events(), s.Delivered())
	}
}

func TestARepeatedPostIsSeen(t *testing.T) {
	all := newRooms(t)
	s, p := all.add(Options{})
	ev := s.Type(s.Account("alice"), s.Channel("security"), "pending")
	thread := ev.Thread
	thread.Root = ev.Message
	for range 2 {
		if _, err := p.PostKeyed(t.Context(), thread, "reply/1", bot.Say("once")); err != nil {
			t.Fatal(err)
		}
	}
	if got := s.In(thread); len(got) != 2 || got[0].Key != got[1].Key {
		t.Errorf("%+v", got)
	}
	s.Forget(thread)
	if _, err := p.PostKeyed(t.Context(), thread, "reply/1", bot.Say("late")); err != nil {
		t.Fatal(err)
	}
	if got := s.Afterwards(); len(got) != 1 || len(s.Said()) != 0 {
		t.Errorf("%+v, %+v", got, s.Said())
	}
}
