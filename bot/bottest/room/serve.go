package room

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// call is what the Platform asks of the room.
type call struct {
	Thread     bot.Thread
	Key        string      `json:",omitempty"`
	ID         string      `json:",omitempty"` // of a message, or of an event to acknowledge
	Message    bot.Message `json:",omitzero"`
	Process    int         `json:",omitempty"`
	Goroutines int         `json:",omitempty"`
}

type answer struct {
	ID    string
	Found bool
	Face  string `json:",omitempty"` // of a message that was read
}

// maxCall bounds one call, in bytes.
const maxCall = 32 << 20

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/events" {
		s.listen(w, r)
		return
	}
	var c call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	do, known := map[string]func(call) (answer, error){
		"/ack": s.acknowledge, "/post": s.post, "/update": s.update, "/find": s.find, "/seed": s.seed, "/read": s.read,
	}[r.URL.Path]
	if !known {
		http.NotFound(w, r)
		return
	}
	s.mu.Lock()
	a, err := do(c)
	s.mu.Unlock()
	switch {
	case errors.Is(err, bot.ErrNotFound):
		http.Error(w, err.Error(), http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusBadRequest)
	default:
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(a); err != nil {
			return // who asked has gone away
		}
	}
}

func (s *Server) acknowledge(c call) (answer, error) {
	delete(s.open, c.ID)
	s.goroutines[c.Process] = c.Goroutines
	s.change()
	return answer{}, nil
}

var errNoPlace = errors.New("no such channel or thread here")

// post says a message; the same key again says it again.
func (s *Server) post(c call) (answer, error) {
	if c.Thread.Platform != s.name || c.Thread.Channel == "" {
		return answer{}, errNoPlace
	}
	said := &Said{ID: s.id(), Thread: c.Thread, Key: c.Key, Message: c.Message, At: time.Now().UTC()}
	key := c.Thread.String()
	if s.forgotten[key] {
		s.afterwards = append(s.afterwards, *said)
		return answer{ID: said.ID}, nil
	}
	_, typed := s.typed[c.Thread.Root]
	_, posted := s.said[c.Thread.Root]
	if c.Thread.Root != "" && !typed && !posted {
		return answer{}, errNoPlace
	}
	s.said[said.ID] = said
	s.threads[key] = append(s.threads[key], said)
	s.change()
	return answer{ID: said.ID}, nil
}

func (s *Server) update(c call) (answer, error) {
	said, ok := s.said[c.ID]
	if !ok || said.Thread != c.Thread {
		return answer{}, bot.ErrNotFound
	}
	said.Message = c.Message
	said.Updates++
	s.change()
	return answer{ID: c.ID}, nil
}

func (s *Server) find(c call) (answer, error) {
	for _, said := range s.threads[c.Thread.String()] {
		if said.Key == c.Key {
			return answer{ID: said.ID, Found: true}, nil
		}
	}
	return answer{}, nil
}

func (s *Server) seed(c call) (answer, error) {
	if _, ok := s.said[c.ID]; !ok {
		return answer{}, bot.ErrNotFound
	}
	return answer{ID: c.ID}, nil
}

func (s *Server) read(c call) (answer, error) {
	said, ok := s.said[c.ID]
	if !ok || said.Thread != c.Thread {
		return answer{}, bot.ErrNotFound
	}
	return answer{ID: c.ID, Face: said.Message.Plain()}, nil
}
