package room

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// stream is one connection on which somebody listens.
type stream struct {
	queue []bot.Event
	wake  chan struct{}
}

func (st *stream) nudge() {
	select {
	case st.wake <- struct{}{}:
	default:
	}
}

// waiting is an event that nobody has acknowledged.
type waiting struct {
	event bot.Event
	again time.Time // when it is delivered again
	after time.Duration
	lost  int // deliveries of it
}

// mostLost is how many deliveries of one event are lost: with more and more
// time between them, a run of bad luck would outlast who waits for the event.
const mostLost = 3

// put gives an event to those who listen. The caller holds mu.
func (s *Server) put(ev bot.Event) {
	w := &waiting{event: ev, again: time.Now().Add(redeliverAfter), after: redeliverAfter}
	s.open[ev.ID] = w
	streams := s.streams
	if !s.o.Everyone && len(streams) > 1 {
		streams = streams[s.dice.IntN(len(streams)):][:1]
	}
	for _, st := range streams {
		s.enqueue(st, w)
	}
}

// enqueue queues an event for one who listens, with the faults that were asked
// for. The caller holds mu.
func (s *Server) enqueue(st *stream, w *waiting) {
	times := 1
	switch {
	case w.lost < mostLost && s.dice.Float64() < s.o.Lose:
		times = 0
		w.lost++
	case s.dice.Float64() < s.o.Repeat:
		times = 2
	}
	for range times {
		st.queue = append(st.queue, w.event)
	}
	if n := len(st.queue); n > 1 && s.dice.Float64() < s.o.Shuffle {
		k := s.dice.IntN(n)
		st.queue[n-1], st.queue[k] = st.queue[k], st.queue[n-1]
	}
	st.nudge()
}

// listen streams events, one JSON object a line, until the listener goes away.
func (s *Server) listen(w http.ResponseWriter, r *http.Request) {
	st := &stream{wake: make(chan struct{}, 1)}
	s.mu.Lock()
	for _, w := range s.open {
		s.enqueue(st, w)
	}
	s.streams = append(s.streams, st)
	s.change()
	s.mu.Unlock()
	defer s.leave(st)

	again := time.NewTicker(redeliverAfter)
	defer again.Stop()
	out := http.NewResponseController(w)
	w.WriteHeader(http.StatusOK)
	for out.Flush() == nil {
		for _, ev := range s.take(st) {
			if err := json.NewEncoder(w).Encode(ev); err != nil {
				return
			}
		}
		if out.Flush() != nil {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-st.wake:
		case <-again.C:
			s.redeliver(st)
		}
	}
}

func (s *Server) take(st *stream) []bot.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	queue := st.queue
	st.queue = nil
	s.delivered += len(queue)
	return queue
}

// redeliver queues again what nobody has acknowledged for a while.
func (s *Server) redeliver(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for _, w := range s.open {
		if now.After(w.again) {
			w.after = min(2*w.after, redeliverLast)
			w.again = now.Add(w.after)
			s.enqueue(st, w)
		}
	}
}

func (s *Server) leave(st *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, other := range s.streams {
		if other == st {
			s.streams = append(s.streams[:i:i], s.streams[i+1:]...)
		}
	}
	s.change()
}
