package room

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/gridwarden/gridwarden/bot"
)

// A delivery that stays without acknowledgement is made again, at first soon
// and then less and less often.
const (
	redeliverAfter = 250 * time.Millisecond
	redeliverLast  = 8 * time.Second
)

// Options say how the room treats those who listen.
type Options struct {
	// Everyone delivers each event to everybody who listens; otherwise one gets it.
	Everyone bool
	// Lose, Repeat and Shuffle are the probabilities that a delivery is lost (it
	// comes again), is made twice, or overtakes others.
	Lose, Repeat, Shuffle float64
	Seed                  uint64
}

// Said is one message of the bot, as it stands now.
type Said struct {
	ID      string
	Thread  bot.Thread
	Key     string // "" when it was posted without one
	Message bot.Message
	Updates int
	At      time.Time // of the post, UTC
}

// Server is the room. It is an http.Handler for its Platform, and has methods
// for what people do. It is safe for concurrent use.
type Server struct {
	name string // of the platform
	o    Options

	mu         sync.Mutex
	dice       *rand.Rand
	nextID     int
	streams    []*stream
	open       map[string]*waiting   // not acknowledged by anybody
	typed      map[string]bot.Thread // by message
	said       map[string]*Said
	threads    map[string][]*Said
	forgotten  map[string]bool // threads that nobody may post in any more
	afterwards []Said          // that somebody posted there nevertheless
	changed    chan struct{}   // closed by the next change
	delivered  int
	goroutines map[int]int // of the processes that listen, by number
}

// New makes an empty room on a platform of that name.
func New(name string, o Options) *Server {
	return &Server{
		name: name, o: o, dice: rand.New(rand.NewPCG(o.Seed, 1)), //nolint:gosec // the same seed gives the same faults
		open: map[string]*waiting{}, typed: map[string]bot.Thread{}, said: map[string]*Said{},
		threads: map[string][]*Said{}, forgotten: map[string]bool{}, changed: make(chan struct{}), goroutines: map[int]int{},
	}
}

// Channel is the address of a channel.
func (s *Server) Channel(name string) bot.Thread { return bot.Thread{Platform: s.name, Channel: name} }

// Account is the account of a full member.
func (s *Server) Account(id string) bot.Account {
	return bot.Account{Platform: s.name, ID: id, Name: id, Standing: bot.Member}
}

// Type has somebody write a line in a channel or thread.
func (s *Server) Type(who bot.Account, t bot.Thread, text string) bot.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	ev := s.event(bot.Typed, who, t, text)
	ev.Message = s.id()
	s.typed[ev.Message] = t
	s.put(ev)
	return ev
}

// Click has somebody press a button below a message.
func (s *Server) Click(who bot.Account, t bot.Thread, message, value string) bot.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	ev := s.event(bot.Clicked, who, t, value)
	ev.Target = message
	s.put(ev)
	return ev
}

func (s *Server) event(kind bot.Kind, who bot.Account, t bot.Thread, value string) bot.Event {
	s.nextID++
	return bot.Event{ID: "e" + strconv.Itoa(s.nextID), Kind: kind, Account: who, Thread: t, Value: value, At: time.Now().UTC()}
}

func (s *Server) id() string {
	s.nextID++
	return "m" + strconv.Itoa(s.nextID)
}

// In gives what the bot said in a thread, in order.
func (s *Server) In(t bot.Thread) []Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Said
	for _, m := range s.threads[t.String()] {
		out = append(out, *m)
	}
	return out
}

// Said gives everything that the bot said and that was not forgotten.
func (s *Server) Said() []Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Said
	for _, m := range s.said {
		out = append(out, *m)
	}
	return out
}

// Forget drops what was said in a thread. What is posted there later is kept by
// Afterwards: nothing may be.
func (s *Server) Forget(t bot.Thread) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := t.String()
	for _, m := range s.threads[key] {
		delete(s.said, m.ID)
	}
	delete(s.threads, key)
	delete(s.typed, t.Root)
	s.forgotten[key] = true
}

// Afterwards gives what was posted in threads that were forgotten.
func (s *Server) Afterwards() []Said {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Said(nil), s.afterwards...)
}

// Changed is closed when something is said or acknowledged.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// Open counts the events that nobody has acknowledged.
func (s *Server) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// Delivered counts deliveries, Listeners those who listen now.
func (s *Server) Delivered() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.delivered
}

// Listeners counts those who listen now.
func (s *Server) Listeners() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.streams)
}

// Goroutines is how many the process with that number had at its latest
// acknowledgement.
func (s *Server) Goroutines(pid int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.goroutines[pid]
}

// change tells who waits. The caller holds mu.
func (s *Server) change() {
	close(s.changed)
	s.changed = make(chan struct{})
}
